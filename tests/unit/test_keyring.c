// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include <mptcplb/keyring.h>

#include <mptcplb/token.h>

#include "unit.h"

static const uint8_t secret_a[MPTCPLB_SECRET_SIZE] = { 0xa };
static const uint8_t secret_b[MPTCPLB_SECRET_SIZE] = { 0xb };

static struct mptcplb_keyring keyring;

/* Check that a call returns an error and leaves the keyring as it was. */
#define assert_refused(call, error)                                   \
	do {                                                          \
		struct mptcplb_keyring before = keyring;              \
		ck_assert_int_eq(call, error);                        \
		ck_assert_mem_eq(&keyring, &before, sizeof(keyring)); \
	} while (0)

START_TEST(init_takes_every_number_of_bits_in_range_and_no_other)
{
	for (unsigned int e = 0; e < 40; e++) {
		for (unsigned int b = 0; b < 40; b++) {
			int fine = e <= 2 && b >= 1 && b <= 24;

			ck_assert_int_eq(mptcplb_keyring_init(&keyring, e, b),
					 fine ? MPTCPLB_OK : MPTCPLB_ERR_ARGUMENT);
			if (fine)
				ck_assert_uint_eq(mptcplb_keyring_nonce_count(&keyring),
						  1ULL << (32 - e - b));
		}
	}
}
END_TEST

START_TEST(init_empties_a_used_keyring)
{
	memset(&keyring, 0xff, sizeof(keyring));
	ck_assert_int_eq(mptcplb_keyring_init(&keyring, 2, 8), MPTCPLB_OK);
	ck_assert_uint_eq(keyring.present, 0);
	ck_assert_uint_eq(keyring.secrets[3].k1, 0);
}
END_TEST

START_TEST(add_refuses_an_occupied_slot_and_a_used_secret)
{
	ck_assert_int_eq(mptcplb_keyring_init(&keyring, 1, 8), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_add(&keyring, 0, secret_a), MPTCPLB_OK);
	assert_refused(mptcplb_keyring_add(&keyring, 0, secret_b), MPTCPLB_ERR_EPOCH_OCCUPIED);
	assert_refused(mptcplb_keyring_add(&keyring, 0, secret_a), MPTCPLB_ERR_EPOCH_OCCUPIED);
	assert_refused(mptcplb_keyring_add(&keyring, 1, secret_a), MPTCPLB_ERR_SECRET_REUSED);
	ck_assert_int_eq(mptcplb_keyring_add(&keyring, 1, secret_b), MPTCPLB_OK);
}
END_TEST

