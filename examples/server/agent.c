// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "agent.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include <mptcplb/error.h>
#include <mptcplb/key.h>
#include <mptcplb/random.h>

#include "clock.h"
#include "daemon.h"
#include "environment.h"
#include "farm_change.h"
#include "pin.h"
#include "program.h"
#include "server.skel.h"

/* Time to spend on keys before the agent looks at its descriptors again. */
#define FILL_BUDGET_NS 10000000ULL

/* Time to spend each second on keys that are too old: one percent of one CPU. */
#define AGE_BUDGET_NS 10000000ULL

/* The same on keys of an epoch or id that is not to be minted in any more. */
#define RENEW_BUDGET_NS 100000000ULL

/*
 * The kernel's table of tokens is crowded when there is one live token for so few buckets. Before
 * that, a bucket is full for one key in a million at most.
 */
#define CROWDED_BUCKETS 16

/* So long it takes to ask for events again when the kernel refuses them. */
#define EVENTS_ASK_NS (60 * SERVER_SECOND_NS)

/* Handshakes that the kernel may have refused since its connections were listed. */
#define REFUSED_MAX 256

static bool check_environment(struct agent *agent)
{
	if (agent->options->decapsulate_only)
		return true;
	if (!environment_mptcp())
		return false;
	if (!agent->options->cookies_for_all)
		return environment_syncookies_possible();
	return environment_take_syncookies(agent->options->set_syncookies,
					   &agent->syncookies_before);
}

/* That handshakes have used keys up is all that a program says. */
static int ignore(void *context, void *data, size_t size)
{
	(void)context;
	(void)data;
	(void)size;
	return 0;
}

static void tell_list_error(struct agent *agent, int error)
{
	if (error == -E2BIG) {
		if (!agent->full_told)
			log_warning(
				"no room for more tokens in the %u buckets that the agent takes "
				"the kernel to have: with CAP_SYSLOG it knows their number",
				agent->bucket_count);
		agent->full_told = true;
		return;
	}
	if (error && error != agent->list_error)
		log_warning("cannot follow the kernel's MPTCP connections: %s "
			    "(it needs CONFIG_INET_MPTCP_DIAG)",
			    strerror(-error));
	agent->list_error = error;
}

/* Handshakes whose tokens programs have entered. */
static uint64_t count_let_in(const struct agent *agent)
{
	uint64_t counters[SERVER_COUNTER_COUNT];

	if (program_counters(agent->program, counters))
		return agent->let_in_before;
	return counters[SERVER_ACK_VERIFIED] + counters[SERVER_ACK_PREVIOUS];
}

/* The kernel's list of connections. */
static void refresh_tokens(struct agent *agent)
{
	int error, search_error = 0;

	if (agent->options->decapsulate_only)
		return;
	agent->let_in_before = count_let_in(agent);
	agent->live.confirmed = 0;
	error = live_refresh(&agent->live);
	agent->refreshed_at = clock_now();
	agent->refreshes++;
	agent->listed = !error || error == -E2BIG;
	if (agent->listed)
		search_error = program_allow_search(agent->program, agent->farm, agent->server);
	tell_list_error(agent, error ? error : search_error);
}

static void note_event(void *context, uint32_t token, bool created)
{
	struct agent *agent = context;

	int error = 0;

	if (created)
		live_created(&agent->live, token);
	else
		error = live_closing(&agent->live, token);
	if (error)
		tell_list_error(agent, error);
}

/*
 * Whether the kernel's events are worth their price, which all MPTCP connections of the machine
 * pay, in all network namespaces: at each of their ends a microsecond and more. They are when lists
 * are rare, or when what a list each second overlooks could matter.
 */
static bool wants_events(const struct agent *agent)
{
	const uint32_t crowded = agent->bucket_count / CROWDED_BUCKETS;
	const uint32_t enough = agent->events.fd < 0 ? crowded : crowded / 2;

	if (agent->options->decapsulate_only || agent->options->live_interval > 1)
		return !agent->options->decapsulate_only;
	/* A list that failed tells nothing. */
	return agent->listed ? agent->live.tokens.count > enough : agent->events.fd >= 0;
}

