// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "live.h"

#include <errno.h>
#include <stdlib.h>

#include <bpf/bpf.h>

#include "clock.h"
#include "server_kern_user.h"

/* A token that was entered so short ago may not be on the kernel's list yet. */
#define GRACE_NS 2000000000ULL

/* Entries that are read from the map at a time. */
#define BATCH 1024

/* Note the entries whose tokens are live, and collect those that are to be removed. */
static uint32_t sort_out(const struct tokens *tokens, bool *entered, uint32_t *keys,
			 const struct server_live *values, uint32_t count)
{
	const uint64_t now = clock_now();
	uint32_t i, gone = 0;

	for (i = 0; i < count; i++) {
		const uint32_t *found = tokens_find_live(tokens, keys[i]);

		if (found)
			entered[found - tokens->live] = true;
		else if (now - values[i].entered_at > GRACE_NS && values[i].entered_at < now)
			keys[gone++] = keys[i];
	}
	return gone;
}

/* Walk over the map. What is removed does not disturb the walk, which goes by hash buckets. */
static int remove_gone(int map, const struct tokens *tokens, bool *entered)
{
	static struct server_live values[BATCH];
	static uint32_t keys[BATCH];
	uint32_t place, count, gone, *from = NULL;
	int error;

	do {
		count = BATCH;
		error = bpf_map_lookup_batch(map, from, &place, keys, values, &count, NULL);
		if (error && error != -ENOENT)
			return error;
		gone = sort_out(tokens, entered, keys, values, count);
		while (gone)
			(void)bpf_map_delete_elem(map, &keys[--gone]);
		from = &place;
	} while (!error);
	return 0;
}

int live_refresh(int map, const struct tokens *tokens)
{
	const struct server_live value = { .entered_at = clock_now() };
	bool *entered = calloc(tokens->live_count + 1, sizeof(*entered));
	size_t i;
	int error;

	if (!entered)
		return -ENOMEM;
	error = remove_gone(map, tokens, entered);
	for (i = 0; !error && i < tokens->live_count; i++) {
		if (entered[i])
			continue;
		error = bpf_map_update_elem(map, &tokens->live[i], &value, BPF_NOEXIST);
		if (error == -EEXIST)
			error = 0;
	}
	free(entered);
	return error;
}
