/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/**
 * @file key.h
 * @brief MPTCP keys whose token is one of ours.
 * @defgroup key Keys
 *
 * An MPTCP endpoint sends a key in MP_CAPABLE and both ends derive a token from it. A mode says
 * how; docs/token-format.md has the reasons and the formats:
 *
 * - MPTCPLB_MODE_RFC8684: the token is the top 32 bits of SHA-256(key), as stock MPTCP has it.
 *   The server searches random keys until one has a token that it wants. Peers need no change.
 * - MPTCPLB_MODE_IMPLICIT: the key is Z (4 bytes) and K (4 bytes), and the token is Z encrypted
 *   under K. The server makes a key in one step. Both ends must know the mode.
 * - MPTCPLB_MODE_EXTENDED and MPTCPLB_MODE_COMPACT, the explicit modes: keys are random, and the
 *   token travels beside them in MP_CAPABLE. Both ends must know the mode. Extended keys are as
 *   long as stock ones; in compact the client's is 12 bytes and the server's 4.
 *
 * What each end does:
 *
 * | | server, for its own key | peer, with the key that it received |
 * |---|---|---|
 * | rfc8684 | mptcplb_key_search() | mptcplb_key_token(), mptcplb_key_idsn() |
 * | implicit | mptcplb_token_generate(), mptcplb_key_implicit() | the same two |
 * | explicit | mptcplb_token_generate(), mptcplb_key_random() | reads the token, mptcplb_key_idsn() |
 *
 * Both then use mptcplb_key_hmac_a() and mptcplb_key_hmac_b() to prove to each other, in a join,
 * that they know both keys, and mptcplb_key_hmac_add_addr() when one tells of another address.
 *
 * Contract
 * - Keys are byte strings in the order of the wire; tokens and IDSNs are integers in host order.
 * - Nothing is allocated, and nothing is locked (but see random.h for the first call).
 * - On error the outputs are untouched, unless a comment says otherwise.
 * @{
 */
#ifndef MPTCPLB_KEY_H
#define MPTCPLB_KEY_H

#include <stddef.h>
#include <stdint.h>

#include <mptcplb/attributes.h>
#include <mptcplb/core.h>
#include <mptcplb/error.h>
#include <mptcplb/option.h>
#include <mptcplb/random.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Length in bytes of a key in the modes rfc8684, implicit and extended. */
#define MPTCPLB_KEY_SIZE 8
/** Length in bytes of the client's key in the mode compact. */
#define MPTCPLB_KEY_SIZE_COMPACT_A 12
/** Length in bytes of the server's key in the mode compact. */
#define MPTCPLB_KEY_SIZE_COMPACT_B 4
/** Length in bytes of the longest key. */
#define MPTCPLB_KEY_SIZE_MAX MPTCPLB_KEY_SIZE_COMPACT_A
/** Length in bytes of the two keys of a connection together, in every mode. */
#define MPTCPLB_KEYS_SIZE 16

/** Length in bytes of the HMAC of a join, before it is cut. */
#define MPTCPLB_HMAC_SIZE 32
/** How many bytes of HMAC-B the SYN/ACK of a join carries, from the left. */
#define MPTCPLB_HMAC_SYNACK_SIZE 8
/** How many bytes of HMAC-A the third ACK of a join carries, from the left. */
#define MPTCPLB_HMAC_ACK_SIZE 20

/** How a key gives its token. */
enum mptcplb_mode {
	MPTCPLB_MODE_RFC8684 = 0, /**< stock MPTCP version 1 */
	MPTCPLB_MODE_IMPLICIT = 1, /**< a 32-bit cipher over the key's halves */
	MPTCPLB_MODE_EXTENDED = 2, /**< explicit: keys of 8 bytes, token beside them */
	MPTCPLB_MODE_COMPACT = 3, /**< explicit: keys of 12 and 4 bytes, token beside them */
};

/**
 * The name of a mode as the tools write it: "rfc8684", "implicit", "extended",
 * "compact".
 *
 * @return a constant string, or NULL when @p mode is no mode.
 */
