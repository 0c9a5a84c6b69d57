// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "command.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "daemon.h"

static void print_help(const char *program, const char *title, const struct command *commands,
		       size_t count)
{
	printf("%s: %s\n\nUsage:\n", program, title);
	for (size_t i = 0; i < count; i++)
		printf("  %s %s", program, commands[i].usage);
	printf("  %s --help | COMMAND --help | --version\n", program);
}

static bool is_help(const char *argument)
{
	return !strcmp(argument, "--help") || !strcmp(argument, "-h");
}

static int run_command(const char *program, const struct command *command, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!is_help(argv[i]))
			continue;
		printf("Usage: %s %s", program, command->usage);
		return EXIT_FINE;
	}
	return command->run(argc, argv);
}

int command_main(const char *program, const char *title, const struct command *commands,
		 size_t count, int argc, char **argv)
{
	if (argc < 2) {
		log_error("which command? See --help for the usage");
		return EXIT_USAGE;
	}
	if (is_help(argv[1])) {
		print_help(program, title, commands, count);
		return EXIT_FINE;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("%s %s\n", program, MPTCPLB_VERSION);
		return EXIT_FINE;
	}
	for (size_t i = 0; i < count; i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		argv[1] = argv[0]; /* what getopt_long() puts in front of its messages */
		return run_command(program, &commands[i], argc - 1, argv + 1);
	}
	log_error("there is no command \"%s\": see --help for the usage", argv[1]);
	return EXIT_USAGE;
}