/* Follow the kernel's events from now on. What was until now has to be listed. */
static void follow_events(struct agent *agent)
{
	const uint64_t now = clock_now();
	int error;

	if (agent->events_error && now - agent->events_asked_at < EVENTS_ASK_NS)
		return;
	agent->events_asked_at = now;
	error = events_open(&agent->events);
	agent->listed = false;
	if (error && error != agent->events_error)
		log_warning("the kernel's MPTCP events cannot be had: %s. Its connections are "
			    "listed once a second",
			    strerror(-error));
	agent->events_error = error;
}

static void choose_events(struct agent *agent)
{
	const bool wanted = wants_events(agent);

	if (wanted && agent->events.fd < 0)
		follow_events(agent);
	else if (!wanted && agent->events.fd >= 0)
		events_close(&agent->events);
}

static struct server_bpf *load_program(struct agent *agent, const struct mptcplb_farm *farm,
				       const struct mptcplb_farm_server *server, bool *taken_over)
{
	const struct program_options options = {
		.farm = farm,
		.server = server,
		.slot_count = agent->options->slots,
		.bucket_count = agent->bucket_count,
		.decapsulate_only = agent->options->decapsulate_only,
		.cookies_for_all = agent->options->cookies_for_all,
		.joins_per_token = agent->options->joins_per_token,
		.joins_in_total = agent->options->joins_in_total,
	};
	const struct program_before before = { .program = agent->program,
					       .pin = agent->options->pin };

	return program_load(&options, &before, taken_over);
}

/* Whether SYNs are handed over to auxiliary listeners. */
static bool hands_over(const struct agent *agent)
{
	return !agent->options->decapsulate_only && !agent->options->cookies_for_all;
}

/* Look after the listeners of a farm's services, with a program's maps. Returns 0 or -errno. */
static int open_marks(const struct agent *agent, struct marks *marks,
		      const struct server_bpf *program, const struct mptcplb_farm *farm,
		      const struct mptcplb_farm_server *server)
{
	*marks = (struct marks){ .count = 0 };
	if (!hands_over(agent))
		return 0;
	return marks_open(marks, bpf_map__fd(program->maps.services),
			  bpf_program__fd(program->progs.server_look), farm, server);
}

/*
 * Keep the auxiliary listeners and what they depend on in order: once a second. Without the list of
 * connections they get too old, so that the kernel's keys stay before buckets are full for ever.
 */
static void hand_over(struct agent *agent)
{
	if (agent->listed)
		auxiliaries_turn(&agent->auxiliaries);
	marks_refresh(&agent->marks);
}

/* Attach the program in effect, in the place of what is there, and pin it. */
static bool attach(struct agent *agent)
{
	const int programs[TCX_SIDES] = {
		[TCX_INGRESS] = bpf_program__fd(agent->program->progs.server_ingress),
		[TCX_EGRESS] = agent->options->decapsulate_only
				       ? -1
				       : bpf_program__fd(agent->program->progs.server_egress),
	};
	const char *pin = agent->options->pin;

	if (!attach_programs(&agent->attachments, programs, &agent->state) ||
	    (pin && program_pin(agent->program, pin)))
		return false;
	return program_set_state(agent->program, &agent->state) == 0;
}

/* Put a farm into effect, whose program is loaded and whose marks are open. */
static void use(struct agent *agent, struct mptcplb_farm *farm,
		const struct mptcplb_farm_server *server, struct server_bpf *program,
		const struct marks *marks)
{
	size_t i;

	agent->farm = farm;
	agent->server = server;
	agent->program = program;
	agent->marks = *marks;
	agent->auxiliaries.map = bpf_map__fd(program->maps.auxiliaries);
	agent->auxiliaries.look = bpf_program__fd(program->progs.server_look);
	memset(agent->auxiliaries.needed, 0, sizeof(agent->auxiliaries.needed));
	for (i = 0; i < marks->count; i++) {
		bool is_ipv4 = marks->marks[i].service->address.version == 4;

		agent->auxiliaries.needed[is_ipv4 ? SERVER_IPV4 : SERVER_IPV6] = true;
	}
	keys_use(&agent->keys, &farm->keyring, server);
}

/* Read the farm file. The farm, or NULL after an error message. */
static struct mptcplb_farm *read_farm(const struct agent *agent,
				      const struct mptcplb_farm_server **server)
{
	const struct agent_options *options = agent->options;
	struct mptcplb_farm_error error;
	struct mptcplb_farm *farm = mptcplb_farm_load(options->config, &error);

	if (!farm) {
		log_error("%s", error.text);
		return NULL;
	}
	*server = mptcplb_farm_server_by_name(farm, options->server);
	if (*server)
		return farm;
	log_error("%s: there is no server \"%s\"", options->config, options->server);
	mptcplb_farm_free(farm);
	return NULL;
}

