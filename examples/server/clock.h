/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The clock that bpf_ktime_get_ns() reads too. */
#ifndef MPTCPLB_SERVER_CLOCK_H
#define MPTCPLB_SERVER_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

#endif
