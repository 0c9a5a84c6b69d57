// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * What a server's MPTCP stack does: make a key whose token names the server, and later tell the
 * peer's token and first data sequence number from the key that the peer sent.
 *
 *     stack SERVER_ID        prints the key for MP_CAPABLE and what follows from it
 */
#include <mptcplb/key.h>
#include <mptcplb/keyring.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int fail(const char *what, int error)
{
	fprintf(stderr, "stack: %s: %s\n", what, mptcplb_strerror(error));
	return 1;
}

/* A farm of up to 256 servers, with room for one secret beside the current one. */
static int make_keyring(struct mptcplb_keyring *keyring)
{
	uint8_t secret[MPTCPLB_SECRET_SIZE];
	int error = mptcplb_keyring_init(keyring, 1, 8);

	/* a real stack reads the secret that all servers and balancers share */
	if (!error)
		error = mptcplb_random_bytes(NULL, secret, sizeof(secret));
	if (!error)
		error = mptcplb_keyring_add(keyring, 0, secret);
	if (!error)
		error = mptcplb_keyring_activate(keyring, 0);
	mptcplb_wipe(secret, sizeof(secret));
	return error;
}

int main(int argc, char **argv)
{
	uint32_t server_id = argc == 2 ? (uint32_t)strtoul(argv[1], NULL, 10) : 42;
	const struct mptcplb_key_search search = {
		.size = sizeof(search),
		.server_ids = &server_id,
		.server_id_count = 1,
	};
	struct mptcplb_keyring keyring;
	struct mptcplb_key_found found;
	uint64_t idsn;
	uint32_t token;
	int error;

	error = make_keyring(&keyring);
	if (error)
		return fail("cannot make a keyring", error);

	/* our side: a key that stock peers understand and whose token is ours */
	error = mptcplb_key_search(&keyring, &found, &search, NULL);
	if (error)
		return fail("no key found", error);
	printf("key    ");
	for (size_t i = 0; i < sizeof(found.key); i++)
		printf("%02x", found.key[i]);
	printf("\ntoken  %08" PRIx32 " of server %" PRIu32 ", nonce %" PRIu32 ", found in %" PRIu64
	       " tries\n",
	       found.token, found.parts.server_id, found.parts.nonce, found.tries);

	/* the peer's side: what it derives from that key */
	error = mptcplb_key_token(MPTCPLB_MODE_RFC8684, &token, found.key, sizeof(found.key));
	if (!error)
		error = mptcplb_key_idsn(MPTCPLB_MODE_RFC8684, &idsn, found.key, sizeof(found.key));
	if (error)
		return fail("cannot derive from the key", error);
	printf("idsn   %016" PRIx64 "\n", idsn);
	mptcplb_keyring_wipe(&keyring);
	return token != found.token;
}
