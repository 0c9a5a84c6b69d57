// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include <mptcplb/option.h>

#include <stdio.h>

#include "hex.h"

#define CONTEXT(...)                                                                      \
	(&(struct mptcplb_option_context){ .size = sizeof(struct mptcplb_option_context), \
					   __VA_ARGS__ })

/* The bytes of the last parse() or parse_in(), which its view points into. */
static uint8_t bytes[64];

static struct mptcplb_option parse_in(const struct mptcplb_option_context *context,
				      const char *text)
{
	struct mptcplb_option option;
	size_t length = from_hex(bytes, sizeof(bytes), text);

	ck_assert_int_eq(mptcplb_option_parse(context, &option, bytes, sizeof(bytes)), (int)length);
	return option;
}

static struct mptcplb_option parse(const char *text)
{
	return parse_in(NULL, text);
}

static int error_in(const struct mptcplb_option_context *context, const char *text)
{
	struct mptcplb_option option;
	size_t length = from_hex(bytes, sizeof(bytes), text);

	return mptcplb_option_parse(context, &option, bytes, length);
}

START_TEST(mp_capable_of_version_0)
{
	struct mptcplb_option option = parse("1e 0c 00 81 0102030405060708");

	ck_assert_uint_eq(option.subtype, MPTCPLB_MP_CAPABLE);
	ck_assert_uint_eq(option.mp_capable.version, MPTCPLB_VERSION_RFC6824);
	ck_assert_uint_eq(option.flags, MPTCPLB_MP_CAPABLE_A | MPTCPLB_MP_CAPABLE_H);
	ck_assert_uint_eq(option.mp_capable.sender_key_length, 8);
	ck_assert_ptr_eq(option.mp_capable.sender_key, bytes + 4);
	ck_assert_uint_eq(option.mp_capable.receiver_key_length, 0);

	option = parse("1e 14 00 01 0102030405060708 1112131415161718");
	ck_assert_uint_eq(option.mp_capable.sender_key_length, 8);
	ck_assert_uint_eq(option.mp_capable.receiver_key_length, 8);
	ck_assert_ptr_eq(option.mp_capable.receiver_key, bytes + 12);
	ck_assert(!option.mp_capable.has_data_level_length);
}
END_TEST

START_TEST(mp_capable_of_version_1)
{
	struct mptcplb_option option = parse("1e 04 01 21");

	ck_assert_uint_eq(option.mp_capable.version, MPTCPLB_VERSION_RFC8684);
	ck_assert_uint_eq(option.flags, MPTCPLB_MP_CAPABLE_C | MPTCPLB_MP_CAPABLE_H);
	ck_assert_uint_eq(option.mp_capable.sender_key_length, 0);
	ck_assert_uint_eq(option.mp_capable.receiver_key_length, 0);
	ck_assert(!option.mp_capable.has_token);

	option = parse("1e 0c 01 01 0102030405060708");
	ck_assert_ptr_eq(option.mp_capable.sender_key, bytes + 4);
	ck_assert_uint_eq(option.mp_capable.receiver_key_length, 0);

	option = parse("1e 16 01 01 0102030405060708 1112131415161718 0201");
	ck_assert_ptr_eq(option.mp_capable.receiver_key, bytes + 12);
	ck_assert(option.mp_capable.has_data_level_length);
	ck_assert_uint_eq(option.mp_capable.data_level_length, 0x0201);
	ck_assert(!option.mp_capable.has_checksum);

	option = parse("1e 18 01 81 0102030405060708 1112131415161718 0201 abcd");
	ck_assert_uint_eq(option.mp_capable.data_level_length, 0x0201);
	ck_assert(option.mp_capable.has_checksum);
	ck_assert_uint_eq(option.mp_capable.checksum, 0xabcd);
}
END_TEST

START_TEST(mp_capable_of_implicit_is_laid_out_as_version_1)
{
	struct mptcplb_option option = parse("1e 0c 0e 01 d7408048e66cb0e4");

	ck_assert_uint_eq(option.mp_capable.version, MPTCPLB_VERSION_IMPLICIT);
	ck_assert_uint_eq(option.mp_capable.sender_key_length, 8);
	ck_assert(!option.mp_capable.has_token);
	option = parse("1e 18 0e 81 0102030405060708 1112131415161718 0201 abcd");
	ck_assert_uint_eq(option.mp_capable.checksum, 0xabcd);
}
END_TEST

