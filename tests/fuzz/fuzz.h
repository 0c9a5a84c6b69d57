/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What every fuzz target has: the function that libFuzzer calls, and assertions that always count. */
#ifndef MPTCPLB_TESTS_FUZZ_H
#define MPTCPLB_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                 \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)

#endif
