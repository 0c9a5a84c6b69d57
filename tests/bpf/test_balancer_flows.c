// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* What the balancer remembers of joins, and what makes it forget. */
#include <stdlib.h>

#include "balancer_harness.h"

START_TEST(packets_behind_a_join_go_to_its_owner)
{
	struct segment segment = segment_of(TCP_ACK);
	const enum server owner = server_away_from_home(&segment);
	const struct expected joined = SENT_TO(owner, BALANCER_ROUTED_TOKEN);
	const struct expected first = SENT_TO(owner, BALANCER_ROUTED_FLOW, BALANCER_FLOWS_KEPT);
	const struct expected later = SENT_TO(owner, BALANCER_ROUTED_FLOW);
	struct segment join = join_of(ID_OF(owner));

	expect("the join goes to the owner", &join, &joined);
	expect("its retransmission too", &join, &joined);
	ck_assert(harness_is_new(&join));
	expect("the first ACK follows and makes the flow stay", &segment, &first);
	ck_assert(!harness_is_new(&join));
	segment.payload = 1000;
	expect("data follows", &segment, &later);
	expect("a late copy of the join changes nothing", &join, &joined);
	segment.flags = TCP_ACK | TCP_FIN;
	expect("a FIN follows", &segment, &later);
	segment.flags = TCP_RST;
	expect("a RST follows", &segment, &later);
	segment.flags = TCP_ACK;
	expect("what comes behind a FIN follows", &segment, &later);
}
END_TEST

START_TEST(other_4_tuples_do_not_follow_a_join)
{
	const struct expected hashed = SENT_TO(HASHED, BALANCER_ROUTED_HASH);
	const struct expected other_service = SENT_TO(ELSEWHERE, BALANCER_ROUTED_HASH);
	struct segment segment = segment_of(TCP_ACK);
	struct segment join = join_of(ID_OF(server_away_from_home(&segment)));

	run_segment(&join);
	segment.client_port++;
	expect("another port of the client is another flow", &segment, &hashed);
	segment = segment_of(TCP_ACK);
	segment.client++;
	expect("another client is another flow", &segment, &hashed);
	segment = segment_of(TCP_ACK);
	segment.service_port = OTHER_PORT;
	expect("another service is another flow", &segment, &other_service);
}
END_TEST

START_TEST(a_new_syn_makes_a_new_join_forgotten)
{
	const struct expected forgotten =
		SENT_TO(HASHED, BALANCER_ROUTED_HASH, BALANCER_FLOWS_FORGOTTEN);
	const struct expected hashed = SENT_TO(HASHED, BALANCER_ROUTED_HASH);
	const struct segment syn = segment_of(TCP_SYN), ack = segment_of(TCP_ACK);
	struct segment join = join_of(ID_OF(server_away_from_home(&syn)));

	run_segment(&join);
	expect("a plain SYN on the 4-tuple makes the join forgotten", &syn, &forgotten);
	expect("the ACK goes where the SYN went", &ack, &hashed);
	expect("there is nothing left to forget", &syn, &hashed);
}
END_TEST

START_TEST(a_new_syn_makes_a_kept_flow_forgotten)
{
	const struct expected forgotten =
		SENT_TO(HASHED, BALANCER_ROUTED_HASH, BALANCER_FLOWS_FORGOTTEN);
	const struct expected hashed = SENT_TO(HASHED, BALANCER_ROUTED_HASH);
	const struct segment ack = segment_of(TCP_ACK);
	struct segment join = join_of(ID_OF(server_away_from_home(&ack)));
	struct segment capable = segment_of(TCP_SYN);

	options_add_capable(&capable.options);
	run_segment(&join);
	run_segment(&ack);
	expect("a SYN with MP_CAPABLE on the 4-tuple makes the flow forgotten", &capable,
	       &forgotten);
	expect("the ACK goes where the SYN went", &ack, &hashed);
}
END_TEST