START_TEST(mp_capable_of_extended_has_the_token_behind_the_keys)
{
	struct mptcplb_option option = parse("1e 08 0f 01 9740eacc");

	ck_assert(option.mp_capable.has_token);
	ck_assert_uint_eq(option.mp_capable.token, 0x9740eacc);
	ck_assert_uint_eq(option.mp_capable.sender_key_length, 0);

	option = parse("1e 10 0f 01 0102030405060708 9740eacc");
	ck_assert_uint_eq(option.mp_capable.token, 0x9740eacc);
	ck_assert_uint_eq(option.mp_capable.sender_key_length, 8);
	ck_assert_ptr_eq(option.mp_capable.sender_key, bytes + 4);
	ck_assert_uint_eq(option.mp_capable.receiver_key_length, 0);

	option = parse("1e 1c 0f 81 0102030405060708 1112131415161718 9740eacc 0201 abcd");
	ck_assert_ptr_eq(option.mp_capable.sender_key, bytes + 4);
	ck_assert_ptr_eq(option.mp_capable.receiver_key, bytes + 12);
	ck_assert_uint_eq(option.mp_capable.token, 0x9740eacc);
	ck_assert_uint_eq(option.mp_capable.data_level_length, 0x0201);
	ck_assert_uint_eq(option.mp_capable.checksum, 0xabcd);
}
END_TEST

START_TEST(mp_capable_of_compact_has_keys_of_12_and_4_bytes)
{
	/* the SYN/ACK alone has the token in front */
	struct mptcplb_option option = parse("1e 0c 0d 01 9740eacc 11121314");

	ck_assert_uint_eq(option.mp_capable.token, 0x9740eacc);
	ck_assert_uint_eq(option.mp_capable.sender_key_length, 4);
	ck_assert_ptr_eq(option.mp_capable.sender_key, bytes + 8);
	ck_assert_uint_eq(option.mp_capable.receiver_key_length, 0);

	option = parse("1e 1a 0d 01 0102030405060708090a0b0c 11121314 9740eacc 0201");
	ck_assert_uint_eq(option.mp_capable.sender_key_length, 12);
	ck_assert_ptr_eq(option.mp_capable.sender_key, bytes + 4);
	ck_assert_uint_eq(option.mp_capable.receiver_key_length, 4);
	ck_assert_ptr_eq(option.mp_capable.receiver_key, bytes + 16);
	ck_assert_uint_eq(option.mp_capable.token, 0x9740eacc);
	ck_assert_uint_eq(option.mp_capable.data_level_length, 0x0201);
	ck_assert(!option.mp_capable.has_checksum);

	option = parse("1e 14 0d 01 0102030405060708090a0b0c 11121314");
	ck_assert_uint_eq(option.mp_capable.receiver_key_length, 4);
	ck_assert(!option.mp_capable.has_token);
}
END_TEST

START_TEST(a_compact_ack_of_24_bytes_depends_on_where_the_token_was)
{
	const char *text = "1e 18 0d 01 0102030405060708090a0b0c 11121314 9740eacc";
	struct mptcplb_option option = parse(text);

	ck_assert(option.mp_capable.has_token);
	ck_assert_uint_eq(option.mp_capable.token, 0x9740eacc);
	ck_assert(!option.mp_capable.has_data_level_length);
	option = parse_in(CONTEXT(.version = MPTCPLB_VERSION_COMPACT), text);
	ck_assert(option.mp_capable.has_token);

	option = parse_in(CONTEXT(.version = MPTCPLB_VERSION_COMPACT, .token_in_syn = true), text);
	ck_assert(!option.mp_capable.has_token);
	ck_assert_uint_eq(option.mp_capable.data_level_length, 0x9740);
	ck_assert_uint_eq(option.mp_capable.checksum, 0xeacc);

	/* with the token in the SYN there is none in the ACK; extended repeats it */
	ck_assert_int_eq(error_in(CONTEXT(.token_in_syn = true),
				  "1e 1a 0d 01 0102030405060708090a0b0c 11121314 9740eacc 0201"),
			 MPTCPLB_ERR_MALFORMED);
	option = parse_in(CONTEXT(.token_in_syn = true),
			  "1e 18 0f 01 0102030405060708 1112131415161718 9740eacc");
	ck_assert(option.mp_capable.has_token);
}
END_TEST

START_TEST(mp_capable_of_an_unknown_version_is_kept_as_it_is)
{
	struct mptcplb_option option = parse("1e 07 02 00 a1a2a3");

	ck_assert_uint_eq(option.mp_capable.version, 2);
	ck_assert_uint_eq(option.mp_capable.unknown_length, 3);
	ck_assert_ptr_eq(option.mp_capable.unknown, bytes + 4);
	ck_assert_uint_eq(option.mp_capable.sender_key_length, 0);
}
END_TEST

