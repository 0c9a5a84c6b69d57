// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "checks.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "environment.h"
#include "half_open.h"
#include "listening.h"
#include "look.h"
#include "program.h"
#include "server.skel.h"

/* So long an application may take to speak first. */
#define SPEAK_MS 300

/* The service that is looked at. */
struct looked {
	struct check *check;
	int program; /* server_look */
	const struct mptcplb_farm_service *service;
	char address[MPTCPLB_FARM_ADDRESS_TEXT_SIZE];
	unsigned int listeners;
	uint16_t port; /* of the first one */
};

static bool is_local(const struct mptcplb_farm_address *address)
{
	struct sockaddr_storage storage;
	socklen_t size = half_open_address(&storage, address, 0);
	int fd = socket(storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool local = fd < 0 || bind(fd, (struct sockaddr *)&storage, size) == 0 ||
		     errno != EADDRNOTAVAIL;

	if (fd >= 0)
		close(fd);
	return local;
}

static void check_port(struct looked *looked, uint16_t port)
{
	struct look look;

	if (look_at(looked->program, &looked->service->address, port, &look) ||
	    look.kind == SERVER_LISTENER_NONE)
		return;
	if (!looked->listeners++)
		looked->port = port;
	if (look.kind == SERVER_LISTENER_TCP)
		check_tell(looked->check,
			   "the listener on %s port %u is no MPTCP socket: have its application "
			   "open one with IPPROTO_MPTCP, or start it by mptcpize run",
			   looked->address, port);
	else if (!look.plain)
		check_tell(looked->check,
			   "the listener on %s port %u has set SO_RCVBUF or TCP_WINDOW_CLAMP, and "
			   "keeps the kernel's keys: have its application not do that, or run with "
			   "--cookies-for-all",
			   looked->address, port);
}

/* Whether an application sends something before its client does. */
static bool speaks_first(const struct mptcplb_farm_address *address, uint16_t port)
{
	struct sockaddr_storage to;
	socklen_t size = half_open_address(&to, address, port);
	int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
	struct pollfd polled = { .fd = fd, .events = POLLIN };
	const struct timeval patience = { .tv_sec = 1 };
	char byte;
	bool speaks = fd >= 0 &&
		      !setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) &&
		      connect(fd, (struct sockaddr *)&to, size) == 0 &&
		      poll(&polled, 1, SPEAK_MS) == 1 && recv(fd, &byte, 1, MSG_DONTWAIT) == 1;

	if (fd >= 0)
		close(fd);
	return speaks;
}

static void check_service(struct looked *looked, const struct listening *listening)
{
	const struct mptcplb_farm_service *service = looked->service;
	const bool local = is_local(&service->address);
	uint32_t port;

	looked->listeners = 0;
	mptcplb_farm_address_text(&service->address, looked->address);
	if (!local)
		check_tell(looked->check,
			   "%s is no address of this machine: ip address add %s/%d dev lo",
			   looked->address, looked->address,
			   service->address.version == 4 ? 32 : 128);
	for (port = service->port; port <= service->port_last; port++) {
		if (listening_on(listening, (uint16_t)port))
			check_port(looked, (uint16_t)port);
	}
	if (looked->listeners == 0)
		check_tell(looked->check, "nobody listens on %s port %u: start its application",
			   looked->address, service->port);
	else if (local && speaks_first(&service->address, looked->port))
		check_tell(looked->check,
			   "the application on %s port %u speaks before its client, who waits for "
			   "ever when the third ACK of a cookie is lost: leave this service out of "
			   "the farm",
			   looked->address, looked->port);
}

static struct server_bpf *load(const struct check *check)
{
	const struct program_options options = {
		.farm = check->farm,
		.server = check->server,
		.slot_count = 1,
		.bucket_count = environment_token_buckets(),
	};
	const struct program_before nothing = { 0 };
	bool taken_over;

	return program_load(&options, &nothing, &taken_over);
}

void check_listeners(struct check *check)
{
	struct server_bpf *program = load(check);
	struct looked looked = { .check = check };
	struct listening listening;
	size_t i;

	if (!program) {
		check_tell(check,
			   "the kernel does not take the BPF programs: see the message above");
		return;
	}
	looked.program = bpf_program__fd(program->progs.server_look);
	listening_refresh(&listening);
	for (i = 0; i < check->farm->service_count; i++) {
		looked.service = &check->farm->services[i];
		if (mptcplb_farm_serves(check->farm, looked.service, check->server))
			check_service(&looked, &listening);
	}
	server_bpf__destroy(program);
}
