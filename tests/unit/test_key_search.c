// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include <mptcplb/key.h>

#include <mptcplb/keyring.h>
#include <mptcplb/token.h>

#include "lanes.h"
#include "unit.h"

static const uint8_t secret[MPTCPLB_SECRET_SIZE] = "sixteen bytes...";
static struct mptcplb_keyring keyring;

static void make_keyring(unsigned int epoch_bits, unsigned int server_id_bits, uint32_t epoch)
{
	ck_assert_int_eq(mptcplb_keyring_init(&keyring, epoch_bits, server_id_bits), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_add(&keyring, epoch, secret), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_activate(&keyring, epoch), MPTCPLB_OK);
}

START_TEST(search_finds_keys_of_the_servers_ids_alone)
{
	const uint32_t ids[] = { 3, 9 };
	const struct mptcplb_key_search search = {
		.size = sizeof(search),
		.server_ids = ids,
		.server_id_count = ARRAY_SIZE(ids),
	};
	int seen[16] = { 0 };
	uint64_t tries = 0;

	make_keyring(1, 4, 1);
	for (int i = 0; i < 1000; i++) {
		struct mptcplb_token_parts parts;
		struct mptcplb_key_found found;
		uint32_t token;

		ck_assert_int_eq(mptcplb_key_search(&keyring, &found, &search, NULL), MPTCPLB_OK);
		ck_assert_int_eq(mptcplb_key_token(MPTCPLB_MODE_RFC8684, &token, found.key,
						   sizeof(found.key)),
				 MPTCPLB_OK);
		ck_assert_uint_eq(token, found.token);
		ck_assert_int_eq(mptcplb_token_decode(&keyring, &parts, token), MPTCPLB_OK);
		ck_assert_mem_eq(&parts, &found.parts, sizeof(parts));
		ck_assert_uint_eq(parts.epoch, 1);
		seen[parts.server_id]++;
		tries += found.tries;
	}
	/* both ids come up, each about 500 times: 16 standard deviations are 253 */
	ck_assert_int_gt(seen[3], 250);
	ck_assert_int_gt(seen[9], 250);
	ck_assert_int_eq(seen[3] + seen[9], 1000);
	/* the mean is 16 tries: 1000 of them are 16,000 with a standard deviation of 490 */
	ck_assert_uint_gt(tries, 16000 - 8 * 490);
	ck_assert_uint_lt(tries, 16000 + 8 * 490);
}
END_TEST

static int accept_even(void *context, uint32_t token, const struct mptcplb_token_parts *parts)
{
	ck_assert_uint_eq(parts->server_id, 3);
	*(int *)context += 1;
	return token % 2 == 0;
}

START_TEST(search_asks_whether_a_token_can_be_used)
{
	const uint32_t id = 3;
	int asked = 0;
	const struct mptcplb_key_search search = {
		.size = sizeof(search),
		.server_ids = &id,
		.server_id_count = 1,
		.accept = accept_even,
		.context = &asked,
	};

	make_keyring(0, 4, 0);
	for (int i = 0; i < 100; i++) {
		struct mptcplb_key_found found;

		ck_assert_int_eq(mptcplb_key_search(&keyring, &found, &search, NULL), MPTCPLB_OK);
		ck_assert_uint_eq(found.token % 2, 0);
	}
	ck_assert_int_gt(asked, 100);
}
END_TEST

static int accept_none(void *context, uint32_t token, const struct mptcplb_token_parts *parts)
{
	(void)context;
	(void)token;
	(void)parts;
	return 0;
}

START_TEST(search_gives_up_at_its_limit)
{
	const uint32_t id = 3;
	struct mptcplb_key_search search = {
		.size = sizeof(search),
		.server_ids = &id,
		.server_id_count = 1,
		.accept = accept_none,
	};
	struct mptcplb_key_found found;

	make_keyring(0, 4, 0);
	ck_assert_int_eq(mptcplb_key_search(&keyring, &found, &search, NULL),
			 MPTCPLB_ERR_TRIES_EXHAUSTED);
	search.tries_max = 1;
	ck_assert_int_eq(mptcplb_key_search(&keyring, &found, &search, NULL),
			 MPTCPLB_ERR_TRIES_EXHAUSTED);
}
END_TEST

