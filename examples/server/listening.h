/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* On which ports this network namespace has listening TCP sockets, MPTCP ones among them. */
#ifndef MPTCPLB_SERVER_LISTENING_H
#define MPTCPLB_SERVER_LISTENING_H

#include <stdbool.h>
#include <stdint.h>

struct listening {
	uint8_t ports[65536 / 8]; /* a bit for each */
};

/* Ask the kernel. When it does not tell, there may be one on every port. */
void listening_refresh(struct listening *listening);

static inline bool listening_on(const struct listening *listening, uint16_t port)
{
	return listening->ports[port / 8] >> port % 8 & 1;
}

#endif
