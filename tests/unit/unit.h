/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What every unit test program needs: Check, and a main() that runs one suite. */
#ifndef MPTCPLB_TESTS_UNIT_H
#define MPTCPLB_TESTS_UNIT_H

#include <check.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* A source of randomness that fails, after it wrote something. */
static inline int fill_failing(void *context, uint8_t *buffer, size_t length)
{
	(void)context;
	memset(buffer, 0xc5, length);
	return -1;
}

/* Run the tests of a NULL-terminated list as one suite; the exit code for main(). */
static inline int run_suite(const char *name, const TTest *const *tests)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner;
	int failed;

	/* how long a test may take is no test's business */
	tcase_set_timeout(tcase, 0);
	for (size_t i = 0; tests[i]; i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
