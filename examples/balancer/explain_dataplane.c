// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Explanations by what is in the maps of a data plane. */
#include "explain.h"

#include <bpf/bpf.h>

#include "explain_steps.h"
#include "flows.h"

static bool read_map(const struct dataplane *dataplane, enum dataplane_map map, uint32_t index,
		     void *value)
{
	return bpf_map_lookup_elem(dataplane_maps(dataplane)->fds[map], &index, value) == 0;
}

static bool read_config(const void *of, struct balancer_config *config)
{
	return dataplane_config(of, config) == 0;
}

static bool read_table(const void *of, uint32_t index, const struct balancer_flow *flow,
		       struct balancer_table *table)
{
	(void)flow;
	return read_map(of, DATAPLANE_TABLES, index, table);
}

static bool read_server(const void *of, uint32_t index, struct balancer_server *server)
{
	if (!read_map(of, DATAPLANE_SERVERS, index, server))
		return false;
	server->name[BALANCER_NAME_SIZE - 1] = '\0';
	return server->name[0] != '\0';
}

static uint32_t find_owner(const void *of, uint32_t server_id)
{
	return dataplane_owner(of, server_id);
}

static uint64_t find_remembered(const void *of, const struct balancer_flow *flow)
{
	return flows_find(dataplane_maps(of), flow);
}

json_t *explain_dataplane(const struct dataplane *dataplane, const char *question)
{
	const struct explain_source source = {
		.of = dataplane,
		.config = read_config,
		.table = read_table,
		.server = read_server,
		.owner = find_owner,
		.remembered = find_remembered,
	};

	return explain_steps(&source, question);
}
