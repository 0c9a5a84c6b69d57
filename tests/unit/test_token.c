// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include <mptcplb/token.h>

#include <mptcplb/keyring.h>

#include "unit.h"
#include "vectors.h"

static const uint8_t secret[MPTCPLB_SECRET_SIZE] = "sixteen bytes...";

static struct mptcplb_keyring keyring_of(unsigned int epoch_bits, unsigned int server_id_bits,
					 uint32_t epoch, const uint8_t bytes[MPTCPLB_SECRET_SIZE])
{
	struct mptcplb_keyring keyring;

	ck_assert_int_eq(mptcplb_keyring_init(&keyring, epoch_bits, server_id_bits), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_add(&keyring, epoch, bytes), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_activate(&keyring, epoch), MPTCPLB_OK);
	return keyring;
}

START_TEST(vectors_encode_and_decode)
{
	for (size_t i = 0; i < ARRAY_SIZE(tokens_vectors); i++) {
		const struct token_vector *v = &tokens_vectors[i];
		const struct mptcplb_token_parts parts = { v->epoch, v->server_id, v->nonce };
		struct mptcplb_keyring keyring =
			keyring_of(v->epoch_bits, v->server_id_bits, v->epoch, v->secret);
		struct mptcplb_token_parts decoded;
		uint32_t token;

		ck_assert_int_eq(mptcplb_token_encode(&keyring, &token, &parts), MPTCPLB_OK);
		ck_assert_uint_eq(token, v->token);
		ck_assert_int_eq(mptcplb_token_decode(&keyring, &decoded, v->token), MPTCPLB_OK);
		ck_assert_mem_eq(&decoded, &parts, sizeof(parts));
	}
}
END_TEST

START_TEST(there_are_over_a_thousand_vectors)
{
	ck_assert_uint_ge(ARRAY_SIZE(tokens_vectors), 1003);
}
END_TEST

START_TEST(decode_refuses_zero_and_unknown_epochs)
{
	struct mptcplb_keyring keyring = keyring_of(2, 8, 2, secret);
	const struct mptcplb_token_parts untouched = { 11, 12, 13 };
	struct mptcplb_token_parts parts = untouched;

	ck_assert_int_eq(mptcplb_token_decode(&keyring, &parts, 0), MPTCPLB_ERR_TOKEN_ZERO);
	ck_assert_int_eq(mptcplb_token_decode(&keyring, &parts, 1), MPTCPLB_ERR_EPOCH_UNKNOWN);
	ck_assert_int_eq(mptcplb_token_decode(&keyring, &parts, 0x7fffffff),
			 MPTCPLB_ERR_EPOCH_UNKNOWN);
	ck_assert_int_eq(mptcplb_token_decode(&keyring, &parts, 0xffffffff),
			 MPTCPLB_ERR_EPOCH_UNKNOWN);
	ck_assert_mem_eq(&parts, &untouched, sizeof(parts));
	ck_assert_int_eq(mptcplb_token_decode(&keyring, &parts, 0x80000000), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_token_decode(&keyring, &parts, 0xbfffffff), MPTCPLB_OK);
}
END_TEST

START_TEST(each_epoch_decodes_with_its_own_secret)
{
	struct mptcplb_keyring keyring = keyring_of(2, 8, 0, secret);
	uint8_t other[MPTCPLB_SECRET_SIZE];
	uint32_t tokens[4];

	memcpy(other, secret, sizeof(other));
	for (uint32_t epoch = 1; epoch < 4; epoch++) {
		other[0] = (uint8_t)(secret[0] + epoch);
		ck_assert_int_eq(mptcplb_keyring_add(&keyring, epoch, other), MPTCPLB_OK);
	}
	for (uint32_t epoch = 0; epoch < 4; epoch++) {
		const struct mptcplb_token_parts parts = { epoch, 200, 4711 };

		ck_assert_int_eq(mptcplb_token_encode(&keyring, &tokens[epoch], &parts),
				 MPTCPLB_OK);
	}
	for (uint32_t epoch = 0; epoch < 4; epoch++) {
		const struct mptcplb_token_parts expected = { epoch, 200, 4711 };
		struct mptcplb_token_parts parts;

		ck_assert_int_eq(mptcplb_token_decode(&keyring, &parts, tokens[epoch]), MPTCPLB_OK);
		ck_assert_mem_eq(&parts, &expected, sizeof(parts));
	}
}
END_TEST

