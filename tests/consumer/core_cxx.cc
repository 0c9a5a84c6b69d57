// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "core_use.h"

#include <mptcplb/key.h>
#include <mptcplb/keyring.h>
#include <mptcplb/random.h>
#include <mptcplb/token.h>

int entry(const mptcplb_keyring *keyring, const uint8_t *options, uint32_t length);

int entry(const mptcplb_keyring *keyring, const uint8_t *options, uint32_t length)
{
	return use_core(keyring, options, length);
}
