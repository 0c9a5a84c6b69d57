// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Frames are built from the inside out: each header is put in front of what is there. */
#include <mptcplb/packet.h>

#include "hex.h"

#define TCP 6
#define IPIP 4
#define IPV6 41
#define UDP 17
#define FRAGMENT 44
#define AH 51

#define OPTIONS "1e0c1000 9740eacc 0badcafe"
#define OPTIONS_SIZE 12
#define PAYLOAD_SIZE 5

struct frame {
	uint8_t bytes[512];
	size_t length;
};

static void prepend(struct frame *frame, const char *text)
{
	uint8_t header[64];
	size_t size = from_hex(header, sizeof(header), text);

	ck_assert_uint_le(frame->length + size, sizeof(frame->bytes));
	memmove(frame->bytes + size, frame->bytes, frame->length);
	memcpy(frame->bytes, header, size);
	frame->length += size;
}

static void put16(uint8_t *bytes, size_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

/* A segment with OPTIONS and PAYLOAD_SIZE bytes of data. */
static struct frame tcp(void)
{
	struct frame frame = { .length = 0 };

	prepend(&frame, "c001 01bb 11121314 21222324 80c2 3132 0000 0000" OPTIONS "4142434445");
	return frame;
}

static void prepend_ipv4(struct frame *frame, uint8_t protocol)
{
	prepend(frame, "4500 0000 0000 4000 4000 0000 c0000201 c6336401");
	put16(frame->bytes + 2, frame->length);
	frame->bytes[9] = protocol;
}

static void prepend_ipv6(struct frame *frame, uint8_t protocol)
{
	prepend(frame, "6000 0000 0000 0040 20010db8000000000000000000000001"
		       "20010db8000000000000000000000002");
	put16(frame->bytes + 4, frame->length - 40);
	frame->bytes[6] = protocol;
}

static void prepend_ip(struct frame *frame, uint8_t version, uint8_t protocol)
{
	if (version == 4)
		prepend_ipv4(frame, protocol);
	else
		prepend_ipv6(frame, protocol);
}

/* Parse a copy that has exactly @captured bytes. Pointers of the result are into @frame. */
static int parse_captured(struct mptcplb_packet *packet, uint32_t link_type,
			  const struct frame *frame, size_t captured)
{
	uint8_t *copy = exact_copy(frame->bytes, captured);
	int copied = mptcplb_packet_parse(packet, link_type, copy, captured, frame->length);
	int result;

	free(copy);
	result = mptcplb_packet_parse(packet, link_type, frame->bytes, captured, frame->length);
	ck_assert_int_eq(copied, result);
	return result;
}

static int parse(struct mptcplb_packet *packet, uint32_t link_type, const struct frame *frame)
{
	return parse_captured(packet, link_type, frame, frame->length);
}

static int parse_raw(struct mptcplb_packet *packet, const struct frame *frame)
{
	return parse(packet, MPTCPLB_LINK_RAW, frame);
}

/* That @packet is what tcp() built. */
static void check_tcp(const struct mptcplb_packet *packet)
{
	uint8_t options[OPTIONS_SIZE];

	from_hex(options, sizeof(options), OPTIONS);
	ck_assert_uint_eq(packet->source_port, 0xc001);
	ck_assert_uint_eq(packet->destination_port, 443);
	ck_assert_uint_eq(packet->sequence_number, 0x11121314);
	ck_assert_uint_eq(packet->acknowledgment_number, 0x21222324);
	ck_assert_uint_eq(packet->flags, MPTCPLB_TCP_SYN | MPTCPLB_TCP_ECE | MPTCPLB_TCP_CWR);
	ck_assert_uint_eq(packet->window, 0x3132);
	ck_assert_uint_eq(packet->options_length, OPTIONS_SIZE);
	ck_assert_uint_eq(packet->options_captured, OPTIONS_SIZE);
	ck_assert_mem_eq(packet->options, options, OPTIONS_SIZE);
	ck_assert_ptr_eq(packet->options, packet->tcp + 20);
	ck_assert_uint_eq(packet->payload_length, PAYLOAD_SIZE);
	ck_assert_uint_eq(packet->payload_captured, PAYLOAD_SIZE);
	ck_assert_mem_eq(packet->payload, "ABCDE", PAYLOAD_SIZE);
}

/* That @ip is what prepend_ipv4() or prepend_ipv6() built. */
static void check_ip(const struct mptcplb_packet_ip *ip, uint8_t version, uint8_t protocol)
{
	uint8_t addresses[32];

	if (version == 4)
		from_hex(addresses, sizeof(addresses), "c0000201 c6336401");
	else
		from_hex(addresses, sizeof(addresses),
			 "20010db8000000000000000000000001 20010db8000000000000000000000002");
	ck_assert_uint_eq(ip->version, version);
	ck_assert_uint_eq(ip->address_length, version == 4 ? 4 : 16);
	ck_assert_uint_eq(ip->protocol, protocol);
	ck_assert(!ip->fragment);
	ck_assert_mem_eq(ip->source, addresses, ip->address_length);
	ck_assert_mem_eq(ip->destination, addresses + ip->address_length, ip->address_length);
}

#define ETHERNET "020000000001 020000000002"
#define SLL "0000 0001 0006 020000000001 0000"
#define SLL2_REST "0000 00000003 0001 00 06 020000000001 0000"

/* Link headers in front of IPv4 and of IPv6. */
static const struct {
	uint32_t type;
	const char *ipv4, *ipv6;
} links[] = {
	{ MPTCPLB_LINK_NULL, "02000000", "1e000000" },
	{ MPTCPLB_LINK_NULL, "00000002", "00000018" },
	{ MPTCPLB_LINK_LOOP, "00000002", "0000001c" },
	{ MPTCPLB_LINK_LOOP, "00000002", "0000000a" },
	{ MPTCPLB_LINK_ETHERNET, ETHERNET "0800", ETHERNET "86dd" },
	{ MPTCPLB_LINK_ETHERNET, ETHERNET "8100 0064 0800", ETHERNET "8100 0064 86dd" },
	{ MPTCPLB_LINK_ETHERNET, ETHERNET "88a8 0007 8100 0064 0800",
	  ETHERNET "88a8 0007 8100 0064 86dd" },
	{ MPTCPLB_LINK_ETHERNET, ETHERNET "9100 0007 8100 0064 0800",
	  ETHERNET "88a8 0001 88a8 0002 8100 0003 86dd" },
	{ MPTCPLB_LINK_LINUX_SLL, SLL "0800", SLL "86dd" },
	{ MPTCPLB_LINK_LINUX_SLL, SLL "8100 0064 0800", SLL "8100 0064 86dd" },
	{ MPTCPLB_LINK_LINUX_SLL2, "0800" SLL2_REST, "86dd" SLL2_REST },
	{ MPTCPLB_LINK_LINUX_SLL2, "8100" SLL2_REST "0064 0800", "8100" SLL2_REST "0064 86dd" },
	{ MPTCPLB_LINK_RAW, "", "" },
	{ MPTCPLB_LINK_DLT_RAW, "", "" },
	{ MPTCPLB_LINK_DLT_RAW_OPENBSD, "", "" },
	{ MPTCPLB_LINK_IPV4, "", NULL },
	{ MPTCPLB_LINK_IPV6, NULL, "" },
};

START_TEST(every_link_header_leads_to_the_segment)
{
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		for (uint8_t version = 4; version <= 6; version += 2) {
			const char *link = version == 4 ? links[i].ipv4 : links[i].ipv6;
			struct frame frame = tcp();
			struct mptcplb_packet packet;

			if (!link)
				continue;
			if (version == 4)
				prepend_ipv4(&frame, TCP);
			else
				prepend_ipv6(&frame, TCP);
			prepend(&frame, link);
			ck_assert_int_eq(parse(&packet, links[i].type, &frame), MPTCPLB_OK);
			check_ip(&packet.ip, version, TCP);
			check_tcp(&packet);
			ck_assert_uint_eq(packet.outer_count, 0);
		}
	}
}
END_TEST

