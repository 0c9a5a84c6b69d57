// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "agent.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <bpf/libbpf.h>
#include <jansson.h>

#include <mptcplb/key.h>
#include <mptcplb/random.h>

#include "attach.h"
#include "auxiliary.h"
#include "control.h"
#include "daemon.h"
#include "environment.h"
#include "keys.h"
#include "marks.h"
#include "program.h"
#include "server.skel.h"
#include "tokens.h"

/* Keys that are made before the agent looks at its descriptors again: some 10 ms of work. */
#define KEYS_AT_ONCE 64

/* Time to spend each second on keys that are too old: one percent of one CPU. */
#define AGE_BUDGET_NS 10000000ULL

struct agent {
	const struct agent_options *options;
	struct mptcplb_farm *farm;
	const struct mptcplb_farm_server *server;
	struct server_bpf *program;
	struct ring_buffer *ring;
	struct keys keys;
	struct tokens tokens;
	struct marks marks;
	struct auxiliaries auxiliaries;
	struct attachment attachments[AGENT_INTERFACES_MAX];
	size_t attached;
	int syncookies_before;
	int list_error; /* of the last tokens_refresh(), so that it is told once */
	int key_error; /* of the last keys_fill() or keys_age() */
	int signals;
	int control;
	int timer;
};

static bool load_farm(struct agent *agent)
{
	struct mptcplb_farm_error error;

	agent->farm = mptcplb_farm_load(agent->options->config, &error);
	if (!agent->farm) {
		log_error("%s", error.text);
		return false;
	}
	agent->server = mptcplb_farm_server_by_name(agent->farm, agent->options->server);
	if (!agent->server) {
		log_error("%s: there is no server \"%s\"", agent->options->config,
			  agent->options->server);
		return false;
	}
	return true;
}

static bool check_environment(struct agent *agent)
{
	size_t i;

	for (i = 0; i < agent->options->interface_count; i++) {
		if (!daemon_interface(agent->options->interfaces[i]))
			return false;
	}
	if (agent->options->decapsulate_only)
		return true;
	if (!environment_mptcp())
		return false;
	if (!agent->options->cookies_for_all)
		return environment_syncookies_possible();
	return environment_take_syncookies(agent->options->set_syncookies,
					   &agent->syncookies_before);
}

static bool open_descriptors(struct agent *agent)
{
	const struct itimerspec second = { .it_interval.tv_sec = 1, .it_value.tv_sec = 1 };

	agent->signals = daemon_signals();
	agent->control = control_listen(AGENT_PROGRAM, agent->options->server);
	if (agent->control < 0) {
		log_error("another agent of server \"%s\" runs here: %s", agent->options->server,
			  strerror(-agent->control));
		return false;
	}
	agent->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (agent->signals < 0 || agent->timer < 0 ||
	    timerfd_settime(agent->timer, 0, &second, NULL)) {
		log_error("cannot start: %s", strerror(errno));
		return false;
	}
	return true;
}

/* A handshake used a key up. */
static int note_consumed(void *context, void *data, size_t size)
{
	const struct server_consumed *event = data;
	struct agent *agent = context;
	uint8_t key[MPTCPLB_KEY_SIZE];
	uint32_t token;

	if (size < sizeof(*event))
		return 0;
	memcpy(key, &event->key, sizeof(key));
	if (mptcplb_key_token(MPTCPLB_MODE_RFC8684, &token, key, sizeof(key)) == MPTCPLB_OK &&
	    tokens_add_recent(&agent->tokens, token))
		log_warning("out of memory");
	mptcplb_wipe(key, sizeof(key));
	keys_add_empty(&agent->keys, event->slot);
	return 0;
}

/* The kernel's list of connections, once a second. */
static void refresh_tokens(struct agent *agent)
{
	int error = tokens_refresh(&agent->tokens);

	if (error && error != agent->list_error)
		log_warning("cannot list the kernel's MPTCP connections: %s "
			    "(it needs CONFIG_INET_MPTCP_DIAG)",
			    strerror(-error));
	agent->list_error = error;
}

