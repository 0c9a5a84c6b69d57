// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "commands.h"

#include <stdio.h>

#include "ask.h"
#include "balancer_kern_user.h"
#include "daemon.h"

static void print_settings(const json_t *status)
{
	printf("interface %s, XDP in %s mode\n", ask_text(status, "interface"),
	       ask_text(status, "mode"));
	printf("%-9s %s, outer source %s\n", ask_text(status, "role"), ask_text(status, "name"),
	       ask_text(status, "source"));
	printf("config    %s, reloaded %lld times, refused %lld times\n",
	       ask_text(status, "config"), ask_number(status, "reloads"),
	       ask_number(status, "reloads_refused"));
	if (json_is_true(json_object_get(status, "tokens")))
		printf("joins     by token; unroutable ones: %s; %lld places for flows\n",
		       ask_text(status, "on_unroutable"), ask_number(status, "places"));
	else
		printf("joins     hashed like any SYN\n");
}

/* A list of numbers, and an end of line. */
static void print_numbers(const json_t *numbers)
{
	json_t *number;
	size_t i;

	json_array_foreach(numbers, i, number)
		printf(" %lld", (long long)json_integer_value(number));
	putchar('\n');
}

static void print_token(const json_t *status)
{
	printf("farm      digest %s\n", ask_text(status, "digest"));
	printf("token     server_id_bits %lld, epoch_bits %lld, active %lld, epochs",
	       ask_number(status, "server_id_bits"), ask_number(status, "epoch_bits"),
	       ask_number(status, "active"));
	print_numbers(json_object_get(status, "epochs"));
}

static void print_server(const json_t *server)
{
	printf("server    %s, %s, %s, weight %lld, ids", ask_text(server, "name"),
	       ask_text(server, "address"), ask_text(server, "state"),
	       ask_number(server, "weight"));
	print_numbers(json_object_get(server, "ids"));
}

static void print_farm(const json_t *status)
{
	json_t *entry, *name;
	size_t i, j;

	json_array_foreach(json_object_get(status, "services"), i, entry) {
		printf("service   %s port %lld to %lld:", ask_text(entry, "address"),
		       ask_number(entry, "port"), ask_number(entry, "port_last"));
		json_array_foreach(json_object_get(entry, "servers"), j, name)
			printf(" %s", json_string_value(name));
		putchar('\n');
		if (ask_number(entry, "unsettled"))
			printf("          %lld of its %d slots are not settled\n",
			       ask_number(entry, "unsettled"), BALANCER_MAGLEV_SIZE);
	}
	json_array_foreach(json_object_get(status, "servers"), i, entry)
		print_server(entry);
}

static void print_status(const json_t *status)
{
	print_settings(status);
	print_token(status);
	print_farm(status);
}

int command_status(int argc, char **argv)
{
	struct ask_options options = { BALANCER_ASK, .takes = ASK_JSON };
	json_t *status;

	if (!ask_parse(&options, "status", argc, argv))
		return EXIT_USAGE;
	status = ask(&options, "status");
	if (!status)
		return EXIT_FAILED;
	if (options.json)
		ask_print(status);
	else
		print_status(status);
	json_decref(status);
	return EXIT_FINE;
}
