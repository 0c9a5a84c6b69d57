// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "commands.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "agent.h"
#include "clock.h"
#include "control.h"
#include "daemon.h"
#include "describe.h"
#include "options.h"

/*
 * Between two looks at the kernel's events. To wake us up costs a handshake more than all that the
 * programs do, so only the first event after a pause does.
 */
#define EVENTS_PAUSE_NS 100000000ULL
#define MILLISECOND_NS 1000000

struct run {
	struct agent *agent;
	uint64_t events_from; /* when they are looked at again, CLOCK_MONOTONIC, ns */
	int signals;
	int control;
	int timer;
	bool ready; /* and told so */
	bool stopped;
};

static bool open_descriptors(struct run *run, const char *server)
{
	const struct itimerspec second = { .it_interval.tv_sec = 1, .it_value.tv_sec = 1 };

	run->signals = daemon_signals();
	run->control = control_listen(AGENT_PROGRAM, server);
	if (run->control < 0) {
		log_error("another agent of server \"%s\" runs here: %s", server,
			  strerror(-run->control));
		return false;
	}
	run->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (run->signals < 0 || run->timer < 0 || timerfd_settime(run->timer, 0, &second, NULL)) {
		log_error("cannot start: %s", strerror(errno));
		return false;
	}
	return true;
}

static void close_descriptors(const struct run *run)
{
	const int fds[] = { run->signals, run->control, run->timer };
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

static json_t *describe_reload(struct agent *agent)
{
	if (agent_reload(agent))
		return json_pack("{s:b}", "reloaded", 1);
	return json_pack("{s:b, s:s}", "reloaded", 0, "error", log_reason());
}

/* Whoever asks for an end finds nothing left when the answer comes. */
static json_t *describe_stop(struct run *run)
{
	const int error = agent_remove(run->agent);

	run->stopped = true;
	if (error)
		return json_pack("{s:b, s:s}", "stopped", 1, "error", strerror(-error));
	return json_pack("{s:b}", "stopped", 1);
}

/* The answer to a request over the control socket. */
static char *answer(void *context, const char *request)
{
	struct run *run = context;
	json_t *object = NULL;
	char *text;

	if (!strcmp(request, "status"))
		object = describe_status(run->agent);
	else if (!strcmp(request, "reload"))
		object = describe_reload(run->agent);
	else if (!strcmp(request, "stop"))
		object = describe_stop(run);
	text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	json_decref(object);
	return text;
}

static void take_signals(struct run *run)
{
	struct signalfd_siginfo signal;

	while (read(run->signals, &signal, sizeof(signal)) == sizeof(signal)) {
		if (signal.ssi_signo == SIGHUP)
			(void)agent_reload(run->agent);
		else
			run->stopped = true;
	}
}

static void take_timer(const struct run *run)
{
	uint64_t expired;

	if (read(run->timer, &expired, sizeof(expired)) == sizeof(expired))
		agent_second(run->agent);
}

static void tell_ready(struct run *run)
{
	if (run->ready || !run->agent->attached)
		return;
	run->ready = true;
	puts("ready");
	fflush(stdout);
	daemon_notify("READY=1");
}

/* Milliseconds until events are looked at again; 0: now. */
static int events_pause(const struct run *run)
{
	const uint64_t now = clock_now();

	return now < run->events_from ? (int)((run->events_from - now) / MILLISECOND_NS) + 1 : 0;
}

static void take_events(struct run *run)
{
	agent_events(run->agent);
	run->events_from = clock_now() + EVENTS_PAUSE_NS;
}

/* Serve until a signal or a request says stop. Returns false after an error message. */
static bool serve(struct run *run)
{
	enum {
		SIGNALS,
		CONTROL,
		TIMER,
		RING,
		EVENTS,
		DESCRIPTORS
	};
	struct pollfd polled[DESCRIPTORS] = {
		[SIGNALS] = { .fd = run->signals, .events = POLLIN },
		[CONTROL] = { .fd = run->control, .events = POLLIN },
		[TIMER] = { .fd = run->timer, .events = POLLIN },
		[RING] = { .fd = ring_buffer__epoll_fd(run->agent->ring), .events = POLLIN },
		[EVENTS] = { .events = POLLIN },
	};
	bool pause;
	int events;

	while (!run->stopped) {
		if (!agent_work(run->agent, &pause))
			return false;
		tell_ready(run);
		events = events_pause(run);
		polled[EVENTS].fd = events ? -1 : run->agent->events.fd; /* which may be -1 */
		if (poll(polled, DESCRIPTORS,
			 !pause	  ? 0
			 : events ? events
				  : -1) < 0 &&
		    errno != EINTR) {
			log_error("poll: %s", strerror(errno));
			return false;
		}
		if (polled[SIGNALS].revents)
			take_signals(run);
		if (polled[TIMER].revents)
			take_timer(run);
		if (polled[RING].revents)
			agent_consumed(run->agent);
		if (polled[EVENTS].revents)
			take_events(run);
		if (polled[CONTROL].revents)
			control_serve(run->control, answer, run);
	}
	return true;
}

int command_run(int argc, char **argv)
{
	struct agent agent;
	struct run run = { .agent = &agent, .signals = -1, .control = -1, .timer = -1 };
	struct agent_options options;
	bool fine;

	if (!options_parse(&options, "run", argc, argv))
		return EXIT_USAGE;
	if (!daemon_capable() || !open_descriptors(&run, options.server)) {
		close_descriptors(&run);
		return EXIT_FAILED;
	}
	fine = agent_open(&agent, &options) && serve(&run);
	daemon_notify("STOPPING=1");
	agent_close(&agent);
	close_descriptors(&run);
	return fine ? EXIT_FINE : EXIT_FAILED;
}
