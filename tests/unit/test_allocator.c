// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include <mptcplb/allocator.h>

#include <mptcplb/key.h>
#include <mptcplb/keyring.h>
#include <mptcplb/token.h>

#include "unit.h"

/* With epoch_bits 2 and server_id_bits 24 an id has 64 nonces: few enough to use them all up. */
#define FEW 64

static const uint8_t secret_a[MPTCPLB_SECRET_SIZE] = "the first secret";
static const uint8_t secret_b[MPTCPLB_SECRET_SIZE] = "the other secret";

static struct mptcplb_keyring keyring;
static struct mptcplb_allocator *allocator;

static int callocs_left = -1; /* below zero: enough memory */

/* The library's calloc(): the test program is linked with --wrap=calloc. */
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
	return callocs_left && callocs_left-- ? __real_calloc(count, size) : NULL;
}

static void make_keyring(unsigned int epoch_bits, unsigned int server_id_bits)
{
	ck_assert_int_eq(mptcplb_keyring_init(&keyring, epoch_bits, server_id_bits), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_add(&keyring, 0, secret_a), MPTCPLB_OK);
	if (epoch_bits)
		ck_assert_int_eq(mptcplb_keyring_add(&keyring, 1, secret_b), MPTCPLB_OK);
}

static struct mptcplb_allocator_options options_for(const uint32_t *ids, size_t count)
{
	return (struct mptcplb_allocator_options){
		.size = sizeof(struct mptcplb_allocator_options),
		.server_ids = ids,
		.server_id_count = count,
	};
}

/* An allocator of the 64 nonces of id 5. */
static void make_small(int quarantine)
{
	static const uint32_t id = 5;
	struct mptcplb_allocator_options options = options_for(&id, 1);

	options.quarantine = quarantine;
	make_keyring(2, 24);
	ck_assert_int_eq(mptcplb_allocator_create(&allocator, &keyring, &options), MPTCPLB_OK);
}

static struct mptcplb_token_parts take(void)
{
	struct mptcplb_token_parts parts, decoded;
	uint32_t token;

	ck_assert_int_eq(mptcplb_allocator_take(allocator, &keyring, &token, &parts), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_token_decode(&keyring, &decoded, token), MPTCPLB_OK);
	ck_assert_mem_eq(&decoded, &parts, sizeof(parts));
	ck_assert_uint_eq(parts.epoch, keyring.active);
	return parts;
}

static void assert_exhausted(void)
{
	struct mptcplb_token_parts parts = { 1, 2, 3 };
	uint32_t token = 4;

	ck_assert_int_eq(mptcplb_allocator_take(allocator, &keyring, &token, &parts),
			 MPTCPLB_ERR_EXHAUSTED);
	ck_assert_uint_eq(token, 4);
	ck_assert_uint_eq(parts.epoch, 1);
	ck_assert_uint_eq(parts.server_id, 2);
	ck_assert_uint_eq(parts.nonce, 3);
}

static void assert_counts(uint32_t capacity, uint32_t live, uint32_t quarantined, size_t exhausted,
			  size_t refused)
{
	struct mptcplb_allocator_counts counts;

	mptcplb_allocator_counts(allocator, &counts);
	ck_assert_uint_eq(counts.capacity, capacity);
	ck_assert_uint_eq(counts.live, live);
	ck_assert_uint_eq(counts.quarantined, quarantined);
	ck_assert_uint_eq(counts.exhausted, exhausted);
	ck_assert_uint_eq(counts.refused, refused);
}

