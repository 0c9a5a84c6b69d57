// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "commands.h"

#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "balancer_kern_user.h"
#include "daemon.h"

/* The sum of the counters whose names start so. */
static long long sum_of(const json_t *counters, const char *start)
{
	long long sum = 0;

#define ADD(symbol, name, meaning)                \
	if (!strncmp(name, start, strlen(start))) \
		sum += ask_number(counters, name);
	BALANCER_COUNTERS(ADD)
#undef ADD
	return sum;
}

static void print_row(const char *name, const long long numbers[6])
{
	printf("%-32s", name);
	for (int i = 0; i < 6; i++)
		printf(" %13lld", numbers[i]);
	putchar('\n');
}

static void print_heading(const char *what)
{
	printf("%-32s %13s %13s %13s %13s %13s %13s\n", what, "by token", "by flow", "by hash",
	       "unroutable", "dropped", "bytes");
}

static void print_services(const json_t *services)
{
	char name[96];
	json_t *entry;
	size_t i;

	print_heading("service");
	json_array_foreach(services, i, entry) {
		const json_t *counters = json_object_get(entry, "counters");
		const long long numbers[6] = {
			ask_number(counters, "routed_token"), ask_number(counters, "routed_flow"),
			ask_number(counters, "routed_hash"),  sum_of(counters, "unroutable_"),
			sum_of(counters, "dropped_"),	      ask_number(counters, "bytes"),
		};

		snprintf(name, sizeof(name), "%s port %lld", ask_text(entry, "address"),
			 ask_number(entry, "port"));
		print_row(name, numbers);
	}
}

static void print_servers(const json_t *servers)
{
	json_t *entry;
	size_t i;

	print_heading("server");
	json_array_foreach(servers, i, entry) {
		const json_t *traffic = json_object_get(entry, "traffic");
		const long long numbers[6] = {
			ask_number(traffic, "by_token"), ask_number(traffic, "by_flow"),
			ask_number(traffic, "by_hash"),	 ask_number(traffic, "unroutable"),
			ask_number(traffic, "dropped"),	 ask_number(traffic, "bytes"),
		};

		print_row(ask_text(entry, "name"), numbers);
	}
}

static void print_counters(const json_t *counters)
{
#define PRINT_COUNTER(symbol, name, meaning) \
	printf("%14lld  %-22s %s\n", ask_number(counters, name), name, meaning);
	BALANCER_COUNTERS(PRINT_COUNTER)
#undef PRINT_COUNTER
}

int command_stats(int argc, char **argv)
{
	struct ask_options options = { BALANCER_ASK, .takes = ASK_JSON };
	json_t *status;

	if (!ask_parse(&options, "stats", argc, argv))
		return EXIT_USAGE;
	status = ask(&options, "status");
	if (!status)
		return EXIT_FAILED;
	if (options.json) {
		ask_print(status);
	} else {
		print_services(json_object_get(status, "services"));
		putchar('\n');
		print_servers(json_object_get(status, "servers"));
		putchar('\n');
		print_counters(json_object_get(status, "counters"));
	}
	json_decref(status);
	return EXIT_FINE;
}
