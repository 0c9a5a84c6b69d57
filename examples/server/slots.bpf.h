/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Keys on offer. They lie in slots, two of which are a flow's candidates by a keyed hash. To show
 * a key does not use it up, so that a flood of SYNs costs none; the verified third ACK does.
 */
#ifndef MPTCPLB_SERVER_SLOTS_BPF_H
#define MPTCPLB_SERVER_SLOTS_BPF_H

#include <asm-generic/errno-base.h>

#include <mptcplb/core.h>

#include "live.bpf.h"
#include "maps.bpf.h"
#include "packet.bpf.h"
#include "search.bpf.h"

const volatile __u32 slot_count = 1;
const volatile struct mptcplb_core_secret flow_secret = {};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct server_slot);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} consumed SEC(".maps");

/* Not inlined: handshakes find little of this in the CPU's caches, so the less of it the better. */
static __noinline __u64 flow_hash(__u64 hash, __u32 word)
{
	struct mptcplb_core_secret secret = { .k0 = flow_secret.k0 ^ hash, .k1 = flow_secret.k1 };

	return mptcplb_core_siphash(&secret, word);
}

/* A handshake by its 4-tuple and the client's initial sequence number: a keyed hash, never 0. */
static __always_inline __u64 flow_id(const struct server_address *client, __be16 client_port,
				     const struct server_address *server, __be16 server_port,
				     __u32 isn)
{
	__u64 id = 0;
	int i;

	/* The upper words of IPv4 addresses are all the same. */
	for (i = client->words[2] == bpf_htonl(0xffff) ? 3 : 0; i < 4; i++)
		id = flow_hash(flow_hash(id, client->words[i & 3]), server->words[i & 3]);
	id = flow_hash(flow_hash(id, (__u32)client_port << 16 | server_port), isn);
	return id ? id : 1;
}

/* The first (0) or second (1) slot whose key may be shown to a flow. */
static __always_inline __u32 candidate(__u64 flow, int which)
{
	return (__u32)(which ? flow >> 32 : flow) % slot_count;
}

/* Whether no other flow is looking at a slot's key, and the kernel could take it. */
static __always_inline bool is_fresh(const struct server_slot *slot, __u64 now)
{
	return slot->key && (!slot->shown_to || now - slot->shown_at > SERVER_SHOWN_NS) &&
	       bucket_has_room(slot->token);
}

/*
 * The slot whose key a flow is to see: the one it saw before (a retransmitted SYN), one that no
 * other flow is looking at, any that has a key, or an empty one.
 */
static __always_inline struct server_slot *choose_slot(__u64 flow, __u64 now)
{
	__u32 index = candidate(flow, 0);
	struct server_slot *first = bpf_map_lookup_elem(&slots, &index);
	struct server_slot *second;

	index = candidate(flow, 1);
	second = bpf_map_lookup_elem(&slots, &index);
	if (!first || !second)
		return NULL;
	if (first->key && first->shown_to == flow)
		return first;
	if (second->key && second->shown_to == flow)
		return second;
	if (is_fresh(first, now))
		return first;
	if (is_fresh(second, now))
		return second;
	if (first->key && (bucket_has_room(first->token) || !second->key))
		return first;
	return second->key ? second : first;
}

/*
 * Fill an empty slot: with a key that is searched here and now or, when none is found, with the one
 * that the kernel drew, to know its echo. Returns the slot's key.
 */
static __always_inline __u64 fill_slot(struct server_slot *slot, __u64 kernel_key)
{
	__u32 token = 0;
	__u64 key = search_key(kernel_key, &token), other;

	if (!key) {
		key = kernel_key;
		token = token_of_key(key);
	}
	other = __sync_val_compare_and_swap(&slot->key, 0, key);
	if (other)
		return other;
	*(volatile __u64 *)&slot->token = server_slot_token(key, token);
	return key;
}

/* Whether a flow was the last one to see a key, and so has got a SYN/ACK with a cookie. */
static __always_inline bool was_offered(__u64 flow)
{
	int which;

	for (which = 0; which < 2; which++) {
		__u32 index = candidate(flow, which);
		struct server_slot *slot = bpf_map_lookup_elem(&slots, &index);

		if (slot && slot->shown_to == flow)
			return true;
	}
	return false;
}

/* The key to offer to a flow. */
static __always_inline __u64 offer_key(__u64 flow, __u64 kernel_key)
{
	__u64 now = bpf_ktime_get_ns();
	struct server_slot *slot = choose_slot(flow, now);
	__u64 key;

	if (!slot)
		return kernel_key;
	key = *(volatile __u64 *)&slot->key;
	if (!key)
		key = fill_slot(slot, kernel_key);
	if (slot->shown_to != flow && slot->shown_to && now - slot->shown_at <= SERVER_SHOWN_NS)
		count(SERVER_SYNACK_SHOWN_AGAIN);
	if (!slot->first_shown_at)
		slot->first_shown_at = now;
	slot->shown_to = flow;
	slot->shown_at = now;
	return key;
}

