/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The packet path of the server agent. Ingress takes packets of balancers out of their IP-in-IP,
 * has SYNs with MP_CAPABLE answered with SYN cookies, and sees to it that the kernel adopts no key
 * but the offered one. Egress puts a key of ours into the SYN/ACKs that carry such cookies; the
 * kernel adopts the key that the client echoes.
 */
#include <stddef.h>

#include <linux/pkt_cls.h>

#include "decapsulate.bpf.h"
#include "established.bpf.h"
#include "listener.bpf.h"
#include "maps.bpf.h"
#include "mp_capable.h"
#include "packet.bpf.h"
#include "slots.bpf.h"
#include "syn.bpf.h"

struct options_room {
	struct mp_capable walk;
	__u8 before[MPTCPLB_TCP_OPTIONS_MAX];
};

/* The options of the packet in hand: they have no room on the stack beside a search for a key. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct options_room);
} options_room SEC(".maps");

/* Find the MP_CAPABLE options, of @least bytes, of a segment; NULL when it has none. */
static __always_inline struct options_room *
find_mp_capable(struct __sk_buff *skb, const struct packet *packet, __u32 least)
{
	__u32 length = packet->tcp.doff * 4 - sizeof(struct tcphdr), zero = 0;
	struct options_room *room;
	struct mp_capable *walk;

	if (length < least)
		return NULL;
	/* Or the compiler makes one comparison of the two: see walk_syn(). */
	asm volatile("" : "+r"(length));
	if (length > MPTCPLB_TCP_OPTIONS_MAX)
		return NULL;
	room = bpf_map_lookup_elem(&options_room, &zero);
	if (!room)
		return NULL;
	walk = &room->walk;
	__builtin_memset(walk, 0, sizeof(*walk));
	if (bpf_skb_load_bytes(skb, packet->ip.offset + sizeof(struct tcphdr), walk->options,
			       length))
		return NULL;
	walk->length = length;
	if (mp_capable_is_absent(walk))
		return NULL;
	walk->next = options_walk_from(walk->options, length);
	bpf_loop(MPTCPLB_TCP_OPTIONS_MAX, mp_capable_step, &walk, 0);
	if (!walk->count)
		return NULL;
	__builtin_memcpy(room->before, walk->options, sizeof(room->before));
	return room;
}

/*
 * Write changed options back. The stored bytes and the change of the checksum field cancel out in
 * a CHECKSUM_COMPLETE sum, and with CHECKSUM_PARTIAL the device sums up the new bytes.
 */
static __always_inline bool store_options(struct __sk_buff *skb, const struct packet *packet,
					  struct options_room *room)
{
	__u32 length = room->walk.length;
	__s64 difference;

	if (length < MP_CAPABLE_SYNACK_SIZE || length > MPTCPLB_TCP_OPTIONS_MAX)
		return false;
	difference = bpf_csum_diff((__be32 *)room->before, MPTCPLB_TCP_OPTIONS_MAX,
				   (__be32 *)room->walk.options, MPTCPLB_TCP_OPTIONS_MAX, 0);
	return difference >= 0 &&
	       !bpf_skb_store_bytes(skb, packet->ip.offset + sizeof(struct tcphdr),
				    room->walk.options, length, 0) &&
	       !bpf_l4_csum_replace(skb, packet->ip.offset + offsetof(struct tcphdr, check), 0,
				    difference, 0);
}

/*
 * Put a key of ours into a SYN/ACK. One that has a socket carries no cookie: the kernel has
 * already made up its mind about the key, so that stays.
 */
static __always_inline void rewrite_synack(struct __sk_buff *skb, bool with_socket)
{
	struct options_room *room;
	struct packet packet = {};
	__u64 kernel_key, key;

	if (!load_network(skb, &packet.ip) || !load_tcp(skb, &packet) || !packet.tcp.syn ||
	    !packet.tcp.ack || !find_service(&packet.ip.source, packet.tcp.source))
		return;
	room = find_mp_capable(skb, &packet, MP_CAPABLE_SYNACK_SIZE);
	if (!room || !mp_capable_sound(&room->walk) || room->walk.size != MP_CAPABLE_SYNACK_SIZE)
		return;
	if (with_socket) {
		count(SERVER_SYNACK_SOCKET);
		return;
	}
	kernel_key = mp_capable_key(&room->walk, MP_CAPABLE_SENDER_KEY);
	key = offer_key(flow_id(&packet.ip.destination, packet.tcp.dest, &packet.ip.source,
				packet.tcp.source, bpf_ntohl(packet.tcp.ack_seq) - 1),
			kernel_key);
	if (key == kernel_key) {
		count(SERVER_SYNACK_EMPTY);
		return;
	}
	mp_capable_set_key(&room->walk, MP_CAPABLE_SENDER_KEY, key);
	count(store_options(skb, &packet, room) ? SERVER_SYNACK_REWRITTEN : SERVER_SYNACK_FAILED);
}

