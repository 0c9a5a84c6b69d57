// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include <mptcplb/keyring.h>

#include <mptcplb/random.h>

static int has_secret(const struct mptcplb_keyring *keyring, uint32_t epoch)
{
	return epoch < MPTCPLB_EPOCHS_MAX && (keyring->present >> epoch & 1);
}

int mptcplb_keyring_init(struct mptcplb_keyring *keyring, unsigned int epoch_bits,
			 unsigned int server_id_bits)
{
	if (epoch_bits > MPTCPLB_EPOCH_BITS_MAX || server_id_bits < MPTCPLB_SERVER_ID_BITS_MIN ||
	    server_id_bits > MPTCPLB_SERVER_ID_BITS_MAX)
		return MPTCPLB_ERR_ARGUMENT;
	*keyring = (struct mptcplb_keyring){
		.epoch_bits = (uint8_t)epoch_bits,
		.server_id_bits = (uint8_t)server_id_bits,
	};
	return MPTCPLB_OK;
}

int mptcplb_keyring_add(struct mptcplb_keyring *keyring, uint32_t epoch,
			const uint8_t bytes[MPTCPLB_SECRET_SIZE])
{
	struct mptcplb_core_secret secret;
	int error = MPTCPLB_OK;

	if (!keyring->server_id_bits || epoch >= 1U << keyring->epoch_bits)
		return MPTCPLB_ERR_ARGUMENT;
	if (has_secret(keyring, epoch))
		return MPTCPLB_ERR_EPOCH_OCCUPIED;

	mptcplb_core_secret_load(&secret, bytes);
	if ((secret.k0 | secret.k1) == 0)
		return MPTCPLB_ERR_SECRET_ZERO;
	for (uint32_t i = 0; i < MPTCPLB_EPOCHS_MAX; i++) {
		const struct mptcplb_core_secret *other = &keyring->secrets[i];

		if (has_secret(keyring, i) &&
		    ((other->k0 ^ secret.k0) | (other->k1 ^ secret.k1)) == 0)
			error = MPTCPLB_ERR_SECRET_REUSED;
	}
	if (!error) {
		keyring->secrets[epoch] = secret;
		keyring->present |= (uint8_t)(1U << epoch);
	}
	mptcplb_wipe(&secret, sizeof(secret));
	return error;
}

int mptcplb_keyring_activate(struct mptcplb_keyring *keyring, uint32_t epoch)
{
	if (!has_secret(keyring, epoch))
		return MPTCPLB_ERR_EPOCH_UNKNOWN;
	keyring->active = (uint8_t)epoch;
	return MPTCPLB_OK;
}

int mptcplb_keyring_retire(struct mptcplb_keyring *keyring, uint32_t epoch)
{
	if (!has_secret(keyring, epoch))
		return MPTCPLB_ERR_EPOCH_UNKNOWN;
	if (epoch == keyring->active)
		return MPTCPLB_ERR_EPOCH_ACTIVE;
	keyring->present &= (uint8_t) ~(1U << epoch);
	mptcplb_wipe(&keyring->secrets[epoch], sizeof(keyring->secrets[epoch]));
	return MPTCPLB_OK;
}

uint32_t mptcplb_keyring_nonce_count(const struct mptcplb_keyring *keyring)
{
	/* of 64 bits, since one that is all zero has as many nonce bits as a token */
	return (uint32_t)((uint64_t)1 << mptcplb_core_nonce_bits(keyring));
}

void mptcplb_keyring_wipe(struct mptcplb_keyring *keyring)
{
	mptcplb_wipe(keyring, sizeof(*keyring));
}
