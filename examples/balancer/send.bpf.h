/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The way to a server: the next hop, the outer header, and what to do when it does not fit. */
#ifndef MPTCPLB_BALANCER_SEND_BPF_H
#define MPTCPLB_BALANCER_SEND_BPF_H

#include "too_big.bpf.h"

#define AF_INET 2
#define AF_INET6 10
#define OUTER_TTL 64

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
				    struct balancer_hop *hop, const struct balancer_address *source,
				    const struct balancer_address *destination)
{
	struct bpf_fib_lookup fib = {
		.family = outer_ipv6 ? AF_INET6 : AF_INET,
		.l4_protocol = packet->version == 4 ? IPPROTO_IPIP : IPPROTO_IPV6,
		.tot_len = 1, /* it fits, and so the MTU comes back in its place */
		.ifindex = ctx->ingress_ifindex,
	};
	int i;

	fib.ipv4_src = bpf_htonl(source->words[3]);
	fib.ipv4_dst = bpf_htonl(destination->words[3]);
	for (i = 0; outer_ipv6 && i < 4; i++) {
		fib.ipv6_src[i] = bpf_htonl(source->words[i]);
		fib.ipv6_dst[i] = bpf_htonl(destination->words[i]);
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
						     const struct balancer_address *source,
						     const struct balancer_address *destination)
{
	struct balancer_hop *hop = bpf_map_lookup_elem(&hops, &index);
	__u64 now = bpf_jiffies64();

	if (!hop || hop->tick == now)
		return hop;
	if (packet->tagged)
		set_hop_sender(ctx, hop);
	else
		set_hop(ctx, packet, hop, source, destination);
	hop->tick = now;
	return hop;
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

static __always_inline void set_outer_ipv4(struct iphdr *outer, const struct packet *packet,
					   const struct balancer_address *source,
					   const struct balancer_address *destination)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = sizeof(ip) / 4,
		.tos = packet->tos,
		.tot_len = bpf_htons(packet->length + sizeof(ip)),
		.frag_off = bpf_htons(IP_DF), /* so the id may stay 0 (RFC 6864, section 4.1) */
		.ttl = OUTER_TTL,
		.protocol = packet->version == 4 ? IPPROTO_IPIP : IPPROTO_IPV6,
		.saddr = bpf_htonl(source->words[3]),
		.daddr = bpf_htonl(destination->words[3]),
	};

	ip.check = checksum(&ip);
	*outer = ip;
}

static __always_inline void set_outer_ipv6(struct ipv6hdr *outer, const struct packet *packet,
					   const struct balancer_address *source,
					   const struct balancer_address *destination)
{
	int i;

	outer->version = 6;
	outer->priority = packet->tos >> 4;
	outer->flow_lbl[0] = packet->tos << 4;
	outer->flow_lbl[1] = 0;
	outer->flow_lbl[2] = 0;
	outer->payload_len = bpf_htons(packet->length);
	outer->nexthdr = packet->version == 4 ? IPPROTO_IPIP : IPPROTO_IPV6;
	outer->hop_limit = OUTER_TTL;
	for (i = 0; i < 4; i++) {
		outer->saddr.in6_u.u6_addr32[i] = bpf_htonl(source->words[i]);
		outer->daddr.in6_u.u6_addr32[i] = bpf_htonl(destination->words[i]);
	}
}

/*
 * Encapsulate and send. The packet inside stays as it came: the balancer stands for the address
 * that the packet has come to, so it is no hop that would take from its TTL.
 */
static __always_inline int send(struct xdp_md *ctx, const struct packet *packet,
				const struct balancer_address *source, __u32 index)
{
	const __u32 outer = outer_ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	const struct balancer_server *server = bpf_map_lookup_elem(&servers, &index);
	const struct balancer_hop *hop;
	struct link_addresses addresses;
	void *network;

	if (!server)
		return drop(BALANCER_DROPPED_NO_SERVER);
	hop = find_hop(ctx, packet, index, source, &server->address);
	if (!hop || !hop->ifindex)
		return drop(BALANCER_DROPPED_NO_ROUTE);
	if (packet->length + outer > hop->mtu)
		return too_big(ctx, packet, hop->mtu - outer);
	if (!load_addresses(ctx, &addresses))
		return drop(BALANCER_DROPPED_TRUNCATED);
	if (hop->by_sender) {
		swap_addresses(&addresses);
		count(BALANCER_NEXT_HOP_SENDER);
	} else {
		__builtin_memcpy(addresses.destination, hop->destination, ETH_ALEN);
		__builtin_memcpy(addresses.source, hop->source, ETH_ALEN);
	}
	/* In front of the packet: the link header, and an outer header that is replaced. */
	if (bpf_xdp_adjust_head(ctx, (int)(packet->network - packet->link) - (int)outer))
		return drop(BALANCER_DROPPED_NO_HEADROOM);
	network = store_link(ctx, packet, &addresses, outer_ipv6 ? ETH_P_IPV6 : ETH_P_IP, outer);
	if (!network)
		return drop(BALANCER_DROPPED_TRUNCATED);
	if (outer_ipv6)
		set_outer_ipv6(network, packet, source, &server->address);
	else
		set_outer_ipv4(network, packet, source, &server->address);
	/* Not XDP_TX: a veth takes that only when its peer has an XDP program too. */
	return bpf_redirect(hop->ifindex, 0);
}

#endif
