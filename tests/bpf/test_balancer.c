// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* What the balancer's XDP program does with each kind of packet. */
#include <stdlib.h>
#include <string.h>

#include "balancer_harness.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* A part of a SYN's options. */
enum piece_kind {
	END,
	TOKEN_OF,
	TOKEN,
	CAPABLE,
	NOPS,
	BYTES
};

struct piece {
	enum piece_kind kind;
	uint32_t number; /* epoch, token or count */
	uint32_t server_id;
	const char *bytes;
	size_t length;
};

/* clang-format off */
#define JOIN_OF(id) { TOKEN_OF, EPOCH, id, NULL, 0 }
#define JOIN_OF_EPOCH(epoch, id) { TOKEN_OF, epoch, id, NULL, 0 }
#define JOIN_WITH(token) { TOKEN, token, 0, NULL, 0 }
#define MP_CAPABLE { CAPABLE, 0, 0, NULL, 0 }
#define NOP_TIMES(count) { NOPS, count, 0, NULL, 0 }
#define RAW(text) { BYTES, 0, 0, text, sizeof(text) - 1 }
/* clang-format on */

struct fixture {
	const char *sentence;
	struct segment segment; /* zeros: as segment_of(TCP_SYN) */
	struct piece options[4]; /* added to the segment's */
	struct {
		size_t offset; /* in the frame; 0: no patch */
		uint8_t value;
	} patches[4]; /* for headers that lie */
	struct expected expected;
};

static void add_piece(struct options *options, const struct piece *piece)
{
	switch (piece->kind) {
	case END:
		break;
	case TOKEN_OF:
		options_add_join(options, token_of(piece->number, piece->server_id));
		break;
	case TOKEN:
		options_add_join(options, piece->number);
		break;
	case CAPABLE:
		options_add_capable(options);
		break;
	case NOPS:
		options_add_nops(options, piece->number);
		break;
	case BYTES:
		options_add(options, (const uint8_t *)piece->bytes, piece->length);
		break;
	}
}

static struct segment segment_of_fixture(const struct fixture *fixture)
{
	struct segment segment = fixture->segment;
	const struct segment standard = segment_of(TCP_SYN);

	segment.client = standard.client;
	segment.client_port = standard.client_port;
	if (!segment.service)
		segment.service = standard.service;
	if (!segment.service_port)
		segment.service_port = standard.service_port;
	if (!segment.flags)
		segment.flags = standard.flags;
	for (size_t i = 0; i < ARRAY_SIZE(fixture->options); i++)
		add_piece(&segment.options, &fixture->options[i]);
	return segment;
}

static void run_fixture(const struct fixture *fixture)
{
	struct segment segment = segment_of_fixture(fixture);
	struct expected expected = fixture->expected;
	struct frame frame;

	frame_build(&frame, &segment);
	for (size_t i = 0; i < ARRAY_SIZE(fixture->patches); i++) {
		if (fixture->patches[i].offset)
			frame.bytes[fixture->patches[i].offset] = fixture->patches[i].value;
	}
	if (expected.verdict == SEND && expected.server == HASHED)
		expected.server = home_of(&segment);
	expect_frame(fixture->sentence, &frame, &expected);
}

/* Offsets in a frame without IP options. */
#define AT_ETHERTYPE 12
#define AT_VERSION FRAME_IP
#define AT_TOTAL_LENGTH (FRAME_IP + 2)
#define AT_PROTOCOL (FRAME_IP + 9)
#define AT_SERVICE_PORT (FRAME_IP + 22)
#define AT_DATA_OFFSET (FRAME_IP + 32)

#define MORE_FRAGMENTS 0x2000
#define PLAIN_ADDRESS 0xc6336402 /* 198.51.100.2: no service is there */

