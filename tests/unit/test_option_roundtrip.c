// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* build(parse(x)) is x for every head and length that there is, and parse(build(view)) is view. */
#include <mptcplb/option.h>

#include <mptcplb/key.h>

#include "unit.h"

static const uint8_t versions[] = {
	MPTCPLB_VERSION_RFC6824,  MPTCPLB_VERSION_RFC8684,  2, 12, MPTCPLB_VERSION_COMPACT,
	MPTCPLB_VERSION_IMPLICIT, MPTCPLB_VERSION_EXTENDED,
};

static uint64_t state = 1;

/* xorshift64: the same numbers each run */
static uint64_t next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static uint16_t random16(void)
{
	return (uint16_t)next_random();
}

static uint32_t random32(void)
{
	return (uint32_t)(next_random() >> 16);
}

static const uint8_t *random_bytes(uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(next_random() >> 24);
	return bytes;
}

static struct mptcplb_option_context context(uint8_t version, bool token_in_syn)
{
	struct mptcplb_option_context in = { sizeof(in), version, token_in_syn };

	return in;
}

/* Whether the view of an option gives its bytes again, in a buffer of just that size. */
static bool builds_again(const struct mptcplb_option *view, const uint8_t *bytes, int length)
{
	uint8_t buffer[MPTCPLB_TCP_OPTIONS_MAX];

	return mptcplb_option_build(view, buffer, (size_t)length) == length &&
	       !memcmp(buffer, bytes, (size_t)length);
}

/*
 * Parse an option and build it again. Returns 1 when it was valid. (A ck_assert() for each of these
 * millions would take longer than the test.)
 */
static size_t rebuild(const struct mptcplb_option_context *in, const uint8_t *bytes)
{
	struct mptcplb_option option;
	int result = mptcplb_option_parse(in, &option, bytes, MPTCPLB_TCP_OPTIONS_MAX);

	if (result == MPTCPLB_ERR_MALFORMED)
		return 0;
	if (result != bytes[1] || !builds_again(&option, bytes, result))
		ck_abort_msg("%02x%02x with length %u: %d", bytes[2], bytes[3], bytes[1], result);
	return 1;
}

/* Every third and fourth byte with every length, in a context. Returns how many were valid. */
static size_t rebuild_all(const struct mptcplb_option_context *in)
{
	uint8_t bytes[MPTCPLB_TCP_OPTIONS_MAX] = { MPTCPLB_TCPOPT_MPTCP };
	size_t valid = 0;

	for (uint32_t head = 0; head <= UINT16_MAX; head++) {
		random_bytes(bytes + 4, sizeof(bytes) - 4);
		bytes[2] = (uint8_t)(head >> 8);
		bytes[3] = (uint8_t)head;
		for (bytes[1] = 3; bytes[1] <= MPTCPLB_TCP_OPTIONS_MAX; bytes[1]++)
			valid += rebuild(in, bytes);
	}
	return valid;
}

START_TEST(what_is_parsed_is_built_again)
{
	struct mptcplb_option_context draft = context(MPTCPLB_VERSION_COMPACT, true);
	struct mptcplb_option_context version_0 = context(MPTCPLB_VERSION_RFC6824, false);
	size_t all = rebuild_all(NULL);

	/*
	 * Of each subtype, the lengths that a third byte has, times the fourth bytes: MP_CAPABLE
	 * with versions 0, 1, 2 to 12, 13, 14, 15; MP_JOIN; DSS without and with M (with checksum);
	 * ADD_ADDR without E, with E, and of version 0; REMOVE_ADDR; MP_PRIO; MP_FAIL;
	 * MP_FASTCLOSE; MP_TCPRST; the seven others.
	 */
	ck_assert_uint_eq(all, 256 * ((2 + 5 + 11 * 37 + 8 + 5 + 6) + 16 * 3 + 16 * (1 + 2) / 2 +
				      (8 * 4 + 8 * 4 + 2 * 2) + 16 * 37 + 16 * 2 + 16 + 16 * 3 +
				      16 + 7 * 16 * 38));
	/* less two lengths of MP_CAPABLE, one of MP_FASTCLOSE and MP_PRIO, and version 0's ADD_ADDR */
	ck_assert_uint_eq(rebuild_all(&draft), all - 256 * (2 + 16 + 16 + 4));
	/* less two lengths of MP_FASTCLOSE, and version 1's ADD_ADDR */
	ck_assert_uint_eq(rebuild_all(&version_0), all - 256 * (16 * 2 + 8 * 4 + 8 * 4));
}
END_TEST

