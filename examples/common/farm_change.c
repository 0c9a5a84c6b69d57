// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "farm_change.h"

#include <stdint.h>

#include "daemon.h"

#define RESTART "live tokens would name other servers. A restart takes it all the same"

static bool bits_are_equal(const char *path, const char *field, unsigned int before,
			   unsigned int next)
{
	if (before == next)
		return true;
	log_error("%s: token.%s is %u and was %u: " RESTART, path, field, next, before);
	return false;
}

static bool secrets_are_equal(const struct mptcplb_core_secret *a,
			      const struct mptcplb_core_secret *b)
{
	return ((a->k0 ^ b->k0) | (a->k1 ^ b->k1)) == 0;
}

bool farm_change_allowed(const char *path, const struct mptcplb_keyring *before,
			 const struct mptcplb_keyring *next)
{
	if (!bits_are_equal(path, "server_id_bits", before->server_id_bits, next->server_id_bits) ||
	    !bits_are_equal(path, "epoch_bits", before->epoch_bits, next->epoch_bits))
		return false;
	for (uint32_t i = 0; i < MPTCPLB_EPOCHS_MAX; i++) {
		if (!(before->present & next->present & 1U << i) ||
		    secrets_are_equal(&before->secrets[i], &next->secrets[i]))
			continue;
		log_error("%s: token.epochs: epoch %u has another secret than it had: " RESTART
			  ". A new secret belongs in an epoch that is free",
			  path, i);
		return false;
	}
	return true;
}
