// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "commands.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "daemon.h"
#include "pin.h"
#include "pins.h"

int command_reload(int argc, char **argv)
{
	struct ask_options options = { BALANCER_ASK, .takes = ASK_SETTLE };

	return ask_reload(&options, argc, argv);
}

int command_detach(int argc, char **argv)
{
	static const struct option names[] = { { "pin", required_argument, NULL, 'p' }, { 0 } };
	const char *directory = NULL;
	int option, lock, error;

	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (option != 'p')
			return EXIT_USAGE;
		directory = optarg;
	}
	if (!directory || optind < argc) {
		log_error("detach needs --pin DIRECTORY and nothing else: see --help");
		return EXIT_USAGE;
	}
	/* A process that uses them would go on, and pin again at its next reload. */
	lock = pin_lock(directory);
	if (lock < 0)
		return EXIT_FAILED;
	error = pins_remove(directory);
	close(lock);
	if (!error)
		return EXIT_FINE;
	if (error == -ENOENT)
		log_error("no balancer has pinned anything in %s", directory);
	else
		log_error("cannot remove the pins in %s: %s", directory, strerror(-error));
	return EXIT_FAILED;
}