static void same_bytes(const uint8_t *a, const uint8_t *b, size_t size)
{
	if (size)
		ck_assert_mem_eq(a, b, size);
}

static void same_mp_capable(const struct mptcplb_mp_capable *a, const struct mptcplb_mp_capable *b)
{
	ck_assert_uint_eq(a->version, b->version);
	ck_assert_uint_eq(a->sender_key_length, b->sender_key_length);
	ck_assert_uint_eq(a->receiver_key_length, b->receiver_key_length);
	ck_assert_uint_eq(a->unknown_length, b->unknown_length);
	ck_assert_uint_eq(a->has_token, b->has_token);
	ck_assert_uint_eq(a->token, b->token);
	ck_assert_uint_eq(a->has_data_level_length, b->has_data_level_length);
	ck_assert_uint_eq(a->data_level_length, b->data_level_length);
	ck_assert_uint_eq(a->has_checksum, b->has_checksum);
	ck_assert_uint_eq(a->checksum, b->checksum);
	same_bytes(a->sender_key, b->sender_key, a->sender_key_length);
	same_bytes(a->receiver_key, b->receiver_key, a->receiver_key_length);
	same_bytes(a->unknown, b->unknown, a->unknown_length);
}

/* Build a view and parse the result. @buffer holds what @out points into. */
static void send_view(struct mptcplb_option *out, uint8_t buffer[MPTCPLB_TCP_OPTIONS_MAX],
		      const struct mptcplb_option_context *in, const struct mptcplb_option *view)
{
	int length = mptcplb_option_build(view, buffer, MPTCPLB_TCP_OPTIONS_MAX);

	ck_assert_int_ge(length, 3);
	ck_assert_int_eq(mptcplb_option_parse(in, out, buffer, (size_t)length), length);
	ck_assert_uint_eq(out->subtype, view->subtype);
	ck_assert_uint_eq(out->flags, view->flags);
}

/* The lengths of a pair of keys that a version has. */
static uint8_t sender_key_length(uint8_t version, bool receiver)
{
	if (version != MPTCPLB_VERSION_COMPACT)
		return MPTCPLB_KEY_SIZE;
	return receiver ? MPTCPLB_KEY_SIZE_COMPACT_A : MPTCPLB_KEY_SIZE_COMPACT_B;
}

static uint8_t receiver_key_length(uint8_t version)
{
	return version == MPTCPLB_VERSION_COMPACT ? MPTCPLB_KEY_SIZE_COMPACT_B : MPTCPLB_KEY_SIZE;
}

/* A view with the parts whose bits are set in @parts; returns 0 when the version lacks the form. */
static bool try_mp_capable(uint8_t version, unsigned int parts)
{
	bool sender = parts & 1, receiver = parts & 2, token = parts & 4, data = parts & 8;
	bool checksum = parts & 16,
	     draft = version == MPTCPLB_VERSION_COMPACT && receiver && !token;
	struct mptcplb_option_context in = context(version, draft);
	uint8_t keys[2][MPTCPLB_KEY_SIZE_MAX], buffer[MPTCPLB_TCP_OPTIONS_MAX];
	struct mptcplb_option option, view = {
		.flags = random16() & 0xff,
		.mp_capable = {
			.version = version,
			.sender_key_length = sender ? sender_key_length(version, receiver) : 0,
			.receiver_key_length = receiver ? receiver_key_length(version) : 0,
			.has_token = token,
			.has_data_level_length = data,
			.has_checksum = checksum,
			.data_level_length = data ? random16() : 0,
			.checksum = checksum ? random16() : 0,
			.token = token ? random32() : 0,
			.sender_key = random_bytes(keys[0], sizeof(keys[0])),
			.receiver_key = random_bytes(keys[1], sizeof(keys[1])),
		},
	};

	if (mptcplb_option_build(&view, buffer, sizeof(buffer)) == MPTCPLB_ERR_ARGUMENT)
		return false;
	send_view(&option, buffer, &in, &view);
	same_mp_capable(&option.mp_capable, &view.mp_capable);
	return true;
}

