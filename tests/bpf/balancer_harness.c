// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "balancer_harness.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mptcplb/keyring.h>
#include <mptcplb/token.h>

#include "counts.h"
#include "daemon.h"
#include "explain.h"
#include "flows.h"
#include "indices.h"
#include "maglev.h"

static const uint8_t secret[MPTCPLB_SECRET_SIZE] = "sixteen bytes...";

static const uint32_t ids[SERVER_COUNT][2] = {
	{ ID_OF(UP_1) }, { ID_OF(UP_2), ID_LARGEST }, { ID_OF(UP_3) }, { ID_OF(DRAINING) },
	{ ID_OF(DOWN) }, { ID_OF(ELSEWHERE) },
};

#define SERVER(index, name_, state_, id_count_)                                                \
	{                                                                                      \
		.name = name_, .address = { 4, { 192, 0, 2, 11 + index } }, .ids = ids[index], \
		.id_count = id_count_, .state = state_, .weight = 100                          \
	}
static const struct mptcplb_farm_server servers[SERVER_COUNT] = {
	SERVER(UP_1, "up-1", MPTCPLB_FARM_UP, 1),
	SERVER(UP_2, "up-2", MPTCPLB_FARM_UP, 2),
	SERVER(UP_3, "up-3", MPTCPLB_FARM_UP, 1),
	SERVER(DRAINING, "draining", MPTCPLB_FARM_DRAINING, 1),
	SERVER(DOWN, "down", MPTCPLB_FARM_DOWN, 1),
	SERVER(ELSEWHERE, "elsewhere", MPTCPLB_FARM_UP, 1),
};

static const struct mptcplb_farm_balancer balancer = { "lb", { 4, { 192, 0, 182, 1 } } };

static const uint32_t main_servers[] = { UP_1, UP_2, UP_3, DRAINING, DOWN };
static const uint32_t other_servers[] = { ELSEWHERE };
static const uint32_t fading_servers[] = { DRAINING, DOWN };
static const struct mptcplb_farm_service services[] = {
	{ { 4, { 198, 51, 100, 1 } }, SERVICE_PORT, SERVICE_PORT, main_servers, 5 },
	{ { 4, { 198, 51, 100, 1 } }, OTHER_PORT, OTHER_PORT_LAST, other_servers, 1 },
	{ { 4, { 198, 51, 100, 1 } }, FADING_PORT, FADING_PORT, fading_servers, 2 },
};

static struct mptcplb_keyring keyring;
/* Where new flows go, and where flows go that nobody remembers: to the draining server too. */
static uint16_t slots[BALANCER_MAGLEV_SIZE], homes[BALANCER_MAGLEV_SIZE];
static struct dataplane *dataplane;
static unsigned int ingress;
static struct frame output;

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (!file || fputs(text, file) < 0 || fclose(file) != 0) {
		perror(path);
		exit(EXIT_FAILURE);
	}
}

void harness_enter_namespace(void)
{
	if (unshare(CLONE_NEWNET) < 0) {
		perror("unshare");
		exit(EXIT_FAILURE);
	}
	write_file("/proc/sys/net/ipv4/ip_forward", "0");
}

static void fill_slots(void)
{
	const struct maglev_backend backends[] = { { "up-3", 100, UP_3 },
						   { "up-1", 100, UP_1 },
						   { "up-2", 100, UP_2 },
						   { "draining", 100, DRAINING } };

	ck_assert_int_eq(maglev_fill(slots, backends, 3), 0);
	ck_assert_int_eq(maglev_fill(homes, backends, 4), 0);
}

static struct mptcplb_farm make_farm(void)
{
	return (struct mptcplb_farm){
		.keyring = keyring,
		.servers = servers,
		.server_count = SERVER_COUNT,
		.balancers = &balancer,
		.balancer_count = 1,
		.services = services,
		.service_count = 3,
	};
}