static const struct fixture fixtures[] = {
	/* joins that a token routes */
	{ .sentence = "a join with a token of up-1 goes to up-1",
	  .options = { JOIN_OF(ID_OF(UP_1)) },
	  .expected = SENT_TO(UP_1, BALANCER_ROUTED_TOKEN) },
	{ .sentence = "a join with a token of up-2 goes to up-2",
	  .options = { JOIN_OF(ID_OF(UP_2)) },
	  .expected = SENT_TO(UP_2, BALANCER_ROUTED_TOKEN) },
	{ .sentence = "a join with up-2's second and largest id goes to up-2",
	  .options = { JOIN_OF(ID_LARGEST) },
	  .expected = SENT_TO(UP_2, BALANCER_ROUTED_TOKEN) },
	{ .sentence = "a join with a token of up-3 goes to up-3",
	  .options = { JOIN_OF(ID_OF(UP_3)) },
	  .expected = SENT_TO(UP_3, BALANCER_ROUTED_TOKEN) },
	{ .sentence = "a draining server still gets the joins of its connections",
	  .options = { JOIN_OF(ID_OF(DRAINING)) },
	  .expected = SENT_TO(DRAINING, BALANCER_ROUTED_TOKEN) },
	{ .sentence = "a join is found behind other options, at the very end of 40 bytes",
	  .options = { RAW("\x02\x04\x05\xb4\x04\x02\x08\x0a\x01\x02\x03\x04\x05\x06\x07\x08"),
		       NOP_TIMES(12), JOIN_OF(ID_OF(UP_3)) },
	  .expected = SENT_TO(UP_3, BALANCER_ROUTED_TOKEN) },
	{ .sentence = "of two joins in one SYN the last counts, as in the kernel",
	  .options = { JOIN_OF(ID_OF(UP_1)), JOIN_OF(ID_OF(UP_3)) },
	  .expected = SENT_TO(UP_3, BALANCER_ROUTED_TOKEN) },
	{ .sentence = "a join with a payload and a TOS is wrapped whole, and the TOS is copied",
	  .segment = { .payload = 500, .tos = 0xb9 },
	  .options = { JOIN_OF(ID_OF(UP_1)) },
	  .expected = SENT_TO(UP_1, BALANCER_ROUTED_TOKEN) },
	{ .sentence = "40 bytes of IP options do not hide the join",
	  .segment = { .ip_options = 40 },
	  .options = { JOIN_OF(ID_OF(UP_1)) },
	  .expected = SENT_TO(UP_1, BALANCER_ROUTED_TOKEN) },
	{ .sentence = "4 bytes of IP options and 40 of TCP options do not hide the join",
	  .segment = { .ip_options = 4 },
	  .options = { NOP_TIMES(28), JOIN_OF(ID_OF(UP_3)) },
	  .expected = SENT_TO(UP_3, BALANCER_ROUTED_TOKEN) },
	{ .sentence = "a SYN with ECN's flags (ECE, CWR) and MP_JOIN is a join",
	  .segment = { .flags = TCP_SYN | 0xc0 },
	  .options = { JOIN_OF(ID_OF(UP_1)) },
	  .expected = SENT_TO(UP_1, BALANCER_ROUTED_TOKEN) },

	/* joins that nobody can take */
	{ .sentence = "token 0 is unroutable, so the join goes where it hashes to",
	  .options = { JOIN_WITH(0) },
	  .expected = SENT_TO(HASHED, BALANCER_UNROUTABLE_TOKEN_ZERO, BALANCER_ROUTED_HASH) },
	{ .sentence = "a token of an epoch without secret is unroutable",
	  .options = { JOIN_OF_EPOCH(EPOCH_UNKNOWN, ID_OF(UP_1)) },
	  .expected = SENT_TO(HASHED, BALANCER_UNROUTABLE_EPOCH, BALANCER_ROUTED_HASH) },
	{ .sentence = "a server id without owner is unroutable",
	  .options = { JOIN_OF(ID_WITHOUT_OWNER) },
	  .expected = SENT_TO(HASHED, BALANCER_UNROUTABLE_ID, BALANCER_ROUTED_HASH) },
	{ .sentence = "server id 0 has no owner here and is no exception",
	  .options = { JOIN_OF(0) },
	  .expected = SENT_TO(HASHED, BALANCER_UNROUTABLE_ID, BALANCER_ROUTED_HASH) },
	{ .sentence = "an owner that is down gets nothing",
	  .options = { JOIN_OF(ID_OF(DOWN)) },
	  .expected = SENT_TO(HASHED, BALANCER_UNROUTABLE_DOWN, BALANCER_ROUTED_HASH) },
	{ .sentence = "an owner that does not serve this port gets nothing",
	  .options = { JOIN_OF(ID_OF(ELSEWHERE)) },
	  .expected = SENT_TO(HASHED, BALANCER_UNROUTABLE_SERVICE, BALANCER_ROUTED_HASH) },
	{ .sentence = "a join to another port goes to the owner that serves it",
	  .segment = { .service_port = OTHER_PORT },
	  .options = { JOIN_OF(ID_OF(ELSEWHERE)) },
	  .expected = SENT_TO(ELSEWHERE, BALANCER_ROUTED_TOKEN) },
	{ .sentence = "up-1 does not serve the other port: its join there goes by the hash",
	  .segment = { .service_port = OTHER_PORT },
	  .options = { JOIN_OF(ID_OF(UP_1)) },
	  .expected = SENT_TO(ELSEWHERE, BALANCER_UNROUTABLE_SERVICE, BALANCER_ROUTED_HASH) },

	/* what is no join */
	{ .sentence = "a SYN without options goes where its 4-tuple hashes to",
	  .expected = SENT_TO(HASHED, BALANCER_ROUTED_HASH) },
	{ .sentence = "a SYN with MP_CAPABLE goes where its 4-tuple hashes to",
	  .options = { MP_CAPABLE },
	  .expected = SENT_TO(HASHED, BALANCER_ROUTED_HASH) },
	{ .sentence = "a SYN with MP_CAPABLE before MP_JOIN is not a join",
	  .options = { MP_CAPABLE, JOIN_OF(ID_OF(DRAINING)) },
	  .expected = SENT_TO(HASHED, BALANCER_ROUTED_HASH) },
	{ .sentence = "a SYN with MP_CAPABLE behind MP_JOIN is not a join",
	  .options = { JOIN_OF(ID_OF(DRAINING)), MP_CAPABLE },
	  .expected = SENT_TO(HASHED, BALANCER_ROUTED_HASH) },
	{ .sentence = "an MP_JOIN in a SYN/ACK's flags is not a join",
	  .segment = { .flags = TCP_SYN | TCP_ACK },
	  .options = { JOIN_OF(ID_OF(DRAINING)) },
	  .expected = SENT_TO(HASHED, BALANCER_ROUTED_HASH) },
	{ .sentence = "an MP_JOIN in an ACK is not a join",
	  .segment = { .flags = TCP_ACK },
	  .options = { JOIN_OF(ID_OF(DRAINING)) },
	  .expected = SENT_TO(HASHED, BALANCER_ROUTED_HASH) },
	{ .sentence = "an MP_JOIN of 16 bytes, a SYN/ACK's form, is passed over",
	  .options = { RAW("\x1e\x10\x10\x01xxxxyyyyzzzz") },
	  .expected = SENT_TO(HASHED, BALANCER_ROUTED_HASH) },
	{ .sentence = "what looks like MP_JOIN inside another option is not one",
	  .options = { RAW("\xfe\x0e\x1e\x0c\x10\x01xxxxyyyy") },
	  .expected = SENT_TO(HASHED, BALANCER_ROUTED_HASH) },
	{ .sentence = "nothing behind the end of the option list is read",
	  .options = { RAW("\x00\x01\x01\x01"), JOIN_OF(ID_OF(DRAINING)) },
	  .expected = SENT_TO(HASHED, BALANCER_ROUTED_HASH) },
	{ .sentence = "an MP_JOIN in the payload is not an option",
	  .options = { RAW("\x01\x01\x01\x01"), JOIN_OF(ID_OF(DRAINING)) },
	  .patches = { { AT_DATA_OFFSET, 6 << 4 } },
	  .expected = SENT_TO(HASHED, BALANCER_ROUTED_HASH) },
	{ .sentence = "an ACK of an unknown flow goes where its 4-tuple hashes to",
	  .segment = { .flags = TCP_ACK, .payload = 100 },
	  .expected = SENT_TO(HASHED, BALANCER_ROUTED_HASH) },
	{ .sentence = "Ethernet padding is not part of the length of the outer packet",
	  .segment = { .flags = TCP_ACK, .padding = 6 },
	  .expected = SENT_TO(HASHED, BALANCER_ROUTED_HASH) },
	{ .sentence = "a service without any server up drops what has no token",
	  .segment = { .service_port = FADING_PORT },
	  .expected = DROPPED(BALANCER_DROPPED_NO_SERVER) },
	{ .sentence = "a service without any server up still takes joins of a draining one",
	  .segment = { .service_port = FADING_PORT },
	  .options = { JOIN_OF(ID_OF(DRAINING)) },
	  .expected = SENT_TO(DRAINING, BALANCER_ROUTED_TOKEN) },

	/* broken options: what was found before stays found */
	{ .sentence = "an option of length 0 ends the walk, and what is behind it is not read",
	  .options = { RAW("\xfe\x00\x01\x01"), JOIN_OF(ID_OF(DRAINING)) },
	  .expected = SENT_TO(HASHED, BALANCER_MALFORMED_OPTIONS, BALANCER_ROUTED_HASH) },
	{ .sentence = "an option of length 1 ends the walk, and what is behind it is not read",
	  .options = { RAW("\xfe\x01\x01\x01"), JOIN_OF(ID_OF(DRAINING)) },
	  .expected = SENT_TO(HASHED, BALANCER_MALFORMED_OPTIONS, BALANCER_ROUTED_HASH) },
	{ .sentence = "a join before an option of length 0 is a join",
	  .options = { JOIN_OF(ID_OF(DRAINING)), RAW("\xfe\x00\x01\x01") },
	  .expected = SENT_TO(DRAINING, BALANCER_MALFORMED_OPTIONS, BALANCER_ROUTED_TOKEN) },
	{ .sentence = "a join before an option that runs past the end is a join",
	  .options = { JOIN_OF(ID_OF(DRAINING)), RAW("\xfe\x05\x01\x01") },
	  .expected = SENT_TO(DRAINING, BALANCER_MALFORMED_OPTIONS, BALANCER_ROUTED_TOKEN) },
	{ .sentence = "a kind without length in the last byte is a broken option",
	  .options = { RAW("\x01\x01\x01\xfe") },
	  .expected = SENT_TO(HASHED, BALANCER_MALFORMED_OPTIONS, BALANCER_ROUTED_HASH) },
	{ .sentence = "an MP_JOIN cut short by the end of the header is broken, never read",
	  .options = { RAW("\x1e\x0c\x10\x01\xff\xff\xff\xff") },
	  .expected = SENT_TO(HASHED, BALANCER_MALFORMED_OPTIONS, BALANCER_ROUTED_HASH) },
	{ .sentence = "an MPTCP option of length 2 has no subtype and is passed over",
	  .options = { RAW("\x1e\x02\x01\x01") },
	  .expected = SENT_TO(HASHED, BALANCER_ROUTED_HASH) },

	/* headers that do not fit the packet */
	{ .sentence = "a TCP header shorter than 20 bytes is dropped",
	  .patches = { { AT_DATA_OFFSET, 4 << 4 } },
	  .expected = DROPPED(BALANCER_DROPPED_TRUNCATED) },
	{ .sentence = "a TCP header longer than the packet is dropped",
	  .patches = { { AT_DATA_OFFSET, 6 << 4 } },
	  .expected = DROPPED(BALANCER_DROPPED_TRUNCATED) },
	{ .sentence = "Ethernet padding does not make up for a TCP header that is too long",
	  .segment = { .padding = 6 },
	  .patches = { { AT_DATA_OFFSET, 6 << 4 } },
	  .expected = DROPPED(BALANCER_DROPPED_TRUNCATED) },
	{ .sentence = "an IP length of less than its two headers is dropped",
	  .patches = { { AT_TOTAL_LENGTH + 1, 39 } },
	  .expected = DROPPED(BALANCER_DROPPED_TRUNCATED) },
	{ .sentence = "an IP length of 0 is dropped",
	  .patches = { { AT_TOTAL_LENGTH + 1, 0 } },
	  .expected = DROPPED(BALANCER_DROPPED_TRUNCATED) },
	{ .sentence = "an IP length of more than the frame is dropped",
	  .patches = { { AT_TOTAL_LENGTH + 1, 41 } },
	  .expected = DROPPED(BALANCER_DROPPED_TRUNCATED) },
	{ .sentence = "an IP length of 65535 is dropped",
	  .patches = { { AT_TOTAL_LENGTH, 0xff }, { AT_TOTAL_LENGTH + 1, 0xff } },
	  .expected = DROPPED(BALANCER_DROPPED_TRUNCATED) },
	{ .sentence = "an IP header that reaches past the frame is dropped",
	  .patches = { { AT_VERSION, 0x4f } },
	  .expected = DROPPED(BALANCER_DROPPED_TRUNCATED) },
	{ .sentence = "the same for another address is none of our business",
	  .segment = { .service = PLAIN_ADDRESS },
	  .patches = { { AT_VERSION, 0x4f } },
	  .expected = PASSED(BALANCER_PASSED) },
	{ .sentence = "an IP header shorter than 20 bytes is left to the stack, which drops it",
	  .patches = { { AT_VERSION, 0x44 } },
	  .expected = PASSED(BALANCER_PASSED) },
	{ .sentence = "IP version 5 behind IPv4's Ethertype is left to the stack",
	  .patches = { { AT_VERSION, 0x55 } },
	  .expected = PASSED(BALANCER_PASSED) },

	/* fragments */
	{ .sentence = "a first fragment has ports and goes with its flow",
	  .segment = { .fragment = MORE_FRAGMENTS, .flags = TCP_ACK, .payload = 64 },
	  .expected = SENT_TO(HASHED, BALANCER_ROUTED_HASH) },
	{ .sentence = "a later fragment for a service's address is dropped",
	  .segment = { .fragment = MORE_FRAGMENTS | 8, .payload = 64 },
	  .options = { JOIN_OF(ID_OF(UP_1)) },
	  .expected = DROPPED(BALANCER_DROPPED_FRAGMENT) },
	{ .sentence = "the last fragment for a service's address is dropped",
	  .segment = { .fragment = 0x1fff },
	  .expected = DROPPED(BALANCER_DROPPED_FRAGMENT) },
	{ .sentence = "a later fragment for another address is passed",
	  .segment = { .fragment = 8, .service = PLAIN_ADDRESS },
	  .expected = PASSED(BALANCER_PASSED) },
	{ .sentence = "DF and the reserved bit are no fragment",
	  .segment = { .fragment = 0xc000, .flags = TCP_ACK },
	  .expected = SENT_TO(HASHED, BALANCER_ROUTED_HASH) },

	/* not ours */
	{ .sentence = "a join to another address is passed",
	  .segment = { .service = PLAIN_ADDRESS },
	  .options = { JOIN_OF(ID_OF(UP_1)) },
	  .expected = PASSED(BALANCER_PASSED) },
	{ .sentence = "a join to a port that is no service is passed",
	  .segment = { .service_port = 22 },
	  .options = { JOIN_OF(ID_OF(UP_1)) },
	  .expected = PASSED(BALANCER_PASSED) },
	{ .sentence = "port 0, which stands for the whole address inside, is no service",
	  .patches = { { AT_SERVICE_PORT, 0 }, { AT_SERVICE_PORT + 1, 0 } },
	  .expected = PASSED(BALANCER_PASSED) },
	{ .sentence = "UDP to a service's port is passed",
	  .patches = { { AT_PROTOCOL, 17 } },
	  .expected = PASSED(BALANCER_PASSED) },
	{ .sentence = "ICMP to a service's address is passed and counted",
	  .patches = { { AT_PROTOCOL, 1 } },
	  .expected = PASSED(BALANCER_PASSED_ICMP) },
	{ .sentence = "ICMP to another address is passed",
	  .segment = { .service = PLAIN_ADDRESS },
	  .patches = { { AT_PROTOCOL, 1 } },
	  .expected = PASSED(BALANCER_PASSED) },
	{ .sentence = "IPv6 is passed untouched",
	  .patches = { { AT_ETHERTYPE, 0x86 }, { AT_ETHERTYPE + 1, 0xdd }, { AT_VERSION, 0x60 } },
	  .expected = PASSED(BALANCER_PASSED) },
	{ .sentence = "ARP is passed",
	  .patches = { { AT_ETHERTYPE + 1, 0x06 } },
	  .expected = PASSED(BALANCER_PASSED) },
	{ .sentence = "a frame with a VLAN tag is passed",
	  .patches = { { AT_ETHERTYPE, 0x81 } },
	  .expected = PASSED(BALANCER_PASSED) },
};

