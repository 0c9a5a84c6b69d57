// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "options.h"

#include <getopt.h>

#include "daemon.h"
#include "option.h"

/* One of two words; *second: it is the second one. */
static bool parse_word(const char *option, const char *text, const char *first_word,
		       const char *second_word, bool *second)
{
	const char *const words[] = { first_word, second_word };
	unsigned int place = 0;
	bool known = option_word(option, text, words, 2, &place);

	*second = place == 1;
	return known;
}

static bool take_option(struct run_options *options, int option)
{
	switch (option) {
	case 'c':
		options->config = optarg;
		return true;
	case 'i':
		options->interface = optarg;
		return true;
	case 'n':
		options->name = optarg;
		return true;
	case 'p':
		options->pin = optarg;
		return true;
	case 't':
		options->dataplane.tokens = false;
		return true;
	case 'r':
		return parse_word("--role", optarg, "balancer", "redirector",
				  &options->dataplane.redirector);
	case 'u':
		return parse_word("--on-unroutable", optarg, "hash", "drop",
				  &options->dataplane.drop_unroutable);
	case 'f':
		return option_number("--flows", optarg, DATAPLANE_FLOWS_MIN, DATAPLANE_FLOWS_MAX,
				     &options->dataplane.flows);
	case 'd':
		return option_number("--idle", optarg, 0, UINT32_MAX, &options->idle);
	default:
		return false;
	}
}

bool options_parse(struct run_options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "interface", required_argument, NULL, 'i' },
		{ "name", required_argument, NULL, 'n' },
		{ "role", required_argument, NULL, 'r' },
		{ "pin", required_argument, NULL, 'p' },
		{ "no-tokens", no_argument, NULL, 't' },
		{ "on-unroutable", required_argument, NULL, 'u' },
		{ "flows", required_argument, NULL, 'f' },
		{ "idle", required_argument, NULL, 'd' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (!take_option(options, option))
			return false;
	}
	if (optind < argc) {
		log_error("\"%s\" is not expected: see --help", argv[optind]);
		return false;
	}
	if (!options->config || !options->interface) {
		log_error("run needs --config and --interface: see --help");
		return false;
	}
	if (options->dataplane.redirector && !options->dataplane.tokens) {
		log_error("--no-tokens leaves nothing to do for a redirector");
		return false;
	}
	return true;
}
