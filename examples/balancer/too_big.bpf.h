/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What happens to a packet that is too long for the way to its server once it is encapsulated: it
 * is dropped, and its sender is told what would fit (RFC 1191, RFC 8201).
 */
#ifndef MPTCPLB_BALANCER_TOO_BIG_BPF_H
#define MPTCPLB_BALANCER_TOO_BIG_BPF_H

#include "link.bpf.h"

/* So much of the packet is quoted: its headers, whatever options they have. */
#define QUOTE_SIZE 96
/* Messages in one tick of the kernel's clock on each CPU (RFC 1812, section 4.3.2.8). */
#define MESSAGES_PER_TICK 4

/* What is told each has a budget of its own, so that a flood of one does not silence the other. */
enum telling {
	TELL_SENDER, /* that a packet is too big */
	TELL_ALL, /* of an ICMP error: all servers */
	TELLING_COUNT,
};

struct icmp_budget {
	__u64 tick;
	__u32 sent;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TELLING_COUNT);
	__type(key, __u32);
	__type(value, struct icmp_budget);
} icmp_budget SEC(".maps");

struct frag_needed {
	struct iphdr ip;
	struct icmp_header icmp;
	__u8 quote[QUOTE_SIZE];
};

struct packet_too_big {
	struct ipv6hdr ip;
	struct icmp6hdr icmp;
	__u8 quote[QUOTE_SIZE];
};

static __always_inline bool may_tell(enum telling which)
{
	struct icmp_budget *budget = bpf_map_lookup_elem(&icmp_budget, &(__u32){ which });
	__u64 now = bpf_jiffies64();

	if (!budget)
		return false;
	if (budget->tick != now) {
		budget->tick = now;
		budget->sent = 0;
	}
	return budget->sent++ < MESSAGES_PER_TICK;
}

static __always_inline __u16 fold(__s64 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __always_inline void fill_frag_needed(struct frag_needed *message,
					     const struct packet *packet, __u32 mtu)
{
	struct iphdr *ip = &message->ip;

	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 4;
	ip->ihl = sizeof(*ip) / 4;
	ip->tot_len = bpf_htons(sizeof(*message));
	ip->ttl = 64;
	ip->protocol = IPPROTO_ICMP;
	ip->saddr = bpf_htonl(packet->flow.service.words[3]);
	ip->daddr = bpf_htonl(packet->flow.client.words[3]);
	ip->check = fold(bpf_csum_diff(NULL, 0, (__be32 *)ip, sizeof(*ip), 0));

	__builtin_memset(&message->icmp, 0, sizeof(message->icmp));
	message->icmp.type = ICMP_DEST_UNREACH;
	message->icmp.code = ICMP_FRAG_NEEDED;
	message->icmp.mtu = bpf_htons(mtu);
	message->icmp.checksum = fold(bpf_csum_diff(NULL, 0, (__be32 *)&message->icmp,
						    sizeof(message->icmp) + QUOTE_SIZE, 0));
}

static __always_inline void fill_packet_too_big(struct packet_too_big *message,
						const struct packet *packet, __u32 mtu)
{
	const __u32 length = sizeof(message->icmp) + QUOTE_SIZE;
	struct ipv6hdr *ip = &message->ip;
	__be32 pseudo[2] = { bpf_htonl(length), bpf_htonl(IPPROTO_ICMPV6) };
	__s64 sum;
	int i;

	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 6;
	ip->payload_len = bpf_htons(length);
	ip->nexthdr = IPPROTO_ICMPV6;
	ip->hop_limit = 64;
	for (i = 0; i < 4; i++) {
		ip->saddr.in6_u.u6_addr32[i] = bpf_htonl(packet->flow.service.words[i]);
		ip->daddr.in6_u.u6_addr32[i] = bpf_htonl(packet->flow.client.words[i]);
	}
	__builtin_memset(&message->icmp, 0, sizeof(message->icmp));
	message->icmp.icmp6_type = ICMPV6_PKT_TOOBIG;
	message->icmp.icmp6_mtu = bpf_htonl(mtu);
	sum = bpf_csum_diff(NULL, 0, pseudo, sizeof(pseudo), 0);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)&ip->saddr, 2 * sizeof(ip->saddr), sum);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)&message->icmp, length, sum);
	message->icmp.icmp6_cksum = fold(sum);
}

/* Make the frame the message: cut what is not quoted, and put headers in front. */
static __always_inline int tell(struct xdp_md *ctx, const struct packet *packet, __u32 mtu)
{
	const int headers = packet->version == 4 ? sizeof(struct iphdr) + sizeof(struct icmp_header)
						 : sizeof(struct ipv6hdr) + sizeof(struct icmp6hdr);
	__u32 frame = (__u32)(frame_end(ctx) - frame_start(ctx));
	struct link_addresses addresses;
	void *network;

	if (!load_addresses(ctx, &addresses))
		return XDP_DROP;
	swap_addresses(&addresses);
	if (bpf_xdp_adjust_tail(ctx, (int)(packet->network + QUOTE_SIZE) - (int)frame) ||
	    bpf_xdp_adjust_head(ctx, (int)(packet->network - packet->link) - headers))
		return XDP_DROP;
	if (packet->version == 4) {
		network = store_link(ctx, packet, &addresses, ETH_P_IP, sizeof(struct frag_needed));
		if (!network)
			return XDP_DROP;
		fill_frag_needed(network, packet, mtu);
	} else {
		network = store_link(ctx, packet, &addresses, ETH_P_IPV6,
				     sizeof(struct packet_too_big));
		if (!network)
			return XDP_DROP;
		fill_packet_too_big(network, packet, mtu);
	}
	count(packet, BALANCER_TOO_BIG_TOLD);
	return bpf_redirect(ctx->ingress_ifindex, 0);
}

static __always_inline int too_big(struct xdp_md *ctx, const struct packet *packet, __u32 mtu)
{
	count(packet, BALANCER_DROPPED_TOO_BIG);
	/* Not about an ICMP error (RFC 1122, section 3.2.2), nor where fragments were asked for. */
	if (packet->protocol != IPPROTO_TCP || !packet->dont_fragment ||
	    packet->length < QUOTE_SIZE || !may_tell(TELL_SENDER))
		return XDP_DROP;
	return tell(ctx, packet, mtu);
}

#endif