static void start(const struct dataplane_options *options)
{
	const struct dataplane_member self = { balancer.name, &balancer.address };
	struct mptcplb_farm farm;

	ck_assert_int_eq(mptcplb_keyring_init(&keyring, 1, 10), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_add(&keyring, EPOCH, secret), MPTCPLB_OK);
	farm = make_farm();
	fill_slots();
	ingress = 0;
	dataplane = dataplane_open(&farm, &self, options, NULL);
	ck_assert_ptr_nonnull(dataplane);
}

static void start_with_defaults(void)
{
	const struct dataplane_options defaults = { .tokens = true, .flows = 4096 };

	start(&defaults);
}

static void stop(void)
{
	dataplane_close(dataplane);
	dataplane = NULL;
}

void harness_restart(const struct dataplane_options *options)
{
	stop();
	start(options);
}

int harness_run(const char *name, void (*add_tests)(TCase *tcase))
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner = srunner_create(suite);
	int failed;

	daemon_libbpf_log();
	harness_enter_namespace();
	tcase_set_timeout(tcase, 0);
	tcase_add_checked_fixture(tcase, start_with_defaults, stop);
	add_tests(tcase);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

void harness_set_interface(unsigned int ifindex)
{
	ingress = ifindex;
}

const struct frame *harness_output(void)
{
	return &output;
}

const struct mptcplb_keyring *harness_keyring(void)
{
	return &keyring;
}

void harness_set_down(enum server server, bool down)
{
	const uint32_t index = server;
	const int map = dataplane_maps(dataplane)->fds[DATAPLANE_SERVERS];
	struct balancer_server value;

	ck_assert_int_eq(bpf_map_lookup_elem(map, &index, &value), 0);
	value.usable = !down;
	ck_assert_int_eq(bpf_map_update_elem(map, &index, &value, BPF_EXIST), 0);
}

uint32_t token_of(uint32_t epoch, uint32_t server_id)
{
	const struct mptcplb_token_parts parts = { EPOCH, server_id, 4711 };
	uint32_t token;

	ck_assert_int_eq(mptcplb_token_encode(&keyring, &token, &parts), MPTCPLB_OK);
	return epoch == EPOCH ? token : token & 0x7fffffff;
}

static struct balancer_flow flow_of(const struct segment *segment)
{
	return (struct balancer_flow){
		.client = { { 0, 0, 0xffff, segment->client } },
		.service = { { 0, 0, 0xffff, segment->service } },
		.client_port = segment->client_port,
		.service_port = segment->service_port,
		.service_index = segment->service_port == SERVICE_PORT	? 0
				 : segment->service_port == FADING_PORT ? 2
									: 1,
	};
}

bool harness_is_new(const struct segment *segment)
{
	const struct balancer_flow flow = flow_of(segment);
	const uint64_t word = flows_find(dataplane_maps(dataplane), &flow);

	return word && !(word & BALANCER_WORD_KEPT);
}

void harness_let_flows_age(uint32_t seconds)
{
	const struct dataplane_maps *maps = dataplane_maps(dataplane);
	const uint64_t units = seconds * 1000000000ULL >> BALANCER_SEEN_SHIFT;
	struct balancer_bucket bucket;

	for (uint32_t i = 0; i < dataplane_buckets(maps); i++) {
		ck_assert_int_eq(bpf_map_lookup_elem(maps->fds[DATAPLANE_FLOWS], &i, &bucket), 0);
		for (int way = 0; way < BALANCER_WAYS; way++)
			bucket.places[way].seen -= (uint32_t)units;
		ck_assert_int_eq(
			bpf_map_update_elem(maps->fds[DATAPLANE_FLOWS], &i, &bucket, BPF_ANY), 0);
	}
}

/* Over all services, which have the indices 0 to 2, and what belongs to none. */
static void read_counters(struct balancer_counters *counters)
{
	static const uint32_t indices[] = { 0, 1, 2, BALANCER_NO_SERVER };
	struct balancer_counters one;

	memset(counters, 0, sizeof(*counters));
	for (size_t i = 0; i < 4; i++) {
		ck_assert_int_eq(counts_of_service(dataplane_maps(dataplane), indices[i], &one), 0);
		for (size_t j = 0; j < BALANCER_COUNTER_COUNT; j++)
			counters->values[j] += one.values[j];
	}
}

