// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include <mptcplb/allocator.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <mptcplb/keyring.h>
#include <mptcplb/token.h>

/*
 * The nonces of all ids form one row of slots, id by id in ascending order. A slot is two bits of
 * a word, so that each change of a nonce's state is one atomic operation on one word.
 */
enum slot_state {
	SLOT_FREE = 0,
	SLOT_LIVE = 1,
	SLOT_QUARANTINE = 2, /* and 3: released in a period of the other parity */
};

#define SLOT_BITS 2
#define SLOT_MASK 3U
#define SLOTS_PER_WORD (32 / SLOT_BITS)
/* The low bit of every slot in a word. */
#define SLOT_LOW_BITS 0x55555555U

_Static_assert(SLOTS_PER_WORD <= 1 << MPTCPLB_ALLOCATOR_NONCE_BITS_MIN, "an id fills whole words");

struct mptcplb_allocator {
	uint8_t epoch_bits;
	uint8_t server_id_bits;
	uint32_t slot_bits; /* of a nonce, below the worker's */
	uint32_t worker;
	int quarantine;
	uint32_t watermark;
	void (*watermark_reached)(void *context, uint32_t in_use, uint32_t capacity);
	void *context;
	struct mptcplb_random random_copy;
	const struct mptcplb_random *random; /* the copy, or NULL */
	uint32_t capacity;
	_Atomic uint32_t *words;
	_Atomic uint32_t period; /* parity of the current period of quarantine */
	/*
	 * Seats: a slot leaves SLOT_FREE only for a thread that has a seat, and a seat is given back
	 * only when its slot is free again. So whoever has a seat finds a free slot.
	 */
	_Atomic uint32_t in_use;
	_Atomic uint32_t quarantined; /* at least the slots in quarantine */
	_Atomic size_t exhausted;
	_Atomic size_t refused;
	size_t server_id_count;
	uint32_t server_ids[]; /* ascending */
};

