// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "checks.h"

#include <linux/genetlink.h>
#include <linux/mptcp.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "netlink.h"

/* A request without attributes. */
struct generic_request {
	struct nlmsghdr header;
	struct genlmsghdr generic;
};

static struct generic_request make_request(uint16_t family, uint8_t command)
{
	return (struct generic_request){
		.header = { .nlmsg_len = sizeof(struct generic_request), .nlmsg_type = family },
		.generic = { .cmd = command, .version = MPTCP_PM_VER },
	};
}

/* An attribute of a message, or of another attribute; NULL when it is not there. */
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

static const struct rtattr *attribute_of(const struct nlmsghdr *message, uint16_t type)
{
	const int head = (int)NLMSG_LENGTH(sizeof(struct genlmsghdr));

	return find((const char *)message + head, (int)message->nlmsg_len - head, type);
}

static uint32_t number_in(const struct rtattr *attribute)
{
	uint32_t number = 0;

	if (attribute && RTA_PAYLOAD(attribute) >= sizeof(number))
		memcpy(&number, RTA_DATA(attribute), sizeof(number));
	return number;
}

static void note_family(void *context, const struct nlmsghdr *message)
{
	const struct rtattr *name = attribute_of(message, CTRL_ATTR_FAMILY_NAME);
	const struct rtattr *id = attribute_of(message, CTRL_ATTR_FAMILY_ID);
	uint16_t *family = context;

	if (name && id && RTA_PAYLOAD(name) == sizeof(MPTCP_PM_NAME) &&
	    !memcmp(RTA_DATA(name), MPTCP_PM_NAME, sizeof(MPTCP_PM_NAME)))
		memcpy(family, RTA_DATA(id), sizeof(*family));
}

static void check_limits(void *context, const struct nlmsghdr *message)
{
	struct check *check = context;
	const struct rtattr *subflows = attribute_of(message, MPTCP_PM_ATTR_SUBFLOWS);

	if (subflows && number_in(subflows) == 0)
		check_tell(check, "the MPTCP limit of subflows is 0, so joins are refused: "
				  "ip mptcp limits set subflows 8");
	if (number_in(attribute_of(message, MPTCP_PM_ATTR_RCV_ADD_ADDRS)))
		check_tell(check,
			   "this server joins to addresses that clients announce, and the "
			   "answers are hashed elsewhere: ip mptcp limits set add_addr_accepted 0");
}

static void check_endpoint(void *context, const struct nlmsghdr *message)
{
	struct check *check = context;
	const struct rtattr *address = attribute_of(message, MPTCP_PM_ATTR_ADDR);
	uint32_t flags, id = 0;
	const struct rtattr *found;

	if (!address)
		return;
	found = find(RTA_DATA(address), (int)RTA_PAYLOAD(address), MPTCP_PM_ADDR_ATTR_ID);
	if (found && RTA_PAYLOAD(found))
		id = *(const uint8_t *)RTA_DATA(found);
	flags = number_in(
		find(RTA_DATA(address), (int)RTA_PAYLOAD(address), MPTCP_PM_ADDR_ATTR_FLAGS));
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
	struct generic_request families = make_request(GENL_ID_CTRL, CTRL_CMD_GETFAMILY), request;
	uint16_t family = 0;

	if (netlink_dump(NETLINK_GENERIC, &families.header, note_family, &family) || !family)
		return; /* a kernel without MPTCP: its sysctls tell */
	request = make_request(family, MPTCP_PM_CMD_GET_LIMITS);
	(void)netlink_get(NETLINK_GENERIC, &request.header, check_limits, check);
	request = make_request(family, MPTCP_PM_CMD_GET_ADDR);
	(void)netlink_dump(NETLINK_GENERIC, &request.header, check_endpoint, check);
}
