/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Bind an XDP program to a network interface for as long as this process lives. */
#ifndef MPTCPLB_BALANCER_ATTACH_H
#define MPTCPLB_BALANCER_ATTACH_H

/*
 * Attach in native mode, or in generic mode, after a warning, where the driver has no other.
 * Returns the file descriptor of the link, which detaches when it is closed, or -1 after an error
 * message. *mode becomes "native" or "generic".
 */
int attach_xdp(int program, const char *interface, unsigned int ifindex, const char **mode);

#endif
