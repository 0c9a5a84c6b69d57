// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "option.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"

/* Room for the words of one option in a message. */
#define WORDS_SIZE 128

bool option_number(const char *option, const char *text, uint32_t low, uint32_t high,
		   uint32_t *number)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *text < '0' || *text > '9' || *end || value < low || value > high) {
		log_error("%s \"%s\": expected a number from %u to %u", option, text, low, high);
		return false;
	}
	*number = (uint32_t)value;
	return true;
}

bool option_word(const char *option, const char *text, const char *const words[], size_t count,
		 unsigned int *place)
{
	char expected[WORDS_SIZE] = "";
	size_t length = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (!strcmp(text, words[i])) {
			*place = i;
			return true;
		}
		length += (size_t)snprintf(expected + length, sizeof(expected) - length, "%s%s",
					   i ? " or " : "", words[i]);
	}
	log_error("%s \"%s\": expected %s", option, text, expected);
	return false;
}
