// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The search for keys in the programs themselves, when user space has left a slot empty. */
#include "server_harness.h"

#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include <mptcplb/core.h>
#include <mptcplb/keyring.h>
#include <mptcplb/token.h>

#define SERVER_ID_BITS 5
#define EPOCH 1
#define SLOTS 16

static const uint32_t ids[] = { 3, 30 };
static struct mptcplb_keyring keyring;

static void allow_search(uint32_t tries)
{
	struct server_search search = {
		.keyring = keyring, .tries_max = tries, .id_count = 2, .ids = { ids[0], ids[1] }
	};
	const uint32_t zero = 0;

	ck_assert_int_eq(bpf_map_update_elem(bpf_map__fd(skel->maps.searches), &zero, &search, 0),
			 0);
}

static void setup(void)
{
	static const uint8_t secret[MPTCPLB_SECRET_SIZE] = "sixteen bytes...";
	static const uint8_t other[MPTCPLB_SECRET_SIZE] = "sixteen others..";

	ck_assert_int_eq(mptcplb_keyring_init(&keyring, 1, SERVER_ID_BITS), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_add(&keyring, 0, other), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_add(&keyring, EPOCH, secret), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_activate(&keyring, EPOCH), MPTCPLB_OK);
	allow_search(SERVER_SEARCH_TRIES_MAX);
}

/* What a client reads in a SYN/ACK for which the kernel drew a key of its own. */
static void offered_key_for(uint16_t client_port, const uint8_t drawn[8], uint8_t key[8])
{
	struct options options = { .length = 0 };
	struct frame frame;

	options_add_keys(&options, 12, drawn);
	frame = synack_with(&options, client_port);
	ck_assert_uint_eq(harness_egress(&frame), UNSPEC);
	ck_assert_uint_eq(tcp_checksum(&frame), 0);
	memcpy(key, tcp_of(&frame) + 20 + 4, 8);
}

static bool names_this_server(const uint8_t key[8])
{
	struct mptcplb_token_parts parts;

	ck_assert_int_eq(mptcplb_token_decode(&keyring, &parts, token_of(key)), MPTCPLB_OK);
	return parts.epoch == EPOCH && (parts.server_id == ids[0] || parts.server_id == ids[1]);
}

static void empty_slots(void)
{
	static const struct server_slot empty;
	uint32_t i;

	for (i = 0; i < SLOTS; i++)
		slot_write(i, &empty);
}

START_TEST(empty_slot_gets_a_key_that_names_the_server)
{
	unsigned int of_id[2] = { 0 };
	uint16_t flow;

	/* Keys that end in all kinds of bytes, so that adding to them carries now and then. */
	for (flow = 1; flow <= 100; flow++) {
		uint8_t drawn[8] = { (uint8_t)flow, 1, 2, 3, 0xff, 0xff, 0xff, (uint8_t)-flow };
		struct mptcplb_token_parts parts;
		uint8_t key[8];

		offered_key_for(flow, drawn, key);
		ck_assert(names_this_server(key));
		ck_assert_int_eq(mptcplb_token_decode(&keyring, &parts, token_of(key)), MPTCPLB_OK);
		of_id[parts.server_id == ids[1]]++;
		assert_passed(third_ack(20, key, flow));
	}
	ck_assert_uint_gt(of_id[0], 0);
	ck_assert_uint_gt(of_id[1], 0);
	ck_assert_uint_eq(counter(SERVER_SEARCH_FOUND), 100);
	ck_assert_uint_eq(counter(SERVER_SYNACK_EMPTY), 0);
	ck_assert_uint_eq(counter(SERVER_ACK_VERIFIED), 100);
}
END_TEST

START_TEST(slot_knows_the_token_of_what_was_found)
{
	struct server_slot slot;
	uint8_t key[8];
	uint32_t i, filled = 0;

	offered_key(CLIENT_PORT, key);
	for (i = 0; i < SLOTS; i++) {
		slot = slot_read(i);
		if (!slot.key)
			continue;
		filled++;
		ck_assert_mem_eq(&slot.key, key, 8);
		ck_assert_uint_eq(server_token_of(slot.key, slot.token), token_of(key));
		ck_assert_uint_ne(slot.first_shown_at, 0);
	}
	ck_assert_uint_eq(filled, 1);
}
END_TEST

START_TEST(retransmitted_syn_sees_what_was_found_before)
{
	static const uint8_t drawn[] = "another!";
	uint8_t first[8], again[8];

	offered_key(CLIENT_PORT, first);
	offered_key_for(CLIENT_PORT, drawn, again);
	ck_assert_mem_eq(first, again, 8);
	ck_assert_uint_eq(counter(SERVER_SEARCH_FOUND), 1);
}
END_TEST

