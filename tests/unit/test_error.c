// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include <mptcplb/error.h>

#include <limits.h>

#include "unit.h"

/* the newest value of enum mptcplb_error */
#define LAST MPTCPLB_ERR_NESTED

START_TEST(every_error_has_a_text_of_its_own)
{
	for (int i = MPTCPLB_OK; i >= LAST; i--) {
		const char *text = mptcplb_strerror(i);

		ck_assert_str_ne(text, "unknown error");
		ck_assert_ptr_null(strchr(text, '\n'));
		for (int j = MPTCPLB_OK; j > i; j--)
			ck_assert_str_ne(text, mptcplb_strerror(j));
	}
}
END_TEST

START_TEST(other_numbers_are_unknown)
{
	const int numbers[] = { LAST - 1, 1, INT_MAX, INT_MIN };

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		ck_assert_str_eq(mptcplb_strerror(numbers[i]), "unknown error");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		every_error_has_a_text_of_its_own,
		other_numbers_are_unknown,
		NULL,
	};

	return run_suite("error", tests);
}
