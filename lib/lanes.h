/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Hashing keys and decoding tokens many at a time, one in each lane of the machine's vectors.
 * There is a variant for each kind of CPU; all of them give the same results.
 */
#ifndef MPTCPLB_LIB_LANES_H
#define MPTCPLB_LIB_LANES_H

#include <stddef.h>
#include <stdint.h>

#include <mptcplb/core.h>
#include <mptcplb/key.h>

struct lanes {
	const char *name;
	/* Whether this machine has what the variant needs. */
	int (*runs_here)(void);
	/* tokens[i] is the token of keys[i] in mode rfc8684. */
	void (*key_tokens)(uint32_t *tokens, const uint8_t (*keys)[MPTCPLB_KEY_SIZE], size_t count);
	/* mptcplb_token_decode_batch() */
	size_t (*decode)(const struct mptcplb_keyring *keyring, struct mptcplb_token_parts *parts,
			 int *errors, const uint32_t *tokens, size_t count);
};

/* The variant to use: the best that runs here. From any thread. */
const struct lanes *lanes_best(void);

/* For tests and benchmarks: what lanes_best() gives from now on, or NULL for the best again. */
void lanes_use(const struct lanes *lanes);

/* All variants of this architecture, the best first; the last one runs everywhere. */
const struct lanes *const *lanes_all(size_t *count);

#endif
