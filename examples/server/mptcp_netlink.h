/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The kernel's generic netlink family for MPTCP: limits, endpoints and events. */
#ifndef MPTCPLB_SERVER_MPTCP_NETLINK_H
#define MPTCPLB_SERVER_MPTCP_NETLINK_H

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdint.h>

struct mptcp_netlink {
	uint16_t family;
	uint32_t events; /* multicast group */
};

/* A request without attributes. */
struct mptcp_request {
	struct nlmsghdr header;
	struct genlmsghdr generic;
};

/* Find the family. Returns 0, or -errno: -ENOENT when the kernel has no MPTCP. */
int mptcp_netlink_find(struct mptcp_netlink *netlink);

struct mptcp_request mptcp_netlink_request(uint16_t family, uint8_t command);

/* An attribute of a message, or among others; NULL when it is not there. */
const struct rtattr *mptcp_netlink_attribute(const struct nlmsghdr *message, uint16_t type);
const struct rtattr *mptcp_netlink_nested(const struct rtattr *attribute, uint16_t type);

#endif
