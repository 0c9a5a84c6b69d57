// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * The data path: joins go to the owner of their token, their later packets follow, and all else
 * is spread by a consistent hash. What goes to a server is encapsulated, IP in IP; replies go
 * straight to the client.
 */
#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "balancer_kern_user.h"

#define AF_INET 2
#define IP_DF 0x4000
#define IP_OFFSET 0x1fff
#define OUTER_TTL 64

/* Set before loading. */
const volatile bool tokens = true; /* false: joins are like any SYN */
const volatile bool drop_unroutable = false; /* false: they are hashed like any SYN */

/* Map sizes of 1 are set by the loader. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct balancer_config);
} config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct balancer_service);
	__type(value, __u32); /* index into tables */
} services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct balancer_table);
} tables SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct balancer_server);
} servers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32); /* server id */
	__type(value, __u32); /* server index */
} owners SEC(".maps");

/* Joined subflows. Only a join's second packet brings it here, so a flood of SYNs does not. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct balancer_flow);
	__type(value, __u32); /* server index */
} flows SEC(".maps");

/* Joins of which the SYN alone was seen. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct balancer_flow);
	__type(value, __u32); /* server index */
} pending SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BALANCER_COUNTER_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

static __always_inline void count(__u32 counter)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		(*value)++;
}

static __always_inline int pass(enum balancer_counter counter)
{
	count(counter);
	return XDP_PASS;
}

static __always_inline int drop(enum balancer_counter counter)
{
	count(counter);
	return XDP_DROP;
}

static __always_inline bool is_service_address(__be32 address)
{
	struct balancer_service key = { .address = bpf_ntohl(address) };

	return bpf_map_lookup_elem(&services, &key);
}

/* What is in reach of the functions below; the verifier forgets packet pointers in structs. */
struct packet {
	struct balancer_flow flow;
	__u32 ip_length; /* of the packet from its IP header on, as that header says */
	__u32 options_offset; /* from the start of the frame */
	__u32 options_length;
	__u8 tos;
	bool syn;
};

/*
 * Check that headers and lengths fit each other. Everything that is read later is inside of
 * what was checked here.
 */
static __always_inline bool parse(struct packet *packet, const struct iphdr *ip,
				  const struct tcphdr *tcp, const void *data_end)
{
	__u32 ip_header = ip->ihl * 4;
	__u32 tcp_header = tcp->doff * 4;

	packet->ip_length = bpf_ntohs(ip->tot_len);
	packet->options_offset = sizeof(struct ethhdr) + ip_header + sizeof(*tcp);
	packet->options_length = tcp_header - sizeof(*tcp);
	packet->tos = ip->tos;
	packet->syn = tcp->syn && !tcp->ack && !tcp->rst;
	return tcp_header >= sizeof(*tcp) && packet->ip_length >= ip_header + tcp_header &&
	       (const void *)ip + packet->ip_length <= data_end;
}

struct options {
	struct mptcplb_core_syn syn;
	__u32 length;
	__u8 bytes[MPTCPLB_SYN_BUFFER_SIZE];
};

static long look_at_option(__u32 index, struct options *options)
{
	return mptcplb_core_syn_step(&options->syn, options->bytes, options->length);
}

/* Whether the SYN is a join, and whose token it carries. */
static __always_inline bool find_join(struct xdp_md *ctx, const struct packet *packet, __u32 *token)
{
	struct options options = { .length = packet->options_length };

	if (options.length == 0 || options.length > MPTCPLB_TCP_OPTIONS_MAX)
		return false;
	if (bpf_xdp_load_bytes(ctx, packet->options_offset, options.bytes, options.length))
		return false;
	bpf_loop(MPTCPLB_TCP_OPTIONS_MAX, look_at_option, &options, 0);
	if (options.syn.seen & MPTCPLB_SYN_MALFORMED)
		count(BALANCER_MALFORMED_OPTIONS);
	*token = options.syn.token;
	return mptcplb_core_syn_is_join(&options.syn);
}