MPTCPLB_API const char *mptcplb_mode_name(enum mptcplb_mode mode);

/**
 * The mode of a name.
 *
 * @param[out] mode  the mode.
 * @param name       as mptcplb_mode_name() gives it.
 * @retval MPTCPLB_OK
 * @retval MPTCPLB_ERR_ARGUMENT  there is no such mode.
 */
MPTCPLB_API int mptcplb_mode_from_name(enum mptcplb_mode *mode, const char *name)
	MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(1, 2);

/**
 * The token of a key: what the peer that received the key puts into its MP_JOIN.
 *
 * @param mode        how to derive it.
 * @param[out] token  host byte order. It is what the formula gives, which may be 0 or a token
 *                    that is not ours.
 * @param key         @p length bytes.
 * @param length      MPTCPLB_KEY_SIZE.
 * @retval MPTCPLB_OK
 * @retval MPTCPLB_ERR_ARGUMENT          no such mode.
 * @retval MPTCPLB_ERR_KEY_LENGTH        the mode has no keys of this length.
 * @retval MPTCPLB_ERR_KEY_HAS_NO_TOKEN  the mode is explicit: read the token from MP_CAPABLE.
 *
 * Source: RFC 8684 section 3.1 (token: most significant 32 bits of SHA-256 of the key);
 * docs/token-format.md, "Implicit keys".
 */
MPTCPLB_API int mptcplb_key_token(enum mptcplb_mode mode, uint32_t *token, const uint8_t *key,
				  size_t length) MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(2, 3);

/**
 * The initial data sequence number of a key: the low 64 bits of SHA-256 over the key as sent.
 *
 * @param mode       which keys are meant.
 * @param[out] idsn  host byte order.
 * @param key        @p length bytes.
 * @param length     MPTCPLB_KEY_SIZE; in compact MPTCPLB_KEY_SIZE_COMPACT_A or _B.
 * @retval MPTCPLB_OK
 * @retval MPTCPLB_ERR_ARGUMENT    no such mode.
 * @retval MPTCPLB_ERR_KEY_LENGTH  the mode has no keys of this length.
 *
 * Source: RFC 8684 section 3.1 (IDSN: least significant 64 bits of SHA-256 of the key).
 */
MPTCPLB_API int mptcplb_key_idsn(enum mptcplb_mode mode, uint64_t *idsn, const uint8_t *key,
				 size_t length) MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(2, 3);

/** What a search for a key of mode rfc8684 wants, and when it gives up. */
struct mptcplb_key_search {
	/** sizeof(struct mptcplb_key_search), so that the struct can grow. */
	size_t size;
	/** The ids that the server owns: any of them will do. One that is given twice counts once. */
	const uint32_t *server_ids;
	/** How many; at least 1. */
	size_t server_id_count;
	/**
	 * Give up after so many keys; 0 for 64 times 2^(server_id_bits + epoch_bits), with which less
	 * than one search in 10^27 fails when @c accept refuses nothing. That is 64 times the mean of
	 * a search for one id; for several the mean is less, divided by their number.
	 */
	uint64_t tries_max;
	/**
	 * Whether a token can be used now, or NULL for always: a server answers 0 when it has a live
	 * connection with this token.
	 */
	int (*accept)(void *context, uint32_t token, const struct mptcplb_token_parts *parts);
	/** Handed to @c accept. */
	void *context;
};

/** A key and what follows from it. */
struct mptcplb_key_found {
	uint8_t key[MPTCPLB_KEY_SIZE]; /**< as it goes into MP_CAPABLE */
	uint32_t token; /**< its token, host byte order; never 0 */
	struct mptcplb_token_parts parts; /**< what the token says */
	uint64_t tries; /**< how many keys were looked at, this one included */
};

