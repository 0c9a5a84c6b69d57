// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "listening.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "netlink.h"

static void add(void *context, const struct nlmsghdr *message)
{
	struct listening *listening = context;
	const struct inet_diag_msg *diag = NLMSG_DATA(message);
	uint16_t port;

	if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*diag)))
		return;
	port = ntohs(diag->id.idiag_sport);
	listening->ports[port / 8] |= (uint8_t)(1 << port % 8);
}

static int read_family(struct listening *listening, uint8_t family)
{
	struct {
		struct nlmsghdr header;
		struct inet_diag_req_v2 diag;
	} request = {
		.header = { .nlmsg_len = sizeof(request), .nlmsg_type = SOCK_DIAG_BY_FAMILY },
		.diag = { .sdiag_family = family,
			  .sdiag_protocol = IPPROTO_TCP,
			  .idiag_states = 1U << TCP_LISTEN },
	};

	return netlink_dump(NETLINK_SOCK_DIAG, &request.header, add, listening);
}

void listening_refresh(struct listening *listening)
{
	memset(listening, 0, sizeof(*listening));
	if (read_family(listening, AF_INET) || read_family(listening, AF_INET6))
		memset(listening, 0xff, sizeof(*listening));
}