/*
 * The frame ends with the segment of tcp(). Captured whole or in part, what is there is reported,
 * what was cut as well, and nothing behind it is read.
 */
static void cut_everywhere(uint32_t link_type, const struct frame *frame)
{
	size_t options = frame->length - PAYLOAD_SIZE - OPTIONS_SIZE;

	for (size_t captured = 0; captured <= frame->length; captured++) {
		size_t there = captured > options ? captured - options : 0;
		struct mptcplb_packet packet;
		int result = parse_captured(&packet, link_type, frame, captured);

		if (captured < options) {
			ck_assert_int_eq(result, MPTCPLB_ERR_TRUNCATED);
			ck_assert_ptr_null(packet.tcp);
			continue;
		}
		ck_assert_int_eq(result, MPTCPLB_OK);
		ck_assert_uint_eq(packet.options_length, OPTIONS_SIZE);
		ck_assert_uint_eq(packet.options_captured,
				  there < OPTIONS_SIZE ? there : OPTIONS_SIZE);
		ck_assert_uint_eq(packet.payload_length, PAYLOAD_SIZE);
		ck_assert_uint_eq(packet.payload_captured,
				  there > OPTIONS_SIZE ? there - OPTIONS_SIZE : 0);
		ck_assert_uint_eq(packet.payload != NULL, there > OPTIONS_SIZE);
	}
}

