// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* IP-in-IP: what balancers send, in IPv4 and in IPv6. The packets inside are of the test's version. */
#include "server_harness.h"

#include <arpa/inet.h>
#include <string.h>

#include <mptcplb/core.h>

static const struct options none = { .length = 0 };
static int outer_version;

/* Put a frame's packet behind an IP header of a version. */
static struct frame encapsulate(int version, const struct frame *inner, uint32_t source,
				uint32_t destination)
{
	const struct server_address from = harness_address_of(version, source);
	const struct server_address to = harness_address_of(version, destination);
	const uint8_t protocol = harness_version() == 4 ? 4 : 41;
	const size_t length = inner->length - FRAME_IP;
	uint8_t ipv4[20] = { 0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol };
	uint8_t ipv6[FRAME_IPV6_SIZE] = { 0x60, 0, 0, 0, 0, 0, protocol, 64 };
	struct frame frame = *inner;

	if (version == 4) {
		put16(ipv4 + 2, (uint16_t)(length + sizeof(ipv4)));
		memcpy(ipv4 + 12, &from.words[3], 4);
		memcpy(ipv4 + 16, &to.words[3], 4);
		put16(ipv4 + 10, ip_checksum(ipv4, sizeof(ipv4)));
		frame_insert(&frame, FRAME_IP, ipv4, sizeof(ipv4));
	} else {
		put16(ipv6 + 4, (uint16_t)length);
		memcpy(ipv6 + 8, &from, sizeof(from));
		memcpy(ipv6 + 24, &to, sizeof(to));
		frame_insert(&frame, FRAME_IP, ipv6, sizeof(ipv6));
	}
	put16(frame.bytes + 12, version == 4 ? 0x0800 : 0x86dd);
	return frame;
}

static void assert_decapsulated(struct frame frame, const struct frame *inner)
{
	const uint32_t protocol = harness_ingress_protocol(frame);

	ck_assert_uint_eq(protocol, harness_version() == 4 ? 0x0800 : 0x86dd);
	ck_assert_uint_eq(harness_ingress(&frame), UNSPEC);
	assert_same(&frame, inner);
	ck_assert_uint_eq(counter(SERVER_DECAPSULATED), 2);
}

START_TEST(packet_of_a_balancer_is_decapsulated)
{
	const struct frame inner = ack_with(&none, CLIENT_PORT);

	assert_decapsulated(encapsulate(outer_version, &inner, BALANCER, SERVER), &inner);
}
END_TEST

START_TEST(options_of_the_outer_header_go_with_it)
{
	/* What Linux's ip6_tunnel adds by default: a limit of encapsulations. */
	const uint8_t extension[] = {
		outer_version == 4 ? 0 : harness_version() == 4 ? 4 : 41, 0, 4, 1, 4, 1, 1, 1
	};
	const uint8_t nops[] = { 1, 1, 1, 1 };
	const struct frame inner = ack_with(&none, CLIENT_PORT);
	struct frame frame = encapsulate(outer_version, &inner, BALANCER, SERVER);
	uint8_t *ip = frame.bytes + FRAME_IP;

	if (outer_version == 4) {
		frame_insert(&frame, FRAME_IP + 20, nops, sizeof(nops));
		ip[0] = 0x46;
		put16(ip + 2, (uint16_t)(get16(ip + 2) + sizeof(nops)));
	} else {
		frame_insert(&frame, FRAME_IP + FRAME_IPV6_SIZE, extension, sizeof(extension));
		ip[6] = 60;
		put16(ip + 4, (uint16_t)(get16(ip + 4) + sizeof(extension)));
	}
	assert_decapsulated(frame, &inner);
}
END_TEST

START_TEST(decapsulated_packet_is_checked_like_any)
{
	const struct frame inner = third_ack(20, strange_key, CLIENT_PORT);
	struct frame expected = inner;

	memset(tcp_of(&expected) + 20 + TIMESTAMPS_SIZE, MPTCPLB_TCPOPT_NOP, 20);
	tcp_finish(&expected);
	assert_decapsulated(encapsulate(outer_version, &inner, BALANCER, SERVER), &expected);
	ck_assert_uint_eq(counter(SERVER_ACK_UNKNOWN_KEY), 2);
}
END_TEST

