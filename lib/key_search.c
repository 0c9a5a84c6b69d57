// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include <mptcplb/key.h>

#include <string.h>

#include "crypto.h"

/* Candidate keys drawn from the seed at a time. */
#define SEARCH_BATCH 64
/* Limit of tries, in multiples of the mean, when the caller names none. */
#define SEARCH_MEANS 64

static int check_search(const struct mptcplb_keyring *keyring,
			const struct mptcplb_key_search *search)
{
	if (search->size != sizeof(*search) || !search->server_ids || !search->server_id_count)
		return MPTCPLB_ERR_ARGUMENT;
	if (!(keyring->present >> keyring->active & 1))
		return MPTCPLB_ERR_EPOCH_UNKNOWN;
	for (size_t i = 0; i < search->server_id_count; i++) {
		if (search->server_ids[i] >> keyring->server_id_bits)
			return MPTCPLB_ERR_SERVER_ID_RANGE;
	}
	return MPTCPLB_OK;
}

static uint64_t search_limit(const struct mptcplb_keyring *keyring,
			     const struct mptcplb_key_search *search)
{
	uint64_t space = (uint64_t)1 << (keyring->server_id_bits + keyring->epoch_bits);
	uint64_t mean = space / search->server_id_count;

	if (search->tries_max)
		return search->tries_max;
	return SEARCH_MEANS * (mean ? mean : 1);
}

/* Whether a key's token is one that the search wants; if so, @found says what it is. */
static int key_fits(const struct mptcplb_keyring *keyring, struct mptcplb_key_found *found,
		    const struct mptcplb_key_search *search, const uint8_t key[MPTCPLB_KEY_SIZE])
{
	struct mptcplb_token_parts parts;
	uint8_t digest[CRYPTO_SHA256_SIZE];
	uint32_t token;
	size_t i;

	crypto_sha256(digest, key, MPTCPLB_KEY_SIZE);
	token = mptcplb_core_be32(digest);
	if (mptcplb_core_token_decode(keyring, &parts, token) || parts.epoch != keyring->active)
		return 0;
	for (i = 0; i < search->server_id_count; i++) {
		if (search->server_ids[i] == parts.server_id)
			break;
	}
	if (i == search->server_id_count ||
	    (search->accept && !search->accept(search->context, token, &parts)))
		return 0;
	memcpy(found->key, key, MPTCPLB_KEY_SIZE);
	found->token = token;
	found->parts = parts;
	return 1;
}

int mptcplb_key_search(const struct mptcplb_keyring *keyring, struct mptcplb_key_found *found,
		       const struct mptcplb_key_search *search, const struct mptcplb_random *random)
{
	static const uint8_t zero[MPTCPLB_KEY_SIZE];
	uint8_t seed[CRYPTO_SEED_SIZE];
	uint8_t keys[SEARCH_BATCH][MPTCPLB_KEY_SIZE];
	uint64_t limit;
	int error = check_search(keyring, search);

	if (error)
		return error;
	error = mptcplb_random_bytes(random, seed, sizeof(seed));
	if (error)
		return error;

	limit = search_limit(keyring, search);
	error = MPTCPLB_ERR_TRIES_EXHAUSTED;
	for (uint64_t tries = 0; tries < limit; tries++) {
		const uint8_t *key = keys[tries % SEARCH_BATCH];

		if (tries % SEARCH_BATCH == 0)
			crypto_expand(keys[0], sizeof(keys), seed, tries / SEARCH_BATCH);
		if (memcmp(key, zero, sizeof(zero)) != 0 && key_fits(keyring, found, search, key)) {
			found->tries = tries + 1;
			error = MPTCPLB_OK;
			break;
		}
	}
	crypto_wipe(seed, sizeof(seed));
	crypto_wipe(keys, sizeof(keys));
	return error;
}