#define HOP_BY_HOP "00 00 0000 00000000"
#define ROUTING "00 01 0000 000000000000000000000000"
#define DESTINATION "00 00 0104 00000000"
#define AUTHENTICATION "00 04 0000 00000001 00000002 0102030405060708090a0b0c"

/* An extension header, whose first byte says what follows it. */
static void prepend_extension(struct frame *frame, const char *text, uint8_t next)
{
	prepend(frame, text);
	frame->bytes[0] = next;
}

START_TEST(extension_headers_are_gone_through)
{
	struct frame frame = tcp();
	struct mptcplb_packet packet;

	prepend_extension(&frame, DESTINATION, TCP);
	prepend_extension(&frame, AUTHENTICATION, 60);
	prepend_extension(&frame, "00 00 0000 00000000", AH); /* a fragment that is all */
	prepend_extension(&frame, ROUTING, FRAGMENT);
	prepend_extension(&frame, DESTINATION, 43);
	prepend_extension(&frame, HOP_BY_HOP, 60);
	prepend_ipv6(&frame, 0);
	ck_assert_int_eq(parse_raw(&packet, &frame), MPTCPLB_OK);
	check_ip(&packet.ip, 6, TCP);
	check_tcp(&packet);
	cut_everywhere(MPTCPLB_LINK_IPV6, &frame);

	frame = tcp();
	prepend_extension(&frame, AUTHENTICATION, TCP);
	prepend_ipv4(&frame, AH);
	ck_assert_int_eq(parse_raw(&packet, &frame), MPTCPLB_OK);
	check_ip(&packet.ip, 4, TCP);
	check_tcp(&packet);
	cut_everywhere(MPTCPLB_LINK_IPV4, &frame);

	/* hop-by-hop options are no protocol of IPv4 */
	frame = tcp();
	prepend_extension(&frame, HOP_BY_HOP, TCP);
	prepend_ipv4(&frame, 0);
	ck_assert_int_eq(parse_raw(&packet, &frame), MPTCPLB_ERR_NOT_TCP);
}
END_TEST

START_TEST(ipv4_options_are_gone_through)
{
	struct frame frame = tcp();
	struct mptcplb_packet packet;

	prepend(&frame,
		"4800 0045 0000 4000 4006 0000 c0000201 c6336401 07070400000000 0101010101");
	put16(frame.bytes + 2, frame.length);
	ck_assert_int_eq(parse_raw(&packet, &frame), MPTCPLB_OK);
	check_ip(&packet.ip, 4, TCP);
	check_tcp(&packet);
	cut_everywhere(MPTCPLB_LINK_RAW, &frame);
}
END_TEST

