/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* From the bytes of a frame to what the rest of the program needs to know of it. */
#ifndef MPTCPLB_BALANCER_PACKET_BPF_H
#define MPTCPLB_BALANCER_PACKET_BPF_H

#include <stddef.h>

#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>

#include "maps.bpf.h"

#define IP_DF 0x4000
#define IP_OFFSET 0x1fff
#define IPV6_OFFSET 0xfff8
/* How many IPv6 extension headers are walked over; behind more of them nothing is looked for. */
#define EXTENSIONS_MAX 6
/* No header that is looked at starts behind this; also what the verifier needs as a bound. */
#define OFFSET_MASK 0x3ff

/*
 * Of RFC 792; <linux/icmp.h> includes headers of the C library, which BPF has not. The
 * layout is that of ICMPv6 (RFC 4443) too, as far as it goes.
 */
#define ICMP_DEST_UNREACH 3
#define ICMP_FRAG_NEEDED 4
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12
struct icmp_header {
	__u8 type;
	__u8 code;
	__u16 checksum;
	__be16 unused;
	__be16 mtu; /* of ICMP_FRAG_NEEDED (RFC 1191, section 4) */
};

struct vlan_tag {
	__be16 tpid;
	__be16 tci;
};

/* Offsets are from the start of the frame. */
struct packet {
	struct balancer_counters *counters; /* those of its service, as soon as that is known */
	struct balancer_flow flow;
	struct vlan_tag tag; /* with tagged */
	__u32 link; /* length of the link header */
	__u32 network; /* offset of the IP header: behind an outer one that is to be taken off */
	__u32 transport; /* offset of what is behind IP's headers */
	__u32 length; /* of the packet from its IP header on, as that header says */
	__u32 options_length; /* of TCP */
	__u8 version; /* 4 or 6 */
	__u8 protocol; /* behind IP's headers */
	__u8 tos; /* or traffic class */
	bool tagged;
	bool later_fragment; /* so there are no ports */
	bool dont_fragment;
	bool syn;
};

static __always_inline bool count_for(struct packet *packet, __u32 service)
{
	struct balancer_counters *found = bpf_map_lookup_elem(&counters, &service);

	if (found)
		packet->counters = found;
	return found;
}

static __always_inline void count(const struct packet *packet, enum balancer_counter counter)
{
	packet->counters->values[counter]++;
}

static __always_inline int pass(const struct packet *packet, enum balancer_counter counter)
{
	count(packet, counter);
	return XDP_PASS;
}

static __always_inline int drop(const struct packet *packet, enum balancer_counter counter)
{
	count(packet, counter);
	return XDP_DROP;
}

/*
 * Where the frame starts and ends. Not by ctx->data: a compiler that shares the address of that
 * field between branches makes a program that the verifier refuses.
 */
static __always_inline void *frame_start(const struct xdp_md *ctx)
{
	void *start;

	asm volatile("%0 = *(u32 *)(%1 + %2)"
		     : "=r"(start)
		     : "r"(ctx), "i"(offsetof(struct xdp_md, data)));
	return start;
}

static __always_inline void *frame_end(const struct xdp_md *ctx)
{
	void *end;

	asm volatile("%0 = *(u32 *)(%1 + %2)"
		     : "=r"(end)
		     : "r"(ctx), "i"(offsetof(struct xdp_md, data_end)));
	return end;
}

static __always_inline void set_ipv4(struct balancer_address *address, __be32 ipv4)
{
	address->words[0] = 0;
	address->words[1] = 0;
	address->words[2] = 0xffff;
	address->words[3] = bpf_ntohl(ipv4);
}

static __always_inline void set_ipv6(struct balancer_address *address, const __be32 ipv6[4])
{
	address->words[0] = bpf_ntohl(ipv6[0]);
	address->words[1] = bpf_ntohl(ipv6[1]);
	address->words[2] = bpf_ntohl(ipv6[2]);
	address->words[3] = bpf_ntohl(ipv6[3]);
}

static __always_inline bool same_address(const struct balancer_address *a,
					 const struct balancer_address *b)
{
	return a->words[0] == b->words[0] && a->words[1] == b->words[1] &&
	       a->words[2] == b->words[2] && a->words[3] == b->words[3];
}

