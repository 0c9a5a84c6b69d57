// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The counters in Prometheus's text format. Names in a farm file need no escaping there. */
#include "commands.h"

#include <stdio.h>

#include "ask.h"
#include "balancer_kern_user.h"
#include "daemon.h"
#include "metrics.h"

static void print_counters(const json_t *counters)
{
#define PRINT_METRIC(symbol, name, meaning) \
	metrics_counter(name, meaning, ask_number(counters, name));
	BALANCER_COUNTERS(PRINT_METRIC)
#undef PRINT_METRIC
}

/* The traffic of each server or service, under the label that tells them apart. */
static void print_traffic(const json_t *list, const char *what)
{
	static const char *const kinds[] = { "by_token", "by_flow", "by_hash", "bytes",
					     "unroutable" };
	json_t *entry;
	size_t i;

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		printf("# TYPE mptcplb_%s_%s_total counter\n", what, kinds[k]);
		json_array_foreach(list, i, entry) {
			const char *name = json_string_value(json_object_get(entry, "name"));
			const json_t *traffic = json_object_get(entry, "traffic");

			printf("mptcplb_%s_%s_total{", what, kinds[k]);
			if (name)
				printf("server=\"%s\"", name);
			else
				printf("address=\"%s\",port=\"%lld\"",
				       json_string_value(json_object_get(entry, "address")),
				       ask_number(entry, "port"));
			printf("} %lld\n", ask_number(traffic, kinds[k]));
		}
	}
}

int command_metrics(int argc, char **argv)
{
	struct ask_options options = { BALANCER_ASK };
	json_t *status;

	if (!ask_parse(&options, "metrics", argc, argv))
		return EXIT_USAGE;
	status = ask(&options, "status");
	if (!status)
		return EXIT_FAILED;
	print_counters(json_object_get(status, "counters"));
	print_traffic(json_object_get(status, "servers"), "server");
	print_traffic(json_object_get(status, "services"), "service");
	metrics_counter("reloads", NULL, ask_number(status, "reloads"));
	metrics_counter("reloads_refused", NULL, ask_number(status, "reloads_refused"));
	json_decref(status);
	return EXIT_FINE;
}
