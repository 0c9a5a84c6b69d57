// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Many threads take, claim and release. The allocator has 3 ids of 4096 nonces; the threads hold
 * up to 12,800 tokens together, so that it is full now and then. Whether a token is live twice is
 * told by flags of the test's own, raised after each take and lowered before each release.
 */
#include <mptcplb/allocator.h>

#include <mptcplb/keyring.h>
#include <mptcplb/token.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "unit.h"

#define THREADS 8
#define HELD_MAX 1600
#define IDS 3
#define NONCES 4096
#ifdef __SANITIZE_THREAD__
#define TAKES 500000 /* each access is watched: a race shows long before */
#else
#define TAKES 10000000
#endif

static const uint32_t ids[IDS] = { 1, 3, 5 };

static struct mptcplb_keyring keyring;
static struct mptcplb_allocator *allocator;

static atomic_uchar raised[IDS][NONCES];
static atomic_size_t takes, claims, releases, exhaustions, twice, failures;
static atomic_int stop_ticking;

struct held {
	uint32_t token;
	struct mptcplb_token_parts parts;
};

static uint64_t next_random(void)
{
	static _Thread_local uint64_t state;

	if (!state)
		state = (uint64_t)(uintptr_t)&state;
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static int fill_fast(void *context, uint8_t *buffer, size_t length)
{
	uint64_t draw = next_random();

	(void)context;
	memcpy(buffer, &draw, length);
	return 0;
}

static atomic_uchar *flag_of(uint32_t token)
{
	struct mptcplb_token_parts parts;

	if (!mptcplb_token_decode(&keyring, &parts, token)) {
		for (size_t i = 0; i < IDS; i++) {
			if (ids[i] == parts.server_id)
				return &raised[i][parts.nonce];
		}
	}
	failures++;
	return &raised[0][0];
}

static void give_back(struct held *held, size_t *count, size_t index)
{
	atomic_store(flag_of(held[index].token), 0);
	if (mptcplb_allocator_release(allocator, &held[index].parts))
		failures++;
	releases++;
	held[index] = held[--*count];
}

/* Claim some nonce; whether it was to be had. */
static int claim(struct held *held)
{
	held->parts = (struct mptcplb_token_parts){
		.server_id = ids[next_random() % IDS],
		.nonce = (uint32_t)(next_random() % NONCES),
	};
	if (mptcplb_allocator_claim(allocator, &held->parts))
		return 0;
	claims++;
	if (mptcplb_token_encode(&keyring, &held->token, &held->parts))
		failures++;
	return 1;
}

static void get_one(struct held *held, size_t *count)
{
	int error;

	if (next_random() % 8 == 0 && claim(&held[*count]))
		return;
	while ((error = mptcplb_allocator_take(allocator, &keyring, &held[*count].token,
					       &held[*count].parts)) == MPTCPLB_ERR_EXHAUSTED) {
		exhaustions++;
		for (size_t half = *count / 2; *count > half;)
			give_back(held, count, next_random() % *count);
		sched_yield();
	}
	if (error)
		failures++;
	takes++;
}

static void *get_and_give_back(void *total)
{
	static _Thread_local struct held held[HELD_MAX];
	size_t count = 0;

	for (int i = 0; i < *(const int *)total / THREADS; i++) {
		get_one(held, &count);
		if (atomic_exchange(flag_of(held[count].token), 1))
			twice++;
		if (++count == HELD_MAX || next_random() % 2)
			give_back(held, &count, next_random() % count);
	}
	while (count)
		give_back(held, &count, count - 1);
	return NULL;
}

static void *keep_ticking(void *unused)
{
	(void)unused;
	while (!atomic_load(&stop_ticking)) {
		mptcplb_allocator_tick(allocator);
		sched_yield();
	}
	return NULL;
}

static void run_threads(int total)
{
	pthread_t threads[THREADS], ticker;

	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, get_and_give_back, &total), 0);
	ck_assert_int_eq(pthread_create(&ticker, NULL, keep_ticking, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&stop_ticking, 1);
	pthread_join(ticker, NULL);
}

