// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include <mptcplb/pool.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "crypto.h"

struct pool_slot {
	_Atomic uint32_t occupied; /* set when an item is put in, cleared when it is copied out */
	uint8_t item[];
};

/*
 * A ring. Items are put in at the tail in order, under a lock of those who fill; @available counts
 * what was put in and is not taken, so whoever lowers it from above zero may take a number at the
 * head, and the slot of that number holds an item: no taker ever looks twice or waits.
 */
struct mptcplb_pool {
	int (*make)(void *context, void *item);
	void *make_context;
	void (*low)(void *context);
	void *low_context;
	size_t item_size;
	size_t slot_size;
	uint32_t capacity; /* a power of two, so that numbers may wrap */
	uint32_t watermark;

	_Atomic int32_t available; /* below zero for a moment while takers find the pool empty */
	_Atomic uint32_t head; /* number of the next item to take */
	_Atomic size_t misses;
	atomic_int low_told; /* and no fill has ended since */

	atomic_flag filling; /* guards the tail and what is being made for it */
	uint32_t tail; /* number of the next item to put in */
	uint32_t making; /* slots from the tail on that items are being made for */
	_Atomic size_t filled;

	_Alignas(struct pool_slot) uint8_t slots[];
};

static int check_options(const struct mptcplb_pool_options *options)
{
	if (options->size != sizeof(*options) || !options->make || !options->item_size ||
	    options->item_size > MPTCPLB_POOL_ITEM_SIZE_MAX || !options->capacity ||
	    options->capacity > MPTCPLB_POOL_CAPACITY_MAX ||
	    options->watermark > options->capacity || !options->watermark != !options->low)
		return MPTCPLB_ERR_ARGUMENT;
	return MPTCPLB_OK;
}

static size_t slot_size(size_t item_size)
{
	size_t align = _Alignof(struct pool_slot);

	return (sizeof(struct pool_slot) + item_size + align - 1) / align * align;
}

static size_t pool_size(const struct mptcplb_pool *pool)
{
	return sizeof(*pool) + pool->capacity * pool->slot_size;
}

static struct pool_slot *pool_slot(struct mptcplb_pool *pool, uint32_t number)
{
	size_t offset = (number & (pool->capacity - 1)) * pool->slot_size;

	return (struct pool_slot *)(void *)(pool->slots + offset); /* slot_size keeps it aligned */
}

int mptcplb_pool_create(struct mptcplb_pool **created, const struct mptcplb_pool_options *options)
{
	struct mptcplb_pool *pool;
	uint32_t capacity = 1;
	int error = check_options(options);

	if (error)
		return error;
	while (capacity < options->capacity)
		capacity *= 2;
	pool = calloc(1, sizeof(*pool) + capacity * slot_size(options->item_size));
	if (!pool)
		return MPTCPLB_ERR_MEMORY;
	pool->make = options->make;
	pool->make_context = options->make_context;
	pool->low = options->low;
	pool->low_context = options->low_context;
	pool->item_size = options->item_size;
	pool->slot_size = slot_size(options->item_size);
	pool->capacity = capacity;
	pool->watermark = options->watermark;
	atomic_flag_clear(&pool->filling);
	*created = pool;
	return MPTCPLB_OK;
}

void mptcplb_pool_destroy(struct mptcplb_pool *pool)
{
	if (!pool)
		return;
	crypto_wipe(pool, pool_size(pool));
	free(pool);
}

static void fill_lock(struct mptcplb_pool *pool)
{
	while (atomic_flag_test_and_set_explicit(&pool->filling, memory_order_acquire))
		;
}

static void fill_unlock(struct mptcplb_pool *pool)
{
	atomic_flag_clear_explicit(&pool->filling, memory_order_release);
}

/* Keep a slot for an item that is about to be made; 0 when the pool is full. */
static int fill_begin(struct mptcplb_pool *pool)
{
	int room;

	fill_lock(pool);
	room = pool->making < pool->capacity &&
	       !atomic_load_explicit(&pool_slot(pool, pool->tail + pool->making)->occupied,
				     memory_order_acquire);
	if (room)
		pool->making++;
	fill_unlock(pool);
	return room;
}

/* Put an item into the slot that was kept for it, or give that up when there is none. */
static void fill_end(struct mptcplb_pool *pool, const uint8_t *item)
{
	fill_lock(pool);
	pool->making--;
	if (item) {
		struct pool_slot *slot = pool_slot(pool, pool->tail++);

		memcpy(slot->item, item, pool->item_size);
		atomic_store_explicit(&slot->occupied, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&pool->filled, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&pool->available, 1, memory_order_release);
	}
	fill_unlock(pool);
}

int mptcplb_pool_fill(struct mptcplb_pool *pool, size_t *made, size_t budget)
{
	_Alignas(max_align_t) uint8_t item[MPTCPLB_POOL_ITEM_SIZE_MAX];
	int error = MPTCPLB_OK;

	*made = 0;
	while (*made < budget && fill_begin(pool)) {
		error = pool->make(pool->make_context, item);
		fill_end(pool, error ? NULL : item);
		if (error)
			break;
		++*made;
	}
	crypto_wipe(item, sizeof(item));
	atomic_store_explicit(&pool->low_told, 0, memory_order_relaxed);
	return error;
}

/* Wake those who fill, once until they have filled: that may have made too little, or nothing. */
static void tell_low(struct mptcplb_pool *pool, uint32_t left)
{
	if (left < pool->watermark &&
	    !atomic_load_explicit(&pool->low_told, memory_order_relaxed) &&
	    !atomic_exchange_explicit(&pool->low_told, 1, memory_order_relaxed))
		pool->low(pool->low_context);
}

int mptcplb_pool_take(struct mptcplb_pool *pool, void *item)
{
	int32_t available = atomic_fetch_sub_explicit(&pool->available, 1, memory_order_acquire);
	struct pool_slot *slot;

	if (available <= 0) {
		atomic_fetch_add_explicit(&pool->available, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&pool->misses, 1, memory_order_relaxed);
		tell_low(pool, 0);
		return MPTCPLB_ERR_EXHAUSTED;
	}
	/*
	 * Acquire and release: the item of this number may have been put in for a taker who then got
	 * a lower number; what that taker saw must be seen here.
	 */
	slot = pool_slot(pool, atomic_fetch_add_explicit(&pool->head, 1, memory_order_acq_rel));
	memcpy(item, slot->item, pool->item_size);
	crypto_wipe(slot->item, pool->item_size);
	atomic_store_explicit(&slot->occupied, 0, memory_order_release);
	tell_low(pool, (uint32_t)available - 1);
	return MPTCPLB_OK;
}

void mptcplb_pool_counts(const struct mptcplb_pool *pool, struct mptcplb_pool_counts *counts)
{
	int32_t available = atomic_load(&pool->available);
	size_t filled = atomic_load(&pool->filled);

	*counts = (struct mptcplb_pool_counts){
		.capacity = pool->capacity,
		.available = available > 0 ? (uint32_t)available : 0,
		.filled = filled,
		.taken = filled - (available > 0 ? (uint32_t)available : 0),
		.misses = atomic_load(&pool->misses),
	};
}

int mptcplb_pool_make_key(void *context, void *item)
{
	const struct mptcplb_pool_key_source *source = context;

	if (source->size != sizeof(*source))
		return MPTCPLB_ERR_ARGUMENT;
	return mptcplb_key_search(source->keyring, item, source->search, source->random);
}
