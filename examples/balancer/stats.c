// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "commands.h"

#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "balancer_kern_user.h"
#include "daemon.h"

#define COLUMNS 6

/* The table of services, or of servers. */
struct table {
	const char *title;
	const char *entries; /* of the status */
	const char *counts; /* of an entry */
	const char *columns[COLUMNS]; /* how the names of those counts start that are summed */
};

static const char *const headings[COLUMNS] = { "by token",   "by flow", "by hash",
					       "unroutable", "dropped", "bytes" };

static const struct table services = {
	"service",
	"services",
	"counters",
	{ "routed_token", "routed_flow", "routed_hash", "unroutable_", "dropped_", "bytes" },
};

static const struct table servers = {
	"server",
	"servers",
	"traffic",
	{ "by_token", "by_flow", "by_hash", "unroutable", "dropped", "bytes" },
};

static long long sum_of(json_t *counts, const char *start)
{
	long long sum = 0;
	const char *name;
	json_t *value;

	json_object_foreach(counts, name, value) {
		if (!strncmp(name, start, strlen(start)))
			sum += json_integer_value(value);
	}
	return sum;
}

static void print_table(const json_t *status, const struct table *table)
{
	json_t *entry;
	char name[96];
	size_t i;

	printf("%-32s", table->title);
	for (int column = 0; column < COLUMNS; column++)
		printf(" %13s", headings[column]);
	putchar('\n');
	json_array_foreach(json_object_get(status, table->entries), i, entry) {
		if (table == &services)
			snprintf(name, sizeof(name), "%s port %lld", ask_text(entry, "address"),
				 ask_number(entry, "port"));
		else
			snprintf(name, sizeof(name), "%s", ask_text(entry, "name"));
		printf("%-32s", name);
		for (int column = 0; column < COLUMNS; column++)
			printf(" %13lld", sum_of(json_object_get(entry, table->counts),
						 table->columns[column]));
		putchar('\n');
	}
	putchar('\n');
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
		print_table(status, &services);
		print_table(status, &servers);
		print_counters(json_object_get(status, "counters"));
	}
	json_decref(status);
	return EXIT_FINE;
}
