// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "commands.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balancer_kern_user.h"
#include "control.h"
#include "daemon.h"

struct status_options {
	const char *interface;
	bool json;
};

static bool parse_options(struct status_options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{ "interface", required_argument, NULL, 'i' },
		{ "json", no_argument, NULL, 'j' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (option == 'i')
			options->interface = optarg;
		else if (option == 'j')
			options->json = true;
		else
			return false;
	}
	if (optind < argc) {
		log_error("\"%s\" is not expected: see --help", argv[optind]);
		return false;
	}
	if (!options->interface) {
		log_error("status needs --interface: see --help");
		return false;
	}
	return true;
}

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
	printf("balancer  %s, outer source %s\n", text_of(status, "name"),
	       text_of(status, "source"));
	printf("config    %s\n", text_of(status, "config"));
	if (json_is_true(json_object_get(status, "tokens")))
		printf("joins     by token; unroutable ones: %s; %lld flows remembered at most\n",
		       text_of(status, "on_unroutable"), number_of(status, "flows"));
	else
		printf("joins     hashed like any SYN\n");
}

static void print_farm(const json_t *status)
{
	json_t *entry, *name;
	size_t i, j;

	json_array_foreach(json_object_get(status, "services"), i, entry) {
		printf("service   %s port %lld:", text_of(entry, "address"),
		       number_of(entry, "port"));
		json_array_foreach(json_object_get(entry, "servers"), j, name)
			printf(" %s", json_string_value(name));
		putchar('\n');
	}
	json_array_foreach(json_object_get(status, "servers"), i, entry)
		printf("server    %s, %s, %s, weight %lld\n", text_of(entry, "name"),
		       text_of(entry, "address"), text_of(entry, "state"),
		       number_of(entry, "weight"));
}

static void print_counters(const json_t *counters)
{
#define PRINT_COUNTER(symbol, name, meaning) \
	printf("%14lld  %-22s %s\n", number_of(counters, name), name, meaning);
	BALANCER_COUNTERS(PRINT_COUNTER)
#undef PRINT_COUNTER
}

static int print_status(const char *reply, bool as_json)
{
	json_t *status;

	if (as_json) {
		puts(reply);
		return EXIT_FINE;
	}
	status = json_loads(reply, 0, NULL);
	if (!status) {
		log_error("the balancer's reply is not JSON");
		return EXIT_FAILED;
	}
	print_settings(status);
	print_farm(status);
	print_counters(json_object_get(status, "counters"));
	json_decref(status);
	return EXIT_FINE;
}

int command_status(int argc, char **argv)
{
	struct status_options options = { 0 };
	char *reply;
	int error;

	if (!parse_options(&options, argc, argv))
		return EXIT_USAGE;
	error = control_request(BALANCER_PROGRAM, options.interface, "status", &reply);
	if (error) {
		if (error == -ECONNREFUSED)
			log_error("no mptcplb-balancer runs on interface \"%s\"",
				  options.interface);
		else
			log_error("the balancer on interface \"%s\" does not answer: %s",
				  options.interface, strerror(-error));
		return EXIT_FAILED;
	}
	error = print_status(reply, options.json);
	free(reply);
	return error;
}