static __always_inline bool serves(const struct balancer_table *table, __u32 server)
{
	return server < BALANCER_SERVERS_MAX && table->serves[server / 64] >> server % 64 & 1;
}

/* The index of a token's owner if it can take the join, or BALANCER_NO_SERVER, counted. */
static __always_inline __u32 find_owner(const struct balancer_table *table,
					const struct mptcplb_keyring *keyring, __u32 token)
{
	struct mptcplb_token_parts parts = {};
	struct balancer_server *server;
	__u32 *owner;

	switch (mptcplb_core_token_decode(keyring, &parts, token)) {
	case MPTCPLB_OK:
		break;
	case MPTCPLB_ERR_TOKEN_ZERO:
		count(BALANCER_UNROUTABLE_TOKEN_ZERO);
		return BALANCER_NO_SERVER;
	default:
		count(BALANCER_UNROUTABLE_EPOCH);
		return BALANCER_NO_SERVER;
	}
	owner = bpf_map_lookup_elem(&owners, &parts.server_id);
	if (!owner) {
		count(BALANCER_UNROUTABLE_ID);
		return BALANCER_NO_SERVER;
	}
	if (!serves(table, *owner)) {
		count(BALANCER_UNROUTABLE_SERVICE);
		return BALANCER_NO_SERVER;
	}
	server = bpf_map_lookup_elem(&servers, owner);
	if (!server || server->down) {
		count(BALANCER_UNROUTABLE_DOWN);
		return BALANCER_NO_SERVER;
	}
	return *owner;
}

static __always_inline void remember(const struct balancer_flow *flow, __u32 server)
{
	__u32 *known = bpf_map_lookup_elem(&flows, flow);

	if (known)
		*known = server;
	else
		bpf_map_update_elem(&pending, flow, &server, BPF_ANY);
}

static __always_inline void forget(const struct balancer_flow *flow)
{
	bool known = false;

	/* A lookup that finds nothing is cheaper than a deletion, which takes a lock first. */
	if (bpf_map_lookup_elem(&flows, flow))
		known |= bpf_map_delete_elem(&flows, flow) == 0;
	if (bpf_map_lookup_elem(&pending, flow))
		known |= bpf_map_delete_elem(&pending, flow) == 0;
	if (known)
		count(BALANCER_FLOWS_FORGOTTEN);
}

static __always_inline __u32 recall(const struct balancer_flow *flow)
{
	__u32 *known = bpf_map_lookup_elem(&flows, flow);
	__u32 server;

	if (known)
		return *known;
	known = bpf_map_lookup_elem(&pending, flow);
	if (!known)
		return BALANCER_NO_SERVER;
	server = *known;
	bpf_map_update_elem(&flows, flow, &server, BPF_ANY);
	bpf_map_delete_elem(&pending, flow);
	count(BALANCER_FLOWS_KEPT);
	return server;
}

