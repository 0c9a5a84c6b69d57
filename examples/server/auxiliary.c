// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "auxiliary.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "clock.h"
#include "daemon.h"
#include "half_open.h"
#include "look.h"

/* A listener is replaced at this age, well before ingress stops using it. */
#define TURN_NS 20000000000ULL

/* How often, and how long each time, to wait for a SYN over loopback. */
#define LOOKS 20
#define LOOK_PAUSE_US 500

static const struct mptcplb_farm_address loopback[SERVER_FAMILIES] = {
	[SERVER_IPV4] = { .version = 4, .bytes = { 127, 0, 0, 1 } },
	[SERVER_IPV6] = { .version = 6, .bytes = { [15] = 1 } },
};

static void auxiliary_close(struct auxiliary *auxiliary)
{
	if (auxiliary->listener >= 0)
		close(auxiliary->listener);
	if (auxiliary->filler >= 0)
		close(auxiliary->filler);
	*auxiliary = (struct auxiliary){ .listener = -1, .filler = -1 };
}

static int listen_with_backlog(struct auxiliary *auxiliary, enum server_family family, int backlog)
{
	struct sockaddr_storage address;
	socklen_t size = half_open_address(&address, &loopback[family], 0);

	auxiliary->listener = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
				     IPPROTO_MPTCP);
	if (auxiliary->listener < 0 ||
	    bind(auxiliary->listener, (struct sockaddr *)&address, size) ||
	    listen(auxiliary->listener, backlog) ||
	    getsockname(auxiliary->listener, (struct sockaddr *)&address, &size))
		return -errno;
	/* The port is at the same place in both families. */
	auxiliary->port = ntohs(((struct sockaddr_in *)&address)->sin_port);
	return 0;
}

/* Wait until the listener has @requests half-open requests, or not: 0, -EAGAIN or -errno. */
static int wait_requests(const struct auxiliary *auxiliary, enum server_family family, int program,
			 uint32_t requests)
{
	struct look look;
	int i, error;

	for (i = 0; i < LOOKS; i++) {
		error = look_at(program, &loopback[family], auxiliary->port, &look);
		if (error || look.requests == requests)
			return error;
		usleep(LOOK_PAUSE_US);
	}
	return -EAGAIN;
}

/* Whether one more SYN is answered with a cookie: it does not become a second request. */
static int check_full(const struct auxiliary *auxiliary, enum server_family family, int program)
{
	int probe = half_open_connect(&loopback[family], auxiliary->port);
	int error;

	if (probe < 0)
		return probe;
	error = wait_requests(auxiliary, family, program, 2);
	close(probe);
	if (error == 0)
		return -EAGAIN;
	return error == -EAGAIN ? 0 : error;
}

/* Kernels differ in whether a queue as long as its backlog is full: the caller tries both. */
static int auxiliary_open(struct auxiliary *auxiliary, enum server_family family, int program,
			  int backlog)
{
	int error = listen_with_backlog(auxiliary, family, backlog);

	if (error)
		return error;
	auxiliary->filled_at = clock_now();
	auxiliary->filler = half_open_connect(&loopback[family], auxiliary->port);
	if (auxiliary->filler < 0)
		return auxiliary->filler;
	error = wait_requests(auxiliary, family, program, 1);
	return error ? error : check_full(auxiliary, family, program);
}

static int publish(const struct auxiliaries *auxiliaries, uint32_t family)
{
	const struct server_auxiliary value = {
		.filled_at = auxiliaries->current[family].filled_at,
		.port = htons(auxiliaries->current[family].port),
	};

	return bpf_map_update_elem(auxiliaries->map, &family, &value, BPF_ANY);
}

static int renew(struct auxiliaries *auxiliaries, enum server_family family)
{
	struct auxiliary fresh = { .listener = -1, .filler = -1 };
	int backlog, error = -EAGAIN;

	for (backlog = 0; backlog <= 1 && error == -EAGAIN; backlog++) {
		auxiliary_close(&fresh);
		error = auxiliary_open(&fresh, family, auxiliaries->look, backlog);
	}
	if (error) {
		auxiliary_close(&fresh);
		return error;
	}
	auxiliary_close(&auxiliaries->before[family]);
	auxiliaries->before[family] = auxiliaries->current[family];
	auxiliaries->current[family] = fresh;
	return publish(auxiliaries, family);
}

/* Local programs can connect to the listener, and would fill its queue of connections. */
static void refuse_strangers(const struct auxiliary *auxiliary)
{
	int fd;

	while (auxiliary->listener >= 0 &&
	       (fd = accept4(auxiliary->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		close(fd);
}

static void tell(struct auxiliaries *auxiliaries, int error)
{
	if (error && error != auxiliaries->error)
		log_warning("no auxiliary listener: %s. Connections keep the kernel's keys until "
			    "there is one",
			    error == -EAGAIN ? "its queue of requests does not get full"
					     : strerror(-error));
	auxiliaries->error = error;
}

void auxiliaries_open(struct auxiliaries *auxiliaries)
{
	int family;

	*auxiliaries = (struct auxiliaries){ .map = -1, .look = -1 };
	for (family = 0; family < SERVER_FAMILIES; family++) {
		auxiliaries->current[family] = (struct auxiliary){ .listener = -1, .filler = -1 };
		auxiliaries->before[family] = auxiliaries->current[family];
	}
}

void auxiliaries_turn(struct auxiliaries *auxiliaries)
{
	uint64_t now = clock_now();
	int family, error = 0;

	for (family = 0; family < SERVER_FAMILIES; family++) {
		const struct auxiliary *current = &auxiliaries->current[family];

		if (!auxiliaries->needed[family])
			continue;
		auxiliary_close(&auxiliaries->before[family]);
		refuse_strangers(current);
		if (current->listener < 0 || now - current->filled_at > TURN_NS) {
			int result = renew(auxiliaries, (enum server_family)family);

			error = result ? result : error;
		}
	}
	tell(auxiliaries, error);
}

void auxiliaries_close(struct auxiliaries *auxiliaries)
{
	int family;

	for (family = 0; family < SERVER_FAMILIES; family++) {
		auxiliary_close(&auxiliaries->current[family]);
		auxiliary_close(&auxiliaries->before[family]);
	}
}
