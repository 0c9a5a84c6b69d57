// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "census.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

bool census_start(struct census *census)
{
	void *memory = mmap(NULL, CENSUS_MEMORY, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*census = (struct census){ 0 };
	if (memory == MAP_FAILED)
		return false;
	/* The bits are met in random order, so small pages would miss the TLB each time. */
	madvise(memory, CENSUS_MEMORY, MADV_HUGEPAGE);
	census->seen = memory;
	return true;
}

static bool add_repeat(struct census *census, uint32_t token)
{
	if (census->repeat_count == census->repeat_room) {
		size_t room = census->repeat_room ? 2 * census->repeat_room : 1024;
		uint32_t *repeats = realloc(census->repeats, room * sizeof(*repeats));

		if (!repeats)
			return false;
		census->repeats = repeats;
		census->repeat_room = room;
	}
	census->repeats[census->repeat_count++] = token;
	return true;
}

bool census_add(struct census *census, uint32_t token)
{
	uint64_t *word = &census->seen[token / 64];
	uint64_t bit = 1ULL << token % 64;

	if (*word & bit)
		return add_repeat(census, token);
	*word |= bit;
	return true;
}

static int compare_tokens(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left;
	uint32_t b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

uint64_t census_pairs(struct census *census)
{
	uint64_t pairs = 0;
	uint64_t holders = 1;

	if (census->repeat_count > 1)
		qsort(census->repeats, census->repeat_count, sizeof(*census->repeats),
		      compare_tokens);
	for (size_t i = 0; i < census->repeat_count; i++) {
		/* each further holder of a token makes a pair with every one before it */
		if (i && census->repeats[i] == census->repeats[i - 1])
			holders++;
		else
			holders = 1;
		pairs += holders;
	}
	return pairs;
}

void census_clear(struct census *census)
{
	memset(census->seen, 0, CENSUS_MEMORY);
	census->repeat_count = 0;
}

void census_free(struct census *census)
{
	if (census->seen)
		munmap(census->seen, CENSUS_MEMORY);
	free(census->repeats);
	*census = (struct census){ 0 };
}
