/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the library needs from libsodium; crypto.c is the one file that includes it. */
#ifndef MPTCPLB_LIB_CRYPTO_H
#define MPTCPLB_LIB_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#define CRYPTO_SHA256_SIZE 32
#define CRYPTO_SEED_SIZE 32
#define CRYPTO_SIPHASH_KEY_SIZE 16

/* Start libsodium once; from any thread, any number of times. 0, or -1 when it cannot run. */
int crypto_start(void);

/* Random bytes of the operating system; after crypto_start(). */
void crypto_random(uint8_t *buffer, size_t length);

/* The bytes that follow from a seed, of a part of its stream: block numbers do not overlap. */
void crypto_expand(uint8_t *buffer, size_t length, const uint8_t seed[CRYPTO_SEED_SIZE],
		   uint64_t block);

void crypto_sha256(uint8_t digest[CRYPTO_SHA256_SIZE], const uint8_t *message, size_t length);

/* HMAC-SHA256 of a message under a key of any length. */
void crypto_hmac_sha256(uint8_t hmac[CRYPTO_SHA256_SIZE], const uint8_t *key, size_t key_length,
			const uint8_t *message, size_t length);

/* SipHash-2-4 of a message of any length, as a little-endian integer. */
uint64_t crypto_siphash(const uint8_t key[CRYPTO_SIPHASH_KEY_SIZE], const uint8_t *message,
			size_t length);

/* Whether all bytes are 0, in a time that says nothing of them. */
int crypto_is_zero(const uint8_t *bytes, size_t length);

void crypto_wipe(void *buffer, size_t length);

#endif
