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

/* One counter of each service. */
static void print_of_services(const json_t *services, const char *name)
{
	json_t *entry;
	size_t i;

	printf("# TYPE mptcplb_service_%s_total counter\n", name);
	json_array_foreach(services, i, entry)
		printf("mptcplb_service_%s_total{address=\"%s\",port=\"%lld\"} %lld\n", name,
		       ask_text(entry, "address"), ask_number(entry, "port"),
		       ask_number(json_object_get(entry, "counters"), name));
}

static void print_services(const json_t *services)
{
	json_t *entry;
	size_t i;

	printf("# HELP mptcplb_service_unsettled_slots slots that wait for reload --settle\n"
	       "# TYPE mptcplb_service_unsettled_slots gauge\n");
	json_array_foreach(services, i, entry)
		printf("mptcplb_service_unsettled_slots{address=\"%s\",port=\"%lld\"} %lld\n",
		       ask_text(entry, "address"), ask_number(entry, "port"),
		       ask_number(entry, "unsettled"));
#define PRINT_OF_SERVICES(symbol, name, meaning) print_of_services(services, name);
	BALANCER_COUNTERS(PRINT_OF_SERVICES)
#undef PRINT_OF_SERVICES
}

static void print_servers(const json_t *servers)
{
	static const char *const kinds[] = { "by_token", "by_flow", "by_hash",
					     "bytes",	 "dropped", "unroutable" };
	json_t *entry;
	size_t i;

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		printf("# TYPE mptcplb_server_%s_total counter\n", kinds[k]);
		json_array_foreach(servers, i, entry)
			printf("mptcplb_server_%s_total{server=\"%s\"} %lld\n", kinds[k],
			       ask_text(entry, "name"),
			       ask_number(json_object_get(entry, "traffic"), kinds[k]));
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
	print_services(json_object_get(status, "services"));
	print_servers(json_object_get(status, "servers"));
	metrics_counter("reloads", NULL, ask_number(status, "reloads"));
	metrics_counter("reloads_refused", NULL, ask_number(status, "reloads_refused"));
	metrics_counter("flows_aged",
			"flows forgotten as they were idle for too long, or their server is gone",
			ask_number(status, "flows_aged"));
	json_decref(status);
	return EXIT_FINE;
}
