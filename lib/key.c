// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include <mptcplb/key.h>

#include <string.h>

#include <mptcplb/keyring.h>

#include "crypto.h"
#include "declassify.h"

static const char *const mode_names[] = {
	[MPTCPLB_MODE_RFC8684] = "rfc8684",
	[MPTCPLB_MODE_IMPLICIT] = "implicit",
	[MPTCPLB_MODE_EXTENDED] = "extended",
	[MPTCPLB_MODE_COMPACT] = "compact",
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
	int fits = length == MPTCPLB_KEY_SIZE;

	if (!mptcplb_mode_name(mode))
		return MPTCPLB_ERR_ARGUMENT;
	if (mode == MPTCPLB_MODE_COMPACT)
		fits = length == MPTCPLB_KEY_SIZE_COMPACT_A || length == MPTCPLB_KEY_SIZE_COMPACT_B;
	return fits ? MPTCPLB_OK : MPTCPLB_ERR_KEY_LENGTH;
}

static int is_explicit(enum mptcplb_mode mode)
{
	return mode == MPTCPLB_MODE_EXTENDED || mode == MPTCPLB_MODE_COMPACT;
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
	if (is_explicit(mode))
		return MPTCPLB_ERR_KEY_HAS_NO_TOKEN;
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

/* Whether a key that was drawn is none. It is thrown away then, so this may be acted on. */
static int is_zero(const uint8_t *key, size_t length)
{
	int zero = crypto_is_zero(key, length);

	declassify(&zero, sizeof(zero));
	return zero;
}

int mptcplb_key_implicit(uint8_t key[MPTCPLB_KEY_SIZE], uint32_t token,
			 const struct mptcplb_random *random)
{
	struct mptcplb_core_secret secret;
	uint8_t drawn[MPTCPLB_KEY_SIZE]; /* Z and K */
	int error;

	if (token == 0)
		return MPTCPLB_ERR_TOKEN_ZERO;
	do {
		error = mptcplb_random_bytes(random, drawn + 4, sizeof(drawn) - 4);
		if (error)
			return error;
		implicit_secret(&secret, drawn + 4);
		store_be32(drawn, mptcplb_core_decrypt(&secret, MPTCPLB_TOKEN_BITS, token));
	} while (is_zero(drawn, sizeof(drawn)));
	memcpy(key, drawn, sizeof(drawn));
	mptcplb_wipe(&secret, sizeof(secret));
	mptcplb_wipe(drawn, sizeof(drawn));
	return MPTCPLB_OK;
}

int mptcplb_key_random(enum mptcplb_mode mode, uint8_t *key, size_t length,
		       const struct mptcplb_random *random)
{
	uint8_t drawn[MPTCPLB_KEY_SIZE_MAX];
	int error = check_key(mode, length);

	if (error)
		return error;
	if (!is_explicit(mode))
		return MPTCPLB_ERR_ARGUMENT;
	do {
		error = mptcplb_random_bytes(random, drawn, length);
		if (error)
			return error;
	} while (is_zero(drawn, length));
	memcpy(key, drawn, length);
	mptcplb_wipe(drawn, sizeof(drawn));
	return MPTCPLB_OK;
}

int mptcplb_key_cookie_nonce(const struct mptcplb_keyring *keyring, uint32_t *nonce,
			     const uint8_t hash_secret[MPTCPLB_SECRET_SIZE], const uint8_t *key,
			     size_t length)
{
	if (length != MPTCPLB_KEY_SIZE && length != MPTCPLB_KEY_SIZE_COMPACT_B)
		return MPTCPLB_ERR_KEY_LENGTH;
	*nonce = (uint32_t)crypto_siphash(hash_secret, key, length) &
		 (mptcplb_keyring_nonce_count(keyring) - 1);
	return MPTCPLB_OK;
}