START_TEST(every_mp_capable_is_parsed_as_it_was_built)
{
	/* how many forms a version has, by the table in docs/token-format.md */
	static const size_t forms[16] = { [MPTCPLB_VERSION_RFC6824] = 2,
					  [MPTCPLB_VERSION_RFC8684] = 5,
					  [MPTCPLB_VERSION_COMPACT] = 9,
					  [MPTCPLB_VERSION_IMPLICIT] = 5,
					  [MPTCPLB_VERSION_EXTENDED] = 6 };

	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		size_t built = 0;

		if (!forms[versions[i]])
			continue;
		for (unsigned int parts = 0; parts < 32; parts++)
			built += try_mp_capable(versions[i], parts);
		ck_assert_uint_eq(built, forms[versions[i]]);
	}
}
END_TEST

START_TEST(an_unknown_mp_capable_is_parsed_as_it_was_built)
{
	for (uint8_t length = 0; length <= MPTCPLB_TCP_OPTIONS_MAX - 4; length++) {
		uint8_t unknown[MPTCPLB_TCP_OPTIONS_MAX], buffer[MPTCPLB_TCP_OPTIONS_MAX];
		struct mptcplb_option option, view = {
			.mp_capable = { .version = 2,
					.unknown = random_bytes(unknown, sizeof(unknown)),
					.unknown_length = length },
		};

		send_view(&option, buffer, NULL, &view);
		same_mp_capable(&option.mp_capable, &view.mp_capable);
	}
}
END_TEST

START_TEST(every_mp_join_is_parsed_as_it_was_built)
{
	for (int form = MPTCPLB_MP_JOIN_SYN; form <= MPTCPLB_MP_JOIN_ACK; form++) {
		uint16_t flags_max = form == MPTCPLB_MP_JOIN_ACK ? 0xfff : 0xf;

		for (uint16_t flags = 0; flags <= flags_max; flags++) {
			uint8_t hmac[MPTCPLB_HMAC_ACK_SIZE], buffer[MPTCPLB_TCP_OPTIONS_MAX];
			struct mptcplb_option option, view = {
				.subtype = MPTCPLB_MP_JOIN,
				.flags = flags,
				.mp_join = { .form = (enum mptcplb_mp_join_form)form,
					     .address_id = (uint8_t)random16(),
					     .token = random32(),
					     .random = random32(),
					     .hmac = random_bytes(hmac, sizeof(hmac)) },
			};

			send_view(&option, buffer, NULL, &view);
			ck_assert_int_eq(option.mp_join.form, form);
			if (form != MPTCPLB_MP_JOIN_ACK) {
				ck_assert_uint_eq(option.mp_join.address_id,
						  view.mp_join.address_id);
				ck_assert_uint_eq(option.mp_join.random, view.mp_join.random);
			}
			if (form == MPTCPLB_MP_JOIN_SYN)
				ck_assert_uint_eq(option.mp_join.token, view.mp_join.token);
			else
				ck_assert_mem_eq(option.mp_join.hmac, hmac,
						 form == MPTCPLB_MP_JOIN_ACK
							 ? MPTCPLB_HMAC_ACK_SIZE
							 : MPTCPLB_HMAC_SYNACK_SIZE);
		}
	}
}
END_TEST

