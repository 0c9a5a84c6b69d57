// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "live.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "clock.h"

/* A token that was entered so few ticks ago may not be on the kernel's list yet: two seconds. */
#define GRACE_TICKS (2000000000 >> SERVER_TICK_SHIFT)

/* Closing tokens that the kernel is asked for one by one: for more of them a list costs less. */
#define CLOSING_MAX 1024

/* Tokens that were listed before and are not any more, and that a list asks for once more. */
#define QUESTIONS_MAX 1024

static size_t map_size(const struct live *live)
{
	return (live->bucket_mask + 1UL) * sizeof(*live->buckets);
}

int live_open(struct live *live, int map, uint32_t bucket_count)
{
	void *mapped;

	live->bucket_mask = bucket_count - 1;
	mapped = mmap(NULL, map_size(live), PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	if (mapped == MAP_FAILED)
		return -errno;
	live->buckets = mapped;
	return 0;
}

void live_close(struct live *live)
{
	if (live->buckets)
		munmap(live->buckets, map_size(live));
	live->buckets = NULL;
	tokens_close(&live->tokens);
	tokens_close(&live->closing);
}

static uint64_t entry_of(const struct server_live *place)
{
	return __atomic_load_n((const uint64_t *)&place->entry, __ATOMIC_RELAXED);
}

/* Change an entry, unless a program has done so meanwhile. */
static bool change(struct server_live *place, uint64_t from, uint64_t to)
{
	return __atomic_compare_exchange_n((uint64_t *)&place->entry, &from, to, false,
					   __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/* Where a token is; of token 0, where there is room for one whose bucket is that of @low_bits. */
static struct server_live *find(const struct live *live, uint32_t low_bits, uint32_t token)
{
	struct server_bucket *bucket = &live->buckets[low_bits & live->bucket_mask];
	int i;

	for (i = 0; i < SERVER_BUCKET_TOKENS_MAX; i++) {
		if ((uint32_t)entry_of(&bucket->places[i]) == token)
			return &bucket->places[i];
	}
	return NULL;
}

/* Returns 0, -EEXIST when it was there, or -E2BIG. */
static int enter(const struct live *live, uint32_t token)
{
	struct server_live *place;

	if (find(live, token, token))
		return -EEXIST;
	while ((place = find(live, token, 0))) {
		if (change(place, 0, server_live_entry(token, clock_now()))) {
			place->flow = 0;
			return 0;
		}
	}
	return -E2BIG;
}

static void leave(const struct live *live, uint32_t token)
{
	struct server_live *place = find(live, token, token);
	const uint64_t entry = place ? entry_of(place) : 0;

	if ((uint32_t)entry == token)
		change(place, entry, 0);
}

int live_created(struct live *live, uint32_t token)
{
	const int error = enter(live, token);

	live->confirmed += error == -EEXIST;
	live->unsure |= error == -E2BIG;
	return error == -EEXIST ? 0 : error;
}

int live_closing(struct live *live, uint32_t token)
{
	return tokens_append(&live->closing, token);
}

void live_tidy(struct live *live)
{
	struct tokens *closing = &live->closing;
	size_t i, left = 0;

	if (closing->count > CLOSING_MAX) {
		live->unsure = true;
		return;
	}
	for (i = 0; i < closing->count; i++) {
		const uint32_t token = closing->list[i];

		if (tokens_ask(token) != -ENOENT)
			closing->list[left++] = token;
		else
			leave(live, token);
	}
	closing->count = left;
}

/* A comparison of the map with the list. */
struct comparison {
	struct live *live;
	uint64_t asked_at; /* when the list was asked for */
	bool *entered; /* by place in the list */
	uint32_t questions; /* that may still be asked for single tokens */
};

/* Whether a token is to be removed that is not listed. */
static bool is_gone(const struct comparison *comparison, uint64_t entry)
{
	return server_live_age(entry, comparison->asked_at) > GRACE_TICKS;
}

/*
 * Whether the kernel has overlooked a token that was on its list before: when a connection ends
 * while the list is read, it leaves out the next one.
 */
static bool is_overlooked(struct comparison *comparison, uint64_t entry)
{
	if (server_live_age(entry, comparison->live->listed_at) <= GRACE_TICKS ||
	    !comparison->questions)
		return false;
	comparison->questions--;
	return tokens_ask((uint32_t)entry) == 0;
}

/* Note a token that is listed; remove one that is not, or ask for another list soon. */
static void sort_out(struct comparison *comparison, struct server_live *place)
{
	struct live *live = comparison->live;
	const uint64_t entry = entry_of(place);
	const uint32_t *listed = tokens_find(&live->tokens, (uint32_t)entry);

	if (!entry)
		return;
	if (listed)
		comparison->entered[listed - live->tokens.list] = true;
	else if (is_gone(comparison, entry) && !is_overlooked(comparison, entry))
		change(place, entry, 0);
	else
		live->unsure = true;
}

static void compare(struct comparison *comparison)
{
	const struct live *live = comparison->live;
	uint32_t i;
	int j;

	for (i = 0; i <= live->bucket_mask; i++) {
		for (j = 0; j < SERVER_BUCKET_TOKENS_MAX; j++)
			sort_out(comparison, &live->buckets[i].places[j]);
	}
}

/* Enter what is listed and not in the map, as far as there is room. */
static int enter_missing(struct live *live, const bool *entered)
{
	const struct tokens *tokens = &live->tokens;
	int error = 0;
	size_t i;

	for (i = 0; i < tokens->count; i++) {
		if (!entered[i] && enter(live, tokens->list[i]) == -E2BIG)
			error = -E2BIG;
	}
	return error;
}

/* What was closing and is not listed is gone. */
static void remove_closed(struct live *live)
{
	struct tokens *closing = &live->closing;
	size_t i, left = 0;

	for (i = 0; i < closing->count; i++) {
		const uint32_t token = closing->list[i];

		if (tokens_find(&live->tokens, token))
			closing->list[left++] = token;
		else
			leave(live, token);
	}
	closing->count = left;
}

static int apply(struct live *live, uint64_t asked_at)
{
	struct comparison comparison = { live, asked_at,
					 calloc(live->tokens.count + 1, sizeof(bool)),
					 QUESTIONS_MAX };
	int error;

	if (!comparison.entered)
		return -ENOMEM;
	remove_closed(live);
	live->unsure = false;
	compare(&comparison);
	error = enter_missing(live, comparison.entered);
	free(comparison.entered);
	live->unsure |= error != 0;
	live->listed_at = asked_at;
	return error;
}

int live_refresh(struct live *live)
{
	const uint64_t asked_at = clock_now();
	int error = tokens_list(&live->tokens);

	return error ? error : apply(live, asked_at);
}

bool live_is_available(const struct live *live, uint32_t token)
{
	return !find(live, token, token) && find(live, token, 0);
}

uint32_t live_count(const struct live *live)
{
	uint32_t i, count = 0;
	int j;

	for (i = 0; i <= live->bucket_mask; i++) {
		for (j = 0; j < SERVER_BUCKET_TOKENS_MAX; j++)
			count += entry_of(&live->buckets[i].places[j]) != 0;
	}
	return count;
}