START_TEST(encode_refuses_what_does_not_fit)
{
	struct mptcplb_keyring keyring = keyring_of(1, 10, 1, secret);
	const struct {
		struct mptcplb_token_parts parts;
		int error;
	} cases[] = {
		{ { 0, 0, 0 }, MPTCPLB_ERR_EPOCH_UNKNOWN },
		{ { 2, 0, 0 }, MPTCPLB_ERR_EPOCH_UNKNOWN },
		{ { 4, 0, 0 }, MPTCPLB_ERR_EPOCH_UNKNOWN },
		{ { UINT32_MAX, 0, 0 }, MPTCPLB_ERR_EPOCH_UNKNOWN },
		{ { 1, 1 << 10, 0 }, MPTCPLB_ERR_SERVER_ID_RANGE },
		{ { 1, UINT32_MAX, 0 }, MPTCPLB_ERR_SERVER_ID_RANGE },
		{ { 1, 0, 1 << 21 }, MPTCPLB_ERR_NONCE_RANGE },
		{ { 1, 0, UINT32_MAX }, MPTCPLB_ERR_NONCE_RANGE },
		{ { 1, (1 << 10) - 1, (1 << 21) - 1 }, MPTCPLB_OK },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t token = 0;

		ck_assert_int_eq(mptcplb_token_encode(&keyring, &token, &cases[i].parts),
				 cases[i].error);
		ck_assert_int_eq(token != 0, cases[i].error == MPTCPLB_OK);
	}
}
END_TEST

/* Tokens of all kinds: of known and unknown epochs, with zeros among them. */
static void batch_decodes_as_one_by_one(const struct mptcplb_keyring *keyring, size_t count)
{
	const struct mptcplb_token_parts untouched = { 11, 12, 13 };
	struct mptcplb_token_parts *parts = malloc((count + 1) * sizeof(*parts));
	uint32_t *tokens = malloc((count + 1) * sizeof(*tokens));
	int *errors = malloc((count + 1) * sizeof(*errors));
	size_t decoded = 0;

	ck_assert(parts && tokens && errors);
	errors[count] = 4711;
	for (size_t i = 0; i <= count; i++) {
		parts[i] = untouched;
		tokens[i] = i % 37 == 5 ? 0 : (uint32_t)i * 2654435769U + 1;
	}
	decoded = mptcplb_token_decode_batch(keyring, parts, errors, tokens, count);
	for (size_t i = 0; i < count; i++) {
		struct mptcplb_token_parts expected = untouched;

		ck_assert_int_eq(errors[i], mptcplb_token_decode(keyring, &expected, tokens[i]));
		ck_assert_mem_eq(&parts[i], &expected, sizeof(expected));
		decoded -= errors[i] == MPTCPLB_OK;
	}
	ck_assert_uint_eq(decoded, 0);
	ck_assert_int_eq(errors[count], 4711);
	ck_assert_mem_eq(&parts[count], &untouched, sizeof(untouched));
	free(parts);
	free(tokens);
	free(errors);
}

START_TEST(batch_decodes_tokens_of_any_epochs)
{
	const size_t counts[] = { 0, 1, 2, 9, 64, 65, 100, 1023, 1024, 1025, 5000 };

	for (unsigned int e = 0; e <= 2; e++) {
		struct mptcplb_keyring keyring = keyring_of(e, 11, 0, secret);
		uint8_t other[MPTCPLB_SECRET_SIZE];

		for (uint32_t epoch = 0; epoch < 1U << e; epoch++) {
			if (epoch) {
				memcpy(other, secret, sizeof(other));
				other[0] = (uint8_t)(secret[0] + epoch);
				ck_assert_int_eq(mptcplb_keyring_add(&keyring, epoch, other),
						 MPTCPLB_OK);
			}
			for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
				batch_decodes_as_one_by_one(&keyring, counts[i]);
		}
	}
}
END_TEST

/* The one X of epoch 0 that encrypts to 0, as a server id and a nonce. */
static struct mptcplb_token_parts parts_of_zero(const struct mptcplb_keyring *keyring)
{
	uint32_t width = 32U - keyring->epoch_bits;
	uint32_t nonce_bits = width - keyring->server_id_bits;
	uint32_t x = mptcplb_core_decrypt(&keyring->secrets[0], width, 0);

	return (struct mptcplb_token_parts){ 0, x >> nonce_bits, x & ((1U << nonce_bits) - 1) };
}

START_TEST(token_zero_is_never_encoded)
{
	for (unsigned int e = 0; e <= 2; e++) {
		struct mptcplb_keyring keyring = keyring_of(e, 8, 0, secret);
		const struct mptcplb_token_parts parts = parts_of_zero(&keyring);
		uint32_t token = 5;

		ck_assert_int_eq(mptcplb_token_encode(&keyring, &token, &parts),
				 MPTCPLB_ERR_TOKEN_ZERO);
		ck_assert_uint_eq(token, 5);
	}
}
END_TEST

