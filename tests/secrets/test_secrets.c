// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Run with the secrets marked as undefined, the farm's and every key: valgrind or MemorySanitizer
 * then complain of every branch and every address that depends on one. Valgrind sees the machine
 * code, libsodium's too, but knows no AVX-512 and no SHA extensions; MemorySanitizer sees what clang
 * makes of the library, on the CPU itself. The arguments "branch" and "address" do such a thing on
 * purpose and must be complained of, or the test sees nothing.
 */
#include <mptcplb/key.h>
#include <mptcplb/keyring.h>
#include <mptcplb/token.h>

#include <stdio.h>
#include <string.h>

#include "declassify.h"
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
	classify(keyring->secrets, sizeof(keyring->secrets));
	return 0;
}

/* Bytes that are the same in each run. */
static int fill_public(void *context, uint8_t *buffer, size_t length)
{
	static uint32_t state = 1;

	(void)context;
	for (size_t i = 0; i < length; i++) {
		state = state * 1664525 + 1013904223;
		buffer[i] = (uint8_t)(state >> 24);
	}
	declassify(buffer, length);
	return 0;
}

static int fill_secret(void *context, uint8_t *buffer, size_t length)
{
	fill_public(context, buffer, length);
	classify(buffer, length);
	return 0;
}

static const struct mptcplb_random public_random = { .size = sizeof(public_random),
						     .fill = fill_public };
static const struct mptcplb_random secret_random = { .size = sizeof(secret_random),
						     .fill = fill_secret };

static int use_tokens(const struct mptcplb_keyring *keyring)
{
	struct mptcplb_token_parts parts[BATCH];
	uint32_t tokens[BATCH];
	int errors[BATCH];
	uint32_t token;

	for (uint32_t i = 0; i < BATCH; i++) {
		tokens[i] = (i + 1) * 2654435761U;
		if (mptcplb_token_decode(keyring, &parts[i], tokens[i]) ||
		    mptcplb_token_generate(keyring, &token, i, &public_random))
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

	return mptcplb_key_search(keyring, &found, &search, &secret_random);
}

static int use_hmacs(const uint8_t a[MPTCPLB_KEY_SIZE], const uint8_t b[MPTCPLB_KEY_SIZE])
{
	const struct mptcplb_join join = {
		.size = sizeof(join),
		.key_a = a,
		.key_a_size = MPTCPLB_KEY_SIZE,
		.key_b = b,
		.key_b_size = MPTCPLB_KEY_SIZE,
		.random_a = 1,
		.random_b = 2,
	};
	const uint8_t address[4] = { 192, 0, 2, 1 };
	const struct mptcplb_add_addr add_addr = {
		.version = MPTCPLB_VERSION_RFC8684,
		.address_length = sizeof(address),
		.address = address,
	};
	uint8_t hmac[MPTCPLB_HMAC_SIZE];

	return mptcplb_key_hmac_a(hmac, &join) || mptcplb_key_hmac_b(hmac, &join) ||
	       mptcplb_key_hmac_add_addr(hmac, &add_addr, a, MPTCPLB_KEY_SIZE, b, MPTCPLB_KEY_SIZE);
}

/* What is derived from keys, and keys that are made. */
static int use_keys(const struct mptcplb_keyring *keyring)
{
	uint8_t a[MPTCPLB_KEY_SIZE], b[MPTCPLB_KEY_SIZE], hash_secret[MPTCPLB_SECRET_SIZE];
	uint8_t keys[BATCH][MPTCPLB_KEY_SIZE];
	uint32_t tokens[BATCH], nonce;
	uint64_t idsn;

	fill_secret(NULL, hash_secret, sizeof(hash_secret));
	fill_secret(NULL, keys[0], sizeof(keys));
	lanes_best()->key_tokens(tokens, (const uint8_t(*)[MPTCPLB_KEY_SIZE])keys, BATCH);
	return mptcplb_key_implicit(a, 12345, &secret_random) ||
	       mptcplb_key_random(MPTCPLB_MODE_EXTENDED, b, sizeof(b), &secret_random) ||
	       mptcplb_key_token(MPTCPLB_MODE_RFC8684, tokens, a, sizeof(a)) ||
	       mptcplb_key_token(MPTCPLB_MODE_IMPLICIT, tokens, a, sizeof(a)) ||
	       mptcplb_key_idsn(MPTCPLB_MODE_RFC8684, &idsn, a, sizeof(a)) ||
	       mptcplb_key_cookie_nonce(keyring, &nonce, hash_secret, b, sizeof(b)) ||
	       use_hmacs(a, b);
}

/* With 1, 2 and 4 epochs. */
static int use_keyrings(void)
{
	for (unsigned int epoch_bits = 0; epoch_bits <= MPTCPLB_EPOCH_BITS_MAX; epoch_bits++) {
		struct mptcplb_keyring keyring;

		if (make_keyring(&keyring, epoch_bits) || use_tokens(&keyring) ||
		    use_keys(&keyring) || search_keys(&keyring))
			return 1;
	}
	return 0;
}

/* With the code for each CPU that this one can be. */
static int use_secrets(void)
{
	size_t count;
	const struct lanes *const *all = lanes_all(&count);

	for (size_t i = 0; i < count; i++) {
		if (!all[i]->runs_here())
			continue;
		lanes_use(all[i]);
		printf("%s\n", all[i]->name);
		if (use_keyrings())
			return 1;
	}
	return 0;
}

/* Let a secret steer a branch, or an address. */
static int leak_on_purpose(int branch)
{
	static const uint8_t table[2] = { 1, 2 };
	struct mptcplb_keyring keyring;
	volatile int leaked = 0;

	if (make_keyring(&keyring, 0))
		return 1;
	if (!branch)
		leaked = table[keyring.secrets[0].k0 & 1];
	else if (keyring.secrets[0].k0 & 1)
		leaked = 1;
	(void)leaked;
	return 0;
}

int main(int argc, char **argv)
{
#ifdef MPTCPLB_CHECK_WITH_VALGRIND
	if (!RUNNING_ON_VALGRIND) {
		fprintf(stderr, "test_secrets: means nothing without valgrind\n");
		return 1;
	}
#endif
	if (argc == 2)
		return leak_on_purpose(strcmp(argv[1], "branch") == 0);
	return use_secrets();
}
