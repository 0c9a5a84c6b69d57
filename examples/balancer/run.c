// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "commands.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <mptcplb/farm.h>
#include <mptcplb/keyring.h>

#include "attach.h"
#include "control.h"
#include "daemon.h"
#include "dataplane.h"
#include "describe.h"
#include "explain.h"
#include "farm_change.h"
#include "flows.h"
#include "identity.h"
#include "options.h"
#include "pin.h"
#include "pins.h"
#include "tell_all.h"

/* How often idle flows, and those of servers that are gone, are looked for. */
#define AGEING_S 10

struct run {
	struct run_options options;
	char name[MPTCPLB_FARM_NAME_MAX + 1]; /* found at the start, when none was given */
	unsigned int ifindex;
	int link; /* -1: not attached yet */
	int pin_lock; /* keeps others away from the pins */
	struct dataplane *dataplane;
	struct tell_all *errors; /* of a redirector, or NULL */
	struct dataplane_maps pinned; /* by an earlier loader; closed: all -1 */
	json_t *description; /* what does not change until the next reload */
	long long reloads;
	long long reloads_refused;
	long long flows_aged;
};

static const struct dataplane_maps *maps_before(const struct run *run)
{
	if (run->dataplane)
		return dataplane_maps(run->dataplane);
	return run->link >= 0 ? &run->pinned : NULL;
}

/* Undo a take-over whose pins could not be stored, as far as the data plane before is known. */
static void put_back(struct run *run)
{
	const char *pin = run->options.pin;

	if (!run->dataplane)
		log_error("the new XDP program is at work already, and %s may not have its maps: "
			  "expected \"mptcplb-balancer detach --pin %s\" before the next start",
			  pin, pin);
	else if (attach_replace(run->link, dataplane_program(run->dataplane)))
		(void)pins_store(pin, run->link, dataplane_maps(run->dataplane));
}

/* Let a data plane take over from the one before, if there is one. */
static bool install(struct run *run, struct dataplane *dataplane)
{
	const bool replace = run->link >= 0;
	int program = dataplane_program(dataplane);

	if (replace) {
		if (!attach_replace(run->link, program))
			return false;
	} else {
		run->link = attach_xdp(program, run->options.interface, run->ifindex);
		if (run->link < 0)
			return false;
	}
	if (!run->options.pin ||
	    pins_store(run->options.pin, run->link, dataplane_maps(dataplane)) == 0)
		return true;
	if (replace)
		put_back(run);
	return false;
}

/* A balancer that was found once is the same one in each farm that follows. */
static void keep_name(struct run *run, const char *name)
{
	if (run->options.name)
		return;
	snprintf(run->name, sizeof(run->name), "%s", name);
	run->options.name = run->name;
}

/* Whether tokens that live keep their meaning with a farm. False after an error message. */
static bool keeps_tokens(const struct run *run, const struct mptcplb_farm *farm)
{
	struct balancer_config config;
	bool keeps = true;

	if (run->dataplane && dataplane_config(run->dataplane, &config) == 0)
		keeps = farm_change_allowed(run->options.config, &config.keyring, &farm->keyring);
	mptcplb_keyring_wipe(&config.keyring);
	return keeps;
}

/* Put a farm into effect. When that fails all stays as it was. */
static bool use_farm(struct run *run, const struct mptcplb_farm *farm)
{
	const struct run_options *options = &run->options;
	const bool replace = run->link >= 0;
	struct dataplane_member self;
	struct dataplane *dataplane;

	if (!identity_find(&self, farm, options->dataplane.redirector, options->name,
			   options->interface) ||
	    !keeps_tokens(run, farm))
		return false;
	dataplane = dataplane_open(farm, &self, &options->dataplane, maps_before(run));
	if (!dataplane)
		return false;
	if (!install(run, dataplane)) {
		dataplane_close(dataplane);
		return false;
	}
	dataplane_close(run->dataplane);
	run->dataplane = dataplane;
	/* Now, and not in a while: the next reload may give their indices to others. */
	if (replace)
		run->flows_aged += (long long)flows_age(dataplane_maps(dataplane), 0);
	keep_name(run, self.name);
	json_decref(run->description);
	run->description = describe_run(options, farm, &self);
	return true;
}

/* Read the farm file and put it into effect. The farm, with its secrets, does not outlive this. */
static bool load(struct run *run)
{
	struct mptcplb_farm_error error;
	struct mptcplb_farm *farm = mptcplb_farm_load(run->options.config, &error);
	bool fine;

	if (!farm) {
		log_error("%s", error.text);
		return false;
	}
	fine = use_farm(run, farm);
	mptcplb_farm_free(farm);
	return fine;
}

static bool reload(struct run *run, bool settle)
{
	bool fine;

	daemon_notify("RELOADING=1");
	log_forget();
	run->options.dataplane.settle = settle;
	fine = load(run);
	run->options.dataplane.settle = false;
	if (fine) {
		run->reloads++;
		log_info("reloaded %s%s", run->options.config, settle ? ", and settled" : "");
	} else {
		run->reloads_refused++;
		log_error("%s is not used: all stays as it was", run->options.config);
	}
	daemon_notify("READY=1");
	return fine;
}

static json_t *status(const struct run *run)
{
	json_t *object = json_deep_copy(run->description);

	json_object_set_new(object, "mode", json_string(attach_mode(run->ifindex)));
	json_object_set_new(object, "reloads", json_integer(run->reloads));
	json_object_set_new(object, "reloads_refused", json_integer(run->reloads_refused));
	json_object_set_new(
		object, "places",
		json_integer((json_int_t)dataplane_buckets(dataplane_maps(run->dataplane)) *
			     BALANCER_WAYS));
	json_object_set_new(object, "flows_aged", json_integer(run->flows_aged));
	if (describe_counts(object, dataplane_maps(run->dataplane)) == 0)
		return object;
	json_decref(object);
	return NULL;
}

