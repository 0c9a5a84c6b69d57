// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "checks.h"

#include <stdarg.h>
#include <stdio.h>

#include "commands.h"
#include "daemon.h"
#include "options.h"

void check_tell(struct check *check, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	check->findings++;
}

static bool load_farm(const struct agent_options *options, struct mptcplb_farm **farm,
		      struct check *check)
{
	struct mptcplb_farm_error error;

	*farm = mptcplb_farm_load(options->config, &error);
	if (!*farm) {
		log_error("%s", error.text);
		return false;
	}
	check->farm = *farm;
	check->server = mptcplb_farm_server_by_name(*farm, options->server);
	if (!check->server)
		log_error("%s: there is no server \"%s\"", options->config, options->server);
	return check->server != NULL;
}

static void check_farm(struct check *check)
{
	if (check->server->state == MPTCPLB_FARM_DOWN)
		check_tell(check,
			   "server \"%s\" is down in the farm file: joins are sent to no such "
			   "server. Make it up when it is to serve",
			   check->server->name);
}

int command_check(int argc, char **argv)
{
	struct agent_options options;
	struct check check = { .options = &options };
	struct mptcplb_farm *farm;
	bool fine;

	if (!options_parse(&options, "check", argc, argv))
		return EXIT_USAGE;
	fine = daemon_capable() && load_farm(&options, &farm, &check);
	if (!fine)
		return EXIT_FAILED;
	check_farm(&check);
	check_host(&check);
	check_mptcp(&check);
	check_interfaces(&check);
	check_mtu(&check);
	check_listeners(&check);
	mptcplb_farm_free(farm);
	if (check.findings == 0)
		puts("nothing keeps the agent from working well here");
	return check.findings ? EXIT_FAILED : EXIT_FINE;
}
