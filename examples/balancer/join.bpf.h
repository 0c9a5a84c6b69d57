/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Who gets a join: the owner of its token. */
#ifndef MPTCPLB_BALANCER_JOIN_BPF_H
#define MPTCPLB_BALANCER_JOIN_BPF_H

#include "packet.bpf.h"

/* Kinds of TCP options of RFC 9293, 7323 and 2018. */
#define TCPOPT_MSS 2
#define TCPOPT_WINDOW 3
#define TCPOPT_SACK 4
#define TCPOPT_TIMESTAMPS 8

struct options {
	struct mptcplb_core_syn syn;
	__u32 length;
	__u8 bytes[MPTCPLB_SYN_BUFFER_SIZE];
};

static long look_at_option(__u32 index, struct options *options)
{
	return mptcplb_core_syn_step(&options->syn, options->bytes, options->length);
}

/*
 * How much of the options to skip: Linux starts with MSS, SACK permitted, timestamps and window
 * scale, of these lengths, which say nothing about a join.
 */
static __always_inline __u32 common_start(const struct options *options)
{
	const __u8 *bytes = options->bytes;

	return options->length >= 20 && bytes[0] == TCPOPT_MSS && bytes[1] == 4 &&
			       bytes[4] == TCPOPT_SACK && bytes[5] == 2 &&
			       bytes[6] == TCPOPT_TIMESTAMPS && bytes[7] == 10 &&
			       bytes[16] == MPTCPLB_TCPOPT_NOP && bytes[17] == TCPOPT_WINDOW &&
			       bytes[18] == 3
		       ? 20
		       : 0;
}

/* By words, and not by bpf_xdp_load_bytes(): a tenth of what a join costs. */
static __always_inline bool load_options(struct xdp_md *ctx, const struct packet *packet,
					 struct options *options)
{
	const void *end = frame_end(ctx);
	const __u32 *from =
		frame_start(ctx) + (packet->transport & OFFSET_MASK) + sizeof(struct tcphdr);
	__u32 *to = (__u32 *)options->bytes;
	__u32 i;

	for (i = 0; i < MPTCPLB_TCP_OPTIONS_MAX / sizeof(*to); i++) {
		if (i * sizeof(*to) >= options->length)
			break;
		if ((const void *)(from + i + 1) > end)
			return false;
		to[i] = from[i];
	}
	return true;
}

/* Whether the SYN is a join, and whose token it carries. */
static __always_inline bool find_join(struct xdp_md *ctx, const struct packet *packet, __u32 *token)
{
	struct options options = { .length = packet->options_length };

	/* In multiples of 4; the verifier of Linux 6.1 learns nothing from "is not 0". */
	if (options.length < 4 || options.length > MPTCPLB_TCP_OPTIONS_MAX)
		return false;
	if (!load_options(ctx, packet, &options))
		return false;
	options.syn.offset = common_start(&options);
	bpf_loop(MPTCPLB_TCP_OPTIONS_MAX, look_at_option, &options, 0);
	if (options.syn.seen & MPTCPLB_SYN_MALFORMED)
		count(packet, BALANCER_MALFORMED_OPTIONS);
	*token = options.syn.token;
	return mptcplb_core_syn_is_join(&options.syn);
}

/* @server is an index; masked, as the verifier of Linux 6.1 loses what a comparison tells. */
static __always_inline bool serves(const struct balancer_table *table, __u32 server)
{
	return table->serves[server / 64 % (BALANCER_SERVERS_MAX / 64)] >> server % 64 & 1;
}

/* The server of an index if packets may go there. */
static __always_inline const struct balancer_server *usable_server(__u32 index)
{
	const struct balancer_server *server = bpf_map_lookup_elem(&servers, &index);

	return server && server->usable ? server : NULL;
}

static __always_inline __u32 cannot_take(const struct packet *packet, __u32 owner,
					 enum balancer_counter why)
{
	struct balancer_traffic *to_owner = bpf_map_lookup_elem(&traffic, &owner);

	if (to_owner)
		to_owner->unroutable++;
	count(packet, why);
	return BALANCER_NO_SERVER;
}

/*
 * Whose token it is: a server id, or an error of mptcplb_core_token_decode(). Global, so that the
 * verifier looks at it once.
 */
__noinline __s64 decode(const struct mptcplb_keyring *keyring, __u32 token)
{
	struct mptcplb_token_parts parts = {};
	int error;

	if (!keyring)
		return MPTCPLB_ERR_EPOCH_UNKNOWN;
	error = mptcplb_core_token_decode(keyring, &parts, token);
	return error ? error : (__s64)parts.server_id;
}

/* The index of a token's owner if it can take the join, or BALANCER_NO_SERVER, counted. */
static __always_inline __u32 find_owner(const struct packet *packet,
					const struct balancer_table *table,
					const struct mptcplb_keyring *keyring, __u32 token)
{
	const __s64 decoded = decode(keyring, token);
	const struct balancer_owners *four;
	__u32 index, owner;

	if (decoded < 0) {
		count(packet, decoded == MPTCPLB_ERR_TOKEN_ZERO ? BALANCER_UNROUTABLE_TOKEN_ZERO
								: BALANCER_UNROUTABLE_EPOCH);
		return BALANCER_NO_SERVER;
	}
	index = decoded / BALANCER_OWNERS;
	four = bpf_map_lookup_elem(&owners, &index);
	owner = four ? four->servers[decoded % BALANCER_OWNERS] : BALANCER_NO_SERVER;
	if (owner == BALANCER_NO_SERVER) {
		count(packet, BALANCER_UNROUTABLE_ID);
		return BALANCER_NO_SERVER;
	}
	if (!serves(table, owner))
		return cannot_take(packet, owner, BALANCER_UNROUTABLE_SERVICE);
	if (!usable_server(owner))
		return cannot_take(packet, owner, BALANCER_UNROUTABLE_DOWN);
	return owner;
}

#endif
