/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Values of options on a command line. */
#ifndef MPTCPLB_EXAMPLES_OPTION_H
#define MPTCPLB_EXAMPLES_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A decimal number within bounds. Returns false after an error message. */
bool option_number(const char *option, const char *text, uint32_t low, uint32_t high,
		   uint32_t *number);

/* One of some words: its place among them. Returns false after an error message. */
bool option_word(const char *option, const char *text, const char *const words[], size_t count,
		 unsigned int *place);

#endif