/**
 * Search random keys of mode rfc8684 until one has a token in the active epoch with one of the
 * server's ids.
 *
 * Each try costs a SHA-256 and a decode; the number of tries is geometric with the mean given
 * at @ref mptcplb_key_search::tries_max, so this belongs into set-up or a thread that works ahead.
 *
 * @param keyring     whose active epoch has a secret.
 * @param[out] found  the key.
 * @param search      what is wanted.
 * @param random      the source of randomness, or NULL for libsodium's. It is asked for a seed of
 *                    32 bytes, from which all keys of this search are drawn.
 * @retval MPTCPLB_OK
 * @retval MPTCPLB_ERR_ARGUMENT         @p search or @p random is not valid.
 * @retval MPTCPLB_ERR_EPOCH_UNKNOWN    the active epoch has no secret.
 * @retval MPTCPLB_ERR_SERVER_ID_RANGE  an id does not fit into server_id_bits.
 * @retval MPTCPLB_ERR_TRIES_EXHAUSTED  no key was found within the limit.
 * @retval MPTCPLB_ERR_RANDOM           no randomness was to be had.
 *
 * Thread-safe: searches share nothing.
 */
MPTCPLB_API int
mptcplb_key_search(const struct mptcplb_keyring *keyring, struct mptcplb_key_found *found,
		   const struct mptcplb_key_search *search, const struct mptcplb_random *random)
	MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(1, 2, 3);

/**
 * Make an implicit key for a token: K is drawn at random and Z is the token decrypted under K.
 *
 * @param[out] key  MPTCPLB_KEY_SIZE bytes, Z then K; never all zero.
 * @param token     the token that the key is to have, e.g. from mptcplb_token_generate().
 * @param random    the source of randomness, or NULL for libsodium's.
 * @retval MPTCPLB_OK
 * @retval MPTCPLB_ERR_TOKEN_ZERO  the token is 0.
 * @retval MPTCPLB_ERR_ARGUMENT    @p random is not valid.
 * @retval MPTCPLB_ERR_RANDOM      no randomness was to be had.
 *
 * Source: docs/token-format.md, "Implicit keys".
 */
MPTCPLB_API int mptcplb_key_implicit(uint8_t key[MPTCPLB_KEY_SIZE], uint32_t token,
				     const struct mptcplb_random *random)
	MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(1);

/**
 * Make a random key for an explicit mode.
 *
 * @param mode      MPTCPLB_MODE_EXTENDED or MPTCPLB_MODE_COMPACT.
 * @param[out] key  @p length bytes; never all zero.
 * @param length    MPTCPLB_KEY_SIZE; in compact MPTCPLB_KEY_SIZE_COMPACT_A for the client's key
 *                  and MPTCPLB_KEY_SIZE_COMPACT_B for the server's.
 * @param random    the source of randomness, or NULL for libsodium's.
 * @retval MPTCPLB_OK
 * @retval MPTCPLB_ERR_ARGUMENT    the mode is not explicit, or @p random is not valid.
 * @retval MPTCPLB_ERR_KEY_LENGTH  the mode has no keys of this length.
 * @retval MPTCPLB_ERR_RANDOM      no randomness was to be had.
 *
 * Source: docs/token-format.md, "Explicit tokens".
 */
MPTCPLB_API int mptcplb_key_random(enum mptcplb_mode mode, uint8_t *key, size_t length,
				   const struct mptcplb_random *random)
	MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(2);

/**
 * The nonce that a server which answers with a SYN cookie gives to the token of an explicit key:
 * a keyed hash of the key. It keeps no state, and finds the token again when the third ACK echoes
 * the key. Two live connections may get the same nonce; the second then falls back to TCP.
 *
 * @param keyring      whose epoch_bits and server_id_bits say how large a nonce is.
 * @param[out] nonce   below mptcplb_keyring_nonce_count(). The token is that of
 *                     mptcplb_token_encode() with the epoch that was active when the SYN/ACK was
 *                     sent; if it gives MPTCPLB_ERR_TOKEN_ZERO, the connection is to be plain TCP.
 * @param hash_secret  MPTCPLB_SECRET_SIZE random bytes of this server alone; not a farm's secret.
 * @param key          the server's own key, @p length bytes.
 * @param length       MPTCPLB_KEY_SIZE or MPTCPLB_KEY_SIZE_COMPACT_B.
 * @retval MPTCPLB_OK
 * @retval MPTCPLB_ERR_KEY_LENGTH  no server has a key of this length.
 *
 * Source: docs/token-format.md, "Explicit tokens".
 */
