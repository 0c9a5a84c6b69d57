// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include <mptcplb/key.h>

#include <string.h>

#include <mptcplb/token.h>

#include "crypto.h"
#include "declassify.h"
#include "lanes.h"

/* Keys drawn from the seed at a time. */
#define SEARCH_BATCH 128
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

/* The keys that are looked at together. */
struct search_batch {
	uint8_t keys[SEARCH_BATCH][MPTCPLB_KEY_SIZE];
	uint32_t tokens[SEARCH_BATCH]; /* of the keys */
	/* Of these keys the tokens are of the active epoch; the arrays below are in step with it. */
	uint8_t candidates[SEARCH_BATCH];
	uint32_t candidate_tokens[SEARCH_BATCH];
	struct mptcplb_token_parts parts[SEARCH_BATCH];
	int errors[SEARCH_BATCH]; /* none, with such tokens */
	uint32_t fits[SEARCH_BATCH]; /* whether the server id is wanted */
};

/* Note the candidates among the first keys. A token's epoch is public, so it may be acted on. */
static size_t find_candidates(const struct mptcplb_keyring *keyring, struct search_batch *batch,
			      size_t count)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		uint32_t token = batch->tokens[i];
		uint64_t key;

		memcpy(&key, batch->keys[i], sizeof(key));
		batch->candidates[n] = (uint8_t)i;
		batch->candidate_tokens[n] = token;
		n += (mptcplb_core_token_epoch(keyring, token) == keyring->active) & (token != 0) &
		     (key != 0);
	}
	return n;
}

/* Decode the candidates and compare all of them with all ids, whatever is found on the way. */
static void find_fits(const struct mptcplb_keyring *keyring, struct search_batch *batch,
		      const struct mptcplb_key_search *search, size_t count)
{
	mptcplb_token_decode_batch(keyring, batch->parts, batch->errors, batch->candidate_tokens,
				   count);
	memset(batch->fits, 0, sizeof(batch->fits));
	for (size_t i = 0; i < search->server_id_count; i++) {
		uint32_t server_id = search->server_ids[i];

		for (size_t j = 0; j < count; j++)
			batch->fits[j] |= batch->parts[j].server_id == server_id;
	}
	declassify(batch->fits, sizeof(batch->fits));
}

/* The first key among the first @count that the search wants, or @count when there is none. */
static size_t search_batch(const struct mptcplb_keyring *keyring, struct mptcplb_key_found *found,
			   const struct mptcplb_key_search *search, struct search_batch *batch,
			   size_t count)
{
	size_t n;

	lanes_best()->key_tokens(batch->tokens, (const uint8_t(*)[MPTCPLB_KEY_SIZE])batch->keys,
				 count);
	n = find_candidates(keyring, batch, count);
	find_fits(keyring, batch, search, n);
	for (size_t i = 0; i < n; i++) {
		size_t key = batch->candidates[i];
		uint32_t token = batch->tokens[key];

		if (!batch->fits[i])
			continue;
		if (search->accept && !search->accept(search->context, token, &batch->parts[i]))
			continue;
		memcpy(found->key, batch->keys[key], MPTCPLB_KEY_SIZE);
		found->token = token;
		found->parts = batch->parts[i];
		return key;
	}
	return count;
}

int mptcplb_key_search(const struct mptcplb_keyring *keyring, struct mptcplb_key_found *found,
		       const struct mptcplb_key_search *search, const struct mptcplb_random *random)
{
	uint8_t seed[CRYPTO_SEED_SIZE];
	struct search_batch batch = { 0 };
	uint64_t limit;
	int error = check_search(keyring, search);

	if (error)
		return error;
	error = mptcplb_random_bytes(random, seed, sizeof(seed));
	if (error)
		return error;
	/* with a source of the caller's nobody has made libsodium choose its fast code yet */
	if (crypto_start() < 0)
		return MPTCPLB_ERR_RANDOM;

	limit = search_limit(keyring, search);
	error = MPTCPLB_ERR_TRIES_EXHAUSTED;
	for (uint64_t tries = 0; error && tries < limit; tries += SEARCH_BATCH) {
		size_t count =
			limit - tries < SEARCH_BATCH ? (size_t)(limit - tries) : SEARCH_BATCH;
		size_t key;

		crypto_expand(batch.keys[0], sizeof(batch.keys), seed, tries / SEARCH_BATCH);
		key = search_batch(keyring, found, search, &batch, count);
		if (key < count) {
			found->tries = tries + key + 1;
			error = MPTCPLB_OK;
		}
	}
	crypto_wipe(seed, sizeof(seed));
	crypto_wipe(&batch, sizeof(batch));
	return error;
}
