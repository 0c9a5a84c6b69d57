// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "environment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "daemon.h"
#include "server_kern_user.h"

#define MPTCP_ENABLED "/proc/sys/net/mptcp/enabled"
#define MPTCP_JOIN_INITIAL "/proc/sys/net/mptcp/allow_join_initial_addr_port"
#define SYNCOOKIES "/proc/sys/net/ipv4/tcp_syncookies"

/* A number from a file, or -1 with errno. */
static int read_number(const char *path)
{
	FILE *file = fopen(path, "re");
	int number;

	if (!file)
		return -1;
	if (fscanf(file, "%d", &number) != 1) {
		number = -1;
		errno = EINVAL;
	}
	fclose(file);
	return number;
}

int environment_sysctl(const char *path)
{
	char full[128];
	int number;

	snprintf(full, sizeof(full), "/proc/sys/%s", path);
	number = read_number(full);
	return number < 0 ? -errno : number;
}

static bool write_number(const char *path, int number)
{
	FILE *file = fopen(path, "we");
	bool written;

	if (!file)
		return false;
	written = fprintf(file, "%d\n", number) > 0;
	return fclose(file) == 0 && written;
}

bool environment_mptcp(void)
{
	int enabled = read_number(MPTCP_ENABLED);

	if (enabled < 0) {
		log_error("this kernel has no MPTCP (%s: %s): "
			  "use a kernel that was built with CONFIG_MPTCP",
			  MPTCP_ENABLED, strerror(errno));
		return false;
	}
	if (enabled == 0) {
		log_error("MPTCP is switched off: set net.mptcp.enabled=1 with sysctl");
		return false;
	}
	if (read_number(MPTCP_JOIN_INITIAL) == 0)
		log_warning("clients are told not to join to the service's address: "
			    "set net.mptcp.allow_join_initial_addr_port=1 with sysctl");
	return true;
}

int environment_syncookies(void)
{
	int value = read_number(SYNCOOKIES);

	return value < 0 ? -errno : value;
}

int environment_set_syncookies(int value)
{
	return write_number(SYNCOOKIES, value) ? 0 : -errno;
}

bool environment_syncookies_possible(void)
{
	int now = read_number(SYNCOOKIES);

	if (now < 0)
		log_error("%s: %s (the kernel needs CONFIG_SYN_COOKIES)", SYNCOOKIES,
			  strerror(errno));
	else if (now == 0)
		log_error("net.ipv4.tcp_syncookies is 0 but must be 1: only SYN cookies let the "
			  "agent choose keys. Set it with sysctl");
	else if (now == SYNCOOKIES_ALWAYS)
		log_warning("net.ipv4.tcp_syncookies is %d: all connections and joins pay for SYN "
			    "cookies. Set it to 1 with sysctl",
			    now);
	return now > 0;
}

bool environment_take_syncookies(bool set, int *before)
{
	int now = read_number(SYNCOOKIES);

	*before = -1;
	if (now == SYNCOOKIES_ALWAYS)
		return true;
	if (now < 0) {
		log_error("%s: %s (the kernel needs CONFIG_SYN_COOKIES)", SYNCOOKIES,
			  strerror(errno));
		return false;
	}
	if (!set) {
		log_error("net.ipv4.tcp_syncookies is %d but must be %d: only SYN cookies let the "
			  "agent choose keys. Set it with sysctl, or start with --set-syncookies",
			  now, SYNCOOKIES_ALWAYS);
		return false;
	}
	if (!write_number(SYNCOOKIES, SYNCOOKIES_ALWAYS)) {
		log_error("%s: cannot write %d: %s", SYNCOOKIES, SYNCOOKIES_ALWAYS,
			  strerror(errno));
		return false;
	}
	*before = now;
	return true;
}

void environment_restore_syncookies(int before)
{
	if (before < 0 || read_number(SYNCOOKIES) != SYNCOOKIES_ALWAYS)
		return;
	if (!write_number(SYNCOOKIES, before))
		log_warning("%s: cannot write %d back: %s", SYNCOOKIES, before, strerror(errno));
}

/* The number of buckets from the kernel's log, or 0. */
static uint32_t buckets_from_log(void)
{
	static const char text[] = "MPTCP token hash table entries: ";
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	unsigned long buckets = 0;
	char record[8192];
	ssize_t length;

	if (fd < 0)
		return 0;
	/* Each read gives one record. EPIPE: some were overwritten, the next read goes on. */
	while (!buckets &&
	       ((length = read(fd, record, sizeof(record) - 1)) > 0 || errno == EPIPE)) {
		char *found;

		record[length > 0 ? length : 0] = '\0';
		found = strstr(record, text);
		if (found)
			buckets = strtoul(found + sizeof(text) - 1, NULL, 10);
	}
	close(fd);
	return buckets && buckets <= SERVER_BUCKETS_MAX && !(buckets & (buckets - 1))
		       ? (uint32_t)buckets
		       : 0;
}

uint32_t environment_token_buckets(void)
{
	uint32_t buckets = buckets_from_log();
	struct sysinfo info;

	if (buckets)
		return buckets;
	buckets = 1;
	if (sysinfo(&info) == 0) {
		uint64_t mebibytes = (uint64_t)info.totalram * info.mem_unit >> 20;

		while (buckets * 2 <= mebibytes && buckets < SERVER_BUCKETS_MAX)
			buckets *= 2;
	}
	return buckets;
}