/* A number that the field has room for. */
static uint64_t random_number(uint16_t flags, uint16_t there, uint16_t wide)
{
	if (!(flags & there))
		return 0;
	return flags & wide ? next_random() : random32();
}

static void try_dss(uint16_t flags, bool checksum)
{
	bool mapping = flags & MPTCPLB_DSS_M;
	uint8_t buffer[MPTCPLB_TCP_OPTIONS_MAX];
	struct mptcplb_option option, view = {
		.subtype = MPTCPLB_DSS,
		.flags = flags,
		.dss = { .data_ack = random_number(flags, MPTCPLB_DSS_A, MPTCPLB_DSS_a),
			 .data_sequence_number = random_number(flags, MPTCPLB_DSS_M, MPTCPLB_DSS_m),
			 .subflow_sequence_number = mapping ? random32() : 0,
			 .data_level_length = mapping ? random16() : 0,
			 .has_checksum = checksum,
			 .checksum = checksum ? random16() : 0 },
	};

	send_view(&option, buffer, NULL, &view);
	ck_assert_uint_eq(option.dss.data_ack, view.dss.data_ack);
	ck_assert_uint_eq(option.dss.data_sequence_number, view.dss.data_sequence_number);
	ck_assert_uint_eq(option.dss.subflow_sequence_number, view.dss.subflow_sequence_number);
	ck_assert_uint_eq(option.dss.data_level_length, view.dss.data_level_length);
	ck_assert_uint_eq(option.dss.has_checksum, view.dss.has_checksum);
	ck_assert_uint_eq(option.dss.checksum, view.dss.checksum);
}

START_TEST(every_dss_is_parsed_as_it_was_built)
{
	for (uint16_t flags = 0; flags <= 0xfff; flags++) {
		try_dss(flags, false);
		if (flags & MPTCPLB_DSS_M)
			try_dss(flags, true);
	}
}
END_TEST

static void try_add_addr(uint16_t flags, uint8_t version, uint8_t address_length, bool port,
			 bool has_hmac)
{
	uint8_t address[16], hmac[MPTCPLB_ADD_ADDR_HMAC_SIZE], buffer[MPTCPLB_TCP_OPTIONS_MAX];
	struct mptcplb_option option, view = {
		.subtype = MPTCPLB_ADD_ADDR,
		.flags = flags,
		.add_addr = { .version = version,
			      .address_id = (uint8_t)random16(),
			      .address_length = address_length,
			      .has_port = port,
			      .port = port ? random16() : 0,
			      .address = random_bytes(address, sizeof(address)),
			      .hmac = has_hmac ? random_bytes(hmac, sizeof(hmac)) : NULL },
	};

	send_view(&option, buffer, NULL, &view);
	ck_assert_uint_eq(option.add_addr.version, version);
	ck_assert_uint_eq(option.add_addr.address_id, view.add_addr.address_id);
	ck_assert_uint_eq(option.add_addr.address_length, address_length);
	ck_assert_uint_eq(option.add_addr.has_port, port);
	ck_assert_uint_eq(option.add_addr.port, view.add_addr.port);
	ck_assert_mem_eq(option.add_addr.address, address, address_length);
	ck_assert_uint_eq(option.add_addr.hmac != NULL, has_hmac);
	same_bytes(option.add_addr.hmac, hmac, has_hmac ? sizeof(hmac) : 0);
}

START_TEST(every_add_addr_is_parsed_as_it_was_built)
{
	for (int port = 0; port <= 1; port++) {
		try_add_addr(4, MPTCPLB_VERSION_RFC6824, 4, port, false);
		try_add_addr(6, MPTCPLB_VERSION_RFC6824, 16, port, false);
		for (uint16_t flags = 0; flags <= 0xf; flags++) {
			bool has_hmac = !(flags & MPTCPLB_ADD_ADDR_E);

			try_add_addr(flags, MPTCPLB_VERSION_RFC8684, 4, port, has_hmac);
			try_add_addr(flags, MPTCPLB_VERSION_RFC8684, 16, port, has_hmac);
		}
	}
}
END_TEST