START_TEST(take_gives_every_nonce_once_then_reports_the_end)
{
	const uint32_t ids[] = { 9, 5 };
	const struct mptcplb_allocator_options options = options_for(ids, ARRAY_SIZE(ids));
	struct mptcplb_token_parts parts, again;
	int seen[10][FEW] = { 0 };

	make_keyring(2, 24);
	ck_assert_int_eq(mptcplb_allocator_create(&allocator, &keyring, &options), MPTCPLB_OK);
	for (int i = 0; i < 2 * FEW; i++) {
		parts = take();
		ck_assert(parts.server_id == 5 || parts.server_id == 9);
		ck_assert_int_eq(seen[parts.server_id][parts.nonce]++, 0);
		ck_assert_int_eq(mptcplb_allocator_is_live(allocator, &parts), 1);
		assert_counts(2 * FEW, (uint32_t)i + 1, 0, 0, 0);
	}
	assert_exhausted();
	assert_exhausted();
	assert_counts(2 * FEW, 2 * FEW, 0, 2, 0);

	ck_assert_int_eq(mptcplb_allocator_release(allocator, &parts), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_allocator_is_live(allocator, &parts), 0);
	assert_counts(2 * FEW, 2 * FEW - 1, 0, 2, 0);
	again = take();
	ck_assert_mem_eq(&again, &parts, sizeof(parts));
	assert_exhausted();
	mptcplb_allocator_destroy(allocator);
}
END_TEST

START_TEST(take_draws_evenly_over_ids_and_nonces)
{
	const uint32_t ids[] = { 200, 3, 77, 4 };
	const struct mptcplb_allocator_options options = options_for(ids, ARRAY_SIZE(ids));
	int of_id[256] = { 0 };
	int of_eighth[8] = { 0 };
	uint32_t nonces;

	make_keyring(1, 8);
	nonces = mptcplb_keyring_nonce_count(&keyring);
	ck_assert_int_eq(mptcplb_allocator_create(&allocator, &keyring, &options), MPTCPLB_OK);
	for (int i = 0; i < 16000; i++) {
		struct mptcplb_token_parts parts = take();

		of_id[parts.server_id]++;
		of_eighth[parts.nonce / (nonces / 8)]++;
	}
	/* 4000 an id and 2000 an eighth, with standard deviations of 55 and 42: eight of them */
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		ck_assert_int_gt(of_id[ids[i]], 4000 - 8 * 55);
		ck_assert_int_lt(of_id[ids[i]], 4000 + 8 * 55);
	}
	for (size_t i = 0; i < ARRAY_SIZE(of_eighth); i++) {
		ck_assert_int_gt(of_eighth[i], 2000 - 8 * 42);
		ck_assert_int_lt(of_eighth[i], 2000 + 8 * 42);
	}
	mptcplb_allocator_destroy(allocator);
}
END_TEST

/* A source whose every draw is the 64-bit integer at @context. */
static int fill_fixed(void *context, uint8_t *buffer, size_t length)
{
	uint64_t draw = *(const uint64_t *)context;

	ck_assert_uint_eq(length, sizeof(draw));
	for (size_t i = 0; i < length; i++)
		buffer[i] = (uint8_t)(draw >> (8 * (length - 1 - i)));
	return 0;
}

START_TEST(take_goes_round_from_the_nonce_it_drew)
{
	const uint32_t ids[] = { 5, 6 };
	uint64_t draw = 2 * FEW - 3;
	struct mptcplb_random random = { sizeof(random), fill_fixed, &draw };
	struct mptcplb_allocator_options options = options_for(ids, ARRAY_SIZE(ids));

	options.random = &random;
	make_keyring(2, 24);
	ck_assert_int_eq(mptcplb_allocator_create(&allocator, &keyring, &options), MPTCPLB_OK);
	/* the source was copied */
	random.fill = NULL;
	for (uint32_t i = 0; i < 2 * FEW; i++) {
		uint32_t expected = (2 * FEW - 3 + i) % (2 * FEW);
		struct mptcplb_token_parts parts = take();

		ck_assert_uint_eq(parts.server_id, ids[expected / FEW]);
		ck_assert_uint_eq(parts.nonce, expected % FEW);
	}
	assert_exhausted();
	mptcplb_allocator_destroy(allocator);
}
END_TEST

