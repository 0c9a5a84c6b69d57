// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include <mptcplb/random.h>

#include "crypto.h"

int mptcplb_random_bytes(const struct mptcplb_random *random, uint8_t *buffer, size_t length)
{
	if (!random) {
		if (crypto_start() < 0) {
			crypto_wipe(buffer, length);
			return MPTCPLB_ERR_RANDOM;
		}
		crypto_random(buffer, length);
		return MPTCPLB_OK;
	}
	if (random->size != sizeof(*random) || !random->fill) {
		crypto_wipe(buffer, length);
		return MPTCPLB_ERR_ARGUMENT;
	}
	if (random->fill(random->context, buffer, length) != 0) {
		crypto_wipe(buffer, length);
		return MPTCPLB_ERR_RANDOM;
	}
	return MPTCPLB_OK;
}

void mptcplb_wipe(void *buffer, size_t length)
{
	crypto_wipe(buffer, length);
}
