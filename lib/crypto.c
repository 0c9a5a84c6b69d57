// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "crypto.h"

#include <sodium.h>

int crypto_start(void)
{
	return sodium_init() < 0 ? -1 : 0;
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

void crypto_wipe(void *buffer, size_t length)
{
	sodium_memzero(buffer, length);
}
