/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Connections of our own that never get beyond their SYN. */
#ifndef MPTCPLB_SERVER_HALF_OPEN_H
#define MPTCPLB_SERVER_HALF_OPEN_H

#include <stdint.h>
#include <sys/socket.h>

#include <mptcplb/farm.h>

/* An address and port as a socket address. Returns its size. */
socklen_t half_open_address(struct sockaddr_storage *to, const struct mptcplb_farm_address *address,
			    uint16_t port);

/*
 * Send a SYN to an address of this machine, and be deaf to the SYN/ACK. The other side has a
 * half-open request, or has sent a cookie, until the socket is closed or the request has died.
 * Returns the socket or -errno.
 */
int half_open_connect(const struct mptcplb_farm_address *address, uint16_t port);

#endif
