// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* mptcplb-tool option decode: the options of a TCP header, from hex digits. */
#include "tool.h"

#include <jansson.h>
#include <string.h>

#include <mptcplb/option.h>

#include "option_json.h"

struct hex_options {
	uint8_t bytes[MPTCPLB_TCP_OPTIONS_MAX];
	size_t length;
};

static bool read_options(struct hex_options *options, const char *text)
{
	size_t prefix = strncmp(text, "0x", 2) == 0 ? 2 : 0;

	options->length = (strlen(text) - prefix) / 2;
	return options->length > 0 && options->length <= sizeof(options->bytes) &&
	       parse_hex(options->bytes, options->length, text);
}

static void print_option(const struct mptcplb_tcp_option *option, bool json)
{
	json_t *object;

	if (option->kind != MPTCPLB_TCPOPT_MPTCP && !json) {
		printf("kind %d  length %d\n", option->kind, option->length);
		return;
	}
	if (option->kind == MPTCPLB_TCPOPT_MPTCP)
		object = option_json(option);
	else
		object = json_pack("{s:i, s:i}", "kind", option->kind, "length", option->length);
	if (json)
		print_json_line(object);
	else
		option_print_fields(object);
	json_decref(object);
}

static int decode(const struct hex_options *options, int number, bool json)
{
	struct mptcplb_option_iterator iterator = {
		.size = sizeof(iterator),
		.bytes = options->bytes,
		.length = options->length,
	};
	struct mptcplb_tcp_option option;
	int result = TOOL_FINE;
	int more;

	while ((more = mptcplb_option_next(&iterator, &option)) > 0) {
		struct mptcplb_option parsed;

		if (option.kind == MPTCPLB_TCPOPT_NOP)
			continue;
		print_option(&option, json);
		if (option.kind == MPTCPLB_TCPOPT_MPTCP &&
		    mptcplb_option_parse(NULL, &parsed, option.bytes, option.length) < 0)
			result = fail(
				"argument %d: the option at byte %zu has no form that MPTCP has",
				number, (size_t)(option.bytes - options->bytes));
	}
	if (more < 0)
		return fail("argument %d: the option at byte %zu: %s", number, iterator.offset,
			    mptcplb_strerror(more));
	return result;
}

int cmd_option_decode(const struct arguments *arguments)
{
	struct hex_options options;
	int result = TOOL_FINE;

	for (int i = 0; i < arguments->operand_count; i++) {
		if (!read_options(&options, arguments->operands[i]))
			return fail_usage(
				"argument %d is not the options of a TCP header: expected "
				"hex digits for 1 to %d bytes",
				i + 1, MPTCPLB_TCP_OPTIONS_MAX);
	}
	for (int i = 0; i < arguments->operand_count; i++) {
		read_options(&options, arguments->operands[i]);
		if (decode(&options, i + 1, arguments->given & OPTION_JSON))
			result = TOOL_FAILED;
	}
	return result;
}
