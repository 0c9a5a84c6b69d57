// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "commands.h"

#include <stdio.h>

#include "ask.h"
#include "balancer_kern_user.h"
#include "daemon.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "?";
}

static long long number_of(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

static void print_settings(const json_t *status)
{
	printf("interface %s, XDP in %s mode\n", text_of(status, "interface"),
	       text_of(status, "mode"));
	printf("%-9s %s, outer source %s\n", text_of(status, "role"), text_of(status, "name"),
	       text_of(status, "source"));
	printf("config    %s, reloaded %lld times, refused %lld times\n", text_of(status, "config"),
	       number_of(status, "reloads"), number_of(status, "reloads_refused"));
	if (json_is_true(json_object_get(status, "tokens")))
		printf("joins     by token; unroutable ones: %s; %lld flows remembered at most\n",
		       text_of(status, "on_unroutable"), number_of(status, "flows"));
	else
		printf("joins     hashed like any SYN\n");
}

static void print_server(const json_t *server)
{
	const json_t *traffic = json_object_get(server, "traffic");

	printf("server    %s, %s, %s, weight %lld: %lld packets by token, %lld by flow, "
	       "%lld by hash, %lld bytes\n",
	       text_of(server, "name"), text_of(server, "address"), text_of(server, "state"),
	       number_of(server, "weight"), number_of(traffic, "by_token"),
	       number_of(traffic, "by_flow"), number_of(traffic, "by_hash"),
	       number_of(traffic, "bytes"));
}

static void print_farm(const json_t *status)
{
	json_t *entry, *name;
	size_t i, j;

	json_array_foreach(json_object_get(status, "services"), i, entry) {
		printf("service   %s port %lld to %lld:", text_of(entry, "address"),
		       number_of(entry, "port"), number_of(entry, "port_last"));
		json_array_foreach(json_object_get(entry, "servers"), j, name)
			printf(" %s", json_string_value(name));
		putchar('\n');
	}
	json_array_foreach(json_object_get(status, "servers"), i, entry)
		print_server(entry);
}

static void print_counters(const json_t *counters)
{
#define PRINT_COUNTER(symbol, name, meaning) \
	printf("%14lld  %-22s %s\n", number_of(counters, name), name, meaning);
	BALANCER_COUNTERS(PRINT_COUNTER)
#undef PRINT_COUNTER
}

static void print_status(const json_t *status)
{
	print_settings(status);
	print_farm(status);
	print_counters(json_object_get(status, "counters"));
}

int command_status(int argc, char **argv)
{
	struct ask_options options = { 0 };
	json_t *status;

	if (!ask_parse(&options, "status", argc, argv))
		return EXIT_USAGE;
	status = ask(options.interface, "status");
	if (!status)
		return EXIT_FAILED;
	if (options.json)
		ask_print(status);
	else
		print_status(status);
	json_decref(status);
	return EXIT_FINE;
}
