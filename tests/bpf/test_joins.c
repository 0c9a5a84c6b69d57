// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The smallest XDP program that knows core.h: examples/minimal/joins.bpf.c. */
#include <bpf/bpf.h>

#include <mptcplb/keyring.h>

#include "frame.h"
#include "joins.skel.h"
#include "unit/unit.h"

/* The first row of the vectors in docs/token-format.md. */
#define TOKEN 0x1b8a96b3
#define SERVER_ID 123646
static const uint8_t secret[MPTCPLB_SECRET_SIZE] = {
	0xdf, 0x6a, 0xf1, 0xd8, 0x30, 0x3e, 0x61, 0xcd,
	0xc4, 0xbb, 0x86, 0xc3, 0xd1, 0xc4, 0x27, 0x10,
};

static struct joins_bpf *joins;

/* Each test runs in a process of its own, which takes it along when it ends. */
static void load_joins(void)
{
	struct mptcplb_keyring keyring;
	const uint32_t first = 0;

	joins = joins_bpf__open_and_load();
	ck_assert_ptr_nonnull(joins);
	ck_assert_int_eq(mptcplb_keyring_init(&keyring, 0, 19), 0);
	ck_assert_int_eq(mptcplb_keyring_add(&keyring, 0, secret), 0);
	ck_assert_int_eq(bpf_map__update_elem(joins->maps.keyrings, &first, sizeof(first), &keyring,
					      sizeof(keyring), BPF_ANY),
			 0);
}

static void send_segment(uint8_t flags, const struct options *options)
{
	const struct segment segment = { .client = 0xcb007105,
					 .service = 0xc6336401,
					 .client_port = 40001,
					 .service_port = 443,
					 .flags = flags,
					 .options = *options };
	struct frame frame;
	LIBBPF_OPTS(bpf_test_run_opts, run);

	frame_build(&frame, &segment);
	run.data_in = frame.bytes;
	run.data_size_in = (uint32_t)frame.length;
	ck_assert_int_eq(bpf_prog_test_run_opts(bpf_program__fd(joins->progs.count_joins), &run),
			 0);
	ck_assert_uint_eq(run.retval, XDP_PASS);
}

/* How many joins were counted for the server, and that none was for another. */
static uint64_t counted(void)
{
	uint32_t server_id;
	uint64_t count = 0;

	if (bpf_map__get_next_key(joins->maps.joins, NULL, &server_id, sizeof(server_id)))
		return 0;
	ck_assert_uint_eq(server_id, SERVER_ID);
	ck_assert_int_ne(
		bpf_map__get_next_key(joins->maps.joins, &server_id, &server_id, sizeof(server_id)),
		0);
	ck_assert_int_eq(bpf_map__lookup_elem(joins->maps.joins, &server_id, sizeof(server_id),
					      &count, sizeof(count), 0),
			 0);
	return count;
}

START_TEST(joins_are_counted_for_the_server_of_their_token)
{
	struct options options = { 0 };

	load_joins();
	options_add_nops(&options, 20);
	options_add_join(&options, TOKEN);
	send_segment(TCP_SYN, &options);
	ck_assert_uint_eq(counted(), 1);
	send_segment(TCP_SYN, &options);
	ck_assert_uint_eq(counted(), 2);
}
END_TEST

START_TEST(nothing_else_is_counted)
{
	struct options none = { 0 }, capable = { 0 }, zero = { 0 }, join = { 0 };

	load_joins();
	options_add_capable(&capable);
	options_add_join(&zero, 0);
	options_add_join(&join, TOKEN);
	send_segment(TCP_SYN, &none);
	send_segment(TCP_SYN, &capable);
	send_segment(TCP_SYN, &zero);
	send_segment(TCP_SYN | TCP_ACK, &join);
	send_segment(TCP_ACK, &join);
	ck_assert_uint_eq(counted(), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		joins_are_counted_for_the_server_of_their_token,
		nothing_else_is_counted,
		NULL,
	};

	return run_suite("joins", tests);
}
