/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What core.h offers, used once: compiled freestanding, as C++, for BPF and as kernel code. */
#include <mptcplb/core.h>

static inline int use_core(const struct mptcplb_keyring *keyring, const uint8_t *options,
			   uint32_t length)
{
	struct mptcplb_token_parts parts;
	struct mptcplb_core_syn syn;

	if (!mptcplb_core_find_join(&syn, options, length))
		return -1;
	if (mptcplb_core_token_decode(keyring, &parts, syn.token) != MPTCPLB_OK)
		return -2;
	return (int)parts.server_id;
}
