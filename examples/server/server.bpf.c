/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The packet path of the server agent. Egress puts a key of ours into SYN/ACKs that carry SYN
 * cookies; the kernel adopts the key that the client echoes. Ingress takes packets of balancers
 * out of their IP-in-IP, and sees to it that the kernel adopts no key but the offered one.
 */
#include <stdbool.h>
#include <stddef.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <mptcplb/core.h>

#include "mp_capable.h"
#include "server_kern_user.h"

#define IP_FRAGMENT_OFFSET 0x1fff
#define IP_MORE_FRAGMENTS 0x2000

const volatile __be32 own_address = 0;
const volatile bool decapsulate_only = false;
const volatile __u32 slot_count = 1;
const volatile __u32 bucket_mask = 0;
const volatile struct mptcplb_core_secret flow_secret = {};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct server_slot);
} slots SEC(".maps");

/* Tokens in each bucket of the kernel's table: recounted by user space, raised here. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SERVER_BUCKETS_MAX);
	__type(key, __u32);
	__type(value, __u64);
} buckets SEC(".maps");

/*
 * Key -> flow that consumed it. Only needed until the kernel has a socket for the flow, so the
 * oldest may go: a key that was consumed is in no slot and cannot be consumed again.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, __u64);
} taken SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} consumed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct server_service);
	__type(value, __u8);
} services SEC(".maps");

/* Addresses of the farm's balancers and servers: whose IP-in-IP is taken. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __be32);
	__type(value, __u8);
} members SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SERVER_COUNTER_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct packet {
	struct iphdr ip;
	struct tcphdr tcp;
	__u32 tcp_offset;
};

static __always_inline void count(__u32 counter)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		(*value)++;
}

/* Load the IPv4 header at @offset. */
static __always_inline bool load_ip(struct __sk_buff *skb, __u32 offset, struct iphdr *ip)
{
	return skb->protocol == bpf_htons(ETH_P_IP) &&
	       !bpf_skb_load_bytes(skb, offset, ip, sizeof(*ip)) && ip->version == 4 &&
	       ip->ihl >= 5;
}

/* Load the TCP header behind packet->ip, which must hold both and the options as a whole. */
static __always_inline bool load_tcp(struct __sk_buff *skb, struct packet *packet)
{
	__u32 ip_size = packet->ip.ihl * 4;

	packet->tcp_offset = ETH_HLEN + ip_size;
	return packet->ip.protocol == IPPROTO_TCP &&
	       !(packet->ip.frag_off & bpf_htons(IP_FRAGMENT_OFFSET | IP_MORE_FRAGMENTS)) &&
	       !bpf_skb_load_bytes(skb, packet->tcp_offset, &packet->tcp, sizeof(packet->tcp)) &&
	       packet->tcp.doff >= 5 &&
	       ip_size + packet->tcp.doff * 4 <= bpf_ntohs(packet->ip.tot_len);
}

static __always_inline bool is_service(__be32 address, __be16 port)
{
	struct server_service service = { .address = address, .port = port };

	return bpf_map_lookup_elem(&services, &service);
}

/* Find the MP_CAPABLE options of a segment. */
static __always_inline bool find_mp_capable(struct __sk_buff *skb, const struct packet *packet,
					    struct mp_capable *walk)
{
	__u32 length = packet->tcp.doff * 4 - sizeof(struct tcphdr);

	if (length < MP_CAPABLE_SYNACK_SIZE || length > MPTCPLB_TCP_OPTIONS_MAX ||
	    bpf_skb_load_bytes(skb, packet->tcp_offset + sizeof(struct tcphdr), walk->options,
			       length))
		return false;
	walk->length = length;
	bpf_loop(MPTCPLB_TCP_OPTIONS_MAX, mp_capable_step, walk, 0);
	return walk->count;
}