START_TEST(one_packet)
{
	run_fixture(&fixtures[_i]);
}
END_TEST

/* Cut a frame to each length there is; BPF_PROG_TEST_RUN takes none below an Ethernet header. */
static void cut_at_every_length(const struct segment *segment)
{
	const struct expected passed = PASSED(BALANCER_PASSED);
	const struct expected dropped = DROPPED(BALANCER_DROPPED_TRUNCATED);
	struct frame frame;
	size_t length;

	frame_build(&frame, segment);
	length = frame.length;
	for (frame.length = FRAME_IP; frame.length < FRAME_IP + 20; frame.length++)
		expect_frame("without a whole IP header there is no address: passed", &frame,
			     &passed);
	for (; frame.length < length; frame.length++)
		expect_frame("a packet cut short is dropped", &frame, &dropped);
}

START_TEST(truncated_at_every_length)
{
	struct segment segment = join_of(ID_OF(UP_1));

	segment.payload = 10;
	cut_at_every_length(&segment);
	segment.ip_options = 40;
	options_add_nops(&segment.options, 28);
	cut_at_every_length(&segment);
}
END_TEST

START_TEST(truncated_for_another_address)
{
	const struct expected passed = PASSED(BALANCER_PASSED);
	struct segment segment = join_of(ID_OF(UP_1));
	struct frame frame;
	size_t length;

	segment.service = PLAIN_ADDRESS;
	frame_build(&frame, &segment);
	length = frame.length;
	for (frame.length = FRAME_IP; frame.length <= length; frame.length++)
		expect_frame("packets that are not ours are passed at any length", &frame, &passed);
}
END_TEST