START_TEST(icmp_error_about_a_service_is_decapsulated)
{
	struct frame inner = ack_with(&none, CLIENT_PORT);
	const bool is_ipv4 = harness_version() == 4;

	inner.bytes[FRAME_IP + (is_ipv4 ? 9 : 6)] = is_ipv4 ? 1 : 58;
	assert_decapsulated(encapsulate(outer_version, &inner, BALANCER, SERVER), &inner);
	inner.bytes[FRAME_IP + (is_ipv4 ? 19 : 39)]++;
	assert_dropped(encapsulate(outer_version, &inner, BALANCER, SERVER));
}
END_TEST

START_TEST(ip_in_ip_that_is_not_for_us_is_left)
{
	const struct frame inner = ack_with(&none, CLIENT_PORT);

	assert_passed(encapsulate(outer_version, &inner, BALANCER, SERVER + 1));
	assert_passed(encapsulate(outer_version, &inner, STRANGER, SERVER + 1));
}
END_TEST

START_TEST(ip_in_ip_of_a_stranger_is_dropped)
{
	const struct frame inner = ack_with(&none, CLIENT_PORT);

	assert_dropped(encapsulate(outer_version, &inner, STRANGER, SERVER));
	ck_assert_uint_eq(counter(SERVER_DECAPSULATE_SOURCE), 1);
}
END_TEST

START_TEST(ip_in_ip_to_no_service_is_dropped)
{
	struct frame inner = ack_with(&none, CLIENT_PORT);

	put16(tcp_of(&inner) + 2, PORT + 1);
	assert_dropped(encapsulate(outer_version, &inner, BALANCER, SERVER));
	inner = ack_with(&none, CLIENT_PORT);
	inner = encapsulate(harness_version(), &inner, BALANCER, SERVICE);
	assert_dropped(encapsulate(outer_version, &inner, BALANCER, SERVER));
	inner = ack_with(&none, CLIENT_PORT);
	inner.bytes[FRAME_IP] = harness_version() == 4 ? 0x65 : 0x45;
	assert_dropped(encapsulate(outer_version, &inner, BALANCER, SERVER));
	ck_assert_uint_eq(counter(SERVER_DECAPSULATE_INNER), 3);
}
END_TEST

START_TEST(truncated_ip_in_ip_is_dropped_up_to_the_ports)
{
	const struct frame inner = ack_with(&none, CLIENT_PORT);
	const struct frame whole = encapsulate(outer_version, &inner, BALANCER, SERVER);
	const size_t outer = outer_version == 4 ? 20 : FRAME_IPV6_SIZE;
	const size_t header = harness_version() == 4 ? 20 : FRAME_IPV6_SIZE;
	size_t length;

	for (length = FRAME_IP + outer; length < FRAME_IP + outer + header + 4; length++) {
		struct frame frame = whole;

		frame.length = length;
		assert_dropped(frame);
	}
}
END_TEST

static void load_outer(int version)
{
	outer_version = version;
	harness_load(&(struct harness_options){ .slots = 1, .own_version = version });
}

static void load_outer_ipv4(void)
{
	load_outer(4);
}

static void load_outer_ipv6(void)
{
	load_outer(6);
}

static void setup(void)
{
	const struct server_address member = harness_address_of(outer_version, BALANCER);
	const uint8_t one = 1;

	ck_assert_int_eq(bpf_map_update_elem(bpf_map__fd(skel->maps.members), &member, &one, 0), 0);
}

static void add_cases(TCase *tcase)
{
	tcase_add_test(tcase, packet_of_a_balancer_is_decapsulated);
	tcase_add_test(tcase, options_of_the_outer_header_go_with_it);
	tcase_add_test(tcase, decapsulated_packet_is_checked_like_any);
	tcase_add_test(tcase, icmp_error_about_a_service_is_decapsulated);
	tcase_add_test(tcase, ip_in_ip_that_is_not_for_us_is_left);
	tcase_add_test(tcase, ip_in_ip_of_a_stranger_is_dropped);
	tcase_add_test(tcase, ip_in_ip_to_no_service_is_dropped);
	tcase_add_test(tcase, truncated_ip_in_ip_is_dropped_up_to_the_ports);
}

static void add_tests(Suite *suite)
{
	harness_add(suite, "in IPv4", load_outer_ipv4, setup, add_cases);
	harness_add(suite, "in IPv6", load_outer_ipv6, setup, add_cases);
}

int main(void)
{
	return harness_run("server-tunnel", add_tests);
}
