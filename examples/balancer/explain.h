/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Where a data plane would send a packet, and why: read from its maps, nothing changes. */
#ifndef MPTCPLB_BALANCER_EXPLAIN_H
#define MPTCPLB_BALANCER_EXPLAIN_H

#include <jansson.h>

#include "dataplane.h"

/*
 * @question is "token TOKEN" or "KIND CLIENT PORT SERVICE PORT [TOKEN]" with a KIND of "join", "syn"
 * or "other"; tokens are hexadecimal. Returns an object with "server", which is null when none gets
 * the packet, and the array "steps" with one sentence each; NULL for another question.
 */
json_t *explain(const struct dataplane *dataplane, const char *question);

#endif