static int fill_changing(void *context, uint8_t *buffer, size_t length)
{
	uint32_t *draws = context;

	memset(buffer, 0, length);
	memcpy(buffer, draws, sizeof(*draws));
	++*draws;
	return 0;
}

/* Search without a limit of the test's own, many times and always the same keys. */
static void search_often(const uint32_t *ids, size_t count)
{
	const struct mptcplb_key_search search = {
		.size = sizeof(search),
		.server_ids = ids,
		.server_id_count = count,
	};
	uint32_t draws = 0;
	const struct mptcplb_random random = { sizeof(random), fill_changing, &draws };

	for (int i = 0; i < 2000; i++) {
		struct mptcplb_key_found found;

		ck_assert_int_eq(mptcplb_key_search(&keyring, &found, &search, &random),
				 MPTCPLB_OK);
	}
}

START_TEST(the_default_limit_is_far_for_any_list_of_ids)
{
	uint32_t ids[256];

	make_keyring(1, 8, 0);
	for (uint32_t i = 0; i < ARRAY_SIZE(ids); i++)
		ids[i] = 7;
	search_often(ids, ARRAY_SIZE(ids));
	for (uint32_t i = 0; i < ARRAY_SIZE(ids); i++)
		ids[i] = i;
	search_often(ids, ARRAY_SIZE(ids));
	search_often(ids, ARRAY_SIZE(ids) / 2 + 1);
}
END_TEST

static int fill_from_counter(void *context, uint8_t *buffer, size_t length)
{
	uint8_t *counter = context;

	ck_assert_uint_eq(length, 32);
	memset(buffer, (*counter)++, length);
	return 0;
}

START_TEST(search_draws_other_keys_from_another_seed)
{
	const uint32_t id = 3;
	const struct mptcplb_key_search search = {
		.size = sizeof(search),
		.server_ids = &id,
		.server_id_count = 1,
	};
	struct mptcplb_key_found a, b, c;
	uint8_t counter = 1;
	const struct mptcplb_random random = { sizeof(random), fill_from_counter, &counter };

	make_keyring(0, 8, 0);
	ck_assert_int_eq(mptcplb_key_search(&keyring, &a, &search, &random), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_key_search(&keyring, &b, &search, &random), MPTCPLB_OK);
	counter = 1;
	ck_assert_int_eq(mptcplb_key_search(&keyring, &c, &search, &random), MPTCPLB_OK);
	ck_assert_mem_ne(a.key, b.key, sizeof(a.key));
	ck_assert_mem_eq(a.key, c.key, sizeof(a.key));
}
END_TEST

START_TEST(every_variant_finds_the_same_key)
{
	const uint32_t ids[] = { 3, 200, 77 };
	const struct mptcplb_key_search search = {
		.size = sizeof(search),
		.server_ids = ids,
		.server_id_count = ARRAY_SIZE(ids),
	};
	size_t variants;
	const struct lanes *const *all = lanes_all(&variants);

	for (uint8_t seed = 0; seed < 60; seed++) {
		struct mptcplb_key_found expected, found;

		make_keyring(seed % 3, 8, 0);
		for (size_t v = variants; v-- > 0;) {
			uint8_t counter = seed;
			const struct mptcplb_random random = { sizeof(random), fill_from_counter,
							       &counter };

			if (!all[v]->runs_here())
				continue;
			lanes_use(all[v]);
			ck_assert_int_eq(mptcplb_key_search(&keyring, &found, &search, &random),
					 MPTCPLB_OK);
			if (v == variants - 1)
				expected = found;
			ck_assert_msg(memcmp(&expected, &found, sizeof(found)) == 0,
				      "%s finds another key than %s", all[v]->name,
				      all[variants - 1]->name);
		}
		lanes_use(NULL);
	}
}
END_TEST

START_TEST(tries_are_counted_up_to_the_key_found)
{
	const uint32_t id = 3;
	struct mptcplb_key_search search = {
		.size = sizeof(search),
		.server_ids = &id,
		.server_id_count = 1,
	};
	struct mptcplb_key_found found, again;

	make_keyring(0, 6, 0);
	for (uint8_t seed = 0; seed < 50; seed++) {
		uint8_t counter = seed;
		const struct mptcplb_random random = { sizeof(random), fill_from_counter,
						       &counter };

		search.tries_max = 0;
		ck_assert_int_eq(mptcplb_key_search(&keyring, &found, &search, &random),
				 MPTCPLB_OK);
		search.tries_max = found.tries;
		counter = seed;
		ck_assert_int_eq(mptcplb_key_search(&keyring, &again, &search, &random),
				 MPTCPLB_OK);
		ck_assert_mem_eq(&again, &found, sizeof(found));
		search.tries_max = found.tries - 1;
		counter = seed;
		/* a limit of 0 would be the default one */
		if (search.tries_max)
			ck_assert_int_eq(mptcplb_key_search(&keyring, &again, &search, &random),
					 MPTCPLB_ERR_TRIES_EXHAUSTED);
	}
}
END_TEST

