// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * What a balancer does with a SYN: find the MP_JOIN among its TCP options, decode the token, and
 * send the packet to the server that it names. It needs core.h alone; no library is linked.
 *
 *     balancer               routes three SYNs of its own and says where each goes
 */
#include <mptcplb/core.h>

#include <stdio.h>

/* The farm of the first example in docs/token-format.md, with one secret in epoch 0. */
static struct mptcplb_keyring example_keyring(void)
{
	static const uint8_t secret[MPTCPLB_SECRET_SIZE] = {
		0xdf, 0x6a, 0xf1, 0xd8, 0x30, 0x3e, 0x61, 0xcd,
		0xc4, 0xbb, 0x86, 0xc3, 0xd1, 0xc4, 0x27, 0x10,
	};
	struct mptcplb_keyring keyring = { .epoch_bits = 0, .server_id_bits = 19, .present = 1 };

	mptcplb_core_secret_load(&keyring.secrets[0], secret);
	return keyring;
}

/* The server id for a SYN, or -1 when its 4-tuple is to be hashed as any other's. */
static long route_syn(const struct mptcplb_keyring *keyring, const uint8_t *options,
		      uint32_t length)
{
	struct mptcplb_token_parts parts;
	struct mptcplb_core_syn syn;

	if (!mptcplb_core_find_join(&syn, options, length))
		return -1;
	if (mptcplb_core_token_decode(keyring, &parts, syn.token))
		return -1;
	return parts.server_id;
}

int main(void)
{
	static const uint8_t plain[] = { 2, 4, 5, 180 };
	static const uint8_t capable[] = { 2, 4, 5, 180, 30, 4, 0x01, 0x81 };
	static const uint8_t join[] = {
		2, 4, 5, 180, 30, 12, 0x10, 2, 0x1b, 0x8a, 0x96, 0xb3, 9, 8, 7, 6,
	};
	const struct mptcplb_keyring keyring = example_keyring();
	long owner = route_syn(&keyring, join, sizeof(join));

	printf("plain TCP:  %ld\n", route_syn(&keyring, plain, sizeof(plain)));
	printf("MP_CAPABLE: %ld\n", route_syn(&keyring, capable, sizeof(capable)));
	printf("MP_JOIN:    %ld\n", owner);
	return owner != 123646;
}
