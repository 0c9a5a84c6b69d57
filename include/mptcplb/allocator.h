/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/**
 * @file allocator.h
 * @brief No token twice among the live ones of a server.
 * @defgroup allocator Allocator
 *
 * A token is unique in the farm when its server uses each nonce of its ids once at a time. An
 * allocator keeps, for every nonce of the server's ids, whether it is free, live (a connection has
 * it) or in quarantine (its connection is gone, and a late join of that connection must not meet a
 * new one). A server that mints takes a token; one that searches keys claims what the search found;
 * both release it when the connection is gone.
 *
 * Contract
 * - Every function but create and destroy may run beside every other in any number of threads,
 *   without a lock (but see random.h for the first call): a thread that stops in the middle holds
 *   nobody up. One thread at a time calls mptcplb_allocator_tick().
 * - Memory is allocated by create and freed by destroy, nowhere else: 2 bits for each nonce, so
 *   2^(30 - epoch_bits - server_id_bits - worker_bits) bytes for each id: 2 MiB with epoch_bits 1,
 *   server_id_bits 8 and no workers.
 * - An allocator holds no secret. Its keyring is given to each call that needs one, so secrets can
 *   rotate while it is in use.
 * - The epoch does not matter: one nonce of an id is live in one epoch at most. So tokens are as
 *   unique as promised through any rotation, and old connections take up nonces of the new epoch.
 *   Nor do the functions that take parts look at their epoch.
 * - On error the outputs and the allocator are as they were.
 * - Running time depends on which nonces are in use, never on a secret.
 *
 * Not promised: anything across processes. Servers or workers that share an id split its nonces by
 * @ref mptcplb_allocator_options::worker_bits, each with an allocator of its own.
 * @{
 */
#ifndef MPTCPLB_ALLOCATOR_H
#define MPTCPLB_ALLOCATOR_H

#include <stddef.h>
#include <stdint.h>

#include <mptcplb/attributes.h>
#include <mptcplb/core.h>
#include <mptcplb/error.h>
#include <mptcplb/random.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Which nonces of a server's ids are in use. */
struct mptcplb_allocator;

/** How many nonces of an id a worker has at least, as a number of bits. */
#define MPTCPLB_ALLOCATOR_NONCE_BITS_MIN 4
/** How many nonces an allocator has at most, all ids together. */
#define MPTCPLB_ALLOCATOR_CAPACITY_MAX 0x80000000U

/** What an allocator is for. Only @c size and the ids have to be set. */
struct mptcplb_allocator_options {
	/** sizeof(struct mptcplb_allocator_options), so that the struct can grow. */
	size_t size;
	/** The ids that the server owns, each once, in any order; copied. */
	const uint32_t *server_ids;
	/** How many; at least 1. */
	size_t server_id_count;
	/**
	 * How many of a nonce's top bits name the worker, so that 2^worker_bits workers mint for the
	 * same ids without sharing anything; 0 for no workers. MPTCPLB_ALLOCATOR_NONCE_BITS_MIN bits
	 * of the nonce must be left.
	 */
	uint32_t worker_bits;
	/** Whose nonces these are: below 2^worker_bits. */
	uint32_t worker;
	/**
	 * Not 0: a released nonce stays unavailable until the second call of
	 * mptcplb_allocator_tick() after its release. 0: it is free at once.
	 */
	int quarantine;
	/** How many nonces in use, live and in quarantine, are worth a report; 0 for no report. */
	uint32_t watermark;
	/**
	 * The report: called by the take or claim that brings use up to @c watermark, in its thread,
	 * and again whenever use comes back up to it. A claim that another thread forestalls counts
	 * until it is refused. NULL exactly when @c watermark is 0.
	 */
	void (*watermark_reached)(void *context, uint32_t in_use, uint32_t capacity);
	/** Handed to @c watermark_reached. */
	void *context;
	/** The source of randomness, copied; NULL for libsodium's. */
	const struct mptcplb_random *random;
};

/**
 * Make an allocator with every nonce free.
 *
 * @param[out] allocator  for mptcplb_allocator_destroy().
 * @param keyring         only its epoch_bits and server_id_bits are used.
 * @param options         what it is for.
 * @retval MPTCPLB_OK
 * @retval MPTCPLB_ERR_ARGUMENT         @p options is not valid: a wrong size, no ids, an id twice,
 *                                      workers that do not fit, more nonces than
 *                                      MPTCPLB_ALLOCATOR_CAPACITY_MAX, a watermark above the
 *                                      capacity or without a function, a random source that is
 *                                      none.
 * @retval MPTCPLB_ERR_SERVER_ID_RANGE  an id does not fit into server_id_bits.
 * @retval MPTCPLB_ERR_MEMORY           out of memory.
 */
MPTCPLB_API int mptcplb_allocator_create(struct mptcplb_allocator **allocator,
					 const struct mptcplb_keyring *keyring,
					 const struct mptcplb_allocator_options *options)
	MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(1, 2, 3);

/** Free an allocator that no thread uses any more; NULL is allowed. */
MPTCPLB_API void mptcplb_allocator_destroy(struct mptcplb_allocator *allocator);

