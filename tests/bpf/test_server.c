// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Packets through the server agent's BPF programs: each test says what must come out. */
#include <arpa/inet.h>
#include <check.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <mptcplb/core.h>

#include "frame.h"
#include "server_kern_user.h"
#include "server_test.skel.h"

#define CLIENT 0xcb007102 /* 203.0.113.2 */
#define SERVICE 0xc6336401 /* 198.51.100.1 */
#define LOOPBACK 0x7f000001
#define SERVER 0xc000020b /* 192.0.2.11 */
#define BALANCER 0xc0000201 /* 192.0.2.1 */
#define STRANGER 0xc0000299
#define CLIENT_PORT 40001
#define PORT 4430
#define ISN 0x01020303 /* frame_build() numbers segments from 0x01020304 */
#define TOKEN 0x12345678
#define SLOTS 4096
#define HOUR_NS 3600000000000ULL
#define UNSPEC ((uint32_t)TC_ACT_UNSPEC)

static const uint8_t client_key[8] = "client!";
static const uint8_t kernel_key[8] = "kernel!";
static const uint8_t strange_key[8] = "strange";
static const uint8_t timestamps[] = { 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8 };

static struct server_test_bpf *skel;

static struct server_address ipv4(uint32_t address)
{
	return (struct server_address){ { 0, 0, htonl(0xffff), htonl(address) } };
}

static void add_service(uint32_t address, uint16_t port)
{
	struct server_service service = { .address = ipv4(address), .port = htons(port) };
	struct server_mark unmarked = { 0 };

	ck_assert_int_eq(
		bpf_map_update_elem(bpf_map__fd(skel->maps.services), &service, &unmarked, 0), 0);
}

static struct server_slot slot_read(uint32_t index)
{
	struct server_slot slot;

	ck_assert_int_eq(bpf_map_lookup_elem(bpf_map__fd(skel->maps.slots), &index, &slot), 0);
	return slot;
}

/* The key of a slot: its number, so that it can be told from all others. */
static void slot_fill(uint32_t index)
{
	struct server_slot slot = { .key = 0xabcd000000000000ULL | index, .token = TOKEN + index };

	ck_assert_int_eq(bpf_map_update_elem(bpf_map__fd(skel->maps.slots), &index, &slot, 0), 0);
}

static uint64_t counter(uint32_t index)
{
	uint64_t values[256] = { 0 }, sum = 0;
	size_t i;

	ck_assert_int_le(libbpf_num_possible_cpus(), 256);
	ck_assert_int_eq(bpf_map_lookup_elem(bpf_map__fd(skel->maps.counters), &index, values), 0);
	for (i = 0; i < 256; i++)
		sum += values[i];
	return sum;
}

/* So many joins and then no more for an hour; 0: no limit. */
static struct server_join_limit join_limit(unsigned int joins)
{
	if (!joins)
		return (struct server_join_limit){ 0 };
	return (struct server_join_limit){ HOUR_NS, (joins - 1) * HOUR_NS };
}

static void start_with_limits(uint32_t slots, unsigned int per_token, unsigned int in_total)
{
	const struct server_join_limit token_limit = join_limit(per_token);
	const struct server_join_limit total_limit = join_limit(in_total);
	const struct server_address member = ipv4(BALANCER), own = ipv4(SERVER);
	uint8_t one = 1;

	skel = server_test_bpf__open();
	ck_assert_ptr_nonnull(skel);
	memcpy((void *)&skel->rodata->own_address, &own, sizeof(own));
	memcpy((void *)&skel->rodata->join_limit_token, &token_limit, sizeof(token_limit));
	memcpy((void *)&skel->rodata->join_limit_total, &total_limit, sizeof(total_limit));
	skel->rodata->slot_count = slots;
	skel->rodata->bucket_mask = 0xff;
	skel->rodata->flow_secret.k0 = 0x0706050403020100;
	skel->rodata->flow_secret.k1 = 0x0f0e0d0c0b0a0908;
	bpf_map__set_max_entries(skel->maps.slots, slots);
	bpf_map__set_max_entries(skel->maps.services, 8);
	ck_assert_int_eq(server_test_bpf__load(skel), 0);
	add_service(SERVICE, PORT);
	add_service(SERVICE, 0);
	ck_assert_int_eq(bpf_map_update_elem(bpf_map__fd(skel->maps.members), &member, &one, 0), 0);
}

static void start(uint32_t slots)
{
	start_with_limits(slots, 3, 0);
}

static void setup_join_total(void)
{
	start_with_limits(1, 0, 5);
}

static void setup_one_slot(void)
{
	start(1);
	slot_fill(0);
}

