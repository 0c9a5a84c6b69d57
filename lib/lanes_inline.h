/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The hot path of every variant of lanes.h. There is no second copy of the cipher for vectors: a
 * loop over lanes surrounds one step of the scalar code, and the compiler turns the loop into
 * vector instructions of whatever CPU the function is compiled for that this is inlined into.
 *
 * For that the trip counts are constants, nothing branches on data, and the halves of a token are
 * 16 bits wide, so that one vector of halves is several vectors of SipHash states, whose
 * instructions the compiler then interleaves: one alone would wait for its own results.
 */
#ifndef MPTCPLB_LIB_LANES_INLINE_H
#define MPTCPLB_LIB_LANES_INLINE_H

#include <string.h>

#include "crypto.h"
#include "key_token.h"
#include "lanes.h"

#define LANES_INLINE static inline __attribute__((always_inline))

/* Keys that are hashed together. */
#define LANES_KEYS 32
/* Tokens that are decrypted together: many, or some when no more are left. */
#define LANES_MANY 64
#define LANES_SOME 32
/* So few are faster one by one. */
#define LANES_FEW 8

/* LANES_KEYS keys; @words is room to work in. */
LANES_INLINE void lanes_hash(uint32_t *tokens, const uint8_t (*keys)[MPTCPLB_KEY_SIZE],
			     uint32_t words[2][LANES_KEYS])
{
	uint32_t hashed[LANES_KEYS];

	for (int i = 0; i < LANES_KEYS; i++) {
		words[0][i] = mptcplb_core_be32(keys[i]);
		words[1][i] = mptcplb_core_be32(keys[i] + 4);
	}
	for (int i = 0; i < LANES_KEYS; i++)
		hashed[i] = key_token(words[0][i], words[1][i]);
	memcpy(tokens, hashed, sizeof(hashed));
}

LANES_INLINE void lanes_key_tokens(uint32_t *tokens, const uint8_t (*keys)[MPTCPLB_KEY_SIZE],
				   size_t count)
{
	uint8_t last_keys[LANES_KEYS][MPTCPLB_KEY_SIZE] = { 0 };
	uint32_t last_tokens[LANES_KEYS];
	uint32_t words[2][LANES_KEYS];
	size_t i;

	for (i = 0; count - i >= LANES_KEYS; i += LANES_KEYS)
		lanes_hash(tokens + i, keys + i, words);
	if (i < count) {
		memcpy(last_keys, keys + i, (count - i) * sizeof(*keys));
		lanes_hash(last_tokens, last_keys, words);
		memcpy(tokens + i, last_tokens, (count - i) * sizeof(*tokens));
		crypto_wipe(last_keys, sizeof(last_keys));
	}
	crypto_wipe(words, sizeof(words));
}

/* mptcplb_core_decrypt() of @lanes integers, LANES_MANY at most. */
LANES_INLINE void lanes_decrypt_group(const struct mptcplb_core_secret *secret, uint32_t width,
				      uint32_t *x, int lanes)
{
	const struct mptcplb_core_secret y = *secret;
	uint32_t u = width / 2;
	uint32_t v = width - u;
	uint16_t a[LANES_MANY];
	uint16_t b[LANES_MANY];

	for (int i = 0; i < lanes; i++) {
		a[i] = (uint16_t)(x[i] >> v);
		b[i] = (uint16_t)(x[i] & ((1U << v) - 1));
	}
	for (uint32_t round = MPTCPLB_CIPHER_ROUNDS; round > 0; round -= 2) {
		for (int i = 0; i < lanes; i++)
			b[i] ^= (uint16_t)mptcplb_core_feistel_f(&y, round - 1, width, a[i], v);
		for (int i = 0; i < lanes; i++)
			a[i] ^= (uint16_t)mptcplb_core_feistel_f(&y, round - 2, width, b[i], u);
	}
	for (int i = 0; i < lanes; i++)
		x[i] = (uint32_t)a[i] << v | b[i];
}

LANES_INLINE void lanes_decrypt(const struct mptcplb_core_secret *secret, uint32_t width,
				uint32_t *x, size_t count)
{
	uint32_t group[LANES_MANY] = { 0 };

	while (count > LANES_FEW) {
		size_t n = count < LANES_MANY ? count : LANES_MANY;

		memcpy(group, x, n * sizeof(*x));
		if (n > LANES_SOME)
			lanes_decrypt_group(secret, width, group, LANES_MANY);
		else
			lanes_decrypt_group(secret, width, group, LANES_SOME);
		memcpy(x, group, n * sizeof(*x));
		x += n;
		count -= n;
	}
	for (size_t i = 0; i < count; i++)
		x[i] = mptcplb_core_decrypt(secret, width, x[i]);
}

#endif