MPTCPLB_API int mptcplb_key_cookie_nonce(const struct mptcplb_keyring *keyring, uint32_t *nonce,
					 const uint8_t hash_secret[MPTCPLB_SECRET_SIZE],
					 const uint8_t *key, size_t length)
	MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(1, 2, 3, 4);

/** What the HMACs of a join are made of. A is the host that sends the join's SYN, B the other. */
struct mptcplb_join {
	/** sizeof(struct mptcplb_join), so that the struct can grow. */
	size_t size;
	const uint8_t *key_a; /**< A's key, as it was in MP_CAPABLE */
	size_t key_a_size; /**< in bytes */
	const uint8_t *key_b; /**< B's key, as it was in MP_CAPABLE */
	size_t key_b_size; /**< in bytes; MPTCPLB_KEYS_SIZE together with A's */
	uint32_t random_a; /**< A's random number, from the SYN; host byte order */
	uint32_t random_b; /**< B's random number, from the SYN/ACK; host byte order */
};

/**
 * HMAC-A: what host A sends in the third ACK of a join, cut to MPTCPLB_HMAC_ACK_SIZE bytes. It is
 * HMAC-SHA256 keyed with Key_A and Key_B, over A's and B's random numbers.
 *
 * Compare HMACs in a time that does not depend on where they differ.
 *
 * @param[out] hmac  MPTCPLB_HMAC_SIZE bytes.
 * @param join       the keys and random numbers.
 * @retval MPTCPLB_OK
 * @retval MPTCPLB_ERR_ARGUMENT    @p join has a wrong size.
 * @retval MPTCPLB_ERR_KEY_LENGTH  no mode has two keys of these lengths.
 *
 * Source: RFC 8684 section 3.2.
 */
MPTCPLB_API int mptcplb_key_hmac_a(uint8_t hmac[MPTCPLB_HMAC_SIZE], const struct mptcplb_join *join)
	MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(1, 2);

/**
 * HMAC-B: what host B sends in the SYN/ACK of a join, cut to MPTCPLB_HMAC_SYNACK_SIZE bytes. It is
 * HMAC-SHA256 keyed with Key_B and Key_A, over B's and A's random numbers. Arguments and errors as
 * for mptcplb_key_hmac_a().
 */
MPTCPLB_API int mptcplb_key_hmac_b(uint8_t hmac[MPTCPLB_HMAC_SIZE], const struct mptcplb_join *join)
	MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(1, 2);

/**
 * The HMAC of an ADD_ADDR: the last bytes of HMAC-SHA256 keyed with the sender's and the receiver's
 * key, over address id, address and port, which is 0 when there is none.
 *
 * Compare HMACs in a time that does not depend on where they differ.
 *
 * @param[out] hmac          for @ref mptcplb_add_addr::hmac, or to compare with it.
 * @param add_addr           what is advertised; its hmac is not looked at.
 * @param sender_key         the key of the host that sends the option, as it was in MP_CAPABLE.
 * @param sender_key_size    in bytes.
 * @param receiver_key       the other host's key.
 * @param receiver_key_size  in bytes; MPTCPLB_KEYS_SIZE together with the sender's.
 * @retval MPTCPLB_OK
 * @retval MPTCPLB_ERR_ARGUMENT    @p add_addr is not of version 1, or its address has neither 4 nor
 *                                 16 bytes.
 * @retval MPTCPLB_ERR_KEY_LENGTH  no mode has two keys of these lengths.
 *
 * Source: RFC 8684 section 3.4.1.
 */
MPTCPLB_API int mptcplb_key_hmac_add_addr(uint8_t hmac[MPTCPLB_ADD_ADDR_HMAC_SIZE],
					  const struct mptcplb_add_addr *add_addr,
					  const uint8_t *sender_key, size_t sender_key_size,
					  const uint8_t *receiver_key, size_t receiver_key_size)
	MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(1, 2, 3, 5);

#ifdef __cplusplus
}
#endif

/** @} */
#endif