/* IPv4 in the dress of IPv6, which no wire should carry and which would pass for IPv4 here. */
static __always_inline bool is_mapped(const struct balancer_address *address)
{
	return !address->words[0] && !address->words[1] && address->words[2] == 0xffff;
}

static __always_inline bool parse_link(struct xdp_md *ctx, struct packet *packet)
{
	const void *end = frame_end(ctx);
	const struct ethhdr *eth = frame_start(ctx);
	const struct vlan_tag *tag = (const void *)&eth->h_proto;
	__be16 type;

	if ((const void *)(eth + 1) > end)
		return false;
	type = eth->h_proto;
	packet->link = sizeof(*eth);
	if (type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD)) {
		if ((const void *)(eth + 1) + sizeof(*tag) > end)
			return false;
		packet->tagged = true;
		packet->tag = *tag;
		packet->link += sizeof(*tag);
		type = tag[1].tpid;
	}
	packet->network = packet->link;
	packet->version = type == bpf_htons(ETH_P_IP) ? 4 : type == bpf_htons(ETH_P_IPV6) ? 6 : 0;
	return packet->version;
}

static __always_inline bool parse_ipv4(struct xdp_md *ctx, struct packet *packet)
{
	const struct iphdr *ip = frame_start(ctx) + (packet->network & OFFSET_MASK);

	if ((const void *)(ip + 1) > frame_end(ctx) || ip->version != 4 ||
	    ip->ihl < sizeof(*ip) / 4)
		return false;
	packet->length = bpf_ntohs(ip->tot_len);
	packet->transport = packet->network + ip->ihl * 4;
	packet->protocol = ip->protocol;
	packet->tos = ip->tos;
	packet->later_fragment = ip->frag_off & bpf_htons(IP_OFFSET);
	packet->dont_fragment = ip->frag_off & bpf_htons(IP_DF);
	set_ipv4(&packet->flow.client, ip->saddr);
	set_ipv4(&packet->flow.service, ip->daddr);
	return true;
}

struct extension {
	__u8 next;
	__u8 length; /* in units of 8 bytes, the first not counted */
	__be16 offset; /* of a fragment header */
	__u8 rest[4];
};

/* Step over one extension header; false at the last, or when the packet ends in it. */
static __always_inline bool step_over(struct xdp_md *ctx, struct packet *packet)
{
	struct extension extension;

	if (packet->protocol != IPPROTO_HOPOPTS && packet->protocol != IPPROTO_ROUTING &&
	    packet->protocol != IPPROTO_DSTOPTS && packet->protocol != IPPROTO_FRAGMENT)
		return false;
	if (bpf_xdp_load_bytes(ctx, packet->transport & OFFSET_MASK, &extension, sizeof(extension)))
		return false;
	packet->transport += sizeof(extension);
	if (packet->protocol == IPPROTO_FRAGMENT)
		packet->later_fragment |= (extension.offset & bpf_htons(IPV6_OFFSET)) != 0;
	else
		packet->transport += extension.length * sizeof(extension);
	packet->protocol = extension.next;
	return !packet->later_fragment && packet->transport <= OFFSET_MASK;
}

static __always_inline bool parse_ipv6(struct xdp_md *ctx, struct packet *packet)
{
	const struct ipv6hdr *ip = frame_start(ctx) + (packet->network & OFFSET_MASK);
	int i;

	if ((const void *)(ip + 1) > frame_end(ctx) || ip->version != 6)
		return false;
	packet->length = sizeof(*ip) + bpf_ntohs(ip->payload_len);
	packet->transport = packet->network + sizeof(*ip);
	packet->protocol = ip->nexthdr;
	packet->tos = ip->priority << 4 | ip->flow_lbl[0] >> 4;
	packet->later_fragment = false;
	packet->dont_fragment = true;
	set_ipv6(&packet->flow.client, ip->saddr.in6_u.u6_addr32);
	set_ipv6(&packet->flow.service, ip->daddr.in6_u.u6_addr32);
	if (is_mapped(&packet->flow.client) || is_mapped(&packet->flow.service))
		return false;
	for (i = 0; i < EXTENSIONS_MAX; i++) {
		if (!step_over(ctx, packet))
			break;
	}
	return true;
}

static __always_inline bool parse_network(struct xdp_md *ctx, struct packet *packet)
{
	return packet->version == 4 ? parse_ipv4(ctx, packet) : parse_ipv6(ctx, packet);
}