START_TEST(secrets_that_differ_in_one_bit_are_two_secrets)
{
	for (int bit = 0; bit < MPTCPLB_SECRET_SIZE * 8; bit++) {
		uint8_t other[MPTCPLB_SECRET_SIZE];

		memcpy(other, secret_a, sizeof(other));
		other[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_int_eq(mptcplb_keyring_init(&keyring, 1, 8), MPTCPLB_OK);
		ck_assert_int_eq(mptcplb_keyring_add(&keyring, 0, secret_a), MPTCPLB_OK);
		ck_assert_int_eq(mptcplb_keyring_add(&keyring, 1, other), MPTCPLB_OK);
	}
}
END_TEST

START_TEST(epochs_must_fit_into_epoch_bits)
{
	for (unsigned int e = 0; e <= 2; e++) {
		ck_assert_int_eq(mptcplb_keyring_init(&keyring, e, 8), MPTCPLB_OK);
		assert_refused(mptcplb_keyring_add(&keyring, 1U << e, secret_a),
			       MPTCPLB_ERR_ARGUMENT);
		assert_refused(mptcplb_keyring_add(&keyring, UINT32_MAX, secret_a),
			       MPTCPLB_ERR_ARGUMENT);
		ck_assert_int_eq(mptcplb_keyring_add(&keyring, (1U << e) - 1, secret_a),
				 MPTCPLB_OK);
	}
}
END_TEST

START_TEST(a_secret_that_nobody_drew_is_refused)
{
	static const uint8_t zero[MPTCPLB_SECRET_SIZE];
	uint8_t one_bit[MPTCPLB_SECRET_SIZE] = { 0 };

	ck_assert_int_eq(mptcplb_keyring_init(&keyring, 1, 8), MPTCPLB_OK);
	assert_refused(mptcplb_keyring_add(&keyring, 0, zero), MPTCPLB_ERR_SECRET_ZERO);
	one_bit[MPTCPLB_SECRET_SIZE - 1] = 0x80;
	ck_assert_int_eq(mptcplb_keyring_add(&keyring, 0, one_bit), MPTCPLB_OK);
	one_bit[MPTCPLB_SECRET_SIZE - 1] = 0;
	one_bit[0] = 1;
	ck_assert_int_eq(mptcplb_keyring_add(&keyring, 1, one_bit), MPTCPLB_OK);
}
END_TEST

START_TEST(a_zeroed_keyring_knows_no_epoch)
{
	const struct mptcplb_token_parts parts = { 0 };
	struct mptcplb_token_parts decoded;
	uint32_t token;

	memset(&keyring, 0, sizeof(keyring));
	assert_refused(mptcplb_keyring_add(&keyring, 0, secret_a), MPTCPLB_ERR_ARGUMENT);
	assert_refused(mptcplb_keyring_activate(&keyring, 0), MPTCPLB_ERR_EPOCH_UNKNOWN);
	ck_assert_uint_eq(mptcplb_keyring_nonce_count(&keyring), 0);
	ck_assert_int_eq(mptcplb_token_decode(&keyring, &decoded, 12345),
			 MPTCPLB_ERR_EPOCH_UNKNOWN);
	ck_assert_int_eq(mptcplb_token_encode(&keyring, &token, &parts), MPTCPLB_ERR_EPOCH_UNKNOWN);
	ck_assert_int_eq(mptcplb_token_generate(&keyring, &token, 0, NULL),
			 MPTCPLB_ERR_EPOCH_UNKNOWN);
}
END_TEST

START_TEST(only_an_epoch_with_a_secret_becomes_active)
{
	ck_assert_int_eq(mptcplb_keyring_init(&keyring, 2, 8), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_add(&keyring, 2, secret_a), MPTCPLB_OK);
	for (uint32_t epoch = 0; epoch < 6; epoch++) {
		if (epoch == 2)
			continue;
		assert_refused(mptcplb_keyring_activate(&keyring, epoch),
			       MPTCPLB_ERR_EPOCH_UNKNOWN);
	}
	ck_assert_int_eq(mptcplb_keyring_activate(&keyring, 2), MPTCPLB_OK);
	ck_assert_uint_eq(keyring.active, 2);
}
END_TEST

START_TEST(rotation_empties_the_old_slot)
{
	ck_assert_int_eq(mptcplb_keyring_init(&keyring, 1, 8), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_add(&keyring, 0, secret_a), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_activate(&keyring, 0), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_add(&keyring, 1, secret_b), MPTCPLB_OK);
	assert_refused(mptcplb_keyring_retire(&keyring, 0), MPTCPLB_ERR_EPOCH_ACTIVE);
	ck_assert_int_eq(mptcplb_keyring_activate(&keyring, 1), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_retire(&keyring, 0), MPTCPLB_OK);
	ck_assert_uint_eq(keyring.present, 1 << 1);
	ck_assert_uint_eq(keyring.secrets[0].k0, 0);
	assert_refused(mptcplb_keyring_retire(&keyring, 0), MPTCPLB_ERR_EPOCH_UNKNOWN);
	assert_refused(mptcplb_keyring_retire(&keyring, 9), MPTCPLB_ERR_EPOCH_UNKNOWN);
	/* the slot can be used again, also for the secret it had */
	ck_assert_int_eq(mptcplb_keyring_add(&keyring, 0, secret_a), MPTCPLB_OK);
}
END_TEST

START_TEST(wipe_leaves_no_secret)
{
	static const struct mptcplb_keyring zero;

	ck_assert_int_eq(mptcplb_keyring_init(&keyring, 1, 8), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_add(&keyring, 1, secret_a), MPTCPLB_OK);
	mptcplb_keyring_wipe(&keyring);
	ck_assert_mem_eq(&keyring, &zero, sizeof(zero));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		init_takes_every_number_of_bits_in_range_and_no_other,
		init_empties_a_used_keyring,
		add_refuses_an_occupied_slot_and_a_used_secret,
		secrets_that_differ_in_one_bit_are_two_secrets,
		epochs_must_fit_into_epoch_bits,
		a_secret_that_nobody_drew_is_refused,
		a_zeroed_keyring_knows_no_epoch,
		only_an_epoch_with_a_secret_becomes_active,
		rotation_empties_the_old_slot,
		wipe_leaves_no_secret,
		NULL,
	};

	return run_suite("keyring", tests);
}
