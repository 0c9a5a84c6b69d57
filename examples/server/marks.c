// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "marks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "clock.h"
#include "daemon.h"
#include "environment.h"
#include "half_open.h"
#include "program.h"

/* A mark is renewed at this age, well before ingress stops trusting it. */
#define RENEW_NS 60000000000ULL

/* How often, and how long each time, to wait for a SYN over loopback while cookies are on. */
#define LOOKS 20
#define LOOK_PAUSE_US 200

static void add_ports(struct marks *marks, const struct mptcplb_farm_service *service)
{
	uint32_t port;

	for (port = service->port; port <= service->port_last; port++) {
		struct mark *mark = &marks->marks[marks->count++];
		const struct server_service key = program_service(service, (uint16_t)port);
		struct server_mark known = { 0 };

		(void)bpf_map_lookup_elem(marks->map, &key, &known);
		mark->service = service;
		mark->port = (uint16_t)port;
		mark->jiffies = known.jiffies;
		mark->seen_at = known.seen_at;
	}
}

int marks_open(struct marks *marks, int map, int look, const struct mptcplb_farm *farm,
	       const struct mptcplb_farm_server *server)
{
	size_t i, ports = 1;

	*marks = (struct marks){ .map = map, .look = look };
	for (i = 0; i < farm->service_count; i++)
		ports += 1U + farm->services[i].port_last - farm->services[i].port;
	marks->marks = calloc(ports, sizeof(*marks->marks));
	if (!marks->marks)
		return -ENOMEM;
	for (i = 0; i < farm->service_count; i++) {
		if (mptcplb_farm_serves(farm, &farm->services[i], server))
			add_ports(marks, &farm->services[i]);
	}
	return 0;
}

void marks_close(struct marks *marks)
{
	free(marks->marks);
	marks->marks = NULL;
}

static bool is_due(const struct mark *mark, uint64_t now)
{
	return mark->look.kind == SERVER_LISTENER_MPTCP &&
	       (!mark->seen_at || now - mark->seen_at > RENEW_NS);
}

/*
 * Look at a listener. Returns whether it has a mark that is new since @since; when that is 0, the
 * mark's age cannot be told.
 */
static bool look(const struct marks *marks, struct mark *mark, uint64_t since)
{
	const struct server_service key = program_service(mark->service, mark->port);
	const uint32_t known = mark->jiffies;
	struct server_mark value = { .seen_at = since };

	/* The list saves a look at each port of a large range. */
	if (!listening_on(&marks->listening, mark->port) ||
	    look_at(marks->look, &mark->service->address, mark->port, &mark->look))
		mark->look = (struct look){ .kind = SERVER_LISTENER_NONE };
	mark->jiffies = mark->look.mark;
	if (!mark->jiffies)
		mark->seen_at = 0;
	if (!mark->jiffies || mark->jiffies == known || !since)
		return false;
	mark->seen_at = since;
	value.jiffies = mark->jiffies;
	return bpf_map_update_elem(marks->map, &key, &value, BPF_EXIST) == 0;
}

static void tell_kind(struct mark *mark)
{
	char text[MPTCPLB_FARM_ADDRESS_TEXT_SIZE];

	if (mark->look.kind == SERVER_LISTENER_TCP && !mark->told)
		log_warning("service %s port %u is no MPTCP socket: its application must listen "
			    "with IPPROTO_MPTCP, or be started by mptcpize",
			    mptcplb_farm_address_text(&mark->service->address, text), mark->port);
	mark->told = mark->look.kind == SERVER_LISTENER_TCP;
}

/* While cookies are on for all: have each listener that is due send one. */
static void provoke(struct marks *marks, uint64_t start)
{
	size_t i, waiting;
	int tries;

	for (i = 0; i < marks->count; i++) {
		const struct mark *mark = &marks->marks[i];
		int fd = is_due(mark, start)
				 ? half_open_connect(&mark->service->address, mark->port)
				 : -1;

		if (fd >= 0)
			close(fd);
	}
	for (tries = 0; tries < LOOKS; tries++) {
		for (i = 0, waiting = 0; i < marks->count; i++)
			waiting += is_due(&marks->marks[i], start) &&
				   !look(marks, &marks->marks[i], start);
		if (!waiting)
			break;
		usleep(LOOK_PAUSE_US);
	}
}

static int renew(struct marks *marks)
{
	int before = environment_syncookies();
	int error;

	if (before <= 0)
		return before < 0 ? before : -EOPNOTSUPP;
	error = environment_set_syncookies(SYNCOOKIES_ALWAYS);
	if (error)
		return error;
	provoke(marks, clock_now());
	return environment_set_syncookies(before);
}

void marks_refresh(struct marks *marks)
{
	uint64_t now = clock_now();
	bool due = false;
	int error = 0;
	size_t i;

	if (marks->count)
		listening_refresh(&marks->listening);
	for (i = 0; i < marks->count; i++) {
		(void)look(marks, &marks->marks[i], marks->looked_at);
		tell_kind(&marks->marks[i]);
		due |= is_due(&marks->marks[i], now);
	}
	marks->looked_at = now;
	if (due)
		error = renew(marks);
	if (error && error != marks->error)
		log_warning("net.ipv4.tcp_syncookies: %s. Connections keep the kernel's keys",
			    error == -EOPNOTSUPP ? "it is 0 but must be 1" : strerror(-error));
	marks->error = error;
}

size_t marks_ready(const struct marks *marks)
{
	const uint64_t now = clock_now();
	size_t i, ready = 0;

	for (i = 0; i < marks->count; i++) {
		const struct mark *mark = &marks->marks[i];

		ready += mark->look.kind == SERVER_LISTENER_MPTCP && mark->seen_at &&
			 now - mark->seen_at < SERVER_MARK_NS;
	}
	return ready;
}
