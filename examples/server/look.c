// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "look.h"

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <string.h>

#include <bpf/bpf.h>

#define FRAME_SIZE_MAX (ETH_HLEN + sizeof(struct ip6_hdr) + sizeof(struct tcphdr))

/* A SYN from nobody. Returns its length. */
static uint32_t build_syn(uint8_t *frame, const struct mptcplb_farm_address *address, uint16_t port)
{
	const struct tcphdr tcp = { .th_dport = htons(port),
				    .th_off = sizeof(tcp) / 4,
				    .th_flags = TH_SYN };
	const bool is_ipv4 = address->version == 4;
	const uint16_t ethertype = htons(is_ipv4 ? ETHERTYPE_IP : ETHERTYPE_IPV6);
	const size_t header = is_ipv4 ? sizeof(struct iphdr) : sizeof(struct ip6_hdr);
	struct iphdr ipv4 = { .version = 4,
			      .ihl = sizeof(ipv4) / 4,
			      .protocol = IPPROTO_TCP,
			      .tot_len = htons(sizeof(ipv4) + sizeof(tcp)) };
	struct ip6_hdr ipv6 = { .ip6_plen = htons(sizeof(tcp)), .ip6_nxt = IPPROTO_TCP };

	ipv6.ip6_vfc = 6 << 4;
	memcpy(&ipv4.daddr, address->bytes, sizeof(ipv4.daddr));
	memcpy(&ipv6.ip6_dst, address->bytes, sizeof(ipv6.ip6_dst));
	memcpy(frame + 2 * ETH_ALEN, &ethertype, sizeof(ethertype));
	memcpy(frame + ETH_HLEN, is_ipv4 ? (void *)&ipv4 : (void *)&ipv6, header);
	memcpy(frame + ETH_HLEN + header, &tcp, sizeof(tcp));
	return (uint32_t)(ETH_HLEN + header + sizeof(tcp));
}

int look_at(int program, const struct mptcplb_farm_address *address, uint16_t port,
	    struct look *look)
{
	uint8_t frame[FRAME_SIZE_MAX] = { 0 };
	struct __sk_buff context = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .ctx_out = &context,
		    .ctx_size_out = sizeof(context));
	int error;

	options.data_size_in = build_syn(frame, address, port);
	error = bpf_prog_test_run_opts(program, &options);
	if (error)
		return error;
	look->kind = (enum server_listener)options.retval;
	look->mark = context.cb[SERVER_LOOK_MARK];
	look->requests = context.cb[SERVER_LOOK_QUEUE];
	look->plain = context.cb[SERVER_LOOK_PLAIN];
	return 0;
}