/* What the way of the auxiliary listener needs; nothing in the other ways. */
static int open_handover(struct agent *agent)
{
	int look = bpf_program__fd(agent->program->progs.server_look);
	size_t i;
	int error;

	auxiliaries_open(&agent->auxiliaries, bpf_map__fd(agent->program->maps.auxiliaries), look);
	if (agent->options->decapsulate_only || agent->options->cookies_for_all)
		return 0;
	error = marks_open(&agent->marks, bpf_map__fd(agent->program->maps.services), look,
			   agent->farm, agent->server);
	for (i = 0; !error && i < agent->marks.count; i++) {
		bool is_ipv4 = agent->marks.marks[i].service->address.version == 4;

		agent->auxiliaries.needed[is_ipv4 ? SERVER_IPV4 : SERVER_IPV6] = true;
	}
	return error;
}

static bool load_program(struct agent *agent)
{
	const struct program_options options = {
		.farm = agent->farm,
		.server = agent->server,
		.slot_count = agent->options->slots,
		.bucket_count = environment_token_buckets(),
		.decapsulate_only = agent->options->decapsulate_only,
		.cookies_for_all = agent->options->cookies_for_all,
		.joins_per_token = agent->options->joins_per_token,
		.joins_in_total = agent->options->joins_in_total,
	};
	int error;

	agent->program = program_load(&options);
	if (!agent->program)
		return false;
	agent->keys.keyring = &agent->farm->keyring;
	agent->keys.server = agent->server;
	agent->keys.tokens = &agent->tokens;
	error = tokens_open(&agent->tokens, bpf_map__fd(agent->program->maps.buckets),
			    options.bucket_count);
	if (!error && !options.decapsulate_only)
		error = keys_open(&agent->keys, bpf_map__fd(agent->program->maps.slots),
				  options.slot_count);
	if (!error)
		error = open_handover(agent);
	if (!error) {
		agent->ring = ring_buffer__new(bpf_map__fd(agent->program->maps.consumed),
					       note_consumed, agent, NULL);
		error = agent->ring ? 0 : -errno;
	}
	if (error)
		log_error("cannot open the BPF maps: %s", strerror(-error));
	else
		refresh_tokens(agent);
	return error == 0;
}

/* Keep the auxiliary listeners and what they depend on in order: once a second. */
static void hand_over(struct agent *agent)
{
	auxiliaries_turn(&agent->auxiliaries);
	marks_refresh(&agent->marks);
}

static bool attach(struct agent *agent)
{
	int ingress = bpf_program__fd(agent->program->progs.server_ingress);
	int egress = bpf_program__fd(agent->program->progs.server_egress);

	while (agent->attached < agent->options->interface_count) {
		size_t i = agent->attached++;

		if (!attach_add(&agent->attachments[i], agent->options->interfaces[i], ingress,
				agent->options->decapsulate_only ? -1 : egress))
			return false;
	}
	hand_over(agent);
	puts("ready");
	fflush(stdout);
	return true;
}

static json_t *counters_json(const struct agent *agent)
{
#define COUNTER_NAME(symbol, name, meaning) [SERVER_##symbol] = name,
	static const char *const names[] = { SERVER_COUNTERS(COUNTER_NAME) };
#undef COUNTER_NAME
	uint64_t counters[SERVER_COUNTER_COUNT];
	json_t *object = json_object();
	size_t i;

	if (program_counters(agent->program, counters))
		return object;
	for (i = 0; i < SERVER_COUNTER_COUNT; i++)
		json_object_set_new(object, names[i], json_integer((json_int_t)counters[i]));
	json_object_set_new(object, "keys_refilled",
			    json_integer((json_int_t)agent->keys.refilled));
	json_object_set_new(object, "keys_aged", json_integer((json_int_t)agent->keys.aged));
	return object;
}

/* The answer to a request over the control socket. */
static char *answer(void *context, const char *request)
{
	const struct agent *agent = context;
	json_t *interfaces, *status;
	char *text;
	size_t i;

	if (strcmp(request, "status") != 0)
		return NULL;
	interfaces = json_array();
	for (i = 0; i < agent->attached; i++)
		json_array_append_new(interfaces, json_string(agent->attachments[i].interface));
	status = json_pack("{s:s, s:o, s:b, s:b, s:i, s:i, s:i, s:i, s:i, s:i, s:o}", "server",
			   agent->server->name, "interfaces", interfaces, "decapsulate_only",
			   agent->options->decapsulate_only, "cookies_for_all",
			   agent->options->cookies_for_all, "services", (int)agent->marks.count,
			   "services_ready", (int)marks_ready(&agent->marks), "slots",
			   (int)agent->options->slots, "slots_filled",
			   agent->keys.slots ? (int)keys_filled(&agent->keys) : 0, "live_tokens",
			   (int)agent->tokens.live_count, "token_buckets",
			   (int)agent->tokens.bucket_mask + 1, "counters", counters_json(agent));
	text = status ? json_dumps(status, JSON_COMPACT) : NULL;
	json_decref(status);
	return text;
}

