// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The commands that ask the running agent. */
#include "commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "attach.h"
#include "daemon.h"
#include "metrics.h"
#include "pin.h"
#include "server_kern_user.h"

/* What user space counts, beside SERVER_COUNTERS. */
#define AGENT_COUNTERS(COUNTER)                                                              \
	COUNTER(REFILLED, "keys_refilled", "keys put into empty slots")                      \
	COUNTER(AGED, "keys_aged", "keys replaced since they were shown and not used")       \
	COUNTER(RENEWED, "keys_renewed", "keys replaced since the epoch or the ids changed") \
	COUNTER(EVENTS, "live_events",                                                       \
		"connections that the kernel told of, as they came and went")                \
	COUNTER(OVERRUNS, "live_events_overruns",                                            \
		"times that the kernel had to drop some of that")                            \
	COUNTER(LISTS, "live_lists", "times that its connections were listed")

/* Numbers of `status` that go up and down. */
static const struct {
	const char *name;
	const char *meaning;
} gauges[] = {
	{ "slots", "keys that there can be" },
	{ "slots_filled", "keys that there are" },
	{ "slots_unchecked", "slots that may have a key of an earlier epoch or id" },
	{ "live_tokens", "MPTCP connections that have a token" },
	{ "token_buckets", "size of the kernel's table of tokens" },
	{ "services", "ports of this server's services" },
	{ "services_ready", "of these, with SYNs handed over" },
	{ "epoch", "that is minted in" },
};

static json_t *ask_status(const char *command, struct ask_options *options, int argc, char **argv,
			  int *code)
{
	json_t *status;

	*code = EXIT_USAGE;
	if (!ask_parse(options, command, argc, argv))
		return NULL;
	status = ask(options, "status");
	*code = status ? EXIT_FINE : EXIT_FAILED;
	return status;
}

/* "name value" lines; what is in an object is left to `stats`. */
static void print_status(json_t *status)
{
	const char *name;
	json_t *value;

	json_object_foreach(status, name, value) {
		if (json_is_object(value))
			continue;
		printf("%-18s", name);
		json_dumpf(value, stdout, JSON_ENCODE_ANY);
		putchar('\n');
	}
}

static void print_stats(const json_t *counters)
{
#define PRINT_COUNTER(symbol, name, meaning) \
	printf("%14lld  %-26s %s\n", ask_number(counters, name), name, meaning);
	SERVER_COUNTERS(PRINT_COUNTER)
	AGENT_COUNTERS(PRINT_COUNTER)
#undef PRINT_COUNTER
}

static void print_metrics(const json_t *status)
{
	const json_t *counters = json_object_get(status, "counters");
	char name[64];
	size_t i;

#define PRINT_METRIC(symbol, name, meaning) \
	metrics_counter("agent_" name, meaning, ask_number(counters, name));
	SERVER_COUNTERS(PRINT_METRIC)
	AGENT_COUNTERS(PRINT_METRIC)
#undef PRINT_METRIC
	metrics_counter("agent_reloads", NULL, ask_number(status, "reloads"));
	metrics_counter("agent_reloads_refused", NULL, ask_number(status, "reloads_refused"));
	for (i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++) {
		snprintf(name, sizeof(name), "agent_%s", gauges[i].name);
		metrics_gauge(name, gauges[i].meaning, ask_number(status, gauges[i].name));
	}
}

int command_status(int argc, char **argv)
{
	struct ask_options options = { AGENT_ASK, .takes = ASK_JSON };
	int code;
	json_t *status = ask_status("status", &options, argc, argv, &code);

	if (status && options.json)
		ask_print(status);
	else if (status)
		print_status(status);
	json_decref(status);
	return code;
}

int command_stats(int argc, char **argv)
{
	struct ask_options options = { AGENT_ASK, .takes = ASK_JSON };
	int code;
	json_t *status = ask_status("stats", &options, argc, argv, &code);

	if (status && options.json)
		ask_print(json_object_get(status, "counters"));
	else if (status)
		print_stats(json_object_get(status, "counters"));
	json_decref(status);
	return code;
}

int command_metrics(int argc, char **argv)
{
	struct ask_options options = { AGENT_ASK };
	int code;
	json_t *status = ask_status("metrics", &options, argc, argv, &code);

	if (status)
		print_metrics(status);
	json_decref(status);
	return code;
}

int command_reload(int argc, char **argv)
{
	struct ask_options options = { AGENT_ASK };

	return ask_reload(&options, argc, argv);
}

/* Whether all in a directory may be removed: it is an agent's, or not there. */
static bool may_remove(const char *pin)
{
	if (access(pin, F_OK) && errno == ENOENT)
		return true;
	if (pin_is_possible(pin) && attach_is_pinned(pin))
		return true;
	log_error("%s has no pins of an agent: expected the directory of run --pin", pin);
	return false;
}

/* Remove what an agent that is gone has left. */
static int remove_pinned(const char *pin)
{
	int lock = pin_lock(pin), error;

	if (lock < 0)
		return EXIT_FAILED;
	error = attach_remove_pinned(pin);
	close(lock);
	if (!error)
		return EXIT_FINE;
	log_error("cannot remove the pins in %s: %s", pin, strerror(-error));
	return EXIT_FAILED;
}

/* What a reply to `stop` comes to. */
static int end_stop(const struct ask_options *options, json_t *reply)
{
	const char *left = json_string_value(json_object_get(reply, "error"));
	const int code = left ? EXIT_FAILED : EXIT_FINE;

	if (left)
		log_error("the agent of server \"%s\" ends, but its pins are not removed: %s",
			  options->instance, left);
	json_decref(reply);
	return code;
}

int command_stop(int argc, char **argv)
{
	struct ask_options options = { AGENT_ASK, .takes = ASK_PIN };
	json_t *reply = NULL;
	int error, code;

	if (!ask_parse(&options, "stop", argc, argv))
		return EXIT_USAGE;
	if (options.pin && !may_remove(options.pin))
		return EXIT_FAILED;
	error = ask_quietly(&options, "stop", &reply);
	if (error && (error != -ECONNREFUSED || !options.pin)) {
		ask_tell(&options, error);
		if (error == -ECONNREFUSED)
			log_info("stop --pin DIRECTORY removes that");
		return EXIT_FAILED;
	}
	if (!error) {
		code = end_stop(&options, reply);
		/*
		 * It removes its own pins: those that are still there are of another one, which
		 * keeps them by a lock while it runs.
		 */
		if (code != EXIT_FINE || !options.pin ||
		    (access(options.pin, F_OK) && errno == ENOENT))
			return code;
	}
	return remove_pinned(options.pin);
}
