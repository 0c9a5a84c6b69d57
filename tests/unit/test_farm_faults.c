// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Farm files when memory runs out, and when reading does not go smoothly. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <mptcplb/farm.h>

#include "unit.h"

/* The whole schema, so that each allocation there is happens. */
static const char text[] =
	"token:\n"
	"  server_id_bits: 8\n"
	"  epoch_bits: 1\n"
	"  active: 1\n"
	"  epochs:\n"
	"    - {epoch: 0, secret: df6af1d8303e61cdc4bb86c3d1c42710}\n"
	"    - {epoch: 1, secret_file: epoch1.key}\n"
	"servers:\n"
	"  - {name: web-1, address: 192.0.2.11, ids: [17], weight: 7, peak_connections: 100}\n"
	"  - {name: web-2, address: 192.0.2.12, ids: [19, 18], state: draining}\n"
	"balancers:\n"
	"  - {name: lb-1, address: 192.0.2.1}\n"
	"services:\n"
	"  - {address: 198.51.100.1, port: 443}\n"
	"  - {address: 198.51.100.1, port: 80, port_last: 90, servers: [web-2, web-1]}\n";

static char directory[] = "/tmp/mptcplb-test-farm-faults-XXXXXX";
static char farm_path[64];
static char secret_path[64];
static struct mptcplb_farm_error error;

static int allocations_left = -1; /* below zero: enough memory */

/* What read() does. */
static enum {
	READ_ALL,
	READ_IN_PIECES,
	READ_FAILS,
	READ_AFTER_GROWTH,
	READ_AFTER_CUT
} reading;

/* The libraries' functions: the test program is linked with --wrap for each. */
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
ssize_t __real_read(int fd, void *buffer, size_t size);
ssize_t __wrap_read(int fd, void *buffer, size_t size);

void *__wrap_malloc(size_t size)
{
	return allocations_left && allocations_left-- ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
	return allocations_left && allocations_left-- ? __real_calloc(count, size) : NULL;
}

ssize_t __wrap_read(int fd, void *buffer, size_t size)
{
	static unsigned int calls;

	switch (reading) {
	case READ_IN_PIECES:
		errno = EINTR;
		return calls++ % 2 ? __real_read(fd, buffer, size < 7 ? size : 7) : -1;
	case READ_FAILS:
		errno = EIO;
		return calls++ ? -1 : __real_read(fd, buffer, 7);
	case READ_AFTER_GROWTH:
		ck_assert_int_eq(truncate(farm_path, sizeof(text)), 0);
		return __real_read(fd, buffer, size);
	case READ_AFTER_CUT:
		ck_assert_int_eq(truncate(farm_path, sizeof(text) - 2), 0);
		return __real_read(fd, buffer, size);
	default:
		return __real_read(fd, buffer, size);
	}
}

static void write_file(const char *path, const char *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, length), (ssize_t)length);
	close(fd);
}

static void write_files(void)
{
	write_file(farm_path, text, sizeof(text) - 1);
	write_file(secret_path, "3f1c7a52e0d94b8896a5c10b7e2d6f43", 32);
}

static void assert_error(const struct mptcplb_farm *farm, const char *words)
{
	ck_assert_ptr_null(farm);
	ck_assert_msg(strncmp(error.text, farm_path, strlen(farm_path)) == 0 &&
			      strstr(error.text, words),
		      "expected %s: …%s, got: %s", farm_path, words, error.text);
}

/* Memory for n allocations, for every n that is not enough. */
START_TEST(too_little_memory_is_told)
{
	struct mptcplb_farm *farm = NULL;
	int n = 0;

	write_files();
	for (; !farm; n++) {
		memset(&error, 0, sizeof(error));
		allocations_left = n;
		farm = mptcplb_farm_load(farm_path, &error);
		allocations_left = -1;
		if (!farm)
			assert_error(farm, "memory");
	}
	ck_assert_int_gt(n, 40);
	ck_assert_uint_eq(farm->service_count, 2);
	mptcplb_farm_free(farm);
}
END_TEST

START_TEST(a_file_may_come_in_pieces)
{
	struct mptcplb_farm *farm;

	write_files();
	reading = READ_IN_PIECES;
	farm = mptcplb_farm_load(farm_path, &error);
	ck_assert_msg(farm != NULL, "%s", error.text);
	ck_assert_uint_eq(farm->service_count, 2);
	mptcplb_farm_free(farm);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_to_its_end_is_refused)
{
	write_files();
	reading = READ_FAILS;
	assert_error(mptcplb_farm_load(farm_path, &error), "Input/output error");
}
END_TEST

START_TEST(a_file_that_changes_under_way_is_refused)
{
	write_files();
	reading = READ_AFTER_GROWTH;
	assert_error(mptcplb_farm_load(farm_path, &error), "changed while it was read");
	write_files();
	reading = READ_AFTER_CUT;
	assert_error(mptcplb_farm_load(farm_path, &error), "changed while it was read");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		too_little_memory_is_told,
		a_file_may_come_in_pieces,
		a_file_that_cannot_be_read_to_its_end_is_refused,
		a_file_that_changes_under_way_is_refused,
		NULL,
	};
	int result;

	if (!mkdtemp(directory))
		return EXIT_FAILURE;
	snprintf(farm_path, sizeof(farm_path), "%s/farm.yaml", directory);
	snprintf(secret_path, sizeof(secret_path), "%s/epoch1.key", directory);
	result = run_suite("farm_faults", tests);
	unlink(farm_path);
	unlink(secret_path);
	rmdir(directory);
	return result;
}
