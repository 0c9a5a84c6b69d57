// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* mptcplb-tool token decode, token generate. */
#include "tool.h"

#include <inttypes.h>

#include <mptcplb/keyring.h>
#include <mptcplb/token.h>

#include "record.h"

#define TOKEN_SIZE 4

int cmd_token_decode(const struct arguments *arguments)
{
	bool json = arguments->given & OPTION_JSON;
	uint8_t bytes[TOKEN_SIZE];

	for (int i = 0; i < arguments->operand_count; i++) {
		if (!parse_hex(bytes, sizeof(bytes), arguments->operands[i]))
			return fail_usage("'%s' is not a token: expected 8 hex digits",
					  arguments->operands[i]);
	}
	record_print_heading(false, json);
	for (int i = 0; i < arguments->operand_count; i++) {
		struct record record = { 0 };

		parse_hex(bytes, sizeof(bytes), arguments->operands[i]);
		record.token = mptcplb_core_be32(bytes);
		record_decode(&record, arguments->farm);
		record_print(&record, json);
	}
	return TOOL_FINE;
}

static int generate(struct record *record, const struct server_choice *choice,
		    const struct arguments *arguments, uint32_t index)
{
	const struct mptcplb_farm *farm = arguments->farm;
	struct mptcplb_token_parts parts = {
		.epoch = farm->keyring.active,
		.server_id = choice->ids[0],
		.nonce = arguments->nonce + index,
	};
	uint32_t id;
	int error;

	if (arguments->given & OPTION_NONCE) {
		error = mptcplb_token_encode(&farm->keyring, &record->token, &parts);
		return error ? fail("nonce %" PRIu32 ": %s", parts.nonce, mptcplb_strerror(error))
			     : TOOL_FINE;
	}
	error = choose_id(&id, choice);
	if (error)
		return error;
	error = mptcplb_token_generate(&farm->keyring, &record->token, id, NULL);
	return error ? fail("%s", mptcplb_strerror(error)) : TOOL_FINE;
}

int cmd_token_generate(const struct arguments *arguments)
{
	const struct mptcplb_farm *farm = arguments->farm;
	bool json = arguments->given & OPTION_JSON;
	uint32_t nonces = mptcplb_keyring_nonce_count(&farm->keyring);
	struct server_choice choice;
	int result = choose_server(&choice, farm, arguments->server);

	if (result)
		return result;
	if (arguments->given & OPTION_NONCE &&
	    (uint64_t)arguments->nonce + arguments->count > nonces)
		return fail("--nonce: %" PRIu32 " and %" PRIu32
			    " above it do not fit beside the server id: expected at most %" PRIu32,
			    arguments->nonce, arguments->count - 1, nonces - 1);
	record_print_heading(false, json);
	for (uint32_t i = 0; i < arguments->count; i++) {
		struct record record = { 0 };

		result = generate(&record, &choice, arguments, i);
		if (result)
			return result;
		record_decode(&record, farm);
		record_print(&record, json);
	}
	return TOOL_FINE;
}