START_TEST(token_that_is_live_is_not_found_again)
{
	uint8_t first[8], second[8];
	uint32_t token;

	offered_key_for(1, kernel_key, first);
	token = token_of(first);
	live_add(token, 1);
	empty_slots();
	offered_key_for(1, kernel_key, second);
	ck_assert_mem_ne(first, second, 8);
	ck_assert(names_this_server(second));
}
END_TEST

START_TEST(token_of_a_full_bucket_is_not_found)
{
	uint32_t bucket;
	uint8_t key[8];
	uint16_t flow;

	for (bucket = 0; bucket < BUCKETS; bucket += 2)
		bucket_fill(bucket, SERVER_BUCKET_TOKENS_MAX);
	for (flow = 1; flow <= 50; flow++) {
		const uint8_t drawn[8] = { (uint8_t)flow };

		offered_key_for(flow, drawn, key);
		ck_assert(names_this_server(key));
		ck_assert_uint_eq(token_of(key) % 2, 1);
	}
}
END_TEST

/* The kernel's key stays, and is taken when it comes back. */
static void assert_kernel_key_stays(void)
{
	uint8_t key[8];

	offered_key(CLIENT_PORT, key);
	ck_assert_mem_eq(key, kernel_key, 8);
	ck_assert_uint_eq(counter(SERVER_SYNACK_EMPTY), 1);
	ck_assert_uint_eq(counter(SERVER_SEARCH_FOUND), 0);
	assert_passed(third_ack(20, key, CLIENT_PORT));
}

START_TEST(search_gives_up)
{
	allow_search(1);
	ck_assert(!names_this_server(kernel_key));
	assert_kernel_key_stays();
	ck_assert_uint_eq(counter(SERVER_SEARCH_FAILED), 1);
}
END_TEST

/* For all CPUs: that they have searched for so long in the second that began at @since. */
static void set_spent(uint64_t since, uint64_t nanoseconds)
{
	const size_t cpus = (size_t)libbpf_num_possible_cpus();
	uint64_t(*spent)[2] = calloc(cpus, sizeof(*spent));
	const uint32_t zero = 0;
	size_t i;

	ck_assert_ptr_nonnull(spent);
	for (i = 0; i < cpus; i++) {
		spent[i][0] = since;
		spent[i][1] = nanoseconds;
	}
	ck_assert_int_eq(
		bpf_map_update_elem(bpf_map__fd(skel->maps.searches_spent), &zero, spent, 0), 0);
	free(spent);
}

START_TEST(search_has_so_much_time_a_second)
{
	uint8_t key[8];

	set_spent(now_ns(), SERVER_SEARCH_NS);
	assert_kernel_key_stays();
	ck_assert_uint_eq(counter(SERVER_SEARCH_NO_TIME), 1);
	set_spent(now_ns() - SERVER_SECOND_NS, SERVER_SEARCH_NS);
	offered_key(CLIENT_PORT + 1, key);
	ck_assert(names_this_server(key));
}
END_TEST

START_TEST(flood_of_searches_ends_in_time)
{
	uint16_t flow;

	for (flow = 1; flow < 60000 && !counter(SERVER_SEARCH_NO_TIME); flow++) {
		uint8_t key[8];

		offered_key(flow, key);
		empty_slots();
	}
	ck_assert_uint_gt(counter(SERVER_SEARCH_FOUND), 0);
	ck_assert_uint_eq(counter(SERVER_SEARCH_NO_TIME), 1);
}
END_TEST

START_TEST(nothing_is_searched_without_parameters)
{
	const uint32_t zero = 0;

	ck_assert_int_eq(bpf_map_delete_elem(bpf_map__fd(skel->maps.searches), &zero), 0);
	assert_kernel_key_stays();
}
END_TEST

static void load(void)
{
	harness_load(&(struct harness_options){ .slots = SLOTS });
}

static void add_cases(TCase *tcase)
{
	tcase_add_test(tcase, empty_slot_gets_a_key_that_names_the_server);
	tcase_add_test(tcase, slot_knows_the_token_of_what_was_found);
	tcase_add_test(tcase, retransmitted_syn_sees_what_was_found_before);
	tcase_add_test(tcase, token_that_is_live_is_not_found_again);
	tcase_add_test(tcase, token_of_a_full_bucket_is_not_found);
	tcase_add_test(tcase, search_gives_up);
	tcase_add_test(tcase, search_has_so_much_time_a_second);
	tcase_add_test(tcase, flood_of_searches_ends_in_time);
	tcase_add_test(tcase, nothing_is_searched_without_parameters);
}

static void add_tests(Suite *suite)
{
	harness_add(suite, "search", load, setup, add_cases);
}

int main(void)
{
	return harness_run("server-search", add_tests);
}