START_TEST(a_cut_frame_is_reported_as_far_as_it_goes)
{
	struct frame frame = tcp();

	prepend_ipv4(&frame, TCP);
	prepend(&frame, ETHERNET "88a8 0007 8100 0064 0800");
	cut_everywhere(MPTCPLB_LINK_ETHERNET, &frame);

	frame = tcp();
	prepend_ipv6(&frame, TCP);
	prepend_ipv4(&frame, IPV6);
	prepend(&frame, SLL "0800");
	cut_everywhere(MPTCPLB_LINK_LINUX_SLL, &frame);

	frame = tcp();
	prepend_ipv4(&frame, TCP);
	prepend_ipv6(&frame, IPIP);
	prepend(&frame, "02000000");
	frame.bytes[0] = 28;
	cut_everywhere(MPTCPLB_LINK_NULL, &frame);
}
END_TEST

START_TEST(bytes_behind_the_packet_are_not_of_it)
{
	struct frame frame = tcp();
	struct mptcplb_packet packet;

	prepend_ipv4(&frame, TCP);
	prepend(&frame, ETHERNET "0800");
	memset(frame.bytes + frame.length, 0xee, 30);
	frame.length += 30;
	ck_assert_int_eq(parse(&packet, MPTCPLB_LINK_ETHERNET, &frame), MPTCPLB_OK);
	check_tcp(&packet);

	/* without data, options end where the IP packet does */
	frame = tcp();
	frame.length -= PAYLOAD_SIZE;
	prepend_ipv6(&frame, TCP);
	memset(frame.bytes + frame.length, 0xee, 30);
	frame.length += 30;
	ck_assert_int_eq(parse_raw(&packet, &frame), MPTCPLB_OK);
	ck_assert_uint_eq(packet.options_captured, OPTIONS_SIZE);
	ck_assert_uint_eq(packet.payload_length, 0);
	ck_assert_uint_eq(packet.payload_captured, 0);
	ck_assert_ptr_null(packet.payload);
}
END_TEST

START_TEST(a_length_of_0_reaches_to_the_end_of_the_frame)
{
	struct frame frame = tcp();
	struct mptcplb_packet packet;

	prepend_ipv4(&frame, TCP);
	put16(frame.bytes + 2, 0);
	ck_assert_int_eq(parse_raw(&packet, &frame), MPTCPLB_OK);
	check_tcp(&packet);
	ck_assert_int_eq(mptcplb_packet_parse(&packet, MPTCPLB_LINK_RAW, frame.bytes, 60, 100000),
			 MPTCPLB_OK);
	ck_assert_uint_eq(packet.payload_length, 100000 - 20 - 32);
	ck_assert_uint_eq(packet.payload_captured, 60 - 20 - 32);

	frame = tcp();
	prepend_ipv6(&frame, TCP);
	put16(frame.bytes + 4, 0);
	ck_assert_int_eq(parse_raw(&packet, &frame), MPTCPLB_OK);
	check_tcp(&packet);
}
END_TEST