/* Hands out the same four bytes first, then others. */
static int fill_with(void *context, uint8_t *buffer, size_t length)
{
	uint32_t *next = context;

	ck_assert_uint_eq(length, 4);
	for (int i = 0; i < 4; i++)
		buffer[i] = (uint8_t)(*next >> (24 - 8 * i));
	*next += 1;
	return 0;
}

START_TEST(generate_passes_over_the_token_zero)
{
	struct mptcplb_keyring keyring = keyring_of(0, 8, 0, secret);
	struct mptcplb_token_parts parts = parts_of_zero(&keyring), made;
	uint32_t next = parts.nonce, token;
	const struct mptcplb_random random = { sizeof(random), fill_with, &next };

	ck_assert_int_eq(mptcplb_token_generate(&keyring, &token, parts.server_id, &random),
			 MPTCPLB_OK);
	ck_assert_uint_eq(next, parts.nonce + 2);
	ck_assert_int_eq(mptcplb_token_decode(&keyring, &made, token), MPTCPLB_OK);
	ck_assert_uint_eq(made.nonce, (parts.nonce + 1) % mptcplb_keyring_nonce_count(&keyring));
}
END_TEST

START_TEST(generate_makes_tokens_of_the_active_epoch_and_the_server)
{
	struct mptcplb_keyring keyring = keyring_of(1, 8, 1, secret);
	uint32_t first = 0;
	int differ = 0;

	for (int i = 0; i < 1000; i++) {
		struct mptcplb_token_parts parts;
		uint32_t token;

		ck_assert_int_eq(mptcplb_token_generate(&keyring, &token, 200, NULL), MPTCPLB_OK);
		ck_assert_int_eq(mptcplb_token_decode(&keyring, &parts, token), MPTCPLB_OK);
		ck_assert_uint_eq(parts.epoch, 1);
		ck_assert_uint_eq(parts.server_id, 200);
		if (i == 0)
			first = token;
		differ |= token != first;
	}
	ck_assert_int_ne(differ, 0);
}
END_TEST

START_TEST(generate_says_what_is_wrong)
{
	struct mptcplb_keyring keyring = keyring_of(1, 8, 1, secret);
	const struct mptcplb_random failing = { sizeof(failing), fill_failing, NULL };
	const struct mptcplb_random no_size = { 0, fill_failing, NULL };
	uint32_t token = 5;

	ck_assert_int_eq(mptcplb_token_generate(&keyring, &token, 256, NULL),
			 MPTCPLB_ERR_SERVER_ID_RANGE);
	ck_assert_int_eq(mptcplb_token_generate(&keyring, &token, 0, &failing), MPTCPLB_ERR_RANDOM);
	ck_assert_int_eq(mptcplb_token_generate(&keyring, &token, 0, &no_size),
			 MPTCPLB_ERR_ARGUMENT);
	ck_assert_int_eq(mptcplb_keyring_init(&keyring, 1, 8), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_token_generate(&keyring, &token, 0, NULL),
			 MPTCPLB_ERR_EPOCH_UNKNOWN);
	ck_assert_uint_eq(token, 5);
}
END_TEST

START_TEST(tokens_of_two_servers_never_meet)
{
	struct mptcplb_keyring keyring = keyring_of(0, 24, 0, secret);
	uint32_t tokens[4][256];

	for (uint32_t server = 0; server < 4; server++) {
		for (uint32_t nonce = 0; nonce < 256; nonce++) {
			const struct mptcplb_token_parts parts = { 0, server, nonce };

			ck_assert_int_eq(
				mptcplb_token_encode(&keyring, &tokens[server][nonce], &parts),
				MPTCPLB_OK);
			for (uint32_t i = 0; i < server * 256 + nonce; i++)
				ck_assert_uint_ne(tokens[i / 256][i % 256], tokens[server][nonce]);
		}
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		vectors_encode_and_decode,
		there_are_over_a_thousand_vectors,
		decode_refuses_zero_and_unknown_epochs,
		each_epoch_decodes_with_its_own_secret,
		batch_decodes_tokens_of_any_epochs,
		encode_refuses_what_does_not_fit,
		token_zero_is_never_encoded,
		generate_passes_over_the_token_zero,
		generate_makes_tokens_of_the_active_epoch_and_the_server,
		generate_says_what_is_wrong,
		tokens_of_two_servers_never_meet,
		NULL,
	};

	return run_suite("token", tests);
}