START_TEST(an_unroutable_join_makes_the_flow_forgotten)
{
	const struct expected forgotten = SENT_TO(HASHED, BALANCER_UNROUTABLE_ID,
						  BALANCER_ROUTED_HASH, BALANCER_FLOWS_FORGOTTEN);
	const struct expected hashed = SENT_TO(HASHED, BALANCER_ROUTED_HASH);
	const struct segment ack = segment_of(TCP_ACK);
	struct segment join = join_of(ID_OF(server_away_from_home(&ack)));
	struct segment unroutable = join_of(ID_WITHOUT_OWNER);

	run_segment(&join);
	run_segment(&ack);
	expect("an unroutable join is hashed, so what was remembered goes", &unroutable,
	       &forgotten);
	expect("its ACK goes the same way", &ack, &hashed);
}
END_TEST

START_TEST(a_syn_that_no_server_takes_forgets_nothing)
{
	const struct expected dropped = DROPPED(BALANCER_DROPPED_NO_SERVER);
	const struct expected later = SENT_TO(DRAINING, BALANCER_ROUTED_FLOW);
	struct segment join = join_of(ID_OF(DRAINING));
	struct segment syn = segment_of(TCP_SYN), ack = segment_of(TCP_ACK);

	join.service_port = syn.service_port = ack.service_port = FADING_PORT;
	run_segment(&join);
	run_segment(&ack);
	expect("a new flow has no server, as none is up", &syn, &dropped);
	expect("the old one has its server still", &ack, &later);
}
END_TEST

START_TEST(a_join_of_another_owner_takes_the_flow_over)
{
	const struct expected kept = SENT_TO(DRAINING, BALANCER_ROUTED_FLOW, BALANCER_FLOWS_KEPT);
	const struct expected later = SENT_TO(UP_3, BALANCER_ROUTED_FLOW);
	const struct segment ack = segment_of(TCP_ACK);
	struct segment join = join_of(ID_OF(UP_1));
	struct segment second = join_of(ID_OF(DRAINING));
	struct segment third = join_of(ID_OF(UP_3));

	run_segment(&join);
	run_segment(&second);
	expect("of two joins on a 4-tuple the later one is remembered", &ack, &kept);
	run_segment(&third);
	expect("also when the flow was already kept", &ack, &later);
}
END_TEST

START_TEST(a_syn_with_rst_forgets_nothing)
{
	struct segment segment = segment_of(TCP_SYN | TCP_RST);
	const enum server owner = server_away_from_home(&segment);
	const struct expected kept = SENT_TO(owner, BALANCER_ROUTED_FLOW, BALANCER_FLOWS_KEPT);
	struct segment join = join_of(ID_OF(owner));

	run_segment(&join);
	expect("SYN with RST opens nothing, so it goes with the flow", &segment, &kept);
}
END_TEST

START_TEST(a_flow_whose_server_went_down_is_hashed)
{
	const struct expected hashed = SENT_TO(HASHED, BALANCER_ROUTED_HASH);
	const struct expected back = SENT_TO(DRAINING, BALANCER_ROUTED_FLOW);
	const struct segment ack = segment_of(TCP_ACK);
	struct segment join = join_of(ID_OF(DRAINING));

	run_segment(&join);
	run_segment(&ack);
	harness_set_down(DRAINING, true);
	expect("nothing goes to a server that is down", &ack, &hashed);
	harness_set_down(DRAINING, false);
	expect("the flow is still remembered when the server is back", &ack, &back);
}
END_TEST

START_TEST(a_server_that_comes_back_has_its_flow_in_a_moved_slot_too)
{
	const struct expected hashed = SENT_TO(DRAINING, BALANCER_ROUTED_HASH);
	const struct expected back = SENT_TO(UP_1, BALANCER_ROUTED_FLOW);
	struct segment join = join_of(ID_OF(UP_1)), ack = segment_of(TCP_ACK);

	while (home_of(&ack) != DRAINING)
		join.client = ++ack.client;
	run_segment(&join);
	run_segment(&ack);
	harness_set_down(UP_1, true);
	expect("while the server is down the flow goes with the old ones", &ack, &hashed);
	harness_set_down(UP_1, false);
	expect("which is not remembered", &ack, &back);
}
END_TEST

