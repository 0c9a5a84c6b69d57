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

static const char usage[] =
	"usage: mptcplb-server run --config FILE --server NAME --interface IF [--interface IF]...\n"
	"                          [--set-syncookies] [--slots N] [--decapsulate-only]\n"
	"       mptcplb-server status --server NAME [--json]\n";

static int usage_error(void)
{
	fputs(usage, stderr);
	return EXIT_USAGE;
}

static bool parse_slots(const char *text, uint32_t *slots)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *text < '0' || *text > '9' || *end || value < 1 || value > SERVER_SLOTS_MAX) {
		log_error("--slots \"%s\": a number from 1 to %d is expected", text,
			  SERVER_SLOTS_MAX);
		return false;
	}
	*slots = (uint32_t)value;
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

static int run(int argc, char **argv)
{
	static const struct option known[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "server", required_argument, NULL, 's' },
		{ "interface", required_argument, NULL, 'i' },
		{ "slots", required_argument, NULL, 'n' },
		{ "set-syncookies", no_argument, NULL, 'S' },
		{ "decapsulate-only", no_argument, NULL, 'd' },
		{ NULL, 0, NULL, 0 },
	};
	struct agent_options options = { .slots = SERVER_SLOTS_DEFAULT };
	bool sound = true;
	int option;

	while (sound && (option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 'c')
			options.config = optarg;
		else if (option == 's')
			options.server = optarg;
		else if (option == 'i')
			sound = add_interface(&options, optarg);
		else if (option == 'n')
			sound = parse_slots(optarg, &options.slots);
		else if (option == 'S')
			options.set_syncookies = true;
		else if (option == 'd')
			options.decapsulate_only = true;
		else
			sound = false;
	}
	if (!sound || optind != argc || !options.config || !options.server ||
	    !options.interface_count)
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
