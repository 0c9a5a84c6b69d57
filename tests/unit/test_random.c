// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include <mptcplb/random.h>

#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

static int sodium_fails;
static int sodium_starts;

/* The library's sodium_init(): the test program is linked with --wrap=sodium_init. */
int __real_sodium_init(void);
int __wrap_sodium_init(void);

int __wrap_sodium_init(void)
{
	sodium_starts++;
	return sodium_fails ? -1 : __real_sodium_init();
}

static int fill_counting(void *context, uint8_t *buffer, size_t length)
{
	memset(buffer, 0xc5, length);
	*(size_t *)context += length;
	return 0;
}

START_TEST(libsodium_is_the_default)
{
	uint8_t a[32] = { 0 }, b[32] = { 0 };

	ck_assert_int_eq(mptcplb_random_bytes(NULL, a, sizeof(a)), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_random_bytes(NULL, b, sizeof(b)), MPTCPLB_OK);
	ck_assert_mem_ne(a, b, sizeof(a));
}
END_TEST

START_TEST(libsodium_is_started_once_and_not_in_a_child)
{
	uint8_t bytes[7];
	int status;
	pid_t child;

	/* sodium_init() takes a lock, which another thread may have held when the child was made */
	ck_assert_int_eq(mptcplb_random_bytes(NULL, bytes, 0), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_random_bytes(NULL, bytes, sizeof(bytes)), MPTCPLB_OK);
	ck_assert_int_eq(sodium_starts, 1);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(mptcplb_random_bytes(NULL, bytes, sizeof(bytes)) || sodium_starts != 1);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(a_callers_source_is_asked)
{
	size_t count = 0;
	const struct mptcplb_random random = { sizeof(random), fill_counting, &count };
	uint8_t bytes[7];

	ck_assert_int_eq(mptcplb_random_bytes(&random, bytes, sizeof(bytes)), MPTCPLB_OK);
	ck_assert_uint_eq(count, sizeof(bytes));
	ck_assert_uint_eq(bytes[6], 0xc5);
}
END_TEST

START_TEST(a_source_that_fails_leaves_zeros)
{
	const struct mptcplb_random random = { sizeof(random), fill_failing, NULL };
	static const uint8_t zeros[7];
	uint8_t bytes[7] = { 1 };

	ck_assert_int_eq(mptcplb_random_bytes(&random, bytes, sizeof(bytes)), MPTCPLB_ERR_RANDOM);
	ck_assert_mem_eq(bytes, zeros, sizeof(bytes));
}
END_TEST

START_TEST(without_libsodium_there_are_zeros)
{
	static const uint8_t zeros[7];
	uint8_t bytes[7] = { 1 };

	sodium_fails = 1;
	ck_assert_int_eq(mptcplb_random_bytes(NULL, bytes, sizeof(bytes)), MPTCPLB_ERR_RANDOM);
	ck_assert_mem_eq(bytes, zeros, sizeof(bytes));
	sodium_fails = 0;
	ck_assert_int_eq(mptcplb_random_bytes(NULL, bytes, sizeof(bytes)), MPTCPLB_OK);
}
END_TEST

START_TEST(a_source_that_is_not_valid_is_refused)
{
	size_t count = 0;
	const struct mptcplb_random wrong_size = { sizeof(wrong_size) - 1, fill_counting, &count };
	const struct mptcplb_random no_fill = { sizeof(no_fill), NULL, &count };
	uint8_t bytes[7];

	ck_assert_int_eq(mptcplb_random_bytes(&wrong_size, bytes, sizeof(bytes)),
			 MPTCPLB_ERR_ARGUMENT);
	ck_assert_int_eq(mptcplb_random_bytes(&no_fill, bytes, sizeof(bytes)),
			 MPTCPLB_ERR_ARGUMENT);
	ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(wipe_leaves_zeros_and_nothing_else)
{
	uint8_t bytes[8];
	static const uint8_t wiped[8] = { 0xff, 0, 0, 0, 0, 0, 0, 0xff };

	memset(bytes, 0xff, sizeof(bytes));
	mptcplb_wipe(bytes + 1, 6);
	ck_assert_mem_eq(bytes, wiped, sizeof(bytes));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		libsodium_is_the_default,
		libsodium_is_started_once_and_not_in_a_child,
		a_callers_source_is_asked,
		a_source_that_fails_leaves_zeros,
		a_source_that_is_not_valid_is_refused,
		without_libsodium_there_are_zeros,
		wipe_leaves_zeros_and_nothing_else,
		NULL,
	};

	return run_suite("random", tests);
}
