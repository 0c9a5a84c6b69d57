// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "identity.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>

#include "daemon.h"

/* Servers and balancers alike. */
struct members {
	const struct mptcplb_farm *farm;
	bool servers;
};

static size_t member_count(const struct members *members)
{
	return members->servers ? members->farm->server_count : members->farm->balancer_count;
}

static struct dataplane_member member_at(const struct members *members, size_t index)
{
	const struct mptcplb_farm *farm = members->farm;

	if (members->servers)
		return (struct dataplane_member){ farm->servers[index].name,
						  &farm->servers[index].address };
	return (struct dataplane_member){ farm->balancers[index].name,
					  &farm->balancers[index].address };
}

static const char *kind(const struct members *members)
{
	return members->servers ? "server" : "balancer";
}

static bool find_by_name(struct dataplane_member *self, const struct members *members,
			 const char *name)
{
	for (size_t i = 0; i < member_count(members); i++) {
		*self = member_at(members, i);
		if (!strcmp(self->name, name))
			return true;
	}
	log_error("the farm has no %s \"%s\": expected the entry of this one", kind(members), name);
	return false;
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

static bool find_by_interface(struct dataplane_member *self, const struct members *members,
			      const char *interface)
{
	struct ifaddrs *list;
	bool found = false;

	if (getifaddrs(&list) < 0) {
		log_warning("cannot read the addresses of \"%s\": %s", interface, strerror(errno));
		return false;
	}
	for (size_t i = 0; i < member_count(members) && !found; i++) {
		*self = member_at(members, i);
		for (const struct ifaddrs *entry = list; entry && !found; entry = entry->ifa_next)
			found = is_address_of(entry, interface, self->address);
	}
	freeifaddrs(list);
	return found;
}

bool identity_find(struct dataplane_member *self, const struct mptcplb_farm *farm, bool redirector,
		   const char *name, const char *interface)
{
	const struct members members = { farm, redirector };

	if (name)
		return find_by_name(self, &members, name);
	if (member_count(&members) == 0) {
		log_error("the farm has no %ss: expected an entry for this one", kind(&members));
		return false;
	}
	if (find_by_interface(self, &members, interface))
		return true;
	if (member_count(&members) == 1) {
		*self = member_at(&members, 0);
		log_warning("this is %s, the only %s of the farm, though interface \"%s\" does not "
			    "have its address: say so with --name",
			    self->name, kind(&members), interface);
		return true;
	}
	log_error("none of the farm's %ss has an address of interface \"%s\": "
		  "say with --name which one this is",
		  kind(&members), interface);
	return false;
}