enum server home_of(const struct segment *segment)
{
	const struct balancer_flow flow = flow_of(segment);

	ck_assert_uint_eq(segment->service_port, SERVICE_PORT);
	return segment->flags & TCP_SYN && !(segment->flags & (TCP_ACK | TCP_RST))
		       ? slots[balancer_slot(&flow)]
		       : homes[balancer_slot(&flow)];
}

struct segment segment_of(uint8_t flags)
{
	return (struct segment){
		.client = CLIENT_ADDRESS,
		.service = SERVICE_ADDRESS,
		.client_port = 40001,
		.service_port = SERVICE_PORT,
		.flags = flags,
	};
}

struct segment join_of(uint32_t server_id)
{
	struct segment segment = segment_of(TCP_SYN);

	options_add_join(&segment.options, token_of(EPOCH, server_id));
	return segment;
}

enum server server_away_from_home(const struct segment *segment)
{
	return home_of(segment) == UP_1 ? UP_2 : UP_1;
}

/* Returns the XDP verdict; what came out is in output. */
static uint32_t run_frame(const struct frame *frame)
{
	struct xdp_md context = {
		.data_end = (uint32_t)frame->length,
		.ingress_ifindex = ingress,
	};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame->bytes,
		    .data_size_in = (uint32_t)frame->length, .data_out = output.bytes,
		    .data_size_out = sizeof(output.bytes), .repeat = 1);

	if (ingress) {
		run.ctx_in = &context;
		run.ctx_size_in = sizeof(context);
	}
	memset(&output, 0, sizeof(output));
	ck_assert_int_eq(bpf_prog_test_run_opts(dataplane_program(dataplane), &run), 0);
	output.length = run.data_size_out;
	return run.retval;
}

/* An outer header as it must be, and behind it the packet as it came, to the last byte. */
static void check_encapsulation(const char *sentence, const struct frame *frame, uint32_t server)
{
	const uint8_t *inner = frame->bytes + FRAME_IP;
	uint8_t outer[20] = { 0x45, inner[1], 0, 0, 0, 0, 0x40, 0, 64, 4 };

	put16(outer + 2, (uint16_t)(get16(inner + 2) + sizeof(outer)));
	put32(outer + 12, BALANCER_ADDRESS);
	put32(outer + 16, server);
	put16(outer + 10, ip_checksum(outer, sizeof(outer)));

	ck_assert_msg(output.length == frame->length + sizeof(outer),
		      "%s: %zu bytes came out of %zu", sentence, output.length, frame->length);
	ck_assert_msg(get16(output.bytes + 12) == 0x0800, "%s: the Ethertype is wrong", sentence);
	ck_assert_msg(!memcmp(output.bytes + FRAME_IP, outer, sizeof(outer)),
		      "%s: the outer header is wrong (towards %08x instead of %08x)", sentence,
		      get32(output.bytes + FRAME_IP + 16), server);
	ck_assert_msg(
		!memcmp(output.bytes + FRAME_IP + sizeof(outer), inner, frame->length - FRAME_IP),
		"%s: the packet inside has changed", sentence);
}

/* Whether anything is remembered of a frame's flow. */
static bool is_remembered(const struct frame *frame)
{
	const uint8_t *ip = frame->bytes + FRAME_IP;
	const uint8_t *ports = ip + (ip[0] & 15) * 4;
	const struct segment segment = {
		.client = get32(ip + 12),
		.service = get32(ip + 16),
		.client_port = get16(ports),
		.service_port = get16(ports + 2),
	};
	const struct balancer_flow flow = flow_of(&segment);

	return flows_find(dataplane_maps(dataplane), &flow) != 0;
}