START_TEST(take_never_makes_token_zero)
{
	const uint32_t width = 30;
	struct mptcplb_allocator_options options;
	struct mptcplb_token_parts parts;
	uint32_t x, id, zero;

	make_keyring(2, 24);
	x = mptcplb_core_decrypt(&keyring.secrets[0], width, 0);
	id = x / FEW;
	zero = x % FEW;
	options = options_for(&id, 1);
	ck_assert_int_eq(mptcplb_allocator_create(&allocator, &keyring, &options), MPTCPLB_OK);
	for (int i = 0; i < FEW - 1; i++) {
		parts = take();
		ck_assert_uint_ne(parts.nonce, zero);
	}
	/* also when it is the only one left */
	assert_exhausted();
	assert_exhausted();
	assert_counts(FEW, FEW - 1, 0, 2, 0);

	/* in another epoch it makes a token as any other */
	ck_assert_int_eq(mptcplb_keyring_activate(&keyring, 1), MPTCPLB_OK);
	parts = take();
	ck_assert_uint_eq(parts.nonce, zero);
	assert_exhausted();
	assert_counts(FEW, FEW, 0, 3, 0);
	mptcplb_allocator_destroy(allocator);
}
END_TEST

START_TEST(quarantine_lasts_until_the_second_tick)
{
	struct mptcplb_token_parts all[FEW], got;

	make_small(1);
	for (int i = 0; i < FEW; i++)
		all[i] = take();
	for (int round = 0; round < 5; round++) {
		const struct mptcplb_token_parts *first = &all[round];
		const struct mptcplb_token_parts *second = &all[FEW - 1 - round];

		ck_assert_int_eq(mptcplb_allocator_release(allocator, first), MPTCPLB_OK);
		ck_assert_int_eq(mptcplb_allocator_is_live(allocator, first), 0);
		assert_exhausted();
		mptcplb_allocator_tick(allocator);
		ck_assert_int_eq(mptcplb_allocator_release(allocator, second), MPTCPLB_OK);
		assert_exhausted();
		mptcplb_allocator_tick(allocator);
		got = take();
		ck_assert_mem_eq(&got, first, sizeof(got));
		assert_exhausted();
		mptcplb_allocator_tick(allocator);
		got = take();
		ck_assert_mem_eq(&got, second, sizeof(got));
		assert_exhausted();
	}
	for (int i = 0; i < FEW; i++)
		ck_assert_int_eq(mptcplb_allocator_is_live(allocator, &all[i]), 1);
	assert_counts(FEW, FEW, 0, 20, 0);
	mptcplb_allocator_destroy(allocator);
}
END_TEST

START_TEST(quarantine_keeps_claims_out)
{
	struct mptcplb_token_parts parts;

	make_small(1);
	parts = take();
	ck_assert_int_eq(mptcplb_allocator_release(allocator, &parts), MPTCPLB_OK);
	for (int ticks = 0; ticks < 2; ticks++) {
		ck_assert_int_eq(mptcplb_allocator_claim(allocator, &parts), MPTCPLB_ERR_IN_USE);
		mptcplb_allocator_tick(allocator);
	}
	ck_assert_int_eq(mptcplb_allocator_claim(allocator, &parts), MPTCPLB_OK);
	assert_counts(FEW, 1, 0, 0, 2);
	mptcplb_allocator_destroy(allocator);
}
END_TEST

START_TEST(quarantine_is_counted)
{
	struct mptcplb_token_parts all[FEW];

	make_small(1);
	for (int i = 0; i < FEW; i++)
		all[i] = take();
	for (int i = 0; i < 40; i++)
		ck_assert_int_eq(mptcplb_allocator_release(allocator, &all[i]), MPTCPLB_OK);
	assert_counts(FEW, FEW - 40, 40, 0, 0);
	mptcplb_allocator_tick(allocator);
	for (int i = 40; i < 50; i++)
		ck_assert_int_eq(mptcplb_allocator_release(allocator, &all[i]), MPTCPLB_OK);
	assert_counts(FEW, FEW - 50, 50, 0, 0);
	mptcplb_allocator_tick(allocator);
	assert_counts(FEW, FEW - 50, 10, 0, 0);
	mptcplb_allocator_tick(allocator);
	assert_counts(FEW, FEW - 50, 0, 0, 0);
	mptcplb_allocator_destroy(allocator);
}
END_TEST

