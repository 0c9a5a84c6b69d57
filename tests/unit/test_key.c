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

START_TEST(explicit_keys_have_an_idsn_and_no_token)
{
	for (size_t i = 0; i < ARRAY_SIZE(explicit_keys_vectors); i++) {
		const struct explicit_key_vector *v = &explicit_keys_vectors[i];
		enum mptcplb_mode mode = v->key.size == MPTCPLB_KEY_SIZE ? MPTCPLB_MODE_EXTENDED
									 : MPTCPLB_MODE_COMPACT;
		uint32_t token = 5;
		uint64_t idsn;

		ck_assert_int_eq(mptcplb_key_idsn(mode, &idsn, v->key.bytes, v->key.size),
				 MPTCPLB_OK);
		ck_assert_uint_eq(idsn, v->idsn);
		ck_assert_int_eq(mptcplb_key_token(mode, &token, v->key.bytes, v->key.size),
				 MPTCPLB_ERR_KEY_HAS_NO_TOKEN);
		ck_assert_uint_eq(token, 5);
	}
}
END_TEST

START_TEST(every_mode_takes_the_lengths_of_its_keys_alone)
{
	const uint8_t key[32] = { 1 };
	uint64_t idsn;

	for (int mode = MPTCPLB_MODE_RFC8684; mode <= MPTCPLB_MODE_COMPACT; mode++) {
		for (size_t length = 0; length <= sizeof(key); length++) {
			int fits = mode == MPTCPLB_MODE_COMPACT ? length == 12 || length == 4
								: length == 8;

			ck_assert_int_eq(
				mptcplb_key_idsn((enum mptcplb_mode)mode, &idsn, key, length),
				fits ? MPTCPLB_OK : MPTCPLB_ERR_KEY_LENGTH);
		}
	}
}
END_TEST