static void setup_many_slots(void)
{
	uint32_t i;

	start(SLOTS);
	for (i = 0; i < SLOTS; i++)
		slot_fill(i);
}

static void teardown(void)
{
	server_test_bpf__destroy(skel);
}

/* One program over one frame: what it returns, and what became of the frame. */
static uint32_t run(const struct bpf_program *program, struct frame *frame)
{
	struct frame out = { .length = 0 };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame->bytes,
		    .data_size_in = (uint32_t)frame->length, .data_out = out.bytes,
		    .data_size_out = sizeof(out.bytes));

	ck_assert_int_eq(bpf_prog_test_run_opts(bpf_program__fd(program), &options), 0);
	out.length = options.data_size_out;
	*frame = out;
	return options.retval;
}

static uint32_t ingress(struct frame *frame)
{
	return run(skel->progs.server_ingress, frame);
}

static uint32_t egress(struct frame *frame)
{
	return run(skel->progs.server_egress_cookie, frame);
}

static uint8_t *tcp_of(struct frame *frame)
{
	return frame->bytes + FRAME_IP + (frame->bytes[FRAME_IP] & 15) * 4;
}

/* 0 when the TCP checksum is right, or what belongs into it when it is 0. */
static uint16_t tcp_checksum(struct frame *frame)
{
	uint8_t pseudo[12 + FRAME_SIZE_MAX] = { 0 };
	const uint8_t *ip = frame->bytes + FRAME_IP;
	size_t length = get16(ip + 2) - (ip[0] & 15U) * 4;

	memcpy(pseudo, ip + 12, 8);
	pseudo[9] = ip[9];
	put16(pseudo + 10, (uint16_t)length);
	memcpy(pseudo + 12, tcp_of(frame), length);
	return ip_checksum(pseudo, 12 + length + length % 2);
}

static void finish(struct frame *frame, uint32_t acknowledged)
{
	put32(tcp_of(frame) + 8, acknowledged);
	put16(tcp_of(frame) + 16, tcp_checksum(frame));
}

static void add_mp_capable(struct options *options, uint8_t length, const void *key)
{
	uint8_t option[40] = { 30, length, 1, 1 };
	size_t keys = length >= 20 ? 12 : 4;

	memcpy(option + 4, client_key, 8);
	memcpy(option + keys, key, 8);
	options_add(options, option, length);
}

/* The SYN/ACK to a client's port. */
static struct frame synack(const struct options *options, uint16_t client_port)
{
	const struct segment segment = { .client = SERVICE,
					 .service = CLIENT,
					 .client_port = PORT,
					 .service_port = client_port,
					 .flags = TCP_SYN | TCP_ACK,
					 .options = *options };
	struct frame frame;

	frame_build(&frame, &segment);
	finish(&frame, ISN + 1);
	return frame;
}

static struct frame capable_synack(uint16_t client_port)
{
	struct options options = { .length = 0 };

	options_add(&options, timestamps, sizeof(timestamps));
	add_mp_capable(&options, 12, kernel_key);
	return synack(&options, client_port);
}

/* A segment of the client; the payload goes with the forms of MP_CAPABLE that carry data. */
static struct frame segment_with(const struct options *options, uint16_t client_port)
{
	const struct segment segment = { .client = CLIENT,
					 .service = SERVICE,
					 .client_port = client_port,
					 .service_port = PORT,
					 .flags = TCP_ACK,
					 .options = *options,
					 .payload = 6 };
	struct frame frame;

	frame_build(&frame, &segment);
	finish(&frame, 0x99);
	return frame;
}

static struct frame third_ack(uint8_t length, const void *key, uint16_t client_port)
{
	struct options options = { .length = 0 };

	options_add(&options, timestamps, sizeof(timestamps));
	add_mp_capable(&options, length, key);
	return segment_with(&options, client_port);
}

/* Show a slot's key to a client: what the client reads in the SYN/ACK. */
static void offered_key(uint16_t client_port, uint8_t key[8])
{
	struct frame frame = capable_synack(client_port);

	ck_assert_uint_eq(egress(&frame), UNSPEC);
	memcpy(key, tcp_of(&frame) + 20 + sizeof(timestamps) + 4, 8);
}

static void assert_same(const struct frame *frame, const struct frame *expected)
{
	ck_assert_uint_eq(frame->length, expected->length);
	ck_assert_mem_eq(frame->bytes, expected->bytes, expected->length);
}

static void assert_egress_untouched(struct frame frame)
{
	const struct frame before = frame;

	ck_assert_uint_eq(egress(&frame), UNSPEC);
	assert_same(&frame, &before);
}

