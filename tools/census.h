/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* How often the same token is there twice in a large set of them. */
#ifndef MPTCPLB_TOOLS_CENSUS_H
#define MPTCPLB_TOOLS_CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A bit for each of the 2^32 tokens. */
#define CENSUS_MEMORY ((size_t)1 << 29)

struct census {
	uint64_t *seen; /* the bits */
	uint32_t *repeats; /* tokens that were seen before, once for each further time */
	size_t repeat_count;
	size_t repeat_room;
};

/* Get the memory; false when there is not enough. */
bool census_start(struct census *census);

/* Count one token; false when memory is out. */
bool census_add(struct census *census, uint32_t token);

/* The pairs of equal tokens among those added. May reorder the repeats. */
uint64_t census_pairs(struct census *census);

/* Forget all tokens. */
void census_clear(struct census *census);

void census_free(struct census *census);

#endif