static int refuse_and_count(void *context, uint32_t token, const struct mptcplb_token_parts *parts)
{
	struct mptcplb_token_parts decoded;

	ck_assert_int_eq(mptcplb_token_decode(&keyring, &decoded, token), MPTCPLB_OK);
	ck_assert_mem_eq(&decoded, parts, sizeof(decoded));
	*(uint64_t *)context += 1;
	return 0;
}

START_TEST(search_passes_over_no_key)
{
	uint64_t asked = 0;

	/* each key's token is of one of two epochs and of one of two ids: four searches see it once */
	for (uint32_t i = 0; i < 4; i++) {
		const uint32_t id = i % 2;
		const struct mptcplb_key_search search = {
			.size = sizeof(search),
			.server_ids = &id,
			.server_id_count = 1,
			.tries_max = 1001,
			.accept = refuse_and_count,
			.context = &asked,
		};
		struct mptcplb_key_found found;
		uint8_t other[MPTCPLB_SECRET_SIZE], counter = 9;
		const struct mptcplb_random random = { sizeof(random), fill_from_counter,
						       &counter };

		memcpy(other, secret, sizeof(other));
		other[0]++;
		make_keyring(1, 1, 0);
		ck_assert_int_eq(mptcplb_keyring_add(&keyring, 1, other), MPTCPLB_OK);
		ck_assert_int_eq(mptcplb_keyring_activate(&keyring, i / 2), MPTCPLB_OK);
		ck_assert_int_eq(mptcplb_key_search(&keyring, &found, &search, &random),
				 MPTCPLB_ERR_TRIES_EXHAUSTED);
	}
	ck_assert_uint_eq(asked, 1001);
}
END_TEST

START_TEST(search_says_what_is_wrong)
{
	const uint32_t ids[] = { 3, 16 };
	const struct mptcplb_key_search good = {
		.size = sizeof(good),
		.server_ids = ids,
		.server_id_count = 1,
	};
	const struct mptcplb_random failing = { sizeof(failing), fill_failing, NULL };
	struct mptcplb_key_search search = good;
	struct mptcplb_key_found found;

	make_keyring(1, 4, 1);
	search.size = 0;
	ck_assert_int_eq(mptcplb_key_search(&keyring, &found, &search, NULL), MPTCPLB_ERR_ARGUMENT);
	search = good;
	search.server_ids = NULL;
	ck_assert_int_eq(mptcplb_key_search(&keyring, &found, &search, NULL), MPTCPLB_ERR_ARGUMENT);
	search = good;
	search.server_id_count = 0;
	ck_assert_int_eq(mptcplb_key_search(&keyring, &found, &search, NULL), MPTCPLB_ERR_ARGUMENT);
	search.server_id_count = 2;
	ck_assert_int_eq(mptcplb_key_search(&keyring, &found, &search, NULL),
			 MPTCPLB_ERR_SERVER_ID_RANGE);
	ck_assert_int_eq(mptcplb_key_search(&keyring, &found, &good, &failing), MPTCPLB_ERR_RANDOM);
	ck_assert_int_eq(mptcplb_keyring_init(&keyring, 1, 4), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_key_search(&keyring, &found, &good, NULL),
			 MPTCPLB_ERR_EPOCH_UNKNOWN);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		search_finds_keys_of_the_servers_ids_alone,
		search_asks_whether_a_token_can_be_used,
		search_gives_up_at_its_limit,
		the_default_limit_is_far_for_any_list_of_ids,
		search_draws_other_keys_from_another_seed,
		every_variant_finds_the_same_key,
		tries_are_counted_up_to_the_key_found,
		search_passes_over_no_key,
		search_says_what_is_wrong,
		NULL,
	};

	return run_suite("key_search", tests);
}
