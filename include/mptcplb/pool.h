/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/**
 * @file pool.h
 * @brief Keys made ahead of need.
 * @defgroup pool Key pool
 *
 * A search for a key takes too long for the moment at which a SYN has to be answered. A pool holds
 * keys that were made before: threads of the caller fill it, from a thread made for that or from
 * an idle moment of an event loop, and the packet path takes from it. The library starts no thread.
 *
 * What a pool holds is up to the caller: items of one size, and a function that makes one.
 * mptcplb_pool_make_key() is that function for mode rfc8684. Items come out in the order in which
 * they were put in.
 *
 * Contract
 * - No item is handed out twice. (A process that forks uses its pools on one side only.)
 * - mptcplb_pool_take() is wait-free: two atomic additions (three when the pool is empty), an
 *   atomic exchange when the pool is low, and a copy and a wipe of one item, whatever other threads
 *   do.
 * - mptcplb_pool_fill() may run in several threads: they make items side by side, and put them in
 *   one after another under a spin lock that is held for one copy. Takers never wait for it.
 * - Memory is allocated by create and freed by destroy, nowhere else. An item is wiped from the
 *   pool when it is taken, and what is left is wiped by destroy.
 * - On error the outputs are untouched, unless a comment says otherwise.
 *
 * Items that stand for something, e.g. a nonce claimed from an allocator, are the caller's: before
 * mptcplb_pool_destroy() take them all and release what they stand for.
 *
 * To rotate secrets while the pool is in use:
 * 1. Give the fills a keyring in which the new epoch is active, by changing their struct
 *    mptcplb_pool_key_source between two fills. Where threads fill all the time, let the pool's
 *    @c make be a function that calls mptcplb_pool_make_key() under a lock, and change the source
 *    under that lock.
 * 2. From then on, and at the latest when the old epoch is retired, look at the epoch of each key
 *    that is taken; release what is of the old one and take again. Such keys come first, and soon
 *    none is left, but for one that each filling thread may have been about to put in.
 * @{
 */
#ifndef MPTCPLB_POOL_H
#define MPTCPLB_POOL_H

#include <stddef.h>
#include <stdint.h>

#include <mptcplb/attributes.h>
#include <mptcplb/core.h>
#include <mptcplb/error.h>
#include <mptcplb/key.h>
#include <mptcplb/random.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Keys made ahead of need. */
struct mptcplb_pool;

/** Largest size in bytes of an item. */
#define MPTCPLB_POOL_ITEM_SIZE_MAX 128
/** How many items a pool has room for at most. */
#define MPTCPLB_POOL_CAPACITY_MAX (1U << 24)

/** What a pool is to hold. */
struct mptcplb_pool_options {
	/** sizeof(struct mptcplb_pool_options), so that the struct can grow. */
	size_t size;
	/** Bytes of an item, 1 to MPTCPLB_POOL_ITEM_SIZE_MAX. */
	size_t item_size;
	/** Room for so many items, rounded up to a power of two; 1 to MPTCPLB_POOL_CAPACITY_MAX. */
	uint32_t capacity;
	/**
	 * Make one item.
	 *
	 * @param make_context  as given below.
	 * @param[out] item     @c item_size bytes, aligned for any type.
	 * @return MPTCPLB_OK, or a value of enum mptcplb_error when none could be made.
	 *
	 * Called by mptcplb_pool_fill() in its thread: as thread-safe as the fills are concurrent.
	 */
	int (*make)(void *make_context, void *item);
	/** Handed to @c make. */
	void *make_context;
	/** Tell when fewer items than this are left; 0 to never tell. At most @c capacity. */
	uint32_t watermark;
	/**
	 * Called by the first take that leaves fewer than @c watermark items or finds none, in its
	 * thread, and again by the first such take after each mptcplb_pool_fill() that ended: wake the
	 * thread that fills, by something that remembers, e.g. a semaphore. So a filler that waits
	 * for this and then fills never sleeps while takes find too little, also when a fill failed
	 * or was short. NULL exactly when @c watermark is 0.
	 */
	void (*low)(void *low_context);
	/** Handed to @c low. */
	void *low_context;
};