/* A key that was offered to a flow, and where. */
struct offer {
	struct server_slot *slot; /* NULL: there is none */
	__u32 index;
	__u32 token; /* 0: still to be computed */
	bool previous; /* it was replaced since */
};

/* The token of a key that lies in a slot; 0 when it is not known. */
static __always_inline __u32 known_token(const struct server_slot *slot, __u64 key)
{
	return server_token_of(key, *(const volatile __u64 *)&slot->token);
}

static __always_inline struct offer find_offer(__u64 flow, __u64 key)
{
	__u64 now = bpf_ktime_get_ns();
	struct offer offer = {};
	int which;

	for (which = 0; key && which < 2; which++) {
		__u32 index = candidate(flow, which);
		struct server_slot *slot = bpf_map_lookup_elem(&slots, &index);

		if (slot && slot->key == key)
			return (struct offer){ slot, index, known_token(slot, key), false };
		if (slot && slot->previous_key == key &&
		    now - slot->replaced_at <= SERVER_PREVIOUS_NS)
			return (struct offer){ slot, SERVER_NO_SLOT, 0, true };
	}
	return offer;
}

/*
 * Whether to wake user space for one more empty slot. That costs several times what the rest of
 * the program does, so it is done for many at once. To ask how many wait is not free either: most
 * slots leave that to the next one.
 */
static __always_inline __u64 wake_up(__u32 slot)
{
	const __u32 share = slot_count / SERVER_WAKE_SHARE;

	if (!share)
		return 0;
	if (share >= SERVER_WAKE_ASKING && slot % SERVER_WAKE_ASKING)
		return BPF_RB_NO_WAKEUP;
	return bpf_ringbuf_query(&consumed, BPF_RB_AVAIL_DATA) < share * SERVER_RING_RECORD
		       ? BPF_RB_NO_WAKEUP
		       : BPF_RB_FORCE_WAKEUP;
}

/* Take a key out of its slot and tell user space; false when somebody else was faster. */
static __always_inline bool consume(const struct offer *offer, __u64 key)
{
	struct server_consumed event = { .key = key, .slot = offer->index };
	__u64 *place = offer->previous ? &offer->slot->previous_key : &offer->slot->key;

	if (__sync_val_compare_and_swap(place, key, 0) != key)
		return false;
	if (!offer->previous) {
		offer->slot->token = 0;
		offer->slot->shown_to = 0;
		offer->slot->first_shown_at = 0;
	}
	count(SERVER_CONSUMED);
	bpf_ringbuf_output(&consumed, &event, sizeof(event), wake_up(offer->index));
	return true;
}

/* Give a token to a flow; false when another connection has it. */
static __always_inline bool enter_live(__u32 token, __u64 flow)
{
	const struct server_live value = { .flow = flow, .entered_at = bpf_ktime_get_ns() };
	/* No long: before Linux 6.4 its upper half is not that of a negative number. */
	int error = (int)bpf_map_update_elem(&live, &token, &value, BPF_NOEXIST);

	if (error && error != -EEXIST)
		forbid_search(); /* the map is full: a search could find a token again */
	return error != -EEXIST;
}

/* Who echoes a key that is not on offer: maybe for the second time. */
static __always_inline enum server_counter look_for_owner(__u64 flow, __u64 key)
{
	__u32 token = token_of_key(key);
	const struct server_live *owner = bpf_map_lookup_elem(&live, &token);

	if (!owner)
		return SERVER_ACK_UNKNOWN_KEY;
	return owner->flow == flow ? SERVER_ACK_AGAIN : SERVER_ACK_DUPLICATE;
}

/* What becomes of a flow that echoes a key: SERVER_ACK_VERIFIED or so, or why it is refused. */
static __always_inline enum server_counter accept_key(__u64 flow, __u64 key)
{
	struct offer offer = find_offer(flow, key);

	if (!offer.slot)
		return look_for_owner(flow, key);
	if (!offer.token)
		offer.token = token_of_key(key);
	if (!consume(&offer, key))
		return SERVER_ACK_DUPLICATE;
	if (!offer.token)
		return SERVER_ACK_TOKEN_ZERO;
	if (!enter_bucket(offer.token))
		return SERVER_ACK_BUCKET_FULL;
	if (!enter_live(offer.token, flow)) {
		leave_bucket(offer.token);
		return SERVER_ACK_DUPLICATE;
	}
	return offer.previous ? SERVER_ACK_PREVIOUS : SERVER_ACK_VERIFIED;
}

#endif
