// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include <mptcplb/pool.h>

#include <mptcplb/allocator.h>
#include <mptcplb/keyring.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "unit.h"

static struct mptcplb_pool *pool;

/*
 * The library's calloc() and free(): the test program is linked with --wrap for both. The block
 * that calloc() gave last is the pool's, so that a test can look for what is left in it.
 */
static int out_of_memory;
static const uint8_t *block;
static size_t block_size;
static int block_was_zero_when_freed;

void *__real_calloc(size_t count, size_t size);
void __real_free(void *pointer);
void *__wrap_calloc(size_t count, size_t size);
void __wrap_free(void *pointer);

void *__wrap_calloc(size_t count, size_t size)
{
	void *pointer = out_of_memory ? NULL : __real_calloc(count, size);

	block = pointer;
	block_size = count * size;
	return pointer;
}

/* Whether four such bytes stand in a row: one alone may be part of an address. */
static int block_holds(uint8_t byte)
{
	const uint8_t run[4] = { byte, byte, byte, byte };

	for (size_t i = 0; i + sizeof(run) <= block_size; i++) {
		if (memcmp(block + i, run, sizeof(run)) == 0)
			return 1;
	}
	return 0;
}

void __wrap_free(void *pointer)
{
	if (pointer && pointer == block) {
		block_was_zero_when_freed = 1;
		for (size_t i = 0; i < block_size; i++)
			block_was_zero_when_freed &= !block[i];
		block = NULL;
	}
	__real_free(pointer);
}

/* Items that say which one they are, so that order and identity show. */
struct numbered {
	uint32_t number;
	uint8_t filler[7];
};

#define FILLER 0xa5

struct maker {
	atomic_uint next;
	uint32_t fails_at;
	int fills_too; /* fill the pool in the middle of making an item, as another thread may */
	size_t filled;
};

static int make_numbered(void *context, void *item)
{
	struct maker *maker = context;
	struct numbered numbered;

	if (maker->fills_too) {
		maker->fills_too = 0;
		ck_assert_int_eq(mptcplb_pool_fill(pool, &maker->filled, SIZE_MAX), MPTCPLB_OK);
	}
	memset(&numbered, FILLER, sizeof(numbered));
	numbered.number = atomic_fetch_add(&maker->next, 1);
	if (numbered.number + 1 == maker->fails_at)
		return MPTCPLB_ERR_TRIES_EXHAUSTED;
	memcpy(item, &numbered, sizeof(numbered));
	return MPTCPLB_OK;
}

static void make_pool(struct maker *maker, uint32_t capacity)
{
	const struct mptcplb_pool_options options = {
		.size = sizeof(options),
		.item_size = sizeof(struct numbered),
		.capacity = capacity,
		.make = make_numbered,
		.make_context = maker,
	};

	ck_assert_int_eq(mptcplb_pool_create(&pool, &options), MPTCPLB_OK);
}

static void fill(size_t budget, size_t expected)
{
	size_t made = SIZE_MAX;

	ck_assert_int_eq(mptcplb_pool_fill(pool, &made, budget), MPTCPLB_OK);
	ck_assert_uint_eq(made, expected);
}

static void assert_taken(uint32_t number)
{
	struct numbered item;

	ck_assert_int_eq(mptcplb_pool_take(pool, &item), MPTCPLB_OK);
	ck_assert_uint_eq(item.number, number);
	for (size_t i = 0; i < sizeof(item.filler); i++)
		ck_assert_uint_eq(item.filler[i], FILLER);
}

static void assert_empty(void)
{
	uint8_t item[sizeof(struct numbered)] = { 1, 2, 3 };
	const uint8_t before[sizeof(struct numbered)] = { 1, 2, 3 };

	ck_assert_int_eq(mptcplb_pool_take(pool, item), MPTCPLB_ERR_EXHAUSTED);
	ck_assert_mem_eq(item, before, sizeof(item));
}

static void assert_counts(uint32_t capacity, uint32_t available, size_t filled, size_t taken,
			  size_t misses)
{
	struct mptcplb_pool_counts counts;

	mptcplb_pool_counts(pool, &counts);
	ck_assert_uint_eq(counts.capacity, capacity);
	ck_assert_uint_eq(counts.available, available);
	ck_assert_uint_eq(counts.filled, filled);
	ck_assert_uint_eq(counts.taken, taken);
	ck_assert_uint_eq(counts.misses, misses);
}