START_TEST(release_refuses_what_is_not_live)
{
	for (int quarantine = 0; quarantine <= 1; quarantine++) {
		struct mptcplb_token_parts mine, other;

		make_small(quarantine);
		mine = take();
		other = mine;
		other.nonce = (mine.nonce + 1) % FEW;
		ck_assert_int_eq(mptcplb_allocator_release(allocator, &other),
				 MPTCPLB_ERR_NOT_LIVE);
		ck_assert_int_eq(mptcplb_allocator_release(allocator, &mine), MPTCPLB_OK);
		ck_assert_int_eq(mptcplb_allocator_release(allocator, &mine), MPTCPLB_ERR_NOT_LIVE);
		assert_counts(FEW, 0, quarantine ? 1 : 0, 0, 0);
		for (int i = 0; i < 2; i++) {
			mptcplb_allocator_tick(allocator);
			ck_assert_int_eq(mptcplb_allocator_release(allocator, &mine),
					 MPTCPLB_ERR_NOT_LIVE);
		}
		assert_counts(FEW, 0, 0, 0, 0);
		mptcplb_allocator_destroy(allocator);
	}
}
END_TEST

START_TEST(parts_of_others_are_refused)
{
	const struct mptcplb_token_parts others[] = {
		{ 0, 4, 1 }, { 0, 6, 1 }, { 0, UINT32_MAX, 1 }, { 0, 5, FEW }, { 0, 5, UINT32_MAX },
	};

	make_small(0);
	for (int i = 0; i < FEW; i++)
		take();
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		ck_assert_int_eq(mptcplb_allocator_is_live(allocator, &others[i]), 0);
		ck_assert_int_eq(mptcplb_allocator_claim(allocator, &others[i]),
				 MPTCPLB_ERR_NOT_OWNED);
		ck_assert_int_eq(mptcplb_allocator_release(allocator, &others[i]),
				 MPTCPLB_ERR_NOT_OWNED);
	}
	assert_counts(FEW, FEW, 0, 0, 0);
	mptcplb_allocator_destroy(allocator);
}
END_TEST

START_TEST(workers_share_an_id_and_no_nonce)
{
	const uint32_t id = 5;
	struct mptcplb_allocator *workers[4];
	int owner[FEW];

	memset(owner, -1, sizeof(owner));
	make_keyring(2, 24);
	for (uint32_t worker = 0; worker < 4; worker++) {
		struct mptcplb_allocator_options options = options_for(&id, 1);

		options.worker_bits = 2;
		options.worker = worker;
		ck_assert_int_eq(mptcplb_allocator_create(&workers[worker], &keyring, &options),
				 MPTCPLB_OK);
		allocator = workers[worker];
		for (int i = 0; i < FEW / 4; i++) {
			struct mptcplb_token_parts parts = take();

			ck_assert_int_eq(owner[parts.nonce], -1);
			owner[parts.nonce] = (int)worker;
			ck_assert_uint_eq(parts.nonce / (FEW / 4), worker);
		}
		assert_exhausted();
	}
	for (uint32_t nonce = 0; nonce < FEW; nonce++) {
		const struct mptcplb_token_parts parts = { 0, id, nonce };

		for (int worker = 0; worker < 4; worker++) {
			int owned = owner[nonce] == worker;

			allocator = workers[worker];
			ck_assert_int_eq(mptcplb_allocator_is_live(allocator, &parts), owned);
			ck_assert_int_eq(mptcplb_allocator_release(allocator, &parts),
					 owned ? MPTCPLB_OK : MPTCPLB_ERR_NOT_OWNED);
			ck_assert_int_eq(mptcplb_allocator_claim(allocator, &parts),
					 owned ? MPTCPLB_OK : MPTCPLB_ERR_NOT_OWNED);
		}
	}
	for (int worker = 0; worker < 4; worker++)
		mptcplb_allocator_destroy(workers[worker]);
}
END_TEST

