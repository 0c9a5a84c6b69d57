// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Packets of every shape: what they look like decides whether they are touched. */
#include "server_harness.h"

#include <arpa/inet.h>
#include <string.h>

#include <mptcplb/core.h>

START_TEST(mp_capable_twice_is_blanked)
{
	struct options options = { .length = 0 };
	uint8_t key[8];

	offered_key(CLIENT_PORT, key);
	options_add_keys(&options, 20, key);
	options_add_keys(&options, 20, key);
	assert_blanked(ack_with(&options, CLIENT_PORT), 0, 40);
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
		assert_ack_blanked(third_ack(length, key, CLIENT_PORT));
	}
	options = (struct options){ .length = 0 };
	options_add_keys(&options, 20, key);
	options.bytes[2] = 2;
	assert_blanked(ack_with(&options, CLIENT_PORT), 0, 20);
	ck_assert_uint_eq(counter(SERVER_ACK_MALFORMED), 15);
	ck_assert_uint_eq(counter(SERVER_CONSUMED), 0);
}
END_TEST

START_TEST(options_too_short_for_two_keys_are_left)
{
	uint8_t length;

	for (length = 4; length <= 16; length++) {
		struct options options = { .length = 0 };

		options_add_keys(&options, length, strange_key);
		assert_passed(ack_with(&options, CLIENT_PORT));
	}
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
	options_add_keys(&options, 20, key);
	options_add(&options, tails[_i], 4);
	assert_blanked(ack_with(&options, CLIENT_PORT), 0, 20);
	ck_assert_uint_eq(counter(SERVER_ACK_MALFORMED), 1);
}
END_TEST

START_TEST(broken_mp_capable_is_left_to_the_kernel)
{
	static const uint8_t lengths[] = { 0, 1, 41, 255 };
	struct options options = { .length = 0 };

	/* The kernel's parser stops at it, as ours does: there is nothing that it could adopt. */
	options_add_keys(&options, 40, strange_key);
	options.bytes[1] = lengths[_i];
	assert_passed(ack_with(&options, CLIENT_PORT));
}
END_TEST

START_TEST(mp_capable_behind_the_end_of_options_is_left)
{
	const uint8_t end[] = { 0, 0, 0, 0 };
	struct options options = { .length = 0 };

	options_add(&options, end, sizeof(end));
	options_add_keys(&options, 20, strange_key);
	assert_passed(ack_with(&options, CLIENT_PORT));
}
END_TEST

START_TEST(other_options_of_mptcp_hide_nothing)
{
	static const uint8_t other[] = { 30, 8, 0x20, 1, 0, 0, 0, 0 };
	struct options options = { .length = 0 };

	options_add_timestamps(&options);
	options_add(&options, other, sizeof(other));
	options_add_keys(&options, 20, strange_key);
	assert_blanked(ack_with(&options, CLIENT_PORT), TIMESTAMPS_SIZE + sizeof(other), 20);
}
END_TEST

START_TEST(key_that_looks_like_an_option_is_blanked)
{
	/* It lies where an option that follows timestamps would. */
	static const uint8_t key[8] = { 30, 8, 0x20, 1 };
	struct options options = { .length = 0 };

	options_add_keys(&options, 20, key);
	assert_blanked(ack_with(&options, CLIENT_PORT), 0, 20);
}
END_TEST

START_TEST(mp_capable_is_found_behind_other_options)
{
	/* As Linux sends them in a SYN/ACK, and each less of them. */
	static const uint8_t others[] = { 2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2,
					  3, 4, 5, 6,	 7, 8, 1, 3,  3, 7 };
	static const size_t sizes[] = { 20, 16, 6, 4, 0 };
	struct options options = { .length = 0 };
	struct frame frame;

	options_add(&options, others, sizes[_i]);
	options_add_nops(&options, -sizes[_i] & 3);
	options_add_keys(&options, 12, kernel_key);
	frame = synack_with(&options, CLIENT_PORT);
	ck_assert_uint_eq(harness_egress(&frame), UNSPEC);
	ck_assert_uint_eq(tcp_checksum(&frame), 0);
	ck_assert_mem_eq(tcp_of(&frame) + 20, options.bytes, options.length - 8);
	ck_assert_mem_ne(tcp_of(&frame) + 20 + options.length - 8, kernel_key, 8);
}
END_TEST

START_TEST(truncated_packets_are_left)
{
	const struct frame whole = third_ack(20, strange_key, CLIENT_PORT);
	size_t length;

	/* BPF_PROG_TEST_RUN takes no frame without an IP header. */
	for (length = FRAME_IP + (harness_version() == 4 ? 20 : FRAME_IPV6_SIZE);
	     length < whole.length - 6; length++) {
		struct frame frame = whole;

		frame.length = length;
		assert_passed(frame);
	}
}
END_TEST