static void assert_passed(struct frame frame)
{
	const struct frame before = frame;

	ck_assert_uint_eq(ingress(&frame), UNSPEC);
	assert_same(&frame, &before);
}

/* Nothing but @length bytes of options at @offset has changed: they are NOPs now. */
static void assert_blanked(struct frame frame, size_t offset, size_t length)
{
	struct frame expected = frame;

	memset(tcp_of(&expected) + 20 + offset, 1, length);
	put16(tcp_of(&expected) + 16, 0);
	put16(tcp_of(&expected) + 16, tcp_checksum(&expected));
	ck_assert_uint_eq(ingress(&frame), UNSPEC);
	assert_same(&frame, &expected);
}

/* The same, for what third_ack() makes. */
static void assert_ack_blanked(struct frame frame)
{
	assert_blanked(frame, sizeof(timestamps), tcp_of(&frame)[20 + sizeof(timestamps) + 1]);
}

START_TEST(synack_gets_the_key_of_a_slot)
{
	struct frame frame = capable_synack(CLIENT_PORT), expected = frame;
	const struct server_slot slot = slot_read(0);

	memcpy(tcp_of(&expected) + 20 + sizeof(timestamps) + 4, &slot.key, 8);
	put16(tcp_of(&expected) + 16, 0);
	put16(tcp_of(&expected) + 16, tcp_checksum(&expected));
	ck_assert_uint_eq(egress(&frame), UNSPEC);
	assert_same(&frame, &expected);
	ck_assert_uint_eq(tcp_checksum(&frame), 0);
	ck_assert_uint_eq(counter(SERVER_SYNACK_REWRITTEN), 1);
}
END_TEST

START_TEST(synack_with_a_socket_is_left)
{
	struct frame frame = capable_synack(CLIENT_PORT);
	const struct frame before = frame;

	ck_assert_uint_eq(run(skel->progs.server_egress, &frame), UNSPEC);
	assert_same(&frame, &before);
	ck_assert_uint_eq(counter(SERVER_SYNACK_SOCKET), 1);
}
END_TEST

START_TEST(synack_of_another_kind_is_left)
{
	struct options none = { .length = 0 }, twice = none, version = none, join = none;
	struct options broken = none;
	struct frame frame;

	assert_egress_untouched(synack(&none, CLIENT_PORT));
	add_mp_capable(&twice, 12, kernel_key);
	add_mp_capable(&twice, 12, kernel_key);
	assert_egress_untouched(synack(&twice, CLIENT_PORT));
	add_mp_capable(&version, 12, kernel_key);
	version.bytes[2] = 14;
	assert_egress_untouched(synack(&version, CLIENT_PORT));
	options_add_join(&join, TOKEN);
	assert_egress_untouched(synack(&join, CLIENT_PORT));
	add_mp_capable(&broken, 12, kernel_key);
	options_add(&broken, (const uint8_t[]){ 5, 1, 1, 1 }, 4);
	assert_egress_untouched(synack(&broken, CLIENT_PORT));

	frame = capable_synack(CLIENT_PORT);
	put16(tcp_of(&frame), PORT + 1);
	assert_egress_untouched(frame);
	frame = capable_synack(CLIENT_PORT);
	tcp_of(&frame)[13] = TCP_ACK;
	assert_egress_untouched(frame);
	ck_assert_uint_eq(slot_read(0).shown_to, 0);
}
END_TEST

START_TEST(synack_of_an_empty_slot_keeps_its_key_and_the_echo_passes)
{
	uint8_t key[8];
	uint32_t zero = 0;
	const struct server_slot empty = { 0 };

	bpf_map_update_elem(bpf_map__fd(skel->maps.slots), &zero, &empty, 0);
	assert_egress_untouched(capable_synack(CLIENT_PORT));
	ck_assert_uint_eq(counter(SERVER_SYNACK_EMPTY), 1);
	offered_key(CLIENT_PORT, key);
	ck_assert_mem_eq(key, kernel_key, 8);
	assert_passed(third_ack(20, kernel_key, CLIENT_PORT));
	ck_assert_uint_eq(counter(SERVER_ACK_VERIFIED), 1);
}
END_TEST

START_TEST(retransmitted_syn_sees_the_same_key)
{
	uint8_t first[8], again[8];

	offered_key(CLIENT_PORT, first);
	offered_key(CLIENT_PORT, again);
	ck_assert_mem_eq(first, again, 8);
	ck_assert_uint_eq(counter(SERVER_SYNACK_SHOWN_AGAIN), 0);
}
END_TEST