/* Open the maps that are there for as long as the agent is. Returns 0 or -errno. */
static int open_maps(struct agent *agent)
{
	struct server_bpf *program = agent->program;
	int error = program_state(program, &agent->state);

	if (!error)
		error = live_open(&agent->live, bpf_map__fd(program->maps.live),
				  agent->bucket_count);
	if (error)
		return error;
	agent->ring = ring_buffer__new(bpf_map__fd(program->maps.wake), ignore, NULL, NULL);
	if (!agent->ring)
		return -errno;
	if (agent->options->decapsulate_only)
		return 0;
	error = keys_open(&agent->keys, bpf_map__fd(program->maps.slots), agent->options->slots);
	agent->keys.live = &agent->live;
	agent->keys.unchecked = agent->keys.slot_count;
	return error;
}

/* The first farm in effect. */
static bool load(struct agent *agent)
{
	const struct mptcplb_farm_server *server;
	struct mptcplb_farm *farm = read_farm(agent, &server);
	struct server_bpf *program;
	struct marks marks;
	int error;

	if (!farm)
		return false;
	program = load_program(agent, farm, server, &agent->taken_over);
	if (!program) {
		mptcplb_farm_free(farm);
		return false;
	}
	error = open_marks(agent, &marks, program, farm, server);
	use(agent, farm, server, program, &marks);
	if (!error)
		error = open_maps(agent);
	if (error)
		log_error("cannot open the BPF maps: %s", strerror(-error));
	return error == 0;
}

bool agent_open(struct agent *agent, const struct agent_options *options)
{
	const char *pin = options->pin;

	*agent = (struct agent){
		.options = options, .events.fd = -1, .syncookies_before = -1, .pin_lock = -1
	};
	auxiliaries_open(&agent->auxiliaries);
	agent->attachments.way = options->attach;
	agent->attachments.pin = pin;
	if (!attach_open(&agent->attachments, options->interfaces, options->interface_count) ||
	    !check_environment(agent))
		return false;
	if (pin) {
		agent->pin_lock = pin_directory(pin) ? -1 : pin_lock(pin);
		if (agent->pin_lock < 0)
			return false;
	}
	agent->bucket_count = environment_token_buckets();
	if (!load(agent))
		return false;
	choose_events(agent);
	refresh_tokens(agent);
	/* That list may have told that the table is crowded. */
	choose_events(agent);
	if (!agent->listed)
		refresh_tokens(agent);
	return agent->listed || options->decapsulate_only;
}

bool agent_work(struct agent *agent, bool *pause)
{
	int error = keys_fill(&agent->keys, FILL_BUDGET_NS);

	if (error && error != agent->key_error)
		log_warning("cannot make a key: %s", mptcplb_strerror(error));
	agent->key_error = error;
	*pause = error || !agent->keys.empty_count;
	if (agent->attached || (agent->keys.empty_count && !agent->taken_over))
		return true;
	/* Before the programs are at work, so that they have listeners to hand over to. */
	hand_over(agent);
	agent->attached = attach(agent);
	if (!agent->attached && !agent->taken_over)
		attach_remove(&agent->attachments);
	return agent->attached;
}

void agent_events(struct agent *agent)
{
	bool all = agent->events.fd < 0 || events_take(&agent->events, note_event, agent);

	/* A list is newer than the events that were not lost only when all of them are taken. */
	if (!agent->events.lost || !all || agent->resynced)
		return;
	agent->resynced = true;
	agent->events.lost = false;
	refresh_tokens(agent);
}

/*
 * Whether the kernel has refused many handshakes that programs let in: there is no event of those.
 * Whoever sends third ACKs with forged cookies would fill the token buckets with them.
 */
static bool many_are_refused(const struct agent *agent)
{
	return count_let_in(agent) - agent->let_in_before > agent->live.confirmed + REFUSED_MAX;
}