/**
 * Make an empty pool.
 *
 * @param[out] pool  for mptcplb_pool_destroy().
 * @param options    what it is to hold.
 * @retval MPTCPLB_OK
 * @retval MPTCPLB_ERR_ARGUMENT  @p options is not valid: a wrong size, a number out of range, no
 *                               function that makes items, a watermark without a function.
 * @retval MPTCPLB_ERR_MEMORY    out of memory.
 */
MPTCPLB_API int mptcplb_pool_create(struct mptcplb_pool **pool,
				    const struct mptcplb_pool_options *options)
	MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(1, 2);

/** Wipe and free a pool that no thread uses any more; NULL is allowed. */
MPTCPLB_API void mptcplb_pool_destroy(struct mptcplb_pool *pool);

/**
 * Make items and put them in, until the pool is full or the budget is spent.
 *
 * @param pool       where they go.
 * @param[out] made  how many were put in, also on error.
 * @param budget     at most so many: what the caller has time for.
 * @retval MPTCPLB_OK
 * @return an error of the function that makes items, which ends the fill; what was made before
 *         it is in the pool.
 *
 * Thread-safe when the function that makes items is.
 */
MPTCPLB_API int mptcplb_pool_fill(struct mptcplb_pool *pool, size_t *made, size_t budget)
	MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(1, 2);

/**
 * Take the oldest item.
 *
 * @param pool       whose item.
 * @param[out] item  @ref mptcplb_pool_options::item_size bytes.
 * @retval MPTCPLB_OK
 * @retval MPTCPLB_ERR_EXHAUSTED  the pool is empty, or other takers have just taken the last item.
 *
 * Thread-safe and wait-free.
 */
MPTCPLB_API int mptcplb_pool_take(struct mptcplb_pool *pool, void *item)
	MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(1, 2);

/** What a pool holds and what became of it. */
struct mptcplb_pool_counts {
	uint32_t capacity; /**< room for so many items */
	uint32_t available; /**< items that can be taken */
	size_t filled; /**< items put in since creation; wraps */
	size_t taken; /**< items taken since creation; wraps */
	size_t misses; /**< takes that found none; wraps */
};

/**
 * Count. While other threads use the pool the numbers are of slightly different moments.
 *
 * @param pool         whose numbers.
 * @param[out] counts  the numbers.
 *
 * Thread-safe.
 */
MPTCPLB_API void mptcplb_pool_counts(const struct mptcplb_pool *pool,
				     struct mptcplb_pool_counts *counts) MPTCPLB_NONNULL(1, 2);

/**
 * What mptcplb_pool_make_key() needs. Nothing is copied: change it and what it points to only while
 * no call of that function runs.
 */
struct mptcplb_pool_key_source {
	/** sizeof(struct mptcplb_pool_key_source), so that the struct can grow. */
	size_t size;
	/** Whose active epoch the keys are for. */
	const struct mptcplb_keyring *keyring;
	/** What is wanted; with mptcplb_allocator_accept() each key's token is live from here on. */
	const struct mptcplb_key_search *search;
	/** The source of randomness, or NULL for libsodium's. */
	const struct mptcplb_random *random;
};

/**
 * @ref mptcplb_pool_options::make for keys of mode rfc8684, found by mptcplb_key_search().
 *
 * @param source     a struct mptcplb_pool_key_source.
 * @param[out] item  a struct mptcplb_key_found.
 * @return as mptcplb_key_search().
 * @retval MPTCPLB_ERR_ARGUMENT  also when @p source has a wrong size.
 *
 * Thread-safe when the search's accept function and the source of randomness are.
 */
MPTCPLB_API int mptcplb_pool_make_key(void *source, void *item)
	MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(1, 2);

#ifdef __cplusplus
}
#endif

/** @} */
#endif
