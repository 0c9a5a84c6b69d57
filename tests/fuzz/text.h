/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Text of a command line, and what it should mean, told in another way than the tool does. */
#ifndef MPTCPLB_TESTS_FUZZ_TEXT_H
#define MPTCPLB_TESTS_FUZZ_TEXT_H

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "fuzz.h"

/* The bytes as a string, which ends where they do or at the first NUL; to be freed. */
static inline char *text_of(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	MUST(text);
	if (size)
		memcpy(text, data, size);
	text[size] = 0;
	return text;
}

/* Whether text is @digits hex digits, with or without 0x, and which number they are. */
static inline bool text_is_hex(uint64_t *number, const char *text, size_t digits)
{
	if (!strncmp(text, "0x", 2) || !strncmp(text, "0X", 2))
		text += 2;
	for (size_t i = 0; text[i]; i++) {
		if (!isxdigit((unsigned char)text[i]))
			return false;
	}
	*number = strtoull(text, NULL, 16);
	return strlen(text) == digits;
}

#endif