/**
 * Take a free nonce, drawn at random over all ids evenly, and make its token in the active epoch.
 *
 * While at most an eighth of the nonces are in use this looks at about one of them. The more are
 * in use, the farther it goes from the one drawn to the next free one: at worst once through the
 * allocator's memory. With the last nonce free of 2^23 that took 0.4 ms in the mean, and may take
 * twice as long (docs/performance.md). A watermark well below the capacity warns in time.
 *
 * The nonce that would make the token 0 in epoch 0 is never handed out in that epoch: a take that
 * meets it keeps it while it takes another one.
 *
 * @param allocator   where the nonce becomes live.
 * @param keyring     the farm's keyring as it is now.
 * @param[out] token  host byte order; never 0.
 * @param[out] parts  what the token says: keep it for mptcplb_allocator_release(), since the
 *                    token's epoch may be retired by then.
 * @retval MPTCPLB_OK
 * @retval MPTCPLB_ERR_ARGUMENT       @p keyring has other epoch_bits or server_id_bits than at
 *                                    creation.
 * @retval MPTCPLB_ERR_EPOCH_UNKNOWN  the active epoch has no secret.
 * @retval MPTCPLB_ERR_EXHAUSTED      every nonce is live or in quarantine, or was when another
 *                                    thread lost the race for one: two claims of one free nonce
 *                                    count as two until one of them is refused.
 * @retval MPTCPLB_ERR_RANDOM         no randomness was to be had.
 *
 * Thread-safe when the source of randomness is.
 */
MPTCPLB_API int mptcplb_allocator_take(struct mptcplb_allocator *allocator,
				       const struct mptcplb_keyring *keyring, uint32_t *token,
				       struct mptcplb_token_parts *parts)
	MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(1, 2, 3, 4);

/**
 * Make a given nonce live: of a token that a key search found, or that a connection has which was
 * there before the allocator.
 *
 * @param allocator  where the nonce becomes live.
 * @param parts      what the token says, from mptcplb_token_decode().
 * @retval MPTCPLB_OK
 * @retval MPTCPLB_ERR_NOT_OWNED  it is another server's or another worker's.
 * @retval MPTCPLB_ERR_IN_USE     it is live or in quarantine.
 * @retval MPTCPLB_ERR_EXHAUSTED  it is free, but other threads are about to use up all nonces.
 *
 * Thread-safe.
 */
MPTCPLB_API int mptcplb_allocator_claim(struct mptcplb_allocator *allocator,
					const struct mptcplb_token_parts *parts)
	MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(1, 2);

/**
 * mptcplb_allocator_claim() in the form of @ref mptcplb_key_search::accept, with the allocator as
 * its context: the key that the search returns has a live token, to be released when the key is
 * thrown away or its connection is gone.
 *
 * @param allocator  a struct mptcplb_allocator.
 * @param token      not used.
 * @param parts      what the token says.
 * @return 1 when the token is claimed, 0 when it cannot be used.
 *
 * Thread-safe.
 */
MPTCPLB_API int mptcplb_allocator_accept(void *allocator, uint32_t token,
					 const struct mptcplb_token_parts *parts)
	MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(1, 3);

/**
 * Give a live nonce back: into quarantine, or free at once when quarantine is off.
 *
 * @param allocator  where it is live.
 * @param parts      as mptcplb_allocator_take() or the key search gave them.
 * @retval MPTCPLB_OK
 * @retval MPTCPLB_ERR_NOT_OWNED  it is another server's or another worker's.
 * @retval MPTCPLB_ERR_NOT_LIVE   it is not live, e.g. released already.
 *
 * Thread-safe: of several releases of one nonce exactly one succeeds.
 */
MPTCPLB_API int mptcplb_allocator_release(struct mptcplb_allocator *allocator,
					  const struct mptcplb_token_parts *parts)
	MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(1, 2);

/**
 * Whether a nonce is live. Which connection has it, and in which epoch, is for the caller's own
 * table of tokens to say.
 *
 * @param allocator  whose nonce it is.
 * @param parts      what a token says.
 * @return 1 when it is live; 0 when it is not, or is another server's or another worker's.
 *
 * Thread-safe.
 */
MPTCPLB_API int mptcplb_allocator_is_live(const struct mptcplb_allocator *allocator,
					  const struct mptcplb_token_parts *parts)
	MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(1, 2);

/**
 * End a period of quarantine: free what was released before the last tick. With a tick every P
 * seconds a released nonce is unavailable for P to 2 P seconds; P should be longer than a join can
 * be late, which is a minute or two.
 *
 * @param allocator  whose quarantine it is.
 *
 * Called by one thread at a time. Walks over the allocator's memory once when anything is in
 * quarantine.
 */
MPTCPLB_API void mptcplb_allocator_tick(struct mptcplb_allocator *allocator) MPTCPLB_NONNULL(1);

/** What an allocator holds. */
struct mptcplb_allocator_counts {
	uint32_t capacity; /**< nonces in all: 2^(nonce bits - worker_bits) for each id */
	uint32_t live; /**< taken or claimed, and not released */
	uint32_t quarantined; /**< released, and not free yet */
	size_t exhausted; /**< takes and claims that gave MPTCPLB_ERR_EXHAUSTED; wraps */
	size_t refused; /**< claims that gave MPTCPLB_ERR_IN_USE; wraps */
};

/**
 * Count. While other threads change the allocator the numbers are of slightly different moments.
 *
 * @param allocator    whose numbers.
 * @param[out] counts  the numbers.
 *
 * Thread-safe.
 */
MPTCPLB_API void mptcplb_allocator_counts(const struct mptcplb_allocator *allocator,
					  struct mptcplb_allocator_counts *counts)
	MPTCPLB_NONNULL(1, 2);

#ifdef __cplusplus
}
#endif

/** @} */
#endif
