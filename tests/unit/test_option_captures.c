// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Of every MPTCP option that the kernel's stack sent into tests/captures: build(parse(x)) is x, and
 * the HMACs of ADD_ADDR are ours.
 */
#include <mptcplb/option.h>

#include <mptcplb/key.h>
#include <mptcplb/packet.h>

#include <glob.h>
#include <stdio.h>

#include "unit.h"

/* Sizes of pcap's headers, whose numbers are little-endian in these files. */
#define FILE_HEADER 24
#define FRAME_HEADER 16

static size_t options_of[16]; /* how many, by subtype */
static size_t hmacs; /* how many of ADD_ADDR */

/* What the third ACK of a capture's connection says; there is one connection that has ADD_ADDR. */
static uint8_t client_key[MPTCPLB_KEY_SIZE], server_key[MPTCPLB_KEY_SIZE];
static uint16_t server_port;

static uint32_t little_endian(const uint8_t *bytes)
{
	return (uint32_t)bytes[3] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[1] << 8 |
	       bytes[0];
}

static void check_hmac(const struct mptcplb_packet *packet, const struct mptcplb_option *view)
{
	uint8_t hmac[MPTCPLB_ADD_ADDR_HMAC_SIZE];
	bool from_server = packet->source_port == server_port;

	ck_assert_int_eq(
		mptcplb_key_hmac_add_addr(hmac, &view->add_addr,
					  from_server ? server_key : client_key, MPTCPLB_KEY_SIZE,
					  from_server ? client_key : server_key, MPTCPLB_KEY_SIZE),
		MPTCPLB_OK);
	ck_assert_mem_eq(hmac, view->add_addr.hmac, sizeof(hmac));
	hmacs++;
}

static void look_at_keys(const struct mptcplb_packet *packet, const struct mptcplb_option *view)
{
	if (view->subtype == MPTCPLB_ADD_ADDR && view->add_addr.hmac)
		check_hmac(packet, view);
	if (view->subtype != MPTCPLB_MP_CAPABLE || !view->mp_capable.receiver_key)
		return;
	memcpy(client_key, view->mp_capable.sender_key, sizeof(client_key));
	memcpy(server_key, view->mp_capable.receiver_key, sizeof(server_key));
	server_port = packet->destination_port;
}

static void build_again(const struct mptcplb_packet *packet,
			const struct mptcplb_tcp_option *option)
{
	uint8_t buffer[MPTCPLB_TCP_OPTIONS_MAX];
	struct mptcplb_option view;

	ck_assert_int_eq(mptcplb_option_parse(NULL, &view, option->bytes, option->length),
			 option->length);
	ck_assert_int_eq(mptcplb_option_build(&view, buffer, option->length), option->length);
	ck_assert_mem_eq(buffer, option->bytes, option->length);
	options_of[view.subtype]++;
	look_at_keys(packet, &view);
}

static void build_options_again(const uint8_t *frame, size_t length)
{
	struct mptcplb_option_iterator iterator = { .size = sizeof(iterator) };
	struct mptcplb_tcp_option option;
	struct mptcplb_packet packet;

	if (mptcplb_packet_parse(&packet, MPTCPLB_LINK_ETHERNET, frame, length, length))
		return;
	iterator.bytes = packet.options;
	iterator.length = packet.options_length;
	while (mptcplb_option_next(&iterator, &option) == 1) {
		if (option.kind == MPTCPLB_TCPOPT_MPTCP)
			build_again(&packet, &option);
	}
}

static void read_capture(const char *path)
{
	static uint8_t bytes[1 << 20];
	FILE *stream = fopen(path, "rb");
	size_t size, length;

	ck_assert_msg(stream != NULL, "%s", path);
	size = fread(bytes, 1, sizeof(bytes), stream);
	fclose(stream);
	ck_assert_uint_gt(size, FILE_HEADER);
	ck_assert_uint_lt(size, sizeof(bytes));
	for (size_t at = FILE_HEADER; at < size; at += FRAME_HEADER + length) {
		length = little_endian(bytes + at + 8);
		ck_assert_uint_le(length, size - at - FRAME_HEADER);
		build_options_again(bytes + at + FRAME_HEADER, length);
	}
}

START_TEST(what_the_kernel_sends_is_what_we_make)
{
	glob_t captures;

	ck_assert_int_eq(glob(CAPTURES "/*.pcap", 0, NULL, &captures), 0);
	for (size_t i = 0; i < captures.gl_pathc; i++)
		read_capture(captures.gl_pathv[i]);
	globfree(&captures);
	for (int subtype = MPTCPLB_MP_CAPABLE; subtype <= MPTCPLB_MP_TCPRST; subtype++)
		ck_assert_msg(options_of[subtype] > 0, "no %s in the captures",
			      mptcplb_option_subtype_name((uint8_t)subtype));
	ck_assert_uint_ge(hmacs, 7); /* IPv4 and IPv6, without a port and with one */
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { what_the_kernel_sends_is_what_we_make, NULL };

	return run_suite("option_captures", tests);
}
