/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * SYNs to a service. One with MP_CAPABLE is handed over to the auxiliary listener, which answers
 * it with a SYN cookie; so is the same SYN when the client sends it again without MP_CAPABLE. Those
 * with MP_JOIN are counted and limited.
 */
#ifndef MPTCPLB_SERVER_SYN_BPF_H
#define MPTCPLB_SERVER_SYN_BPF_H

#include <mptcplb/core.h>

#include "listener.bpf.h"
#include "live.bpf.h"
#include "maps.bpf.h"
#include "mp_capable.h"
#include "slots.bpf.h"

const volatile struct server_join_limit join_limit_token = {};
const volatile struct server_join_limit join_limit_total = {};

/* By enum server_family. Entries are replaced as a whole, which arrays cannot do. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SERVER_FAMILIES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct server_auxiliary);
} auxiliaries SEC(".maps");

/* Live token -> when its next join is due. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u64);
} joins_due SEC(".maps");

/*
 * The same of a token that is not: a guess, or one of a connection that nobody has told of yet, or
 * ever when user space is gone. By themselves, so that guesses push out nothing else.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u64);
} other_joins_due SEC(".maps");

/* When the next join of any token is due: of those that are not live (0), of those that are (1). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} all_joins_due SEC(".maps");

struct syn_walk {
	struct mptcplb_core_syn syn;
	__u32 length;
	__u8 options[MPTCPLB_SYN_BUFFER_SIZE];
};

static long syn_step(__u32 index, struct syn_walk *walk)
{
	(void)index;
	return mptcplb_core_syn_step(&walk->syn, walk->options, walk->length);
}

static __always_inline bool walk_syn(struct __sk_buff *skb, const struct packet *packet,
				     struct syn_walk *walk)
{
	__u32 length = packet->tcp.doff * 4 - sizeof(struct tcphdr);

	/*
	 * A multiple of 4, and two comparisons: the verifier of Linux 6.1 learns nothing from "not
	 * 0", and less from one comparison that the compiler makes of the two.
	 */
	if (length < 4)
		return false;
	asm volatile("" : "+r"(length));
	if (length > MPTCPLB_TCP_OPTIONS_MAX ||
	    bpf_skb_load_bytes(skb, packet->ip.offset + sizeof(struct tcphdr), walk->options,
			       length))
		return false;
	walk->length = length;
	walk->syn.offset = options_walk_from(walk->options, length);
	bpf_loop(MPTCPLB_TCP_OPTIONS_MAX, syn_step, walk, 0);
	return true;
}

/*
 * The auxiliary listener of the packet's family, to be released; NULL when there is none that is
 * sure to answer with a cookie. If its queue of requests had room, the agent would get a
 * connection that is the application's; if cookies were off, the SYN would be dropped.
 */
static __always_inline struct bpf_sock *find_auxiliary(struct __sk_buff *skb,
						       const struct packet *packet, __u64 now)
{
	__u32 family = packet->ip.version == 6 ? SERVER_IPV6 : SERVER_IPV4;
	const struct server_auxiliary *auxiliary = bpf_map_lookup_elem(&auxiliaries, &family);
	struct network loopback = { .version = packet->ip.version };
	struct listener listener = {};
	struct bpf_sock *socket;

	if (!auxiliary || is_over(now, auxiliary->filled_at, SERVER_AUXILIARY_NS))
		return NULL;
	loopback.source = family == SERVER_IPV6
				  ? (struct server_address){ { 0, 0, 0, bpf_htonl(1) } }
				  : ipv4_address(bpf_htonl(INADDR_LOOPBACK));
	loopback.destination = loopback.source;
	socket = find_socket(skb, &loopback, 0, auxiliary->port);
	if (!socket)
		return NULL;
	if (socket->state == BPF_TCP_LISTEN)
		describe_listener(socket, &listener);
	if (listener.kind == SERVER_LISTENER_MPTCP && listener.requests > 0 && listener.accepts &&
	    listener.cookies)
		return socket;
	bpf_sk_release(socket);
	return NULL;
}

/*
 * Whether the SYN is for a listener that would take the third ACK of a cookie sent in its name,
 * as if it were its own: it has sent one itself not long ago, and its SYN/ACKs look the same.
 */
