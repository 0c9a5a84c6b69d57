/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Tokens that are in use, and how full the buckets of the kernel's token table are: the kernel
 * drops a third ACK without a word when it cannot enter its token there.
 */
#ifndef MPTCPLB_SERVER_LIVE_BPF_H
#define MPTCPLB_SERVER_LIVE_BPF_H

#include <stdbool.h>

#include "maps.bpf.h"

const volatile __u32 bucket_mask = 0;

/* Tokens in each bucket of the kernel's table: recounted by user space, raised here. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SERVER_BUCKETS_MAX);
	__type(key, __u32);
	__type(value, __u64);
} buckets SEC(".maps");

/*
 * Token -> who has it. Entered here with the third ACK; user space removes those whose connection
 * is gone, and enters those of connections that did not come by here. Allocated as a whole: to
 * allocate an entry in the middle of a handshake costs more than to enter it.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct server_live);
} live SEC(".maps");

static __always_inline __u64 *bucket_of(__u32 token)
{
	__u32 index = token & bucket_mask;

	return bpf_map_lookup_elem(&buckets, &index);
}

/* Whether the kernel could take a token now, as far as its bucket goes. */
static __always_inline bool bucket_has_room(__u32 token)
{
	const __u64 *tokens = bucket_of(token);

	return !tokens || *tokens < SERVER_BUCKET_TOKENS_MAX;
}

/* Make room for a token in its bucket; false when there is none. */
static __always_inline bool enter_bucket(__u32 token)
{
	__u64 *tokens = bucket_of(token);

	if (!tokens || __sync_fetch_and_add(tokens, 1) < SERVER_BUCKET_TOKENS_MAX)
		return true;
	__sync_fetch_and_add(tokens, -1);
	return false;
}

/* Give back what enter_bucket() has taken. */
static __always_inline void leave_bucket(__u32 token)
{
	__u64 *tokens = bucket_of(token);

	if (tokens)
		__sync_fetch_and_add(tokens, -1);
}

#endif
