// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The counting of equal tokens, where chance would take too long to bring three together. */
#include <check.h>
#include <stdlib.h>

#include <census.h>

static uint64_t pairs_of(struct census *census, const uint32_t *tokens, size_t count)
{
	census_clear(census);
	for (size_t i = 0; i < count; i++)
		ck_assert(census_add(census, tokens[i]));
	return census_pairs(census);
}

START_TEST(test_pairs)
{
	const uint32_t different[] = { 0, 1, 63, 64, 0x80000000, 0xffffffff };
	const uint32_t three_and_two[] = { 7, 0xffffffff, 7, 9, 0xffffffff, 7 };
	const uint32_t four[] = { 0, 0, 0, 0 };
	struct census census;

	ck_assert(census_start(&census));
	ck_assert_uint_eq(pairs_of(&census, different, 6), 0);
	ck_assert_uint_eq(pairs_of(&census, three_and_two, 6), 3 + 1);
	ck_assert_uint_eq(census.repeat_count, 2 + 1);
	ck_assert_uint_eq(pairs_of(&census, four, 4), 6);
	ck_assert_uint_eq(pairs_of(&census, different, 6), 0);
	census_free(&census);
}
END_TEST

START_TEST(test_many_repeats)
{
	struct census census;
	uint64_t pairs = 0;

	ck_assert(census_start(&census));
	for (uint32_t i = 0; i < 100000; i++) {
		ck_assert(census_add(&census, i % 1000 * 4294967));
		pairs += i / 1000; /* with each one of the same token before it */
	}
	ck_assert_uint_eq(census.repeat_count, 99000);
	ck_assert_uint_eq(census_pairs(&census), pairs);
	census_free(&census);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("census");
	TCase *cases = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(cases, test_pairs);
	tcase_add_test(cases, test_many_repeats);
	tcase_set_timeout(cases, 0);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
