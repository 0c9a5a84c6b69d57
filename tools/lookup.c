// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "lookup.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 64
#define ROOM_MAX (1U << 30)

static void link_entry(struct lookup *lookup, uint32_t number)
{
	struct lookup_entry *entry = &lookup->entries[number];
	uint32_t *bucket = &lookup->buckets[entry->hash & (lookup->room - 1)];

	entry->next = *bucket;
	*bucket = number;
}

static bool grow(struct lookup *lookup)
{
	uint32_t room = lookup->room ? 2 * lookup->room : ROOM_FIRST;
	struct lookup_entry *entries;
	uint32_t *buckets;

	if (lookup->room == ROOM_MAX)
		return false;
	entries = realloc(lookup->entries, room * sizeof(*entries));
	if (!entries)
		return false;
	lookup->entries = entries;
	buckets = realloc(lookup->buckets, room * sizeof(*buckets));
	if (!buckets)
		return false;
	lookup->buckets = buckets;
	lookup->room = room;
	for (uint32_t i = 0; i < room; i++)
		buckets[i] = LOOKUP_NONE;
	for (uint32_t i = 0; i < lookup->count; i++)
		link_entry(lookup, i);
	return true;
}

bool lookup_add(struct lookup *lookup, uint32_t hash, uint32_t item)
{
	if (lookup->count == lookup->room && !grow(lookup))
		return false;
	lookup->entries[lookup->count] = (struct lookup_entry){ .hash = hash, .item = item };
	link_entry(lookup, lookup->count++);
	return true;
}

static const struct lookup_entry *same_hash(const struct lookup *lookup, uint32_t number,
					    uint32_t hash)
{
	while (number != LOOKUP_NONE && lookup->entries[number].hash != hash)
		number = lookup->entries[number].next;
	return number == LOOKUP_NONE ? NULL : &lookup->entries[number];
}

const struct lookup_entry *lookup_find(const struct lookup *lookup, uint32_t hash)
{
	if (lookup->room == 0)
		return NULL;
	return same_hash(lookup, lookup->buckets[hash & (lookup->room - 1)], hash);
}

const struct lookup_entry *lookup_older(const struct lookup *lookup,
					const struct lookup_entry *entry)
{
	return same_hash(lookup, entry->next, entry->hash);
}

void lookup_free(struct lookup *lookup)
{
	free(lookup->entries);
	free(lookup->buckets);
	*lookup = (struct lookup){ 0 };
}
