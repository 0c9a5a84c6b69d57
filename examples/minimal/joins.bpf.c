// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * core.h in an XDP program: whose joins come by? It counts them by server id and passes every
 * packet. A balancer would send the packet on where this one counts.
 *
 *     clang -target bpf -mcpu=v3 -O2 -g -ffreestanding -I include \
 *           -I /usr/include/$(gcc -print-multiarch) -c examples/minimal/joins.bpf.c -o joins.bpf.o
 *
 * IPv4 over Ethernet, without VLAN tags and IP options, to be short.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <mptcplb/core.h>

/* The farm's secrets: user space fills a keyring with the functions of keyring.h. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mptcplb_keyring);
} keyrings SEC(".maps");

/* How many joins came for a server id. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u64);
} joins SEC(".maps");

struct walk {
	struct mptcplb_core_syn syn;
	__u32 length;
	__u8 options[MPTCPLB_SYN_BUFFER_SIZE];
};

/* The verifier would follow each way through a loop over options; bpf_loop() it looks at once. */
static long step(__u32 index, struct walk *walk)
{
	return mptcplb_core_syn_step(&walk->syn, walk->options, walk->length);
}

static __always_inline void count(__u32 server_id)
{
	const __u64 one = 1;
	__u64 *counted = bpf_map_lookup_elem(&joins, &server_id);

	if (counted)
		__sync_fetch_and_add(counted, 1);
	else
		bpf_map_update_elem(&joins, &server_id, &one, BPF_NOEXIST);
}

SEC("xdp")
int count_joins(struct xdp_md *ctx)
{
	const __u32 options_at =
		sizeof(struct ethhdr) + sizeof(struct iphdr) + sizeof(struct tcphdr);
	const struct ethhdr *ethernet = (void *)(long)ctx->data;
	const struct iphdr *ip = (const void *)(ethernet + 1);
	const struct tcphdr *tcp = (const void *)(ip + 1);
	const struct mptcplb_keyring *keyring;
	struct mptcplb_token_parts parts;
	struct walk walk = {};
	const __u32 first = 0;

	if ((void *)(tcp + 1) > (void *)(long)ctx->data_end)
		return XDP_PASS;
	if (ethernet->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5 ||
	    ip->protocol != IPPROTO_TCP || !tcp->syn || tcp->ack)
		return XDP_PASS;

	walk.length = tcp->doff * 4 - sizeof(*tcp);
	if (walk.length < 4 || walk.length > MPTCPLB_TCP_OPTIONS_MAX ||
	    bpf_xdp_load_bytes(ctx, options_at, walk.options, walk.length))
		return XDP_PASS;
	bpf_loop(MPTCPLB_TCP_OPTIONS_MAX, step, &walk, 0);

	keyring = bpf_map_lookup_elem(&keyrings, &first);
	if (keyring && mptcplb_core_syn_is_join(&walk.syn) &&
	    !mptcplb_core_token_decode(keyring, &parts, walk.syn.token))
		count(parts.server_id);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
