/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Programs as filters of an interface's clsact qdisc, beside those of others. */
#ifndef MPTCPLB_SERVER_CLSACT_H
#define MPTCPLB_SERVER_CLSACT_H

#include <stdbool.h>
#include <stdint.h>

#include "tcx.h"

/* Where our filters are: "tc filter show dev IF ingress" shows them as pref 1000 handle 0x4d50. */
#define CLSACT_PRIORITY 1000
#define CLSACT_HANDLE 0x4d50

/*
 * Make the qdisc. Returns whether it was not there before, or -errno after an error message, which
 * is left out when @interface is NULL.
 */
int clsact_create(const char *interface, unsigned int ifindex);

/* Remove the qdisc, unless somebody has a filter on it. */
void clsact_destroy(unsigned int ifindex);

/*
 * Attach a program, in the place of one of ours that is there already. Returns false after an
 * error message, which is left out when @interface is NULL.
 */
bool clsact_attach(const char *interface, unsigned int ifindex, enum tcx_side side, int program);

/* Whether a program of ours is there. */
bool clsact_is_attached(unsigned int ifindex, enum tcx_side side);

/* Remove a program of ours, if it is there. */
void clsact_detach(unsigned int ifindex, enum tcx_side side);

struct clsact_filter {
	uint32_t priority;
	uint32_t handle;
	const char *kind; /* "bpf", "u32", ... */
	const char *name; /* of a BPF program; "" when it has none */
};

/* Hand each filter of an interface to @each. Returns 0 or -errno: -ENOENT or so without qdisc. */
int clsact_filters(unsigned int ifindex, enum tcx_side side,
		   void (*each)(void *context, const struct clsact_filter *filter), void *context);

#endif
