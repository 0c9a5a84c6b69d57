/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the running agent tells of itself, as JSON. */
#ifndef MPTCPLB_SERVER_DESCRIBE_H
#define MPTCPLB_SERVER_DESCRIBE_H

#include <jansson.h>

#include "agent.h"

/* The answer to "status". NULL when out of memory. */
json_t *describe_status(const struct agent *agent);

#endif
