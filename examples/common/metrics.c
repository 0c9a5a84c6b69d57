// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "metrics.h"

#include <stdio.h>

static void print(const char *name, const char *suffix, const char *type, const char *meaning,
		  long long value)
{
	if (meaning)
		printf("# HELP mptcplb_%s%s %s\n", name, suffix, meaning);
	printf("# TYPE mptcplb_%s%s %s\nmptcplb_%s%s %lld\n", name, suffix, type, name, suffix,
	       value);
}

void metrics_counter(const char *name, const char *meaning, long long value)
{
	print(name, "_total", "counter", meaning, value);
}

void metrics_gauge(const char *name, const char *meaning, long long value)
{
	print(name, "", "gauge", meaning, value);
}
