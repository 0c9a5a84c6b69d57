/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The hot path of every variant of lanes.h. There is no second copy of the cipher for vectors: a
 * loop over lanes surrounds one step of the scalar code, and the compiler turns the loop into
 * vector instructions of whatever CPU the function is compiled for that this is inlined into.
 *
 * For that the trip counts are constants, and nothing branches on data. A loop of the cipher also
 * reads something that is 16 bits wide, the mask of a half: one vector of masks goes with several
 * vectors of SipHash states, whose instructions the compiler then interleaves. One alone would
 * wait for its own results.
 */
#ifndef MPTCPLB_LIB_LANES_INLINE_H
#define MPTCPLB_LIB_LANES_INLINE_H

#include <string.h>

#include <mptcplb/token.h>

#include "crypto.h"
#include "key_token.h"
#include "lanes.h"

#define LANES_INLINE static inline __attribute__((always_inline))

/* Keys that are hashed together. */
#define LANES_KEYS 32
/* Tokens that are decoded together. */
#define LANES_TOKENS 32
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

/* What is known of LANES_TOKENS tokens while they are decoded. */
struct lanes_tokens {
	/* the secret of each epoch, made ready once */
	struct mptcplb_core_sip epochs[MPTCPLB_EPOCHS_MAX];
	/* the secret of each token, as struct mptcplb_core_sip */
	uint64_t v0[LANES_TOKENS], v1[LANES_TOKENS], v2[LANES_TOKENS], v3[LANES_TOKENS];
	/* as struct mptcplb_core_halves */
	uint64_t a[LANES_TOKENS], b[LANES_TOKENS];
	/* what each says; of no meaning where there is an error */
	struct mptcplb_token_parts parts[LANES_TOKENS];
	int errors[LANES_TOKENS];
};

/* The one of four values that belongs to an epoch. */
LANES_INLINE uint64_t lanes_pick(uint32_t epoch, uint64_t of_0, uint64_t of_1, uint64_t of_2,
				 uint64_t of_3)
{
	uint64_t low = epoch & 1 ? of_1 : of_0;
	uint64_t high = epoch & 1 ? of_3 : of_2;

	return epoch & 2 ? high : low;
}

/* Give each token the secret of its epoch: they come in any order. */
LANES_INLINE void lanes_secrets(struct lanes_tokens *lanes, const struct mptcplb_keyring *keyring,
				const uint32_t *tokens)
{
	const struct mptcplb_core_sip s0 = lanes->epochs[0], s1 = lanes->epochs[1];
	const struct mptcplb_core_sip s2 = lanes->epochs[2], s3 = lanes->epochs[3];

	_Static_assert(MPTCPLB_EPOCHS_MAX == 4, "lanes_pick() knows four epochs");
	for (int i = 0; i < LANES_TOKENS; i++) {
		uint32_t epoch = mptcplb_core_token_epoch(keyring, tokens[i]);

		lanes->v0[i] = lanes_pick(epoch, s0.v0, s1.v0, s2.v0, s3.v0);
		lanes->v1[i] = lanes_pick(epoch, s0.v1, s1.v1, s2.v1, s3.v1);
		lanes->v2[i] = lanes_pick(epoch, s0.v2, s1.v2, s2.v2, s3.v2);
		lanes->v3[i] = lanes_pick(epoch, s0.v3, s1.v3, s2.v3, s3.v3);
	}
}

/*
 * The round function for one lane. The mask is doubled, not moved, to where a block has its half:
 * what is below is zero anyhow, and a compiler that sees a mask moved moves the masked hash
 * instead, which costs an instruction more.
 */
LANES_INLINE uint64_t lanes_feistel_f(const struct lanes_tokens *lanes, int i, uint64_t block,
				      uint64_t round, uint16_t mask)
{
	const struct mptcplb_core_sip sip = { lanes->v0[i], lanes->v1[i], lanes->v2[i],
					      lanes->v3[i] };

	return (mptcplb_core_sip_finish(&sip, block, round) << MPTCPLB_CORE_HALF_SHIFT) &
	       (uint64_t)mask * ((1U << MPTCPLB_CORE_HALF_SHIFT) + 1);
}

