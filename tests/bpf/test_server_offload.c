// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* What `check` makes of an interface that merges segments: few drivers do, so their answer is ours. */
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "checks.h"
#include "unit/unit.h"

static char findings[4096];
static uint32_t features; /* the driver's answer; 0xffffffff: it has none */

/* See CMakeLists.txt. */
int __wrap_ioctl(int fd, unsigned long request, struct ifreq *asked);

int __wrap_ioctl(int fd, unsigned long request, struct ifreq *asked)
{
	struct ethtool_value *value = (void *)asked->ifr_data;

	ck_assert_int_ge(fd, 0);
	ck_assert_str_eq(asked->ifr_name, "lo");
	if (request == SIOCGIFFLAGS) {
		asked->ifr_flags = IFF_UP;
		return 0;
	}
	ck_assert_uint_eq(request, SIOCETHTOOL);
	ck_assert_uint_eq(value->cmd, ETHTOOL_GFLAGS);
	value->data = features;
	return features == UINT32_MAX ? -1 : 0;
}

void check_tell(struct check *check, const char *format, ...)
{
	const size_t length = strlen(findings);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(findings + length, sizeof(findings) - length, format, arguments);
	va_end(arguments);
	check->findings++;
}

static bool is_found(uint32_t driver_features)
{
	const struct agent_options options = { .interfaces = { "lo" }, .interface_count = 1 };
	struct check check = { .options = &options };

	features = driver_features;
	findings[0] = '\0';
	check_interfaces(&check);
	return strstr(findings, "ethtool -K lo lro off") != NULL;
}

START_TEST(only_lro_is_found)
{
	ck_assert(is_found(ETH_FLAG_LRO));
	ck_assert(is_found(ETH_FLAG_LRO | ETH_FLAG_RXHASH | ETH_FLAG_NTUPLE));
	ck_assert(!is_found(ETH_FLAG_RXVLAN | ETH_FLAG_TXVLAN | ETH_FLAG_NTUPLE | ETH_FLAG_RXHASH));
	ck_assert(!is_found(0));
	ck_assert(!is_found(UINT32_MAX));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { only_lro_is_found, NULL };

	return run_suite("server-offload", tests);
}