/*
 * Write changed options back. The stored bytes and the change of the checksum field cancel out in
 * a CHECKSUM_COMPLETE sum, and with CHECKSUM_PARTIAL the device sums up the new bytes.
 */
static __always_inline bool store_options(struct __sk_buff *skb, const struct packet *packet,
					  const __u8 before[MPTCPLB_TCP_OPTIONS_MAX],
					  struct mp_capable *walk)
{
	__u32 length = walk->length;
	__s64 difference;

	if (length < MP_CAPABLE_SYNACK_SIZE || length > MPTCPLB_TCP_OPTIONS_MAX)
		return false;
	difference = bpf_csum_diff((__be32 *)before, MPTCPLB_TCP_OPTIONS_MAX,
				   (__be32 *)walk->options, MPTCPLB_TCP_OPTIONS_MAX, 0);
	return difference >= 0 &&
	       !bpf_skb_store_bytes(skb, packet->tcp_offset + sizeof(struct tcphdr), walk->options,
				    length, 0) &&
	       !bpf_l4_csum_replace(skb, packet->tcp_offset + offsetof(struct tcphdr, check), 0,
				    difference, 0);
}

/* A handshake by its 4-tuple and the client's initial sequence number: a keyed hash, never 0. */
static __always_inline __u64 flow_id(__be32 client, __be32 server, __be16 client_port,
				     __be16 server_port, __u32 isn)
{
	const __u32 words[] = { client, server, (__u32)client_port << 16 | server_port, isn };
	struct mptcplb_core_secret secret = { .k1 = flow_secret.k1 };
	__u64 id = 0;
	__u32 i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		secret.k0 = flow_secret.k0 ^ id;
		id = mptcplb_core_siphash(&secret, words[i]);
	}
	return id ? id : 1;
}

/* The first (0) or second (1) slot whose key may be shown to a flow. */
static __always_inline __u32 candidate(__u64 flow, int which)
{
	return (__u32)(which ? flow >> 32 : flow) % slot_count;
}

static __always_inline bool is_fresh(const struct server_slot *slot, __u64 now)
{
	return slot->key && (!slot->shown_to || now - slot->shown_at > SERVER_SHOWN_NS);
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
	return first->key || !second->key ? first : second;
}

/* The key to offer to a flow. An empty slot keeps the one the kernel drew, to know its echo. */
static __always_inline __u64 offer_key(__u64 flow, __u64 kernel_key)
{
	__u64 now = bpf_ktime_get_ns();
	struct server_slot *slot = choose_slot(flow, now);
	__u64 key;

	if (!slot)
		return kernel_key;
	key = __sync_val_compare_and_swap(&slot->key, 0, kernel_key);
	if (!key)
		key = kernel_key;
	else if (slot->shown_to != flow && !is_fresh(slot, now))
		count(SERVER_SYNACK_SHOWN_AGAIN);
	slot->shown_to = flow;
	slot->shown_at = now;
	return key;
}

/*
 * Put a key of ours into a SYN/ACK. One that has a socket carries no cookie: the kernel has
 * already made up its mind about the key, so that stays.
 */
static __always_inline void rewrite_synack(struct __sk_buff *skb, bool with_socket)
{
	__u8 before[MPTCPLB_TCP_OPTIONS_MAX];
	struct mp_capable walk = {};
	struct packet packet;
	__u64 kernel_key, key;

	if (!load_ip(skb, ETH_HLEN, &packet.ip) || !load_tcp(skb, &packet) || !packet.tcp.syn ||
	    !packet.tcp.ack || !is_service(packet.ip.saddr, packet.tcp.source) ||
	    !find_mp_capable(skb, &packet, &walk) || !mp_capable_sound(&walk) ||
	    walk.size != MP_CAPABLE_SYNACK_SIZE)
		return;
	if (with_socket) {
		count(SERVER_SYNACK_SOCKET);
		return;
	}
	kernel_key = mp_capable_key(&walk, MP_CAPABLE_SENDER_KEY);
	key = offer_key(flow_id(packet.ip.daddr, packet.ip.saddr, packet.tcp.dest,
				packet.tcp.source, bpf_ntohl(packet.tcp.ack_seq) - 1),
			kernel_key);
	if (key == kernel_key) {
		count(SERVER_SYNACK_EMPTY);
		return;
	}
	__builtin_memcpy(before, walk.options, sizeof(before));
	mp_capable_set_key(&walk, MP_CAPABLE_SENDER_KEY, key);
	count(store_options(skb, &packet, before, &walk) ? SERVER_SYNACK_REWRITTEN
							 : SERVER_SYNACK_FAILED);
}

