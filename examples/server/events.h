/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The kernel's events of MPTCP connections that come and go. */
#ifndef MPTCPLB_SERVER_EVENTS_H
#define MPTCPLB_SERVER_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

struct events {
	int fd; /* readable when there are some; -1: they are not followed */
	uint64_t taken;
	uint64_t overruns; /* how often the kernel had to drop some */
	bool lost; /* some of them since the caller has last set this to false */
};

/* Follow events from now on; what was counted before stays. Returns 0 or -errno. */
int events_open(struct events *events);
void events_close(struct events *events);

/*
 * Take what has come. @each learns that a connection was created and has its token, or that it was
 * closed and gives its token up before long. Returns whether nothing is left.
 */
bool events_take(struct events *events, void (*each)(void *context, uint32_t token, bool created),
		 void *context);

#endif
