// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include <mptcplb/token.h>

#include "lanes.h"

/* Tokens that are sorted by epoch together. */
#define BATCH_CHUNK 1024

/* What is decoded together. */
struct batch {
	struct mptcplb_token_parts *parts;
	int *errors;
	const uint32_t *tokens;
	size_t count; /* BATCH_CHUNK at most */
};

/* Decode the tokens of one epoch, which has a secret. Returns how many there are. */
static size_t decode_epoch(const struct mptcplb_keyring *keyring, const struct batch *batch,
			   uint32_t epoch)
{
	uint32_t x[BATCH_CHUNK];
	uint16_t index[BATCH_CHUNK];
	uint32_t nonce_bits = mptcplb_core_nonce_bits(keyring);
	size_t n = 0;

	/* without a branch, since epochs come in any order */
	for (size_t i = 0; i < batch->count; i++) {
		uint32_t token = batch->tokens[i];

		index[n] = (uint16_t)i;
		x[n] = mptcplb_core_token_rest(keyring, token);
		n += (token != 0) & (mptcplb_core_token_epoch(keyring, token) == epoch);
	}
	lanes_best()->decrypt(&keyring->secrets[epoch], MPTCPLB_TOKEN_BITS - keyring->epoch_bits, x,
			      n);
	for (size_t i = 0; i < n; i++) {
		mptcplb_core_token_split(&batch->parts[index[i]], epoch, x[i], nonce_bits);
		batch->errors[index[i]] = MPTCPLB_OK;
	}
	return n;
}

size_t mptcplb_token_decode_batch(const struct mptcplb_keyring *keyring,
				  struct mptcplb_token_parts *parts, int *errors,
				  const uint32_t *tokens, size_t count)
{
	size_t decoded = 0;

	for (size_t i = 0; i < count; i++)
		errors[i] = tokens[i] ? MPTCPLB_ERR_EPOCH_UNKNOWN : MPTCPLB_ERR_TOKEN_ZERO;
	for (size_t start = 0; start < count; start += BATCH_CHUNK) {
		size_t rest = count - start;
		const struct batch batch = {
			.parts = parts + start,
			.errors = errors + start,
			.tokens = tokens + start,
			.count = rest < BATCH_CHUNK ? rest : BATCH_CHUNK,
		};

		for (uint32_t epoch = 0; epoch < MPTCPLB_EPOCHS_MAX; epoch++) {
			if (keyring->present >> epoch & 1)
				decoded += decode_epoch(keyring, &batch, epoch);
		}
	}
	return decoded;
}
