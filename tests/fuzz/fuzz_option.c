// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Options as a TCP header has them: walked over, parsed, built again, and looked at by the packet
 * path. The first byte is the context: the version in the low bits, and the flags below.
 */
#include <string.h>

#include <mptcplb/core.h>
#include <mptcplb/option.h>

#include "fuzz.h"

#define NO_CONTEXT 0x80
#define TOKEN_IN_SYN 0x40
#define VERSION_UNKNOWN 0x20

static void check_again(const struct mptcplb_option *option, const uint8_t *bytes, int length)
{
	uint8_t buffer[MPTCPLB_TCP_OPTIONS_MAX];

	MUST(length <= MPTCPLB_TCP_OPTIONS_MAX && length == bytes[1]);
	MUST(mptcplb_option_build(option, buffer, (size_t)length - 1) == MPTCPLB_ERR_BUFFER);
	MUST(mptcplb_option_build(option, buffer, (size_t)length) == length);
	MUST(memcmp(buffer, bytes, (size_t)length) == 0);
}

/* What mptcplb_core_find_join() should see, by the other parser. */
static void note(struct mptcplb_core_syn *syn, const struct mptcplb_tcp_option *tcp_option,
		 const struct mptcplb_option *option, int parsed)
{
	if (tcp_option->length >= 3 && tcp_option->bytes[2] >> 4 == MPTCPLB_MP_CAPABLE)
		syn->seen |= MPTCPLB_SYN_CAPABLE;
	if (parsed != MPTCPLB_MP_JOIN_SYN_SIZE || option->subtype != MPTCPLB_MP_JOIN)
		return;
	syn->seen |= MPTCPLB_SYN_JOIN;
	syn->token = option->mp_join.token;
	syn->random = option->mp_join.random;
	syn->address_id = option->mp_join.address_id;
	syn->backup = (option->flags & MPTCPLB_MP_JOIN_B) != 0;
}

static void walk(const struct mptcplb_option_context *context, const uint8_t *bytes, size_t length)
{
	struct mptcplb_option_iterator iterator = { .size = sizeof(iterator),
						    .bytes = bytes,
						    .length = length };
	struct mptcplb_core_syn expected = { 0 }, syn;
	struct mptcplb_tcp_option tcp_option;
	int result;

	while ((result = mptcplb_option_next(&iterator, &tcp_option)) > 0) {
		struct mptcplb_option option;
		int parsed;

		MUST(tcp_option.bytes + tcp_option.length == bytes + iterator.offset);
		MUST(iterator.offset <= length);
		if (tcp_option.kind != MPTCPLB_TCPOPT_MPTCP)
			continue;
		parsed =
			mptcplb_option_parse(context, &option, tcp_option.bytes, tcp_option.length);
		MUST(parsed == tcp_option.length || parsed == MPTCPLB_ERR_MALFORMED);
		if (parsed > 0)
			check_again(&option, tcp_option.bytes, parsed);
		note(&expected, &tcp_option, &option, parsed);
	}
	if (length > MPTCPLB_TCP_OPTIONS_MAX)
		return;
	if (result < 0)
		expected.seen |= MPTCPLB_SYN_MALFORMED;
	MUST(mptcplb_core_find_join(&syn, bytes, (uint32_t)length) ==
	     mptcplb_core_syn_is_join(&expected));
	MUST(syn.seen == expected.seen && syn.token == expected.token);
	MUST(syn.random == expected.random && syn.address_id == expected.address_id);
	MUST(syn.backup == expected.backup);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mptcplb_option_context context = { .size = sizeof(context) };
	struct mptcplb_option option;
	int result;

	if (size == 0)
		return 0;
	context.version = data[0] & VERSION_UNKNOWN ? MPTCPLB_VERSION_UNKNOWN : data[0] & 0xf;
	context.token_in_syn = data[0] & TOKEN_IN_SYN;
	walk(data[0] & NO_CONTEXT ? NULL : &context, data + 1, size - 1);

	/* without the iterator's care, so that options are cut as well */
	result = mptcplb_option_parse(NULL, &option, data + 1, size - 1);
	MUST(result != 0 && (result < 0 || (size_t)result < size));
	return 0;
}