/* Whether the kernel has more than a listener for the segment: then it knows what to do. */
static __always_inline bool has_socket(struct __sk_buff *skb, const struct packet *packet)
{
	struct bpf_sock_tuple tuple = {
		.ipv4 = {
			.saddr = packet->ip.saddr,
			.daddr = packet->ip.daddr,
			.sport = packet->tcp.source,
			.dport = packet->tcp.dest,
		},
	};
	struct bpf_sock *sock =
		bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	bool found;

	if (!sock)
		return false;
	found = sock->state != BPF_TCP_LISTEN;
	bpf_sk_release(sock);
	return found;
}

/* Make room for a token in its bucket of the kernel's table; false when there is none. */
static __always_inline bool enter_bucket(__u32 token)
{
	__u32 index = token & bucket_mask;
	__u64 *tokens = bpf_map_lookup_elem(&buckets, &index);

	if (!token || !tokens)
		return true;
	if (__sync_fetch_and_add(tokens, 1) < SERVER_BUCKET_TOKENS_MAX)
		return true;
	__sync_fetch_and_add(tokens, -1);
	return false;
}

/* Empty a slot and tell user space. */
static __always_inline void consume(__u32 index, struct server_slot *slot, __u64 key)
{
	struct server_consumed event = { .slot = index, .token = slot->token };

	if (__sync_val_compare_and_swap(&slot->key, key, 0) != key)
		return;
	slot->token = 0;
	count(SERVER_CONSUMED);
	bpf_ringbuf_output(&consumed, &event, sizeof(event), 0);
}

/* The slot that offers a key to a flow, or NULL. Its index is in *index. */
static __always_inline struct server_slot *find_offer(__u64 flow, __u64 key, __u32 *index)
{
	struct server_slot *slot;
	int which;

	if (!key)
		return NULL;
	for (which = 0; which < 2; which++) {
		*index = candidate(flow, which);
		slot = bpf_map_lookup_elem(&slots, index);
		if (slot && slot->key == key)
			return slot;
	}
	return NULL;
}

/* What becomes of a flow that echoes a key: SERVER_ACK_VERIFIED, _AGAIN or why it is refused. */
static __always_inline enum server_counter accept_key(__u64 flow, __u64 key)
{
	__u64 *owner = bpf_map_lookup_elem(&taken, &key);
	struct server_slot *slot;
	bool room, first;
	__u32 index;

	if (owner)
		return *owner == flow ? SERVER_ACK_AGAIN : SERVER_ACK_DUPLICATE;
	slot = find_offer(flow, key, &index);
	if (!slot)
		return SERVER_ACK_UNKNOWN_KEY;
	room = enter_bucket(slot->token);
	first = room && !bpf_map_update_elem(&taken, &key, &flow, BPF_NOEXIST);
	consume(index, slot, key);
	if (!room)
		return SERVER_ACK_BUCKET_FULL;
	return first ? SERVER_ACK_VERIFIED : SERVER_ACK_DUPLICATE;
}

/*
 * Look at a segment to a service. If it is the third ACK of a handshake with a cookie, the kernel
 * adopts the key in it, unless it is one that the kernel cannot take: then it drops the segment
 * and the client hangs. So all but the key that was offered to this flow, once, is blanked, and
 * the connection becomes plain TCP.
 */
