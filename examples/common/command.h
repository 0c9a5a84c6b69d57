/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The commands of a daemon's program: `PROGRAM COMMAND [OPTION]...`. */
#ifndef MPTCPLB_EXAMPLES_COMMAND_H
#define MPTCPLB_EXAMPLES_COMMAND_H

#include <stddef.h>

struct command {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the program; returns its exit code */
	const char *usage; /* "NAME OPTIONS\n", then lines that explain it */
};

/*
 * Run the command that @argv names, or --help, also behind a command, or --version: most of main(),
 * behind daemon_start().
 * @title says in a line what the program is. Returns an enum exit_code.
 */
int command_main(const char *program, const char *title, const struct command *commands,
		 size_t count, int argc, char **argv);

#endif
