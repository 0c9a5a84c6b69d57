// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include <mptcplb/key.h>

#include <string.h>

#include <mptcplb/token.h>

#include "crypto.h"
#include "declassify.h"
#include "lanes.h"

/* Keys drawn from the seed at a time. */
#define SEARCH_BATCH 64
/* Keys that are decoded together: as many as fill the lanes of each variant. */
#define CANDIDATES_GROUP 32
/* One batch, the group that is not full yet, and where the next one is written. */
#define CANDIDATES_MAX (SEARCH_BATCH + CANDIDATES_GROUP)
/* Limit of tries, in multiples of the mean for one id, when the caller names none. */
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
	if (search->tries_max)
		return search->tries_max;
	return (uint64_t)SEARCH_MEANS << (keyring->server_id_bits + keyring->epoch_bits);
}

/*
 * Keys whose tokens are of the active epoch. They are decoded in whole groups, and those that are
 * left wait for more: a group that is not full takes as long as a full one.
 */
struct candidates {
	size_t count;
	uint8_t keys[CANDIDATES_MAX][MPTCPLB_KEY_SIZE];
	uint32_t tokens[CANDIDATES_MAX];
	uint64_t tries[CANDIDATES_MAX]; /* how many keys were tried with this one */
	struct mptcplb_token_parts parts[CANDIDATES_MAX];
	int errors[CANDIDATES_MAX]; /* none, with such tokens */
	uint32_t fits[CANDIDATES_MAX]; /* whether the server id is wanted */
};

/* A batch of keys, and what came of it. */
struct search_batch {
	uint8_t keys[SEARCH_BATCH][MPTCPLB_KEY_SIZE];
	uint32_t tokens[SEARCH_BATCH]; /* of the keys */
	struct candidates candidates;
};

/*
 * Note the candidates among the first keys. Tokens are public: the one that is found goes over the
 * wire, and the keys of the others nobody will have. The same goes for whether a key is zero.
 */
static void add_candidates(const struct mptcplb_keyring *keyring, struct search_batch *batch,
			   size_t count, uint64_t tries)
{
	struct candidates *candidates = &batch->candidates;
	size_t n = candidates->count;

	for (size_t i = 0; i < count; i++) {
		uint32_t token = batch->tokens[i];
		uint32_t fits;
		uint64_t key;

		declassify(&token, sizeof(token));
		memcpy(&key, batch->keys[i], sizeof(key));
		memcpy(candidates->keys[n], &key, sizeof(key));
		candidates->tokens[n] = token;
		candidates->tries[n] = tries + i + 1;
		fits = (mptcplb_core_token_epoch(keyring, token) == keyring->active) &
		       (token != 0) & (key != 0);
		declassify(&fits, sizeof(fits));
		n += fits;
	}
	candidates->count = n;
}

/* Decode the first candidates and compare all of them with all ids, whatever is found. */
static void find_fits(const struct mptcplb_keyring *keyring, struct candidates *candidates,
		      const struct mptcplb_key_search *search, size_t count)
{
	mptcplb_token_decode_batch(keyring, candidates->parts, candidates->errors,
				   candidates->tokens, count);
	memset(candidates->fits, 0, sizeof(candidates->fits));
	for (size_t i = 0; i < search->server_id_count; i++) {
		uint32_t server_id = search->server_ids[i];

		for (size_t j = 0; j < count; j++)
			candidates->fits[j] |= candidates->parts[j].server_id == server_id;
	}
	declassify(candidates->fits, sizeof(candidates->fits));
}

static void remove_candidates(struct candidates *candidates, size_t count)
{
	size_t left = candidates->count - count;

	memmove(candidates->keys, candidates->keys + count, left * sizeof(*candidates->keys));
	memmove(candidates->tokens, candidates->tokens + count, left * sizeof(*candidates->tokens));
	memmove(candidates->tries, candidates->tries + count, left * sizeof(*candidates->tries));
	candidates->count = left;
}

/* Look at the first @count candidates, which are gone then. Whether one is what is wanted. */
static int look_at_candidates(const struct mptcplb_keyring *keyring,
			      struct mptcplb_key_found *found,
			      const struct mptcplb_key_search *search,
			      struct candidates *candidates, size_t count)
{
	find_fits(keyring, candidates, search, count);
	for (size_t i = 0; i < count; i++) {
		uint32_t token = candidates->tokens[i];

		if (!candidates->fits[i])
			continue;
		if (search->accept &&
		    !search->accept(search->context, token, &candidates->parts[i]))
			continue;
		memcpy(found->key, candidates->keys[i], MPTCPLB_KEY_SIZE);
		found->token = token;
		found->parts = candidates->parts[i];
		found->tries = candidates->tries[i];
		return 1;
	}
	remove_candidates(candidates, count);
	return 0;
}

int mptcplb_key_search(const struct mptcplb_keyring *keyring, struct mptcplb_key_found *found,
		       const struct mptcplb_key_search *search, const struct mptcplb_random *random)
{
	uint8_t seed[CRYPTO_SEED_SIZE];
	struct search_batch batch = { 0 };
	uint64_t limit, tries;
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
	for (tries = 0; error && tries < limit; tries += SEARCH_BATCH) {
		uint64_t left = limit - tries;
		size_t keys = left < SEARCH_BATCH ? (size_t)left : SEARCH_BATCH;
		size_t count;

		crypto_expand(batch.keys[0], sizeof(batch.keys), seed, tries / SEARCH_BATCH);
		lanes_best()->key_tokens(batch.tokens,
					 (const uint8_t(*)[MPTCPLB_KEY_SIZE])batch.keys, keys);
		add_candidates(keyring, &batch, keys, tries);
		count = batch.candidates.count;
		if (left > SEARCH_BATCH)
			count -= count % CANDIDATES_GROUP;
		if (look_at_candidates(keyring, found, search, &batch.candidates, count))
			error = MPTCPLB_OK;
	}
	crypto_wipe(seed, sizeof(seed));
	crypto_wipe(&batch, sizeof(batch));
	return error;
}
