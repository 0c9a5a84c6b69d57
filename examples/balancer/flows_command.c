// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "commands.h"

#include <inttypes.h>
#include <stdio.h>

#include "ask.h"
#include "daemon.h"

static void print_flows(const json_t *reply)
{
	json_t *flow;
	size_t i;

	printf("%lld flows are kept, %lld more have sent a SYN alone, %lld are older than a change "
	       "of the farm; there are %lld places\n",
	       (long long)json_integer_value(json_object_get(reply, "kept")),
	       (long long)json_integer_value(json_object_get(reply, "new")),
	       (long long)json_integer_value(json_object_get(reply, "old")),
	       (long long)json_integer_value(json_object_get(reply, "places")));
	json_array_foreach(json_object_get(reply, "flows"), i, flow)
		printf("%-30s %-30s %-16s idle %lld s\n", ask_text(flow, "client"),
		       ask_text(flow, "service"), ask_text(flow, "server"),
		       (long long)json_integer_value(json_object_get(flow, "idle")));
}

int command_flows(int argc, char **argv)
{
	struct ask_options options = { BALANCER_ASK, .takes = ASK_JSON | ASK_LIMIT, .limit = 100 };
	char request[64];
	json_t *reply;

	if (!ask_parse(&options, "flows", argc, argv))
		return EXIT_USAGE;
	snprintf(request, sizeof(request), "flows %" PRIu32, options.limit);
	reply = ask(&options, request);
	if (!reply)
		return EXIT_FAILED;
	if (options.json)
		ask_print(reply);
	else
		print_flows(reply);
	json_decref(reply);
	return EXIT_FINE;
}