START_TEST(mp_join_has_three_forms)
{
	struct mptcplb_option option = parse("1e 0c 11 07 9740eacc 0badcafe");

	ck_assert_uint_eq(option.subtype, MPTCPLB_MP_JOIN);
	ck_assert_int_eq(option.mp_join.form, MPTCPLB_MP_JOIN_SYN);
	ck_assert_uint_eq(option.flags, MPTCPLB_MP_JOIN_B);
	ck_assert_uint_eq(option.mp_join.address_id, 7);
	ck_assert_uint_eq(option.mp_join.token, 0x9740eacc);
	ck_assert_uint_eq(option.mp_join.random, 0x0badcafe);

	option = parse("1e 10 1e 07 0102030405060708 0badcafe");
	ck_assert_int_eq(option.mp_join.form, MPTCPLB_MP_JOIN_SYNACK);
	ck_assert_uint_eq(option.flags, 0xe);
	ck_assert_uint_eq(option.mp_join.address_id, 7);
	ck_assert_ptr_eq(option.mp_join.hmac, bytes + 4);
	ck_assert_uint_eq(option.mp_join.random, 0x0badcafe);

	option = parse("1e 18 1a bc 0102030405060708090a0b0c0d0e0f1011121314");
	ck_assert_int_eq(option.mp_join.form, MPTCPLB_MP_JOIN_ACK);
	ck_assert_uint_eq(option.flags, 0xabc);
	ck_assert_ptr_eq(option.mp_join.hmac, bytes + 4);
}
END_TEST

START_TEST(dss_says_by_flags_what_it_has)
{
	struct mptcplb_option option = parse("1e 08 20 01 81828384");

	ck_assert_uint_eq(option.subtype, MPTCPLB_DSS);
	ck_assert_uint_eq(option.flags, MPTCPLB_DSS_A);
	ck_assert_uint_eq(option.dss.data_ack, 0x81828384);
	ck_assert(!option.dss.has_checksum);

	option = parse("1e 0e 20 04 91929394 a1a2a3a4 b1b2");
	ck_assert_uint_eq(option.dss.data_sequence_number, 0x91929394);
	ck_assert_uint_eq(option.dss.subflow_sequence_number, 0xa1a2a3a4);
	ck_assert_uint_eq(option.dss.data_level_length, 0xb1b2);

	option = parse("1e 1c 20 1f 8182838485868788 9192939495969798 a1a2a3a4 b1b2 c1c2");
	ck_assert_uint_eq(option.flags, MPTCPLB_DSS_F | MPTCPLB_DSS_m | MPTCPLB_DSS_M |
						MPTCPLB_DSS_a | MPTCPLB_DSS_A);
	ck_assert_uint_eq(option.dss.data_ack, 0x8182838485868788);
	ck_assert_uint_eq(option.dss.data_sequence_number, 0x9192939495969798);
	ck_assert_uint_eq(option.dss.subflow_sequence_number, 0xa1a2a3a4);
	ck_assert_uint_eq(option.dss.data_level_length, 0xb1b2);
	ck_assert(option.dss.has_checksum);
	ck_assert_uint_eq(option.dss.checksum, 0xc1c2);

	/* an 8-byte Data ACK beside a 4-byte data sequence number, and the other way round */
	option = parse("1e 16 20 07 8182838485868788 91929394 a1a2a3a4 b1b2");
	ck_assert_uint_eq(option.dss.data_ack, 0x8182838485868788);
	ck_assert_uint_eq(option.dss.data_sequence_number, 0x91929394);
	option = parse("1e 16 20 0d 81828384 9192939495969798 a1a2a3a4 b1b2");
	ck_assert_uint_eq(option.dss.data_ack, 0x81828384);
	ck_assert_uint_eq(option.dss.data_sequence_number, 0x9192939495969798);
}
END_TEST

