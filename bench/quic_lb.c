// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "quic_lb.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define HALF (QUIC_LB_SIZE / 2)
#define BLOCK 16
#define PASSES 4

struct quic_lb {
	EVP_CIPHER_CTX *aes;
};

struct quic_lb *quic_lb_create(const uint8_t key[QUIC_LB_KEY_SIZE])
{
	struct quic_lb *lb = calloc(1, sizeof(*lb));

	if (!lb)
		return NULL;
	lb->aes = EVP_CIPHER_CTX_new();
	if (!lb->aes || EVP_EncryptInit_ex(lb->aes, EVP_aes_128_ecb(), NULL, key, NULL) != 1 ||
	    EVP_CIPHER_CTX_set_padding(lb->aes, 0) != 1) {
		quic_lb_destroy(lb);
		return NULL;
	}
	return lb;
}

void quic_lb_destroy(struct quic_lb *lb)
{
	EVP_CIPHER_CTX_free(lb->aes);
	free(lb);
}

/* One pass: the half @to changes by the leading bytes of AES over expand(length, pass, from). */
static void pass(struct quic_lb *lb, uint8_t to[HALF], const uint8_t from[HALF], uint8_t number)
{
	uint8_t block[BLOCK] = { 0 };
	uint8_t out[BLOCK];
	int length;

	memcpy(block, from, HALF);
	block[BLOCK - 2] = QUIC_LB_SIZE;
	block[BLOCK - 1] = number;
	if (EVP_EncryptUpdate(lb->aes, out, &length, block, BLOCK) != 1)
		abort();
	for (int i = 0; i < HALF; i++)
		to[i] ^= out[i];
}

/* Odd passes change the right half, even ones the left. */
static void numbered_pass(struct quic_lb *lb, uint8_t bytes[QUIC_LB_SIZE], uint8_t number)
{
	uint8_t *left = bytes, *right = bytes + HALF;

	if (number % 2)
		pass(lb, right, left, number);
	else
		pass(lb, left, right, number);
}

void quic_lb_encrypt(struct quic_lb *lb, uint8_t bytes[QUIC_LB_SIZE])
{
	for (uint8_t number = 1; number <= PASSES; number++)
		numbered_pass(lb, bytes, number);
}

void quic_lb_decrypt(struct quic_lb *lb, uint8_t bytes[QUIC_LB_SIZE])
{
	for (uint8_t number = PASSES; number >= 1; number--)
		numbered_pass(lb, bytes, number);
}