START_TEST(claim_makes_a_given_nonce_live)
{
	const struct mptcplb_token_parts claimed = { 0, 5, 17 };

	make_small(0);
	ck_assert_int_eq(mptcplb_allocator_claim(allocator, &claimed), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_allocator_is_live(allocator, &claimed), 1);
	assert_counts(FEW, 1, 0, 0, 0);
	ck_assert_int_eq(mptcplb_allocator_claim(allocator, &claimed), MPTCPLB_ERR_IN_USE);
	assert_counts(FEW, 1, 0, 0, 1);
	for (int i = 0; i < FEW - 1; i++)
		ck_assert_uint_ne(take().nonce, 17);
	assert_exhausted();
	ck_assert_int_eq(mptcplb_allocator_claim(allocator, &claimed), MPTCPLB_ERR_IN_USE);
	assert_counts(FEW, FEW, 0, 1, 2);
	ck_assert_int_eq(mptcplb_allocator_release(allocator, &claimed), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_allocator_claim(allocator, &claimed), MPTCPLB_OK);
	assert_exhausted();
	mptcplb_allocator_destroy(allocator);
}
END_TEST

START_TEST(accept_claims_what_a_search_finds)
{
	const uint32_t ids[] = { 3, 9 };
	const struct mptcplb_allocator_options options = options_for(ids, ARRAY_SIZE(ids));
	struct mptcplb_key_search search = {
		.size = sizeof(search),
		.server_ids = ids,
		.server_id_count = ARRAY_SIZE(ids),
		.accept = mptcplb_allocator_accept,
	};

	make_keyring(1, 4);
	ck_assert_int_eq(mptcplb_allocator_create(&allocator, &keyring, &options), MPTCPLB_OK);
	search.context = allocator;
	for (uint32_t i = 0; i < 200; i++) {
		struct mptcplb_allocator_counts counts;
		struct mptcplb_key_found found;

		ck_assert_int_eq(mptcplb_key_search(&keyring, &found, &search, NULL), MPTCPLB_OK);
		ck_assert_int_eq(mptcplb_allocator_is_live(allocator, &found.parts), 1);
		ck_assert_int_eq(mptcplb_allocator_accept(allocator, found.token, &found.parts), 0);
		mptcplb_allocator_counts(allocator, &counts);
		ck_assert_uint_eq(counts.live, i + 1);
	}
	mptcplb_allocator_destroy(allocator);
}
END_TEST

START_TEST(rotation_keeps_nonces_unique_and_old_tokens_releasable)
{
	struct mptcplb_token_parts old[FEW / 2];
	int seen[FEW] = { 0 };

	make_small(0);
	for (int i = 0; i < FEW / 2; i++) {
		old[i] = take();
		seen[old[i].nonce]++;
	}
	ck_assert_int_eq(mptcplb_keyring_activate(&keyring, 1), MPTCPLB_OK);
	for (int i = 0; i < FEW / 2; i++) {
		struct mptcplb_token_parts parts = take();

		ck_assert_uint_eq(parts.epoch, 1);
		ck_assert_int_eq(seen[parts.nonce]++, 0);
	}
	assert_exhausted();
	ck_assert_int_eq(mptcplb_keyring_retire(&keyring, 0), MPTCPLB_OK);
	for (int i = 0; i < FEW / 2; i++)
		ck_assert_int_eq(mptcplb_allocator_release(allocator, &old[i]), MPTCPLB_OK);
	assert_counts(FEW, FEW / 2, 0, 1, 0);
	ck_assert_int_eq(seen[take().nonce], 1);
	mptcplb_allocator_destroy(allocator);
}
END_TEST

struct reports {
	int count;
	uint32_t in_use;
	uint32_t capacity;
};

static void note_report(void *context, uint32_t in_use, uint32_t capacity)
{
	struct reports *reports = context;

	reports->count++;
	reports->in_use = in_use;
	reports->capacity = capacity;
}

START_TEST(watermark_is_reported_whenever_use_comes_up_to_it)
{
	const uint32_t id = 5;
	struct mptcplb_token_parts all[FEW];
	struct reports reports = { 0 };
	struct mptcplb_allocator_options options = options_for(&id, 1);

	options.quarantine = 1;
	options.watermark = 48;
	options.watermark_reached = note_report;
	options.context = &reports;
	make_keyring(2, 24);
	ck_assert_int_eq(mptcplb_allocator_create(&allocator, &keyring, &options), MPTCPLB_OK);
	for (int i = 0; i < FEW; i++) {
		all[i] = take();
		ck_assert_int_eq(reports.count, i + 1 >= 48);
	}
	ck_assert_uint_eq(reports.in_use, 48);
	ck_assert_uint_eq(reports.capacity, FEW);

	/* what is in quarantine is in use */
	for (int i = 0; i < FEW - 47; i++)
		ck_assert_int_eq(mptcplb_allocator_release(allocator, &all[i]), MPTCPLB_OK);
	mptcplb_allocator_tick(allocator);
	assert_exhausted();
	mptcplb_allocator_tick(allocator);
	ck_assert_int_eq(reports.count, 1);
	ck_assert_int_eq(mptcplb_allocator_claim(allocator, &all[1]), MPTCPLB_OK);
	ck_assert_int_eq(reports.count, 2);
	mptcplb_allocator_destroy(allocator);
}
END_TEST