/*
 * Look at a segment to a service. If it is the third ACK of a handshake with a cookie, the kernel
 * adopts the key in it, unless it is one that the kernel cannot take: then it drops the segment
 * and the client hangs. So all but the key that was offered to this flow, once, is blanked, and
 * the connection becomes plain TCP. Returns false when that could not be done.
 */
static __always_inline bool check_ack(struct __sk_buff *skb, const struct packet *packet)
{
	struct options_room *room = find_mp_capable(skb, packet, MP_CAPABLE_ACK_SIZE);
	enum server_counter result = SERVER_ACK_MALFORMED;
	struct offer offer = {};
	__u64 flow = 0, key = 0;

	if (!room)
		return true;
	if (mp_capable_has_both_keys(&room->walk)) {
		key = mp_capable_key(&room->walk, MP_CAPABLE_PEER_KEY);
		flow = flow_id(&packet->ip.source, packet->tcp.source, &packet->ip.destination,
			       packet->tcp.dest, bpf_ntohl(packet->tcp.seq) - 1);
		offer = find_offer(flow, key);
	}
	if (offer.slot)
		result = accept_offer(&offer, flow, key);
	else if (has_socket(skb, packet))
		return true;
	else if (flow)
		result = look_for_owner(flow, key);
	count(result);
	if (result == SERVER_ACK_VERIFIED || result == SERVER_ACK_PREVIOUS ||
	    result == SERVER_ACK_AGAIN)
		return true;
	mp_capable_blank(&room->walk);
	if (store_options(skb, packet, room))
		return true;
	count(SERVER_ACK_DROPPED);
	return false;
}

/*
 * Whether the kernel may find a segment for a service where load_tcp() has found none: its TCP
 * header is cut into fragments, or behind many extension headers. Honest senders do neither.
 */
static __always_inline bool is_hidden(struct __sk_buff *skb, const struct network *ip)
{
	if (ip->later_fragment)
		return false;
	if (is_extension(ip->protocol))
		return find_service(&ip->destination, 0);
	return ip->fragment && ip->protocol == IPPROTO_TCP && is_for_service(skb, ip);
}

/*
 * What ingress does with a packet that has to be looked at with care; returns its verdict. Apart
 * from what comes before, or the compiler clears memory for each segment there is.
 */
static __always_inline int look_closely(struct __sk_buff *skb)
{
	const struct server_mark *service;
	struct packet packet = {};
	bool pass = true;

	if (!load_network(skb, &packet.ip))
		return TC_ACT_UNSPEC;
	if (is_tunnel(&packet.ip) && is_to_us(&packet.ip)) {
		if (!decapsulate(skb, &packet.ip))
			return TC_ACT_SHOT;
		if (!decapsulate_only && is_established(skb))
			return TC_ACT_UNSPEC;
	}
	if (decapsulate_only)
		return TC_ACT_UNSPEC;
	if (!load_tcp(skb, &packet)) {
		if (!is_hidden(skb, &packet.ip))
			return TC_ACT_UNSPEC;
		count(SERVER_HIDDEN);
		return TC_ACT_SHOT;
	}
	if (packet.tcp.rst)
		return TC_ACT_UNSPEC;
	service = find_service(&packet.ip.destination, packet.tcp.dest);
	if (!service)
		return TC_ACT_UNSPEC;
	if (packet.tcp.ack && !packet.tcp.syn)
		pass = check_ack(skb, &packet);
	else if (packet.tcp.syn && !packet.tcp.ack && !packet.tcp.fin)
		pass = check_syn(skb, &packet, service);
	return pass ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}

/* All that ingress does with a packet; returns its verdict. */
static __always_inline int let_in(struct __sk_buff *skb)
{
	return is_established(skb) ? TC_ACT_UNSPEC : look_closely(skb);
}

SEC("tc")
int server_ingress(struct __sk_buff *skb)
{
	return let_in(skb);
}

SEC("tc")
int server_egress(struct __sk_buff *skb)
{
	struct bpf_sock *sock = skb->sk;

	if (!is_no_synack(skb))
		rewrite_synack(skb, sock != NULL);
	return TC_ACT_UNSPEC;
}

/*
 * For user space, which runs it over a SYN of its own making: tells which listener would get that
 * SYN, and leaves its mark and the length of its request queue in the context.
 */
SEC("tc")
int server_look(struct __sk_buff *skb)
{
	struct listener listener = {};
	struct packet packet = {};
	struct bpf_sock *socket;

	if (!load_network(skb, &packet.ip) || !load_tcp(skb, &packet))
		return SERVER_LISTENER_NONE;
	socket = find_socket(skb, &packet.ip, packet.tcp.source, packet.tcp.dest);
	if (!socket)
		return SERVER_LISTENER_NONE;
	if (socket->state == BPF_TCP_LISTEN)
		describe_listener(socket, &listener);
	bpf_sk_release(socket);
	skb->cb[SERVER_LOOK_MARK] = listener.mark;
	skb->cb[SERVER_LOOK_QUEUE] = listener.requests;
	skb->cb[SERVER_LOOK_PLAIN] = listener.plain;
	return listener.kind;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
