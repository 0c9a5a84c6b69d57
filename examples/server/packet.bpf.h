/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* From a frame to its TCP header, over IPv4 and IPv6 alike. */
#ifndef MPTCPLB_SERVER_PACKET_BPF_H
#define MPTCPLB_SERVER_PACKET_BPF_H

#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "server_kern_user.h"

#define IP_FRAGMENT_OFFSET 0x1fff
#define IP_MORE_FRAGMENTS 0x2000

/* An IP header, whatever its version. */
struct network {
	struct server_address source;
	struct server_address destination;
	__u32 offset; /* of what follows it, in the frame */
	__u32 end; /* of the packet, as its header claims */
	__u8 version; /* 4 or 6 */
	__u8 protocol; /* of what follows; IPv6 extension headers are not gone through */
	bool fragment;
	bool has_ports; /* not a fragment, or the first one */
};

struct packet {
	struct network ip;
	struct tcphdr tcp;
};

static __always_inline struct server_address ipv4_address(__be32 address)
{
	return (struct server_address){ { 0, 0, bpf_htonl(0xffff), address } };
}

static __always_inline bool load_ipv4(struct __sk_buff *skb, __u32 offset, struct network *network)
{
	struct iphdr ip;

	if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5)
		return false;
	network->source = ipv4_address(ip.saddr);
	network->destination = ipv4_address(ip.daddr);
	network->offset = offset + ip.ihl * 4;
	network->end = offset + bpf_ntohs(ip.tot_len);
	network->version = 4;
	network->protocol = ip.protocol;
	network->fragment = ip.frag_off & bpf_htons(IP_FRAGMENT_OFFSET | IP_MORE_FRAGMENTS);
	network->has_ports = !(ip.frag_off & bpf_htons(IP_FRAGMENT_OFFSET));
	return true;
}

static __always_inline bool load_ipv6(struct __sk_buff *skb, __u32 offset, struct network *network)
{
	struct ipv6hdr ip;

	if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)) || ip.version != 6)
		return false;
	__builtin_memcpy(&network->source, &ip.saddr, sizeof(network->source));
	__builtin_memcpy(&network->destination, &ip.daddr, sizeof(network->destination));
	network->offset = offset + sizeof(ip);
	network->end = network->offset + bpf_ntohs(ip.payload_len);
	network->version = 6;
	network->protocol = ip.nexthdr;
	network->fragment = ip.nexthdr == IPPROTO_FRAGMENT;
	network->has_ports = !network->fragment;
	return true;
}

/* Load the outermost IP header. */
static __always_inline bool load_network(struct __sk_buff *skb, struct network *network)
{
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return load_ipv4(skb, ETH_HLEN, network);
	return skb->protocol == bpf_htons(ETH_P_IPV6) && load_ipv6(skb, ETH_HLEN, network);
}

/* Load the TCP header behind packet->ip, which must hold it and its options as a whole. */
static __always_inline bool load_tcp(struct __sk_buff *skb, struct packet *packet)
{
	return packet->ip.protocol == IPPROTO_TCP && !packet->ip.fragment &&
	       !bpf_skb_load_bytes(skb, packet->ip.offset, &packet->tcp, sizeof(packet->tcp)) &&
	       packet->tcp.doff >= 5 && packet->ip.offset + packet->tcp.doff * 4 <= packet->ip.end;
}

#endif
