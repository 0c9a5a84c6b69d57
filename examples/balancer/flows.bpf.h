/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The flow table: the servers of flows whose 4-tuple alone does not lead there. */
#ifndef MPTCPLB_BALANCER_FLOWS_BPF_H
#define MPTCPLB_BALANCER_FLOWS_BPF_H

#include "packet.bpf.h"

/* The two buckets that a flow can be in. */
struct places {
	struct balancer_bucket *buckets[2];
	__u64 hash;
};

/* A place is a way in one of them. */
#define IN_SECOND BALANCER_WAYS
#define NO_PLACE (2 * BALANCER_WAYS)

/* Masked, as the verifier of older kernels loses the bounds of a way on its way here. */
static __always_inline struct balancer_place *place_at(struct balancer_bucket *bucket, __u32 way)
{
	return &bucket->places[way & (BALANCER_WAYS - 1)];
}

/* Another CPU may change a word at any time, so it is read once, and changed if it is that still. */
static __always_inline __u64 word_load(const struct balancer_place *place)
{
	return *(const volatile __u64 *)&place->word;
}

static __always_inline bool word_change(struct balancer_place *place, __u64 from, __u64 to)
{
	return __sync_val_compare_and_swap(&place->word, from, to) == from;
}

static __always_inline void set_seen(struct balancer_place *place, __u32 now)
{
	/* Not at every packet: a write takes the cache line from the other CPUs. */
	if (place->seen != now)
		place->seen = now;
}

static __always_inline bool is_of_flow(__u64 word, __u64 hash)
{
	return !((word ^ hash) & BALANCER_WORD_TAG) && word & BALANCER_WORD_USED;
}

/*
 * The place of the flow with this hash, or NO_PLACE. Global, as is choose_place(): the verifier
 * then looks at it once, and not again for each place.
 */
__noinline __u32 find_place(struct balancer_bucket *first, struct balancer_bucket *second,
			    __u64 hash)
{
	if (!first || !second)
		return NO_PLACE;
	for (__u32 way = 0; way < BALANCER_WAYS; way++) {
		if (is_of_flow(word_load(&first->places[way]), hash))
			return way;
	}
	for (__u32 way = 0; way < BALANCER_WAYS; way++) {
		if (is_of_flow(word_load(&second->places[way]), hash))
			return IN_SECOND | way;
	}
	return NO_PLACE;
}

/*
 * How much a place is worth: a new flow takes the one of the least, and none that is active. The
 * flow's own; a free one, of the emptier bucket; that of the flow that is not kept and has been
 * idle for longest; that of such a flow that is kept.
 */
#define WORTH_OF_FREE 1ULL
#define WORTH_OF_NOT_KEPT (1ULL << 32)
#define WORTH_OF_KEPT (2ULL << 32)
#define WORTH_OF_ACTIVE (3ULL << 32)
/* What choose_place() returns has the place below the worth. */
#define WORTH_SHIFT 3
#define PLACE_MASK ((1 << WORTH_SHIFT) - 1)

static __always_inline __u64 worth_of(const struct balancer_bucket *bucket, __u32 way, __u64 hash,
				      __u32 now)
{
	const struct balancer_place *place = &bucket->places[way];
	__u64 word = word_load(place);
	__u32 seen = place->seen;

	if (is_of_flow(word, hash))
		return 0;
	if (!word)
		return WORTH_OF_FREE + way;
	if (!(word & BALANCER_WORD_KEPT))
		return WORTH_OF_NOT_KEPT | seen;
	/* Signed: another CPU may be ahead of now. */
	return (__s32)(now - seen) > BALANCER_IDLE ? WORTH_OF_KEPT | seen : WORTH_OF_ACTIVE;
}

__noinline __u64 choose_place(struct balancer_bucket *first, struct balancer_bucket *second,
			      __u64 hash, __u32 now)
{
	__u64 least = WORTH_OF_ACTIVE << WORTH_SHIFT, worth;

	if (!first || !second)
		return least;
	for (__u32 way = 0; way < BALANCER_WAYS; way++) {
		worth = worth_of(first, way, hash, now) << WORTH_SHIFT | way;
		if (worth < least)
			least = worth;
		worth = worth_of(second, way, hash, now) << WORTH_SHIFT | IN_SECOND | way;
		if (worth < least)
			least = worth;
	}
	return least;
}

static __always_inline bool find_places(struct places *places, const struct balancer_flow *flow)
{
	const struct mptcplb_core_secret *key = bpf_map_lookup_elem(&flow_key, &(__u32){ 0 });
	__u32 first, second;

	if (!key)
		return false;
	places->hash = balancer_flow_hash(key, flow);
	first = balancer_bucket(places->hash, 0, bucket_mask);
	second = balancer_bucket(places->hash, 1, bucket_mask);
	places->buckets[0] = bpf_map_lookup_elem(&flows, &first);
	places->buckets[1] = bpf_map_lookup_elem(&flows, &second);
	return places->buckets[0] && places->buckets[1];
}