static json_t *describe_reload(struct run *run, bool settle)
{
	if (reload(run, settle))
		return json_pack("{s:b}", "reloaded", 1);
	return json_pack("{s:b, s:s}", "reloaded", 0, "error", log_reason());
}

static char *answer(void *context, const char *request)
{
	struct run *run = context;
	json_t *object = NULL;
	char *text;

	if (!strcmp(request, "status"))
		object = status(run);
	else if (!strcmp(request, "reload"))
		object = describe_reload(run, false);
	else if (!strcmp(request, "reload settle"))
		object = describe_reload(run, true);
	else if (!strncmp(request, "flows ", 6))
		object = flows_describe(dataplane_maps(run->dataplane),
					strtoul(request + 6, NULL, 10));
	else if (!strncmp(request, "explain ", 8))
		object = explain_dataplane(run->dataplane, request + 8);
	text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	json_decref(object);
	return text;
}

/* Whether to go on. */
static bool take_signal(struct run *run, int signals)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != sizeof(info))
		return true;
	if (info.ssi_signo != SIGHUP)
		return false;
	reload(run, false);
	return true;
}

static void take_age(struct run *run, int timer)
{
	uint64_t expirations;

	if (read(timer, &expirations, sizeof(expirations)) > 0)
		run->flows_aged +=
			(long long)flows_age(dataplane_maps(run->dataplane), run->options.idle);
}

static void send_errors(struct run *run)
{
	struct balancer_config self;

	if (dataplane_config(run->dataplane, &self) == 0)
		tell_all_serve(run->errors, dataplane_maps(run->dataplane), &self);
	mptcplb_keyring_wipe(&self.keyring);
}

static void serve(struct run *run, int signals, int control, int timer)
{
	struct pollfd events[] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = control, .events = POLLIN },
		{ .fd = timer, .events = POLLIN },
		{ .fd = run->errors ? tell_all_poll(run->errors) : -1, .events = POLLIN },
	};

	for (;;) {
		if (poll(events, 4, -1) <= 0)
			continue;
		if (events[0].revents && !take_signal(run, signals))
			return;
		if (events[1].revents)
			control_serve(control, answer, run);
		if (events[2].revents)
			take_age(run, timer);
		if (events[3].revents)
			send_errors(run);
	}
}

/* A timer that goes off every AGEING_S seconds. Returns it or -errno. */
static int start_timer(void)
{
	const struct itimerspec every = { { AGEING_S, 0 }, { AGEING_S, 0 } };
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (timer < 0 || timerfd_settime(timer, 0, &every, NULL) < 0)
		return -errno;
	return timer;
}

/* Find a data plane that is at work already. False after an error message. */
static bool take_over(struct run *run)
{
	const char *pin = run->options.pin;

	if (!pin)
		return true;
	run->pin_lock = pin_directory(pin) ? -1 : pin_lock(pin);
	if (run->pin_lock < 0)
		return false;
	run->link = pins_restore(pin, &run->pinned);
	if (run->link < 0)
		return run->link == -ENOENT;
	if (!dataplane_fits(&run->pinned, run->options.dataplane.flows))
		log_warning(
			"--flows %u is not used: what is pinned in %s keeps its size, %u places. "
			"Detach it first to change that",
			run->options.dataplane.flows, pin,
			dataplane_buckets(&run->pinned) * BALANCER_WAYS);
	return attach_is_to(run->link, run->options.interface, run->ifindex);
}

static int run_on(struct run *run, int control)
{
	int signals = daemon_signals(), timer = start_timer();

	if (signals < 0 || timer < 0) {
		log_error("cannot take signals, or set a timer: %s",
			  strerror(signals < 0 ? -signals : -timer));
		return EXIT_FAILED;
	}
	if (!take_over(run) || !load(run))
		return EXIT_FAILED;
	pins_close(&run->pinned);
	if (run->options.dataplane.redirector) {
		run->errors = tell_all_open(dataplane_maps(run->dataplane));
		if (!run->errors)
			return EXIT_FAILED;
	}
	puts("ready");
	fflush(stdout);
	daemon_notify("READY=1");
	serve(run, signals, control, timer);
	daemon_notify("STOPPING=1");
	close(run->link);
	close(timer);
	close(signals);
	return EXIT_FINE;
}

int command_run(int argc, char **argv)
{
	struct run run = {
		.options = { .dataplane = { .tokens = true, .flows = DATAPLANE_FLOWS_DEFAULT } },
		.link = -1,
		.pin_lock = -1,
	};
	const char *interface;
	int control, result;

	memset(&run.pinned, -1, sizeof(run.pinned));
	if (!options_parse(&run.options, argc, argv))
		return EXIT_USAGE;
	interface = run.options.interface;
	daemon_libbpf_log();
	run.ifindex = daemon_interface(interface);
	if (!run.ifindex || !daemon_capable())
		return EXIT_FAILED;
	control = control_listen(BALANCER_PROGRAM, interface);
	if (control < 0) {
		if (control == -EADDRINUSE)
			log_error("another mptcplb-balancer runs on interface \"%s\"", interface);
		else
			log_error("cannot make the control socket: %s", strerror(-control));
		return EXIT_FAILED;
	}
	result = run_on(&run, control);
	json_decref(run.description);
	tell_all_close(run.errors);
	dataplane_close(run.dataplane);
	if (run.pin_lock >= 0) {
		(void)rmdir(run.options.pin); /* if nothing was pinned */
		close(run.pin_lock);
	}
	close(control);
	return result;
}
