// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Keys as mptcplb-tool reads them from its command line, and the names of modes. */
#include <mptcplb/key.h>

#include "text.h"
#include "tool.h"

static void check_key(const char *text)
{
	char again[2 * MPTCPLB_KEY_SIZE + 1];
	uint8_t key[MPTCPLB_KEY_SIZE];
	uint64_t number, other, idsn;
	uint32_t token;
	bool valid = text_is_hex(&number, text, 2 * MPTCPLB_KEY_SIZE);

	MUST(parse_hex(key, sizeof(key), text) == valid);
	if (!valid)
		return;
	format_hex(again, key, sizeof(key));
	MUST(text_is_hex(&other, again, 2 * MPTCPLB_KEY_SIZE) && other == number);
	for (int mode = MPTCPLB_MODE_RFC8684; mode <= MPTCPLB_MODE_IMPLICIT; mode++) {
		MUST(mptcplb_key_token((enum mptcplb_mode)mode, &token, key, sizeof(key)) ==
		     MPTCPLB_OK);
		MUST(mptcplb_key_idsn((enum mptcplb_mode)mode, &idsn, key, sizeof(key)) ==
		     MPTCPLB_OK);
	}
}

static void check_mode(const char *text)
{
	enum mptcplb_mode mode;

	if (mptcplb_mode_from_name(&mode, text) == MPTCPLB_OK)
		MUST(strcmp(mptcplb_mode_name(mode), text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = text_of(data, size);

	check_key(text);
	check_mode(text);
	free(text);
	return 0;
}