/* With this source address and length one TOS makes the sum carry twice. */
START_TEST(the_outer_checksum_is_right_for_every_tos)
{
	const struct expected expected = SENT_TO(UP_1, BALANCER_ROUTED_TOKEN);
	struct segment join = join_of(ID_OF(UP_1));

	join.payload = 0x2f0 - 20 - 20 - 32;
	for (int tos = 0; tos < 256; tos++) {
		join.tos = (uint8_t)tos;
		expect("the outer header is right for each TOS", &join, &expected);
	}
}
END_TEST

START_TEST(syns_match_the_user_space_maglev)
{
	const struct expected hashed = SENT_TO(HASHED, BALANCER_ROUTED_HASH);
	struct segment segment = segment_of(TCP_SYN);

	for (uint32_t i = 0; i < 2000; i++) {
		segment.client = CLIENT_ADDRESS + i * 2654435761U;
		segment.client_port = (uint16_t)(1024 + i);
		expect("each SYN goes to the server of its Maglev slot", &segment, &hashed);
	}
}
END_TEST

/* Options made of random pieces, good and bad, with tokens of every id and epoch. */
static void options_random(struct options *options)
{
	static const uint8_t sizes[] = { 0, 1, 2, 3, 4, 8, 10, 12, 40, 255 };

	while (options->length < 36 && random() % 8) {
		struct options piece = { 0 };

		switch (random() % 6) {
		case 0:
			options_add_nops(&piece, 1 + random() % 3);
			break;
		case 1:
		case 2:
			options_add_join(&piece, token_of(random() % 4 ? EPOCH : EPOCH_UNKNOWN,
							  random() % 8));
			break;
		case 3:
			options_add_capable(&piece);
			break;
		default:
			piece.length = 1 + random() % 12;
			for (size_t i = 0; i < piece.length; i++)
				piece.bytes[i] = (uint8_t)random();
			if (piece.length > 1 && random() % 2)
				piece.bytes[1] = sizes[random() % sizeof(sizes)];
		}
		if (options->length + piece.length <= sizeof(options->bytes))
			options_add(options, piece.bytes, piece.length);
	}
}

