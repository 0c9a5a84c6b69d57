// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include <mptcplb/key.h>

#include <string.h>

#include "crypto.h"
#include "option_private.h"

struct host_key {
	const uint8_t *bytes;
	size_t size;
};

/* The HMAC of what @sender sends: its own key comes first. */
static int host_hmac(uint8_t hmac[MPTCPLB_HMAC_SIZE], const struct host_key *sender,
		     const struct host_key *receiver, const struct option_writer *message)
{
	uint8_t key[MPTCPLB_KEYS_SIZE];

	if (!is_key_length(sender->size) || !is_key_length(receiver->size) ||
	    sender->size + receiver->size != sizeof(key))
		return MPTCPLB_ERR_KEY_LENGTH;
	memcpy(key, sender->bytes, sender->size);
	memcpy(key + sender->size, receiver->bytes, receiver->size);
	crypto_hmac_sha256(hmac, key, sizeof(key), message->bytes, message->length);
	crypto_wipe(key, sizeof(key));
	return MPTCPLB_OK;
}

/* As its key, the sender's random number comes first. */
static int join_hmac(uint8_t hmac[MPTCPLB_HMAC_SIZE], const struct mptcplb_join *join, bool a_sends)
{
	struct option_writer message = { .length = 0 };
	struct host_key a, b;

	if (join->size != sizeof(*join))
		return MPTCPLB_ERR_ARGUMENT;
	a = (struct host_key){ join->key_a, join->key_a_size };
	b = (struct host_key){ join->key_b, join->key_b_size };
	put_number(&message, a_sends ? join->random_a : join->random_b, 4);
	put_number(&message, a_sends ? join->random_b : join->random_a, 4);
	return host_hmac(hmac, a_sends ? &a : &b, a_sends ? &b : &a, &message);
}

int mptcplb_key_hmac_a(uint8_t hmac[MPTCPLB_HMAC_SIZE], const struct mptcplb_join *join)
{
	return join_hmac(hmac, join, true);
}

int mptcplb_key_hmac_b(uint8_t hmac[MPTCPLB_HMAC_SIZE], const struct mptcplb_join *join)
{
	return join_hmac(hmac, join, false);
}

int mptcplb_key_hmac_add_addr(uint8_t hmac[MPTCPLB_ADD_ADDR_HMAC_SIZE],
			      const struct mptcplb_add_addr *add_addr, const uint8_t *sender_key,
			      size_t sender_key_size, const uint8_t *receiver_key,
			      size_t receiver_key_size)
{
	const struct host_key sender = { sender_key, sender_key_size };
	const struct host_key receiver = { receiver_key, receiver_key_size };
	struct option_writer message = { .length = 0 };
	uint8_t whole[MPTCPLB_HMAC_SIZE];
	int error;

	if (add_addr->version != MPTCPLB_VERSION_RFC8684 || !add_addr->address ||
	    !is_address_length(add_addr->address_length))
		return MPTCPLB_ERR_ARGUMENT;
	put_number(&message, add_addr->address_id, 1);
	put_bytes(&message, add_addr->address, add_addr->address_length);
	put_number(&message, add_addr->has_port ? add_addr->port : 0, 2);
	error = host_hmac(whole, &sender, &receiver, &message);
	if (!error)
		memcpy(hmac, whole + sizeof(whole) - MPTCPLB_ADD_ADDR_HMAC_SIZE,
		       MPTCPLB_ADD_ADDR_HMAC_SIZE);
	return error;
}
