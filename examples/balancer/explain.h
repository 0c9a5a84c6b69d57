/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Where a packet would go, and why. Nothing changes. */
#ifndef MPTCPLB_BALANCER_EXPLAIN_H
#define MPTCPLB_BALANCER_EXPLAIN_H

#include <jansson.h>

#include "dataplane.h"

/*
 * @question is "token TOKEN" or "KIND CLIENT PORT SERVICE PORT [TOKEN]" with a KIND of "join", "syn"
 * or "other"; tokens are hexadecimal. Returns an object with "server", which is null when none gets
 * the packet, and the array "steps" with one sentence each; NULL for another question.
 */

/* By a data plane: read from its maps. */
json_t *explain_dataplane(const struct dataplane *dataplane, const char *question);

/*
 * By a balancer that starts with this farm: all but what it would remember of flows. NULL, after an
 * error message, also when the farm is too large.
 */
json_t *explain_farm(const struct mptcplb_farm *farm, const char *question);

#endif