/* Where user space would send a SYN with these options. */
static enum server server_in_user_space(const struct segment *segment,
					const struct mptcplb_keyring *keyring)
{
	uint8_t padded[MPTCPLB_TCP_OPTIONS_MAX] = { 0 };
	struct mptcplb_token_parts parts;
	struct mptcplb_core_syn syn;

	memcpy(padded, segment->options.bytes, segment->options.length);
	if (!mptcplb_core_find_join(&syn, padded, (uint32_t)(segment->options.length + 3) / 4 * 4))
		return home_of(segment);
	if (mptcplb_core_token_decode(keyring, &parts, syn.token))
		return home_of(segment);
	if (parts.server_id >= ID_OF(UP_1) && parts.server_id <= ID_OF(DRAINING))
		return parts.server_id - ID_OF(0);
	return parts.server_id == ID_LARGEST ? UP_2 : home_of(segment);
}

START_TEST(random_options_are_read_as_in_user_space)
{
	int joins = 0;

	srandom(20);
	for (int i = 0; i < 20000; i++) {
		struct segment segment = segment_of(TCP_SYN);
		enum server expected;

		segment.client_port = (uint16_t)random();
		segment.ip_options = random() % 3 * 4;
		options_random(&segment.options);
		expected = server_in_user_space(&segment, harness_keyring());
		joins += expected != home_of(&segment);
		ck_assert_int_eq(run_segment(&segment), expected);
	}
	ck_assert_int_gt(joins, 1000);
}
END_TEST

