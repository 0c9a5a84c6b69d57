/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The link header of a frame that is sent: addresses, perhaps a VLAN tag, the type. */
#ifndef MPTCPLB_BALANCER_LINK_BPF_H
#define MPTCPLB_BALANCER_LINK_BPF_H

#include "packet.bpf.h"

struct link_addresses {
	__u8 destination[ETH_ALEN];
	__u8 source[ETH_ALEN];
};

static __always_inline bool load_addresses(struct xdp_md *ctx, struct link_addresses *addresses)
{
	const void *data = frame_start(ctx);

	if (data + sizeof(*addresses) > frame_end(ctx))
		return false;
	*addresses = *(const struct link_addresses *)data;
	return true;
}

static __always_inline void swap_addresses(struct link_addresses *addresses)
{
	struct link_addresses old = *addresses;

	__builtin_memcpy(addresses->destination, old.source, ETH_ALEN);
	__builtin_memcpy(addresses->source, old.destination, ETH_ALEN);
}

/*
 * Write the link header at the start of the frame, tagged as the packet was. Returns where the
 * network header goes, with @room bytes there, or NULL.
 */
static __always_inline void *store_link(struct xdp_md *ctx, const struct packet *packet,
					const struct link_addresses *addresses, __u16 type,
					__u32 room)
{
	void *data = frame_start(ctx);
	void *network = data + sizeof(struct ethhdr);
	struct vlan_tag *tag = data + offsetof(struct ethhdr, h_proto);

	if (packet->tagged)
		network += sizeof(*tag);
	if (network + room > frame_end(ctx))
		return NULL;
	*(struct link_addresses *)data = *addresses;
	if (packet->tagged)
		*tag++ = packet->tag;
	tag->tpid = bpf_htons(type);
	return network;
}

#endif