START_TEST(a_flood_of_joins_does_not_push_a_flow_out)
{
	const struct expected later = SENT_TO(DRAINING, BALANCER_ROUTED_FLOW);
	const struct segment ack = segment_of(TCP_ACK);
	struct segment join = join_of(ID_OF(DRAINING));

	run_segment(&join);
	run_segment(&ack);
	/* several times as many as the harness's table has places */
	for (uint32_t i = 1; i <= 60000; i++) {
		join.client = CLIENT_ADDRESS + i;
		run_segment(&join);
	}
	expect("joins that only send SYNs do not touch the flow table", &ack, &later);
}
END_TEST

/* Keep flows until each of the few places of the table is taken; returns how many are. */
static uint32_t fill_table(void)
{
	const struct dataplane_options options = { .tokens = true, .flows = 4 };
	struct segment join = join_of(ID_OF(DRAINING)), ack = segment_of(TCP_ACK);
	uint32_t kept = 0;

	harness_restart(&options);
	for (uint32_t i = 0; i < 64; i++) {
		join.client = ack.client = 0x0a000000 + i;
		run_segment(&join);
		kept += run_segment(&ack) == DRAINING && !harness_is_new(&ack);
	}
	return kept;
}

START_TEST(a_full_table_keeps_the_flows_in_use)
{
	const struct expected joined =
		SENT_TO(DRAINING, BALANCER_ROUTED_TOKEN, BALANCER_FLOWS_NO_ROOM);
	const struct expected hashed = SENT_TO(HASHED, BALANCER_ROUTED_HASH);
	const struct segment join = join_of(ID_OF(DRAINING)), ack = segment_of(TCP_ACK);

	/* some of the 64 hash to DRAINING anyway */
	ck_assert_uint_ge(fill_table(), 2 * BALANCER_WAYS);
	expect("a join that finds no room is routed, and it is counted", &join, &joined);
	expect("but its flow is lost", &ack, &hashed);
}
END_TEST

START_TEST(a_full_table_gives_up_an_idle_flow)
{
	const struct expected joined =
		SENT_TO(DRAINING, BALANCER_ROUTED_TOKEN, BALANCER_FLOWS_EVICTED);
	const struct expected kept = SENT_TO(DRAINING, BALANCER_ROUTED_FLOW, BALANCER_FLOWS_KEPT);
	const struct segment ack = segment_of(TCP_ACK);
	struct segment join = join_of(ID_OF(DRAINING));

	fill_table();
	harness_let_flows_age(310);
	expect("a join takes the place of an idle flow, which is counted", &join, &joined);
	expect("and is remembered", &ack, &kept);
	join.client++;
	expect("the next takes another idle flow's", &join, &joined);
}
END_TEST

/* Send two packets of each of more flows in moved slots, from before a change, than have places. */
static void send_old_flows(void)
{
	struct segment ack = segment_of(TCP_ACK);

	for (uint32_t i = 0; i < 512; i++) {
		ack.client = 0x0a000000 + i;
		if (home_of(&ack) != DRAINING)
			continue;
		ck_assert_int_eq(run_segment(&ack), DRAINING);
		ck_assert_int_eq(run_segment(&ack), DRAINING);
	}
}

START_TEST(flows_of_before_a_change_make_room_for_new_ones)
{
	const struct dataplane_options options = { .tokens = true, .flows = 4 };
	const struct segment ack = segment_of(TCP_ACK);
	const enum server owner = server_away_from_home(&ack);
	const struct expected joined =
		SENT_TO(owner, BALANCER_ROUTED_TOKEN, BALANCER_FLOWS_REPLACED);
	const struct expected kept = SENT_TO(owner, BALANCER_ROUTED_FLOW, BALANCER_FLOWS_KEPT);
	const struct segment join = join_of(ID_OF(owner));

	harness_restart(&options);
	send_old_flows();
	expect("old flows in use fill the table, and a join takes one's place", &join, &joined);
	harness_let_flows_age(2);
	send_old_flows();
	expect("which no old flow takes back", &ack, &kept);
}
END_TEST