START_TEST(items_come_out_once_and_in_order)
{
	struct maker maker = { 0 };
	uint32_t expected = 0;

	make_pool(&maker, 8);
	assert_empty();
	/* round the ring several times, in steps that do not divide it */
	for (int round = 0; round < 20; round++) {
		fill(5, 5);
		for (int i = 0; i < 5; i++)
			assert_taken(expected++);
		assert_empty();
	}
	assert_counts(8, 0, 100, 100, 21);
	mptcplb_pool_destroy(pool);
}
END_TEST

START_TEST(fill_keeps_to_its_budget_and_to_the_room)
{
	struct maker maker = { 0 };

	make_pool(&maker, 8);
	fill(0, 0);
	fill(3, 3);
	assert_counts(8, 3, 3, 0, 0);
	fill(SIZE_MAX, 5);
	fill(SIZE_MAX, 0);
	/* nothing was made for which there is no room */
	ck_assert_uint_eq(maker.next, 8);
	assert_taken(0);
	assert_taken(1);
	fill(SIZE_MAX, 2);
	for (uint32_t i = 2; i < 10; i++)
		assert_taken(i);
	assert_empty();
	assert_counts(8, 0, 10, 10, 1);
	mptcplb_pool_destroy(pool);
}
END_TEST

START_TEST(items_being_made_keep_their_room)
{
	for (uint32_t before = 0; before < 8; before++) {
		struct maker maker = { 0 };

		make_pool(&maker, 8);
		fill(before, before);
		maker.fills_too = 1;
		fill(1, 1);
		ck_assert_uint_eq(maker.filled, 8 - before - 1);
		assert_counts(8, 8, 8, 0, 0);
		for (uint32_t i = 0; i < 8; i++)
			assert_taken(i);
		mptcplb_pool_destroy(pool);
	}
}
END_TEST

