// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "ask.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "control.h"
#include "daemon.h"

int ask_parse(struct ask_options *options, const char *command, int argc, char **argv)
{
	static const struct option names[] = {
		{ "interface", required_argument, NULL, 'i' },
		{ "limit", required_argument, NULL, 'l' },
		{ "json", no_argument, NULL, 'j' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (option == 'i')
			options->interface = optarg;
		else if (option == 'j')
			options->json = 1;
		else if (option == 'l' && strspn(optarg, "0123456789") == strlen(optarg))
			options->limit = optarg;
		else
			return 0;
	}
	if (optind < argc) {
		log_error("\"%s\" is not expected: see --help", argv[optind]);
		return 0;
	}
	if (!options->interface) {
		log_error("%s needs --interface: see --help", command);
		return 0;
	}
	return 1;
}

json_t *ask(const char *interface, const char *request)
{
	json_t *object;
	char *reply;
	int error = control_request(BALANCER_PROGRAM, interface, request, &reply);

	if (error == -ECONNREFUSED)
		log_error("no mptcplb-balancer runs on interface \"%s\"", interface);
	else if (error)
		log_error("the balancer on interface \"%s\" does not answer: %s", interface,
			  strerror(-error));
	if (error)
		return NULL;
	object = json_loads(reply, 0, NULL);
	free(reply);
	if (!object)
		log_error("the balancer's reply is not JSON");
	return object;
}

void ask_print(const json_t *object)
{
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
}