START_TEST(a_new_flow_takes_the_place_of_the_oldest_syn)
{
	const struct dataplane_options options = { .tokens = true, .flows = 2 };
	const struct expected replaced =
		SENT_TO(DRAINING, BALANCER_ROUTED_TOKEN, BALANCER_FLOWS_REPLACED);
	struct segment join = join_of(ID_OF(DRAINING));
	struct segment first = join;

	harness_restart(&options);
	for (uint32_t i = 0; i < BALANCER_WAYS; i++) {
		join.client = CLIENT_ADDRESS + i;
		run_segment(&join);
		ck_assert(harness_is_new(&join));
		harness_let_flows_age(2);
	}
	run_segment(&first); /* its retransmission: now the second is the oldest */
	join.client++;
	expect("with one bucket the fifth join takes the second one's place", &join, &replaced);
	ck_assert(harness_is_new(&first));
	first.client++;
	ck_assert(!harness_is_new(&first));
	first.client++;
	ck_assert(harness_is_new(&first));
}
END_TEST

START_TEST(without_tokens_joins_are_like_any_syn)
{
	const struct dataplane_options options = { .tokens = false, .flows = 1024 };
	const struct expected hashed = SENT_TO(HASHED, BALANCER_ROUTED_HASH);
	const struct segment ack = segment_of(TCP_ACK);
	struct segment join = join_of(ID_OF(DRAINING));

	harness_restart(&options);
	expect("the join is hashed", &join, &hashed);
	expect("its ACK too", &ack, &hashed);
}
END_TEST

/* A segment of a random kind, and its token if it is a join's, else 0. */
static struct segment any_segment(uint32_t *token)
{
	struct segment segment = segment_of(random() % 2 ? TCP_SYN : TCP_ACK);

	*token = 0;
	segment.client_port = (uint16_t)(40000 + random() % 50);
	segment.service_port = random() % 4 ? SERVICE_PORT : OTHER_PORT;
	if (segment.flags == TCP_SYN && random() % 2) {
		*token = token_of(random() % 4 ? EPOCH : EPOCH_UNKNOWN, random() % 8);
		options_add_join(&segment.options, *token);
	}
	return segment;
}

/* Whatever a segment is, what explain says of it is what the program then does with it. */
START_TEST(explain_says_what_the_program_does)
{
	srandom(7);
	for (int i = 0; i < 3000; i++) {
		uint32_t token;
		const struct segment segment = any_segment(&token);

		harness_set_down(UP_3, random() % 2);
		ck_assert_int_eq(harness_explain(&segment, token, false), run_segment(&segment));
	}
}
END_TEST

/* What is remembered does not count for SYNs. */
START_TEST(explain_by_the_farm_alone_says_what_the_program_does_with_a_syn)
{
	srandom(8);
	for (int i = 0; i < 1000; i++) {
		uint32_t token;
		const struct segment segment = any_segment(&token);

		if (segment.flags == TCP_SYN)
			ck_assert_int_eq(harness_explain(&segment, token, true),
					 run_segment(&segment));
	}
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, packets_behind_a_join_go_to_its_owner);
	tcase_add_test(tcase, other_4_tuples_do_not_follow_a_join);
	tcase_add_test(tcase, a_new_syn_makes_a_new_join_forgotten);
	tcase_add_test(tcase, a_new_syn_makes_a_kept_flow_forgotten);
	tcase_add_test(tcase, an_unroutable_join_makes_the_flow_forgotten);
	tcase_add_test(tcase, a_syn_that_no_server_takes_forgets_nothing);
	tcase_add_test(tcase, a_join_of_another_owner_takes_the_flow_over);
	tcase_add_test(tcase, a_syn_with_rst_forgets_nothing);
	tcase_add_test(tcase, a_flow_whose_server_went_down_is_hashed);
	tcase_add_test(tcase, a_server_that_comes_back_has_its_flow_in_a_moved_slot_too);
	tcase_add_test(tcase, a_flood_of_joins_does_not_push_a_flow_out);
	tcase_add_test(tcase, a_full_table_keeps_the_flows_in_use);
	tcase_add_test(tcase, a_full_table_gives_up_an_idle_flow);
	tcase_add_test(tcase, flows_of_before_a_change_make_room_for_new_ones);
	tcase_add_test(tcase, a_new_flow_takes_the_place_of_the_oldest_syn);
	tcase_add_test(tcase, explain_says_what_the_program_does);
	tcase_add_test(tcase, explain_by_the_farm_alone_says_what_the_program_does_with_a_syn);
	tcase_add_test(tcase, without_tokens_joins_are_like_any_syn);
}

int main(void)
{
	return harness_run("balancer-flows", add_tests);
}