START_TEST(capacity_is_rounded_up_to_a_power_of_two)
{
	const uint32_t cases[][2] = { { 1, 1 }, { 2, 2 }, { 3, 4 }, { 100, 128 }, { 128, 128 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct maker maker = { 0 };

		make_pool(&maker, cases[i][0]);
		fill(SIZE_MAX, cases[i][1]);
		assert_counts(cases[i][1], cases[i][1], cases[i][1], 0, 0);
		for (uint32_t j = 0; j < cases[i][1]; j++)
			assert_taken(j);
		assert_empty();
		fill(1, 1);
		assert_taken(cases[i][1]);
		mptcplb_pool_destroy(pool);
	}
}
END_TEST

START_TEST(fill_ends_when_no_item_can_be_made)
{
	struct maker maker = { .fails_at = 4 };
	size_t made;

	make_pool(&maker, 8);
	ck_assert_int_eq(mptcplb_pool_fill(pool, &made, 8), MPTCPLB_ERR_TRIES_EXHAUSTED);
	ck_assert_uint_eq(made, 3);
	assert_counts(8, 3, 3, 0, 0);
	/* the slot that was kept for it is usable */
	fill(SIZE_MAX, 5);
	for (uint32_t i = 0; i < 8; i++)
		assert_taken(i < 3 ? i : i + 1);
	assert_empty();
	mptcplb_pool_destroy(pool);
}
END_TEST

START_TEST(taken_items_are_wiped_and_so_is_a_destroyed_pool)
{
	struct maker maker = { 0 };

	make_pool(&maker, 4);
	fill(2, 2);
	ck_assert(block_holds(FILLER));
	assert_taken(0);
	ck_assert(block_holds(FILLER));
	assert_taken(1);
	ck_assert(!block_holds(FILLER));
	fill(4, 4);
	ck_assert(block_holds(FILLER));
	mptcplb_pool_destroy(pool);
	ck_assert_ptr_null(block);
	ck_assert(block_was_zero_when_freed);
	mptcplb_pool_destroy(NULL);
}
END_TEST

static void count_low(void *context)
{
	++*(int *)context;
}

START_TEST(the_low_watermark_is_told_whenever_it_is_passed)
{
	struct maker maker = { 0 };
	int told = 0;
	const struct mptcplb_pool_options options = {
		.size = sizeof(options),
		.item_size = sizeof(struct numbered),
		.capacity = 8,
		.make = make_numbered,
		.make_context = &maker,
		.watermark = 3,
		.low = count_low,
		.low_context = &told,
	};
	uint32_t next = 0;

	ck_assert_int_eq(mptcplb_pool_create(&pool, &options), MPTCPLB_OK);
	for (int round = 1; round <= 3; round++) {
		fill(SIZE_MAX, 8);
		for (int left = 7; left >= 0; left--) {
			assert_taken(next++);
			ck_assert_int_eq(told, left < 3 ? round : round - 1);
		}
		assert_empty();
		ck_assert_int_eq(told, round);
	}
	mptcplb_pool_destroy(pool);
}
END_TEST

START_TEST(low_is_told_again_after_a_fill_that_made_too_little)
{
	struct maker maker = { .fails_at = 1 };
	int told = 0;
	const struct mptcplb_pool_options options = {
		.size = sizeof(options),
		.item_size = sizeof(struct numbered),
		.capacity = 8,
		.make = make_numbered,
		.make_context = &maker,
		.watermark = 3,
		.low = count_low,
		.low_context = &told,
	};
	size_t made;

	ck_assert_int_eq(mptcplb_pool_create(&pool, &options), MPTCPLB_OK);
	/* a filler that only waits is woken by the first take, and once */
	assert_empty();
	assert_empty();
	ck_assert_int_eq(told, 1);
	ck_assert_int_eq(mptcplb_pool_fill(pool, &made, 8), MPTCPLB_ERR_TRIES_EXHAUSTED);
	assert_empty();
	assert_empty();
	ck_assert_int_eq(told, 2);
	fill(2, 2);
	assert_taken(1);
	assert_taken(2);
	ck_assert_int_eq(told, 3);
	fill(SIZE_MAX, 8);
	for (uint32_t i = 0; i < 5; i++)
		assert_taken(3 + i);
	ck_assert_int_eq(told, 3);
	assert_taken(8);
	ck_assert_int_eq(told, 4);
	mptcplb_pool_destroy(pool);
}
END_TEST

struct sized_maker {
	size_t size;
	uint8_t next;
};

static int make_sized(void *context, void *item)
{
	struct sized_maker *maker = context;

	memset(item, ++maker->next, maker->size);
	return MPTCPLB_OK;
}

START_TEST(items_of_every_size_stay_whole)
{
	for (size_t size = 1; size <= MPTCPLB_POOL_ITEM_SIZE_MAX; size++) {
		struct sized_maker maker = { .size = size };
		const struct mptcplb_pool_options options = {
			.size = sizeof(options),
			.item_size = size,
			.capacity = 4,
			.make = make_sized,
			.make_context = &maker,
		};
		uint8_t expected[MPTCPLB_POOL_ITEM_SIZE_MAX + 1] = { 0 };
		uint8_t item[MPTCPLB_POOL_ITEM_SIZE_MAX + 1] = { 0 };

		ck_assert_int_eq(mptcplb_pool_create(&pool, &options), MPTCPLB_OK);
		fill(4, 4);
		for (int i = 1; i <= 4; i++) {
			memset(expected, i, size);
			ck_assert_int_eq(mptcplb_pool_take(pool, item), MPTCPLB_OK);
			ck_assert_mem_eq(item, expected, sizeof(item));
		}
		mptcplb_pool_destroy(pool);
	}
}
END_TEST

static void assert_not_created(const struct mptcplb_pool_options *options, int error)
{
	struct mptcplb_pool *created = NULL;

	ck_assert_int_eq(mptcplb_pool_create(&created, options), error);
	ck_assert_ptr_null(created);
}

START_TEST(create_refuses_wrong_options)
{
	const struct mptcplb_pool_options good = {
		.size = sizeof(good),
		.item_size = MPTCPLB_POOL_ITEM_SIZE_MAX,
		.capacity = 16,
		.make = make_numbered,
		.watermark = 16,
		.low = count_low,
	};
	struct mptcplb_pool_options wrong[9];

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		wrong[i] = good;
	wrong[0].size = 0;
	wrong[1].item_size = 0;
	wrong[2].item_size++;
	wrong[3].capacity = 0;
	wrong[4].capacity = MPTCPLB_POOL_CAPACITY_MAX + 1;
	wrong[5].make = NULL;
	wrong[6].watermark = 17;
	wrong[7].watermark = 0;
	wrong[8].low = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_not_created(&wrong[i], MPTCPLB_ERR_ARGUMENT);
	out_of_memory = 1;
	assert_not_created(&good, MPTCPLB_ERR_MEMORY);
	out_of_memory = 0;
	ck_assert_int_eq(mptcplb_pool_create(&pool, &good), MPTCPLB_OK);
	mptcplb_pool_destroy(pool);
}
END_TEST

START_TEST(keys_of_the_pool_have_tokens_of_the_server)
{
	static const uint8_t secret[MPTCPLB_SECRET_SIZE] = "sixteen bytes...";
	const uint32_t id = 9;
	struct mptcplb_allocator_options nonces = {
		.size = sizeof(nonces),
		.server_ids = &id,
		.server_id_count = 1,
	};
	struct mptcplb_allocator *allocator;
	struct mptcplb_keyring keyring;
	struct mptcplb_key_search search = {
		.size = sizeof(search),
		.server_ids = &id,
		.server_id_count = 1,
		.accept = mptcplb_allocator_accept,
	};
	struct mptcplb_pool_key_source source = {
		.size = sizeof(source),
		.keyring = &keyring,
		.search = &search,
	};
	const struct mptcplb_pool_options options = {
		.size = sizeof(options),
		.item_size = sizeof(struct mptcplb_key_found),
		.capacity = 64,
		.make = mptcplb_pool_make_key,
		.make_context = &source,
	};
	struct mptcplb_key_found found;
	size_t made;

	ck_assert_int_eq(mptcplb_keyring_init(&keyring, 1, 6), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_add(&keyring, 0, secret), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_allocator_create(&allocator, &keyring, &nonces), MPTCPLB_OK);
	search.context = allocator;
	ck_assert_int_eq(mptcplb_pool_create(&pool, &options), MPTCPLB_OK);
	fill(SIZE_MAX, 64);
	for (int i = 0; i < 64; i++) {
		uint32_t token;

		ck_assert_int_eq(mptcplb_pool_take(pool, &found), MPTCPLB_OK);
		ck_assert_int_eq(mptcplb_key_token(MPTCPLB_MODE_RFC8684, &token, found.key,
						   sizeof(found.key)),
				 MPTCPLB_OK);
		ck_assert_uint_eq(token, found.token);
		ck_assert_uint_eq(found.parts.server_id, id);
		ck_assert_int_eq(mptcplb_allocator_release(allocator, &found.parts), MPTCPLB_OK);
	}
	source.size = 0;
	ck_assert_int_eq(mptcplb_pool_fill(pool, &made, 1), MPTCPLB_ERR_ARGUMENT);
	ck_assert_uint_eq(made, 0);
	mptcplb_pool_destroy(pool);
	mptcplb_allocator_destroy(allocator);
}
END_TEST

/* A pool that a thread fills all the time, and what the thread needs. */
struct rotation {
	pthread_rwlock_t lock; /* guards the source and what it points to */
	struct mptcplb_pool_key_source source;
	atomic_int stop, failures;
};

static int make_key_locked(void *context, void *item)
{
	struct rotation *rotation = context;
	int error;

	pthread_rwlock_rdlock(&rotation->lock);
	error = mptcplb_pool_make_key(&rotation->source, item);
	pthread_rwlock_unlock(&rotation->lock);
	return error;
}

static void *keep_filling(void *context)
{
	struct rotation *rotation = context;
	size_t made;

	while (!rotation->stop) {
		if (mptcplb_pool_fill(pool, &made, 4))
			rotation->failures++;
		if (!made)
			sched_yield();
	}
	return NULL;
}

static uint32_t take_epoch(void)
{
	struct mptcplb_key_found found;

	while (mptcplb_pool_take(pool, &found))
		sched_yield();
	return found.parts.epoch;
}

START_TEST(secrets_rotate_under_a_running_filler)
{
	static const uint8_t secrets[2][MPTCPLB_SECRET_SIZE] = { { 1 }, { 2 } };
	const uint32_t id = 1;
	const struct mptcplb_key_search search = {
		.size = sizeof(search),
		.server_ids = &id,
		.server_id_count = 1,
	};
	struct mptcplb_keyring keyring;
	struct rotation rotation = {
		.lock = PTHREAD_RWLOCK_INITIALIZER,
		.source = { sizeof(rotation.source), &keyring, &search, NULL },
	};
	const struct mptcplb_pool_options options = {
		.size = sizeof(options),
		.item_size = sizeof(struct mptcplb_key_found),
		.capacity = 16,
		.make = make_key_locked,
		.make_context = &rotation,
	};
	pthread_t filler;

	ck_assert_int_eq(mptcplb_keyring_init(&keyring, 1, 2), MPTCPLB_OK);
	for (uint32_t epoch = 0; epoch < 2; epoch++)
		ck_assert_int_eq(mptcplb_keyring_add(&keyring, epoch, secrets[epoch]), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_activate(&keyring, 0), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_pool_create(&pool, &options), MPTCPLB_OK);
	ck_assert_int_eq(pthread_create(&filler, NULL, keep_filling, &rotation), 0);
	for (uint32_t epoch = 1; epoch <= 100; epoch++) {
		int of_the_old = 0;

		pthread_rwlock_wrlock(&rotation.lock);
		ck_assert_int_eq(mptcplb_keyring_activate(&keyring, epoch % 2), MPTCPLB_OK);
		pthread_rwlock_unlock(&rotation.lock);
		while (take_epoch() != epoch % 2)
			of_the_old++;
		/* a full pool and the one that was being put in */
		ck_assert_int_le(of_the_old, 17);
		for (int i = 0; i < 20; i++)
			ck_assert_uint_eq(take_epoch(), epoch % 2);
	}
	rotation.stop = 1;
	pthread_join(filler, NULL);
	ck_assert_int_eq(rotation.failures, 0);
	mptcplb_pool_destroy(pool);
}
END_TEST

/* Many threads on both sides of one small pool; every number must come out exactly once. */
#define FILLERS 3
#define TAKERS 5
#define ITEMS 2000000

static struct maker shared_maker;
static atomic_uchar seen[ITEMS + FILLERS * 64];
static atomic_uint taken_total, twice, broken;
static atomic_int low_calls, fillers_left;

static void *fill_until_enough(void *unused)
{
	size_t made;

	(void)unused;
	while (atomic_load(&shared_maker.next) < ITEMS) {
		if (mptcplb_pool_fill(pool, &made, 64))
			broken++;
		if (!made)
			sched_yield();
	}
	fillers_left--;
	return NULL;
}

static void *take_all(void *unused)
{
	(void)unused;
	for (;;) {
		int last = !fillers_left;
		struct numbered item;

		if (mptcplb_pool_take(pool, &item)) {
			if (last)
				break;
			sched_yield();
			continue;
		}
		taken_total++;
		for (size_t i = 0; i < sizeof(item.filler); i++)
			broken += item.filler[i] != FILLER;
		if (item.number >= ARRAY_SIZE(seen))
			broken++;
		else if (atomic_exchange(&seen[item.number], 1))
			twice++;
	}
	return NULL;
}

static void note_low(void *context)
{
	(void)context;
	low_calls++;
}

START_TEST(every_item_comes_out_once_among_many_threads)
{
	const struct mptcplb_pool_options options = {
		.size = sizeof(options),
		.item_size = sizeof(struct numbered),
		.capacity = 64,
		.make = make_numbered,
		.make_context = &shared_maker,
		.watermark = 16,
		.low = note_low,
	};
	pthread_t fillers[FILLERS], takers[TAKERS];
	struct mptcplb_pool_counts counts;

	ck_assert_int_eq(mptcplb_pool_create(&pool, &options), MPTCPLB_OK);
	fillers_left = FILLERS;
	for (int i = 0; i < FILLERS; i++)
		ck_assert_int_eq(pthread_create(&fillers[i], NULL, fill_until_enough, NULL), 0);
	for (int i = 0; i < TAKERS; i++)
		ck_assert_int_eq(pthread_create(&takers[i], NULL, take_all, NULL), 0);
	for (int i = 0; i < FILLERS; i++)
		pthread_join(fillers[i], NULL);
	for (int i = 0; i < TAKERS; i++)
		pthread_join(takers[i], NULL);

	ck_assert_uint_eq(twice, 0);
	ck_assert_uint_eq(broken, 0);
	ck_assert_uint_ge(taken_total, ITEMS);
	ck_assert_uint_eq(taken_total, shared_maker.next);
	mptcplb_pool_counts(pool, &counts);
	ck_assert_uint_eq(counts.available, 0);
	ck_assert_uint_eq(counts.filled, taken_total);
	ck_assert_uint_eq(counts.taken, taken_total);
	ck_assert_uint_gt(counts.misses, 0);
	ck_assert_int_gt(low_calls, 0);
	mptcplb_pool_destroy(pool);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		items_come_out_once_and_in_order,
		fill_keeps_to_its_budget_and_to_the_room,
		items_being_made_keep_their_room,
		capacity_is_rounded_up_to_a_power_of_two,
		fill_ends_when_no_item_can_be_made,
		taken_items_are_wiped_and_so_is_a_destroyed_pool,
		the_low_watermark_is_told_whenever_it_is_passed,
		low_is_told_again_after_a_fill_that_made_too_little,
		items_of_every_size_stay_whole,
		create_refuses_wrong_options,
		keys_of_the_pool_have_tokens_of_the_server,
		secrets_rotate_under_a_running_filler,
		every_item_comes_out_once_among_many_threads,
		NULL,
	};

	return run_suite("pool", tests);
}
