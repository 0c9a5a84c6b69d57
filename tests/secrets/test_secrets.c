// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Run under valgrind with the secrets marked undefined: memcheck then complains of every branch
 * and every address that depends on one. The argument "control" does such a thing on purpose, and
 * must be complained of, or the test sees nothing.
 */
#include <mptcplb/key.h>
#include <mptcplb/keyring.h>
#include <mptcplb/token.h>

#include <stdio.h>
#include <string.h>
#include <valgrind/memcheck.h>

#include "lanes.h"

#define BATCH 100

static const uint8_t secrets[MPTCPLB_EPOCHS_MAX][MPTCPLB_SECRET_SIZE] = {
	"sixteen bytes..",
	"and another one",
	"a third secret.",
	"the fourth one.",
};

/* A keyring of which everything is public but the secrets. */
static int make_keyring(struct mptcplb_keyring *keyring, unsigned int epoch_bits)
{
	if (mptcplb_keyring_init(keyring, epoch_bits, 8))
		return -1;
	for (uint32_t epoch = 0; epoch < 1U << epoch_bits; epoch++) {
		if (mptcplb_keyring_add(keyring, epoch, secrets[epoch]))
			return -1;
	}
	(void)VALGRIND_MAKE_MEM_UNDEFINED(keyring->secrets, sizeof(keyring->secrets));
	return 0;
}

static int use_tokens(const struct mptcplb_keyring *keyring)
{
	struct mptcplb_token_parts parts[BATCH];
	uint32_t tokens[BATCH];
	int errors[BATCH];
	uint32_t token;

	for (uint32_t i = 0; i < BATCH; i++) {
		tokens[i] = (i + 1) * 2654435761U;
		if (mptcplb_token_decode(keyring, &parts[i], tokens[i]) ||
		    mptcplb_token_generate(keyring, &token, i, NULL))
			return 1;
	}
	return mptcplb_token_decode_batch(keyring, parts, errors, tokens, BATCH) != BATCH;
}

static int search_keys(const struct mptcplb_keyring *keyring)
{
	const uint32_t ids[] = { 17, 200 };
	const struct mptcplb_key_search search = {
		.size = sizeof(search),
		.server_ids = ids,
		.server_id_count = sizeof(ids) / sizeof(ids[0]),
	};
	struct mptcplb_key_found found;

	return mptcplb_key_search(keyring, &found, &search, NULL);
}

/* Decode, batch decode, generate, and the search for a key: with 1, 2 and 4 epochs. */
static int use_keyrings(void)
{
	for (unsigned int epoch_bits = 0; epoch_bits <= MPTCPLB_EPOCH_BITS_MAX; epoch_bits++) {
		struct mptcplb_keyring keyring;

		if (make_keyring(&keyring, epoch_bits) || use_tokens(&keyring) ||
		    search_keys(&keyring))
			return 1;
	}
	return 0;
}

/* With the code for each CPU that valgrind can be. */
static int use_secrets(void)
{
	size_t count;
	const struct lanes *const *all = lanes_all(&count);

	for (size_t i = 0; i < count; i++) {
		if (!all[i]->runs_here())
			continue;
		lanes_use(all[i]);
		if (use_keyrings())
			return 1;
	}
	return 0;
}

static int leak_on_purpose(void)
{
	struct mptcplb_keyring keyring;
	volatile int odd = 0;

	if (make_keyring(&keyring, 0))
		return 1;
	if (keyring.secrets[0].k0 & 1)
		odd = 1;
	(void)odd;
	return 0;
}

int main(int argc, char **argv)
{
	if (!RUNNING_ON_VALGRIND) {
		fprintf(stderr, "test_secrets: means nothing without valgrind\n");
		return 1;
	}
	if (argc == 2 && strcmp(argv[1], "control") == 0)
		return leak_on_purpose();
	return use_secrets();
}
