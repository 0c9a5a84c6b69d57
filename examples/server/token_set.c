// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Open addressing with linear probing: tokens are random, so their low bits are a hash. */
#include "token_set.h"

#include <errno.h>
#include <stdlib.h>

int token_set_open(struct token_set *set, uint32_t count)
{
	uint32_t size = 4;

	while (size / 2 < count)
		size *= 2;
	set->places = calloc(size, sizeof(*set->places));
	if (!set->places)
		return -ENOMEM;
	set->mask = size - 1;
	return 0;
}

void token_set_close(struct token_set *set)
{
	free(set->places);
	set->places = NULL;
}

/* Where a token is, or the empty place where a search for it ends. */
static uint32_t find(const struct token_set *set, uint32_t token)
{
	uint32_t place = token & set->mask;

	while (set->places[place] && set->places[place] != token)
		place = (place + 1) & set->mask;
	return place;
}

bool token_set_has(const struct token_set *set, uint32_t token)
{
	return token && set->places[find(set, token)] == token;
}

void token_set_add(struct token_set *set, uint32_t token)
{
	uint32_t place = token & set->mask;

	while (set->places[place])
		place = (place + 1) & set->mask;
	set->places[place] = token;
}

/* Whether a search that starts at @home and gets to @place passes @hole. */
static bool is_between(const struct token_set *set, uint32_t home, uint32_t hole, uint32_t place)
{
	return ((place - home) & set->mask) >= ((place - hole) & set->mask);
}

void token_set_remove(struct token_set *set, uint32_t token)
{
	uint32_t hole = find(set, token), place;

	/* Whatever would not be found behind the hole moves into it. */
	for (place = hole; set->places[place]; place = (place + 1) & set->mask) {
		if (place != hole && is_between(set, set->places[place] & set->mask, hole, place)) {
			set->places[hole] = set->places[place];
			hole = place;
		}
	}
	set->places[hole] = 0;
}