static __always_inline __u32 time_now(void)
{
	return bpf_ktime_get_coarse_ns() >> BALANCER_SEEN_SHIFT;
}

/* Note for user space whose place this is. */
static __always_inline void set_name(const struct places *places, __u32 place,
				     const struct balancer_flow *flow)
{
	__u32 index = balancer_bucket(places->hash, place >= IN_SECOND, bucket_mask);
	struct balancer_flow *name;

	index = index * BALANCER_WAYS + place % BALANCER_WAYS;
	name = bpf_map_lookup_elem(&flow_names, &index);
	if (name)
		*name = *flow;
}

static __always_inline struct balancer_place *place_of(const struct places *places, __u32 place)
{
	return place_at(place < IN_SECOND ? places->buckets[0] : places->buckets[1], place);
}

/*
 * The server that is remembered for a flow, or BALANCER_NO_SERVER. With a packet of its own the
 * flow is kept; an ICMP error, which anybody may have forged, changes nothing.
 */
static __always_inline __u32 recall(const struct packet *packet, const struct places *places)
{
	const __u32 found = find_place(places->buckets[0], places->buckets[1], places->hash);
	struct balancer_place *place = place_of(places, found);
	__u64 word;

	if (found >= NO_PLACE)
		return BALANCER_NO_SERVER;
	word = word_load(place);
	if (!is_of_flow(word, places->hash))
		return BALANCER_NO_SERVER;
	if (packet->protocol != IPPROTO_TCP)
		return word & BALANCER_WORD_SERVER;
	set_seen(place, time_now());
	if (!(word & (BALANCER_WORD_KEPT | BALANCER_WORD_OLD)) &&
	    word_change(place, word, word | BALANCER_WORD_KEPT)) {
		set_name(places, found, &packet->flow);
		count(packet, BALANCER_FLOWS_KEPT);
	}
	return word & BALANCER_WORD_SERVER;
}

static __always_inline void forget(const struct packet *packet, const struct places *places)
{
	/* Two CPUs that remember a flow at once may take two places. */
	for (int i = 0; i < 2; i++) {
		const __u32 found =
			find_place(places->buckets[0], places->buckets[1], places->hash);
		struct balancer_place *place = place_of(places, found);
		__u64 word;

		if (found >= NO_PLACE)
			return;
		word = word_load(place);
		if (is_of_flow(word, places->hash) && word_change(place, word, 0))
			count(packet, BALANCER_FLOWS_FORGOTTEN);
	}
}

/* Whether a place has a word still that may be replaced: of the worth for which it was chosen. */
static __always_inline bool is_of_worth(__u64 word, __u64 worth, __u64 hash)
{
	if (worth == 0)
		return is_of_flow(word, hash);
	if (worth < WORTH_OF_NOT_KEPT)
		return !word;
	return word && !(word & BALANCER_WORD_KEPT) == (worth < WORTH_OF_KEPT);
}

/*
 * Remember that a flow goes to a server. A new flow takes the place of none that is kept and in
 * use; one from before a change, of which there may be more than places, takes a free one alone.
 */
static __always_inline void remember(const struct packet *packet, const struct places *places,
				     __u32 server)
{
	const __u32 now = time_now();
	const __u64 choice =
		choose_place(places->buckets[0], places->buckets[1], places->hash, now);
	struct balancer_place *place = place_of(places, choice & PLACE_MASK);
	const __u64 old = word_load(place);
	__u64 word = (places->hash & BALANCER_WORD_TAG) | BALANCER_WORD_USED | server;
	__u64 worth = choice >> WORTH_SHIFT;

	if (!packet->syn) {
		word |= BALANCER_WORD_OLD;
		if (worth < WORTH_OF_FREE || worth >= WORTH_OF_NOT_KEPT)
			worth = WORTH_OF_ACTIVE;
	} else if (worth == 0) {
		word |= old & BALANCER_WORD_KEPT;
	}
	if (worth >= WORTH_OF_ACTIVE || !is_of_worth(old, worth, places->hash)) {
		count(packet, BALANCER_FLOWS_NO_ROOM);
		return;
	}
	set_seen(place, now);
	if (!word_change(place, old, word)) {
		count(packet, BALANCER_FLOWS_NO_ROOM);
		return;
	}
	if (worth != 0)
		count(packet, BALANCER_FLOWS_NEW);
	if (worth >= WORTH_OF_KEPT)
		count(packet, BALANCER_FLOWS_EVICTED);
	else if (worth >= WORTH_OF_NOT_KEPT)
		count(packet, BALANCER_FLOWS_REPLACED);
}

#endif
