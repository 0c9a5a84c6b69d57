// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "crypto.h"

#include <stdatomic.h>

#include <sodium.h>

int crypto_start(void)
{
	/* sodium_init() takes a lock each time, which a forked child may find locked for ever */
	static atomic_int started;

	if (atomic_load_explicit(&started, memory_order_acquire))
		return 0;
	if (sodium_init() < 0)
		return -1;
	atomic_store_explicit(&started, 1, memory_order_release);
	return 0;
}

void crypto_random(uint8_t *buffer, size_t length)
{
	randombytes_buf(buffer, length);
}

void crypto_expand(uint8_t *buffer, size_t length, const uint8_t seed[CRYPTO_SEED_SIZE],
		   uint64_t block)
{
	uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];

	for (size_t i = 0; i < sizeof(nonce); i++)
		nonce[i] = (uint8_t)(block >> (8 * i));
	crypto_stream_chacha20(buffer, length, nonce, seed);
}

void crypto_sha256(uint8_t digest[CRYPTO_SHA256_SIZE], const uint8_t *message, size_t length)
{
	crypto_hash_sha256(digest, message, length);
}

void crypto_hmac_sha256(uint8_t hmac[CRYPTO_SHA256_SIZE], const uint8_t *key, size_t key_length,
			const uint8_t *message, size_t length)
{
	crypto_auth_hmacsha256_state state;

	crypto_auth_hmacsha256_init(&state, key, key_length);
	crypto_auth_hmacsha256_update(&state, message, length);
	crypto_auth_hmacsha256_final(&state, hmac);
	sodium_memzero(&state, sizeof(state));
}

uint64_t crypto_siphash(const uint8_t key[CRYPTO_SIPHASH_KEY_SIZE], const uint8_t *message,
			size_t length)
{
	uint8_t bytes[crypto_shorthash_siphash24_BYTES];
	uint64_t hash = 0;

	crypto_shorthash_siphash24(bytes, message, length, key);
	for (size_t i = sizeof(bytes); i > 0; i--)
		hash = hash << 8 | bytes[i - 1];
	return hash;
}

int crypto_is_zero(const uint8_t *bytes, size_t length)
{
	return sodium_is_zero(bytes, length);
}

void crypto_wipe(void *buffer, size_t length)
{
	sodium_memzero(buffer, length);
}
