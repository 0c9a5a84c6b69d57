// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* build(parse(x)) is x for every MPTCP option that the kernel's stack sent into tests/captures. */
#include <mptcplb/option.h>

#include <mptcplb/packet.h>

#include <glob.h>
#include <stdio.h>

#include "unit.h"

/* Sizes of pcap's headers, whose numbers are little-endian in these files. */
#define FILE_HEADER 24
#define FRAME_HEADER 16

static size_t options_of[16]; /* how many, by subtype */

static uint32_t little_endian(const uint8_t *bytes)
{
	return (uint32_t)bytes[3] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[1] << 8 |
	       bytes[0];
}

static void build_again(const struct mptcplb_tcp_option *option)
{
	uint8_t buffer[MPTCPLB_TCP_OPTIONS_MAX];
	struct mptcplb_option view;

	ck_assert_int_eq(mptcplb_option_parse(NULL, &view, option->bytes, option->length),
			 option->length);
	ck_assert_int_eq(mptcplb_option_build(&view, buffer, option->length), option->length);
	ck_assert_mem_eq(buffer, option->bytes, option->length);
	options_of[view.subtype]++;
}

static void build_options_again(const uint8_t *frame, size_t length)
{
	struct mptcplb_option_iterator iterator = { 0 };
	struct mptcplb_tcp_option option;
	struct mptcplb_packet packet;

	if (mptcplb_packet_parse(&packet, MPTCPLB_LINK_ETHERNET, frame, length, length))
		return;
	iterator.bytes = packet.options;
	iterator.length = packet.options_length;
	while (mptcplb_option_next(&iterator, &option) == 1) {
		if (option.kind == MPTCPLB_TCPOPT_MPTCP)
			build_again(&option);
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

START_TEST(what_the_kernel_sends_is_built_again)
{
	glob_t captures;

	ck_assert_int_eq(glob(CAPTURES "/*.pcap", 0, NULL, &captures), 0);
	for (size_t i = 0; i < captures.gl_pathc; i++)
		read_capture(captures.gl_pathv[i]);
	globfree(&captures);
	for (int subtype = MPTCPLB_MP_CAPABLE; subtype <= MPTCPLB_MP_TCPRST; subtype++)
		ck_assert_msg(options_of[subtype] > 0, "no %s in the captures",
			      mptcplb_option_subtype_name((uint8_t)subtype));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { what_the_kernel_sends_is_built_again, NULL };

	return run_suite("option_captures", tests);
}
