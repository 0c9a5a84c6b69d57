// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * What clients send comes with an outer header in front, and must fit the links then. How long it
 * gets is up to the MSS that the server announces, by its routes to the clients.
 */
#include "checks.h"

#include <arpa/inet.h>
#include <limits.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netlink.h"

/* What the links of clients carry: a larger MSS has them send no longer packets. */
#define CLIENT_MTU 1500

struct mtu_check {
	struct check *check;
	int family;
	unsigned int outer; /* size of the outer header */
	unsigned int mtu; /* of the interface that takes the least */
};

/* What is of interest in a route. */
struct route {
	const struct rtattr *gateway;
	unsigned int ifindex, priority, advmss, mtu; /* 0: not given */
	const struct rtattr *next_hops; /* in the place of a gateway and an interface */
};

/* 0 when it is not known. */
static unsigned int mtu_of(const char *interface)
{
	struct ifreq asked = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), error;

	strncpy(asked.ifr_name, interface, IFNAMSIZ - 1);
	error = ioctl(fd, SIOCGIFMTU, &asked);
	close(fd);
	return error ? 0 : (unsigned int)asked.ifr_mtu;
}

static unsigned int least_mtu(const struct agent_options *options)
{
	unsigned int least = UINT_MAX;
	size_t i;

	for (i = 0; i < options->interface_count; i++) {
		unsigned int mtu = mtu_of(options->interfaces[i]);

		if (mtu && mtu < least)
			least = mtu;
	}
	return least;
}

static void read_metrics(struct route *route, const struct rtattr *metrics)
{
	const struct rtattr *metric = RTA_DATA(metrics);
	size_t left = RTA_PAYLOAD(metrics);

	for (; RTA_OK(metric, left); metric = RTA_NEXT(metric, left)) {
		if (metric->rta_type == RTAX_ADVMSS)
			route->advmss = netlink_number(metric);
		else if (metric->rta_type == RTAX_MTU)
			route->mtu = netlink_number(metric);
	}
}

static void read_route(struct route *route, const struct nlmsghdr *message)
{
	const struct rtattr *attribute = RTM_RTA(NLMSG_DATA(message));
	size_t left = RTM_PAYLOAD(message);

	*route = (struct route){ .gateway = NULL };
	for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
		switch (attribute->rta_type) {
		case RTA_OIF:
			route->ifindex = netlink_number(attribute);
			break;
		case RTA_PRIORITY:
			route->priority = netlink_number(attribute);
			break;
		case RTA_GATEWAY:
			route->gateway = attribute;
			break;
		case RTA_MULTIPATH:
			route->next_hops = attribute;
			break;
		case RTA_METRICS:
			read_metrics(route, attribute);
			break;
		}
	}
}

/* How to have a route announce less. */
static void name_remedy(char *words, size_t size, int family, const struct route *route,
			unsigned int advmss)
{
	char gateway[INET6_ADDRSTRLEN] = "", interface[IF_NAMESIZE] = "", priority[24] = "";
	const char *ip = family == AF_INET ? "ip" : "ip -6";

	if (route->priority)
		snprintf(priority, sizeof(priority), " metric %u", route->priority);
	if (route->next_hops) {
		snprintf(words, size,
			 "%s route replace default%s with all of its nexthops and advmss %u", ip,
			 priority, advmss);
		return;
	}

	if (route->gateway)
		inet_ntop(family, RTA_DATA(route->gateway), gateway, sizeof(gateway));
	if_indextoname(route->ifindex, interface);
	snprintf(words, size, "%s route change default%s%s%s%s%s advmss %u", ip,
		 gateway[0] ? " via " : "", gateway, interface[0] ? " dev " : "", interface,
		 priority, advmss);
}

static unsigned int mtu_of_index(unsigned int ifindex)
{
	char interface[IF_NAMESIZE];

	return if_indextoname(ifindex, interface) ? mtu_of(interface) : 0;
}

/* The MTU of the interface of a route; of several, the largest. */
static unsigned int device_mtu(const struct route *route)
{
	unsigned int largest = mtu_of_index(route->ifindex);
	const struct rtnexthop *hop;
	int left;

	if (!route->next_hops)
		return largest;
	hop = RTA_DATA(route->next_hops);
	left = (int)RTA_PAYLOAD(route->next_hops);
	while (left >= (int)sizeof(*hop) && RTNH_OK(hop, left)) {
		unsigned int mtu = mtu_of_index((unsigned int)hop->rtnh_ifindex);

		if (mtu > largest)
			largest = mtu;
		left -= RTNH_ALIGN(hop->rtnh_len);
		hop = RTNH_NEXT(hop);
	}
	return largest;
}

/* How long the packets of clients get by what a route announces. */
static unsigned int packet_size(const struct route *route, unsigned int headers)
{
	unsigned int size = route->mtu ? route->mtu : device_mtu(route);

	if (route->advmss && (!size || route->advmss + headers < size))
		size = route->advmss + headers;
	return !size || size > CLIENT_MTU ? CLIENT_MTU : size;
}

static void check_route(void *context, const struct nlmsghdr *message)
{
	const struct mtu_check *mtu = context;
	const struct rtmsg *header = NLMSG_DATA(message);
	const bool ipv4 = mtu->family == AF_INET;
	const unsigned int headers =
		(ipv4 ? sizeof(struct iphdr) : sizeof(struct ip6_hdr)) + sizeof(struct tcphdr);
	char words[160];
	struct route route;
	unsigned int size;

	if (header->rtm_family != mtu->family || header->rtm_dst_len != 0 ||
	    header->rtm_type != RTN_UNICAST || header->rtm_flags & RTM_F_CLONED)
		return;
	read_route(&route, message);
	if (route.ifindex == if_nametoindex("lo"))
		return;
	size = packet_size(&route, headers);
	if (size + mtu->outer <= mtu->mtu)
		return;
	name_remedy(words, sizeof(words), mtu->family, &route, mtu->mtu - mtu->outer - headers);
	check_tell(
		mtu->check,
		"clients of the %s services send packets of %u bytes, and with the outer header of "
		"%u they are too long for an MTU of %u: %s, or an MTU of %u on the links from the "
		"balancers",
		ipv4 ? "IPv4" : "IPv6", size, mtu->outer, mtu->mtu, words, size + mtu->outer);
}

/* Whether the server answers on a service of an IP version. */
static bool serves_version(const struct check *check, unsigned int version)
{
	const struct mptcplb_farm *farm = check->farm;
	size_t i;

	for (i = 0; i < farm->service_count; i++) {
		if (farm->services[i].address.version == version &&
		    mptcplb_farm_serves(farm, &farm->services[i], check->server))
			return true;
	}
	return false;
}

static void check_version(struct mtu_check *mtu, int family, unsigned int version)
{
	struct {
		struct nlmsghdr header;
		struct rtmsg route;
	} request = {
		.header = { .nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETROUTE },
		.route = { .rtm_family = (unsigned char)family },
	};

	if (!serves_version(mtu->check, version))
		return;
	mtu->family = family;
	(void)netlink_dump(NETLINK_ROUTE, &request.header, check_route, mtu);
}

void check_mtu(struct check *check)
{
	struct mtu_check mtu = {
		.check = check,
		.outer = check->server->address.version == 4 ? sizeof(struct iphdr)
							     : sizeof(struct ip6_hdr),
		.mtu = least_mtu(check->options),
	};

	if (check->farm->balancer_count == 0 && check->farm->server_count == 1)
		return; /* nobody sends IP-in-IP */
	check_version(&mtu, AF_INET, 4);
	check_version(&mtu, AF_INET6, 6);
}
