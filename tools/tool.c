// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "tool.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mptcplb/random.h>

static void print_error(const char *format, va_list arguments)
{
	fprintf(stderr, "mptcplb-tool: ");
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
}

int fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_error(format, arguments);
	va_end(arguments);
	return TOOL_FAILED;
}

int fail_usage(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_error(format, arguments);
	va_end(arguments);
	fprintf(stderr,
		"mptcplb-tool --help tells the commands, mptcplb-tool COMMAND --help its options\n");
	return TOOL_USAGE;
}

bool parse_number(uint32_t *number, const char *text, uint32_t max)
{
	size_t length = strlen(text);
	unsigned long long value;

	if (length == 0 || length > 10 || strspn(text, "0123456789") != length)
		return false;
	value = strtoull(text, NULL, 10);
	if (value > max)
		return false;
	*number = (uint32_t)value;
	return true;
}

static int hex_value(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *found = c ? strchr(digits, c) : NULL;

	return found ? (int)(found - digits) % 16 : -1;
}

bool parse_hex(uint8_t *bytes, size_t size, const char *text)
{
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		text += 2;
	if (strlen(text) != 2 * size)
		return false;
	for (size_t i = 0; i < size; i++) {
		int high = hex_value(text[2 * i]);
		int low = hex_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

void format_hex(char *text, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

void print_json_line(const json_t *object)
{
	json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(12));
	putchar('\n');
}

int choose_server(struct server_choice *choice, const struct mptcplb_farm *farm, const char *text)
{
	const struct mptcplb_farm_server *server = mptcplb_farm_server_by_name(farm, text);
	uint32_t limit = 1U << farm->keyring.server_id_bits;

	if (server) {
		choice->ids = server->ids;
		choice->id_count = server->id_count;
		return TOOL_FINE;
	}
	if (!parse_number(&choice->one, text, UINT32_MAX))
		return fail("--server: the farm has no server '%s'", text);
	if (choice->one >= limit)
		return fail("--server: id %" PRIu32
			    " does not fit into server_id_bits: expected 0 to %" PRIu32,
			    choice->one, limit - 1);
	choice->ids = &choice->one;
	choice->id_count = 1;
	return TOOL_FINE;
}

int choose_id(uint32_t *id, const struct server_choice *choice)
{
	uint8_t bytes[4];
	int error = mptcplb_random_bytes(NULL, bytes, sizeof(bytes));

	if (error)
		return fail("%s", mptcplb_strerror(error));
	*id = choice->ids[(uint64_t)mptcplb_core_be32(bytes) * choice->id_count >> 32];
	return TOOL_FINE;
}
