// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "options.h"

#include <getopt.h>

#include "daemon.h"
#include "option.h"

/* MP_JOIN SYNs a second: each token's, and those of all. */
#define JOINS_PER_TOKEN_DEFAULT 4
#define JOINS_IN_TOTAL_DEFAULT 20000
#define JOINS_MAX 1000000

/* Seconds between lists of the kernel's connections. */
#define LIVE_INTERVAL_DEFAULT 1
#define LIVE_INTERVAL_MAX 3600

static bool add_interface(struct agent_options *options, const char *name)
{
	if (options->interface_count == SERVER_INTERFACES_MAX) {
		log_error("--interface \"%s\": at most %d interfaces", name, SERVER_INTERFACES_MAX);
		return false;
	}
	options->interfaces[options->interface_count++] = name;
	return true;
}

static bool set_attach(struct agent_options *options, const char *text)
{
	static const char *const ways[] = { "auto", "tcx", "clsact" };
	unsigned int way;

	if (!option_word("--attach", text, ways, sizeof(ways) / sizeof(ways[0]), &way))
		return false;
	options->attach = (enum attach_way)way;
	return true;
}

static bool take_option(struct agent_options *options, int option, const char *value)
{
	switch (option) {
	case 'c':
		options->config = value;
		return true;
	case 's':
		options->server = value;
		return true;
	case 'i':
		return add_interface(options, value);
	case 't':
		return set_attach(options, value);
	case 'p':
		options->pin = value;
		return true;
	case 'n':
		return option_number("--slots", value, 1, SERVER_SLOTS_MAX, &options->slots);
	case 'j':
		return option_number("--joins-per-token", value, 0, JOINS_MAX,
				     &options->joins_per_token);
	case 'J':
		return option_number("--joins-in-total", value, 0, JOINS_MAX,
				     &options->joins_in_total);
	case 'l':
		return option_number("--live-interval", value, 1, LIVE_INTERVAL_MAX,
				     &options->live_interval);
	case 'a':
		options->cookies_for_all = true;
		return true;
	case 'S':
		options->set_syncookies = true;
		return true;
	case 'd':
		options->decapsulate_only = true;
		return true;
	default:
		return false;
	}
}

static bool is_complete(const struct agent_options *options, const char *command)
{
	if (!options->config || !options->server || !options->interface_count)
		log_error("%s needs --config, --server and --interface: see --help", command);
	else if (options->set_syncookies && !options->cookies_for_all)
		log_error("--set-syncookies goes with --cookies-for-all only");
	else if (options->decapsulate_only && options->cookies_for_all)
		log_error("--decapsulate-only has no use for --cookies-for-all");
	else
		return true;
	return false;
}

bool options_parse(struct agent_options *options, const char *command, int argc, char **argv)
{
	static const struct option names[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "server", required_argument, NULL, 's' },
		{ "interface", required_argument, NULL, 'i' },
		{ "attach", required_argument, NULL, 't' },
		{ "pin", required_argument, NULL, 'p' },
		{ "slots", required_argument, NULL, 'n' },
		{ "joins-per-token", required_argument, NULL, 'j' },
		{ "joins-in-total", required_argument, NULL, 'J' },
		{ "live-interval", required_argument, NULL, 'l' },
		{ "cookies-for-all", no_argument, NULL, 'a' },
		{ "set-syncookies", no_argument, NULL, 'S' },
		{ "decapsulate-only", no_argument, NULL, 'd' },
		{ 0 },
	};
	int option;

	*options = (struct agent_options){ .slots = SERVER_SLOTS_DEFAULT,
					   .joins_per_token = JOINS_PER_TOKEN_DEFAULT,
					   .joins_in_total = JOINS_IN_TOTAL_DEFAULT,
					   .live_interval = LIVE_INTERVAL_DEFAULT };
	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (!take_option(options, option, optarg))
			return false;
	}
	if (optind < argc) {
		log_error("\"%s\" is not expected: see --help", argv[optind]);
		return false;
	}
	return is_complete(options, command);
}
