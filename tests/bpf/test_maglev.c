// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* How the balancer spreads what has no token over the servers. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "maglev.h"

#define SERVERS 20

static char names[SERVERS][16];
static struct maglev_backend backends[SERVERS];
static uint16_t before[BALANCER_MAGLEV_SIZE];
static uint16_t after[BALANCER_MAGLEV_SIZE];

static void setup(void)
{
	for (uint16_t i = 0; i < SERVERS; i++) {
		snprintf(names[i], sizeof(names[i]), "web-%u", i);
		backends[i] = (struct maglev_backend){ names[i], 100, i };
	}
}

static void fill(uint16_t *slots, size_t count)
{
	ck_assert_int_eq(maglev_fill(slots, backends, count), 0);
}

static int slots_of(const uint16_t *slots, uint16_t value)
{
	int count = 0;

	for (size_t i = 0; i < BALANCER_MAGLEV_SIZE; i++)
		count += slots[i] == value;
	return count;
}

/* Slots that went from one server that is there before and after to another. */
static int moved_without_need(uint16_t gone)
{
	int moved = 0;

	for (size_t i = 0; i < BALANCER_MAGLEV_SIZE; i++)
		moved += before[i] != gone && after[i] != gone && before[i] != after[i];
	return moved;
}

START_TEST(equal_weights_get_equal_shares)
{
	fill(before, SERVERS);
	for (uint16_t i = 0; i < SERVERS; i++) {
		ck_assert_int_ge(slots_of(before, i), BALANCER_MAGLEV_SIZE / SERVERS);
		ck_assert_int_le(slots_of(before, i), BALANCER_MAGLEV_SIZE / SERVERS + 1);
	}
}
END_TEST

START_TEST(shares_follow_weights)
{
	static const uint32_t weights[] = { 1000, 700, 300, 1 };
	const double unit = (double)BALANCER_MAGLEV_SIZE / (1000 + 700 + 300 + 1);

	for (size_t i = 0; i < 4; i++)
		backends[i].weight = weights[i];
	fill(before, 4);
	for (uint16_t i = 0; i < 4; i++) {
		ck_assert_double_ge(slots_of(before, i), weights[i] * unit - 1);
		ck_assert_double_le(slots_of(before, i), weights[i] * unit + 1);
	}
}
END_TEST

START_TEST(no_server_leaves_every_slot_empty)
{
	fill(before, 0);
	ck_assert_int_eq(slots_of(before, BALANCER_NO_SERVER), BALANCER_MAGLEV_SIZE);
}
END_TEST

START_TEST(one_server_gets_every_slot)
{
	fill(before, 1);
	ck_assert_int_eq(slots_of(before, 0), BALANCER_MAGLEV_SIZE);
}
END_TEST

START_TEST(the_order_of_the_farm_file_is_of_no_matter)
{
	fill(before, SERVERS);
	for (size_t i = 0; i < SERVERS / 2; i++) {
		struct maglev_backend swapped = backends[i];

		backends[i] = backends[SERVERS - 1 - i];
		backends[SERVERS - 1 - i] = swapped;
	}
	fill(after, SERVERS);
	ck_assert_mem_eq(before, after, sizeof(before));
}
END_TEST

/* _i is the server that goes. At random 19 of 20 slots would move; 0.4 % were seen at most. */
START_TEST(removing_a_server_moves_few_slots_of_the_others)
{
	fill(before, SERVERS);
	memmove(backends + _i, backends + _i + 1, (SERVERS - 1 - (size_t)_i) * sizeof(*backends));
	fill(after, SERVERS - 1);
	ck_assert_int_eq(slots_of(after, (uint16_t)_i), 0);
	ck_assert_int_le(moved_without_need((uint16_t)_i), BALANCER_MAGLEV_SIZE / 100);
}
END_TEST

START_TEST(changing_a_weight_moves_few_slots_of_the_others)
{
	fill(before, SERVERS);
	backends[3].weight = 50;
	fill(after, SERVERS);
	ck_assert_int_lt(slots_of(after, 3), slots_of(before, 3) * 55 / 100);
	ck_assert_int_le(moved_without_need(3), BALANCER_MAGLEV_SIZE / 100);
}
END_TEST

START_TEST(flows_spread_evenly_over_the_slots)
{
	static int slots[BALANCER_MAGLEV_SIZE];
	int empty = 0;

	/* One client's ports, then one port of many clients: a weak hash shows on either. */
	for (uint32_t i = 0; i < BALANCER_MAGLEV_SIZE; i++) {
		const struct balancer_flow flow = {
			.client = { { 0, 0, 0xffff, 0xc0000200 + (i >> 15) } },
			.service = { { 0, 0, 0xffff, 0xc6336401 } },
			.client_port = (uint16_t)(32768 + (i & 0x7fff)),
			.service_port = 443,
		};
		uint32_t slot = balancer_slot(&flow);

		ck_assert_uint_lt(slot, BALANCER_MAGLEV_SIZE);
		slots[slot]++;
	}
	for (size_t i = 0; i < BALANCER_MAGLEV_SIZE; i++)
		empty += slots[i] == 0;
	/* as many balls as boxes leave 1/e of the boxes empty: 24110, standard deviation 80 */
	ck_assert_int_ge(empty, 24110 - 400);
	ck_assert_int_le(empty, 24110 + 400);
}
END_TEST

START_TEST(the_slot_depends_on_the_whole_4_tuple)
{
	const struct balancer_flow flow = {
		{ { 0, 0, 0xffff, 0xcb007105 } }, { { 0, 0, 0xffff, 0xc6336401 } }, 40000, 443, 0, 0
	};
	struct balancer_flow other[] = { flow, flow, flow, flow };

	other[0].client.words[3]++;
	other[1].service.words[3]++;
	other[2].client_port++;
	other[3].service_port++;
	for (size_t i = 0; i < 4; i++)
		ck_assert_uint_ne(balancer_slot(&flow), balancer_slot(&other[i]));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("maglev");
	TCase *tcase = tcase_create("maglev");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 0);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, equal_weights_get_equal_shares);
	tcase_add_test(tcase, shares_follow_weights);
	tcase_add_test(tcase, no_server_leaves_every_slot_empty);
	tcase_add_test(tcase, one_server_gets_every_slot);
	tcase_add_test(tcase, the_order_of_the_farm_file_is_of_no_matter);
	tcase_add_loop_test(tcase, removing_a_server_moves_few_slots_of_the_others, 0, SERVERS);
	tcase_add_test(tcase, changing_a_weight_moves_few_slots_of_the_others);
	tcase_add_test(tcase, flows_spread_evenly_over_the_slots);
	tcase_add_test(tcase, the_slot_depends_on_the_whole_4_tuple);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
