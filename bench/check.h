// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Stops the program: a benchmark of something that does not work is worth nothing.
#ifndef MPTCPLB_BENCH_CHECK_H
#define MPTCPLB_BENCH_CHECK_H

#include <cstdio>
#include <cstdlib>

inline void check(bool fine, const char *what)
{
	if (fine)
		return;
	std::fprintf(stderr, "benchmark: %s failed\n", what);
	std::exit(EXIT_FAILURE);
}

#endif
