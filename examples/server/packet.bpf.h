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
#define IPV6_FRAGMENT_OFFSET 0xfff8

/* How many IPv6 extension headers are gone through. */
#define EXTENSIONS_MAX 6

/* An IP header, whatever its version, with its extension headers. */
struct network {
	struct server_address source;
	struct server_address destination;
	__u32 offset; /* of what follows it, in the frame */
	__u32 end; /* of the packet, as its header claims */
	__u8 version; /* 4 or 6 */
	__u8 protocol; /* of what follows */
	bool fragment;
	bool later_fragment; /* and not the first one */
};

struct packet {
	struct network ip;
	struct tcphdr tcp;
};

static __always_inline struct server_address ipv4_address(__be32 address)
{
	return (struct server_address){ { 0, 0, bpf_htonl(0xffff), address } };
}

/* Where a packet ends: its length is 0 when offloads have merged it into more than 64 KiB. */
static __always_inline __u32 packet_end(const struct __sk_buff *skb, __u32 start, __be16 length)
{
	return length ? start + bpf_ntohs(length) : skb->len;
}

static __always_inline bool load_ipv4(struct __sk_buff *skb, __u32 offset, struct network *network)
{
	struct iphdr ip;

	if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5)
		return false;
	network->source = ipv4_address(ip.saddr);
	network->destination = ipv4_address(ip.daddr);
	network->offset = offset + ip.ihl * 4;
	network->end = packet_end(skb, offset, ip.tot_len);
	network->version = 4;
	network->protocol = ip.protocol;
	network->fragment = ip.frag_off & bpf_htons(IP_FRAGMENT_OFFSET | IP_MORE_FRAGMENTS);
	network->later_fragment = ip.frag_off & bpf_htons(IP_FRAGMENT_OFFSET);
	return true;
}

static __always_inline bool is_extension(__u8 protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
	       protocol == IPPROTO_DSTOPTS || protocol == IPPROTO_FRAGMENT;
}

/* Go on to what is behind an extension header. Returns false at the last one. */
static __always_inline bool next_header(struct __sk_buff *skb, struct network *network)
{
	struct {
		__u8 next;
		__u8 length; /* in units of 8 bytes, the first not counted */
		__be16 fragment;
	} extension;

	if (!is_extension(network->protocol) || network->later_fragment ||
	    bpf_skb_load_bytes(skb, network->offset, &extension, sizeof(extension)))
		return false;
	if (network->protocol == IPPROTO_FRAGMENT) {
		network->fragment = true;
		network->later_fragment = extension.fragment & bpf_htons(IPV6_FRAGMENT_OFFSET);
		extension.length = 0;
	}
	network->offset += 8 + extension.length * 8;
	network->protocol = extension.next;
	return true;
}

/* IPv6 addresses that look like IPv4 ones are on no wire. */
static __always_inline bool is_mapped(const struct server_address *address)
{
	return !address->words[0] && !address->words[1] && address->words[2] == bpf_htonl(0xffff);
}

static __always_inline bool load_ipv6(struct __sk_buff *skb, __u32 offset, struct network *network)
{
	struct ipv6hdr ip;
	int i;

	if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)) || ip.version != 6)
		return false;
	__builtin_memcpy(&network->source, &ip.saddr, sizeof(network->source));
	__builtin_memcpy(&network->destination, &ip.daddr, sizeof(network->destination));
	if (is_mapped(&network->source) || is_mapped(&network->destination))
		return false;
	network->offset = offset + sizeof(ip);
	network->end = packet_end(skb, network->offset, ip.payload_len);
	network->version = 6;
	network->protocol = ip.nexthdr;
	network->fragment = false;
	network->later_fragment = false;
	for (i = 0; i < EXTENSIONS_MAX && next_header(skb, network); i++)
		;
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
	return packet->ip.protocol == IPPROTO_TCP && !packet->ip.later_fragment &&
	       !bpf_skb_load_bytes(skb, packet->ip.offset, &packet->tcp, sizeof(packet->tcp)) &&
	       packet->tcp.doff >= 5 && packet->ip.offset + packet->tcp.doff * 4 <= packet->ip.end;
}

#endif
