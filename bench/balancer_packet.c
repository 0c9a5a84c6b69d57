// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * What the balancer's program takes for one packet, encapsulation included: BPF_PROG_TEST_RUN,
 * once for each packet; the median, with an empty program beside it, whose time is the price of
 * the measurement. The flow table holds a million flows. Each kind of packet is measured warm,
 * with the same 16 clients again and again, and cold, with any of a million, so that what their
 * flows need of the table is in no cache.
 *
 * With --flood: what a million forged joins, and then a million SYNs with random tokens, do to
 * 100,000 flows that are remembered, and to joins whose second packet comes 20,000 packets behind
 * their SYN (20 ms, when a million packets come a second).
 */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mptcplb/keyring.h>
#include <mptcplb/token.h>

#include "counts.h"
#include "daemon.h"
#include "dataplane.h"

#define SERVERS 16
#define FLOWS (1U << 20)
#define RUNS 40000
#define PORT 443
/* Of the floods: flows in use, packets, and the joins among them. */
#define KEPT 100000
#define FLOOD 1000000
#define JOIN_EVERY 100
#define JOIN_WAITS 20000
#define FORGED 0x40000000 /* client addresses from here on */
#define SERVICE 0xc6336401 /* 198.51.100.1 */
#define CLIENT(i) (0x0a000000 + (i)) /* 10.0.0.0 and on */

enum kind {
	EMPTY,
	KNOWN_FLOW,
	UNKNOWN_FLOW,
	PLAIN_SYN,
	JOIN_SYN,
	KINDS,
	RANDOM_JOIN, /* with any token */
};

static const char *const kind_names[KINDS] = {
	"an empty program", "ACK of a known flow", "ACK of an unknown flow",
	"plain SYN",	    "SYN with MP_JOIN",
};

static struct mptcplb_keyring keyring;
static uint32_t ids[SERVERS];
static uint32_t indices[SERVERS];

static void fail(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static struct dataplane *open_dataplane(uint32_t flows)
{
	const struct dataplane_options options = { .tokens = true, .flows = flows };
	const struct mptcplb_farm_balancer balancer = { "lb", { 4, { 192, 0, 2, 1 } } };
	const struct dataplane_member self = { balancer.name, &balancer.address };
	struct mptcplb_farm_server servers[SERVERS] = { 0 };
	char names[SERVERS][8];
	const struct mptcplb_farm_service service = {
		{ 4, { 198, 51, 100, 1 } }, PORT, PORT, indices, SERVERS
	};
	const struct mptcplb_farm farm = {
		.keyring = keyring,
		.servers = servers,
		.server_count = SERVERS,
		.balancers = &balancer,
		.balancer_count = 1,
		.services = &service,
		.service_count = 1,
	};

	for (uint32_t i = 0; i < SERVERS; i++) {
		ids[i] = i;
		indices[i] = i;
		snprintf(names[i], sizeof(names[i]), "web-%u", i % 100);
		servers[i] = (struct mptcplb_farm_server){
			.name = names[i],
			.address = { 4, { 192, 0, 2, (uint8_t)(11 + i) } },
			.ids = &ids[i],
			.id_count = 1,
			.weight = 100,
		};
	}
	return dataplane_open(&farm, &self, &options, NULL);
}

static void put(uint8_t *bytes, uint32_t value, int size)
{
	for (int i = size - 1; i >= 0; i--, value >>= 8)
		bytes[i] = (uint8_t)value;
}

/* Returns the length of the frame. */
static uint32_t build(uint8_t frame[128], enum kind kind, uint32_t client)
{
	static const uint8_t headers[] = {
		2,    0,    0, 0,    0, 1, 2,	 0, 0,	0, 0, 2, 8,    0, /* Ethernet */
		0x45, 0,    0, 40,   0, 0, 0x40, 0, 61, 6, 0, 0, 0,    0,
		0,    0,    0, 0,    0, 0, /* IP */
		0x9c, 0x40, 1, 0xbb, 0, 0, 0,	 1, 0,	0, 0, 0, 0x50, 0x10,
		0xfa, 0xf0, 0, 0,    0, 0,
	};
	/* MSS, SACK permitted, timestamps, window scale, as Linux sends them; MP_CAPABLE */
	static const uint8_t options[] = { 2, 4, 5, 0xb4, 4, 2, 8, 10, 0,  0, 0, 1,
					   0, 0, 0, 0,	  1, 3, 3, 7,  30, 4, 1, 1 };
	static const uint8_t join[] = { 30, 12, 0x10, 1 };
	const struct mptcplb_token_parts parts = { 0, client % SERVERS, client % 100000 };
	uint32_t length = sizeof(headers), token;
	uint8_t *ip = frame + 14;

	memset(frame, 0, 128);
	memcpy(frame, headers, sizeof(headers));
	put(ip + 12, client, 4);
	put(ip + 16, SERVICE, 4);
	if (kind >= PLAIN_SYN) {
		memcpy(frame + length, options, sizeof(options));
		length += sizeof(options);
		ip[33] = 2;
	}
	if (kind > PLAIN_SYN) {
		token = (uint32_t)random() << 1 ^ (uint32_t)random();
		if (kind == JOIN_SYN && mptcplb_token_encode(&keyring, &token, &parts))
			exit(EXIT_FAILURE);
		memcpy(frame + length - 4, join, sizeof(join));
		put(frame + length, token, 4);
		length += 8;
	}
	ip[32] = (uint8_t)((length - 34) / 4 << 4);
	put(ip + 2, length - 14, 2);
	return length;
}

/* Returns the time; the packet that comes out is in output. */
static uint8_t output[256];

static uint32_t run_once(int program, enum kind kind, uint32_t client)
{
	uint8_t frame[128];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_out = output,
		    .data_size_out = sizeof(output), .repeat = 1);

	run.data_size_in = build(frame, kind, client);
	if (bpf_prog_test_run_opts(program, &run))
		fail("BPF_PROG_TEST_RUN");
	if (run.retval != (kind == EMPTY ? XDP_PASS : XDP_REDIRECT)) {
		fprintf(stderr, "packet of kind %d: the verdict is %u\n", kind, run.retval);
		exit(EXIT_FAILURE);
	}
	return run.duration;
}