static void check_counters(const char *sentence, const __u64 *before, const __u64 *after,
			   const struct frame *frame, bool remembered,
			   const struct expected *expected)
{
	static const char *const names[] = {
#define COUNTER_NAME(symbol, name, meaning) name,
		BALANCER_COUNTERS(COUNTER_NAME)
#undef COUNTER_NAME
	};
	uint64_t rise[BALANCER_COUNTER_COUNT] = { 0 };

	for (size_t i = 0; i < 4 && expected->counters[i] != BALANCER_PASSED; i++)
		rise[expected->counters[i]] = 1;
	if (expected->counters[0] == BALANCER_PASSED)
		rise[BALANCER_PASSED] = 1;
	/* lo does not forward, so it is always the sender that gets it back */
	if (expected->verdict == SEND && ingress == 0)
		rise[BALANCER_NEXT_HOP_SENDER] = 1;
	rise[BALANCER_FLOWS_NEW] = is_remembered(frame) && !remembered;
	if (rise[BALANCER_ROUTED_TOKEN] || rise[BALANCER_ROUTED_FLOW] || rise[BALANCER_ROUTED_HASH])
		rise[BALANCER_BYTES] = get16(frame->bytes + FRAME_IP + 2);
	for (size_t i = 0; i < BALANCER_COUNTER_COUNT; i++)
		ck_assert_msg(after[i] == before[i] + rise[i], "%s: %s went from %llu to %llu",
			      sentence, names[i], (unsigned long long)before[i],
			      (unsigned long long)after[i]);
}

void expect_frame(const char *sentence, const struct frame *frame, const struct expected *expected)
{
	static const uint32_t verdicts[] = {
		[PASS] = XDP_PASS, [DROP] = XDP_DROP, [SEND] = XDP_REDIRECT
	};
	const bool remembered = is_remembered(frame);
	struct balancer_counters before, after;
	uint32_t verdict;

	read_counters(&before);
	verdict = run_frame(frame);
	read_counters(&after);

	ck_assert_msg(verdict == verdicts[expected->verdict], "%s: the verdict is %u instead of %u",
		      sentence, verdict, verdicts[expected->verdict]);
	check_counters(sentence, before.values, after.values, frame, remembered, expected);
	if (expected->verdict == SEND)
		check_encapsulation(sentence, frame, SERVER_ADDRESS(expected->server));
	else
		ck_assert_msg(output.length == frame->length &&
				      !memcmp(output.bytes, frame->bytes, frame->length),
			      "%s: the packet has changed", sentence);
}

void expect(const char *sentence, const struct segment *segment, const struct expected *expected)
{
	struct expected concrete = *expected;
	struct frame frame;

	if (concrete.verdict == SEND && concrete.server == HASHED)
		concrete.server = home_of(segment);
	frame_build(&frame, segment);
	expect_frame(sentence, &frame, &concrete);
}

enum server run_segment(const struct segment *segment)
{
	struct frame frame;

	frame_build(&frame, segment);
	if (run_frame(&frame) != XDP_REDIRECT)
		return SERVER_COUNT;
	return get32(output.bytes + FRAME_IP + 16) - SERVER_ADDRESS(0);
}

/* An address of IPv4 as text, in one of two places. */
static const char *address_text(uint32_t address, char text[16])
{
	snprintf(text, 16, "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255,
		 address & 255);
	return text;
}

enum server harness_explain(const struct segment *segment, uint32_t token, bool by_farm)
{
	const struct mptcplb_farm farm = make_farm();
	const char *kind = segment->options.length    ? "join"
			   : segment->flags & TCP_SYN ? "syn"
						      : "other";
	char question[128], client[16], service[16];
	enum server found = SERVER_COUNT;
	const char *name;
	json_t *answer;

	snprintf(question, sizeof(question), "%s %s %u %s %u %x", kind,
		 address_text(segment->client, client), segment->client_port,
		 address_text(segment->service, service), segment->service_port, token);
	if (!segment->options.length)
		*strrchr(question, ' ') = '\0';
	answer = by_farm ? explain_farm(&farm, question) : explain_dataplane(dataplane, question);
	ck_assert_ptr_nonnull(answer);
	name = json_string_value(json_object_get(answer, "server"));
	for (size_t i = 0; name && i < SERVER_COUNT; i++) {
		if (!strcmp(servers[i].name, name))
			found = (enum server)i;
	}
	json_decref(answer);
	return found;
}
