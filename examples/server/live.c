// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "live.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "clock.h"

/* A token that was entered so few ticks ago may not be on the kernel's list yet: half a second. */
#define GRACE_TICKS 4

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

/* With the time, or 0 for what is listed. Returns 0, -EEXIST when it was there, or -E2BIG. */
static int enter(const struct live *live, uint32_t token, uint64_t now)
{
	struct server_live *place;

	if (find(live, token, token))
		return -EEXIST;
	while ((place = find(live, token, 0))) {
		if (change(place, 0, server_live_entry(token, now))) {
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

void live_created(struct live *live, uint32_t token)
{
	const int error = enter(live, token, clock_now());

	live->confirmed += error == -EEXIST;
	live->unsure |= error == -E2BIG;
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

static bool was_listed(uint64_t entry)
{
	return entry == (uint32_t)entry;
}

/* Note that a token has been on the list. */
static void set_listed(struct server_live *place, uint64_t entry)
{
	if (!was_listed(entry))
		change(place, entry, (uint32_t)entry);
}

/*
 * Whether a token that is not on the list is live nevertheless: when a connection ends while the
 * list is read, the kernel leaves out the next one.
 */
static bool is_overlooked(struct comparison *comparison, uint64_t entry)
{
	if (!was_listed(entry) || !comparison->questions)
		return false;
	comparison->questions--;
	return tokens_ask((uint32_t)entry) == 0;
}

static bool is_young(const struct comparison *comparison, uint64_t entry)
{
	return !was_listed(entry) && server_live_age(entry, comparison->asked_at) <= GRACE_TICKS;
}

/* Note a token that is listed; remove one that is not, or ask for another list soon. */
static void sort_out(struct comparison *comparison, struct server_live *place)
{
	struct live *live = comparison->live;
	const uint64_t entry = entry_of(place);
	const uint32_t *listed = tokens_find(&live->tokens, (uint32_t)entry);

	if (!entry)
		return;
	if (listed) {
		comparison->entered[listed - live->tokens.list] = true;
		set_listed(place, entry);
	} else if (is_young(comparison, entry) || is_overlooked(comparison, entry)) {
		live->unsure = true;
	} else {
		change(place, entry, 0);
	}
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

/* Make room in the bucket of a token that is listed, where one is that is not. */
static int displace(struct live *live, uint32_t token)
{
	struct server_bucket *bucket = &live->buckets[token & live->bucket_mask];
	int i;

	for (i = 0; i < SERVER_BUCKET_TOKENS_MAX; i++) {
		const uint64_t entry = entry_of(&bucket->places[i]);

		if (!tokens_find(&live->tokens, (uint32_t)entry)) {
			change(&bucket->places[i], entry, 0);
			live->unsure = true;
			return enter(live, token, 0);
		}
	}
	return -E2BIG;
}

/* Enter what is listed and not in the map, as far as there is room. */
static int enter_missing(struct live *live, const bool *entered)
{
	const struct tokens *tokens = &live->tokens;
	size_t i, left_out = 0;

	for (i = 0; i < tokens->count; i++) {
		if (entered[i])
			continue;
		if (enter(live, tokens->list[i], 0))
			left_out += displace(live, tokens->list[i]) != 0;
	}
	return left_out ? -E2BIG : 0;
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
