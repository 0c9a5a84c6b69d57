/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Who gets a flow: the owner of its token, or the server that is remembered. */
#ifndef MPTCPLB_BALANCER_FLOWS_BPF_H
#define MPTCPLB_BALANCER_FLOWS_BPF_H

#include "packet.bpf.h"

#define NS_PER_SECOND 1000000000ULL

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
	if (bpf_xdp_load_bytes(ctx, packet->transport + sizeof(struct tcphdr), options.bytes,
			       options.length))
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

/* The server of an index if packets may go there. */
static __always_inline const struct balancer_server *usable_server(__u32 index)
{
	const struct balancer_server *server = bpf_map_lookup_elem(&servers, &index);

	return server && server->usable ? server : NULL;
}

/* The index of a token's owner if it can take the join, or BALANCER_NO_SERVER, counted. */
static __always_inline __u32 find_owner(const struct balancer_table *table,
					const struct mptcplb_keyring *keyring, __u32 token)
{
	struct mptcplb_token_parts parts = {};
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
	if (!usable_server(*owner)) {
		count(BALANCER_UNROUTABLE_DOWN);
		return BALANCER_NO_SERVER;
	}
	return *owner;
}

static __always_inline __u32 seconds_now(void)
{
	return bpf_ktime_get_coarse_ns() / NS_PER_SECOND;
}

static __always_inline void remember(const struct balancer_flow *flow, __u32 server)
{
	const struct balancer_memory memory = { .server = server, .seen = seconds_now() };
	struct balancer_memory *known = bpf_map_lookup_elem(&flows, flow);

	if (known)
		*known = memory;
	else
		bpf_map_update_elem(&pending, flow, &memory, BPF_ANY);
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

/* The server that is remembered for a flow, or BALANCER_NO_SERVER. */
static __always_inline __u32 recall(const struct balancer_flow *flow)
{
	struct balancer_memory *known = bpf_map_lookup_elem(&flows, flow);
	struct balancer_memory memory = { .seen = seconds_now() };

	if (known) {
		/* Not at every packet: a write takes the cache line from the other CPUs. */
		if (known->seen != memory.seen)
			known->seen = memory.seen;
		return known->server;
	}
	known = bpf_map_lookup_elem(&pending, flow);
	if (!known)
		return BALANCER_NO_SERVER;
	memory.server = known->server;
	bpf_map_update_elem(&flows, flow, &memory, BPF_ANY);
	bpf_map_delete_elem(&pending, flow);
	count(BALANCER_FLOWS_KEPT);
	return memory.server;
}

/* The same for what anybody may have forged: it leaves the memory as it is. */
static __always_inline __u32 peek(const struct balancer_flow *flow)
{
	const struct balancer_memory *known = bpf_map_lookup_elem(&flows, flow);

	if (!known)
		known = bpf_map_lookup_elem(&pending, flow);
	return known ? known->server : BALANCER_NO_SERVER;
}

#endif
