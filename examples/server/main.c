// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* mptcplb-server: makes a stock Linux server a member of a farm. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "agent.h"
#include "control.h"
#include "daemon.h"
#include "server_kern_user.h"

/* MP_JOIN SYNs a second: each token's, and those of all. */
#define JOINS_PER_TOKEN_DEFAULT 4
#define JOINS_IN_TOTAL_DEFAULT 20000
#define JOINS_MAX 1000000

static const char usage[] =
	"usage: mptcplb-server run --config FILE --server NAME --interface IF [--interface IF]...\n"
	"                          [--slots N] [--joins-per-token N] [--joins-in-total N]\n"
	"                          [--cookies-for-all [--set-syncookies] | --decapsulate-only]\n"
	"       mptcplb-server status --server NAME [--json]\n";

static int usage_error(void)
{
	fputs(usage, stderr);
	return EXIT_USAGE;
}

static bool parse_number(const char *option, const char *text, uint32_t low, uint32_t high,
			 uint32_t *number)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *text < '0' || *text > '9' || *end || value < low || value > high) {
		log_error("--%s \"%s\": a number from %u to %u is expected", option, text, low,
			  high);
		return false;
	}
	*number = (uint32_t)value;
	return true;
}

static bool add_interface(struct agent_options *options, const char *name)
{
	if (options->interface_count == AGENT_INTERFACES_MAX) {
		log_error("--interface \"%s\": at most %d interfaces", name, AGENT_INTERFACES_MAX);
		return false;
	}
	options->interfaces[options->interface_count++] = name;
	return true;
}

static const struct option run_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "server", required_argument, NULL, 's' },
	{ "interface", required_argument, NULL, 'i' },
	{ "slots", required_argument, NULL, 'n' },
	{ "joins-per-token", required_argument, NULL, 'j' },
	{ "joins-in-total", required_argument, NULL, 'J' },
	{ "cookies-for-all", no_argument, NULL, 'a' },
	{ "set-syncookies", no_argument, NULL, 'S' },
	{ "decapsulate-only", no_argument, NULL, 'd' },
	{ NULL, 0, NULL, 0 },
};

/* Take one option of `run`; false when it is wrong. */
static bool take_option(struct agent_options *options, int option, const char *value)
{
	switch (option) {
	case 'c':
		options->config = value;
		return true;
	case 's':
		options->server = value;
		return true;
	case 'i':
		return add_interface(options, value);
	case 'n':
		return parse_number("slots", value, 1, SERVER_SLOTS_MAX, &options->slots);
	case 'j':
		return parse_number("joins-per-token", value, 0, JOINS_MAX,
				    &options->joins_per_token);
	case 'J':
		return parse_number("joins-in-total", value, 0, JOINS_MAX,
				    &options->joins_in_total);
	case 'a':
		options->cookies_for_all = true;
		return true;
	case 'S':
		options->set_syncookies = true;
		return true;
	case 'd':
		options->decapsulate_only = true;
		return true;
	default:
		return false;
	}
}

static int run(int argc, char **argv)
{
	struct agent_options options = { .slots = SERVER_SLOTS_DEFAULT,
					 .joins_per_token = JOINS_PER_TOKEN_DEFAULT,
					 .joins_in_total = JOINS_IN_TOTAL_DEFAULT };
	bool sound = true;
	int option;

	while (sound && (option = getopt_long(argc, argv, "", run_options, NULL)) != -1)
		sound = take_option(&options, option, optarg);
	if (!sound || optind != argc || !options.config || !options.server ||
	    !options.interface_count || (options.set_syncookies && !options.cookies_for_all) ||
	    (options.decapsulate_only && options.cookies_for_all))
		return usage_error();
	return agent_run(&options);
}

/* "name: value" lines; what is in an object is told like the rest. */
static void print_status(json_t *status)
{
	const char *name;
	json_t *value;

	json_object_foreach(status, name, value) {
		char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

		if (json_is_object(value))
			print_status(value);
		else if (text)
			printf("%-28s %s\n", name, text);
		free(text);
	}
}

static int status(int argc, char **argv)
{
	static const struct option known[] = {
		{ "server", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	const char *server = NULL;
	bool json = false;
	char *reply;
	json_t *parsed;
	int option, error;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 's')
			server = optarg;
		else if (option == 'j')
			json = true;
		else
			return usage_error();
	}
	if (!server || optind != argc)
		return usage_error();
	error = control_request(AGENT_PROGRAM, server, "status", &reply);
	if (error) {
		log_error("no agent of server \"%s\" answers here: %s", server, strerror(-error));
		return EXIT_FAILED;
	}
	parsed = json_loads(reply, 0, NULL);
	if (json)
		puts(reply);
	else
		print_status(parsed);
	json_decref(parsed);
	free(reply);
	return EXIT_FINE;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*function)(int argc, char **argv);
	} commands[] = { { "run", run }, { "status", status } };
	size_t i;

	daemon_start("mptcplb-server");
	daemon_libbpf_log();
	for (i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].function(argc - 1, argv + 1);
	}
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		return EXIT_FINE;
	}
	return usage_error();
}
