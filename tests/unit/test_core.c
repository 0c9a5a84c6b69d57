// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include <mptcplb/core.h>

#include <sodium.h>

#include "unit.h"
#include "vectors.h"

static struct mptcplb_core_secret load(const uint8_t bytes[MPTCPLB_SECRET_SIZE])
{
	struct mptcplb_core_secret secret;

	mptcplb_core_secret_load(&secret, bytes);
	return secret;
}

START_TEST(siphash_agrees_with_the_model)
{
	for (size_t i = 0; i < ARRAY_SIZE(siphash_vectors); i++) {
		const struct siphash_vector *v = &siphash_vectors[i];
		struct mptcplb_core_secret secret = load(v->key);
		uint32_t message = (uint32_t)v->message[0] | (uint32_t)v->message[1] << 8 |
				   (uint32_t)v->message[2] << 16 | (uint32_t)v->message[3] << 24;

		ck_assert_uint_eq(mptcplb_core_siphash(&secret, message), v->hash);
	}
}
END_TEST

START_TEST(siphash_agrees_with_libsodium)
{
	uint8_t key[16], message[4], out[8];

	ck_assert_int_ge(sodium_init(), 0);
	for (int i = 0; i < 10000; i++) {
		struct mptcplb_core_secret secret;
		uint64_t hash = 0;

		randombytes_buf(key, sizeof(key));
		randombytes_buf(message, sizeof(message));
		crypto_shorthash_siphash24(out, message, sizeof(message), key);
		for (int j = 7; j >= 0; j--)
			hash = hash << 8 | out[j];
		secret = load(key);
		ck_assert_uint_eq(mptcplb_core_siphash(&secret, (uint32_t)message[0] |
									(uint32_t)message[1] << 8 |
									(uint32_t)message[2] << 16 |
									(uint32_t)message[3] << 24),
				  hash);
	}
}
END_TEST

START_TEST(decrypt_undoes_encrypt_at_every_width)
{
	struct mptcplb_core_secret secret = load(tokens_vectors[0].secret);

	for (uint32_t width = 30; width <= 32; width++) {
		uint32_t mask = 0xffffffffU >> (32 - width);

		for (uint32_t i = 0; i < 100000; i++) {
			uint32_t x = (i * 2654435761U) & mask;
			uint32_t y = mptcplb_core_encrypt(&secret, width, x);

			ck_assert_uint_le(y, mask);
			ck_assert_uint_eq(mptcplb_core_decrypt(&secret, width, y), x);
		}
	}
}
END_TEST

START_TEST(width_is_part_of_the_cipher)
{
	struct mptcplb_core_secret secret = load(tokens_vectors[0].secret);
	int same = 0;

	for (uint32_t x = 0; x < 1000; x++)
		same += mptcplb_core_encrypt(&secret, 31, x) ==
			mptcplb_core_encrypt(&secret, 30, x);
	ck_assert_int_lt(same, 2);
}
END_TEST

/* A SYN's options, and what must be seen in them. */
struct syn_case {
	const char *what;
	uint8_t options[MPTCPLB_TCP_OPTIONS_MAX];
	uint32_t length;
	int join;
	uint32_t seen;
	uint32_t token;
};

#define JOIN(token3) 30, 12, 0x10, 7, 0xa1, 0xb2, 0xc3, token3, 1, 2, 3, 4

static const struct syn_case syn_cases[] = {
	{ "no options", { 0 }, 0, 0, 0, 0 },
	{ "a join alone", { JOIN(0xd4) }, 12, 1, MPTCPLB_SYN_JOIN, 0xa1b2c3d4 },
	{ "a join as Linux sends it, behind MSS, SACK, timestamps and window scale",
	  { 2, 4, 5, 180, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7, JOIN(0xd4) },
	  32,
	  1,
	  MPTCPLB_SYN_JOIN,
	  0xa1b2c3d4 },
	{ "a join in the last twelve of forty bytes",
	  { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,	      1,
	    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, JOIN(0xd4) },
	  40,
	  1,
	  MPTCPLB_SYN_JOIN,
	  0xa1b2c3d4 },
	{ "forty bytes of padding",
	  { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 },
	  40,
	  0,
	  0,
	  0 },
	{ "MP_CAPABLE beside a join: not a join",
	  { 30, 4, 0x01, 0x81, JOIN(0xd4) },
	  16,
	  0,
	  MPTCPLB_SYN_JOIN | MPTCPLB_SYN_CAPABLE,
	  0xa1b2c3d4 },
	{ "MP_CAPABLE behind a join: not a join either",
	  { JOIN(0xd4), 30, 4, 0x01, 0x81 },
	  16,
	  0,
	  MPTCPLB_SYN_JOIN | MPTCPLB_SYN_CAPABLE,
	  0xa1b2c3d4 },
	{ "an MP_CAPABLE of version 0, which Linux passes over, counts, too",
	  { 30, 4, 0x00, 0x81, JOIN(0xd4) },
	  16,
	  0,
	  MPTCPLB_SYN_JOIN | MPTCPLB_SYN_CAPABLE,
	  0xa1b2c3d4 },
	{ "two joins: the last one counts",
	  { JOIN(0xd4), JOIN(0xee) },
	  24,
	  1,
	  MPTCPLB_SYN_JOIN,
	  0xa1b2c3ee },
	{ "a join behind the end of the list is not seen", { 0, JOIN(0xd4) }, 13, 0, 0, 0 },
	{ "the SYN/ACK's form of a join",
	  { 30, 16, 0x10, 7, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4 },
	  16,
	  0,
	  0,
	  0 },
	{ "a join one byte too long", { 30, 13, 0x10, 7, 0, 0, 0, 1, 0, 0, 0, 0, 9 }, 13, 0, 0, 0 },
	{ "a join cut by the end of the options", { JOIN(0xd4) }, 11, 0, MPTCPLB_SYN_MALFORMED, 0 },
	{ "a kind with no length", { 1, 30 }, 2, 0, MPTCPLB_SYN_MALFORMED, 0 },
	{ "length 0", { 30, 0, JOIN(0xd4) }, 14, 0, MPTCPLB_SYN_MALFORMED, 0 },
	{ "length 1", { 30, 1, JOIN(0xd4) }, 14, 0, MPTCPLB_SYN_MALFORMED, 0 },
	{ "length 255", { 8, 255, JOIN(0xd4) }, 14, 0, MPTCPLB_SYN_MALFORMED, 0 },
	{ "what is in front of a broken option stays seen",
	  { JOIN(0xd4), 8, 0 },
	  14,
	  1,
	  MPTCPLB_SYN_JOIN | MPTCPLB_SYN_MALFORMED,
	  0xa1b2c3d4 },
	{ "an MPTCP option too short for a subtype",
	  { 30, 2, JOIN(0xd4) },
	  14,
	  1,
	  MPTCPLB_SYN_JOIN,
	  0xa1b2c3d4 },
};

