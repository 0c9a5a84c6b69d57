/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Bind an XDP program to a network interface, for as long as the link is held or pinned. */
#ifndef MPTCPLB_BALANCER_ATTACH_H
#define MPTCPLB_BALANCER_ATTACH_H

#include <stdbool.h>

/*
 * Attach in native mode, or in generic mode, after a warning, where the driver has no other.
 * Returns the file descriptor of the link, which detaches when it is closed and not pinned, or -1
 * after an error message.
 */
int attach_xdp(int program, const char *interface, unsigned int ifindex);

/*
 * Put another program in the place of a link's, in one step: no packet meets none. Returns false
 * after an error message.
 */
bool attach_replace(int link, int program);

/* Whether a link is one to this interface; if not, says so. */
bool attach_is_to(int link, const char *interface, unsigned int ifindex);

/* "native" or "generic": how the program of an interface is attached. */
const char *attach_mode(unsigned int ifindex);

#endif
