/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Keys on offer. They lie in slots, two of which are a flow's candidates by a keyed hash. To show
 * a key does not use it up, so that a flood of SYNs costs none; the verified third ACK does.
 */
#ifndef MPTCPLB_SERVER_SLOTS_BPF_H
#define MPTCPLB_SERVER_SLOTS_BPF_H

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

/* Wakes user space up: what is in it tells nothing. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} wake SEC(".maps");

/* How many slots were emptied since user space was woken. */
__u32 emptied = 0;

/* Not inlined: handshakes find little of this in the CPU's caches, so the less of it the better. */
static __noinline __u64 flow_hash(__u64 hash, __u64 block)
{
	const struct mptcplb_core_secret secret = { .k0 = flow_secret.k0, .k1 = flow_secret.k1 };
	const struct mptcplb_core_sip sip = mptcplb_core_sip_start(&secret);

	return mptcplb_core_sip_finish(&sip, hash, block);
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
		id = flow_hash(id, (__u64)client->words[i & 3] << 32 | server->words[i & 3]);
	id = flow_hash(id, (__u64)isn << 32 | (__u32)client_port << 16 | server_port);
	return id ? id : 1;
}

/* The first (0) or second (1) slot whose key may be shown to a flow. */
static __always_inline __u32 candidate(__u64 flow, int which)
{
	return (__u32)(which ? flow >> 32 : flow) % slot_count;
}

/* The token of a key that lies in a slot; 0 when it is not known. */
static __always_inline __u32 known_token(const struct server_slot *slot, __u64 key)
{
	return server_token_of(key, *(const volatile __u64 *)&slot->token);
}

/* Whether the kernel could take a slot's key, as far as is known. */
static __always_inline bool is_acceptable(const struct server_slot *slot)
{
	const __u64 key = *(const volatile __u64 *)&slot->key;
	const __u32 token = known_token(slot, key);

	return key && (!token || token_is_available(token));
}

/* Whether a slot's key may be shown to a flow that has not seen it: no other is looking at it. */
static __always_inline bool is_fresh(const struct server_slot *slot, __u64 now)
{
	return (!slot->shown_to || is_over(now, slot->shown_at, SERVER_SHOWN_NS)) &&
	       is_acceptable(slot);
}

/*
 * The slot whose key a flow is to see: the one it saw before (a retransmitted SYN), one that no
 * other flow is looking at, any that has a key, or an empty one. The second candidate is most often
 * not even looked at: that costs more than all the rest. So who saw the second before may be shown
 * the first, when that has got a new key; both are good.
 */
static __always_inline struct server_slot *choose_slot(__u64 flow, __u64 now)
{
	__u32 index = candidate(flow, 0);
	struct server_slot *first = bpf_map_lookup_elem(&slots, &index);
	struct server_slot *second;

	if (!first || (first->key && first->shown_to == flow) || is_fresh(first, now))
		return first;
	index = candidate(flow, 1);
	second = bpf_map_lookup_elem(&slots, &index);
	if (!second || (second->key && second->shown_to == flow) || is_fresh(second, now))
		return second;
	if (is_acceptable(first) || !second->key)
		return first;
	return second;
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
	__u64 now = tick_time();
	struct server_slot *slot = choose_slot(flow, now);
	__u64 key;

	if (!slot)
		return kernel_key;
	key = *(volatile __u64 *)&slot->key;
	if (!key)
		key = fill_slot(slot, kernel_key);
	if (slot->shown_to != flow && slot->shown_to &&
	    !is_over(now, slot->shown_at, SERVER_SHOWN_NS))
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
	__u32 token; /* 0: still to be computed */
	bool previous; /* it was replaced since */
};

static __always_inline struct offer find_offer(__u64 flow, __u64 key)
{
	__u64 now = tick_time();
	struct offer offer = {};
	int which;

	for (which = 0; key && which < 2; which++) {
		__u32 index = candidate(flow, which);
		struct server_slot *slot = bpf_map_lookup_elem(&slots, &index);

		if (slot && slot->key == key)
			return (struct offer){ slot, known_token(slot, key), false };
		if (slot && slot->previous_key == key &&
		    !is_over(now, slot->replaced_at, SERVER_PREVIOUS_NS))
			return (struct offer){ slot, 0, true };
	}
	return offer;
}

/* One more slot is empty. To wake user space up costs several times what the rest here does. */
static __always_inline void note_emptied(void)
{
	const __u32 share = slot_count / SERVER_WAKE_SHARE;

	if (__sync_fetch_and_add(&emptied, 1) < share)
		return;
	emptied = 0;
	bpf_ringbuf_output(&wake, (void *)&emptied, sizeof(emptied), BPF_RB_FORCE_WAKEUP);
}

/* Take a key out of its slot; false when somebody else was faster. */
static __always_inline bool consume(const struct offer *offer, __u64 key)
{
	__u64 *place = offer->previous ? &offer->slot->previous_key : &offer->slot->key;

	if (__sync_val_compare_and_swap(place, key, 0) != key)
		return false;
	if (!offer->previous) {
		offer->slot->shown_to = 0;
		offer->slot->first_shown_at = 0;
		note_emptied();
	}
	count(SERVER_CONSUMED);
	return true;
}

/* Who echoes a key that is not on offer: maybe for the second time. */
static __always_inline enum server_counter look_for_owner(__u64 flow, __u64 key)
{
	const struct server_live *owner = find_live(token_of_key(key));

	if (!owner)
		return SERVER_ACK_UNKNOWN_KEY;
	return owner->flow == flow ? SERVER_ACK_AGAIN : SERVER_ACK_DUPLICATE;
}

/* What becomes of a flow that echoes an offered key: SERVER_ACK_VERIFIED or so, or why not. */
static __always_inline enum server_counter accept_offer(struct offer *offer, __u64 flow, __u64 key)
{
	int error;

	if (!offer->token)
		offer->token = token_of_key(key);
	if (!consume(offer, key))
		return SERVER_ACK_DUPLICATE;
	if (!offer->token)
		return SERVER_ACK_TOKEN_ZERO;
	error = enter_live(offer->token, flow);
	if (error)
		return error == -EEXIST ? look_for_owner(flow, key) : SERVER_ACK_BUCKET_FULL;
	return offer->previous ? SERVER_ACK_PREVIOUS : SERVER_ACK_VERIFIED;
}

#endif
