/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The running agent: from the farm file to the interfaces and back. */
#ifndef MPTCPLB_SERVER_AGENT_H
#define MPTCPLB_SERVER_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Its name on the control socket; the instance is the server's name. */
#define AGENT_PROGRAM "server"
#define AGENT_INTERFACES_MAX 16

struct agent_options {
	const char *config;
	const char *server;
	const char *interfaces[AGENT_INTERFACES_MAX];
	size_t interface_count;
	uint32_t slots;
	uint32_t joins_per_token; /* MP_JOIN SYNs a second, at most; 0: no limit */
	uint32_t joins_in_total;
	bool cookies_for_all; /* the simple way, without the auxiliary listener */
	bool set_syncookies;
	bool decapsulate_only;
};

/* Run until a signal says stop. Returns an exit code of daemon.h. */
int agent_run(const struct agent_options *options);

#endif
