// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Tokens of consecutive nonces look random. The secrets are fixed, so the figures are the same in
 * each run and the bounds are never met by bad luck; they are six standard deviations wide, which
 * a random function would leave once in 500 million.
 */
#include <mptcplb/keyring.h>
#include <mptcplb/token.h>

#include <math.h>

#include "unit.h"
#include "vectors.h"

#define NONCES (1U << 24)
#define PAIRS (1U << 16)
#define DEVIATIONS 6

static struct mptcplb_keyring keyring_of(const struct token_vector *vector)
{
	struct mptcplb_keyring keyring;

	ck_assert_int_eq(mptcplb_keyring_init(&keyring, vector->epoch_bits, 1), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_add(&keyring, vector->epoch, vector->secret), MPTCPLB_OK);
	return keyring;
}

static uint32_t token_of(const struct mptcplb_keyring *keyring, uint32_t epoch, uint32_t nonce)
{
	const struct mptcplb_token_parts parts = { epoch, 1, nonce };
	uint32_t token;

	/* an assertion of Check at each of 10^8 tokens would take minutes */
	if (mptcplb_token_encode(keyring, &token, &parts))
		ck_abort_msg("nonce %u has no token", nonce);
	return token;
}

/* How far counts that should be equal are from that. */
static double chi_square(const uint32_t *counts, unsigned int values, double total)
{
	double expected = total / values;
	double sum = 0;

	for (unsigned int i = 0; i < values; i++)
		sum += (counts[i] - expected) * (counts[i] - expected) / expected;
	return sum;
}

/* The first three vectors are the examples of the specification: e is 0, 1 and 2. */
START_TEST(every_byte_of_consecutive_tokens_is_even)
{
	const struct token_vector *vector = &tokens_vectors[_i];
	struct mptcplb_keyring keyring = keyring_of(vector);
	uint32_t(*counts)[256] = calloc(4, sizeof(*counts));

	ck_assert_ptr_nonnull(counts);
	for (uint32_t nonce = 0; nonce < NONCES; nonce++) {
		uint32_t token = token_of(&keyring, vector->epoch, nonce);

		/* the epoch's bits are the same in each */
		token &= 0xffffffffU >> vector->epoch_bits;
		for (int byte = 0; byte < 4; byte++)
			counts[byte][token >> (8 * byte) & 0xff]++;
	}
	for (int byte = 0; byte < 4; byte++) {
		unsigned int values = byte == 3 ? 256U >> vector->epoch_bits : 256;
		double freedom = values - 1;
		double sum = chi_square(counts[byte], values, NONCES);

		ck_assert_double_lt(sum, freedom + DEVIATIONS * sqrt(2 * freedom));
		ck_assert_double_gt(sum, freedom - DEVIATIONS * sqrt(2 * freedom));
	}
	free(counts);
}
END_TEST

START_TEST(one_bit_of_the_nonce_changes_each_bit_of_the_token_half_the_time)
{
	const struct token_vector *vector = &tokens_vectors[_i];
	struct mptcplb_keyring keyring = keyring_of(vector);
	uint32_t nonce_bits = 31 - vector->epoch_bits;
	double deviation = sqrt(PAIRS) / 2;

	for (uint32_t in = 0; in < nonce_bits; in++) {
		uint32_t flips[32] = { 0 };

		for (uint32_t i = 0; i < PAIRS; i++) {
			uint32_t nonce = (i * 2654435761U) & ((1U << nonce_bits) - 1);
			uint32_t changed = token_of(&keyring, vector->epoch, nonce) ^
					   token_of(&keyring, vector->epoch, nonce ^ 1U << in);

			for (uint32_t out = 0; out < 32; out++)
				flips[out] += changed >> out & 1;
		}
		for (uint32_t out = 0; out < 32 - vector->epoch_bits; out++)
			ck_assert_double_lt(fabs(flips[out] - PAIRS / 2.0), DEVIATIONS * deviation);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("token_statistics");
	TCase *tcase = tcase_create("token_statistics");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 0);
	tcase_add_loop_test(tcase, every_byte_of_consecutive_tokens_is_even, 0, 3);
	tcase_add_loop_test(tcase, one_bit_of_the_nonce_changes_each_bit_of_the_token_half_the_time,
			    0, 3);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