/* What another thread may do while a claim is on its way: claim the same nonce. */
struct forestall {
	struct mptcplb_token_parts parts;
	int reports;
};

static void claim_too(void *context, uint32_t in_use, uint32_t capacity)
{
	struct forestall *forestall = context;

	(void)capacity;
	forestall->reports++;
	ck_assert_uint_eq(in_use, 3);
	ck_assert_int_eq(mptcplb_allocator_claim(allocator, &forestall->parts), MPTCPLB_OK);
}

START_TEST(a_claim_that_another_forestalls_leaves_no_trace)
{
	const uint32_t id = 5;
	struct forestall forestall = { .parts = { 0, id, 17 } };
	const struct mptcplb_token_parts others[] = { { 0, id, 3 }, { 0, id, 4 } };
	struct mptcplb_allocator_options options = options_for(&id, 1);

	options.watermark = 3;
	options.watermark_reached = claim_too;
	options.context = &forestall;
	make_keyring(2, 24);
	ck_assert_int_eq(mptcplb_allocator_create(&allocator, &keyring, &options), MPTCPLB_OK);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		ck_assert_int_eq(mptcplb_allocator_claim(allocator, &others[i]), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_allocator_claim(allocator, &forestall.parts), MPTCPLB_ERR_IN_USE);
	ck_assert_int_eq(forestall.reports, 1);
	assert_counts(FEW, 3, 0, 0, 1);
	mptcplb_allocator_destroy(allocator);
}
END_TEST

START_TEST(take_says_what_is_wrong_and_takes_nothing)
{
	const uint32_t id = 5;
	const struct mptcplb_random failing = { sizeof(failing), fill_failing, NULL };
	struct mptcplb_allocator_options options = options_for(&id, 1);
	struct mptcplb_keyring other;
	struct mptcplb_token_parts parts;
	uint32_t token;

	options.random = &failing;
	make_keyring(2, 24);
	ck_assert_int_eq(mptcplb_allocator_create(&allocator, &keyring, &options), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_allocator_take(allocator, &keyring, &token, &parts),
			 MPTCPLB_ERR_RANDOM);
	other = keyring;
	other.server_id_bits = 23;
	ck_assert_int_eq(mptcplb_allocator_take(allocator, &other, &token, &parts),
			 MPTCPLB_ERR_ARGUMENT);
	other = keyring;
	other.epoch_bits = 1;
	ck_assert_int_eq(mptcplb_allocator_take(allocator, &other, &token, &parts),
			 MPTCPLB_ERR_ARGUMENT);
	other = keyring;
	other.active = 2;
	ck_assert_int_eq(mptcplb_allocator_take(allocator, &other, &token, &parts),
			 MPTCPLB_ERR_EPOCH_UNKNOWN);
	assert_counts(FEW, 0, 0, 0, 0);
	mptcplb_allocator_destroy(allocator);
}
END_TEST

static void assert_not_created(const struct mptcplb_allocator_options *options, int error)
{
	struct mptcplb_allocator *created = NULL;

	ck_assert_int_eq(mptcplb_allocator_create(&created, &keyring, options), error);
	ck_assert_ptr_null(created);
}

