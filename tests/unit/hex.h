/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Bytes as a person writes them down: hex digits, with spaces anywhere between two bytes. */
#ifndef MPTCPLB_TESTS_HEX_H
#define MPTCPLB_TESTS_HEX_H

#include "unit.h"

/* Returns how many bytes there are. */
static inline size_t from_hex(uint8_t *bytes, size_t size, const char *text)
{
	size_t length = 0;

	while (*text) {
		char digits[3] = { 0 };
		char *end;

		if (*text == ' ') {
			text++;
			continue;
		}
		ck_assert_uint_lt(length, size);
		memcpy(digits, text, strnlen(text, 2));
		bytes[length++] = (uint8_t)strtoul(digits, &end, 16);
		ck_assert_msg(end == digits + 2, "not two hex digits: %s", text);
		text += 2;
	}
	return length;
}

/* The same bytes in memory of their own, so that reading past them is noticed; to be freed. */
static inline uint8_t *exact_copy(const uint8_t *bytes, size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, bytes, length);
	return copy;
}

#endif
