/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/**
 * @file token.h
 * @brief Tokens that name their server.
 * @defgroup token Tokens
 *
 * A token is 32 bits: the epoch in its top bits, and below them the encryption of an integer X
 * whose top bits are the server's id. Whoever has the farm's keyring can tell the server of a
 * token; to everybody else tokens look random. Specified in docs/token-format.md.
 *
 * Contract
 * - Tokens are integers in host byte order; on the wire they are big-endian.
 * - Nothing is allocated, and nothing is locked (but see random.h for the first call). The keyring
 *   is only read, so any number of threads may use one.
 * - On error the outputs are untouched.
 * - Running time does not depend on secrets.
 *
 * Not promised: that a token which decodes to a server was ever made by that server. A decoded
 * server id is a routing hint.
 * @{
 */
#ifndef MPTCPLB_TOKEN_H
#define MPTCPLB_TOKEN_H

#include <stddef.h>

#include <mptcplb/attributes.h>
#include <mptcplb/core.h>
#include <mptcplb/error.h>
#include <mptcplb/random.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Make the token of an epoch, a server id and a nonce: the inverse of mptcplb_token_decode().
 *
 * @param keyring     with a secret for the epoch.
 * @param[out] token  never 0.
 * @param parts       epoch, server id and nonce.
 * @retval MPTCPLB_OK
 * @retval MPTCPLB_ERR_EPOCH_UNKNOWN    the epoch has no secret.
 * @retval MPTCPLB_ERR_SERVER_ID_RANGE  the server id does not fit into server_id_bits.
 * @retval MPTCPLB_ERR_NONCE_RANGE      the nonce is not below mptcplb_keyring_nonce_count().
 * @retval MPTCPLB_ERR_TOKEN_ZERO       this one combination of epoch 0 encrypts to 0, which is
 *                                      not a token: take another nonce.
 */
MPTCPLB_API int mptcplb_token_encode(const struct mptcplb_keyring *keyring, uint32_t *token,
				     const struct mptcplb_token_parts *parts)
	MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(1, 2, 3);

/**
 * Make a token for a server, in the active epoch, with a random nonce.
 *
 * Two calls may give the same token, with a chance of 1 in mptcplb_keyring_nonce_count(): a
 * server that needs tokens unique among its live connections checks for that, or takes its
 * nonces from an allocator.
 *
 * @param keyring     whose active epoch has a secret.
 * @param[out] token  never 0.
 * @param server_id   below 2^server_id_bits.
 * @param random      the source of randomness, or NULL for libsodium's.
 * @retval MPTCPLB_OK
 * @retval MPTCPLB_ERR_EPOCH_UNKNOWN    the active epoch has no secret.
 * @retval MPTCPLB_ERR_SERVER_ID_RANGE  the server id does not fit into server_id_bits.
 * @retval MPTCPLB_ERR_ARGUMENT         @p random is not valid.
 * @retval MPTCPLB_ERR_RANDOM           no randomness was to be had.
 */
MPTCPLB_API int mptcplb_token_generate(const struct mptcplb_keyring *keyring, uint32_t *token,
				       uint32_t server_id, const struct mptcplb_random *random)
	MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(1, 2);

/**
 * Tell what a token says. Packet paths that cannot call a library use
 * mptcplb_core_token_decode(), which is the same function inline.
 *
 * @param keyring     the farm's keyring.
 * @param[out] parts  epoch, server id and nonce.
 * @param token       as it came in an MP_JOIN, in host byte order.
 * @retval MPTCPLB_OK
 * @retval MPTCPLB_ERR_TOKEN_ZERO     the token is 0.
 * @retval MPTCPLB_ERR_EPOCH_UNKNOWN  the token's epoch has no secret.
 */
MPTCPLB_API int mptcplb_token_decode(const struct mptcplb_keyring *keyring,
				     struct mptcplb_token_parts *parts, uint32_t token)
	MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(1, 2);

/**
 * Decode many tokens at once: the same as mptcplb_token_decode() for each, several times as fast
 * where the CPU has vectors. From about ten tokens it pays, from about sixty it pays fully.
 *
 * The three arrays and the keyring must not overlap.
 *
 * @param keyring      the farm's keyring.
 * @param[out] parts   @p count of them: parts[i] is what tokens[i] says, untouched when errors[i]
 *                     is not MPTCPLB_OK.
 * @param[out] errors  @p count of them: what mptcplb_token_decode() would return for tokens[i].
 * @param tokens       @p count of them, of any epochs, in any order, in host byte order.
 * @param count        0 or more.
 * @return how many were decoded, which is how many of @p errors are MPTCPLB_OK.
 */
MPTCPLB_API size_t mptcplb_token_decode_batch(const struct mptcplb_keyring *keyring,
					      struct mptcplb_token_parts *parts, int *errors,
					      const uint32_t *tokens, size_t count)
	MPTCPLB_NONNULL(1, 2, 3, 4);

#ifdef __cplusplus
}
#endif

/** @} */
#endif