/* As mptcplb_core_decrypt(), of what each token encrypts. */
LANES_INLINE void lanes_decrypt(struct lanes_tokens *lanes, const struct mptcplb_keyring *keyring,
				const uint32_t *tokens)
{
	uint32_t width = MPTCPLB_TOKEN_BITS - keyring->epoch_bits;
	uint16_t mask_a[LANES_TOKENS], mask_b[LANES_TOKENS];

	for (int i = 0; i < LANES_TOKENS; i++) {
		const struct mptcplb_core_halves halves =
			mptcplb_core_split(width, mptcplb_core_token_rest(keyring, tokens[i]));

		lanes->a[i] = halves.a;
		lanes->b[i] = halves.b;
		mask_a[i] = (uint16_t)mptcplb_core_left_mask(width);
		mask_b[i] = (uint16_t)mptcplb_core_right_mask(width);
	}
	for (uint32_t round = MPTCPLB_CIPHER_ROUNDS; round > 0; round -= 2) {
		for (int i = 0; i < LANES_TOKENS; i++)
			lanes->b[i] ^= lanes_feistel_f(lanes, i, lanes->a[i], round - 1, mask_b[i]);
		for (int i = 0; i < LANES_TOKENS; i++)
			lanes->a[i] ^= lanes_feistel_f(lanes, i, lanes->b[i], round - 2, mask_a[i]);
	}
}

/* Decode LANES_TOKENS tokens. For vectors there may be no branch: all are decoded, right or not. */
LANES_INLINE void lanes_decode_group(struct lanes_tokens *lanes,
				     const struct mptcplb_keyring *keyring, const uint32_t *tokens)
{
	uint32_t width = MPTCPLB_TOKEN_BITS - keyring->epoch_bits;
	uint32_t nonce_bits = mptcplb_core_nonce_bits(keyring);

	lanes_secrets(lanes, keyring, tokens);
	lanes_decrypt(lanes, keyring, tokens);
	for (int i = 0; i < LANES_TOKENS; i++) {
		mptcplb_core_token_split(
			&lanes->parts[i], mptcplb_core_token_epoch(keyring, tokens[i]),
			mptcplb_core_join(width, lanes->a[i], lanes->b[i]), nonce_bits);
		lanes->errors[i] = mptcplb_core_token_check(keyring, tokens[i]);
	}
}

/* Hand over what the first @count tokens say. What an error is depends on no secret. */
LANES_INLINE size_t lanes_hand_over(const struct lanes_tokens *lanes,
				    struct mptcplb_token_parts *parts, int *errors, size_t count)
{
	size_t decoded = 0;

	for (size_t i = 0; i < count; i++)
		decoded += !lanes->errors[i];
	memcpy(errors, lanes->errors, count * sizeof(*errors));
	if (decoded == count) {
		memcpy(parts, lanes->parts, count * sizeof(*parts));
		return decoded;
	}
	for (size_t i = 0; i < count; i++)
		parts[i] = lanes->errors[i] ? parts[i] : lanes->parts[i];
	return decoded;
}

LANES_INLINE size_t lanes_decode(const struct mptcplb_keyring *keyring,
				 struct mptcplb_token_parts *parts, int *errors,
				 const uint32_t *tokens, size_t count)
{
	struct lanes_tokens lanes;
	size_t decoded = 0;
	size_t i;

	for (i = 0; i < MPTCPLB_EPOCHS_MAX; i++)
		lanes.epochs[i] = mptcplb_core_sip_start(&keyring->secrets[i]);
	for (i = 0; count - i >= LANES_TOKENS; i += LANES_TOKENS) {
		lanes_decode_group(&lanes, keyring, tokens + i);
		decoded += lanes_hand_over(&lanes, parts + i, errors + i, LANES_TOKENS);
	}
	if (count - i > LANES_FEW) {
		uint32_t last[LANES_TOKENS] = { 0 };

		memcpy(last, tokens + i, (count - i) * sizeof(*tokens));
		lanes_decode_group(&lanes, keyring, last);
		decoded += lanes_hand_over(&lanes, parts + i, errors + i, count - i);
		i = count;
	}
	for (; i < count; i++) {
		errors[i] = mptcplb_token_decode(keyring, &parts[i], tokens[i]);
		decoded += !errors[i];
	}
	crypto_wipe(&lanes, sizeof(lanes));
	return decoded;
}

#endif