START_TEST(other_flows_see_other_keys_while_there_are_some)
{
	bool seen[SLOTS] = { false };
	unsigned int twice = 0;
	uint16_t flow;

	for (flow = 0; flow < 300; flow++) {
		uint64_t key;

		offered_key(flow + 1, (uint8_t *)&key);
		twice += seen[key % SLOTS];
		seen[key % SLOTS] = true;
	}
	/* With one candidate a flow it would be 11 in the mean, with two it is 0.5. */
	ck_assert_uint_lt(twice, 4);
	ck_assert_uint_eq(counter(SERVER_SYNACK_SHOWN_AGAIN), twice);
}
END_TEST

START_TEST(third_ack_with_the_offered_key_passes)
{
	const uint8_t length = (uint8_t[]){ 20, 22, 24 }[_i];
	uint8_t key[8];

	offered_key(CLIENT_PORT, key);
	assert_passed(third_ack(length, key, CLIENT_PORT));
	ck_assert_uint_eq(counter(SERVER_ACK_VERIFIED), 1);
	ck_assert_uint_eq(counter(SERVER_CONSUMED), 1);
	ck_assert_uint_eq(slot_read(0).key, 0);
	assert_passed(third_ack(length, key, CLIENT_PORT));
	ck_assert_uint_eq(counter(SERVER_ACK_AGAIN), 1);
}
END_TEST

START_TEST(key_that_is_offered_to_nobody_is_blanked)
{
	const uint8_t length = (uint8_t[]){ 20, 22, 24 }[_i];

	assert_ack_blanked(third_ack(length, strange_key, CLIENT_PORT));
	ck_assert_uint_eq(counter(SERVER_ACK_UNKNOWN_KEY), 1);
	ck_assert_uint_ne(slot_read(0).key, 0);
}
END_TEST

START_TEST(zero_key_is_blanked_when_a_slot_is_empty)
{
	const uint8_t zero_key[8] = { 0 };
	uint32_t zero = 0;
	const struct server_slot empty = { 0 };

	bpf_map_update_elem(bpf_map__fd(skel->maps.slots), &zero, &empty, 0);
	assert_ack_blanked(third_ack(20, zero_key, CLIENT_PORT));
}
END_TEST

START_TEST(key_of_another_flow_is_blanked)
{
	uint8_t key[8];
	struct frame frame;

	offered_key(CLIENT_PORT, key);
	assert_ack_blanked(third_ack(20, key, CLIENT_PORT + 1));
	frame = third_ack(20, key, CLIENT_PORT);
	put32(tcp_of(&frame) + 4, ISN + 2);
	finish(&frame, 0x99);
	put16(tcp_of(&frame) + 16, 0);
	put16(tcp_of(&frame) + 16, tcp_checksum(&frame));
	assert_ack_blanked(frame);
	ck_assert_uint_eq(counter(SERVER_ACK_UNKNOWN_KEY), 2);
	assert_passed(third_ack(20, key, CLIENT_PORT));
}
END_TEST

START_TEST(key_that_was_taken_is_blanked)
{
	uint8_t first[8], second[8];

	offered_key(CLIENT_PORT, first);
	offered_key(CLIENT_PORT + 1, second);
	ck_assert_mem_eq(first, second, 8);
	ck_assert_uint_eq(counter(SERVER_SYNACK_SHOWN_AGAIN), 1);
	assert_passed(third_ack(20, second, CLIENT_PORT + 1));
	assert_ack_blanked(third_ack(20, first, CLIENT_PORT));
	ck_assert_uint_eq(counter(SERVER_ACK_DUPLICATE), 1);
	ck_assert_uint_eq(counter(SERVER_CONSUMED), 1);
}
END_TEST

START_TEST(token_of_a_full_bucket_is_blanked)
{
	uint32_t bucket = TOKEN & 0xff;
	uint64_t tokens = _i ? 4 : 3;
	uint8_t key[8];

	bpf_map_update_elem(bpf_map__fd(skel->maps.buckets), &bucket, &tokens, 0);
	offered_key(CLIENT_PORT, key);
	if (_i)
		assert_ack_blanked(third_ack(20, key, CLIENT_PORT));
	else
		assert_passed(third_ack(20, key, CLIENT_PORT));
	bpf_map_lookup_elem(bpf_map__fd(skel->maps.buckets), &bucket, &tokens);
	ck_assert_uint_eq(tokens, 4);
	ck_assert_uint_eq(counter(SERVER_ACK_BUCKET_FULL), (unsigned int)_i);
	ck_assert_uint_eq(slot_read(0).key, 0);
}
END_TEST

