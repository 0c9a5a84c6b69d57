// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Every variant of lib/lanes.h that runs here, against libsodium and the scalar cipher. */
#include "lanes.h"

#include <mptcplb/keyring.h>
#include <sodium.h>
#include <stdio.h>

#include "unit.h"

/* Counts of no lanes, of one, and around every width that something is done in. */
static const size_t counts[] = { 0,  1,	 7,  8,	 9,  15, 16, 17,  31,  32,  33,	 40,  47, 48,
				 63, 64, 65, 71, 72, 73, 96, 127, 128, 129, 200, 256, 257 };

#define COUNT_MAX 257
#define CANARY_BYTE 0xda
#define CANARY 0xdadadadaU

START_TEST(keys_hash_as_libsodium_hashes_them)
{
	static uint8_t keys[COUNT_MAX][MPTCPLB_KEY_SIZE];
	static uint32_t expected[COUNT_MAX], tokens[COUNT_MAX + 1];
	size_t variants;
	const struct lanes *const *all = lanes_all(&variants);

	randombytes_buf(keys, sizeof(keys));
	memset(keys[0], 0, sizeof(keys[0]));
	memset(keys[1], 0xff, sizeof(keys[1]));
	for (size_t i = 0; i < COUNT_MAX; i++) {
		uint8_t digest[crypto_hash_sha256_BYTES];

		crypto_hash_sha256(digest, keys[i], sizeof(keys[i]));
		expected[i] = mptcplb_core_be32(digest);
	}
	for (size_t v = 0; v < variants; v++) {
		for (size_t c = 0; all[v]->runs_here() && c < ARRAY_SIZE(counts); c++) {
			size_t skip = COUNT_MAX - counts[c];

			tokens[counts[c]] = CANARY;
			all[v]->key_tokens(tokens, (const uint8_t(*)[MPTCPLB_KEY_SIZE])keys + skip,
					   counts[c]);
			ck_assert_msg(
				memcmp(tokens, expected + skip, counts[c] * sizeof(*tokens)) == 0,
				"%s: %zu keys", all[v]->name, counts[c]);
			ck_assert_uint_eq(tokens[counts[c]], CANARY);
		}
	}
}
END_TEST

/* Tokens of all epochs, of which the last has no secret, and zeros. */
static struct mptcplb_keyring make_keyring_and_tokens(uint32_t *tokens, unsigned int epoch_bits)
{
	struct mptcplb_keyring keyring;
	uint8_t secret[MPTCPLB_SECRET_SIZE];

	ck_assert_int_eq(mptcplb_keyring_init(&keyring, epoch_bits, 9), MPTCPLB_OK);
	for (uint32_t epoch = 0; epoch == 0 || epoch + 1 < 1U << epoch_bits; epoch++) {
		randombytes_buf(secret, sizeof(secret));
		ck_assert_int_eq(mptcplb_keyring_add(&keyring, epoch, secret), MPTCPLB_OK);
	}
	randombytes_buf(tokens, COUNT_MAX * sizeof(*tokens));
	for (size_t i = 0; i < COUNT_MAX; i += 50)
		tokens[i] = 0;
	tokens[1] = UINT32_MAX;
	tokens[COUNT_MAX - 1] = UINT32_MAX;
	return keyring;
}

START_TEST(tokens_decode_as_the_core_decodes_them)
{
	static uint32_t tokens[COUNT_MAX];
	static struct mptcplb_token_parts expected[COUNT_MAX], parts[COUNT_MAX + 1];
	static int expected_errors[COUNT_MAX], errors[COUNT_MAX + 1];
	size_t variants;
	const struct lanes *const *all = lanes_all(&variants);

	for (unsigned int epoch_bits = 0; epoch_bits <= MPTCPLB_EPOCH_BITS_MAX; epoch_bits++) {
		struct mptcplb_keyring keyring = make_keyring_and_tokens(tokens, epoch_bits);

		memset(expected, CANARY_BYTE, sizeof(expected));
		for (size_t i = 0; i < COUNT_MAX; i++)
			expected_errors[i] =
				mptcplb_core_token_decode(&keyring, &expected[i], tokens[i]);
		for (size_t v = 0; v < variants; v++) {
			for (size_t c = 0; all[v]->runs_here() && c < ARRAY_SIZE(counts); c++) {
				size_t skip = COUNT_MAX - counts[c], fine = 0;

				for (size_t i = skip; i < COUNT_MAX; i++)
					fine += expected_errors[i] == MPTCPLB_OK;
				memset(parts, CANARY_BYTE, sizeof(parts));
				memset(errors, CANARY_BYTE, sizeof(errors));
				ck_assert_uint_eq(all[v]->decode(&keyring, parts, errors,
								 tokens + skip, counts[c]),
						  fine);
				ck_assert_msg(memcmp(parts, expected + skip,
						     counts[c] * sizeof(*parts)) == 0,
					      "%s: %zu tokens, epoch_bits %u", all[v]->name,
					      counts[c], epoch_bits);
				ck_assert_msg(memcmp(errors, expected_errors + skip,
						     counts[c] * sizeof(*errors)) == 0,
					      "%s: errors of %zu tokens, epoch_bits %u",
					      all[v]->name, counts[c], epoch_bits);
				ck_assert_uint_eq(parts[counts[c]].epoch, CANARY);
				ck_assert_int_eq(errors[counts[c]], (int)CANARY);
			}
		}
	}
}
END_TEST

START_TEST(the_best_is_the_first_that_runs_here)
{
	size_t variants, first = 0;
	const struct lanes *const *all = lanes_all(&variants);
	const struct lanes *last = all[variants - 1];

	ck_assert_int_ne(last->runs_here(), 0);
	while (!all[first]->runs_here())
		first++;
	ck_assert_ptr_eq(lanes_best(), all[first]);
	lanes_use(last);
	ck_assert_ptr_eq(lanes_best(), last);
	lanes_use(NULL);
	ck_assert_ptr_eq(lanes_best(), all[first]);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		keys_hash_as_libsodium_hashes_them,
		tokens_decode_as_the_core_decodes_them,
		the_best_is_the_first_that_runs_here,
		NULL,
	};
	size_t variants;
	const struct lanes *const *all = lanes_all(&variants);

	if (sodium_init() < 0)
		return EXIT_FAILURE;
	for (size_t v = 0; v < variants; v++)
		printf("%s: %s\n", all[v]->name,
		       all[v]->runs_here() ? "tested" : "NOT tested, this CPU cannot run it");
	fflush(stdout);
	return run_suite("lanes", tests);
}