/* What is known of live tokens is brought up to date: once a second. */
static void follow_tokens(struct agent *agent)
{
	const uint64_t interval = agent->options->live_interval * SERVER_SECOND_NS;
	uint64_t age;

	choose_events(agent);
	agent->resynced = false;
	agent_events(agent);
	/* The timer is not exact. */
	age = clock_now() - agent->refreshed_at + SERVER_SECOND_NS / 2;
	if (agent->events.fd < 0 || !agent->listed || agent->live.unsure || age >= interval ||
	    many_are_refused(agent))
		refresh_tokens(agent);
	else
		live_tidy(&agent->live);
}

void agent_second(struct agent *agent)
{
	int error = MPTCPLB_OK;

	follow_tokens(agent);
	if (!agent->attached)
		return;
	hand_over(agent);
	if (attach_refresh(&agent->attachments, &agent->state))
		(void)program_set_state(agent->program, &agent->state);
	if (agent->keys.slots)
		error = keys_renew(&agent->keys, RENEW_BUDGET_NS);
	if (agent->keys.slots && !error)
		(void)keys_age(&agent->keys, AGE_BUDGET_NS);
}

void agent_consumed(struct agent *agent)
{
	ring_buffer__consume(agent->ring);
	keys_look(&agent->keys);
}

/* Try a farm: what was in effect is in @agent again when that fails. */
static bool change_farm(struct agent *agent, struct mptcplb_farm *farm,
			const struct mptcplb_farm_server *server)
{
	const struct mptcplb_farm_server *server_before = agent->server;
	struct mptcplb_farm *farm_before = agent->farm;
	struct server_bpf *program_before = agent->program;
	struct marks marks_before = agent->marks, marks;
	bool taken_over;
	struct server_bpf *program = load_program(agent, farm, server, &taken_over);

	if (!program)
		return false;
	if (!taken_over) {
		server_bpf__destroy(program);
		return false;
	}
	if (open_marks(agent, &marks, program, farm, server)) {
		log_error("out of memory");
		server_bpf__destroy(program);
		return false;
	}
	use(agent, farm, server, program, &marks);
	marks_refresh(&agent->marks);
	refresh_tokens(agent);
	if (agent->attached && !attach(agent)) {
		use(agent, farm_before, server_before, program_before, &marks_before);
		marks_close(&marks);
		(void)attach(agent);
		server_bpf__destroy(program);
		return false;
	}
	marks_close(&marks_before);
	server_bpf__destroy(program_before);
	mptcplb_farm_free(farm_before);
	return true;
}

bool agent_reload(struct agent *agent)
{
	const struct mptcplb_farm_server *server;
	struct mptcplb_farm *farm;

	/* Until it is attached the agent is not ready, whatever it reads. */
	if (agent->attached)
		daemon_notify("RELOADING=1");
	log_forget();
	farm = read_farm(agent, &server);
	if (farm &&
	    (!farm_change_allowed(agent->options->config, &agent->farm->keyring, &farm->keyring) ||
	     !change_farm(agent, farm, server))) {
		mptcplb_farm_free(farm);
		farm = NULL;
	}
	if (farm)
		agent->reloads++;
	else
		agent->reloads_refused++;
	if (farm)
		log_info("reloaded %s", agent->options->config);
	else
		log_error("%s is not used: all stays as it was", agent->options->config);
	if (agent->attached)
		daemon_notify("READY=1");
	return farm != NULL;
}

int agent_remove(struct agent *agent)
{
	const char *pin = agent->options->pin;
	int error;

	attach_remove(&agent->attachments);
	agent->attached = false;
	keys_wipe(&agent->keys);
	if (!pin)
		return 0;
	error = attach_remove_pinned(pin);
	if (error == -ENOENT)
		error = 0;
	if (error)
		log_warning("cannot remove the pins in %s: %s", pin, strerror(-error));
	return error;
}

void agent_close(struct agent *agent)
{
	if (!agent->options->pin)
		(void)agent_remove(agent);
	else if (agent->pin_lock >= 0)
		(void)rmdir(agent->options->pin); /* if nothing was pinned */
	attach_close(&agent->attachments);
	environment_restore_syncookies(agent->syncookies_before);
	auxiliaries_close(&agent->auxiliaries);
	marks_close(&agent->marks);
	keys_close(&agent->keys);
	events_close(&agent->events);
	live_close(&agent->live);
	ring_buffer__free(agent->ring);
	server_bpf__destroy(agent->program);
	mptcplb_farm_free(agent->farm);
	if (agent->pin_lock >= 0)
		close(agent->pin_lock);
}
