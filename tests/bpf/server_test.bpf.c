/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The server agent's own programs, and one more way into them: BPF_PROG_TEST_RUN gives every
 * packet a socket, but the SYN/ACKs that are to be rewritten have none.
 */
#include "../../examples/server/server.bpf.c"

SEC("tc")
int server_egress_cookie(struct __sk_buff *skb)
{
	rewrite_synack(skb, false);
	return TC_ACT_UNSPEC;
}