/* Whether a signal says stop. */
static bool must_stop(const struct agent *agent)
{
	struct signalfd_siginfo signal;

	while (read(agent->signals, &signal, sizeof(signal)) == sizeof(signal)) {
		if (signal.ssi_signo != SIGHUP)
			return true;
		log_info("SIGHUP ignored: restart to read the farm file again");
	}
	return false;
}

/* Note whether keys can be made. */
static void note_key_error(struct agent *agent, int error)
{
	if (error && error != agent->key_error)
		log_warning("cannot make a key: %s", mptcplb_strerror(error));
	agent->key_error = error;
}

static void on_timer(struct agent *agent)
{
	uint64_t expired;

	if (read(agent->timer, &expired, sizeof(expired)) != sizeof(expired))
		return;
	refresh_tokens(agent);
	if (agent->attached)
		hand_over(agent);
	if (agent->keys.slots)
		note_key_error(agent, keys_age(&agent->keys, AGE_BUDGET_NS));
}

/* Fill some empty slots. Returns false when that failed, and is to be tried again later. */
static bool fill_slots(struct agent *agent)
{
	int error = keys_fill(&agent->keys, KEYS_AT_ONCE);

	note_key_error(agent, error);
	return error == MPTCPLB_OK;
}

/* Serve until a signal. Attaches when the slots are full for the first time. */
static bool serve(struct agent *agent)
{
	enum {
		SIGNALS,
		CONTROL,
		TIMER,
		RING,
		DESCRIPTORS
	};
	struct pollfd polled[DESCRIPTORS] = {
		[SIGNALS] = { .fd = agent->signals, .events = POLLIN },
		[CONTROL] = { .fd = agent->control, .events = POLLIN },
		[TIMER] = { .fd = agent->timer, .events = POLLIN },
		[RING] = { .fd = ring_buffer__epoll_fd(agent->ring), .events = POLLIN },
	};

	for (;;) {
		bool filled = fill_slots(agent);

		if (agent->keys.empty_count == 0 && agent->attached == 0 && !attach(agent))
			return false;
		if (poll(polled, DESCRIPTORS, filled && agent->keys.empty_count ? 0 : -1) < 0 &&
		    errno != EINTR) {
			log_error("poll: %s", strerror(errno));
			return false;
		}
		if (polled[SIGNALS].revents && must_stop(agent))
			return true;
		if (polled[TIMER].revents)
			on_timer(agent);
		if (polled[RING].revents)
			ring_buffer__consume(agent->ring);
		if (polled[CONTROL].revents)
			control_serve(agent->control, answer, agent);
	}
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void stop(struct agent *agent)
{
	while (agent->attached > 0)
		attach_remove(&agent->attachments[--agent->attached]);
	environment_restore_syncookies(agent->syncookies_before);
	auxiliaries_close(&agent->auxiliaries);
	marks_close(&agent->marks);
	keys_close(&agent->keys);
	tokens_close(&agent->tokens);
	ring_buffer__free(agent->ring);
	server_bpf__destroy(agent->program);
	close_if_open(agent->timer);
	close_if_open(agent->control);
	close_if_open(agent->signals);
	mptcplb_farm_free(agent->farm);
}

int agent_run(const struct agent_options *options)
{
	/* Not on the stack: it has the counts of all buckets in it. */
	static struct agent agent = {
		.syncookies_before = -1, .signals = -1, .control = -1, .timer = -1
	};
	bool fine;

	agent.options = options;
	fine = daemon_capable() && load_farm(&agent) && open_descriptors(&agent) &&
	       check_environment(&agent) && load_program(&agent) && serve(&agent);
	stop(&agent);
	return fine ? EXIT_FINE : EXIT_FAILED;
}
