// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "tell_all.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon.h"

struct tell_all {
	struct ring_buffer *ring;
	const struct dataplane_maps *maps;
	const struct balancer_config *self;
};

static bool is_ipv4(const struct balancer_address *address)
{
	return !address->words[0] && !address->words[1] && address->words[2] == 0xffff;
}

static socklen_t address_of(struct sockaddr_storage *to, const struct balancer_address *from)
{
	struct sockaddr_in *ipv4 = (struct sockaddr_in *)to;
	struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)to;

	memset(to, 0, sizeof(*to));
	if (is_ipv4(from)) {
		ipv4->sin_family = AF_INET;
		ipv4->sin_addr.s_addr = htonl(from->words[3]);
		return sizeof(*ipv4);
	}
	ipv6->sin6_family = AF_INET6;
	for (int i = 0; i < 4; i++)
		ipv6->sin6_addr.s6_addr32[i] = htonl(from->words[i]);
	return sizeof(*ipv6);
}

/* A socket that puts an IP header from this server in front of what is sent. */
static int open_socket(const struct balancer_address *self, bool inner_ipv4)
{
	struct sockaddr_storage address;
	socklen_t length = address_of(&address, self);
	int fd = socket(address.ss_family, SOCK_RAW | SOCK_CLOEXEC,
			inner_ipv4 ? IPPROTO_IPIP : IPPROTO_IPV6);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, length) == 0)
		return fd;
	log_warning("cannot send ICMP errors on to the other servers: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static int send_to_all(void *context, void *data, size_t size)
{
	const struct tell_all *all = context;
	const struct balancer_error *error = data;
	int fd;

	if (size < sizeof(*error) || error->length > sizeof(error->packet))
		return 0;
	fd = open_socket(&all->self->own_address, error->packet[0] >> 4 == 4);
	for (uint32_t i = 0; fd >= 0 && i < BALANCER_SERVERS_MAX; i++) {
		struct sockaddr_storage address;
		struct balancer_server server;

		if (i == all->self->own_index ||
		    bpf_map_lookup_elem(all->maps->fds[DATAPLANE_SERVERS], &i, &server) ||
		    !server.usable)
			continue;
		sendto(fd, error->packet, error->length, MSG_DONTWAIT, (struct sockaddr *)&address,
		       address_of(&address, &server.address));
	}
	if (fd >= 0)
		close(fd);
	return 0;
}

struct tell_all *tell_all_open(const struct dataplane_maps *maps)
{
	struct tell_all *all = calloc(1, sizeof(*all));

	if (all)
		all->ring = ring_buffer__new(maps->fds[DATAPLANE_ERRORS], send_to_all, all, NULL);
	if (all && all->ring)
		return all;
	log_error("cannot read the ring of ICMP errors: %s", strerror(errno));
	free(all);
	return NULL;
}

void tell_all_close(struct tell_all *all)
{
	if (all)
		ring_buffer__free(all->ring);
	free(all);
}

int tell_all_poll(const struct tell_all *all)
{
	return ring_buffer__epoll_fd(all->ring);
}

void tell_all_serve(struct tell_all *all, const struct dataplane_maps *maps,
		    const struct balancer_config *self)
{
	all->maps = maps;
	all->self = self;
	ring_buffer__consume(all->ring);
}