START_TEST(find_join_sees_what_the_linux_stack_sees)
{
	for (size_t i = 0; i < ARRAY_SIZE(syn_cases); i++) {
		const struct syn_case *c = &syn_cases[i];
		struct mptcplb_core_syn syn;
		/* on the heap and of the exact size, so that a sanitizer sees a read too many */
		uint8_t *options = malloc(c->length ? c->length : 1);
		int join;

		ck_assert_ptr_nonnull(options);
		memcpy(options, c->options, c->length);
		join = mptcplb_core_find_join(&syn, options, c->length);
		free(options);
		ck_assert_msg(join == c->join, "%s: join %d", c->what, join);
		ck_assert_msg(syn.seen == c->seen, "%s: seen %u", c->what, syn.seen);
		if (c->seen & MPTCPLB_SYN_JOIN)
			ck_assert_msg(syn.token == c->token, "%s: token %x", c->what, syn.token);
	}
}
END_TEST

START_TEST(find_join_reads_every_field)
{
	static const uint8_t options[] = { 30, 12, 0x11, 200, 1, 2, 3, 4, 5, 6, 7, 8 };
	struct mptcplb_core_syn syn;

	ck_assert_int_eq(mptcplb_core_find_join(&syn, options, sizeof(options)), 1);
	ck_assert_uint_eq(syn.backup, 1);
	ck_assert_uint_eq(syn.address_id, 200);
	ck_assert_uint_eq(syn.token, 0x01020304);
	ck_assert_uint_eq(syn.random, 0x05060708);
}
END_TEST

/* A length that no TCP header has: the 40 bytes that there can be are looked at, and no more. */
START_TEST(find_join_cuts_what_is_too_long)
{
	static const uint8_t cut_join[] = { 30, 12, 0x10, 0 };
	static const uint8_t cut_option[] = { 30 };
	uint8_t *options = malloc(MPTCPLB_TCP_OPTIONS_MAX);
	struct mptcplb_core_syn syn;

	ck_assert_ptr_nonnull(options);
	memset(options, MPTCPLB_TCPOPT_NOP, MPTCPLB_TCP_OPTIONS_MAX);
	ck_assert_int_eq(mptcplb_core_find_join(&syn, options, MPTCPLB_SYN_BUFFER_SIZE), 0);
	ck_assert_uint_eq(syn.seen, 0);
	memcpy(options + MPTCPLB_TCP_OPTIONS_MAX - sizeof(cut_join), cut_join, sizeof(cut_join));
	ck_assert_int_eq(mptcplb_core_find_join(&syn, options, MPTCPLB_SYN_BUFFER_SIZE), 0);
	ck_assert_uint_eq(syn.seen, MPTCPLB_SYN_MALFORMED);
	memset(options, MPTCPLB_TCPOPT_NOP, MPTCPLB_TCP_OPTIONS_MAX);
	memcpy(options + MPTCPLB_TCP_OPTIONS_MAX - sizeof(cut_option), cut_option,
	       sizeof(cut_option));
	ck_assert_int_eq(mptcplb_core_find_join(&syn, options, UINT32_MAX), 0);
	ck_assert_uint_eq(syn.seen, MPTCPLB_SYN_MALFORMED);
	free(options);
}
END_TEST

START_TEST(find_join_never_reads_past_any_options)
{
	ck_assert_int_ge(sodium_init(), 0);
	for (int i = 0; i < 200000; i++) {
		struct mptcplb_core_syn syn;
		uint32_t length = randombytes_uniform(MPTCPLB_TCP_OPTIONS_MAX + 1);
		uint8_t *options = malloc(length ? length : 1);

		ck_assert_ptr_nonnull(options);
		randombytes_buf(options, length);
		for (uint32_t j = 0; j < length; j++) {
			/* mostly MPTCP options of small lengths */
			if (options[j] & 1)
				options[j] = (uint8_t)(options[j] % 40);
		}
		mptcplb_core_find_join(&syn, options, length);
		free(options);
		ck_assert_uint_le(syn.offset, length);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		siphash_agrees_with_the_model,
		siphash_agrees_with_libsodium,
		decrypt_undoes_encrypt_at_every_width,
		width_is_part_of_the_cipher,
		find_join_sees_what_the_linux_stack_sees,
		find_join_reads_every_field,
		find_join_cuts_what_is_too_long,
		find_join_never_reads_past_any_options,
		NULL,
	};

	return run_suite("core", tests);
}