static __always_inline enum server_counter may_hand_over(struct __sk_buff *skb,
							 const struct packet *packet,
							 const struct server_mark *mark, __u64 now)
{
	struct bpf_sock *socket =
		find_socket(skb, &packet->ip, packet->tcp.source, packet->tcp.dest);
	struct listener listener = {};
	bool listens;

	if (!socket)
		return SERVER_SYN_LISTENER;
	listens = socket->state == BPF_TCP_LISTEN;
	if (listens)
		describe_listener(socket, &listener);
	bpf_sk_release(socket);
	if (!listens)
		return SERVER_SYN_SOCKET;
	if (listener.kind != SERVER_LISTENER_MPTCP || !listener.plain)
		return SERVER_SYN_LISTENER;
	if (!mark->seen_at || is_over(now, mark->seen_at, SERVER_MARK_NS) || !listener.mark ||
	    (__s32)(listener.mark - mark->jiffies) < 0)
		return SERVER_SYN_UNMARKED;
	return SERVER_SYN_HANDED_OVER;
}

/* Have the auxiliary listener answer, if that is safe; else the SYN goes its normal way. */
static __always_inline void hand_over(struct __sk_buff *skb, const struct packet *packet,
				      const struct server_mark *mark)
{
	__u64 now = tick_time();
	enum server_counter result = may_hand_over(skb, packet, mark, now);
	struct bpf_sock *auxiliary;

	if (result == SERVER_SYN_HANDED_OVER) {
		auxiliary = find_auxiliary(skb, packet, now);
		if (!auxiliary || bpf_sk_assign(skb, auxiliary, 0))
			result = SERVER_SYN_AUXILIARY;
		if (auxiliary)
			bpf_sk_release(auxiliary);
	}
	count(result);
}

/* Whether one more is within a limit: moves on when the next one is due. */
static __always_inline bool within(const volatile struct server_join_limit *limit, __u64 *due,
				   __u64 now)
{
	__u64 start = *due > now ? *due : now;

	if (start - now > limit->burst_ns)
		return false;
	*due = start + limit->interval_ns;
	return true;
}

/*
 * Whether a join may go on. Retransmitted SYNs count like others. Who guesses tokens takes nothing
 * from those who know one.
 */
static __always_inline bool admit_join(__u32 token)
{
	__u64 now = bpf_ktime_get_ns(), due = now + join_limit_token.interval_ns;
	__u32 is_live = find_live(token) != NULL;
	__u64 *token_due = NULL, *total_due;

	if (join_limit_token.interval_ns)
		token_due = is_live ? bpf_map_lookup_elem(&joins_due, &token)
				    : bpf_map_lookup_elem(&other_joins_due, &token);
	if (token_due && !within(&join_limit_token, token_due, now)) {
		count(SERVER_JOIN_TOKEN_LIMIT);
		return false;
	}
	total_due =
		join_limit_total.interval_ns ? bpf_map_lookup_elem(&all_joins_due, &is_live) : NULL;
	if (total_due && !within(&join_limit_total, total_due, now)) {
		count(SERVER_JOIN_TOTAL_LIMIT);
		return false;
	}
	if (join_limit_token.interval_ns && !token_due) {
		if (is_live)
			bpf_map_update_elem(&joins_due, &token, &due, BPF_ANY);
		else
			bpf_map_update_elem(&other_joins_due, &token, &due, BPF_ANY);
	}
	count(SERVER_JOIN_PASSED);
	return true;
}

/*
 * Whether a SYN without MPTCP is that of a client that has tried with MP_CAPABLE and got no answer
 * in time. A half-open request beside the cookies that are on their way to it would be in the way
 * of the ACK of any of them, and the connection would be reset.
 */
static __always_inline bool gave_up_mptcp(const struct packet *packet)
{
	return was_offered(flow_id(&packet->ip.source, packet->tcp.source, &packet->ip.destination,
				   packet->tcp.dest, bpf_ntohl(packet->tcp.seq)));
}

/* What to do with a SYN to a service: true to let it pass. */
static __always_inline bool check_syn(struct __sk_buff *skb, const struct packet *packet,
				      const struct server_mark *mark)
{
	struct syn_walk walk = {};

	if (!walk_syn(skb, packet, &walk))
		return true;
	if (mptcplb_core_syn_is_join(&walk.syn))
		return admit_join(walk.syn.token);
	if (cookies_for_all)
		return true;
	if (walk.syn.seen == MPTCPLB_SYN_CAPABLE || (!walk.syn.seen && gave_up_mptcp(packet)))
		hand_over(skb, packet, mark);
	return true;
}

#endif
