// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * What the balancer's program takes for one packet, encapsulation included: BPF_PROG_TEST_RUN,
 * once for each packet; the median, with an empty program beside it, whose time is the price of
 * the measurement. The flow table holds a million flows. Each kind of packet is measured warm,
 * with the same 16 clients again and again, and cold, with any of a million, so that what their
 * flows need of the table is in no cache.
 */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mptcplb/keyring.h>
#include <mptcplb/token.h>

#include "daemon.h"
#include "dataplane.h"

#define SERVERS 16
#define FLOWS (1U << 20)
#define RUNS 40000
#define PORT 443
#define SERVICE 0xc6336401 /* 198.51.100.1 */
#define CLIENT(i) (0x0a000000 + (i)) /* 10.0.0.0 and on */

enum kind {
	EMPTY,
	KNOWN_FLOW,
	UNKNOWN_FLOW,
	PLAIN_SYN,
	JOIN_SYN,
	KINDS,
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

static struct dataplane *open_dataplane(void)
{
	const struct dataplane_options options = { .tokens = true, .flows = FLOWS };
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
	if (kind == PLAIN_SYN || kind == JOIN_SYN) {
		memcpy(frame + length, options, sizeof(options));
		length += sizeof(options);
		ip[33] = 2;
	}
	if (kind == JOIN_SYN) {
		if (mptcplb_token_encode(&keyring, &token, &parts))
			exit(EXIT_FAILURE);
		memcpy(frame + length - 4, join, sizeof(join));
		put(frame + length, token, 4);
		length += 8;
	}
	ip[32] = (uint8_t)((length - 34) / 4 << 4);
	put(ip + 2, length - 14, 2);
	return length;
}

static uint32_t run_once(int program, enum kind kind, uint32_t client)
{
	uint8_t frame[128], output[256];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_out = output,
		    .data_size_out = sizeof(output), .repeat = 1);

	run.data_size_in = build(frame, kind, client);
	if (bpf_prog_test_run_opts(program, &run))
		fail("BPF_PROG_TEST_RUN");
	if (run.retval != (kind == EMPTY ? XDP_PASS : XDP_REDIRECT)) {
		fprintf(stderr, "%s: the verdict is %u\n", kind_names[kind], run.retval);
		exit(EXIT_FAILURE);
	}
	return run.duration;
}

/* A million joins, and the packet behind each that makes its flow stay. */
static void fill_flows(int program)
{
	for (uint32_t i = 0; i < FLOWS; i++) {
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

int main(void)
{
	static const uint8_t secret[MPTCPLB_SECRET_SIZE] = "sixteen bytes...";
	static const struct bpf_insn empty[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	struct dataplane *dataplane;
	uint32_t nothing;
	int program;

	daemon_libbpf_log();
	if (unshare(CLONE_NEWNET) < 0)
		fail("unshare");
	program = bpf_prog_load(BPF_PROG_TYPE_XDP, "empty", "GPL", empty, 2, NULL);
	if (mptcplb_keyring_init(&keyring, 1, 8) || mptcplb_keyring_add(&keyring, 0, secret) ||
	    program < 0)
		fail("cannot start");
	dataplane = open_dataplane();
	if (!dataplane)
		return EXIT_FAILURE;
	fill_flows(dataplane_program(dataplane));
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
