// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* A program that somebody else would write: built against the installed library in each way. */
#include <mptcplb/key.h>
#include <mptcplb/keyring.h>
#include <mptcplb/token.h>

#include <stdio.h>

int main(void)
{
	static const uint8_t secret[MPTCPLB_SECRET_SIZE] = { 1, 2, 3 };
	struct mptcplb_token_parts parts;
	struct mptcplb_keyring keyring;
	uint8_t key[MPTCPLB_KEY_SIZE];
	uint32_t token;

	if (mptcplb_keyring_init(&keyring, 1, 8) || mptcplb_keyring_add(&keyring, 0, secret) ||
	    mptcplb_token_generate(&keyring, &token, 42, NULL) ||
	    mptcplb_key_implicit(key, token, NULL) ||
	    mptcplb_token_decode(&keyring, &parts, token)) {
		fprintf(stderr, "a call failed\n");
		return 1;
	}
	printf("server %u\n", parts.server_id);
	mptcplb_keyring_wipe(&keyring);
	return parts.server_id != 42;
}
