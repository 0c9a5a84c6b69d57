// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Handshakes: which key a client sees, and which of those that come back the kernel may adopt. */
#include "server_harness.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include <bpf/libbpf.h>

#include <mptcplb/core.h>

#define SLOTS 4096
#define FLOOD 100000 /* over IPv4, and as many over IPv6 */

START_TEST(synack_gets_the_key_of_a_slot)
{
	struct frame frame = capable_synack(CLIENT_PORT), expected = frame;
	const struct server_slot slot = slot_read(0);

	memcpy(tcp_of(&expected) + 20 + TIMESTAMPS_SIZE + 4, &slot.key, 8);
	tcp_finish(&expected);
	ck_assert_uint_eq(harness_egress(&frame), UNSPEC);
	assert_same(&frame, &expected);
	ck_assert_uint_eq(tcp_checksum(&frame), 0);
	ck_assert_uint_eq(counter(SERVER_SYNACK_REWRITTEN), 1);
}
END_TEST

START_TEST(synack_with_a_socket_is_left)
{
	struct frame frame = capable_synack(CLIENT_PORT);
	const struct frame before = frame;

	ck_assert_uint_eq(harness_egress_of_socket(&frame), UNSPEC);
	assert_same(&frame, &before);
	ck_assert_uint_eq(counter(SERVER_SYNACK_SOCKET), 1);
}
END_TEST

