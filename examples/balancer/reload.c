// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "commands.h"

#include <errno.h>
#include <getopt.h>
#include <net/if.h>
#include <string.h>

#include "ask.h"
#include "daemon.h"
#include "pins.h"

int command_reload(int argc, char **argv)
{
	struct ask_options options = { BALANCER_ASK, .takes = ASK_SETTLE };

	return ask_reload(&options, argc, argv);
}

/* A process that runs holds the program in its place, whatever becomes of the pins. */
static void warn_if_served(const char *directory)
{
	struct ask_options options = { BALANCER_ASK };
	char interface[IF_NAMESIZE];
	json_t *reply = NULL;

	options.instance = pins_interface(directory, interface);
	if (options.instance && ask_quietly(&options, "status", &reply) != -ECONNREFUSED)
		log_warning(
			"a mptcplb-balancer runs on interface \"%s\": its program goes on until "
			"it is stopped",
			interface);
	json_decref(reply);
}

int command_detach(int argc, char **argv)
{
	static const struct option names[] = { { "pin", required_argument, NULL, 'p' }, { 0 } };
	const char *directory = NULL;
	int option, error;

	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (option != 'p')
			return EXIT_USAGE;
		directory = optarg;
	}
	if (!directory || optind < argc) {
		log_error("detach needs --pin DIRECTORY and nothing else: see --help");
		return EXIT_USAGE;
	}
	warn_if_served(directory);
	error = pins_remove(directory);
	if (!error)
		return EXIT_FINE;
	if (error == -ENOENT)
		log_error("no balancer has pinned anything in %s", directory);
	else
		log_error("cannot remove the pins in %s: %s", directory, strerror(-error));
	return EXIT_FAILED;
}
