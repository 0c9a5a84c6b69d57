/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Most packets are segments of established connections. They are known by a few bytes, which are
 * read where they lie; whatever looks unusual is loaded and looked at with care.
 */
#ifndef MPTCPLB_SERVER_ESTABLISHED_BPF_H
#define MPTCPLB_SERVER_ESTABLISHED_BPF_H

#include "mp_capable.h"
#include "packet.bpf.h"

static __always_inline const void *frame_end(const struct __sk_buff *skb)
{
	return (const void *)(long)skb->data_end;
}

/* The TCP header of a packet without IP options, extension headers or fragments; else NULL. */
static __always_inline const struct tcphdr *plain_tcp(const struct __sk_buff *skb)
{
	const void *network = (const void *)(long)skb->data + ETH_HLEN, *end = frame_end(skb);
	const struct ipv6hdr *ipv6 = network;
	const struct iphdr *ipv4 = network;
	const struct tcphdr *tcp;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		tcp = (const void *)(ipv4 + 1);
		if ((const void *)(tcp + 1) > end || ipv4->version != 4 || ipv4->ihl != 5 ||
		    ipv4->protocol != IPPROTO_TCP ||
		    ipv4->frag_off & bpf_htons(IP_FRAGMENT_OFFSET | IP_MORE_FRAGMENTS))
			return NULL;
		return tcp;
	}
	tcp = (const void *)(ipv6 + 1);
	if (skb->protocol != bpf_htons(ETH_P_IPV6) || (const void *)(tcp + 1) > end ||
	    ipv6->version != 6 || ipv6->nexthdr != IPPROTO_TCP)
		return NULL;
	return tcp;
}

/* Whether ingress has nothing to do with a packet: it is no SYN and has no MP_CAPABLE. */
static __always_inline bool is_established(const struct __sk_buff *skb)
{
	const void *end = frame_end(skb);
	const struct tcphdr *tcp = plain_tcp(skb);
	const __u8 *list;
	__u32 length;

	if (!tcp || tcp->syn)
		return false;
	list = (const void *)(tcp + 1);
	length = tcp->doff * 4 - sizeof(*tcp);
	if (!length)
		return true;
	if ((const void *)(list + USUAL_SEGMENT_SIZE) > end || !options_begin_as_usual(list))
		return false;
	if (length == USUAL_SEGMENT_SIZE)
		return true;
	return (const void *)(list + USUAL_SEGMENT_SIZE + 3) <= end &&
	       is_other_mptcp_alone(list + USUAL_SEGMENT_SIZE, length - USUAL_SEGMENT_SIZE);
}

/* Whether egress has nothing to do with a packet. */
static __always_inline bool is_no_synack(const struct __sk_buff *skb)
{
	const struct tcphdr *tcp = plain_tcp(skb);

	return tcp && (!tcp->syn || !tcp->ack);
}

#endif
