/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Asking the balancer that runs on an interface. */
#ifndef MPTCPLB_BALANCER_ASK_H
#define MPTCPLB_BALANCER_ASK_H

#include <jansson.h>

/* What the commands that ask have in common on their command line. */
struct ask_options {
	const char *interface;
	const char *limit; /* --limit N, or NULL */
	int json;
};

/* Returns 0 after an error message. @command is for messages. */
int ask_parse(struct ask_options *options, const char *command, int argc, char **argv);

/* The reply as an object, or NULL after an error message. */
json_t *ask(const char *interface, const char *request);

/* Print an object on one line. */
void ask_print(const json_t *object);

#endif
