// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "mptcp_netlink.h"

#include <errno.h>
#include <linux/mptcp.h>
#include <stdbool.h>
#include <string.h>

#include "netlink.h"

static const struct rtattr *find(const void *start, int length, uint16_t type)
{
	const struct rtattr *attribute;

	for (attribute = start; RTA_OK(attribute, length);
	     attribute = RTA_NEXT(attribute, length)) {
		if ((attribute->rta_type & NLA_TYPE_MASK) == type)
			return attribute;
	}
	return NULL;
}

const struct rtattr *mptcp_netlink_attribute(const struct nlmsghdr *message, uint16_t type)
{
	const int head = (int)NLMSG_LENGTH(sizeof(struct genlmsghdr));

	return find((const char *)message + head, (int)message->nlmsg_len - head, type);
}

const struct rtattr *mptcp_netlink_nested(const struct rtattr *attribute, uint16_t type)
{
	return find(RTA_DATA(attribute), (int)RTA_PAYLOAD(attribute), type);
}

static bool has_text(const struct rtattr *attribute, const char *text)
{
	return attribute && RTA_PAYLOAD(attribute) == strlen(text) + 1 &&
	       !memcmp(RTA_DATA(attribute), text, strlen(text) + 1);
}

static void note_groups(struct mptcp_netlink *netlink, const struct rtattr *groups)
{
	int length = (int)RTA_PAYLOAD(groups);
	const struct rtattr *group;

	for (group = RTA_DATA(groups); RTA_OK(group, length); group = RTA_NEXT(group, length)) {
		if (has_text(mptcp_netlink_nested(group, CTRL_ATTR_MCAST_GRP_NAME),
			     MPTCP_PM_EV_GRP_NAME))
			netlink->events =
				netlink_number(mptcp_netlink_nested(group, CTRL_ATTR_MCAST_GRP_ID));
	}
}

static void note_family(void *context, const struct nlmsghdr *message)
{
	const struct rtattr *id = mptcp_netlink_attribute(message, CTRL_ATTR_FAMILY_ID);
	const struct rtattr *groups = mptcp_netlink_attribute(message, CTRL_ATTR_MCAST_GROUPS);
	struct mptcp_netlink *netlink = context;

	if (!id || RTA_PAYLOAD(id) < sizeof(netlink->family) ||
	    !has_text(mptcp_netlink_attribute(message, CTRL_ATTR_FAMILY_NAME), MPTCP_PM_NAME))
		return;
	memcpy(&netlink->family, RTA_DATA(id), sizeof(netlink->family));
	if (groups)
		note_groups(netlink, groups);
}

int mptcp_netlink_find(struct mptcp_netlink *netlink)
{
	struct mptcp_request families = mptcp_netlink_request(GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	int error;

	*netlink = (struct mptcp_netlink){ 0 };
	error = netlink_dump(NETLINK_GENERIC, &families.header, note_family, netlink);
	if (error)
		return error;
	return netlink->family ? 0 : -ENOENT;
}

struct mptcp_request mptcp_netlink_request(uint16_t family, uint8_t command)
{
	return (struct mptcp_request){
		.header = { .nlmsg_len = sizeof(struct mptcp_request), .nlmsg_type = family },
		.generic = { .cmd = command, .version = MPTCP_PM_VER },
	};
}