START_TEST(random_keys_are_for_the_explicit_modes)
{
	const struct {
		enum mptcplb_mode mode;
		size_t length;
		int error;
	} cases[] = {
		{ MPTCPLB_MODE_EXTENDED, 8, MPTCPLB_OK },
		{ MPTCPLB_MODE_COMPACT, 12, MPTCPLB_OK },
		{ MPTCPLB_MODE_COMPACT, 4, MPTCPLB_OK },
		{ MPTCPLB_MODE_EXTENDED, 12, MPTCPLB_ERR_KEY_LENGTH },
		{ MPTCPLB_MODE_COMPACT, 8, MPTCPLB_ERR_KEY_LENGTH },
		{ MPTCPLB_MODE_COMPACT, 0, MPTCPLB_ERR_KEY_LENGTH },
		{ MPTCPLB_MODE_RFC8684, 8, MPTCPLB_ERR_ARGUMENT },
		{ MPTCPLB_MODE_IMPLICIT, 8, MPTCPLB_ERR_ARGUMENT },
		{ (enum mptcplb_mode)99, 8, MPTCPLB_ERR_ARGUMENT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		static const uint8_t zero[MPTCPLB_KEY_SIZE_MAX];
		uint8_t key[MPTCPLB_KEY_SIZE_MAX + 1] = { 0 };

		ck_assert_int_eq(mptcplb_key_random(cases[i].mode, key, cases[i].length, NULL),
				 cases[i].error);
		ck_assert_int_eq(memcmp(key, zero, sizeof(zero)) != 0, !cases[i].error);
		ck_assert_uint_eq(key[cases[i].length], 0);
	}
}
END_TEST

static int fill_zero_then_one(void *context, uint8_t *buffer, size_t length)
{
	memset(buffer, *(uint8_t *)context, length);
	*(uint8_t *)context = 1;
	return 0;
}

START_TEST(random_key_is_never_all_zero)
{
	static const uint8_t ones[] = { 1, 1, 1, 1 };
	uint8_t fill = 0;
	const struct mptcplb_random random = { sizeof(random), fill_zero_then_one, &fill };
	uint8_t key[MPTCPLB_KEY_SIZE_MAX];

	ck_assert_int_eq(mptcplb_key_random(MPTCPLB_MODE_COMPACT, key, sizeof(ones), &random),
			 MPTCPLB_OK);
	ck_assert_mem_eq(key, ones, sizeof(ones));
}
END_TEST

START_TEST(random_key_wants_randomness)
{
	const struct mptcplb_random failing = { sizeof(failing), fill_failing, NULL };
	uint8_t key[MPTCPLB_KEY_SIZE_MAX];

	ck_assert_int_eq(mptcplb_key_random(MPTCPLB_MODE_COMPACT, key, 4, &failing),
			 MPTCPLB_ERR_RANDOM);
}
END_TEST

START_TEST(cookie_nonces_are_the_models)
{
	for (size_t i = 0; i < ARRAY_SIZE(cookies_vectors); i++) {
		const struct cookie_vector *v = &cookies_vectors[i];
		uint32_t nonce;

		ck_assert_int_eq(mptcplb_keyring_init(&keyring, v->epoch_bits, v->server_id_bits),
				 MPTCPLB_OK);
		ck_assert_int_eq(mptcplb_key_cookie_nonce(&keyring, &nonce, v->hash_secret,
							  v->key.bytes, v->key.size),
				 MPTCPLB_OK);
		ck_assert_uint_eq(nonce, v->nonce);
	}
}
END_TEST

START_TEST(cookie_nonces_are_for_the_servers_keys)
{
	const uint8_t key[16] = { 1 };
	uint32_t nonce = 5;

	make_keyring(1, 8, 1);
	for (size_t length = 0; length <= sizeof(key); length++) {
		if (length == 4 || length == 8)
			continue;
		ck_assert_int_eq(mptcplb_key_cookie_nonce(&keyring, &nonce, secret, key, length),
				 MPTCPLB_ERR_KEY_LENGTH);
	}
	ck_assert_uint_eq(nonce, 5);
}
END_TEST

START_TEST(join_hmacs_are_the_models)
{
	for (size_t i = 0; i < ARRAY_SIZE(joins_vectors); i++) {
		const struct join_vector *v = &joins_vectors[i];
		const struct mptcplb_join join = {
			.size = sizeof(join),
			.key_a = v->key_a.bytes,
			.key_a_size = v->key_a.size,
			.key_b = v->key_b.bytes,
			.key_b_size = v->key_b.size,
			.random_a = v->random_a,
			.random_b = v->random_b,
		};
		uint8_t hmac[MPTCPLB_HMAC_SIZE];

		ck_assert_int_eq(mptcplb_key_hmac_a(hmac, &join), MPTCPLB_OK);
		ck_assert_mem_eq(hmac, v->hmac_a, sizeof(hmac));
		ck_assert_int_eq(mptcplb_key_hmac_b(hmac, &join), MPTCPLB_OK);
		ck_assert_mem_eq(hmac, v->hmac_b, sizeof(hmac));
	}
}
END_TEST

START_TEST(add_addr_hmacs_are_the_models)
{
	for (size_t i = 0; i < ARRAY_SIZE(add_addrs_vectors); i++) {
		const struct add_addr_vector *v = &add_addrs_vectors[i];
		struct mptcplb_add_addr add_addr = {
			.version = MPTCPLB_VERSION_RFC8684,
			.address_id = v->address_id,
			.address_length = (uint8_t)v->address.size,
			.has_port = v->port >= 0,
			.port = v->port >= 0 ? (uint16_t)v->port : 99,
			.address = v->address.bytes,
		};
		uint8_t hmac[MPTCPLB_ADD_ADDR_HMAC_SIZE];

		ck_assert_int_eq(mptcplb_key_hmac_add_addr(
					 hmac, &add_addr, v->sender_key.bytes, v->sender_key.size,
					 v->receiver_key.bytes, v->receiver_key.size),
				 MPTCPLB_OK);
		ck_assert_mem_eq(hmac, v->hmac, sizeof(hmac));
	}
}
END_TEST

START_TEST(hmacs_want_two_keys_of_one_mode)
{
	const uint8_t key[32] = { 1 };
	const struct mptcplb_add_addr add_addr = {
		.version = MPTCPLB_VERSION_RFC8684,
		.address_length = 4,
		.address = key,
	};
	uint8_t hmac[MPTCPLB_HMAC_SIZE] = { 5 };

	for (size_t a = 0; a <= 20; a++) {
		for (size_t b = 0; b <= 20; b++) {
			const struct mptcplb_join join = {
				.size = sizeof(join),
				.key_a = a ? key : NULL,
				.key_a_size = a,
				.key_b = b ? key : NULL,
				.key_b_size = b,
			};

			if ((a == 8 && b == 8) || (a == 4 && b == 12) || (a == 12 && b == 4))
				continue;
			ck_assert_int_eq(mptcplb_key_hmac_a(hmac, &join), MPTCPLB_ERR_KEY_LENGTH);
			ck_assert_int_eq(mptcplb_key_hmac_b(hmac, &join), MPTCPLB_ERR_KEY_LENGTH);
			ck_assert_int_eq(mptcplb_key_hmac_add_addr(hmac, &add_addr, key, a, key, b),
					 MPTCPLB_ERR_KEY_LENGTH);
		}
	}
	ck_assert_uint_eq(hmac[0], 5);
}
END_TEST

START_TEST(joins_of_a_wrong_size_are_refused)
{
	/* of so little memory that a sanitizer sees a read before the size is known */
	size_t *size = malloc(sizeof(*size));
	uint8_t hmac[MPTCPLB_HMAC_SIZE];

	ck_assert_ptr_nonnull(size);
	*size = sizeof(*size);
	ck_assert_int_eq(mptcplb_key_hmac_a(hmac, (const struct mptcplb_join *)size),
			 MPTCPLB_ERR_ARGUMENT);
	ck_assert_int_eq(mptcplb_key_hmac_b(hmac, (const struct mptcplb_join *)size),
			 MPTCPLB_ERR_ARGUMENT);
	free(size);
}
END_TEST

START_TEST(add_addr_hmacs_want_an_address_of_version_1)
{
	const uint8_t key[16] = { 1 };
	const struct mptcplb_add_addr wrong[] = {
		{ .version = MPTCPLB_VERSION_RFC6824, .address_length = 4, .address = key },
		{ .version = MPTCPLB_VERSION_RFC8684, .address_length = 0, .address = key },
		{ .version = MPTCPLB_VERSION_RFC8684, .address_length = 8, .address = key },
		{ .version = MPTCPLB_VERSION_RFC8684, .address_length = 17, .address = key },
		{ .version = MPTCPLB_VERSION_RFC8684, .address_length = 4 },
	};
	uint8_t hmac[MPTCPLB_ADD_ADDR_HMAC_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		ck_assert_int_eq(mptcplb_key_hmac_add_addr(hmac, &wrong[i], key, 8, key, 8),
				 MPTCPLB_ERR_ARGUMENT);
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
	ck_assert_str_eq(mptcplb_mode_name(MPTCPLB_MODE_EXTENDED), "extended");
	ck_assert_str_eq(mptcplb_mode_name(MPTCPLB_MODE_COMPACT), "compact");
}
END_TEST

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
		explicit_keys_have_an_idsn_and_no_token,
		every_mode_takes_the_lengths_of_its_keys_alone,
		random_keys_are_for_the_explicit_modes,
		random_key_is_never_all_zero,
		random_key_wants_randomness,
		cookie_nonces_are_the_models,
		cookie_nonces_are_for_the_servers_keys,
		join_hmacs_are_the_models,
		add_addr_hmacs_are_the_models,
		hmacs_want_two_keys_of_one_mode,
		joins_of_a_wrong_size_are_refused,
		add_addr_hmacs_want_an_address_of_version_1,
		keys_of_other_lengths_and_modes_are_refused,
		mode_names_go_both_ways,
		implicit_key_has_the_token_it_was_made_for,
		implicit_key_is_never_all_zero,
		implicit_key_says_what_is_wrong,
		NULL,
	};

	return run_suite("key", tests);
}
