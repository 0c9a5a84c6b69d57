// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include <mptcplb/key.h>

#include <mptcplb/keyring.h>
#include <mptcplb/token.h>

#include "unit.h"
#include "vectors.h"

static const uint8_t secret[MPTCPLB_SECRET_SIZE] = "sixteen bytes...";
static struct mptcplb_keyring keyring;

static void make_keyring(unsigned int epoch_bits, unsigned int server_id_bits, uint32_t epoch)
{
	ck_assert_int_eq(mptcplb_keyring_init(&keyring, epoch_bits, server_id_bits), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_add(&keyring, epoch, secret), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_activate(&keyring, epoch), MPTCPLB_OK);
}

static void check_vectors(enum mptcplb_mode mode, const struct key_vector *vectors, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t token;
		uint64_t idsn;

		ck_assert_int_eq(mptcplb_key_token(mode, &token, vectors[i].key, MPTCPLB_KEY_SIZE),
				 MPTCPLB_OK);
		ck_assert_uint_eq(token, vectors[i].token);
		ck_assert_int_eq(mptcplb_key_idsn(mode, &idsn, vectors[i].key, MPTCPLB_KEY_SIZE),
				 MPTCPLB_OK);
		ck_assert_uint_eq(idsn, vectors[i].idsn);
	}
}

START_TEST(rfc8684_keys_give_the_models_tokens)
{
	check_vectors(MPTCPLB_MODE_RFC8684, rfc8684_keys_vectors, ARRAY_SIZE(rfc8684_keys_vectors));
}
END_TEST

START_TEST(implicit_keys_give_the_models_tokens)
{
	check_vectors(MPTCPLB_MODE_IMPLICIT, implicit_keys_vectors,
		      ARRAY_SIZE(implicit_keys_vectors));
}
END_TEST

START_TEST(keys_of_other_lengths_and_modes_are_refused)
{
	const uint8_t key[64] = { 1 };
	uint64_t idsn = 5;
	uint32_t token = 5;

	for (size_t length = 0; length <= sizeof(key); length++) {
		if (length == MPTCPLB_KEY_SIZE)
			continue;
		ck_assert_int_eq(mptcplb_key_token(MPTCPLB_MODE_RFC8684, &token, key, length),
				 MPTCPLB_ERR_KEY_LENGTH);
		ck_assert_int_eq(mptcplb_key_idsn(MPTCPLB_MODE_IMPLICIT, &idsn, key, length),
				 MPTCPLB_ERR_KEY_LENGTH);
	}
	ck_assert_int_eq(mptcplb_key_token((enum mptcplb_mode)99, &token, key, MPTCPLB_KEY_SIZE),
			 MPTCPLB_ERR_ARGUMENT);
	ck_assert_int_eq(mptcplb_key_idsn((enum mptcplb_mode)99, &idsn, key, MPTCPLB_KEY_SIZE),
			 MPTCPLB_ERR_ARGUMENT);
	ck_assert_uint_eq(token, 5);
	ck_assert_uint_eq(idsn, 5);
}
END_TEST

START_TEST(mode_names_go_both_ways)
{
	const char *const not_modes[] = { "", "RFC8684", "rfc8684 ", "explicit" };
	enum mptcplb_mode mode;

	for (int i = 0; mptcplb_mode_name((enum mptcplb_mode)i); i++) {
		ck_assert_int_eq(
			mptcplb_mode_from_name(&mode, mptcplb_mode_name((enum mptcplb_mode)i)),
			MPTCPLB_OK);
		ck_assert_int_eq(mode, i);
	}
	for (size_t i = 0; i < ARRAY_SIZE(not_modes); i++)
		ck_assert_int_eq(mptcplb_mode_from_name(&mode, not_modes[i]), MPTCPLB_ERR_ARGUMENT);
	ck_assert_str_eq(mptcplb_mode_name(MPTCPLB_MODE_RFC8684), "rfc8684");
	ck_assert_str_eq(mptcplb_mode_name(MPTCPLB_MODE_IMPLICIT), "implicit");
}
END_TEST

static int fill_failing(void *context, uint8_t *buffer, size_t length)
{
	(void)context;
	(void)buffer;
	(void)length;
	return -1;
}

START_TEST(implicit_key_has_the_token_it_was_made_for)
{
	make_keyring(2, 16, 0);
	for (int i = 0; i < 1000; i++) {
		uint8_t key[MPTCPLB_KEY_SIZE], other[MPTCPLB_KEY_SIZE];
		uint32_t token, derived;

		ck_assert_int_eq(mptcplb_token_generate(&keyring, &token, 63944, NULL), MPTCPLB_OK);
		ck_assert_int_eq(mptcplb_key_implicit(key, token, NULL), MPTCPLB_OK);
		ck_assert_int_eq(
			mptcplb_key_token(MPTCPLB_MODE_IMPLICIT, &derived, key, sizeof(key)),
			MPTCPLB_OK);
		ck_assert_uint_eq(derived, token);
		/* a token has many keys */
		ck_assert_int_eq(mptcplb_key_implicit(other, token, NULL), MPTCPLB_OK);
		ck_assert_mem_ne(key, other, sizeof(key));
	}
}
END_TEST

static int fill_zero_then_one(void *context, uint8_t *buffer, size_t length)
{
	memset(buffer, *(uint8_t *)context, length);
	*(uint8_t *)context = 1;
	return 0;
}

START_TEST(implicit_key_is_never_all_zero)
{
	static const uint8_t zero[MPTCPLB_KEY_SIZE];
	uint8_t key[MPTCPLB_KEY_SIZE], fill = 0;
	const struct mptcplb_random random = { sizeof(random), fill_zero_then_one, &fill };
	uint32_t token, derived;

	ck_assert_int_eq(mptcplb_key_token(MPTCPLB_MODE_IMPLICIT, &token, zero, sizeof(zero)),
			 MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_key_implicit(key, token, &random), MPTCPLB_OK);
	ck_assert_mem_ne(key, zero, sizeof(key));
	ck_assert_int_eq(mptcplb_key_token(MPTCPLB_MODE_IMPLICIT, &derived, key, sizeof(key)),
			 MPTCPLB_OK);
	ck_assert_uint_eq(derived, token);
}
END_TEST

START_TEST(implicit_key_says_what_is_wrong)
{
	const struct mptcplb_random failing = { sizeof(failing), fill_failing, NULL };
	uint8_t key[MPTCPLB_KEY_SIZE];

	ck_assert_int_eq(mptcplb_key_implicit(key, 0, NULL), MPTCPLB_ERR_TOKEN_ZERO);
	ck_assert_int_eq(mptcplb_key_implicit(key, 1, &failing), MPTCPLB_ERR_RANDOM);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		rfc8684_keys_give_the_models_tokens,
		implicit_keys_give_the_models_tokens,
		keys_of_other_lengths_and_modes_are_refused,
		mode_names_go_both_ways,
		implicit_key_has_the_token_it_was_made_for,
		implicit_key_is_never_all_zero,
		implicit_key_says_what_is_wrong,
		NULL,
	};

	return run_suite("key", tests);
}
