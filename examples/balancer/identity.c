// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "identity.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "daemon.h"

static const struct mptcplb_farm_balancer *balancer_by_name(const struct mptcplb_farm *farm,
							    const char *name)
{
	for (size_t i = 0; i < farm->balancer_count; i++) {
		if (!strcmp(farm->balancers[i].name, name))
			return &farm->balancers[i];
	}
	log_error("the farm has no balancer \"%s\"", name);
	return NULL;
}

static bool is_address_of(const struct ifaddrs *entry, const char *interface,
			  const struct mptcplb_farm_address *address)
{
	const void *bytes;

	if (!entry->ifa_addr || strcmp(entry->ifa_name, interface) != 0)
		return false;
	if (address->version == 4 && entry->ifa_addr->sa_family == AF_INET) {
		bytes = &((const struct sockaddr_in *)entry->ifa_addr)->sin_addr;
		return !memcmp(bytes, address->bytes, 4);
	}
	if (address->version == 6 && entry->ifa_addr->sa_family == AF_INET6) {
		bytes = &((const struct sockaddr_in6 *)entry->ifa_addr)->sin6_addr;
		return !memcmp(bytes, address->bytes, 16);
	}
	return false;
}

static const struct mptcplb_farm_balancer *balancer_by_interface(const struct mptcplb_farm *farm,
								 const char *interface)
{
	const struct mptcplb_farm_balancer *found = NULL;
	struct ifaddrs *list;

	if (getifaddrs(&list) < 0) {
		log_error("cannot read the addresses of \"%s\": %s", interface, strerror(errno));
		return NULL;
	}
	for (size_t i = 0; i < farm->balancer_count && !found; i++) {
		for (const struct ifaddrs *entry = list; entry; entry = entry->ifa_next) {
			if (is_address_of(entry, interface, &farm->balancers[i].address))
				found = &farm->balancers[i];
		}
	}
	freeifaddrs(list);
	if (!found)
		log_error("none of the farm's balancers has an address of interface \"%s\": "
			  "say with --name which one this is",
			  interface);
	return found;
}

const struct mptcplb_farm_balancer *identity_find(const struct mptcplb_farm *farm, const char *name,
						  const char *interface)
{
	if (name)
		return balancer_by_name(farm, name);
	if (farm->balancer_count == 1)
		return &farm->balancers[0];
	if (farm->balancer_count == 0) {
		log_error("the farm has no balancers: expected an entry for this one");
		return NULL;
	}
	return balancer_by_interface(farm, interface);
}