static __always_inline __u16 checksum(const struct iphdr *ip)
{
	const __u16 *words = (const __u16 *)ip;
	__u32 sum = 0;

#pragma unroll
	for (int i = 0; i < (int)(sizeof(*ip) / sizeof(*words)); i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

struct next_hop {
	__u32 ifindex;
	__u8 source[ETH_ALEN];
	__u8 destination[ETH_ALEN];
};

/* Where the router is that the packet came from. It knows the way to the servers. */
static __always_inline int next_hop_sender(struct xdp_md *ctx, struct next_hop *hop)
{
	const struct ethhdr *eth = (void *)(long)ctx->data;
	__u32 mtu = 0;

	if ((const void *)(eth + 1) > (void *)(long)ctx->data_end)
		return drop(BALANCER_DROPPED_TRUNCATED);
	hop->ifindex = ctx->ingress_ifindex;
	__builtin_memcpy(hop->source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(hop->destination, eth->h_source, ETH_ALEN);
	if (bpf_check_mtu(ctx, hop->ifindex, &mtu, sizeof(struct iphdr), 0) > 0)
		return drop(BALANCER_DROPPED_TOO_BIG);
	count(BALANCER_NEXT_HOP_SENDER);
	return XDP_REDIRECT;
}

/* Ask the routing table for the way to the server. XDP_REDIRECT: @hop is filled. */
static __always_inline int find_next_hop(struct xdp_md *ctx, struct next_hop *hop,
					 const struct iphdr *outer)
{
	struct bpf_fib_lookup fib = {
		.family = AF_INET,
		.l4_protocol = outer->protocol,
		.tot_len = bpf_ntohs(outer->tot_len),
		.ifindex = ctx->ingress_ifindex,
		.tos = outer->tos,
		.ipv4_src = outer->saddr,
		.ipv4_dst = outer->daddr,
	};

	switch (bpf_fib_lookup(ctx, &fib, sizeof(fib), 0)) {
	case BPF_FIB_LKUP_RET_SUCCESS:
		hop->ifindex = fib.ifindex;
		__builtin_memcpy(hop->source, fib.smac, ETH_ALEN);
		__builtin_memcpy(hop->destination, fib.dmac, ETH_ALEN);
		return XDP_REDIRECT;
	case BPF_FIB_LKUP_RET_FRAG_NEEDED:
		return drop(BALANCER_DROPPED_TOO_BIG);
	case BPF_FIB_LKUP_RET_BLACKHOLE:
	case BPF_FIB_LKUP_RET_UNREACHABLE:
	case BPF_FIB_LKUP_RET_PROHIBIT:
		return drop(BALANCER_DROPPED_NO_ROUTE);
	default:
		/* This host does not forward, or has not resolved the neighbour. */
		return next_hop_sender(ctx, hop);
	}
}

/* Encapsulate and send. The packet inside stays as it came. */
static __always_inline int send(struct xdp_md *ctx, const struct packet *packet, __u32 source,
				__u32 destination)
{
	struct iphdr outer = {
		.version = 4,
		.ihl = sizeof(outer) / 4,
		.tos = packet->tos,
		.tot_len = bpf_htons(packet->ip_length + sizeof(outer)),
		.frag_off = bpf_htons(IP_DF), /* so the id may stay 0 (RFC 6864, section 4.1) */
		.ttl = OUTER_TTL,
		.protocol = IPPROTO_IPIP,
		.saddr = bpf_htonl(source),
		.daddr = bpf_htonl(destination),
	};
	struct next_hop hop = {};
	struct ethhdr *eth;
	struct iphdr *ip;
	int verdict;

	if (packet->ip_length + sizeof(outer) > 0xffff)
		return drop(BALANCER_DROPPED_TOO_BIG);
	verdict = find_next_hop(ctx, &hop, &outer);
	if (verdict != XDP_REDIRECT)
		return verdict;
	outer.check = checksum(&outer);

	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(outer)))
		return drop(BALANCER_DROPPED_NO_HEADROOM);
	eth = (void *)(long)ctx->data;
	ip = (void *)(eth + 1);
	if ((void *)(ip + 1) > (void *)(long)ctx->data_end)
		return drop(BALANCER_DROPPED_TRUNCATED);
	__builtin_memcpy(eth->h_dest, hop.destination, ETH_ALEN);
	__builtin_memcpy(eth->h_source, hop.source, ETH_ALEN);
	eth->h_proto = bpf_htons(ETH_P_IP);
	*ip = outer;
	/* Not XDP_TX: a veth takes that only when its peer has an XDP program too. */
	return bpf_redirect(hop.ifindex, 0);
}

/*
 * Choose a server by token or memory. BALANCER_NO_SERVER: the hash decides, unless *unroutable
 * says that a join's token led nowhere.
 */
static __always_inline __u32 choose_known(struct xdp_md *ctx, const struct packet *packet,
					  const struct balancer_table *table,
					  const struct balancer_config *farm, bool *unroutable)
{
	__u32 server, token = 0;

	if (!tokens)
		return BALANCER_NO_SERVER;
	if (!packet->syn) {
		server = recall(&packet->flow);
		if (server != BALANCER_NO_SERVER)
			count(BALANCER_ROUTED_FLOW);
		return server;
	}
	if (find_join(ctx, packet, &token)) {
		server = find_owner(table, &farm->keyring, token);
		if (server != BALANCER_NO_SERVER) {
			remember(&packet->flow, server);
			count(BALANCER_ROUTED_TOKEN);
			return server;
		}
		*unroutable = true;
	}
	forget(&packet->flow);
	return BALANCER_NO_SERVER;
}

static __always_inline int balance(struct xdp_md *ctx, const struct packet *packet,
				   __u32 table_index)
{
	const struct balancer_table *table = bpf_map_lookup_elem(&tables, &table_index);
	const struct balancer_config *farm = bpf_map_lookup_elem(&config, &(__u32){ 0 });
	const struct balancer_server *server;
	bool unroutable = false;
	__u32 index, slot;

	if (!table || !farm)
		return drop(BALANCER_DROPPED_NO_SERVER);
	index = choose_known(ctx, packet, table, farm, &unroutable);
	server = bpf_map_lookup_elem(&servers, &index);
	if (!server || server->down) {
		if (unroutable && drop_unroutable)
			return drop(BALANCER_DROPPED_UNROUTABLE);
		slot = balancer_slot(&packet->flow);
		if (slot >= BALANCER_MAGLEV_SIZE)
			return drop(BALANCER_DROPPED_NO_SERVER);
		index = table->slots[slot];
		server = bpf_map_lookup_elem(&servers, &index);
		if (!server)
			return drop(BALANCER_DROPPED_NO_SERVER);
		count(BALANCER_ROUTED_HASH);
	}
	return send(ctx, packet, farm->source, server->address);
}

SEC("xdp")
int balancer(struct xdp_md *ctx)
{
	const void *data_end = (void *)(long)ctx->data_end;
	const struct ethhdr *eth = (void *)(long)ctx->data;
	const struct iphdr *ip = (const void *)(eth + 1);
	struct balancer_service service = {};
	struct packet packet = {};
	const struct tcphdr *tcp;
	__u32 *table;

	if ((const void *)(ip + 1) > data_end || eth->h_proto != bpf_htons(ETH_P_IP) ||
	    ip->version != 4 || ip->ihl < sizeof(*ip) / 4)
		return pass(BALANCER_PASSED);
	if (ip->protocol == IPPROTO_ICMP && is_service_address(ip->daddr))
		return pass(BALANCER_PASSED_ICMP);
	if (ip->protocol != IPPROTO_TCP)
		return pass(BALANCER_PASSED);
	if (ip->frag_off & bpf_htons(IP_OFFSET))
		return is_service_address(ip->daddr) ? drop(BALANCER_DROPPED_FRAGMENT)
						     : pass(BALANCER_PASSED);
	tcp = (const void *)ip + ip->ihl * 4;
	if ((const void *)(tcp + 1) > data_end)
		return is_service_address(ip->daddr) ? drop(BALANCER_DROPPED_TRUNCATED)
						     : pass(BALANCER_PASSED);

	service.address = bpf_ntohl(ip->daddr);
	service.port = bpf_ntohs(tcp->dest);
	table = bpf_map_lookup_elem(&services, &service);
	if (!table || service.port == 0)
		return pass(BALANCER_PASSED);
	if (!parse(&packet, ip, tcp, data_end))
		return drop(BALANCER_DROPPED_TRUNCATED);
	packet.flow = (struct balancer_flow){
		.client = bpf_ntohl(ip->saddr),
		.service = service.address,
		.client_port = bpf_ntohs(tcp->source),
		.service_port = service.port,
	};
	return balance(ctx, &packet, *table);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