START_TEST(every_list_is_parsed_as_it_was_built)
{
	static const uint8_t subtypes[] = { MPTCPLB_REMOVE_ADDR, 9, 10, 11, 12, 13, 14, 15 };

	for (size_t i = 0; i < ARRAY_SIZE(subtypes); i++) {
		bool ids = subtypes[i] == MPTCPLB_REMOVE_ADDR;

		for (uint8_t count = ids; count <= MPTCPLB_TCP_OPTIONS_MAX - 3; count++) {
			uint8_t list[MPTCPLB_TCP_OPTIONS_MAX], buffer[MPTCPLB_TCP_OPTIONS_MAX];
			struct mptcplb_option option;
			struct mptcplb_option view = { .subtype = subtypes[i],
						       .flags = count & 0xf };

			random_bytes(list, sizeof(list));
			if (ids)
				view.remove_addr = (struct mptcplb_remove_addr){ list, count };
			else
				view.raw = (struct mptcplb_option_raw){ list, count };
			send_view(&option, buffer, NULL, &view);
			ck_assert_uint_eq(ids ? option.remove_addr.count : option.raw.length,
					  count);
			same_bytes(ids ? option.remove_addr.address_ids : option.raw.bytes, list,
				   count);
		}
	}
}
END_TEST

START_TEST(every_small_option_is_parsed_as_it_was_built)
{
	static const uint8_t lengths[] = { 4, 8, 12 };

	for (uint16_t flags = 0; flags <= 0xfff; flags++) {
		uint8_t key[MPTCPLB_KEY_SIZE_MAX], buffer[MPTCPLB_TCP_OPTIONS_MAX];
		struct mptcplb_option option, view = { .subtype = MPTCPLB_MP_FAIL, .flags = flags };

		view.mp_fail.data_sequence_number = next_random();
		send_view(&option, buffer, NULL, &view);
		ck_assert_uint_eq(option.mp_fail.data_sequence_number,
				  view.mp_fail.data_sequence_number);

		view.subtype = MPTCPLB_MP_FASTCLOSE;
		view.mp_fastclose.receiver_key = random_bytes(key, sizeof(key));
		view.mp_fastclose.receiver_key_length = lengths[flags % 3];
		send_view(&option, buffer, NULL, &view);
		ck_assert_uint_eq(option.mp_fastclose.receiver_key_length, lengths[flags % 3]);
		ck_assert_mem_eq(option.mp_fastclose.receiver_key, key, lengths[flags % 3]);

		view.flags = flags & 0xf;
		view.subtype = MPTCPLB_MP_TCPRST;
		view.mp_tcprst.reason = (uint8_t)(flags >> 4);
		send_view(&option, buffer, NULL, &view);
		ck_assert_uint_eq(option.mp_tcprst.reason, flags >> 4);

		view.subtype = MPTCPLB_MP_PRIO;
		view.mp_prio = (struct mptcplb_mp_prio){ flags & 0x10, (uint8_t)(flags >> 4) };
		send_view(&option, buffer, NULL, &view);
		ck_assert_uint_eq(option.mp_prio.has_address_id, view.mp_prio.has_address_id);
		if (view.mp_prio.has_address_id)
			ck_assert_uint_eq(option.mp_prio.address_id, view.mp_prio.address_id);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_is_parsed_is_built_again,
		every_mp_capable_is_parsed_as_it_was_built,
		an_unknown_mp_capable_is_parsed_as_it_was_built,
		every_mp_join_is_parsed_as_it_was_built,
		every_dss_is_parsed_as_it_was_built,
		every_add_addr_is_parsed_as_it_was_built,
		every_list_is_parsed_as_it_was_built,
		every_small_option_is_parsed_as_it_was_built,
		NULL,
	};

	return run_suite("option_roundtrip", tests);
}
