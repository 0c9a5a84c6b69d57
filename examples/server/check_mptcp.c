// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "checks.h"

#include <linux/mptcp.h>

#include "mptcp_netlink.h"
#include "netlink.h"

static void check_limits(void *context, const struct nlmsghdr *message)
{
	struct check *check = context;
	const struct rtattr *subflows = mptcp_netlink_attribute(message, MPTCP_PM_ATTR_SUBFLOWS);

	if (subflows && netlink_number(subflows) == 0)
		check_tell(check, "the MPTCP limit of subflows is 0, so joins are refused: "
				  "ip mptcp limits set subflows 8");
	if (netlink_number(mptcp_netlink_attribute(message, MPTCP_PM_ATTR_RCV_ADD_ADDRS)))
		check_tell(check,
			   "this server joins to addresses that clients announce, and the "
			   "answers are hashed elsewhere: ip mptcp limits set add_addr_accepted 0");
}

static void check_endpoint(void *context, const struct nlmsghdr *message)
{
	struct check *check = context;
	const struct rtattr *address = mptcp_netlink_attribute(message, MPTCP_PM_ATTR_ADDR);
	uint32_t flags, id = 0;
	const struct rtattr *found;

	if (!address)
		return;
	found = mptcp_netlink_nested(address, MPTCP_PM_ADDR_ATTR_ID);
	if (found && RTA_PAYLOAD(found))
		id = *(const uint8_t *)RTA_DATA(found);
	flags = netlink_number(mptcp_netlink_nested(address, MPTCP_PM_ADDR_ATTR_FLAGS));
	if (flags & MPTCP_PM_ADDR_FLAG_SUBFLOW)
		check_tell(check,
			   "MPTCP endpoint %u has this server open subflows, whose answers are "
			   "hashed elsewhere: ip mptcp endpoint delete id %u",
			   id, id);
	if (flags & MPTCP_PM_ADDR_FLAG_SIGNAL)
		check_tell(check,
			   "MPTCP endpoint %u is announced to clients, which then join around "
			   "the balancers: ip mptcp endpoint delete id %u",
			   id, id);
}

void check_mptcp(struct check *check)
{
	struct mptcp_netlink netlink;
	struct mptcp_request request;

	if (mptcp_netlink_find(&netlink))
		return; /* a kernel without MPTCP: its sysctls tell */
	request = mptcp_netlink_request(netlink.family, MPTCP_PM_CMD_GET_LIMITS);
	(void)netlink_get(NETLINK_GENERIC, &request.header, check_limits, check);
	request = mptcp_netlink_request(netlink.family, MPTCP_PM_CMD_GET_ADDR);
	(void)netlink_dump(NETLINK_GENERIC, &request.header, check_endpoint, check);
}