START_TEST(synack_of_another_kind_is_left)
{
	struct options none = { .length = 0 }, twice = none, version = none, join = none;
	struct options broken = none;
	struct frame frame;

	assert_egress_untouched(synack_with(&none, CLIENT_PORT));
	options_add_keys(&twice, 12, kernel_key);
	options_add_keys(&twice, 12, kernel_key);
	assert_egress_untouched(synack_with(&twice, CLIENT_PORT));
	options_add_keys(&version, 12, kernel_key);
	version.bytes[2] = 14;
	assert_egress_untouched(synack_with(&version, CLIENT_PORT));
	options_add_join(&join, 0x12345678);
	assert_egress_untouched(synack_with(&join, CLIENT_PORT));
	options_add_keys(&broken, 12, kernel_key);
	options_add(&broken, (const uint8_t[]){ 5, 1, 1, 1 }, 4);
	assert_egress_untouched(synack_with(&broken, CLIENT_PORT));

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
	const struct server_slot empty = { 0 };
	uint8_t key[8];

	slot_write(0, &empty);
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

START_TEST(retransmitted_syns_see_the_same_keys)
{
	static uint8_t first[300][8];
	uint16_t flow;

	/* So many that some have to take their second candidate. */
	for (flow = 0; flow < 300; flow++)
		offered_key(flow + 1, first[flow]);
	for (flow = 0; flow < 300; flow++) {
		uint8_t again[8];

		offered_key(flow + 1, again);
		ck_assert_mem_eq(first[flow], again, 8);
	}
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
	const struct server_slot empty = { 0 };

	slot_write(0, &empty);
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
	tcp_finish(&frame);
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
	const uint32_t bucket = (uint32_t)slot_read(0).token % BUCKETS;
	uint8_t key[8];

	bucket_fill(bucket, _i ? 4 : 3);
	offered_key(CLIENT_PORT, key);
	if (_i)
		assert_ack_blanked(third_ack(20, key, CLIENT_PORT));
	else
		assert_passed(third_ack(20, key, CLIENT_PORT));
	ck_assert_uint_eq(bucket_count(bucket), 4);
	ck_assert_uint_eq(counter(SERVER_ACK_BUCKET_FULL), (unsigned int)_i);
	ck_assert_uint_eq(slot_read(0).key, 0);
}
END_TEST

/* Found by trying 6.5 thousand million of them. */
static const uint8_t key_of_token_zero[8] = { 0x75, 0xae, 0x94, 0xfd, 0x81, 0xb1, 0xa1, 0xd4 };

START_TEST(token_zero_is_blanked)
{
	struct server_slot slot = { 0 };
	uint8_t key[8];

	ck_assert_uint_eq(token_of(key_of_token_zero), 0);
	memcpy(&slot.key, key_of_token_zero, 8);
	slot_write(0, &slot);
	offered_key(CLIENT_PORT, key);
	ck_assert_mem_eq(key, key_of_token_zero, 8);
	assert_ack_blanked(third_ack(20, key, CLIENT_PORT));
	ck_assert_uint_eq(counter(SERVER_ACK_TOKEN_ZERO), 1);
	ck_assert_uint_eq(slot_read(0).key, 0);
}
END_TEST

START_TEST(token_of_another_connection_is_blanked)
{
	const uint32_t token = (uint32_t)slot_read(0).token;
	uint8_t key[8];

	offered_key(CLIENT_PORT, key);
	bucket_fill(token % BUCKETS, 1);
	live_add(token, 1);
	assert_ack_blanked(third_ack(20, key, CLIENT_PORT));
	ck_assert_uint_eq(counter(SERVER_ACK_DUPLICATE), 1);
	ck_assert_uint_eq(bucket_count(token % BUCKETS), 2);
}
END_TEST

START_TEST(segment_of_the_flow_that_has_the_token_passes)
{
	const struct server_slot before = slot_read(0);
	uint8_t key[8];

	/* The key is both on offer and replaced while user space is at it. */
	offered_key(CLIENT_PORT, key);
	assert_passed(third_ack(20, key, CLIENT_PORT));
	slot_write(0, &(struct server_slot){ .previous_key = before.key, .replaced_at = now_ns() });
	assert_passed(third_ack(20, key, CLIENT_PORT));
	ck_assert_uint_eq(counter(SERVER_ACK_AGAIN), 1);
	slot_write(0, &(struct server_slot){ .previous_key = before.key, .replaced_at = now_ns() });
	assert_ack_blanked(third_ack(20, key, CLIENT_PORT + 1));
	ck_assert_uint_eq(counter(SERVER_ACK_DUPLICATE), 1);
}
END_TEST

START_TEST(token_of_the_key_before_is_not_believed)
{
	const struct server_slot before = slot_read(0);
	struct server_slot slot = { .token = before.token };
	const uint32_t token = token_of(strange_key), other = (uint32_t)before.token;

	memcpy(&slot.key, strange_key, 8);
	slot_write(0, &slot);
	assert_passed(third_ack(20, strange_key, CLIENT_PORT));
	ck_assert_uint_eq(counter(SERVER_ACK_VERIFIED), 1);
	ck_assert(live_has(token));
	ck_assert(!live_has(other));
	ck_assert_uint_eq(bucket_count(token % BUCKETS), 1);
}
END_TEST

START_TEST(replaced_key_is_taken_for_a_while)
{
	/* The last one just now, by a clock that is more exact than the program's. */
	static const int64_t replaced[] = { -(int64_t)SERVER_SECOND_NS,
					    -(int64_t)(SERVER_PREVIOUS_NS + SERVER_SECOND_NS),
					    TICK_NS };
	struct server_slot slot;
	uint8_t old[8];

	offered_key(CLIENT_PORT, old);
	slot = slot_read(0);
	memcpy(&slot.previous_key, old, 8);
	slot.replaced_at = now_ns() + replaced[_i];
	slot.key++;
	slot_write(0, &slot);
	if (replaced[_i] < -(int64_t)SERVER_PREVIOUS_NS) {
		assert_ack_blanked(third_ack(20, old, CLIENT_PORT));
		ck_assert_uint_eq(counter(SERVER_ACK_UNKNOWN_KEY), 1);
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
	uint32_t bucket, flow, full = 0;

	for (bucket = 0; bucket < BUCKETS; bucket += 2)
		bucket_fill(bucket, 4);
	for (flow = 0; flow < 200; flow++) {
		uint8_t key[8];

		offered_key((uint16_t)(flow + 1), key);
		full += token_of(key) % 2 == 0;
	}
	/* Half of the flows without the rule, a quarter with it. */
	ck_assert_uint_lt(full, 75);
}
END_TEST

START_TEST(key_whose_token_is_live_is_not_shown_when_there_is_another)
{
	struct server_slot slot;
	uint64_t key, other;

	offered_key(CLIENT_PORT, (uint8_t *)&key);
	slot = slot_read(key % SLOTS);
	slot.shown_to = 0;
	slot_write(key % SLOTS, &slot);
	live_add((uint32_t)slot.token, 1);
	offered_key(CLIENT_PORT, (uint8_t *)&other);
	ck_assert_uint_ne(other, key);
	assert_passed(third_ack(20, &other, CLIENT_PORT));
}
END_TEST

START_TEST(token_of_another_key_keeps_no_key_from_being_shown)
{
	const uint32_t other = 7;
	struct server_slot slot;
	uint64_t key, again;

	live_add(other, 1);
	offered_key(CLIENT_PORT, (uint8_t *)&key);
	slot = slot_read(key % SLOTS);
	slot.shown_to = 0;
	slot.token = _i ? server_slot_token(~slot.key, other) : 0;
	slot_write(key % SLOTS, &slot);
	offered_key(CLIENT_PORT, (uint8_t *)&again);
	ck_assert_uint_eq(again, key);
}
END_TEST

START_TEST(flood_of_syns_uses_no_key_up)
{
	uint32_t flow, verified = 0;
	struct frame frame = capable_synack(CLIENT_PORT);
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.bytes,
		    .data_size_in = (uint32_t)frame.length);

	for (flow = 0; flow < FLOOD; flow++) {
		put32(tcp_of(&frame) + 8, flow * 2654435761U);
		ck_assert_int_eq(
			bpf_prog_test_run_opts(bpf_program__fd(skel->progs.server_egress_cookie),
					       &options),
			0);
	}
	ck_assert_uint_eq(counter(SERVER_SYNACK_REWRITTEN), FLOOD);
	ck_assert_uint_eq(counter(SERVER_CONSUMED), 0);
	/* In the middle of it, who answers gets MPTCP, unless two of them saw the same key. */
	for (flow = 1; flow <= 200; flow++) {
		uint8_t key[8];

		offered_key((uint16_t)flow, key);
		frame = third_ack(20, key, (uint16_t)flow);
		ck_assert_uint_eq(harness_ingress(&frame), UNSPEC);
		verified += tcp_of(&frame)[20 + TIMESTAMPS_SIZE] == MPTCPLB_TCPOPT_MPTCP;
	}
	ck_assert_uint_eq(verified, 200);
	ck_assert_uint_eq(counter(SERVER_CONSUMED), 200);
}
END_TEST

static int ignore(void *context, void *data, size_t size)
{
	(void)context;
	(void)data;
	(void)size;
	return 0;
}

/* Whether user space is woken, in so many milliseconds; it was not before. */
static bool is_woken(const struct ring_buffer *ring, int milliseconds)
{
	struct pollfd woken = { .fd = ring_buffer__epoll_fd(ring), .events = POLLIN };

	return poll(&woken, 1, milliseconds) == 1;
}

START_TEST(many_empty_slots_wake_user_space)
{
	struct ring_buffer *ring =
		ring_buffer__new(bpf_map__fd(skel->maps.wake), ignore, NULL, NULL);
	uint16_t flow = 1;
	int round, emptied;

	ck_assert_ptr_nonnull(ring);
	ck_assert_int_ge(ring_buffer__consume(ring), 0); /* what tests before have left */
	skel->bss->emptied = 0;
	for (round = 0; round < 2; round++) {
		for (emptied = 0; emptied <= SLOTS / SERVER_WAKE_SHARE; emptied++, flow++) {
			uint8_t key[8];

			ck_assert(!is_woken(ring, 0));
			offered_key(flow, key);
			assert_passed(third_ack(20, key, flow));
		}
		ck_assert(is_woken(ring, 10000));
		ck_assert_int_eq(ring_buffer__consume(ring), 1);
	}
	ring_buffer__free(ring);
}
END_TEST

static void load_one_slot(void)
{
	harness_load(&(struct harness_options){ .slots = 1 });
}

static void load_many_slots(void)
{
	harness_load(&(struct harness_options){ .slots = SLOTS });
}

static void add_tests_of_one_slot(TCase *tcase)
{
	tcase_add_test(tcase, synack_gets_the_key_of_a_slot);
	tcase_add_test(tcase, synack_with_a_socket_is_left);
	tcase_add_test(tcase, synack_of_another_kind_is_left);
	tcase_add_test(tcase, synack_of_an_empty_slot_keeps_its_key_and_the_echo_passes);
	tcase_add_test(tcase, retransmitted_syn_sees_the_same_key);
	tcase_add_loop_test(tcase, third_ack_with_the_offered_key_passes, 0, 3);
	tcase_add_loop_test(tcase, key_that_is_offered_to_nobody_is_blanked, 0, 3);
	tcase_add_test(tcase, zero_key_is_blanked_when_a_slot_is_empty);
	tcase_add_test(tcase, key_that_was_taken_is_blanked);
	tcase_add_loop_test(tcase, token_of_a_full_bucket_is_blanked, 0, 2);
	tcase_add_test(tcase, token_zero_is_blanked);
	tcase_add_test(tcase, token_of_another_connection_is_blanked);
	tcase_add_test(tcase, segment_of_the_flow_that_has_the_token_passes);
	tcase_add_test(tcase, token_of_the_key_before_is_not_believed);
	tcase_add_loop_test(tcase, replaced_key_is_taken_for_a_while, 0, 3);
}

static void add_tests_of_many_slots(TCase *tcase)
{
	tcase_add_test(tcase, retransmitted_syns_see_the_same_keys);
	tcase_add_test(tcase, other_flows_see_other_keys_while_there_are_some);
	tcase_add_test(tcase, key_of_another_flow_is_blanked);
	tcase_add_test(tcase, key_whose_bucket_is_full_is_not_shown_when_there_is_another);
	tcase_add_test(tcase, key_whose_token_is_live_is_not_shown_when_there_is_another);
	tcase_add_loop_test(tcase, token_of_another_key_keeps_no_key_from_being_shown, 0, 2);
	tcase_add_test(tcase, flood_of_syns_uses_no_key_up);
	tcase_add_test(tcase, many_empty_slots_wake_user_space);
}

static void add_tests(Suite *suite)
{
	harness_add(suite, "one slot", load_one_slot, slots_fill, add_tests_of_one_slot);
	harness_add(suite, "many slots", load_many_slots, slots_fill, add_tests_of_many_slots);
}

int main(void)
{
	return harness_run("server", add_tests);
}
