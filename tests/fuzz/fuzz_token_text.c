// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Tokens and numbers as mptcplb-tool reads them from its command line. */
#include <mptcplb/keyring.h>
#include <mptcplb/token.h>

#include "text.h"
#include "tool.h"

#define TOKEN_SIZE 4

static struct mptcplb_keyring keyring;

static void make_keyring(void)
{
	static const uint8_t secret[MPTCPLB_SECRET_SIZE] = "no secret at all";

	MUST(mptcplb_keyring_init(&keyring, 1, 8) == MPTCPLB_OK);
	MUST(mptcplb_keyring_add(&keyring, 1, secret) == MPTCPLB_OK);
}

static void check_token(const char *text)
{
	char again[2 * TOKEN_SIZE + 1];
	struct mptcplb_token_parts parts;
	uint8_t bytes[TOKEN_SIZE];
	uint64_t number, other;
	uint32_t token;
	bool valid = text_is_hex(&number, text, 2 * TOKEN_SIZE);

	MUST(parse_hex(bytes, sizeof(bytes), text) == valid);
	if (!valid)
		return;
	token = mptcplb_core_be32(bytes);
	MUST(token == number);
	format_hex(again, bytes, sizeof(bytes));
	MUST(text_is_hex(&other, again, 2 * TOKEN_SIZE) && other == number);
	if (mptcplb_token_decode(&keyring, &parts, token) != MPTCPLB_OK)
		return;
	MUST(mptcplb_token_encode(&keyring, &token, &parts) == MPTCPLB_OK && token == number);
}

static void check_number(const char *text)
{
	size_t length = strlen(text);
	uint64_t expected = strtoull(text, NULL, 10);
	bool valid = length > 0 && length <= 10 && strspn(text, "0123456789") == length;
	uint32_t number;

	MUST(parse_number(&number, text, UINT32_MAX) == (valid && expected <= UINT32_MAX));
	MUST(parse_number(&number, text, 255) == (valid && expected <= 255));
	if (valid && expected <= 255)
		MUST(number == expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = text_of(data, size);

	if (!keyring.present)
		make_keyring();
	check_token(text);
	check_number(text);
	free(text);
	return 0;
}
