/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Ask the kernel for a list over netlink. */
#ifndef MPTCPLB_SERVER_NETLINK_H
#define MPTCPLB_SERVER_NETLINK_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <string.h>

/*
 * Send a request (NLM_F_REQUEST | NLM_F_DUMP are added) to a netlink protocol, e.g.
 * NETLINK_SOCK_DIAG, and hand each message of the answer to @each. Returns 0 or -errno.
 */
int netlink_dump(int protocol, struct nlmsghdr *request,
		 void (*each)(void *context, const struct nlmsghdr *message), void *context);

/* The same for a request that is answered by one message (NLM_F_REQUEST is added). */
int netlink_get(int protocol, struct nlmsghdr *request,
		void (*each)(void *context, const struct nlmsghdr *message), void *context);

/* The number in an attribute; 0 when there is none. */
static inline uint32_t netlink_number(const struct rtattr *attribute)
{
	uint32_t number = 0;

	if (attribute && RTA_PAYLOAD(attribute) >= sizeof(number))
		memcpy(&number, RTA_DATA(attribute), sizeof(number));
	return number;
}

#endif
