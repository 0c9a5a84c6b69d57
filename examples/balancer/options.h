/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The command line of `run`. */
#ifndef MPTCPLB_BALANCER_OPTIONS_H
#define MPTCPLB_BALANCER_OPTIONS_H

#include "dataplane.h"

struct run_options {
	const char *config;
	const char *interface;
	const char *name; /* NULL when not given */
	const char *pin; /* directory in a BPF file system, or NULL */
	uint32_t idle; /* seconds after which a flow is forgotten, or 0: never */
	struct dataplane_options dataplane;
};

/* Returns false after an error message. */
bool options_parse(struct run_options *options, int argc, char **argv);

#endif
