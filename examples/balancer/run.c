// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "commands.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <mptcplb/farm.h>

#include "attach.h"
#include "control.h"
#include "daemon.h"
#include "dataplane.h"
#include "describe.h"
#include "identity.h"

struct run_options {
	const char *config;
	const char *interface;
	const char *name; /* NULL when not given */
	struct dataplane_options dataplane;
};

struct run {
	struct balancer_bpf *dataplane;
	json_t *description; /* what does not change while it runs */
};

static bool parse_flows(const char *text, uint32_t *flows)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || end == text || value < DATAPLANE_FLOWS_MIN ||
	    value > DATAPLANE_FLOWS_MAX) {
		log_error("--flows \"%s\": expected a number from %d to %d", text,
			  DATAPLANE_FLOWS_MIN, DATAPLANE_FLOWS_MAX);
		return false;
	}
	*flows = (uint32_t)value;
	return true;
}

static bool parse_policy(const char *text, bool *drop)
{
	*drop = !strcmp(text, "drop");
	if (*drop || !strcmp(text, "hash"))
		return true;
	log_error("--on-unroutable \"%s\": expected hash or drop", text);
	return false;
}

static bool parse_options(struct run_options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "interface", required_argument, NULL, 'i' },
		{ "name", required_argument, NULL, 'n' },
		{ "no-tokens", no_argument, NULL, 't' },
		{ "on-unroutable", required_argument, NULL, 'u' },
		{ "flows", required_argument, NULL, 'f' },
		{ 0 },
	};
	bool fine = true;
	int option;

	while (fine && (option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (option) {
		case 'c':
			options->config = optarg;
			break;
		case 'i':
			options->interface = optarg;
			break;
		case 'n':
			options->name = optarg;
			break;
		case 't':
			options->dataplane.tokens = false;
			break;
		case 'u':
			fine = parse_policy(optarg, &options->dataplane.drop_unroutable);
			break;
		case 'f':
			fine = parse_flows(optarg, &options->dataplane.flows);
			break;
		default:
			fine = false;
		}
	}
	if (fine && optind < argc) {
		log_error("\"%s\" is not expected: see --help", argv[optind]);
		return false;
	}
	if (fine && (!options->config || !options->interface)) {
		log_error("run needs --config and --interface: see --help");
		return false;
	}
	return fine;
}

static json_t *describe(const struct run_options *options, const struct mptcplb_farm *farm,
			const struct mptcplb_farm_balancer *balancer)
{
	char address[MPTCPLB_FARM_ADDRESS_TEXT_SIZE];
	json_t *description =
		json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:I}", "interface", options->interface,
			  "config", options->config, "name", balancer->name, "source",
			  mptcplb_farm_address_text(&balancer->address, address), "tokens",
			  options->dataplane.tokens, "on_unroutable",
			  options->dataplane.drop_unroutable ? "drop" : "hash", "flows",
			  (json_int_t)options->dataplane.flows);
	json_t *farm_part = describe_farm(farm);

	if (description && farm_part)
		json_object_update(description, farm_part);
	json_decref(farm_part);
	return description;
}

/* Read the farm and load the program. The farm, with its secrets, does not outlive this. */
static bool prepare(struct run *run, const struct run_options *options)
{
	const struct mptcplb_farm_balancer *balancer;
	struct mptcplb_farm_error error;
	struct mptcplb_farm *farm = mptcplb_farm_load(options->config, &error);

	if (!farm) {
		log_error("%s", error.text);
		return false;
	}
	balancer = identity_find(farm, options->name, options->interface);
	if (balancer)
		run->dataplane = dataplane_open(farm, balancer, &options->dataplane);
	if (run->dataplane)
		run->description = describe(options, farm, balancer);
	mptcplb_farm_free(farm);
	return run->description != NULL;
}

static char *answer(void *context, const char *request)
{
	uint64_t counters[BALANCER_COUNTER_COUNT];
	struct run *run = context;

	if (strcmp(request, "status") != 0)
		return NULL;
	if (dataplane_counters(run->dataplane, counters))
		return NULL;
	json_object_set_new(run->description, "counters", describe_counters(counters));
	return json_dumps(run->description, JSON_COMPACT);
}

/* Whether to go on. */
static bool take_signal(int signals)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != sizeof(info))
		return true;
	if (info.ssi_signo != SIGHUP)
		return false;
	log_info("SIGHUP does nothing: restart to have the farm file read again");
	return true;
}

static void serve(struct run *run, int signals, int control)
{
	struct pollfd events[] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = control, .events = POLLIN },
	};

	for (;;) {
		if (poll(events, 2, -1) < 0)
			continue;
		if (events[0].revents && !take_signal(signals))
			return;
		if (events[1].revents)
			control_serve(control, answer, run);
	}
}

static int run_on(struct run *run, const struct run_options *options, unsigned int ifindex,
		  int control)
{
	int signals = daemon_signals();
	const char *mode;
	int link;

	if (signals < 0) {
		log_error("cannot take signals: %s", strerror(-signals));
		return EXIT_FAILED;
	}
	if (!prepare(run, options))
		return EXIT_FAILED;
	link = attach_xdp(dataplane_program(run->dataplane), options->interface, ifindex, &mode);
	if (link < 0)
		return EXIT_FAILED;
	json_object_set_new(run->description, "mode", json_string(mode));

	puts("ready");
	fflush(stdout);
	serve(run, signals, control);
	close(link);
	close(signals);
	return EXIT_FINE;
}

int command_run(int argc, char **argv)
{
	struct run_options options = {
		.dataplane = { .tokens = true, .flows = DATAPLANE_FLOWS_DEFAULT },
	};
	struct run run = { 0 };
	unsigned int ifindex;
	int control, result;

	if (!parse_options(&options, argc, argv))
		return EXIT_USAGE;
	daemon_libbpf_log();
	ifindex = daemon_interface(options.interface);
	if (!ifindex || !daemon_capable())
		return EXIT_FAILED;
	control = control_listen(BALANCER_PROGRAM, options.interface);
	if (control < 0) {
		if (control == -EADDRINUSE)
			log_error("another mptcplb-balancer runs on interface \"%s\"",
				  options.interface);
		else
			log_error("cannot make the control socket: %s", strerror(-control));
		return EXIT_FAILED;
	}
	result = run_on(&run, &options, ifindex, control);
	json_decref(run.description);
	dataplane_close(run.dataplane);
	close(control);
	return result;
}
