// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include <mptcplb/version.h>

#include "unit.h"

START_TEST(the_library_is_of_the_headers_version)
{
	ck_assert_uint_eq(mptcplb_library_version(), MPTCPLB_LIBRARY_VERSION);
}
END_TEST

START_TEST(versions_compare_as_numbers)
{
	ck_assert_uint_eq(MPTCPLB_LIBRARY_VERSION, MPTCPLB_LIBRARY_VERSION_MAJOR * 0x10000 +
							   MPTCPLB_LIBRARY_VERSION_MINOR * 0x100 +
							   MPTCPLB_LIBRARY_VERSION_PATCH);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_library_is_of_the_headers_version,
		versions_compare_as_numbers,
		NULL,
	};

	return run_suite("version", tests);
}
