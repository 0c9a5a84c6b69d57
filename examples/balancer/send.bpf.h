/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The way to a server: the next hop, the outer header, and what to do when it does not fit. */
#ifndef MPTCPLB_BALANCER_SEND_BPF_H
#define MPTCPLB_BALANCER_SEND_BPF_H

#include "too_big.bpf.h"

#define AF_INET 2
#define AF_INET6 10

/* Back to the router that the packet came from: it knows the way to the servers. */
static __always_inline void set_hop_sender(struct xdp_md *ctx, struct balancer_hop *hop)
{
	__u32 mtu = 0;

	hop->ifindex = ctx->ingress_ifindex;
	hop->by_sender = true;
	hop->mtu = 0;
	if (bpf_check_mtu(ctx, hop->ifindex, &mtu, 0, 0) >= 0)
		hop->mtu = mtu;
}

static __always_inline void set_hop(struct xdp_md *ctx, const struct packet *packet,
				    struct balancer_hop *hop, const struct balancer_server *server)
{
	struct bpf_fib_lookup fib = {
		.family = outer_ipv6 ? AF_INET6 : AF_INET,
		.l4_protocol = packet->version == 4 ? IPPROTO_IPIP : IPPROTO_IPV6,
		.tot_len = 1, /* it fits, and so the MTU comes back in its place */
		.ifindex = ctx->ingress_ifindex,
	};

	if (outer_ipv6) {
		const struct ipv6hdr *outer = (const void *)server->outer;

		__builtin_memcpy(fib.ipv6_src, &outer->saddr, sizeof(fib.ipv6_src));
		__builtin_memcpy(fib.ipv6_dst, &outer->daddr, sizeof(fib.ipv6_dst));
	} else {
		const struct iphdr *outer = (const void *)server->outer;

		fib.ipv4_src = outer->saddr;
		fib.ipv4_dst = outer->daddr;
	}
	switch (bpf_fib_lookup(ctx, &fib, sizeof(fib), 0)) {
	case BPF_FIB_LKUP_RET_SUCCESS:
		hop->ifindex = fib.ifindex;
		hop->mtu = fib.mtu_result;
		hop->by_sender = false;
		__builtin_memcpy(hop->source, fib.smac, ETH_ALEN);
		__builtin_memcpy(hop->destination, fib.dmac, ETH_ALEN);
		break;
	case BPF_FIB_LKUP_RET_BLACKHOLE:
	case BPF_FIB_LKUP_RET_UNREACHABLE:
	case BPF_FIB_LKUP_RET_PROHIBIT:
		hop->ifindex = 0;
		break;
	default:
		/* This host does not forward, or has not resolved the neighbour. */
		set_hop_sender(ctx, hop);
	}
}

/*
 * The way to a server by the routing table, which is asked once a tick for each server and CPU.
 * A tagged frame goes back to its sender, with its tag: a VLAN device takes none from XDP.
 */
static __always_inline struct balancer_hop *find_hop(struct xdp_md *ctx,
						     const struct packet *packet, __u32 index,
						     const struct balancer_server *server)
{
	struct balancer_hop *hop = bpf_map_lookup_elem(&hops, &index);
	__u64 now = bpf_jiffies64();

	if (!hop || (hop->tick == now && hop->tagged == packet->tagged))
		return hop;
	if (packet->tagged)
		set_hop_sender(ctx, hop);
	else
		set_hop(ctx, packet, hop, server);
	hop->tick = now;
	hop->tagged = packet->tagged;
	return hop;
}

/* Complete the header that user space has prepared for packets to this server. */
static __always_inline void set_outer_ipv4(struct iphdr *outer, const struct packet *packet,
					   const struct balancer_server *server)
{
	const __be16 length = bpf_htons(packet->length + sizeof(*outer));
	const __u8 protocol = packet->version == 4 ? IPPROTO_IPIP : IPPROTO_IPV6;

	*outer = *(const struct iphdr *)server->outer;
	outer->tos = packet->tos;
	outer->tot_len = length;
	outer->protocol = protocol;
	outer->check = fold((__u64)server->outer_sum + length + bpf_htons(packet->tos) +
			    bpf_htons(protocol));
}

static __always_inline void set_outer_ipv6(struct ipv6hdr *outer, const struct packet *packet,
					   const struct balancer_server *server)
{
	*outer = *(const struct ipv6hdr *)server->outer;
	outer->priority = packet->tos >> 4;
	outer->flow_lbl[0] = packet->tos << 4;
	outer->payload_len = bpf_htons(packet->length);
	outer->nexthdr = packet->version == 4 ? IPPROTO_IPIP : IPPROTO_IPV6;
}

/*
 * Encapsulate and send. The packet inside stays as it came: the balancer stands for the address
 * that the packet has come to, so it is no hop that would take from its TTL.
 */
static __always_inline int encapsulate(struct xdp_md *ctx, const struct packet *packet,
				       const struct balancer_server *server,
				       const struct balancer_hop *hop)
{
	const __u32 outer = outer_ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	struct link_addresses addresses;
	void *network;

	if (!load_addresses(ctx, &addresses))
		return drop(packet, BALANCER_DROPPED_TRUNCATED);
	if (hop->by_sender) {
		swap_addresses(&addresses);
		count(packet, BALANCER_NEXT_HOP_SENDER);
	} else {
		__builtin_memcpy(addresses.destination, hop->destination, ETH_ALEN);
		__builtin_memcpy(addresses.source, hop->source, ETH_ALEN);
	}
	/* In front of the packet: the link header, and an outer header that is replaced. */
	if (bpf_xdp_adjust_head(ctx, (int)(packet->network - packet->link) - (int)outer))
		return drop(packet, BALANCER_DROPPED_NO_HEADROOM);
	network = store_link(ctx, packet, &addresses, outer_ipv6 ? ETH_P_IPV6 : ETH_P_IP, outer);
	if (!network)
		return drop(packet, BALANCER_DROPPED_TRUNCATED);
	if (outer_ipv6)
		set_outer_ipv6(network, packet, server);
	else
		set_outer_ipv4(network, packet, server);
	/* Not XDP_TX: a veth takes that only when its peer has an XDP program too. */
	return bpf_redirect(hop->ifindex, 0);
}

static __always_inline int send(struct xdp_md *ctx, const struct packet *packet, __u32 index,
				enum balancer_way way)
{
	const __u32 outer = outer_ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	const struct balancer_server *server = bpf_map_lookup_elem(&servers, &index);
	struct balancer_traffic *to_server = bpf_map_lookup_elem(&traffic, &index);
	const struct balancer_hop *hop;
	bool sent = false;
	int verdict;

	if (!server || !to_server || way >= BALANCER_WAY_COUNT)
		return drop(packet, BALANCER_DROPPED_NO_SERVER);
	to_server->packets[way]++;
	to_server->bytes += packet->length;
	count(packet, BALANCER_ROUTED_TOKEN + way);
	packet->counters->values[BALANCER_BYTES] += packet->length;

	hop = find_hop(ctx, packet, index, server);
	if (!hop || !hop->ifindex) {
		verdict = drop(packet, BALANCER_DROPPED_NO_ROUTE);
	} else if (packet->length + outer > hop->mtu) {
		verdict = too_big(ctx, packet, hop->mtu - outer);
	} else {
		verdict = encapsulate(ctx, packet, server, hop);
		sent = verdict != XDP_DROP;
	}
	/* Also when what is sent instead is an ICMP message to the sender. */
	if (!sent)
		to_server->dropped++;
	return verdict;
}

#endif