enum parsed {
	PARSED,
	CUT_SHORT, /* before its ports */
	UNSOUND, /* its headers and lengths do not fit each other */
};

/*
 * Read the TCP header. What is read of the packet later is inside of what was checked here. The
 * ports are set unless it is cut short.
 */
static __always_inline enum parsed parse_tcp(struct xdp_md *ctx, struct packet *packet)
{
	const void *data = frame_start(ctx);
	const void *end = frame_end(ctx);
	const struct tcphdr *tcp = data + (packet->transport & OFFSET_MASK);
	__u32 network_header = packet->transport - packet->network;
	__u32 header;

	if (packet->transport > OFFSET_MASK || (const void *)(tcp + 1) > end)
		return CUT_SHORT;
	header = tcp->doff * 4;
	packet->flow.client_port = bpf_ntohs(tcp->source);
	packet->flow.service_port = bpf_ntohs(tcp->dest);
	packet->syn = tcp->syn && !tcp->ack && !tcp->rst;
	packet->options_length = header - sizeof(*tcp);
	if (header < sizeof(*tcp) || packet->length < network_header + header ||
	    packet->network + packet->length > (__u64)(end - data))
		return UNSOUND;
	return PARSED;
}

static __always_inline bool is_icmp_error(__u8 protocol, __u8 type)
{
	if (protocol == IPPROTO_ICMP)
		return type == ICMP_DEST_UNREACH || type == ICMP_TIME_EXCEEDED ||
		       type == ICMP_PARAMETERPROB;
	return type >= ICMPV6_DEST_UNREACH && type <= ICMPV6_PARAMPROB;
}

/* Addresses of a quoted IPv4 packet; returns where its ports are, or 0. */
static __always_inline __u32 parse_quoted_ipv4(struct xdp_md *ctx, struct packet *packet,
					       __u32 offset)
{
	struct iphdr ip;

	if (bpf_xdp_load_bytes(ctx, offset, &ip, sizeof(ip)) || ip.version != 4 ||
	    ip.ihl < sizeof(ip) / 4 || ip.protocol != IPPROTO_TCP ||
	    ip.frag_off & bpf_htons(IP_OFFSET))
		return 0;
	set_ipv4(&packet->flow.client, ip.daddr);
	set_ipv4(&packet->flow.service, ip.saddr);
	return offset + ip.ihl * 4;
}

static __always_inline __u32 parse_quoted_ipv6(struct xdp_md *ctx, struct packet *packet,
					       __u32 offset)
{
	struct ipv6hdr ip;

	if (bpf_xdp_load_bytes(ctx, offset, &ip, sizeof(ip)) || ip.version != 6 ||
	    ip.nexthdr != IPPROTO_TCP)
		return 0;
	set_ipv6(&packet->flow.client, ip.daddr.in6_u.u6_addr32);
	set_ipv6(&packet->flow.service, ip.saddr.in6_u.u6_addr32);
	return offset + sizeof(ip);
}

/*
 * Take the flow from the packet that an ICMP error quotes, one from server to client. False when
 * it is no such error; then the flow is of no meaning.
 */
static __always_inline bool parse_icmp_error(struct xdp_md *ctx, struct packet *packet)
{
	const void *data = frame_start(ctx);
	const void *end = frame_end(ctx);
	const __u8 *type = data + (packet->transport & OFFSET_MASK);
	const struct balancer_address addressee = packet->flow.service;
	__u32 offset = packet->transport + sizeof(struct icmp_header);
	__be16 ports[2];

	if (packet->transport > OFFSET_MASK || (const void *)(type + 1) > end ||
	    packet->later_fragment || packet->network + packet->length > (__u64)(end - data) ||
	    !is_icmp_error(packet->protocol, *type))
		return false;
	offset = packet->version == 4 ? parse_quoted_ipv4(ctx, packet, offset)
				      : parse_quoted_ipv6(ctx, packet, offset);
	if (!offset || bpf_xdp_load_bytes(ctx, offset, ports, sizeof(ports)) ||
	    !same_address(&addressee, &packet->flow.service))
		return false;
	packet->flow.service_port = bpf_ntohs(ports[0]);
	packet->flow.client_port = bpf_ntohs(ports[1]);
	return true;
}

#endif