/* All is given back: every nonce can be taken again, and not one more. */
static void assert_recovered(void)
{
	struct mptcplb_allocator_counts counts;
	struct mptcplb_token_parts parts;
	uint32_t token;

	mptcplb_allocator_tick(allocator);
	mptcplb_allocator_tick(allocator);
	mptcplb_allocator_counts(allocator, &counts);
	ck_assert_uint_eq(counts.live, 0);
	ck_assert_uint_eq(counts.quarantined, 0);
	ck_assert_uint_ge(counts.exhausted, exhaustions);
	for (int i = 0; i < IDS * NONCES; i++)
		ck_assert_int_eq(mptcplb_allocator_take(allocator, &keyring, &token, &parts),
				 MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_allocator_take(allocator, &keyring, &token, &parts),
			 MPTCPLB_ERR_EXHAUSTED);
}

static void stress(int quarantine, int total)
{
	static const uint8_t secret[MPTCPLB_SECRET_SIZE] = "sixteen bytes...";
	const struct mptcplb_random fast = { sizeof(fast), fill_fast, NULL };
	const struct mptcplb_allocator_options options = {
		.size = sizeof(options),
		.server_ids = ids,
		.server_id_count = IDS,
		.quarantine = quarantine,
		.random = &fast,
	};

	ck_assert_int_eq(mptcplb_keyring_init(&keyring, 0, 20), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_add(&keyring, 0, secret), MPTCPLB_OK);
	ck_assert_uint_eq(mptcplb_keyring_nonce_count(&keyring), NONCES);
	ck_assert_int_eq(mptcplb_allocator_create(&allocator, &keyring, &options), MPTCPLB_OK);
	run_threads(total);
	ck_assert_uint_eq(twice, 0);
	ck_assert_uint_eq(failures, 0);
	ck_assert_uint_eq(takes + claims, total);
	ck_assert_uint_eq(releases, total);
	ck_assert_uint_gt(claims, 0);
	ck_assert_uint_gt(exhaustions, 0);
	assert_recovered();
	mptcplb_allocator_destroy(allocator);
}

START_TEST(no_token_is_live_twice)
{
	stress(0, TAKES);
}
END_TEST

START_TEST(no_token_is_live_twice_with_a_quarantine)
{
	stress(1, TAKES / 5);
}
END_TEST

/* Claims of a nonce that is live, from another thread, must not be felt. */
static const struct mptcplb_token_parts live = { 0, 1, 0 };
static atomic_int stop_claiming;
static atomic_size_t reports;

static void *claim_in_vain(void *unused)
{
	(void)unused;
	while (!atomic_load(&stop_claiming))
		failures += mptcplb_allocator_claim(allocator, &live) != MPTCPLB_ERR_IN_USE;
	return NULL;
}

static void count_report(void *context, uint32_t in_use, uint32_t capacity)
{
	(void)context;
	(void)in_use;
	(void)capacity;
	reports++;
}

START_TEST(a_refused_claim_takes_nothing_away)
{
	static const uint8_t secret[MPTCPLB_SECRET_SIZE] = "sixteen bytes...";
	const struct mptcplb_random fast = { sizeof(fast), fill_fast, NULL };
	const struct mptcplb_allocator_options options = {
		.size = sizeof(options),
		.server_ids = ids,
		.server_id_count = 1,
		.worker_bits = 8,
		.watermark = NONCES / 256 - 1,
		.watermark_reached = count_report,
		.random = &fast,
	};
	struct held held[NONCES / 256];
	pthread_t claimer;

	ck_assert_int_eq(mptcplb_keyring_init(&keyring, 0, 20), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_add(&keyring, 0, secret), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_allocator_create(&allocator, &keyring, &options), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_allocator_claim(allocator, &live), MPTCPLB_OK);
	ck_assert_int_eq(pthread_create(&claimer, NULL, claim_in_vain, NULL), 0);
	for (size_t i = 0; i < TAKES / 50; i++) {
		for (size_t j = 1; j < ARRAY_SIZE(held); j++)
			ck_assert_int_eq(mptcplb_allocator_take(allocator, &keyring, &held[j].token,
								&held[j].parts),
					 MPTCPLB_OK);
		ck_assert_uint_eq(reports, i + 1);
		for (size_t j = 1; j < ARRAY_SIZE(held); j++)
			ck_assert_int_eq(mptcplb_allocator_release(allocator, &held[j].parts),
					 MPTCPLB_OK);
	}
	atomic_store(&stop_claiming, 1);
	pthread_join(claimer, NULL);
	ck_assert_uint_eq(failures, 0);
	mptcplb_allocator_destroy(allocator);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		no_token_is_live_twice,
		no_token_is_live_twice_with_a_quarantine,
		a_refused_claim_takes_nothing_away,
		NULL,
	};

	return run_suite("allocator_stress", tests);
}