/* All lengths that a DSS can have, with and without checksum; 0 for none. */
START_TEST(dss_has_one_length_for_its_flags)
{
	static const struct {
		uint16_t flags;
		uint8_t length, with_checksum;
	} cases[] = {
		{ 0, 4, 0 },
		{ MPTCPLB_DSS_A, 8, 0 },
		{ MPTCPLB_DSS_A | MPTCPLB_DSS_a, 12, 0 },
		{ MPTCPLB_DSS_M, 14, 16 },
		{ MPTCPLB_DSS_M | MPTCPLB_DSS_m, 18, 20 },
		{ MPTCPLB_DSS_M | MPTCPLB_DSS_A, 18, 20 },
		{ MPTCPLB_DSS_M | MPTCPLB_DSS_m | MPTCPLB_DSS_A, 22, 24 },
		{ MPTCPLB_DSS_M | MPTCPLB_DSS_A | MPTCPLB_DSS_a, 22, 24 },
		{ MPTCPLB_DSS_M | MPTCPLB_DSS_m | MPTCPLB_DSS_A | MPTCPLB_DSS_a, 26, 28 },
		/* a size without its number says nothing */
		{ MPTCPLB_DSS_a | MPTCPLB_DSS_m, 4, 0 },
		{ MPTCPLB_DSS_A | MPTCPLB_DSS_m, 8, 0 },
		{ MPTCPLB_DSS_M | MPTCPLB_DSS_a, 14, 16 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (uint8_t length = 3; length <= MPTCPLB_TCP_OPTIONS_MAX; length++) {
			uint8_t dss[MPTCPLB_TCP_OPTIONS_MAX] = { MPTCPLB_TCPOPT_MPTCP, length,
								 MPTCPLB_DSS << 4,
								 (uint8_t)cases[i].flags };
			bool fits = length == cases[i].length || length == cases[i].with_checksum;
			struct mptcplb_option option;

			ck_assert_int_eq(mptcplb_option_parse(NULL, &option, dss, sizeof(dss)),
					 fits ? length : MPTCPLB_ERR_MALFORMED);
			if (fits)
				ck_assert_uint_eq(option.dss.has_checksum,
						  length == cases[i].with_checksum);
		}
	}
}
END_TEST

START_TEST(add_addr_of_version_1_has_an_hmac_or_is_an_echo)
{
	struct mptcplb_option option = parse("1e 10 30 05 c0000201 0102030405060708");

	ck_assert_uint_eq(option.subtype, MPTCPLB_ADD_ADDR);
	ck_assert_uint_eq(option.add_addr.version, MPTCPLB_VERSION_RFC8684);
	ck_assert_uint_eq(option.flags, 0);
	ck_assert_uint_eq(option.add_addr.address_id, 5);
	ck_assert_uint_eq(option.add_addr.address_length, 4);
	ck_assert_ptr_eq(option.add_addr.address, bytes + 4);
	ck_assert(!option.add_addr.has_port);
	ck_assert_ptr_eq(option.add_addr.hmac, bytes + 8);

	option = parse("1e 1e 30 05 20010db8000000000000000000000001 1f90 0102030405060708");
	ck_assert_uint_eq(option.add_addr.address_length, 16);
	ck_assert(option.add_addr.has_port);
	ck_assert_uint_eq(option.add_addr.port, 8080);
	ck_assert_ptr_eq(option.add_addr.hmac, bytes + 22);

	option = parse("1e 0a 31 05 c0000201 1f90");
	ck_assert_uint_eq(option.add_addr.version, MPTCPLB_VERSION_RFC8684);
	ck_assert_uint_eq(option.flags, MPTCPLB_ADD_ADDR_E);
	ck_assert_uint_eq(option.add_addr.port, 8080);
	ck_assert_ptr_null(option.add_addr.hmac);

	/* an echo has no HMAC; a reserved bit beside E is no IPVer */
	ck_assert_int_eq(error_in(NULL, "1e 10 31 05 c0000201 0102030405060708"),
			 MPTCPLB_ERR_MALFORMED);
	option = parse("1e 08 35 05 c0000201");
	ck_assert_uint_eq(option.add_addr.version, MPTCPLB_VERSION_RFC8684);
	ck_assert_uint_eq(option.flags, 5);
}
END_TEST

START_TEST(add_addr_of_version_0_says_the_ip_version)
{
	struct mptcplb_option option = parse("1e 08 34 05 c0000201");

	ck_assert_uint_eq(option.add_addr.version, MPTCPLB_VERSION_RFC6824);
	ck_assert_uint_eq(option.flags, 4);
	ck_assert_ptr_null(option.add_addr.hmac);
	option = parse("1e 16 36 05 20010db8000000000000000000000001 1f90");
	ck_assert_uint_eq(option.add_addr.version, MPTCPLB_VERSION_RFC6824);
	ck_assert_uint_eq(option.add_addr.address_length, 16);
	ck_assert_uint_eq(option.add_addr.port, 8080);

	/* an IPVer that the length contradicts, or none */
	ck_assert_int_eq(error_in(NULL, "1e 08 36 05 c0000201"), MPTCPLB_ERR_MALFORMED);
	ck_assert_int_eq(error_in(NULL, "1e 14 34 05 20010db8000000000000000000000001"),
			 MPTCPLB_ERR_MALFORMED);
	ck_assert_int_eq(error_in(NULL, "1e 08 30 05 c0000201"), MPTCPLB_ERR_MALFORMED);
}
END_TEST

START_TEST(remove_addr_is_a_list)
{
	struct mptcplb_option option = parse("1e 04 40 09");

	ck_assert_uint_eq(option.subtype, MPTCPLB_REMOVE_ADDR);
	ck_assert_uint_eq(option.remove_addr.count, 1);
	ck_assert_uint_eq(option.remove_addr.address_ids[0], 9);
	option = parse("1e 0b 4f 0102030405060708");
	ck_assert_uint_eq(option.flags, 0xf);
	ck_assert_uint_eq(option.remove_addr.count, 8);
	ck_assert_ptr_eq(option.remove_addr.address_ids, bytes + 3);
}
END_TEST

START_TEST(mp_prio_has_an_address_id_in_version_0)
{
	struct mptcplb_option option = parse("1e 03 51");

	ck_assert_uint_eq(option.subtype, MPTCPLB_MP_PRIO);
	ck_assert_uint_eq(option.flags, MPTCPLB_MP_PRIO_B);
	ck_assert(!option.mp_prio.has_address_id);
	option = parse("1e 04 50 09");
	ck_assert_uint_eq(option.flags, 0);
	ck_assert(option.mp_prio.has_address_id);
	ck_assert_uint_eq(option.mp_prio.address_id, 9);
}
END_TEST

START_TEST(the_small_options)
{
	struct mptcplb_option option = parse("1e 0c 6a bc 8182838485868788");

	ck_assert_uint_eq(option.subtype, MPTCPLB_MP_FAIL);
	ck_assert_uint_eq(option.flags, 0xabc);
	ck_assert_uint_eq(option.mp_fail.data_sequence_number, 0x8182838485868788);

	option = parse("1e 0c 7a bc 0102030405060708");
	ck_assert_uint_eq(option.subtype, MPTCPLB_MP_FASTCLOSE);
	ck_assert_uint_eq(option.flags, 0xabc);
	ck_assert_uint_eq(option.mp_fastclose.receiver_key_length, 8);
	ck_assert_ptr_eq(option.mp_fastclose.receiver_key, bytes + 4);

	option = parse("1e 04 81 06");
	ck_assert_uint_eq(option.subtype, MPTCPLB_MP_TCPRST);
	ck_assert_uint_eq(option.flags, MPTCPLB_MP_TCPRST_T);
	ck_assert_uint_eq(option.mp_tcprst.reason, 6);

	option = parse("1e 06 fa a1a2a3");
	ck_assert_uint_eq(option.subtype, MPTCPLB_MP_EXPERIMENTAL);
	ck_assert_uint_eq(option.flags, 0xa);
	ck_assert_uint_eq(option.raw.length, 3);
	ck_assert_ptr_eq(option.raw.bytes, bytes + 3);

	option = parse("1e 03 9a");
	ck_assert_uint_eq(option.subtype, 9);
	ck_assert_uint_eq(option.raw.length, 0);
}
END_TEST

/* The lengths of all subtypes but DSS, whose length depends on its flags. */
START_TEST(every_other_length_is_malformed)
{
	static const struct {
		uint8_t third; /* subtype, and version or flags */
		const char *lengths;
	} cases[] = {
		{ 0x00, "\x0c\x14" },
		{ 0x01, "\x04\x0c\x14\x16\x18" },
		{ 0x0d, "\x04\x08\x0c\x14\x16\x18\x1a\x1c" },
		{ 0x0e, "\x04\x0c\x14\x16\x18" },
		{ 0x0f, "\x04\x08\x10\x18\x1a\x1c" },
		{ 0x10, "\x0c\x10\x18" },
		{ 0x30, "\x10\x12\x1c\x1e" },
		{ 0x31, "\x08\x0a\x14\x16" },
		{ 0x34, "\x08\x0a\x10\x12\x1c\x1e" },
		{ 0x36, "\x10\x12\x14\x16\x1c\x1e" },
		{ 0x50, "\x03\x04" },
		{ 0x60, "\x0c" },
		{ 0x70, "\x08\x0c\x10" },
		{ 0x80, "\x04" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (int length = 1; length <= UINT8_MAX; length++) {
			uint8_t text[UINT8_MAX] = { MPTCPLB_TCPOPT_MPTCP, (uint8_t)length,
						    cases[i].third };
			bool valid = strchr(cases[i].lengths, length);
			struct mptcplb_option option;
			int result = mptcplb_option_parse(NULL, &option, text, sizeof(text));

			ck_assert_msg(result == (valid ? length : MPTCPLB_ERR_MALFORMED),
				      "%02x with length %d: %d", cases[i].third, length, result);
		}
	}
}
END_TEST

START_TEST(lists_end_where_a_header_ends)
{
	static const uint8_t thirds[] = { 0x02, 0x0c, 0x40, 0x90, 0xf0 };
	static const uint8_t shortest[] = { 4, 4, 4, 3, 3 };

	for (size_t i = 0; i < ARRAY_SIZE(thirds); i++) {
		for (int length = 0; length <= UINT8_MAX; length++) {
			uint8_t text[UINT8_MAX] = { MPTCPLB_TCPOPT_MPTCP, (uint8_t)length,
						    thirds[i] };
			bool valid = length >= shortest[i] && length <= MPTCPLB_TCP_OPTIONS_MAX;
			struct mptcplb_option option;

			ck_assert_int_eq(mptcplb_option_parse(NULL, &option, text, sizeof(text)),
					 valid ? length : MPTCPLB_ERR_MALFORMED);
		}
	}
}
END_TEST

START_TEST(an_option_cut_at_any_byte_is_truncated)
{
	static const char *const whole[] = {
		"1e 18 01 81 0102030405060708 1112131415161718 0201 abcd",
		"1e 1c 0d 81 0102030405060708090a0b0c 11121314 9740eacc 0201 abcd",
		"1e 07 02 00 a1a2a3",
		"1e 0c 11 07 9740eacc 0badcafe",
		"1e 10 1e 07 0102030405060708 0badcafe",
		"1e 18 1a bc 0102030405060708090a0b0c0d0e0f1011121314",
		"1e 1c 20 1f 8182838485868788 9192939495969798 a1a2a3a4 b1b2 c1c2",
		"1e 1e 30 05 20010db8000000000000000000000001 1f90 0102030405060708",
		"1e 0b 4f 0102030405060708",
		"1e 04 50 09",
		"1e 0c 6a bc 8182838485868788",
		"1e 10 70 00 0102030405060708090a0b0c",
		"1e 04 81 06",
		"1e 06 fa a1a2a3",
	};

	for (size_t i = 0; i < ARRAY_SIZE(whole); i++) {
		size_t length = from_hex(bytes, sizeof(bytes), whole[i]);

		for (size_t size = 0; size <= length; size++) {
			uint8_t *copy = exact_copy(bytes, size);
			struct mptcplb_option option;

			ck_assert_int_eq(mptcplb_option_parse(NULL, &option, copy, size),
					 size == length ? (int)length : MPTCPLB_ERR_TRUNCATED);
			free(copy);
		}
	}
}
END_TEST

START_TEST(a_known_version_narrows_what_is_valid)
{
	static const struct {
		const char *text;
		bool in_version_0, in_version_1, in_compact;
	} cases[] = {
		{ "1e 0c 70 00 0102030405060708", true, true, false },
		{ "1e 08 70 00 01020304", false, false, true },
		{ "1e 10 70 00 0102030405060708090a0b0c", false, false, true },
		{ "1e 03 51", true, true, true },
		{ "1e 04 51 09", true, false, false },
		{ "1e 08 34 05 c0000201", true, false, false },
		{ "1e 08 31 05 c0000201", false, true, true },
		{ "1e 10 30 05 c0000201 0102030405060708", false, true, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *text = cases[i].text;

		ck_assert_int_gt(error_in(CONTEXT(.version = MPTCPLB_VERSION_UNKNOWN), text), 0);
		ck_assert_int_eq(error_in(CONTEXT(.version = MPTCPLB_VERSION_RFC6824), text) > 0,
				 cases[i].in_version_0);
		ck_assert_int_eq(error_in(CONTEXT(.version = MPTCPLB_VERSION_RFC8684), text) > 0,
				 cases[i].in_version_1);
		ck_assert_int_eq(error_in(CONTEXT(.version = MPTCPLB_VERSION_COMPACT), text) > 0,
				 cases[i].in_compact);
	}
}
END_TEST

START_TEST(what_is_no_context_or_no_mptcp_option_is_refused)
{
	struct mptcplb_option_context small = { .size = sizeof(small) - 1 };

	ck_assert_int_eq(error_in(&small, "1e 03 51"), MPTCPLB_ERR_ARGUMENT);
	ck_assert_int_eq(error_in(CONTEXT(.version = 16), "1e 03 51"), MPTCPLB_ERR_ARGUMENT);
	ck_assert_int_eq(error_in(NULL, "1d 03 51"), MPTCPLB_ERR_ARGUMENT);
}
END_TEST

START_TEST(a_view_that_cannot_be_is_not_built)
{
	static const uint8_t key[MPTCPLB_TCP_OPTIONS_MAX];
	const struct mptcplb_option views[] = {
		{ .subtype = 16 },
		{ .subtype = MPTCPLB_MP_PRIO, .flags = 0x10 },
		{ .subtype = MPTCPLB_MP_FAIL, .flags = 0x1000 },
		{ .subtype = MPTCPLB_DSS, .flags = 0x1000 },
		{ .subtype = MPTCPLB_MP_CAPABLE, .flags = 0x100, .mp_capable.version = 1 },
		{ .subtype = MPTCPLB_MP_CAPABLE, .mp_capable.version = 16 },
		{ .subtype = MPTCPLB_MP_CAPABLE, .mp_capable.version = 0 },
		{ .subtype = MPTCPLB_MP_CAPABLE,
		  .mp_capable = { .version = 1, .has_token = true } },
		{ .subtype = MPTCPLB_MP_CAPABLE,
		  .mp_capable = { .version = 1, .sender_key = key, .sender_key_length = 4 } },
		{ .subtype = MPTCPLB_MP_CAPABLE,
		  .mp_capable = { .version = 1, .sender_key_length = 8 } },
		{ .subtype = MPTCPLB_MP_CAPABLE,
		  .mp_capable = { .version = 1, .has_data_level_length = true } },
		{ .subtype = MPTCPLB_MP_CAPABLE,
		  .mp_capable = { .version = 2, .unknown = key, .unknown_length = 37 } },
		{ .subtype = MPTCPLB_MP_JOIN,
		  .mp_join = { .form = (enum mptcplb_mp_join_form)3, .hmac = key } },
		{ .subtype = MPTCPLB_MP_JOIN, .mp_join.form = MPTCPLB_MP_JOIN_ACK },
		{ .subtype = MPTCPLB_MP_JOIN,
		  .flags = 0x10,
		  .mp_join = { .form = MPTCPLB_MP_JOIN_SYNACK, .hmac = key } },
		{ .subtype = MPTCPLB_DSS, .dss.has_checksum = true },
		{ .subtype = MPTCPLB_DSS, .flags = MPTCPLB_DSS_A, .dss.data_ack = 1ULL << 32 },
		{ .subtype = MPTCPLB_DSS,
		  .flags = MPTCPLB_DSS_M,
		  .dss.data_sequence_number = 1ULL << 32 },
		{ .subtype = MPTCPLB_ADD_ADDR,
		  .flags = 4,
		  .add_addr = { .address = key, .address_length = 5 } },
		{ .subtype = MPTCPLB_ADD_ADDR,
		  .flags = 6,
		  .add_addr = { .address = key, .address_length = 4 } },
		{ .subtype = MPTCPLB_ADD_ADDR,
		  .flags = 4,
		  .add_addr = { .address = key, .address_length = 4, .hmac = key } },
		{ .subtype = MPTCPLB_ADD_ADDR,
		  .flags = 0,
		  .add_addr = { .version = 1, .address = key, .address_length = 4 } },
		{ .subtype = MPTCPLB_ADD_ADDR,
		  .flags = MPTCPLB_ADD_ADDR_E,
		  .add_addr = { .version = 1, .address = key, .address_length = 4, .hmac = key } },
		{ .subtype = MPTCPLB_ADD_ADDR,
		  .flags = MPTCPLB_ADD_ADDR_E,
		  .add_addr = { .version = 2, .address = key, .address_length = 4 } },
		{ .subtype = MPTCPLB_ADD_ADDR,
		  .flags = MPTCPLB_ADD_ADDR_E,
		  .add_addr = { .version = 1, .address_length = 4 } },
		{ .subtype = MPTCPLB_REMOVE_ADDR, .remove_addr.address_ids = key },
		{ .subtype = MPTCPLB_REMOVE_ADDR,
		  .remove_addr = { .address_ids = key, .count = 38 } },
		{ .subtype = MPTCPLB_MP_FASTCLOSE,
		  .mp_fastclose = { .receiver_key = key, .receiver_key_length = 5 } },
		{ .subtype = MPTCPLB_MP_FASTCLOSE, .mp_fastclose.receiver_key_length = 8 },
		{ .subtype = 9, .raw = { .bytes = key, .length = 38 } },
		{ .subtype = 9, .raw.length = 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(views); i++) {
		uint8_t buffer[UINT8_MAX];
		int result;

		memset(buffer, 0xee, sizeof(buffer));
		result = mptcplb_option_build(&views[i], buffer, sizeof(buffer));
		ck_assert_msg(result == MPTCPLB_ERR_ARGUMENT, "view %zu: %d", i, result);
		for (size_t j = 0; j < sizeof(buffer); j++)
			ck_assert_uint_eq(buffer[j], 0xee);
	}
}
END_TEST

START_TEST(a_buffer_that_is_too_small_is_left_alone)
{
	struct mptcplb_option option = parse("1e 0c 11 07 9740eacc 0badcafe");
	uint8_t buffer[MPTCPLB_MP_JOIN_SYN_SIZE + 1];

	for (size_t size = 0; size < sizeof(buffer); size++) {
		bool fits = size >= MPTCPLB_MP_JOIN_SYN_SIZE;
		size_t written = fits ? MPTCPLB_MP_JOIN_SYN_SIZE : 0;

		memset(buffer, 0xee, sizeof(buffer));
		ck_assert_int_eq(mptcplb_option_build(&option, buffer, size),
				 fits ? (int)written : MPTCPLB_ERR_BUFFER);
		ck_assert_mem_eq(buffer, bytes, written);
		for (size_t i = written; i < sizeof(buffer); i++)
			ck_assert_uint_eq(buffer[i], 0xee);
	}
}
END_TEST

/* Walk over all options of @text; returns what ended the walk. */
static int walk(const char *text, char *kinds, size_t *offset)
{
	uint8_t all[64];
	size_t length = from_hex(all, sizeof(all), text);
	uint8_t *copy = exact_copy(all, length);
	struct mptcplb_option_iterator iterator = { .size = sizeof(iterator),
						    .bytes = copy,
						    .length = length };
	struct mptcplb_tcp_option option;
	size_t expected = 0;
	int result;

	kinds[0] = 0;
	while ((result = mptcplb_option_next(&iterator, &option)) == 1) {
		ck_assert_ptr_eq(option.bytes, copy + expected);
		ck_assert_uint_eq(option.kind, copy[expected]);
		expected += option.length;
		ck_assert_uint_eq(iterator.offset, expected);
		sprintf(kinds + strlen(kinds), "%u/%u ", option.kind, option.length);
	}
	*offset = iterator.offset;
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(mptcplb_option_next(&iterator, &option), result);
	ck_assert_uint_eq(iterator.offset, *offset);
	free(copy);
	return result;
}

START_TEST(the_iterator_gives_every_option_and_says_where_it_broke)
{
	static const struct {
		const char *text, *kinds;
		int result;
		size_t offset;
	} cases[] = {
		{ "", "", 0, 0 },
		{ "00", "", 0, 0 },
		{ "01 01 01 00 04 02", "1/1 1/1 1/1 ", 0, 3 },
		/* what Linux sends in the SYN of a join */
		{ "020405b4 0402 080a 01020304 00000000 01 030307 1e0c1000 9740eacc 0badcafe",
		  "2/4 4/2 8/10 1/1 3/3 30/12 ", 0, 32 },
		{ "1e0351", "30/3 ", 0, 3 },
		{ "01 1e", "1/1 ", MPTCPLB_ERR_TRUNCATED, 1 },
		{ "01 1e00 01", "1/1 ", MPTCPLB_ERR_MALFORMED, 1 },
		{ "01 1e01 01", "1/1 ", MPTCPLB_ERR_MALFORMED, 1 },
		{ "0402 1e0c1000", "4/2 ", MPTCPLB_ERR_TRUNCATED, 2 },
		{ "0402 1e0410", "4/2 ", MPTCPLB_ERR_TRUNCATED, 2 },
		{ "0402 1e05100001 1e05100001", "4/2 30/5 30/5 ", 0, 12 },
		{ "fe02", "254/2 ", 0, 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char kinds[256];
		size_t offset;

		ck_assert_int_eq(walk(cases[i].text, kinds, &offset), cases[i].result);
		ck_assert_str_eq(kinds, cases[i].kinds);
		ck_assert_uint_eq(offset, cases[i].offset);
	}
}
END_TEST

START_TEST(an_iterator_of_a_wrong_size_gives_nothing)
{
	static const uint8_t nop[] = { MPTCPLB_TCPOPT_NOP };
	struct mptcplb_option_iterator iterator = { .bytes = nop, .length = sizeof(nop) };
	struct mptcplb_tcp_option option = { .kind = 99 };

	for (size_t size = 0; size <= sizeof(iterator) + 1; size++) {
		iterator.size = size;
		if (size != sizeof(iterator))
			ck_assert_int_eq(mptcplb_option_next(&iterator, &option),
					 MPTCPLB_ERR_ARGUMENT);
	}
	ck_assert_uint_eq(option.kind, 99);
	ck_assert_uint_eq(iterator.offset, 0);
}
END_TEST

START_TEST(subtypes_have_the_names_of_the_rfc)
{
	static const char *const names[] = {
		"MP_CAPABLE", "MP_JOIN", "DSS",		 "ADD_ADDR",  "REMOVE_ADDR",
		"MP_PRIO",    "MP_FAIL", "MP_FASTCLOSE", "MP_TCPRST",
	};

	for (uint8_t i = 0; i < ARRAY_SIZE(names); i++)
		ck_assert_str_eq(mptcplb_option_subtype_name(i), names[i]);
	ck_assert_str_eq(mptcplb_option_subtype_name(15), "MP_EXPERIMENTAL");
	ck_assert_ptr_null(mptcplb_option_subtype_name(9));
	ck_assert_ptr_null(mptcplb_option_subtype_name(14));
	ck_assert_ptr_null(mptcplb_option_subtype_name(16));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		mp_capable_of_version_0,
		mp_capable_of_version_1,
		mp_capable_of_implicit_is_laid_out_as_version_1,
		mp_capable_of_extended_has_the_token_behind_the_keys,
		mp_capable_of_compact_has_keys_of_12_and_4_bytes,
		a_compact_ack_of_24_bytes_depends_on_where_the_token_was,
		mp_capable_of_an_unknown_version_is_kept_as_it_is,
		mp_join_has_three_forms,
		dss_says_by_flags_what_it_has,
		dss_has_one_length_for_its_flags,
		add_addr_of_version_1_has_an_hmac_or_is_an_echo,
		add_addr_of_version_0_says_the_ip_version,
		remove_addr_is_a_list,
		mp_prio_has_an_address_id_in_version_0,
		the_small_options,
		every_other_length_is_malformed,
		lists_end_where_a_header_ends,
		an_option_cut_at_any_byte_is_truncated,
		a_known_version_narrows_what_is_valid,
		what_is_no_context_or_no_mptcp_option_is_refused,
		a_view_that_cannot_be_is_not_built,
		a_buffer_that_is_too_small_is_left_alone,
		the_iterator_gives_every_option_and_says_where_it_broke,
		an_iterator_of_a_wrong_size_gives_nothing,
		subtypes_have_the_names_of_the_rfc,
		NULL,
	};

	return run_suite("option", tests);
}
