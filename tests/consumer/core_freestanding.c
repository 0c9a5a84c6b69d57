// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "core_use.h"

int entry(const struct mptcplb_keyring *keyring, const uint8_t *options, uint32_t length);

int entry(const struct mptcplb_keyring *keyring, const uint8_t *options, uint32_t length)
{
	return use_core(keyring, options, length);
}
