/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Tokens that are in use, in buckets as the kernel has them: it drops a third ACK without a word
 * when it has the token already, or no room for it in its bucket.
 */
#ifndef MPTCPLB_SERVER_LIVE_BPF_H
#define MPTCPLB_SERVER_LIVE_BPF_H

#include <stdbool.h>

#include <asm-generic/errno-base.h>

#include "maps.bpf.h"

const volatile __u32 bucket_mask = 0;

/*
 * By the token's low bits. Entered here with the third ACK; user space removes those whose
 * connection is gone, and enters those of connections that did not come by here. Whatever a
 * handshake asks about a token is in one line of the CPU's cache.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct server_bucket);
} live SEC(".maps");

static __always_inline struct server_bucket *bucket_of(__u32 token)
{
	__u32 index = token & bucket_mask;

	return bpf_map_lookup_elem(&live, &index);
}

/* Where a token is in a bucket; NULL when it is not there. */
static __always_inline struct server_live *find_in(struct server_bucket *bucket, __u32 token)
{
	int i;

	for (i = 0; i < SERVER_BUCKET_TOKENS_MAX; i++) {
		if ((__u32)bucket->places[i].entry == token)
			return &bucket->places[i];
	}
	return NULL;
}

/* Who has a token; NULL when it is not live. */
static __always_inline struct server_live *find_live(__u32 token)
{
	struct server_bucket *bucket = bucket_of(token);

	return bucket && token ? find_in(bucket, token) : NULL;
}

/* Whether the kernel could take a token now. */
static __always_inline bool token_is_available(__u32 token)
{
	struct server_bucket *bucket = bucket_of(token);

	return bucket && token && !find_in(bucket, token) && find_in(bucket, 0);
}

/*
 * Give a token, which is not 0, to a flow. Returns 0, -EEXIST when another connection has it, or
 * -ENOSPC when its bucket is full.
 */
static __always_inline int enter_live(__u32 token, __u64 flow)
{
	const __u64 entry = server_live_entry(token, tick_time());
	struct server_bucket *bucket = bucket_of(token);
	int i;

	if (!bucket)
		return -ENOSPC;
	if (find_in(bucket, token))
		return -EEXIST;
	for (i = 0; i < SERVER_BUCKET_TOKENS_MAX; i++) {
		struct server_live *place = &bucket->places[i];

		if (!place->entry && !__sync_val_compare_and_swap(&place->entry, 0, entry)) {
			place->flow = flow;
			return 0;
		}
	}
	return -ENOSPC;
}

#endif
