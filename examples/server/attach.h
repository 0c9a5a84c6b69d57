/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Put the BPF programs on an interface's clsact qdisc, beside whatever else is there. */
#ifndef MPTCPLB_SERVER_ATTACH_H
#define MPTCPLB_SERVER_ATTACH_H

#include <stdbool.h>

/* Where our filters are: "tc filter show dev IF ingress" shows them as pref 1000 handle 0x4d50. */
#define ATTACH_PRIORITY 1000
#define ATTACH_HANDLE 0x4d50

struct attachment {
	const char *interface;
	unsigned int ifindex;
	int lock; /* keeps other agents away from the interface; -1 when not held */
	bool qdisc_created;
	bool ingress;
	bool egress;
};

/*
 * Attach programs by their file descriptors; egress may be -1 for none. Filters that an agent
 * left when it was killed are replaced, filters of others are not touched. Returns false after an
 * error message; attach_remove() then still has to be called.
 */
bool attach_add(struct attachment *attachment, const char *interface, int ingress, int egress);

/* Remove what attach_add() added, and the qdisc if it was made by it and nobody else uses it. */
void attach_remove(struct attachment *attachment);

#endif
