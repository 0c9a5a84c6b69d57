/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A hash table from hashes to numbers of items that the caller keeps in an array. */
#ifndef MPTCPLB_TOOLS_LOOKUP_H
#define MPTCPLB_TOOLS_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOOKUP_NONE UINT32_MAX

struct lookup_entry {
	uint32_t hash;
	uint32_t item;
	uint32_t next; /* an older entry of the same bucket, or LOOKUP_NONE */
};

/* All zero is an empty table. */
struct lookup {
	struct lookup_entry *entries; /* the oldest first */
	uint32_t *buckets; /* the newest entry of each, or LOOKUP_NONE */
	uint32_t count;
	uint32_t room; /* entries and buckets; 0 or a power of two */
};

/* Add an item; several may have the same hash. False when memory is out. */
bool lookup_add(struct lookup *lookup, uint32_t hash, uint32_t item);

/* The newest entry of a hash, or NULL. Items of equal hash are the caller's to tell apart. */
const struct lookup_entry *lookup_find(const struct lookup *lookup, uint32_t hash);

/* The next older entry of the same hash, or NULL. */
const struct lookup_entry *lookup_older(const struct lookup *lookup,
					const struct lookup_entry *entry);

void lookup_free(struct lookup *lookup);

#endif
