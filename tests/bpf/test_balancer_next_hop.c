// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Which way the balancer sends what it has encapsulated. */
#include <net/if.h>
#include <stdlib.h>
#include <unistd.h>

#include "balancer_harness.h"

/* Change the network, and let the tick pass for which a next hop is remembered. */
static void command(const char *text)
{
	ck_assert_msg(system(text) == 0, "this failed: %s", text);
	usleep(50000);
}

/* A link on which 192.0.2.254, a router, would be. */
static void make_link(void)
{
	harness_enter_namespace();
	command("ip link add lb-near address 02:00:00:00:00:aa type veth peer name lb-far");
	command("ip link set lb-near up");
	command("ip link set lb-far up");
	command("ip address add 192.0.2.1/24 dev lb-near");
	command("sysctl -qw net.ipv4.conf.lb-near.forwarding=1");
	command("ip route add 192.0.2.11 via 192.0.2.254");
	harness_set_interface(if_nametoindex("lb-near"));
}

START_TEST(without_a_route_the_sender_gets_it_back)
{
	static const uint8_t swapped[] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 };
	const struct expected sent = SENT_TO(UP_1, BALANCER_ROUTED_TOKEN);
	struct segment join = join_of(ID_OF(UP_1));

	expect("a host that does not forward sends by way of the sender", &join, &sent);
	ck_assert_mem_eq(harness_output()->bytes, swapped, sizeof(swapped));
}
END_TEST

START_TEST(the_routing_table_gives_the_next_hop)
{
	static const uint8_t routed[] = { 2, 0, 0, 0, 0, 0xfe, 2, 0, 0, 0, 0, 0xaa };
	const struct expected unresolved =
		SENT_TO(UP_1, BALANCER_ROUTED_TOKEN, BALANCER_NEXT_HOP_SENDER);
	const struct expected sent = SENT_TO(UP_1, BALANCER_ROUTED_TOKEN);
	const struct expected forbidden = DROPPED(BALANCER_ROUTED_TOKEN, BALANCER_DROPPED_NO_ROUTE);
	struct segment join = join_of(ID_OF(UP_1));

	make_link();
	expect("a neighbour that is not resolved: by way of the sender", &join, &unresolved);
	command("ip neighbour replace 192.0.2.254 lladdr 02:00:00:00:00:fe dev lb-near");
	expect("a route with a neighbour is used", &join, &sent);
	ck_assert_mem_eq(harness_output()->bytes, routed, sizeof(routed));
	command("ip route replace blackhole 192.0.2.11");
	expect("a blackhole route is obeyed", &join, &forbidden);
}
END_TEST

START_TEST(what_does_not_fit_the_link_is_dropped_and_counted)
{
	const struct expected sent = SENT_TO(UP_1, BALANCER_ROUTED_TOKEN);
	const struct expected dropped = DROPPED(BALANCER_ROUTED_TOKEN, BALANCER_DROPPED_TOO_BIG);
	const struct expected sent_back =
		SENT_TO(UP_1, BALANCER_ROUTED_TOKEN, BALANCER_NEXT_HOP_SENDER);
	struct segment join = join_of(ID_OF(UP_1));

	make_link();
	command("ip neighbour replace 192.0.2.254 lladdr 02:00:00:00:00:fe dev lb-near");
	join.payload = 1500 - 20 - 52;
	expect("1480 bytes and the outer header fit an MTU of 1500", &join, &sent);
	join.payload++;
	expect("1481 bytes do not", &join, &dropped);
	command("sysctl -qw net.ipv4.conf.lb-near.forwarding=0");
	expect("nor do they on the way back to the sender", &join, &dropped);
	join.payload--;
	expect("where 1480 bytes do", &join, &sent_back);
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, without_a_route_the_sender_gets_it_back);
	tcase_add_test(tcase, the_routing_table_gives_the_next_hop);
	tcase_add_test(tcase, what_does_not_fit_the_link_is_dropped_and_counted);
}

int main(void)
{
	return harness_run("balancer-next-hop", add_tests);
}