START_TEST(mp_capable_twice_is_blanked)
{
	struct options options = { .length = 0 };
	uint8_t key[8];

	offered_key(CLIENT_PORT, key);
	add_mp_capable(&options, 20, key);
	add_mp_capable(&options, 20, key);
	assert_blanked(segment_with(&options, CLIENT_PORT), 0, 40);
	ck_assert_uint_eq(counter(SERVER_ACK_MALFORMED), 1);
}
END_TEST

START_TEST(mp_capable_of_every_other_form_is_blanked)
{
	uint8_t key[8], length;
	struct options options;

	offered_key(CLIENT_PORT, key);
	for (length = 12; length <= 28; length++) {
		if (length == 20 || length == 22 || length == 24)
			continue;
		options = (struct options){ .length = 0 };
		add_mp_capable(&options, length, key);
		assert_blanked(segment_with(&options, CLIENT_PORT), 0, length);
	}
	options = (struct options){ .length = 0 };
	add_mp_capable(&options, 20, key);
	options.bytes[2] = 2;
	assert_blanked(segment_with(&options, CLIENT_PORT), 0, 20);
	ck_assert_uint_eq(counter(SERVER_ACK_MALFORMED), 15);
	ck_assert_uint_eq(counter(SERVER_CONSUMED), 0);
}
END_TEST

START_TEST(broken_option_behind_it_blanks_mp_capable)
{
	static const uint8_t tails[][4] = {
		{ 8, 0, 1, 1 }, { 8, 1, 1, 1 }, { 8, 5, 1, 1 }, { 1, 1, 1, 8 }
	};
	struct options options = { .length = 0 };
	uint8_t key[8];

	offered_key(CLIENT_PORT, key);
	add_mp_capable(&options, 20, key);
	options_add(&options, tails[_i], 4);
	assert_blanked(segment_with(&options, CLIENT_PORT), 0, 20);
	ck_assert_uint_eq(counter(SERVER_ACK_MALFORMED), 1);
}
END_TEST

START_TEST(broken_mp_capable_is_left_to_the_kernel)
{
	static const uint8_t lengths[] = { 0, 1, 41, 255 };
	struct options options = { .length = 0 };

	/* The kernel's parser stops at it, as ours does: there is nothing that it could adopt. */
	add_mp_capable(&options, 40, strange_key);
	options.bytes[1] = lengths[_i];
	assert_passed(segment_with(&options, CLIENT_PORT));
}
END_TEST

START_TEST(mp_capable_behind_the_end_of_options_is_left)
{
	const uint8_t end[] = { 0, 0, 0, 0 };
	struct options options = { .length = 0 };

	options_add(&options, end, sizeof(end));
	add_mp_capable(&options, 20, strange_key);
	assert_passed(segment_with(&options, CLIENT_PORT));
}
END_TEST

START_TEST(truncated_packets_are_left)
{
	const struct frame whole = third_ack(20, strange_key, CLIENT_PORT);
	size_t length;

	/* BPF_PROG_TEST_RUN takes no frame without an IP header. */
	for (length = FRAME_IP + 20; length < whole.length - 6; length++) {
		struct frame frame = whole;

		frame.length = length;
		assert_passed(frame);
	}
}
END_TEST

START_TEST(ip_options_and_fragments)
{
	struct segment segment = { .client = CLIENT,
				   .service = SERVICE,
				   .client_port = CLIENT_PORT,
				   .service_port = PORT,
				   .flags = TCP_ACK,
				   .ip_options = 40 };
	struct frame frame;

	add_mp_capable(&segment.options, 20, strange_key);
	frame_build(&frame, &segment);
	finish(&frame, 0x99);
	assert_blanked(frame, 0, 20);
	segment.fragment = 0x2000;
	frame_build(&frame, &segment);
	assert_passed(frame);
	segment.fragment = 0x0010;
	frame_build(&frame, &segment);
	assert_passed(frame);
}
END_TEST

START_TEST(other_packets_pass)
{
	struct frame frame = third_ack(20, strange_key, CLIENT_PORT);
	const uint8_t flags[] = { TCP_SYN, TCP_SYN | TCP_ACK, TCP_RST | TCP_ACK, TCP_RST, 0 };
	size_t i;

	for (i = 0; i < sizeof(flags); i++) {
		tcp_of(&frame)[13] = flags[i];
		assert_passed(frame);
	}
	frame = third_ack(20, strange_key, CLIENT_PORT);
	put16(tcp_of(&frame) + 2, PORT + 1);
	assert_passed(frame);
	frame = third_ack(20, strange_key, CLIENT_PORT);
	put32(frame.bytes + FRAME_IP + 16, SERVICE + 1);
	assert_passed(frame);
	frame = third_ack(20, strange_key, CLIENT_PORT);
	put16(frame.bytes + 12, 0x86dd);
	assert_passed(frame);
}
END_TEST

