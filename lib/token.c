// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include <mptcplb/token.h>

#include <mptcplb/keyring.h>

#include "declassify.h"
#include "lanes.h"

int mptcplb_token_encode(const struct mptcplb_keyring *keyring, uint32_t *token,
			 const struct mptcplb_token_parts *parts)
{
	uint32_t width = MPTCPLB_TOKEN_BITS - keyring->epoch_bits;
	uint32_t nonce_bits = width - keyring->server_id_bits;
	uint64_t encoded;

	if (parts->epoch >= MPTCPLB_EPOCHS_MAX || !(keyring->present >> parts->epoch & 1))
		return MPTCPLB_ERR_EPOCH_UNKNOWN;
	if (parts->server_id >> keyring->server_id_bits)
		return MPTCPLB_ERR_SERVER_ID_RANGE;
	if (parts->nonce >= mptcplb_keyring_nonce_count(keyring))
		return MPTCPLB_ERR_NONCE_RANGE;

	encoded = (uint64_t)parts->epoch << width |
		  mptcplb_core_encrypt(&keyring->secrets[parts->epoch], width,
				       parts->server_id << nonce_bits | parts->nonce);
	declassify(&encoded, sizeof(encoded));
	if (encoded == 0)
		return MPTCPLB_ERR_TOKEN_ZERO;
	*token = (uint32_t)encoded;
	return MPTCPLB_OK;
}

int mptcplb_token_generate(const struct mptcplb_keyring *keyring, uint32_t *token,
			   uint32_t server_id, const struct mptcplb_random *random)
{
	struct mptcplb_token_parts parts = { .epoch = keyring->active, .server_id = server_id };
	int error;

	do {
		uint8_t bytes[4];

		error = mptcplb_random_bytes(random, bytes, sizeof(bytes));
		if (error)
			return error;
		parts.nonce = mptcplb_core_be32(bytes) & (mptcplb_keyring_nonce_count(keyring) - 1);
		error = mptcplb_token_encode(keyring, token, &parts);
	} while (error == MPTCPLB_ERR_TOKEN_ZERO);
	return error;
}

int mptcplb_token_decode(const struct mptcplb_keyring *keyring, struct mptcplb_token_parts *parts,
			 uint32_t token)
{
	return mptcplb_core_token_decode(keyring, parts, token);
}

size_t mptcplb_token_decode_batch(const struct mptcplb_keyring *keyring,
				  struct mptcplb_token_parts *parts, int *errors,
				  const uint32_t *tokens, size_t count)
{
	return lanes_best()->decode(keyring, parts, errors, tokens, count);
}