START_TEST(create_refuses_wrong_options)
{
	const uint32_t ids[] = { 7, 5, 6, 5 };
	const uint32_t large = 1U << 24;
	const struct mptcplb_random no_function = { sizeof(no_function), NULL, NULL };
	const struct mptcplb_random no_size = { 0, fill_failing, NULL };
	struct mptcplb_allocator_options good = options_for(ids, 3);
	struct mptcplb_allocator_options wrong[14];
	size_t *size;

	good.worker_bits = 2;
	good.worker = 3;
	good.watermark = 3 * FEW / 4;
	good.watermark_reached = note_report;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		wrong[i] = good;
	wrong[0].size--;
	wrong[1].server_ids = NULL;
	wrong[2].server_id_count = 0;
	wrong[3].server_id_count = 4; /* one of them twice */
	wrong[4].server_id_count = SIZE_MAX;
	wrong[5].worker = 4;
	wrong[6].worker_bits = 1;
	wrong[7].worker_bits = 3; /* three bits of the nonce are left */
	wrong[8].worker_bits = 32;
	wrong[9].watermark++;
	wrong[10].watermark = 0;
	wrong[11].watermark_reached = NULL;
	wrong[12].random = &no_function;
	wrong[13].random = &no_size;

	make_keyring(2, 24);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_not_created(&wrong[i], MPTCPLB_ERR_ARGUMENT);
	/* of a struct with a wrong size nothing else is read: a sanitizer would see it */
	size = malloc(sizeof(*size));
	ck_assert_ptr_nonnull(size);
	*size = sizeof(*size);
	assert_not_created((const void *)size, MPTCPLB_ERR_ARGUMENT);
	free(size);
	wrong[0] = good;
	wrong[0].server_ids = &large;
	wrong[0].server_id_count = 1;
	wrong[0].watermark = 1;
	assert_not_created(&wrong[0], MPTCPLB_ERR_SERVER_ID_RANGE);
	for (int i = 0; i < 2; i++) {
		callocs_left = i;
		assert_not_created(&good, MPTCPLB_ERR_MEMORY);
	}
	callocs_left = -1;
	ck_assert_int_eq(mptcplb_allocator_create(&allocator, &keyring, &good), MPTCPLB_OK);
	mptcplb_allocator_destroy(allocator);
	mptcplb_allocator_destroy(NULL);
}
END_TEST

START_TEST(the_largest_range_works_and_a_larger_one_is_refused)
{
	const uint32_t ids[] = { 1, 0 };
	const uint64_t draw = UINT64_MAX;
	const struct mptcplb_random last = { sizeof(last), fill_fixed, (void *)(uintptr_t)&draw };
	struct mptcplb_allocator_options options = options_for(ids, 1);
	struct mptcplb_token_parts parts;

	options.random = &last;
	make_keyring(0, 1);
	ck_assert_int_eq(mptcplb_allocator_create(&allocator, &keyring, &options), MPTCPLB_OK);
	assert_counts(MPTCPLB_ALLOCATOR_CAPACITY_MAX, 0, 0, 0, 0);
	parts = take();
	ck_assert_uint_eq(parts.server_id, 1);
	ck_assert_uint_eq(parts.nonce, MPTCPLB_ALLOCATOR_CAPACITY_MAX - 1);
	parts = take();
	ck_assert_uint_eq(parts.nonce, 0);
	mptcplb_allocator_destroy(allocator);
	options.server_id_count = 2;
	assert_not_created(&options, MPTCPLB_ERR_ARGUMENT);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		take_gives_every_nonce_once_then_reports_the_end,
		take_draws_evenly_over_ids_and_nonces,
		take_goes_round_from_the_nonce_it_drew,
		take_never_makes_token_zero,
		quarantine_lasts_until_the_second_tick,
		quarantine_keeps_claims_out,
		quarantine_is_counted,
		release_refuses_what_is_not_live,
		parts_of_others_are_refused,
		workers_share_an_id_and_no_nonce,
		claim_makes_a_given_nonce_live,
		accept_claims_what_a_search_finds,
		rotation_keeps_nonces_unique_and_old_tokens_releasable,
		watermark_is_reported_whenever_use_comes_up_to_it,
		a_claim_that_another_forestalls_leaves_no_trace,
		take_says_what_is_wrong_and_takes_nothing,
		create_refuses_wrong_options,
		the_largest_range_works_and_a_larger_one_is_refused,
		NULL,
	};

	return run_suite("allocator", tests);
}
