// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "ask.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "daemon.h"
#include "option.h"

static bool take_option(struct ask_options *options, int option)
{
	switch (option) {
	case 'i':
		options->instance = optarg;
		return true;
	case 'j':
		options->json = true;
		return true;
	case 'p':
		options->pin = optarg;
		return true;
	case 'c':
		options->config = optarg;
		return true;
	case 's':
		options->settle = true;
		return true;
	case 'l':
		return option_number("--limit", optarg, 0, UINT32_MAX, &options->limit);
	default:
		return false;
	}
}

/* The option of the instance, and those that the command takes; all zero behind the last. */
#define NAMES_MAX 7
static void list_names(const struct ask_options *options, struct option names[NAMES_MAX])
{
	static const struct {
		enum ask_takes taken;
		struct option name;
	} others[NAMES_MAX - 2] = {
		{ ASK_JSON, { "json", no_argument, NULL, 'j' } },
		{ ASK_LIMIT, { "limit", required_argument, NULL, 'l' } },
		{ ASK_PIN, { "pin", required_argument, NULL, 'p' } },
		{ ASK_SETTLE, { "settle", no_argument, NULL, 's' } },
		{ ASK_CONFIG, { "config", required_argument, NULL, 'c' } },
	};
	size_t count = 1;

	memset(names, 0, NAMES_MAX * sizeof(*names));
	names[0] = (struct option){ options->instance_option, required_argument, NULL, 'i' };
	for (size_t i = 0; i < NAMES_MAX - 2; i++) {
		if (options->takes & others[i].taken)
			names[count++] = others[i].name;
	}
}

bool ask_parse(struct ask_options *options, const char *command, int argc, char **argv)
{
	struct option names[NAMES_MAX];
	int option;

	list_names(options, names);
	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (!take_option(options, option))
			return false;
	}
	options->arguments = optind;
	if (optind + options->arguments_max < argc) {
		log_error("\"%s\" is not expected: see --help",
			  argv[optind + options->arguments_max]);
		return false;
	}
	if (!options->instance == !options->config) {
		log_error("%s needs %s--%s: see --help", command,
			  options->takes & ASK_CONFIG ? "either --config or " : "",
			  options->instance_option);
		return false;
	}
	return true;
}

int ask_quietly(const struct ask_options *options, const char *request, json_t **reply)
{
	char *text;
	int error = control_request(options->program, options->instance, request, &text);

	if (error)
		return error;
	*reply = json_loads(text, 0, NULL);
	free(text);
	return *reply ? 0 : -EPROTO;
}

void ask_tell(const struct ask_options *options, int error)
{
	if (error == -ECONNREFUSED)
		log_error("no mptcplb-%s runs here with --%s \"%s\"; what one has left pinned "
			  "works on without it",
			  options->program, options->instance_option, options->instance);
	else if (error == -EACCES)
		log_error("the mptcplb-%s with --%s \"%s\" answers root and its own user alone",
			  options->program, options->instance_option, options->instance);
	else
		log_error("the mptcplb-%s with --%s \"%s\" does not answer: %s", options->program,
			  options->instance_option, options->instance, strerror(-error));
}

json_t *ask(const struct ask_options *options, const char *request)
{
	json_t *reply;
	int error = ask_quietly(options, request, &reply);

	if (!error)
		return reply;
	ask_tell(options, error);
	return NULL;
}

void ask_print(const json_t *object)
{
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
}

long long ask_number(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

const char *ask_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "?";
}

int ask_reload(struct ask_options *options, int argc, char **argv)
{
	bool reloaded;
	json_t *reply;

	if (!ask_parse(options, "reload", argc, argv))
		return EXIT_USAGE;
	reply = ask(options, options->settle ? "reload settle" : "reload");
	if (!reply)
		return EXIT_FAILED;
	reloaded = json_is_true(json_object_get(reply, "reloaded"));
	if (!reloaded)
		log_error("%s", ask_text(reply, "error"));
	json_decref(reply);
	return reloaded ? EXIT_FINE : EXIT_FAILED;
}