/* A TCP socket on the loopback address, listening on or connected to a port. */
static int open_socket(uint16_t port,
		       int (*bind_or_connect)(int, const struct sockaddr *, socklen_t))
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr.s_addr = htonl(LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind_or_connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

START_TEST(segment_of_a_connection_passes_and_one_to_a_listener_is_checked)
{
	int listener = open_socket(PORT, bind), client;
	struct sockaddr_in own;
	socklen_t size = sizeof(own);
	struct frame frame = third_ack(20, strange_key, CLIENT_PORT);

	add_service(LOOPBACK, PORT);
	ck_assert_int_eq(listen(listener, 1), 0);
	client = open_socket(PORT, connect);
	ck_assert_int_eq(getsockname(client, (struct sockaddr *)&own, &size), 0);
	put32(frame.bytes + FRAME_IP + 12, LOOPBACK);
	put32(frame.bytes + FRAME_IP + 16, LOOPBACK);
	put16(tcp_of(&frame) + 16, 0);
	put16(tcp_of(&frame) + 16, tcp_checksum(&frame));
	assert_ack_blanked(frame);
	put16(tcp_of(&frame), ntohs(own.sin_port));
	assert_passed(frame);
	close(client);
	close(listener);
}
END_TEST

static struct frame join_syn(uint32_t token, bool capable_too)
{
	struct segment segment = { .client = CLIENT,
				   .service = SERVICE,
				   .client_port = CLIENT_PORT,
				   .service_port = PORT,
				   .flags = TCP_SYN };
	struct frame frame;

	options_add_join(&segment.options, token);
	if (capable_too)
		options_add_capable(&segment.options);
	frame_build(&frame, &segment);
	return frame;
}

START_TEST(joins_of_a_token_are_limited)
{
	struct frame frame;
	int i;

	for (i = 0; i < 3; i++)
		assert_passed(join_syn(TOKEN, false));
	frame = join_syn(TOKEN, false);
	ck_assert_uint_eq(ingress(&frame), TC_ACT_SHOT);
	assert_passed(join_syn(TOKEN + 1, false));
	assert_passed(join_syn(TOKEN, true));
	ck_assert_uint_eq(counter(SERVER_JOIN_PASSED), 4);
	ck_assert_uint_eq(counter(SERVER_JOIN_TOKEN_LIMIT), 1);
	ck_assert_uint_eq(counter(SERVER_JOIN_TOTAL_LIMIT), 0);
}
END_TEST

START_TEST(joins_of_all_tokens_are_limited)
{
	struct frame frame;
	uint32_t i;

	for (i = 0; i < 5; i++)
		assert_passed(join_syn(TOKEN + i, false));
	frame = join_syn(TOKEN + i, false);
	ck_assert_uint_eq(ingress(&frame), TC_ACT_SHOT);
	ck_assert_uint_eq(counter(SERVER_JOIN_PASSED), 5);
	ck_assert_uint_eq(counter(SERVER_JOIN_TOTAL_LIMIT), 1);
}
END_TEST

START_TEST(replaced_key_is_taken_for_a_while)
{
	struct server_slot slot = slot_read(0);
	struct timespec now;
	uint32_t zero = 0;
	uint8_t old[8];

	offered_key(CLIENT_PORT, old);
	clock_gettime(CLOCK_MONOTONIC, &now);
	memcpy(&slot.previous_key, old, 8);
	slot.replaced_at = (uint64_t)now.tv_sec * 1000000000 -
			   (_i ? SERVER_PREVIOUS_NS + 1000000000 : 1000000000);
	slot.key++;
	bpf_map_update_elem(bpf_map__fd(skel->maps.slots), &zero, &slot, 0);
	if (_i) {
		assert_ack_blanked(third_ack(20, old, CLIENT_PORT));
		return;
	}
	assert_passed(third_ack(20, old, CLIENT_PORT));
	ck_assert_uint_eq(counter(SERVER_ACK_PREVIOUS), 1);
	ck_assert_uint_eq(slot_read(0).key, slot.key);
	ck_assert_uint_eq(slot_read(0).previous_key, 0);
	assert_ack_blanked(third_ack(20, old, CLIENT_PORT + 1));
}
END_TEST

START_TEST(key_whose_bucket_is_full_is_not_shown_when_there_is_another)
{
	uint32_t bucket, flow;
	uint64_t four = 4;

	/* Tokens are consecutive, so every second bucket is full and so is every second slot. */
	for (bucket = 0; bucket < 256; bucket += 2)
		bpf_map_update_elem(bpf_map__fd(skel->maps.buckets), &bucket, &four, 0);
	four = 0;
	for (flow = 0; flow < 200; flow++) {
		uint64_t key;

		offered_key((uint16_t)(flow + 1), (uint8_t *)&key);
		four += (TOKEN + key % SLOTS) % 2 == 0;
	}
	/* Half of the flows without the rule, a quarter with it. */
	ck_assert_uint_lt(four, 75);
}
END_TEST

/* Put a frame's packet into an IP packet from @source. */
static struct frame encapsulate(const struct frame *inner, uint32_t source, uint32_t destination)
{
	struct frame frame = { .length = inner->length + 20 };
	uint8_t *ip = frame.bytes + FRAME_IP;

	memcpy(frame.bytes, inner->bytes, FRAME_IP);
	memcpy(ip + 20, inner->bytes + FRAME_IP, inner->length - FRAME_IP);
	ip[0] = 0x45;
	put16(ip + 2, (uint16_t)(frame.length - FRAME_IP));
	ip[8] = 64;
	ip[9] = 4;
	put32(ip + 12, source);
	put32(ip + 16, destination);
	put16(ip + 10, ip_checksum(ip, 20));
	return frame;
}

START_TEST(packet_of_a_balancer_is_decapsulated)
{
	const struct options none = { .length = 0 };
	const struct frame inner = segment_with(&none, CLIENT_PORT);
	struct frame frame = encapsulate(&inner, BALANCER, SERVER);

	ck_assert_uint_eq(ingress(&frame), UNSPEC);
	assert_same(&frame, &inner);
	ck_assert_uint_eq(counter(SERVER_DECAPSULATED), 1);
}
END_TEST

START_TEST(decapsulated_packet_is_checked_like_any)
{
	const struct frame inner = third_ack(20, strange_key, CLIENT_PORT);
	struct frame frame = encapsulate(&inner, BALANCER, SERVER), expected = inner;

	memset(tcp_of(&expected) + 20 + sizeof(timestamps), 1, 20);
	put16(tcp_of(&expected) + 16, 0);
	put16(tcp_of(&expected) + 16, tcp_checksum(&expected));
	ck_assert_uint_eq(ingress(&frame), UNSPEC);
	assert_same(&frame, &expected);
}
END_TEST

START_TEST(icmp_error_about_a_service_is_decapsulated)
{
	const struct options none = { .length = 0 };
	struct frame inner = segment_with(&none, CLIENT_PORT), frame;

	inner.bytes[FRAME_IP + 9] = 1;
	frame = encapsulate(&inner, BALANCER, SERVER);
	ck_assert_uint_eq(ingress(&frame), UNSPEC);
	assert_same(&frame, &inner);
	put32(inner.bytes + FRAME_IP + 16, SERVICE + 1);
	frame = encapsulate(&inner, BALANCER, SERVER);
	ck_assert_uint_eq(ingress(&frame), TC_ACT_SHOT);
}
END_TEST

START_TEST(ip_in_ip_that_is_not_for_us_is_left)
{
	const struct options none = { .length = 0 };
	const struct frame inner = segment_with(&none, CLIENT_PORT);

	assert_passed(encapsulate(&inner, BALANCER, SERVER + 1));
	assert_passed(encapsulate(&inner, STRANGER, SERVER + 1));
}
END_TEST

START_TEST(ip_in_ip_of_a_stranger_is_dropped)
{
	const struct options none = { .length = 0 };
	const struct frame inner = segment_with(&none, CLIENT_PORT);
	struct frame frame = encapsulate(&inner, STRANGER, SERVER);

	ck_assert_uint_eq(ingress(&frame), TC_ACT_SHOT);
	ck_assert_uint_eq(counter(SERVER_DECAPSULATE_SOURCE), 1);
}
END_TEST

START_TEST(ip_in_ip_to_no_service_is_dropped)
{
	const struct options none = { .length = 0 };
	struct frame inner = segment_with(&none, CLIENT_PORT), frame;
	struct frame nested;

	put16(tcp_of(&inner) + 2, PORT + 1);
	frame = encapsulate(&inner, BALANCER, SERVER);
	ck_assert_uint_eq(ingress(&frame), TC_ACT_SHOT);
	inner = segment_with(&none, CLIENT_PORT);
	nested = encapsulate(&inner, BALANCER, SERVICE);
	frame = encapsulate(&nested, BALANCER, SERVER);
	ck_assert_uint_eq(ingress(&frame), TC_ACT_SHOT);
	inner.bytes[FRAME_IP] = 0x65;
	frame = encapsulate(&inner, BALANCER, SERVER);
	ck_assert_uint_eq(ingress(&frame), TC_ACT_SHOT);
	ck_assert_uint_eq(counter(SERVER_DECAPSULATE_INNER), 3);
}
END_TEST

START_TEST(truncated_ip_in_ip_is_dropped_up_to_the_ports)
{
	const struct options none = { .length = 0 };
	const struct frame inner = segment_with(&none, CLIENT_PORT);
	const struct frame whole = encapsulate(&inner, BALANCER, SERVER);
	size_t length;

	for (length = FRAME_IP + 20; length < FRAME_IP + 44; length++) {
		struct frame frame = whole;

		frame.length = length;
		ck_assert_uint_eq(ingress(&frame), TC_ACT_SHOT);
	}
}
END_TEST

static Suite *server_suite(void)
{
	Suite *suite = suite_create("server");
	TCase *one = tcase_create("one slot");
	TCase *many = tcase_create("many slots");
	TCase *total = tcase_create("limit of all joins");

	tcase_add_checked_fixture(one, setup_one_slot, teardown);
	tcase_add_test(one, synack_gets_the_key_of_a_slot);
	tcase_add_test(one, synack_with_a_socket_is_left);
	tcase_add_test(one, synack_of_another_kind_is_left);
	tcase_add_test(one, synack_of_an_empty_slot_keeps_its_key_and_the_echo_passes);
	tcase_add_test(one, retransmitted_syn_sees_the_same_key);
	tcase_add_loop_test(one, third_ack_with_the_offered_key_passes, 0, 3);
	tcase_add_loop_test(one, key_that_is_offered_to_nobody_is_blanked, 0, 3);
	tcase_add_test(one, zero_key_is_blanked_when_a_slot_is_empty);
	tcase_add_test(one, key_that_was_taken_is_blanked);
	tcase_add_loop_test(one, token_of_a_full_bucket_is_blanked, 0, 2);
	tcase_add_test(one, mp_capable_twice_is_blanked);
	tcase_add_test(one, mp_capable_of_every_other_form_is_blanked);
	tcase_add_loop_test(one, broken_option_behind_it_blanks_mp_capable, 0, 4);
	tcase_add_loop_test(one, broken_mp_capable_is_left_to_the_kernel, 0, 4);
	tcase_add_test(one, mp_capable_behind_the_end_of_options_is_left);
	tcase_add_test(one, truncated_packets_are_left);
	tcase_add_test(one, ip_options_and_fragments);
	tcase_add_test(one, other_packets_pass);
	tcase_add_test(one, segment_of_a_connection_passes_and_one_to_a_listener_is_checked);
	tcase_add_test(one, joins_of_a_token_are_limited);
	tcase_add_loop_test(one, replaced_key_is_taken_for_a_while, 0, 2);
	tcase_add_test(one, packet_of_a_balancer_is_decapsulated);
	tcase_add_test(one, decapsulated_packet_is_checked_like_any);
	tcase_add_test(one, icmp_error_about_a_service_is_decapsulated);
	tcase_add_test(one, ip_in_ip_that_is_not_for_us_is_left);
	tcase_add_test(one, ip_in_ip_of_a_stranger_is_dropped);
	tcase_add_test(one, ip_in_ip_to_no_service_is_dropped);
	tcase_add_test(one, truncated_ip_in_ip_is_dropped_up_to_the_ports);
	suite_add_tcase(suite, one);
	tcase_add_checked_fixture(many, setup_many_slots, teardown);
	tcase_add_test(many, other_flows_see_other_keys_while_there_are_some);
	tcase_add_test(many, key_of_another_flow_is_blanked);
	tcase_add_test(many, key_whose_bucket_is_full_is_not_shown_when_there_is_another);
	suite_add_tcase(suite, many);
	tcase_add_checked_fixture(total, setup_join_total, teardown);
	tcase_add_test(total, joins_of_all_tokens_are_limited);
	suite_add_tcase(suite, total);
	return suite;
}

/* Lookups of sockets happen in the namespace of this process: one with nothing but a loopback. */
static bool enter_namespace(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	if (unshare(CLONE_NEWNET))
		return false;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	return fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0 && close(fd) == 0;
}

int main(void)
{
	SRunner *runner;
	int failed;

	if (!enter_namespace()) {
		perror("a network namespace, which needs root");
		return EXIT_FAILURE;
	}
	runner = srunner_create(server_suite());
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
