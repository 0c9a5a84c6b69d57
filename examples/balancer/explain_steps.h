/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The steps of an explanation, whoever knows the farm: see explain.h. */
#ifndef MPTCPLB_BALANCER_EXPLAIN_STEPS_H
#define MPTCPLB_BALANCER_EXPLAIN_STEPS_H

#include <jansson.h>
#include <stdbool.h>

#include "balancer_kern_user.h"

/* Who knows the farm, in the words of the data plane. */
struct explain_source {
	const void *of; /* the first argument of all functions */
	/* With the secrets: the caller wipes the keyring. */
	bool (*config)(const void *of, struct balancer_config *config);
	/*
	 * The table of an index; that of another service than the flow's may be nobody's instead.
	 * False: there is none from here on.
	 */
	bool (*table)(const void *of, uint32_t index, const struct balancer_flow *flow,
		      struct balancer_table *table);
	/* False: nobody has this index. The name ends with a NUL. */
	bool (*server)(const void *of, uint32_t index, struct balancer_server *server);
	/* Index of the server that owns an id, or BALANCER_NO_SERVER. */
	uint32_t (*owner)(const void *of, uint32_t server_id);
	/* What is remembered of a flow, as in the flow table, or 0. NULL: who knows. */
	uint64_t (*remembered)(const void *of, const struct balancer_flow *flow);
};

json_t *explain_steps(const struct explain_source *source, const char *question);

#endif
