/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The search for a key whose token names this server, for slots that user space has not filled
 * yet. It starts from the key that the kernel drew, so its randomness is the kernel's.
 */
#ifndef MPTCPLB_SERVER_SEARCH_BPF_H
#define MPTCPLB_SERVER_SEARCH_BPF_H

#include <stdbool.h>

#include <bpf/bpf_endian.h>

#include "../../lib/key_token.h"
#include "live.bpf.h"
#include "maps.bpf.h"

/* One entry, which is replaced as a whole; none: nothing is searched. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct server_search);
} searches SEC(".maps");

struct search_spent {
	__u64 since;
	__u64 nanoseconds;
};

/* The time that each CPU has spent on searches, in the second that began at since. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct search_spent);
} searches_spent SEC(".maps");

/* The token of a key that is given as it lies on the wire; with a stack of its own. */
static __noinline __u32 token_of_key(__u64 wire_key)
{
	__u64 key = bpf_be64_to_cpu(wire_key);

	return key_token(key >> 32, key);
}

struct key_search {
	const struct server_search *parameters;
	__u64 first; /* key to try, as an integer */
	__u64 key; /* that was found, as it lies on the wire; 0: none */
	__u32 token;
};

static __always_inline bool is_own_id(const struct server_search *parameters, __u32 server_id)
{
	bool own = false;
	int i;

	for (i = 0; i < SERVER_SEARCH_IDS_MAX; i++)
		own |= (__u32)i < parameters->id_count && parameters->ids[i] == server_id;
	return own;
}

static long key_search_step(__u32 index, struct key_search *search)
{
	const struct mptcplb_keyring *keyring = &search->parameters->keyring;
	__u64 key = search->first + index;
	__u32 token = key_token(key >> 32, key);
	struct mptcplb_token_parts parts;

	if (mptcplb_core_token_epoch(keyring, token) != keyring->active ||
	    mptcplb_core_token_decode(keyring, &parts, token) ||
	    !is_own_id(search->parameters, parts.server_id) || !token_is_available(token))
		return 0;
	search->key = bpf_cpu_to_be64(key);
	search->token = token;
	return 1;
}

/* Whether this CPU has time left for a search. */
static __always_inline bool may_search(struct search_spent *spent, __u64 now)
{
	if (now - spent->since >= SERVER_SECOND_NS)
		*spent = (struct search_spent){ .since = now };
	return spent->nanoseconds < SERVER_SEARCH_NS;
}

/* Find a key and its token, starting from a random one. Returns 0 when none is found. */
static __always_inline __u64 search_key(__u64 kernel_key, __u32 *token)
{
	__u64 now = bpf_ktime_get_ns();
	struct key_search search = { .first = bpf_be64_to_cpu(kernel_key) + 1 };
	struct search_spent *spent;
	__u32 zero = 0;

	search.parameters = bpf_map_lookup_elem(&searches, &zero);
	spent = bpf_map_lookup_elem(&searches_spent, &zero);
	if (!search.parameters || !spent)
		return 0;
	if (!may_search(spent, now)) {
		count(SERVER_SEARCH_NO_TIME);
		return 0;
	}
	bpf_loop(search.parameters->tries_max, key_search_step, &search, 0);
	spent->nanoseconds += bpf_ktime_get_ns() - now;
	count(search.key ? SERVER_SEARCH_FOUND : SERVER_SEARCH_FAILED);
	*token = search.token;
	return search.key;
}

#endif