/* Joins, and the packet behind each that makes its flow stay. */
static void fill_flows(int program, uint32_t flows)
{
	for (uint32_t i = 0; i < flows; i++) {
		run_once(program, JOIN_SYN, CLIENT(i));
		run_once(program, KNOWN_FLOW, CLIENT(i));
	}
}

static int compare(const void *left, const void *right)
{
	const uint32_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

static uint32_t median(int program, enum kind kind, uint32_t clients)
{
	static uint32_t times[RUNS];

	for (size_t i = 0; i < RUNS; i++) {
		uint32_t client = CLIENT((uint32_t)random() % clients);

		/* Flows that the table does not have. */
		if (kind != KNOWN_FLOW)
			client += FLOWS;
		times[i] = run_once(program, kind, client);
	}
	qsort(times, RUNS, sizeof(*times), compare);
	return times[RUNS / 2];
}

/* Whether the flow's next packet goes elsewhere than its join. */
static bool is_lost(int program, uint32_t client)
{
	run_once(program, KNOWN_FLOW, client);
	return output[33] != 11 + client % SERVERS;
}

static uint32_t count_lost(int program)
{
	uint32_t lost = 0;

	for (uint32_t i = 0; i < KEPT; i++)
		lost += is_lost(program, CLIENT(i));
	return lost;
}

static void flood(int program, enum kind kind, const char *what)
{
	uint32_t joins = 0, lost = 0;

	for (uint32_t i = 0; i < FLOOD; i++) {
		run_once(program, kind, FORGED + (uint32_t)random() % FORGED);
		if (i % JOIN_EVERY)
			continue;
		run_once(program, JOIN_SYN, CLIENT(KEPT + i));
		if (i < JOIN_WAITS)
			continue;
		lost += is_lost(program, CLIENT(KEPT + i - JOIN_WAITS));
		joins++;
	}
	printf("%s: %u of %u flows in use lost, %u of %u joins on their way lost\n", what,
	       count_lost(program), KEPT, lost, joins);
}

static int measure_floods(void)
{
	struct dataplane *dataplane = open_dataplane(DATAPLANE_FLOWS_DEFAULT);
	struct balancer_counters counters;

	if (!dataplane)
		return EXIT_FAILURE;
	fill_flows(dataplane_program(dataplane), KEPT);
	flood(dataplane_program(dataplane), JOIN_SYN, "a million forged joins");
	flood(dataplane_program(dataplane), RANDOM_JOIN, "a million SYNs with random tokens");
	if (counts_of_all(dataplane_maps(dataplane), &counters))
		return EXIT_FAILURE;
#define PRINT_COUNTER(symbol, name, meaning)    \
	if (counters.values[BALANCER_##symbol]) \
		printf("%10llu %s\n", counters.values[BALANCER_##symbol], name);
	BALANCER_COUNTERS(PRINT_COUNTER)
#undef PRINT_COUNTER
	dataplane_close(dataplane);
	return EXIT_SUCCESS;
}

static int measure_times(void)
{
	static const struct bpf_insn empty[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int program = bpf_prog_load(BPF_PROG_TYPE_XDP, "empty", "GPL", empty, 2, NULL);
	struct dataplane *dataplane = open_dataplane(FLOWS);
	uint32_t nothing;

	if (program < 0)
		fail("cannot load the empty program");
	if (!dataplane)
		return EXIT_FAILURE;
	fill_flows(dataplane_program(dataplane), FLOWS);
	nothing = median(program, EMPTY, 16);
	printf("%s: %u ns; net of that:\n%-24s %9s %9s\n", kind_names[EMPTY], nothing, "", "warm",
	       "cold");
	for (enum kind kind = KNOWN_FLOW; kind < KINDS; kind++) {
		uint32_t warm = median(dataplane_program(dataplane), kind, 16);
		uint32_t cold = median(dataplane_program(dataplane), kind, FLOWS);

		printf("%-24s %6d ns %6d ns\n", kind_names[kind], (int)(warm - nothing),
		       (int)(cold - nothing));
	}
	dataplane_close(dataplane);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static const uint8_t secret[MPTCPLB_SECRET_SIZE] = "sixteen bytes...";

	daemon_libbpf_log();
	if (unshare(CLONE_NEWNET) < 0)
		fail("unshare");
	if (mptcplb_keyring_init(&keyring, 1, 8) || mptcplb_keyring_add(&keyring, 0, secret))
		return EXIT_FAILURE;
	return argc > 1 && !strcmp(argv[1], "--flood") ? measure_floods() : measure_times();
}
