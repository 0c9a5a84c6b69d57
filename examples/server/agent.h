/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The agent: a farm in effect on this machine, from the keys to the programs on the interfaces. */
#ifndef MPTCPLB_SERVER_AGENT_H
#define MPTCPLB_SERVER_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mptcplb/farm.h>

#include "attach.h"
#include "auxiliary.h"
#include "events.h"
#include "keys.h"
#include "live.h"
#include "marks.h"

struct ring_buffer;
struct server_bpf;

struct agent_options {
	const char *config;
	const char *server;
	const char *interfaces[SERVER_INTERFACES_MAX];
	size_t interface_count;
	enum attach_way attach;
	const char *pin; /* directory in a BPF file system, or NULL */
	uint32_t slots;
	uint32_t joins_per_token; /* MP_JOIN SYNs a second, at most; 0: no limit */
	uint32_t joins_in_total;
	uint32_t live_interval; /* seconds between lists of connections */
	bool cookies_for_all; /* the simple way, without the auxiliary listener */
	bool set_syncookies;
	bool decapsulate_only;
};

struct agent {
	const struct agent_options *options;
	struct mptcplb_farm *farm; /* in effect */
	const struct mptcplb_farm_server *server;
	struct server_bpf *program;
	struct server_state state;
	struct ring_buffer *ring;
	struct keys keys;
	struct live live;
	struct events events; /* while they are followed */
	uint64_t events_asked_at; /* for the last time, CLOCK_MONOTONIC, ns */
	int events_error; /* what came of it */
	struct marks marks;
	struct auxiliaries auxiliaries;
	struct attachments attachments;
	uint32_t bucket_count;
	int pin_lock; /* keeps other agents away from the pins */
	int syncookies_before;
	uint64_t refreshed_at; /* the kernel's list was read last */
	uint64_t refreshes;
	uint64_t let_in_before; /* handshakes, when that list was asked for */
	bool listed; /* and that worked */
	bool resynced; /* since events were lost, in this second */
	int list_error; /* the last that happened in following connections, so that it is told once */
	bool full_told; /* that there are more connections than room for their tokens */
	int key_error; /* of the last search for a key */
	bool attached;
	bool taken_over; /* keys and counts of an agent before */
	uint64_t reloads;
	uint64_t reloads_refused;
};

/* Load all that is needed, but attach nothing yet. Returns false after an error message. */
bool agent_open(struct agent *agent, const struct agent_options *options);

/*
 * Fill some empty slots, and attach the programs once that is done, or at once where an earlier
 * agent's keys are there. *pause: nothing is left to do, or it failed. Returns false after an
 * error message, when the agent is of no use.
 */
bool agent_work(struct agent *agent, bool *pause);

/* What is to be done once a second. */
void agent_second(struct agent *agent);

/* Handshakes have used many keys. */
void agent_consumed(struct agent *agent);

/* Connections have come and gone. */
void agent_events(struct agent *agent);

/* Read the farm file again. When that fails all stays as it was: log_reason() says why. */
bool agent_reload(struct agent *agent);

/*
 * Remove the programs, maps and pins: whatever would be left on the machine. Returns 0 or -errno,
 * after a warning.
 */
int agent_remove(struct agent *agent);

/* Let go of everything. What is pinned stays, without pins nothing does. */
void agent_close(struct agent *agent);

#endif
