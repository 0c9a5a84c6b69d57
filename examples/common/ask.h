/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The commands that ask a running daemon: their options, the question, the answer. */
#ifndef MPTCPLB_EXAMPLES_ASK_H
#define MPTCPLB_EXAMPLES_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

/* What a command may be given beside the instance. */
enum ask_takes {
	ASK_JSON = 1,
	ASK_LIMIT = 2,
	ASK_PIN = 4,
	ASK_SETTLE = 8,
	ASK_CONFIG = 16, /* in place of the instance: the answer is the command's own */
};

struct ask_options {
	const char *program; /* the daemon's name on the control socket */
	const char *instance_option; /* which option says the instance: "interface", "server" */
	const char *instance;
	uint32_t limit; /* --limit N */
	const char *pin; /* --pin DIRECTORY, or NULL */
	const char *config; /* --config FILE, or NULL */
	unsigned int takes; /* enum ask_takes */
	bool json;
	bool settle;
	int arguments_max; /* how many arguments may follow the options */
	int arguments; /* the first of them, as an index into argv */
};

/* Add what the command line says. Returns false after an error message, which names @command. */
bool ask_parse(struct ask_options *options, const char *command, int argc, char **argv);

/* Send a request. Returns 0 and the reply as an object, or -errno: see control_request(). */
int ask_quietly(const struct ask_options *options, const char *request, json_t **reply);

/* Say why no reply came. */
void ask_tell(const struct ask_options *options, int error);

/* The reply as an object, or NULL after an error message. */
json_t *ask(const struct ask_options *options, const char *request);

/* Print an object on one line. */
void ask_print(const json_t *object);

/* A member of an object; 0 or "?" when it is not there. */
long long ask_number(const json_t *object, const char *key);
const char *ask_text(const json_t *object, const char *key);

/*
 * The whole command `reload`: exit code of daemon.h. @options have the program, the option that
 * says the instance, and what it takes.
 */
int ask_reload(struct ask_options *options, int argc, char **argv);

#endif
