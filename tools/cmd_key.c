// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* mptcplb-tool key derive, key generate. */
#include "tool.h"

#include <string.h>

#include <mptcplb/token.h>

#include "record.h"

/* Fill in what follows from record->key, and print it. */
static int print_key(struct record *record, enum mptcplb_mode mode, const struct mptcplb_farm *farm,
		     bool json)
{
	int error;

	record->has_key = true;
	record->mode = mode;
	error = mptcplb_key_token(mode, &record->token, record->key, sizeof(record->key));
	if (!error)
		error = mptcplb_key_idsn(mode, &record->idsn, record->key, sizeof(record->key));
	if (error)
		return fail("%s", mptcplb_strerror(error));
	record_decode(record, farm);
	record_print(record, json);
	return TOOL_FINE;
}

int cmd_key_derive(const struct arguments *arguments)
{
	bool json = arguments->given & OPTION_JSON;
	struct record record = { 0 };
	int result = TOOL_FINE;

	for (int i = 0; i < arguments->operand_count; i++) {
		if (!parse_hex(record.key, sizeof(record.key), arguments->operands[i]))
			return fail_usage("argument %d is not a key: expected %d hex digits", i + 1,
					  2 * MPTCPLB_KEY_SIZE);
	}
	record_print_heading(true, json);
	for (int i = 0; i < arguments->operand_count && !result; i++) {
		record = (struct record){ 0 };
		parse_hex(record.key, sizeof(record.key), arguments->operands[i]);
		result = print_key(&record, arguments->mode, arguments->farm, json);
	}
	return result;
}

static int make_implicit(struct record *record, const struct mptcplb_farm *farm,
			 const struct server_choice *choice)
{
	uint32_t token, id;
	int error = choose_id(&id, choice);

	if (error)
		return error;
	error = mptcplb_token_generate(&farm->keyring, &token, id, NULL);
	if (!error)
		error = mptcplb_key_implicit(record->key, token, NULL);
	record->tries = 1;
	return error ? fail("%s", mptcplb_strerror(error)) : TOOL_FINE;
}

static int make_rfc8684(struct record *record, const struct mptcplb_farm *farm,
			const struct server_choice *choice)
{
	const struct mptcplb_key_search search = {
		.size = sizeof(search),
		.server_ids = choice->ids,
		.server_id_count = choice->id_count,
	};
	struct mptcplb_key_found found;
	int error = mptcplb_key_search(&farm->keyring, &found, &search, NULL);

	if (error)
		return fail("%s", mptcplb_strerror(error));
	memcpy(record->key, found.key, sizeof(record->key));
	record->tries = found.tries;
	return TOOL_FINE;
}

int cmd_key_generate(const struct arguments *arguments)
{
	const struct mptcplb_farm *farm = arguments->farm;
	bool json = arguments->given & OPTION_JSON;
	struct server_choice choice;
	int result = choose_server(&choice, farm, arguments->server);

	if (result)
		return result;
	record_print_heading(true, json);
	for (uint32_t i = 0; i < arguments->count && !result; i++) {
		struct record record = { 0 };

		if (arguments->mode == MPTCPLB_MODE_IMPLICIT)
			result = make_implicit(&record, farm, &choice);
		else
			result = make_rfc8684(&record, farm, &choice);
		if (!result)
			result = print_key(&record, arguments->mode, farm, json);
	}
	return result;
}