START_TEST(ip_options_hide_nothing)
{
	struct segment segment = { .client = CLIENT,
				   .service = SERVICE,
				   .client_port = CLIENT_PORT,
				   .service_port = PORT,
				   .flags = TCP_ACK,
				   .ip_options = 40 };
	struct frame frame;

	options_add_keys(&segment.options, 20, strange_key);
	frame_build(&frame, &segment);
	tcp_finish(&frame);
	assert_blanked(frame, 0, 20);
}
END_TEST

/* Put @count extension headers of a kind in front of the TCP header, the last of @last bytes. */
static void add_extensions(struct frame *frame, uint8_t kind, size_t count, size_t last)
{
	uint8_t header[64] = { frame->bytes[FRAME_IP + 6], (uint8_t)(last / 8 - 1) };

	for (; count; count--, last = 8) {
		header[1] = (uint8_t)(last / 8 - 1);
		frame_insert(frame, FRAME_IP + FRAME_IPV6_SIZE, header, last);
		header[0] = kind;
	}
	frame->bytes[FRAME_IP + 6] = kind;
	put16(frame->bytes + FRAME_IP + 4, (uint16_t)(frame->length - FRAME_IP - FRAME_IPV6_SIZE));
}

START_TEST(ipv6_extension_headers_hide_nothing)
{
	static const uint8_t kinds[] = { 0, 43, 60 }; /* hop by hop, routing, destination */
	const struct frame plain = third_ack(20, strange_key, CLIENT_PORT);
	size_t i, count;

	for (i = 0; i < sizeof(kinds); i++) {
		for (count = 1; count <= 7; count++) {
			struct frame frame = plain, expected = plain;
			size_t size = count * 8 + 48;

			add_extensions(&frame, kinds[i], count, 56);
			if (count == 7) { /* more than are gone through */
				assert_dropped(frame);
				continue;
			}
			memset(tcp_of(&expected) + 20 + TIMESTAMPS_SIZE, MPTCPLB_TCPOPT_NOP, 20);
			tcp_finish(&expected);
			ck_assert_uint_eq(harness_ingress(&frame), UNSPEC);
			ck_assert_uint_eq(frame.length, expected.length + size);
			ck_assert_mem_eq(tcp_of(&frame) + size, tcp_of(&expected),
					 expected.length - FRAME_IP - FRAME_IPV6_SIZE);
		}
	}
	ck_assert_uint_eq(counter(SERVER_HIDDEN), sizeof(kinds));
}
END_TEST

START_TEST(ipv6_extension_headers_to_others_are_left)
{
	struct frame frame = third_ack(20, strange_key, CLIENT_PORT);

	frame.bytes[FRAME_IP + 39]++;
	add_extensions(&frame, 60, 7, 8);
	assert_passed(frame);
}
END_TEST

/* Make a packet the fragment that begins @offset bytes into what is behind its IP header. */
static void make_fragment(struct frame *frame, uint16_t offset, bool more)
{
	uint8_t header[8] = { frame->bytes[FRAME_IP + 6], 0, 0, 0, 1, 2, 3, 4 };
	uint8_t *ip = frame->bytes + FRAME_IP;

	if (harness_version() == 4) {
		put16(ip + 6, (uint16_t)(offset / 8 | (more ? 0x2000 : 0)));
		return;
	}
	put16(header + 2, (uint16_t)(offset | more));
	ip[6] = 44;
	frame_insert(frame, FRAME_IP + FRAME_IPV6_SIZE, header, sizeof(header));
	put16(ip + 4, (uint16_t)(frame->length - FRAME_IP - FRAME_IPV6_SIZE));
}

/* Cut a packet to what its IP header and @length bytes behind that take. */
static void cut(struct frame *frame, size_t length)
{
	const size_t header = harness_version() == 4 ? 20 : FRAME_IPV6_SIZE;
	uint8_t *ip = frame->bytes + FRAME_IP;

	frame->length = FRAME_IP + header + length;
	put16(ip + (harness_version() == 4 ? 2 : 4),
	      (uint16_t)(harness_version() == 4 ? header + length : length));
}

START_TEST(first_fragment_hides_nothing)
{
	const struct frame plain = third_ack(20, strange_key, CLIENT_PORT);
	struct frame frame = plain, expected = plain;
	size_t size = harness_version() == 4 ? 0 : 8, length;

	make_fragment(&frame, 0, true);
	memset(tcp_of(&expected) + 20 + TIMESTAMPS_SIZE, MPTCPLB_TCPOPT_NOP, 20);
	tcp_finish(&expected);
	ck_assert_uint_eq(harness_ingress(&frame), UNSPEC);
	ck_assert_mem_eq(tcp_of(&frame) + size, tcp_of(&expected), 52);
	/* One that holds only the beginning of the TCP header is not let in. */
	for (length = 8; length < 52; length += 8) {
		frame = plain;
		cut(&frame, length);
		make_fragment(&frame, 0, true);
		assert_dropped(frame);
		put16(tcp_of(&frame) + size + 2, PORT + 1);
		assert_passed(frame);
	}
	ck_assert_uint_eq(counter(SERVER_HIDDEN), 6);
}
END_TEST

