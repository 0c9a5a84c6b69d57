// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * What any XDP program costs that sends a packet back where it came from, as the balancer's does
 * on a link with one end: for bench/farm_rate.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>

#include <bpf/bpf_helpers.h>

SEC("xdp")
int echo(struct xdp_md *ctx)
{
	struct ethhdr *ethernet = (void *)(long)ctx->data;
	__u8 source[ETH_ALEN];

	if ((void *)(ethernet + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	__builtin_memcpy(source, ethernet->h_source, ETH_ALEN);
	__builtin_memcpy(ethernet->h_source, ethernet->h_dest, ETH_ALEN);
	__builtin_memcpy(ethernet->h_dest, source, ETH_ALEN);
	return bpf_redirect(ctx->ingress_ifindex, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
