// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "checks.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "environment.h"

/* bpf_loop() came with this one. */
#define KERNEL_MAJOR 5
#define KERNEL_MINOR 17

#define BTF "/sys/kernel/btf/vmlinux"

/* More full buckets than this share are a finding. */
#define FULL_BUCKETS_MAX 0.01

static void check_kernel(struct check *check)
{
	struct utsname name;
	int major, minor;

	if (uname(&name) == 0 && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
	    (major < KERNEL_MAJOR || (major == KERNEL_MAJOR && minor < KERNEL_MINOR)))
		check_tell(check, "Linux %s is too old: the programs need %d.%d or later",
			   name.release, KERNEL_MAJOR, KERNEL_MINOR);
	if (access(BTF, R_OK))
		check_tell(check, "the kernel does not describe its types (" BTF
				  "): use one that was built with CONFIG_DEBUG_INFO_BTF");
}

struct expected {
	const char *path;
	int low, high;
	const char *why;
};

static void check_sysctl(struct check *check, const struct expected *expected)
{
	int value = environment_sysctl(expected->path);
	char name[64];
	size_t i;

	for (i = 0; expected->path[i] && i < sizeof(name) - 1; i++)
		name[i] = expected->path[i] == '/' ? '.' : expected->path[i];
	name[i] = '\0';
	if (value < 0)
		check_tell(check, "%s: %s. %s: use a kernel that has it", name, strerror(-value),
			   expected->why);
	else if (value < expected->low || value > expected->high)
		check_tell(check, "%s is %d. %s: sysctl -w %s=%d", name, value, expected->why, name,
			   expected->low);
}

static void check_sysctls(struct check *check)
{
	static const struct expected all[] = {
		{ "net/mptcp/enabled", 1, 1, "MPTCP is off" },
		{ "net/mptcp/allow_join_initial_addr_port", 1, 1,
		  "Clients are told not to join to the service's address" },
		{ "net/ipv4/tcp_timestamps", 1, 2,
		  "Without timestamps connections lose window scale and SACK" },
		{ "net/core/somaxconn", 1024, INT_MAX,
		  "Short queues of listeners drop third ACKs, which clients do not send again" },
	};
	const struct expected cookies = {
		"net/ipv4/tcp_syncookies", 1, 1,
		"The agent's listener must send cookies, others must not"
	};
	const struct expected cookies_for_all = { "net/ipv4/tcp_syncookies", SYNCOOKIES_ALWAYS,
						  SYNCOOKIES_ALWAYS, "All SYNs need cookies" };
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		check_sysctl(check, &all[i]);
	if (!check->options->cookies_for_all)
		check_sysctl(check, &cookies);
	else if (!check->options->set_syncookies)
		check_sysctl(check, &cookies_for_all);
}

/* The share of buckets with four tokens or more, when tokens fall into them at random. */
static double full_share(double tokens, double buckets)
{
	double mean = tokens / buckets;

	return 1 - exp(-mean) * (1 + mean + mean * mean / 2 + mean * mean * mean / 6);
}

static void check_buckets(struct check *check)
{
	const uint32_t peak = check->server->peak_connections;
	const uint32_t buckets = environment_token_buckets();
	double share = full_share(peak, buckets);

	if (share > FULL_BUCKETS_MAX)
		check_tell(check,
			   "with %u connections (peak_connections in the farm file) %.0f %% of the "
			   "kernel's %u token buckets are full, and new connections that meet one "
			   "are plain TCP: give the machine more memory (a bucket for each MB, at "
			   "most 65536), or the server fewer connections",
			   peak, share * 100, buckets);
}

void check_host(struct check *check)
{
	check_kernel(check);
	check_sysctls(check);
	check_buckets(check);
}
