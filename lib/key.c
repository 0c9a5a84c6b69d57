// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include <mptcplb/key.h>

#include <string.h>

#include <mptcplb/token.h>

#include "crypto.h"

/* Candidate keys drawn from the seed at a time. */
#define SEARCH_BATCH 64
/* Limit of tries, in multiples of the mean, when the caller names none. */
#define SEARCH_MEANS 64

static const char *const mode_names[] = {
	[MPTCPLB_MODE_RFC8684] = "rfc8684",
	[MPTCPLB_MODE_IMPLICIT] = "implicit",
};

#define MODE_COUNT (sizeof(mode_names) / sizeof(mode_names[0]))

const char *mptcplb_mode_name(enum mptcplb_mode mode)
{
	return (size_t)mode < MODE_COUNT ? mode_names[mode] : NULL;
}

int mptcplb_mode_from_name(enum mptcplb_mode *mode, const char *name)
{
	for (size_t i = 0; i < MODE_COUNT; i++) {
		if (strcmp(name, mode_names[i]) == 0) {
			*mode = (enum mptcplb_mode)i;
			return MPTCPLB_OK;
		}
	}
	return MPTCPLB_ERR_ARGUMENT;
}

static int check_key(enum mptcplb_mode mode, size_t length)
{
	if (!mptcplb_mode_name(mode))
		return MPTCPLB_ERR_ARGUMENT;
	return length == MPTCPLB_KEY_SIZE ? MPTCPLB_OK : MPTCPLB_ERR_KEY_LENGTH;
}

static void store_be32(uint8_t *bytes, uint32_t x)
{
	bytes[0] = (uint8_t)(x >> 24);
	bytes[1] = (uint8_t)(x >> 16);
	bytes[2] = (uint8_t)(x >> 8);
	bytes[3] = (uint8_t)x;
}

/* The cipher key of an implicit key: its second half K and a constant of 12 bytes. */
static void implicit_secret(struct mptcplb_core_secret *secret, const uint8_t k[4])
{
	uint8_t bytes[MPTCPLB_SECRET_SIZE + 1] = "KKKKmptcplb-impl";

	memcpy(bytes, k, 4);
	mptcplb_core_secret_load(secret, bytes);
	mptcplb_wipe(bytes, sizeof(bytes));
}

static uint32_t implicit_token(const uint8_t key[MPTCPLB_KEY_SIZE])
{
	struct mptcplb_core_secret secret;
	uint32_t token;

	implicit_secret(&secret, key + 4);
	token = mptcplb_core_encrypt(&secret, MPTCPLB_TOKEN_BITS, mptcplb_core_be32(key));
	mptcplb_wipe(&secret, sizeof(secret));
	return token;
}

int mptcplb_key_token(enum mptcplb_mode mode, uint32_t *token, const uint8_t *key, size_t length)
{
	uint8_t digest[CRYPTO_SHA256_SIZE];
	int error = check_key(mode, length);

	if (error)
		return error;
	if (mode == MPTCPLB_MODE_IMPLICIT) {
		*token = implicit_token(key);
		return MPTCPLB_OK;
	}
	crypto_sha256(digest, key, length);
	*token = mptcplb_core_be32(digest);
	crypto_wipe(digest, sizeof(digest));
	return MPTCPLB_OK;
}

int mptcplb_key_idsn(enum mptcplb_mode mode, uint64_t *idsn, const uint8_t *key, size_t length)
{
	uint8_t digest[CRYPTO_SHA256_SIZE];
	int error = check_key(mode, length);

	if (error)
		return error;
	crypto_sha256(digest, key, length);
	*idsn = (uint64_t)mptcplb_core_be32(digest + 24) << 32 | mptcplb_core_be32(digest + 28);
	crypto_wipe(digest, sizeof(digest));
	return MPTCPLB_OK;
}

int mptcplb_key_implicit(uint8_t key[MPTCPLB_KEY_SIZE], uint32_t token,
			 const struct mptcplb_random *random)
{
	struct mptcplb_core_secret secret;
	uint8_t k[4];
	uint32_t z;
	int error;

	if (token == 0)
		return MPTCPLB_ERR_TOKEN_ZERO;
	do {
		error = mptcplb_random_bytes(random, k, sizeof(k));
		if (error)
			return error;
		implicit_secret(&secret, k);
		z = mptcplb_core_decrypt(&secret, MPTCPLB_TOKEN_BITS, token);
	} while (z == 0 && mptcplb_core_be32(k) == 0);
	store_be32(key, z);
	memcpy(key + 4, k, sizeof(k));
	mptcplb_wipe(&secret, sizeof(secret));
	mptcplb_wipe(k, sizeof(k));
	return MPTCPLB_OK;
}

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
