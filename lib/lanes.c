// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "lanes.h"

#include <stdatomic.h>

#include "lanes_inline.h"
#include "lanes_private.h"

static int runs_everywhere(void)
{
	return 1;
}

static void key_tokens(uint32_t *tokens, const uint8_t (*keys)[MPTCPLB_KEY_SIZE], size_t count)
{
	lanes_key_tokens(tokens, keys, count);
}

static size_t decode(const struct mptcplb_keyring *keyring, struct mptcplb_token_parts *parts,
		     int *errors, const uint32_t *tokens, size_t count)
{
	return lanes_decode(keyring, parts, errors, tokens, count);
}

static const struct lanes portable = { "portable", runs_everywhere, key_tokens, decode };

static const struct lanes *const all[] = {
#if LANES_X86
	&lanes_avx512,
	&lanes_sha_ni,
	&lanes_avx2,
#endif
	&portable,
};

/* What lanes_best() found. Two threads may find it at once: they find the same. */
static _Atomic(const struct lanes *) chosen;

const struct lanes *lanes_best(void)
{
	const struct lanes *lanes = atomic_load_explicit(&chosen, memory_order_relaxed);
	size_t i = 0;

	if (!lanes) {
		while (!all[i]->runs_here())
			i++;
		lanes = all[i];
		lanes_use(lanes);
	}
	return lanes;
}

void lanes_use(const struct lanes *lanes)
{
	atomic_store_explicit(&chosen, lanes, memory_order_relaxed);
}

const struct lanes *const *lanes_all(size_t *count)
{
	*count = sizeof(all) / sizeof(all[0]);
	return all;
}