START_TEST(by_policy_unroutable_joins_are_dropped)
{
	const struct dataplane_options options = { .tokens = true,
						   .drop_unroutable = true,
						   .flows = 1024 };
	const struct expected owner = SENT_TO(UP_1, BALANCER_ROUTED_TOKEN);
	const struct expected hashed = SENT_TO(HASHED, BALANCER_ROUTED_HASH);
	const struct expected kept = SENT_TO(DRAINING, BALANCER_ROUTED_FLOW, BALANCER_FLOWS_KEPT);
	const struct expected later = SENT_TO(DRAINING, BALANCER_ROUTED_FLOW);
	const struct expected dropped =
		DROPPED(BALANCER_UNROUTABLE_ID, BALANCER_DROPPED_UNROUTABLE);
	struct segment join = join_of(ID_OF(UP_1)), syn = segment_of(TCP_SYN);
	const struct segment first = join_of(ID_OF(DRAINING)), ack = segment_of(TCP_ACK);
	const struct segment unroutable = join_of(ID_WITHOUT_OWNER);

	harness_restart(&options);
	run_segment(&first);
	expect("a flow is kept", &ack, &kept);
	expect("a join that is dropped changes nothing", &unroutable, &dropped);
	expect("so the flow goes on", &ack, &later);
	run_segment(&syn);
	for (size_t i = 0; i < ARRAY_SIZE(fixtures); i++) {
		struct fixture fixture = fixtures[i];
		const enum balancer_counter reason = fixture.expected.counters[0];

		if (reason < BALANCER_UNROUTABLE_TOKEN_ZERO || reason > BALANCER_UNROUTABLE_DOWN)
			continue;
		fixture.expected = (struct expected)DROPPED(reason, BALANCER_DROPPED_UNROUTABLE);
		run_fixture(&fixture);
	}
	expect("a plain SYN is hashed as ever", &syn, &hashed);
	expect("a join with an owner is routed as ever", &join, &owner);
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, one_packet, 0, (int)ARRAY_SIZE(fixtures));
	tcase_add_test(tcase, truncated_at_every_length);
	tcase_add_test(tcase, truncated_for_another_address);
	tcase_add_test(tcase, the_outer_checksum_is_right_for_every_tos);
	tcase_add_test(tcase, syns_match_the_user_space_maglev);
	tcase_add_test(tcase, random_options_are_read_as_in_user_space);
	tcase_add_test(tcase, by_policy_unroutable_joins_are_dropped);
}

int main(void)
{
	return harness_run("balancer", add_tests);
}
