// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Every variant of lib/lanes.h that runs here, against libsodium and the scalar cipher. */
#include "lanes.h"

#include <sodium.h>
#include <stdio.h>

#include "unit.h"

/* Counts of no lanes, of one, and around every width that something is done in. */
static const size_t counts[] = { 0,  1,	 7,  8,	 9,  15, 16, 17,  31,  32,  33,	 40,  47, 48,
				 63, 64, 65, 71, 72, 73, 96, 127, 128, 129, 200, 256, 257 };

#define COUNT_MAX 257
#define CANARY 0xdeadbeef

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

START_TEST(tokens_decrypt_as_the_core_decrypts_them)
{
	static uint32_t input[COUNT_MAX], expected[COUNT_MAX], x[COUNT_MAX + 1];
	struct mptcplb_core_secret secret;
	size_t variants;
	const struct lanes *const *all = lanes_all(&variants);

	randombytes_buf(&secret, sizeof(secret));
	for (uint32_t width = 30; width <= 32; width++) {
		randombytes_buf(input, sizeof(input));
		input[0] = 0;
		input[1] = UINT32_MAX;
		for (size_t i = 0; i < COUNT_MAX; i++) {
			input[i] >>= 32 - width;
			expected[i] = mptcplb_core_decrypt(&secret, width, input[i]);
		}
		for (size_t v = 0; v < variants; v++) {
			for (size_t c = 0; all[v]->runs_here() && c < ARRAY_SIZE(counts); c++) {
				memcpy(x, input, sizeof(input));
				x[counts[c]] = CANARY;
				all[v]->decrypt(&secret, width, x, counts[c]);
				ck_assert_msg(memcmp(x, expected, counts[c] * sizeof(*x)) == 0,
					      "%s: %zu tokens of %u bits", all[v]->name, counts[c],
					      width);
				ck_assert_uint_eq(x[counts[c]], CANARY);
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
		tokens_decrypt_as_the_core_decrypts_them,
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
