/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Take packets of balancers out of their IP-in-IP: IPv4 or IPv6 in IPv4 or IPv6. */
#ifndef MPTCPLB_SERVER_DECAPSULATE_BPF_H
#define MPTCPLB_SERVER_DECAPSULATE_BPF_H

#include <linux/pkt_cls.h>

#include "maps.bpf.h"
#include "packet.bpf.h"

/* In the kernel since 6.3, and later than that in <linux/bpf.h>. */
#define ADJ_ROOM_DECAP_L3_IPV4 (1ULL << 7)
#define ADJ_ROOM_DECAP_L3_IPV6 (1ULL << 8)

static __always_inline bool is_to_us(const struct network *ip)
{
	return ip->destination.words[0] == own_address.words[0] &&
	       ip->destination.words[1] == own_address.words[1] &&
	       ip->destination.words[2] == own_address.words[2] &&
	       ip->destination.words[3] == own_address.words[3];
}

static __always_inline bool is_tunnel(const struct network *ip)
{
	return ip->protocol == IPPROTO_IPIP || ip->protocol == IPPROTO_IPV6;
}

/* Whether a packet is for a service, as far as its headers tell. */
static __always_inline bool is_for_service(struct __sk_buff *skb, const struct network *ip)
{
	__be16 ports[2] = {};

	if (ip->protocol == (ip->version == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) ||
	    ip->later_fragment)
		return find_service(&ip->destination, 0);
	return ip->protocol == IPPROTO_TCP &&
	       !bpf_skb_load_bytes(skb, ip->offset, ports, sizeof(ports)) && ports[1] &&
	       find_service(&ip->destination, ports[1]);
}

/* Cut @size bytes of outer headers off. When the versions differ, so does the Ethertype. */
static __always_inline bool strip(struct __sk_buff *skb, const struct network *outer,
				  const struct network *inner, __s32 size)
{
	__be16 ethertype = bpf_htons(inner->version == 4 ? ETH_P_IP : ETH_P_IPV6);
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO;

	if (outer->version != inner->version)
		flags |= inner->version == 4 ? ADJ_ROOM_DECAP_L3_IPV4 : ADJ_ROOM_DECAP_L3_IPV6;
	if (bpf_skb_adjust_room(skb, -size, BPF_ADJ_ROOM_MAC, flags))
		return false;
	return outer->version == inner->version ||
	       !bpf_skb_store_bytes(skb, offsetof(struct ethhdr, h_proto), &ethertype,
				    sizeof(ethertype), 0);
}

/* Take a packet to us out of its IP-in-IP. Returns false when it must be dropped. */
static __always_inline bool decapsulate(struct __sk_buff *skb, struct network *ip)
{
	__u32 size = ip->offset - ETH_HLEN;
	struct network inner = {};

	if (!bpf_map_lookup_elem(&members, &ip->source)) {
		count(SERVER_DECAPSULATE_SOURCE);
		return false;
	}
	if (ip->fragment ||
	    !(ip->protocol == IPPROTO_IPIP ? load_ipv4(skb, ip->offset, &inner)
					   : load_ipv6(skb, ip->offset, &inner)) ||
	    !is_for_service(skb, &inner) || !strip(skb, ip, &inner, size)) {
		count(SERVER_DECAPSULATE_INNER);
		return false;
	}
	count(SERVER_DECAPSULATED);
	inner.offset -= size;
	inner.end -= size;
	*ip = inner;
	return true;
}

#endif
