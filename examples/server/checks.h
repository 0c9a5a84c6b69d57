/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What `check` looks at. Each function tells what it finds, one line a finding. */
#ifndef MPTCPLB_SERVER_CHECKS_H
#define MPTCPLB_SERVER_CHECKS_H

#include "agent.h"

struct check {
	const struct agent_options *options;
	const struct mptcplb_farm *farm;
	const struct mptcplb_farm_server *server;
	unsigned int findings;
};

/* Print a finding: what is wrong, and what to do about it. */
__attribute__((format(printf, 2, 3))) void check_tell(struct check *check, const char *format, ...);

/* Kernel, sysctls, the size of the kernel's table of tokens. */
void check_host(struct check *check);

/* Limits and endpoints of the kernel's path manager. */
void check_mptcp(struct check *check);

/* Offloads, and programs of others that see packets first. */
void check_interfaces(struct check *check);

/* Whether what clients send fits the links with the outer header of a balancer. */
void check_mtu(struct check *check);

/* The services' addresses, and who listens there. This loads the BPF programs. */
void check_listeners(struct check *check);

#endif
