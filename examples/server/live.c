// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "live.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <bpf/bpf.h>

#include "clock.h"

#define BUCKETS_MAP_SIZE (SERVER_BUCKETS_MAX * sizeof(uint64_t))

/* A token that a program let in so short ago may not be on the kernel's list yet. */
#define GRACE_NS 2000000000ULL

/* Closing tokens that the kernel is asked for one by one: for more of them a list costs less. */
#define CLOSING_MAX 1024

/* Tokens that were listed before and are not any more, and that a list asks for once more. */
#define QUESTIONS_MAX 1024

/* Entries that are read from the map at a time. */
#define BATCH 1024

int live_open(struct live *live, int buckets_map, uint32_t bucket_count)
{
	void *mapped =
		mmap(NULL, BUCKETS_MAP_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, buckets_map, 0);

	if (mapped == MAP_FAILED)
		return -errno;
	live->buckets = mapped;
	live->bucket_mask = bucket_count - 1;
	return 0;
}

void live_close(struct live *live)
{
	if (live->buckets)
		munmap(live->buckets, BUCKETS_MAP_SIZE);
	live->buckets = NULL;
	tokens_close(&live->tokens);
	tokens_close(&live->closing);
}

static uint64_t *bucket_of(const struct live *live, uint32_t token)
{
	return &live->buckets[token & live->bucket_mask];
}

/* Returns whether it was not there. */
static bool enter(const struct live *live, uint32_t token, int *error)
{
	const struct server_live value = { .entered_at = clock_now() };

	*error = bpf_map_update_elem(live->map, &token, &value, BPF_NOEXIST);
	if (*error == -EEXIST) {
		*error = 0;
		return false;
	}
	return *error == 0;
}

int live_created(struct live *live, uint32_t token)
{
	int error;

	if (enter(live, token, &error))
		__atomic_fetch_add(bucket_of(live, token), 1, __ATOMIC_RELAXED);
	else if (!error)
		live->confirmed++;
	live->unsure |= error == -E2BIG;
	return error;
}

int live_closing(struct live *live, uint32_t token)
{
	return tokens_append(&live->closing, token);
}

/* The count may have been wrong until then: it stays above 0. */
static void leave_bucket(const struct live *live, uint32_t token)
{
	uint64_t *bucket = bucket_of(live, token);
	uint64_t count = __atomic_load_n(bucket, __ATOMIC_RELAXED);

	while (count && !__atomic_compare_exchange_n(bucket, &count, count - 1, true,
						     __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
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
		else if (bpf_map_delete_elem(live->map, &token) == 0)
			leave_bucket(live, token);
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

/*
 * Whether a token that is not listed is to be removed: what the kernel has told of is on its list
 * for as long as it lives, what a program has let in may have to get there.
 */
static bool is_gone(const struct comparison *comparison, const struct server_live *value)
{
	return !value->flow || value->entered_at + GRACE_NS < comparison->asked_at;
}

/*
 * Whether the kernel has overlooked a token that was on its list before: when a connection ends
 * while the list is read, it leaves out the next one.
 */
static bool is_overlooked(struct comparison *comparison, uint32_t token,
			  const struct server_live *value)
{
	if (value->entered_at + GRACE_NS >= comparison->live->listed_at || !comparison->questions)
		return false;
	comparison->questions--;
	return tokens_ask(token) == 0;
}

/*
 * Note the entries whose tokens are listed, and collect those that are to be removed. What stays is
 * counted, save what was entered since: that has raised its bucket after it was read.
 */
static uint32_t sort_out(struct comparison *comparison, uint32_t *keys,
			 const struct server_live *values, uint32_t count)
{
	struct live *live = comparison->live;
	uint32_t i, gone = 0;

	for (i = 0; i < count; i++) {
		const uint32_t *listed = tokens_find(&live->tokens, keys[i]);

		if (!listed && is_gone(comparison, &values[i]) &&
		    !is_overlooked(comparison, keys[i], &values[i])) {
			keys[gone++] = keys[i];
			continue;
		}
		if (listed)
			comparison->entered[listed - live->tokens.list] = true;
		else
			live->unsure = true;
		if (values[i].entered_at < comparison->asked_at)
			live->counted[keys[i] & live->bucket_mask]--;
	}
	return gone;
}

/* Walk over the map. What is removed does not disturb the walk, which goes by hash buckets. */
static int compare(struct comparison *comparison)
{
	static struct server_live values[BATCH];
	static uint32_t keys[BATCH];
	const int map = comparison->live->map;
	uint32_t place, count, gone, *from = NULL;
	int error;

	do {
		count = BATCH;
		error = bpf_map_lookup_batch(map, from, &place, keys, values, &count, NULL);
		if (error && error != -ENOENT)
			return error;
		gone = sort_out(comparison, keys, values, count);
		while (gone)
			(void)bpf_map_delete_elem(map, &keys[--gone]);
		from = &place;
	} while (!error);
	return 0;
}

/* Enter what is listed and not in the map. */
static int enter_missing(struct live *live, const bool *entered)
{
	const struct tokens *tokens = &live->tokens;
	int error = 0;
	size_t i;

	for (i = 0; !error && i < tokens->count; i++) {
		if (!entered[i] && enter(live, tokens->list[i], &error))
			live->counted[tokens->list[i] & live->bucket_mask]--;
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
			(void)bpf_map_delete_elem(live->map, &token);
	}
	closing->count = left;
}

static int apply(struct live *live, uint64_t asked_at)
{
	struct comparison comparison = { live, asked_at,
					 calloc(live->tokens.count + 1, sizeof(bool)),
					 QUESTIONS_MAX };
	uint32_t i;
	int error;

	if (!comparison.entered)
		return -ENOMEM;
	remove_closed(live);
	live->unsure = false;
	error = compare(&comparison);
	if (!error)
		error = enter_missing(live, comparison.entered);
	free(comparison.entered);
	if (error && error != -E2BIG)
		return error;
	live->unsure |= error != 0;
	live->listed_at = asked_at;
	for (i = 0; i <= live->bucket_mask; i++) {
		if (live->counted[i])
			__atomic_fetch_sub(&live->buckets[i], live->counted[i], __ATOMIC_RELAXED);
	}
	return error;
}

int live_refresh(struct live *live)
{
	uint64_t asked_at;
	uint32_t i;
	int error;

	/* Only differences to these counts are applied: what programs add from now on is kept. */
	for (i = 0; i <= live->bucket_mask; i++)
		live->counted[i] = __atomic_load_n(&live->buckets[i], __ATOMIC_RELAXED);
	asked_at = clock_now();
	error = tokens_list(&live->tokens);
	return error ? error : apply(live, asked_at);
}

bool live_is_available(const struct live *live, uint32_t token)
{
	struct server_live value;

	return __atomic_load_n(bucket_of(live, token), __ATOMIC_RELAXED) <
		       SERVER_BUCKET_TOKENS_MAX &&
	       bpf_map_lookup_elem(live->map, &token, &value) == -ENOENT;
}

uint32_t live_count(const struct live *live)
{
	uint64_t count = 0;
	uint32_t i;

	for (i = 0; i <= live->bucket_mask; i++)
		count += __atomic_load_n(&live->buckets[i], __ATOMIC_RELAXED);
	return (uint32_t)count;
}