START_TEST(of_fragments_the_first_alone_has_the_segment)
{
	static const struct {
		const char *field; /* flags and offset, as in IPv4; shifted by 3 in IPv6 */
		const char *extension;
		int result;
	} cases[] = {
		{ "2000", "06 00 0001 00000009", MPTCPLB_OK },
		{ "2001", "06 00 0009 00000009", MPTCPLB_ERR_FRAGMENT },
		{ "0001", "06 00 0008 00000009", MPTCPLB_ERR_FRAGMENT },
		{ "1000", "06 00 8000 00000009", MPTCPLB_ERR_FRAGMENT },
		{ "1fff", "06 00 fff8 00000009", MPTCPLB_ERR_FRAGMENT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame frame = tcp();
		struct mptcplb_packet packet;

		prepend_ipv4(&frame, TCP);
		from_hex(frame.bytes + 6, 2, cases[i].field);
		ck_assert_int_eq(parse_raw(&packet, &frame), cases[i].result);
		ck_assert(packet.ip.fragment);
		ck_assert_uint_eq(packet.ip.version, 4);
		ck_assert_uint_eq(packet.tcp != NULL, cases[i].result == MPTCPLB_OK);

		frame = tcp();
		prepend(&frame, cases[i].extension);
		prepend_ipv6(&frame, FRAGMENT);
		ck_assert_int_eq(parse_raw(&packet, &frame), cases[i].result);
		ck_assert(packet.ip.fragment);
		ck_assert_uint_eq(packet.ip.version, 6);
		ck_assert_uint_eq(packet.ip.protocol, TCP);

		frame = tcp();
		prepend_ipv4(&frame, TCP);
		prepend_ipv4(&frame, IPIP);
		from_hex(frame.bytes + 6, 2, cases[i].field);
		ck_assert_int_eq(parse_raw(&packet, &frame), cases[i].result);
		ck_assert((cases[i].result ? &packet.ip : &packet.outer[0])->fragment);
	}
}
END_TEST

START_TEST(a_first_fragment_may_end_within_the_tcp_header)
{
	struct frame frame = tcp();
	struct mptcplb_packet packet;

	frame.length = 24;
	prepend_ipv4(&frame, TCP);
	ck_assert_int_eq(parse_raw(&packet, &frame), MPTCPLB_ERR_MALFORMED);
	from_hex(frame.bytes + 6, 2, "2000");
	ck_assert_int_eq(parse_raw(&packet, &frame), MPTCPLB_ERR_TRUNCATED);
	put16(frame.bytes + 2, 28);
	ck_assert_int_eq(parse_raw(&packet, &frame), MPTCPLB_ERR_TRUNCATED);
}
END_TEST

START_TEST(ip_in_ip_keeps_the_outer_addresses)
{
	for (unsigned int versions = 0; versions < 4; versions++) {
		uint8_t inner = versions & 1 ? 6 : 4, outer = versions & 2 ? 6 : 4;
		uint8_t protocol = inner == 4 ? IPIP : IPV6;
		struct frame frame = tcp();
		struct mptcplb_packet packet;

		prepend_ip(&frame, inner, TCP);
		prepend_ip(&frame, outer, protocol);
		ck_assert_int_eq(parse_raw(&packet, &frame), MPTCPLB_OK);
		check_tcp(&packet);
		check_ip(&packet.ip, inner, TCP);
		ck_assert_uint_eq(packet.outer_count, 1);
		check_ip(&packet.outer[0], outer, protocol);
		ck_assert(packet.outer[0].source < packet.ip.source);
	}
}
END_TEST

START_TEST(so_many_ip_headers_and_no_more)
{
	struct frame frame = tcp();
	struct mptcplb_packet packet;

	prepend_ipv4(&frame, TCP);
	for (unsigned int count = 2; count <= MPTCPLB_PACKET_IP_MAX; count++) {
		prepend_ipv4(&frame, IPIP);
		ck_assert_int_eq(parse_raw(&packet, &frame), MPTCPLB_OK);
		ck_assert_uint_eq(packet.outer_count, count - 1);
		ck_assert_ptr_eq(packet.outer[0].source, frame.bytes + 12);
		ck_assert_ptr_eq(packet.ip.source, frame.bytes + 20 * (count - 1) + 12);
	}
	prepend_ipv4(&frame, IPIP);
	ck_assert_int_eq(parse_raw(&packet, &frame), MPTCPLB_ERR_NESTED);
	ck_assert_uint_eq(packet.outer_count, MPTCPLB_PACKET_IP_MAX - 1);
	ck_assert_uint_eq(packet.ip.protocol, IPIP);
}
END_TEST

START_TEST(an_inner_packet_is_not_longer_than_the_outer_one)
{
	for (unsigned int versions = 0; versions < 4; versions++) {
		uint8_t inner = versions & 1 ? 6 : 4, outer = versions & 2 ? 6 : 4;
		struct frame frame = tcp();
		struct mptcplb_packet packet;

		prepend_ip(&frame, inner, TCP);
		frame.bytes[inner == 4 ? 3 : 5]++;
		/* what a frame has too little is of no account: who knows how it was captured */
		ck_assert_int_eq(parse_raw(&packet, &frame), MPTCPLB_OK);
		ck_assert_uint_eq(packet.payload_length, PAYLOAD_SIZE + 1);
		ck_assert_uint_eq(packet.payload_captured, PAYLOAD_SIZE);
		prepend_ip(&frame, outer, inner == 4 ? IPIP : IPV6);
		prepend(&frame, outer == 4 ? ETHERNET "0800" : ETHERNET "86dd");
		frame.length += 8; /* padding, where the inner packet would end */
		ck_assert_int_eq(parse(&packet, MPTCPLB_LINK_ETHERNET, &frame),
				 MPTCPLB_ERR_MALFORMED);
		ck_assert_uint_eq(packet.ip.version, inner);
		ck_assert_uint_eq(packet.outer_count, 1);
	}
}
END_TEST

START_TEST(an_inner_packet_goes_on_in_the_fragments_of_the_outer_one)
{
	for (uint8_t outer = 4; outer <= 6; outer += 2) {
		struct frame frame = tcp();
		struct mptcplb_packet packet;

		prepend_ipv4(&frame, TCP);
		frame.bytes[3]++;
		if (outer == 4) {
			prepend_ipv4(&frame, IPIP);
			from_hex(frame.bytes + 6, 2, "2000");
		} else {
			prepend(&frame, "0400 0001 00000001");
			prepend_ipv6(&frame, FRAGMENT);
		}
		ck_assert_int_eq(parse_raw(&packet, &frame), MPTCPLB_OK);
		ck_assert(packet.outer[0].fragment);
		ck_assert(!packet.ip.fragment);
		check_tcp(&packet);
		/* it ends within the options, or within the inner IP header */
		frame.length = (size_t)(packet.options - frame.bytes) + 4;
		put16(frame.bytes + (outer == 4 ? 2 : 4), frame.length - (outer == 4 ? 0 : 40));
		ck_assert_int_eq(parse_raw(&packet, &frame), MPTCPLB_ERR_TRUNCATED);
		frame.length -= 28;
		put16(frame.bytes + (outer == 4 ? 2 : 4), frame.length - (outer == 4 ? 0 : 40));
		ck_assert_int_eq(parse_raw(&packet, &frame), MPTCPLB_ERR_TRUNCATED);
	}
}
END_TEST

START_TEST(what_is_not_tcp_is_told_apart)
{
	static const struct {
		uint32_t type;
		const char *link;
		uint8_t version, protocol;
		int result;
	} cases[] = {
		{ MPTCPLB_LINK_RAW, "", 4, UDP, MPTCPLB_ERR_NOT_TCP },
		{ MPTCPLB_LINK_RAW, "", 4, 50, MPTCPLB_ERR_NOT_TCP }, /* ESP */
		{ MPTCPLB_LINK_RAW, "", 6, UDP, MPTCPLB_ERR_NOT_TCP },
		{ MPTCPLB_LINK_RAW, "", 6, 59, MPTCPLB_ERR_NOT_TCP }, /* nothing */
		{ MPTCPLB_LINK_ETHERNET, ETHERNET "0806", 4, TCP, MPTCPLB_ERR_NOT_TCP },
		{ MPTCPLB_LINK_ETHERNET, ETHERNET "8100 0064 0806", 4, TCP, MPTCPLB_ERR_NOT_TCP },
		{ MPTCPLB_LINK_ETHERNET, ETHERNET "0040", 4, TCP, MPTCPLB_ERR_NOT_TCP },
		{ MPTCPLB_LINK_NULL, "00000003", 4, TCP, MPTCPLB_ERR_NOT_TCP },
		{ MPTCPLB_LINK_NULL, "00010002", 4, TCP, MPTCPLB_ERR_NOT_TCP },
		{ MPTCPLB_LINK_NULL, "02000002", 4, TCP, MPTCPLB_ERR_NOT_TCP },
		/* one header says IPv4, the next one is of IPv6, or the other way round */
		{ MPTCPLB_LINK_ETHERNET, ETHERNET "0800", 6, TCP, MPTCPLB_ERR_MALFORMED },
		{ MPTCPLB_LINK_ETHERNET, ETHERNET "86dd", 4, TCP, MPTCPLB_ERR_MALFORMED },
		{ MPTCPLB_LINK_RAW, "50", 4, TCP, MPTCPLB_ERR_MALFORMED },
		{ 105, "", 4, TCP, MPTCPLB_ERR_LINK_TYPE }, /* 802.11 */
		{ 0xffffffff, "", 4, TCP, MPTCPLB_ERR_LINK_TYPE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame frame = tcp();
		struct mptcplb_packet packet;

		if (cases[i].version == 4)
			prepend_ipv4(&frame, cases[i].protocol);
		else
			prepend_ipv6(&frame, cases[i].protocol);
		prepend(&frame, cases[i].link);
		ck_assert_int_eq(parse(&packet, cases[i].type, &frame), cases[i].result);
		ck_assert_ptr_null(packet.tcp);
	}
}
END_TEST

START_TEST(headers_that_contradict_themselves_are_malformed)
{
	static const struct {
		size_t offset;
		const char *bytes;
	} cases[] = {
		{ 0, "4f" }, /* an IPv4 header of 60 bytes, and then no TCP header */
		{ 2, "0013" }, /* a length below the header's */
		{ 2, "0027" }, /* and one too short for a TCP header */
		{ 2, "0033" }, /* and for its options */
		{ 32, "40" }, /* a TCP header of 16 bytes */
		{ 32, "a0" }, /* of 40 bytes, where 37 are */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame frame = tcp();
		struct mptcplb_packet packet;

		prepend_ipv4(&frame, TCP);
		from_hex(frame.bytes + cases[i].offset, 2, cases[i].bytes);
		ck_assert_msg(parse_raw(&packet, &frame) == MPTCPLB_ERR_MALFORMED, "case %zu", i);
		ck_assert_ptr_null(packet.tcp);
	}
}
END_TEST

START_TEST(an_ipv4_header_has_20_bytes_at_least)
{
	struct frame frame = tcp();
	struct mptcplb_packet packet;

	prepend_ipv4(&frame, TCP);
	frame.bytes[0] = 0x44;
	/* what would be a TCP header 16 bytes into the packet */
	frame.bytes[16 + 12] = 0x50;
	ck_assert_int_eq(parse_raw(&packet, &frame), MPTCPLB_ERR_MALFORMED);
}
END_TEST

START_TEST(extension_headers_that_do_not_fit_are_malformed)
{
	struct frame frame = tcp();
	struct mptcplb_packet packet;

	prepend_extension(&frame, HOP_BY_HOP, TCP);
	frame.bytes[1] = 255;
	prepend_ipv6(&frame, 0);
	ck_assert_int_eq(parse_raw(&packet, &frame), MPTCPLB_ERR_MALFORMED);

	frame = tcp();
	prepend_extension(&frame, AUTHENTICATION, TCP);
	frame.bytes[1] = 0; /* 8 bytes, where 12 are the least */
	prepend_ipv6(&frame, AH);
	ck_assert_int_eq(parse_raw(&packet, &frame), MPTCPLB_ERR_MALFORMED);

	/* an inner header that is not of the version that the outer one says */
	frame = tcp();
	prepend_ipv6(&frame, TCP);
	prepend_ipv4(&frame, IPIP);
	ck_assert_int_eq(parse_raw(&packet, &frame), MPTCPLB_ERR_MALFORMED);
	ck_assert_uint_eq(packet.outer_count, 1);
	ck_assert_uint_eq(packet.ip.version, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		every_link_header_leads_to_the_segment,
		extension_headers_are_gone_through,
		ipv4_options_are_gone_through,
		a_cut_frame_is_reported_as_far_as_it_goes,
		bytes_behind_the_packet_are_not_of_it,
		a_length_of_0_reaches_to_the_end_of_the_frame,
		of_fragments_the_first_alone_has_the_segment,
		a_first_fragment_may_end_within_the_tcp_header,
		ip_in_ip_keeps_the_outer_addresses,
		so_many_ip_headers_and_no_more,
		an_inner_packet_is_not_longer_than_the_outer_one,
		an_inner_packet_goes_on_in_the_fragments_of_the_outer_one,
		what_is_not_tcp_is_told_apart,
		headers_that_contradict_themselves_are_malformed,
		an_ipv4_header_has_20_bytes_at_least,
		extension_headers_that_do_not_fit_are_malformed,
		NULL,
	};

	return run_suite("packet", tests);
}