static int compare_ids(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a;
	uint32_t right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

static int check_ids(const struct mptcplb_keyring *keyring,
		     const struct mptcplb_allocator_options *options)
{
	if (!options->server_ids || !options->server_id_count)
		return MPTCPLB_ERR_ARGUMENT;
	for (size_t i = 0; i < options->server_id_count; i++) {
		if (options->server_ids[i] >> keyring->server_id_bits)
			return MPTCPLB_ERR_SERVER_ID_RANGE;
	}
	return MPTCPLB_OK;
}

static int check_options(const struct mptcplb_keyring *keyring,
			 const struct mptcplb_allocator_options *options)
{
	const struct mptcplb_random *random;
	uint32_t nonces = mptcplb_keyring_nonce_count(keyring);

	if (options->size != sizeof(*options) || options->worker_bits >= MPTCPLB_TOKEN_BITS ||
	    nonces >> options->worker_bits < 1U << MPTCPLB_ALLOCATOR_NONCE_BITS_MIN ||
	    options->worker >> options->worker_bits)
		return MPTCPLB_ERR_ARGUMENT;
	nonces >>= options->worker_bits;
	if (options->server_id_count > MPTCPLB_ALLOCATOR_CAPACITY_MAX / nonces ||
	    options->watermark > options->server_id_count * nonces ||
	    !options->watermark != !options->watermark_reached)
		return MPTCPLB_ERR_ARGUMENT;
	random = options->random;
	if (random && (random->size != sizeof(*random) || !random->fill))
		return MPTCPLB_ERR_ARGUMENT;
	return check_ids(keyring, options);
}

/* Take the ids over in ascending order. */
static int set_ids(struct mptcplb_allocator *allocator,
		   const struct mptcplb_allocator_options *options)
{
	uint32_t *ids = allocator->server_ids;

	allocator->server_id_count = options->server_id_count;
	memcpy(ids, options->server_ids, options->server_id_count * sizeof(*ids));
	qsort(ids, options->server_id_count, sizeof(*ids), compare_ids);
	for (size_t i = 1; i < options->server_id_count; i++) {
		if (ids[i] == ids[i - 1])
			return MPTCPLB_ERR_ARGUMENT;
	}
	return MPTCPLB_OK;
}

static void set_options(struct mptcplb_allocator *allocator,
			const struct mptcplb_allocator_options *options)
{
	allocator->worker = options->worker;
	allocator->quarantine = options->quarantine;
	allocator->watermark = options->watermark;
	allocator->watermark_reached = options->watermark_reached;
	allocator->context = options->context;
	if (options->random) {
		allocator->random_copy = *options->random;
		allocator->random = &allocator->random_copy;
	}
}

static int set_slots(struct mptcplb_allocator *allocator, const struct mptcplb_keyring *keyring,
		     const struct mptcplb_allocator_options *options)
{
	uint32_t nonces = mptcplb_keyring_nonce_count(keyring) >> options->worker_bits;

	allocator->epoch_bits = keyring->epoch_bits;
	allocator->server_id_bits = keyring->server_id_bits;
	allocator->slot_bits = (uint32_t)__builtin_ctz(nonces);
	allocator->capacity = (uint32_t)options->server_id_count * nonces;
	allocator->words = calloc(allocator->capacity / SLOTS_PER_WORD, sizeof(*allocator->words));
	return allocator->words ? MPTCPLB_OK : MPTCPLB_ERR_MEMORY;
}

int mptcplb_allocator_create(struct mptcplb_allocator **created,
			     const struct mptcplb_keyring *keyring,
			     const struct mptcplb_allocator_options *options)
{
	struct mptcplb_allocator *allocator;
	int error = check_options(keyring, options);

	if (error)
		return error;
	allocator = calloc(1, sizeof(*allocator) +
				      options->server_id_count * sizeof(allocator->server_ids[0]));
	if (!allocator)
		return MPTCPLB_ERR_MEMORY;
	set_options(allocator, options);
	error = set_ids(allocator, options);
	if (!error)
		error = set_slots(allocator, keyring, options);
	if (error) {
		free(allocator);
		return error;
	}
	*created = allocator;
	return MPTCPLB_OK;
}

void mptcplb_allocator_destroy(struct mptcplb_allocator *allocator)
{
	if (!allocator)
		return;
	free(allocator->words);
	free(allocator);
}

/* The slot of a nonce; -1 when it is not one of ours. */
static int slot_find(const struct mptcplb_allocator *allocator, uint32_t *slot,
		     const struct mptcplb_token_parts *parts)
{
	const uint32_t *id;

	if (parts->nonce >> allocator->slot_bits != allocator->worker)
		return -1;
	id = bsearch(&parts->server_id, allocator->server_ids, allocator->server_id_count,
		     sizeof(*id), compare_ids);
	if (!id)
		return -1;
	*slot = (uint32_t)(id - allocator->server_ids) << allocator->slot_bits |
		(parts->nonce & ((1U << allocator->slot_bits) - 1));
	return 0;
}

static struct mptcplb_token_parts slot_parts(const struct mptcplb_allocator *allocator,
					     uint32_t slot, uint32_t epoch)
{
	return (struct mptcplb_token_parts){
		.epoch = epoch,
		.server_id = allocator->server_ids[slot >> allocator->slot_bits],
		.nonce = allocator->worker << allocator->slot_bits |
			 (slot & ((1U << allocator->slot_bits) - 1)),
	};
}

static uint32_t slot_state(const struct mptcplb_allocator *allocator, uint32_t slot)
{
	uint32_t word = atomic_load(&allocator->words[slot / SLOTS_PER_WORD]);

	return word >> slot % SLOTS_PER_WORD * SLOT_BITS & SLOT_MASK;
}

/* Change a slot's state; 0 when it was not @from, so that of several threads one succeeds. */
static int slot_change(struct mptcplb_allocator *allocator, uint32_t slot, uint32_t from,
		       uint32_t to)
{
	_Atomic uint32_t *word = &allocator->words[slot / SLOTS_PER_WORD];
	uint32_t shift = slot % SLOTS_PER_WORD * SLOT_BITS;
	uint32_t old = atomic_load(word);

	do {
		if ((old >> shift & SLOT_MASK) != from)
			return 0;
	} while (!atomic_compare_exchange_weak(word, &old, old ^ (from ^ to) << shift));
	return 1;
}

/* Get a seat: how many are in use now, or 0 when there is none. */
static uint32_t seat_take(struct mptcplb_allocator *allocator)
{
	uint32_t in_use = atomic_load(&allocator->in_use);

	do {
		if (in_use == allocator->capacity) {
			atomic_fetch_add(&allocator->exhausted, 1);
			return 0;
		}
	} while (!atomic_compare_exchange_weak(&allocator->in_use, &in_use, in_use + 1));
	return in_use + 1;
}

static void report_watermark(const struct mptcplb_allocator *allocator, uint32_t in_use)
{
	if (in_use == allocator->watermark)
		allocator->watermark_reached(allocator->context, in_use, allocator->capacity);
}

/* Make the first free slot from @start on live, going round. Only with a seat. */
static uint32_t slot_take(struct mptcplb_allocator *allocator, uint32_t start)
{
	uint32_t word_count = allocator->capacity / SLOTS_PER_WORD;
	uint32_t index = start / SLOTS_PER_WORD;
	uint32_t allowed = SLOT_LOW_BITS << start % SLOTS_PER_WORD * SLOT_BITS;

	for (;;) {
		uint32_t word = atomic_load(&allocator->words[index]);
		uint32_t free_slots = ~(word | word >> 1) & allowed;

		if (free_slots) {
			uint32_t slot = index * SLOTS_PER_WORD +
					(uint32_t)__builtin_ctz(free_slots) / SLOT_BITS;

			if (slot_change(allocator, slot, SLOT_FREE, SLOT_LIVE))
				return slot;
		} else {
			index = index + 1 == word_count ? 0 : index + 1;
			allowed = SLOT_LOW_BITS;
		}
	}
}

/* Put a live slot into quarantine, where it keeps its seat; 0 when it was not live. */
static int slot_quarantine(struct mptcplb_allocator *allocator, uint32_t slot)
{
	uint32_t state = SLOT_QUARANTINE | atomic_load(&allocator->period);

	atomic_fetch_add(&allocator->quarantined, 1);
	if (slot_change(allocator, slot, SLOT_LIVE, state))
		return 1;
	atomic_fetch_sub(&allocator->quarantined, 1);
	return 0;
}

static int random_slot(const struct mptcplb_allocator *allocator, uint32_t *slot)
{
	uint8_t bytes[8];
	int error = mptcplb_random_bytes(allocator->random, bytes, sizeof(bytes));

	if (error)
		return error;
	*slot = (uint32_t)(((uint64_t)mptcplb_core_be32(bytes) << 32 |
			    mptcplb_core_be32(bytes + 4)) %
			   allocator->capacity);
	return MPTCPLB_OK;
}

/* Free a live slot and give its seat back; 0 when it was not live. */
static int slot_free(struct mptcplb_allocator *allocator, uint32_t slot)
{
	if (!slot_change(allocator, slot, SLOT_LIVE, SLOT_FREE))
		return 0;
	atomic_fetch_sub(&allocator->in_use, 1);
	return 1;
}

/* mptcplb_allocator_take() with a keyring that fits. */
static int take_one(struct mptcplb_allocator *allocator, const struct mptcplb_keyring *keyring,
		    uint32_t *token, struct mptcplb_token_parts *parts)
{
	struct mptcplb_token_parts taken;
	uint32_t slot, in_use;
	int error = random_slot(allocator, &slot);

	if (error)
		return error;
	in_use = seat_take(allocator);
	if (!in_use)
		return MPTCPLB_ERR_EXHAUSTED;
	slot = slot_take(allocator, slot);
	report_watermark(allocator, in_use);
	taken = slot_parts(allocator, slot, keyring->active);
	error = mptcplb_token_encode(keyring, token, &taken);
	if (!error) {
		*parts = taken;
		return MPTCPLB_OK;
	}
	/* one nonce alone makes token 0, and while that is live another one is drawn */
	if (error == MPTCPLB_ERR_TOKEN_ZERO)
		error = take_one(allocator, keyring, token, parts);
	slot_free(allocator, slot);
	return error;
}

int mptcplb_allocator_take(struct mptcplb_allocator *allocator,
			   const struct mptcplb_keyring *keyring, uint32_t *token,
			   struct mptcplb_token_parts *parts)
{
	if (keyring->epoch_bits != allocator->epoch_bits ||
	    keyring->server_id_bits != allocator->server_id_bits)
		return MPTCPLB_ERR_ARGUMENT;
	if (!(keyring->present >> keyring->active & 1))
		return MPTCPLB_ERR_EPOCH_UNKNOWN;
	return take_one(allocator, keyring, token, parts);
}

int mptcplb_allocator_claim(struct mptcplb_allocator *allocator,
			    const struct mptcplb_token_parts *parts)
{
	uint32_t slot, in_use;

	if (slot_find(allocator, &slot, parts))
		return MPTCPLB_ERR_NOT_OWNED;
	/* without a look first, a claim that is refused would hold a seat that others need */
	if (slot_state(allocator, slot) != SLOT_FREE)
		goto refused;
	in_use = seat_take(allocator);
	if (!in_use)
		return MPTCPLB_ERR_EXHAUSTED;
	/* also when the seat is given back: beside it others may go past the watermark */
	report_watermark(allocator, in_use);
	if (slot_change(allocator, slot, SLOT_FREE, SLOT_LIVE))
		return MPTCPLB_OK;
	atomic_fetch_sub(&allocator->in_use, 1);
refused:
	atomic_fetch_add(&allocator->refused, 1);
	return MPTCPLB_ERR_IN_USE;
}

int mptcplb_allocator_accept(void *allocator, uint32_t token,
			     const struct mptcplb_token_parts *parts)
{
	(void)token;
	return mptcplb_allocator_claim(allocator, parts) == MPTCPLB_OK;
}

int mptcplb_allocator_release(struct mptcplb_allocator *allocator,
			      const struct mptcplb_token_parts *parts)
{
	uint32_t slot;
	int released;

	if (slot_find(allocator, &slot, parts))
		return MPTCPLB_ERR_NOT_OWNED;
	released = allocator->quarantine ? slot_quarantine(allocator, slot)
					 : slot_free(allocator, slot);
	return released ? MPTCPLB_OK : MPTCPLB_ERR_NOT_LIVE;
}

int mptcplb_allocator_is_live(const struct mptcplb_allocator *allocator,
			      const struct mptcplb_token_parts *parts)
{
	uint32_t slot;

	return slot_find(allocator, &slot, parts) == 0 && slot_state(allocator, slot) == SLOT_LIVE;
}

/* Free the slots of one word that were released in a period of the given parity; how many. */
static uint32_t word_sweep(_Atomic uint32_t *word, uint32_t parity)
{
	uint32_t old = atomic_load(word);
	uint32_t odd = parity ? old : ~old;
	uint32_t ended = old >> 1 & odd & SLOT_LOW_BITS;

	/* nobody else changes a slot in quarantine, so what was seen still holds */
	if (ended)
		atomic_fetch_and(word, ~(ended * SLOT_MASK));
	return (uint32_t)__builtin_popcount(ended);
}

void mptcplb_allocator_tick(struct mptcplb_allocator *allocator)
{
	uint32_t before = atomic_load(&allocator->period) ^ 1;
	uint32_t ended = 0;

	if (atomic_load(&allocator->quarantined)) {
		for (uint32_t i = 0; i < allocator->capacity / SLOTS_PER_WORD; i++)
			ended += word_sweep(&allocator->words[i], before);
	}
	atomic_fetch_sub(&allocator->quarantined, ended);
	atomic_fetch_sub(&allocator->in_use, ended);
	/* only now, or what is released during the walk would be swept with the period before */
	atomic_store(&allocator->period, before);
}

void mptcplb_allocator_counts(const struct mptcplb_allocator *allocator,
			      struct mptcplb_allocator_counts *counts)
{
	uint32_t quarantined = atomic_load(&allocator->quarantined);
	uint32_t in_use = atomic_load(&allocator->in_use);

	*counts = (struct mptcplb_allocator_counts){
		.capacity = allocator->capacity,
		.live = in_use > quarantined ? in_use - quarantined : 0,
		.quarantined = quarantined,
		.exhausted = atomic_load(&allocator->exhausted),
		.refused = atomic_load(&allocator->refused),
	};
}
