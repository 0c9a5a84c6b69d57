// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "farm_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Longest tail of a path that an error text shows: the message needs room beside it. */
#define PATH_SHOWN 160
/* So many hex digits in a row may be a secret, or most of one. */
#define HEX_RUN_HIDDEN 16

static int is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Text from a file must not move the cursor of somebody's terminal. */
static void mask_control(char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
	}
}

int farm_fail(struct farm_load *load, size_t line, const char *format, ...)
{
	char *text = load->error->text;
	size_t path_length = strlen(load->path);
	const char *path = load->path;
	va_list arguments;
	int used;

	if (path_length > PATH_SHOWN)
		path += path_length - PATH_SHOWN;
	used = snprintf(text, MPTCPLB_FARM_ERROR_SIZE, "%s%s", path == load->path ? "" : "…", path);
	if (line)
		used += snprintf(text + used, MPTCPLB_FARM_ERROR_SIZE - (size_t)used, ":%zu", line);
	used += snprintf(text + used, MPTCPLB_FARM_ERROR_SIZE - (size_t)used, ": ");
	va_start(arguments, format);
	vsnprintf(text + used, MPTCPLB_FARM_ERROR_SIZE - (size_t)used, format, arguments);
	va_end(arguments);
	mask_control(text);
	return -1;
}

int farm_fail_memory(struct farm_load *load)
{
	return farm_fail(load, 0, "out of memory");
}

const char *farm_quote(struct farm_quoted *quoted, const char *value)
{
	size_t run = 0;

	for (const char *c = value; *c; c++) {
		run = is_hex(*c) ? run + 1 : 0;
		if (run == HEX_RUN_HIDDEN) {
			snprintf(quoted->text, sizeof(quoted->text),
				 "(hidden: it may be a secret)");
			return quoted->text;
		}
	}
	snprintf(quoted->text, sizeof(quoted->text), "'%.40s%s'", value,
		 strlen(value) > 40 ? "…" : "");
	return quoted->text;
}
