// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include <mptcplb/key.h>

#include <string.h>

#include "crypto.h"

/* One end of a join. */
struct host {
	const uint8_t *key;
	size_t key_size;
	uint32_t random;
};

/* The HMAC that @sender sends: its own key and random number come first. */
static int join_hmac(uint8_t hmac[MPTCPLB_HMAC_SIZE], const struct host *sender,
		     const struct host *receiver)
{
	uint8_t key[MPTCPLB_KEYS_SIZE];
	uint8_t message[8];

	if (sender->key_size > sizeof(key) || receiver->key_size != sizeof(key) - sender->key_size)
		return MPTCPLB_ERR_KEY_LENGTH;
	memcpy(key, sender->key, sender->key_size);
	memcpy(key + sender->key_size, receiver->key, receiver->key_size);
	for (size_t i = 0; i < 4; i++) {
		message[i] = (uint8_t)(sender->random >> (24 - 8 * i));
		message[4 + i] = (uint8_t)(receiver->random >> (24 - 8 * i));
	}
	crypto_hmac_sha256(hmac, key, sizeof(key), message, sizeof(message));
	crypto_wipe(key, sizeof(key));
	return MPTCPLB_OK;
}

int mptcplb_key_hmac_a(uint8_t hmac[MPTCPLB_HMAC_SIZE], const struct mptcplb_join *join)
{
	const struct host a = { join->key_a, join->key_a_size, join->random_a };
	const struct host b = { join->key_b, join->key_b_size, join->random_b };

	return join_hmac(hmac, &a, &b);
}

int mptcplb_key_hmac_b(uint8_t hmac[MPTCPLB_HMAC_SIZE], const struct mptcplb_join *join)
{
	const struct host a = { join->key_a, join->key_a_size, join->random_a };
	const struct host b = { join->key_b, join->key_b_size, join->random_b };

	return join_hmac(hmac, &b, &a);
}
