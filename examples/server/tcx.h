/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * TCX: programs on an interface by BPF links, from Linux 6.6 on. It is newer than the headers and
 * the libbpf that this is built with, so its few constants are here.
 */
#ifndef MPTCPLB_SERVER_TCX_H
#define MPTCPLB_SERVER_TCX_H

#include <stdbool.h>

enum tcx_side {
	TCX_INGRESS,
	TCX_EGRESS,
	TCX_SIDES
};

/*
 * Attach a program behind those that are there. Returns the descriptor of the link, which keeps
 * it there, or -errno: -EINVAL when the kernel has no TCX.
 */
int tcx_attach(int program, unsigned int ifindex, enum tcx_side side);

/* Whether a link is one to this interface of this network namespace. */
bool tcx_is_attached(int link, unsigned int ifindex, enum tcx_side side);

/* The programs there in their order. Returns how many, or -errno. */
int tcx_programs(unsigned int ifindex, enum tcx_side side, unsigned int *ids, unsigned int room);

#endif
