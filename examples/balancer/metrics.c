// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The counters in Prometheus's text format. Names in a farm file need no escaping there. */
#include "commands.h"

#include <stdio.h>

#include "ask.h"
#include "balancer_kern_user.h"
#include "daemon.h"

static long long number_of(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

static void print_counters(const json_t *counters)
{
#define PRINT_METRIC(symbol, name, meaning)                                    \
	printf("# HELP mptcplb_%s_total %s\n# TYPE mptcplb_%s_total counter\n" \
	       "mptcplb_%s_total %lld\n",                                      \
	       name, meaning, name, name, number_of(counters, name));
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
				       number_of(entry, "port"));
			printf("} %lld\n", number_of(traffic, kinds[k]));
		}
	}
}

int command_metrics(int argc, char **argv)
{
	struct ask_options options = { 0 };
	json_t *status;

	if (!ask_parse(&options, "metrics", argc, argv))
		return EXIT_USAGE;
	status = ask(options.interface, "status");
	if (!status)
		return EXIT_FAILED;
	print_counters(json_object_get(status, "counters"));
	print_traffic(json_object_get(status, "servers"), "server");
	print_traffic(json_object_get(status, "services"), "service");
	printf("# TYPE mptcplb_reloads_total counter\nmptcplb_reloads_total %lld\n"
	       "# TYPE mptcplb_reloads_refused_total counter\nmptcplb_reloads_refused_total %lld\n",
	       number_of(status, "reloads"), number_of(status, "reloads_refused"));
	json_decref(status);
	return EXIT_FINE;
}
