/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The server agent's own programs, and more ways into them: BPF_PROG_TEST_RUN gives every
 * packet a socket, but the SYN/ACKs that are to be rewritten have none.
 */
#include "../../examples/server/server.bpf.c"

SEC("tc")
int server_egress_cookie(struct __sk_buff *skb)
{
	rewrite_synack(skb, false);
	return TC_ACT_UNSPEC;
}

/* What the kernel takes a packet for behind ingress: it is no part of what a test run gives back. */
SEC("tc")
int server_ingress_protocol(struct __sk_buff *skb)
{
	return let_in(skb) == TC_ACT_UNSPEC ? bpf_ntohs(skb->protocol) : 0;
}