static __always_inline int check_ack(struct __sk_buff *skb, const struct packet *packet)
{
	__u8 before[MPTCPLB_TCP_OPTIONS_MAX];
	enum server_counter result = SERVER_ACK_MALFORMED;
	struct mp_capable walk = {};

	if (!find_mp_capable(skb, packet, &walk) || has_socket(skb, packet))
		return TC_ACT_UNSPEC;
	if (mp_capable_has_both_keys(&walk))
		result = accept_key(flow_id(packet->ip.saddr, packet->ip.daddr, packet->tcp.source,
					    packet->tcp.dest, bpf_ntohl(packet->tcp.seq) - 1),
				    mp_capable_key(&walk, MP_CAPABLE_PEER_KEY));
	count(result);
	if (result == SERVER_ACK_VERIFIED || result == SERVER_ACK_AGAIN)
		return TC_ACT_UNSPEC;
	__builtin_memcpy(before, walk.options, sizeof(before));
	mp_capable_blank(&walk);
	if (store_options(skb, packet, before, &walk))
		return TC_ACT_UNSPEC;
	count(SERVER_ACK_DROPPED);
	return TC_ACT_SHOT;
}

/* Whether the packet inside an IP-in-IP packet is for a service, as far as its headers tell. */
static __always_inline bool inner_is_for_service(struct __sk_buff *skb)
{
	__u32 offset = ETH_HLEN + sizeof(struct iphdr);
	__be16 ports[2] = {};
	struct iphdr ip;

	if (!load_ip(skb, offset, &ip))
		return false;
	if (ip.protocol == IPPROTO_ICMP || ip.frag_off & bpf_htons(IP_FRAGMENT_OFFSET))
		return is_service(ip.daddr, 0);
	return ip.protocol == IPPROTO_TCP &&
	       !bpf_skb_load_bytes(skb, offset + ip.ihl * 4, ports, sizeof(ports)) && ports[1] &&
	       is_service(ip.daddr, ports[1]);
}

/* Take a packet to us out of its IP-in-IP. Returns false when it must be dropped. */
static __always_inline bool decapsulate(struct __sk_buff *skb, struct iphdr *ip)
{
	__be32 source = ip->saddr;

	if (!bpf_map_lookup_elem(&members, &source)) {
		count(SERVER_DECAPSULATE_SOURCE);
		return false;
	}
	if (ip->ihl != 5 || ip->frag_off & bpf_htons(IP_FRAGMENT_OFFSET | IP_MORE_FRAGMENTS) ||
	    !inner_is_for_service(skb) ||
	    bpf_skb_adjust_room(skb, -(__s32)sizeof(struct iphdr), BPF_ADJ_ROOM_MAC,
				BPF_F_ADJ_ROOM_FIXED_GSO)) {
		count(SERVER_DECAPSULATE_INNER);
		return false;
	}
	count(SERVER_DECAPSULATED);
	return load_ip(skb, ETH_HLEN, ip);
}

SEC("tc")
int server_ingress(struct __sk_buff *skb)
{
	struct packet packet;

	if (!load_ip(skb, ETH_HLEN, &packet.ip))
		return TC_ACT_UNSPEC;
	if (packet.ip.protocol == IPPROTO_IPIP && packet.ip.daddr == own_address &&
	    !decapsulate(skb, &packet.ip))
		return TC_ACT_SHOT;
	if (decapsulate_only || !load_tcp(skb, &packet) || !packet.tcp.ack || packet.tcp.syn ||
	    packet.tcp.rst || !is_service(packet.ip.daddr, packet.tcp.dest))
		return TC_ACT_UNSPEC;
	return check_ack(skb, &packet);
}

SEC("tc")
int server_egress(struct __sk_buff *skb)
{
	struct bpf_sock *sock = skb->sk;

	rewrite_synack(skb, sock != NULL);
	return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