START_TEST(first_fragment_of_something_else_is_left)
{
	static const uint8_t protocols[] = { 1, 17, 58 };
	size_t i;

	for (i = 0; i < sizeof(protocols); i++) {
		struct frame frame = third_ack(20, strange_key, CLIENT_PORT);

		frame.bytes[FRAME_IP + (harness_version() == 4 ? 9 : 6)] = protocols[i];
		cut(&frame, 8);
		make_fragment(&frame, 0, true);
		assert_passed(frame);
	}
}
END_TEST

START_TEST(later_fragments_pass)
{
	struct frame frame = third_ack(20, strange_key, CLIENT_PORT);

	make_fragment(&frame, 16, _i);
	assert_passed(frame);
}
END_TEST

START_TEST(ipv6_that_poses_as_ipv4_is_left)
{
	const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct frame frame = third_ack(20, strange_key, CLIENT_PORT);
	const struct server_address service = { { 0, 0, htonl(0xffff), htonl(SERVICE) } };

	harness_add_service(&service, PORT);
	memcpy(frame.bytes + FRAME_IP + 24, mapped, sizeof(mapped));
	tcp_finish(&frame);
	assert_passed(frame);
}
END_TEST

/* What comes so late in the path is the business of the VLAN's own interface. */
START_TEST(tags_that_are_part_of_the_frame_are_left)
{
	static const uint8_t tag[] = { 0x81, 0, 0x20, 42 };
	struct frame frame = third_ack(20, strange_key, CLIENT_PORT);

	frame_insert(&frame, 12, tag, sizeof(tag));
	assert_passed(frame);
	frame = capable_synack(CLIENT_PORT);
	frame_insert(&frame, 12, tag, sizeof(tag));
	assert_egress_untouched(frame);
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
	frame.bytes[FRAME_IP + (harness_version() == 4 ? 19 : 39)]++; /* of the destination */
	assert_passed(frame);
	frame = third_ack(20, strange_key, CLIENT_PORT);
	put16(frame.bytes + 12, harness_version() == 4 ? 0x86dd : 0x0800);
	assert_passed(frame);
}
END_TEST

START_TEST(every_service_is_looked_after)
{
	const struct server_address other = harness_address(SERVICE + 1);
	const uint16_t ports[] = { 1, 8000, 8001, 65535 };
	size_t i;

	for (i = 0; i < 4; i++) {
		struct frame frame = third_ack(20, strange_key, CLIENT_PORT);
		uint8_t *last = frame.bytes + FRAME_IP + (harness_version() == 4 ? 19 : 39);

		++*last;
		put16(tcp_of(&frame) + 2, ports[i]);
		tcp_finish(&frame);
		assert_passed(frame);
		harness_add_service(&other, ports[i]);
		assert_ack_blanked(frame);
	}
	assert_ack_blanked(third_ack(20, strange_key, CLIENT_PORT));
}
END_TEST

static void load(void)
{
	harness_load(&(struct harness_options){ .slots = 1 });
}

static void add_cases(TCase *tcase)
{
	tcase_add_test(tcase, mp_capable_twice_is_blanked);
	tcase_add_test(tcase, mp_capable_of_every_other_form_is_blanked);
	tcase_add_test(tcase, options_too_short_for_two_keys_are_left);
	tcase_add_loop_test(tcase, broken_option_behind_it_blanks_mp_capable, 0, 4);
	tcase_add_loop_test(tcase, broken_mp_capable_is_left_to_the_kernel, 0, 4);
	tcase_add_test(tcase, mp_capable_behind_the_end_of_options_is_left);
	tcase_add_test(tcase, other_options_of_mptcp_hide_nothing);
	tcase_add_test(tcase, key_that_looks_like_an_option_is_blanked);
	tcase_add_loop_test(tcase, mp_capable_is_found_behind_other_options, 0, 5);
	tcase_add_test(tcase, truncated_packets_are_left);
	tcase_add_test(tcase, other_packets_pass);
	tcase_add_test(tcase, first_fragment_hides_nothing);
	tcase_add_test(tcase, first_fragment_of_something_else_is_left);
	tcase_add_loop_test(tcase, later_fragments_pass, 0, 2);
	tcase_add_test(tcase, tags_that_are_part_of_the_frame_are_left);
	tcase_add_test(tcase, every_service_is_looked_after);
	if (harness_version() == 4) {
		tcase_add_test(tcase, ip_options_hide_nothing);
		return;
	}
	tcase_add_test(tcase, ipv6_extension_headers_hide_nothing);
	tcase_add_test(tcase, ipv6_extension_headers_to_others_are_left);
	tcase_add_test(tcase, ipv6_that_poses_as_ipv4_is_left);
}

static void add_tests(Suite *suite)
{
	harness_add(suite, "forms", load, slots_fill, add_cases);
}

int main(void)
{
	return harness_run("server-forms", add_tests);
}
