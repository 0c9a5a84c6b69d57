// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <mptcplb/key.h>
#include <mptcplb/random.h>
#include <mptcplb/token.h>

#include "clock.h"

/* A key that was shown so long ago is replaced. */
#define AGE_NS 60000000000ULL

/* Slots that one call of keys_age() looks at, at most. */
#define AGE_SLOTS 65536

static size_t slots_size(const struct keys *keys)
{
	return keys->slot_count * sizeof(struct server_slot);
}

/* The token of a key as it lies in a slot; 0 for none. */
static uint32_t token_of(uint64_t key)
{
	uint8_t bytes[MPTCPLB_KEY_SIZE];
	uint32_t token = 0;

	memcpy(bytes, &key, sizeof(bytes));
	if (key && mptcplb_key_token(MPTCPLB_MODE_RFC8684, &token, bytes, sizeof(bytes)))
		token = 0;
	mptcplb_wipe(bytes, sizeof(bytes));
	return token;
}

/* A slot offers another token than before. */
static void set_offered(struct keys *keys, uint32_t index, uint32_t token)
{
	token_set_remove(&keys->taken, keys->tokens_offered[index]);
	keys->tokens_offered[index] = token;
	token_set_add(&keys->taken, token);
}

/* The same of the key that was replaced. */
static void set_before(struct keys *keys, uint32_t index, uint32_t token)
{
	token_set_remove(&keys->taken, keys->tokens_before[index]);
	keys->tokens_before[index] = token;
	token_set_add(&keys->taken, token);
}

/* Tell the programs the token of a slot's key. They do not believe it of any other key. */
static void set_token(struct server_slot *slot, uint64_t key, uint32_t token)
{
	__atomic_store_n((uint64_t *)&slot->token, server_slot_token(key, token), __ATOMIC_RELAXED);
}

static bool has_key(const struct keys *keys, uint32_t index)
{
	return __atomic_load_n(&keys->slots[index].key, __ATOMIC_RELAXED) != 0;
}

/* A slot may be empty. A key of the kernel's own may have got there first: it stays until used. */
static void note_empty(struct keys *keys, uint32_t index)
{
	if (has_key(keys, index))
		return;
	set_offered(keys, index, 0);
	if (keys->waiting[index])
		return;
	keys->waiting[index] = true;
	keys->empty[keys->empty_count++] = index;
}

void keys_look(struct keys *keys)
{
	uint32_t i;

	for (i = 0; i < keys->slot_count; i++)
		note_empty(keys, i);
}

/* Take note of what is in a slot, where an agent before may have left a key without its token. */
static void adopt(struct keys *keys, uint32_t index)
{
	struct server_slot *slot = &keys->slots[index];
	const uint64_t key = __atomic_load_n(&slot->key, __ATOMIC_ACQUIRE);

	set_offered(keys, index, token_of(key));
	set_token(slot, key, keys->tokens_offered[index]);
	set_before(keys, index, token_of(__atomic_load_n(&slot->previous_key, __ATOMIC_ACQUIRE)));
	note_empty(keys, index);
}

int keys_open(struct keys *keys, int slots_map, uint32_t slot_count)
{
	void *mapped;
	uint32_t i;

	keys->slot_count = slot_count;
	keys->empty = calloc(slot_count, sizeof(*keys->empty));
	keys->waiting = calloc(slot_count, sizeof(*keys->waiting));
	keys->tokens_offered = calloc(slot_count, sizeof(*keys->tokens_offered));
	keys->tokens_before = calloc(slot_count, sizeof(*keys->tokens_before));
	if (!keys->empty || !keys->waiting || !keys->tokens_offered || !keys->tokens_before ||
	    token_set_open(&keys->taken, 2 * slot_count))
		return -ENOMEM;
	mapped = mmap(NULL, slots_size(keys), PROT_READ | PROT_WRITE, MAP_SHARED, slots_map, 0);
	if (mapped == MAP_FAILED)
		return -errno;
	keys->slots = mapped;
	for (i = 0; i < slot_count; i++)
		adopt(keys, i);
	return 0;
}

void keys_use(struct keys *keys, const struct mptcplb_keyring *keyring,
	      const struct mptcplb_farm_server *server)
{
	keys->keyring = keyring;
	keys->server = server;
	keys->unchecked = keys->slot_count;
}

void keys_wipe(struct keys *keys)
{
	if (keys->slots)
		mptcplb_wipe(keys->slots, slots_size(keys));
}

void keys_close(struct keys *keys)
{
	if (keys->slots)
		munmap(keys->slots, slots_size(keys));
	free(keys->empty);
	free(keys->waiting);
	free(keys->tokens_offered);
	free(keys->tokens_before);
	token_set_close(&keys->taken);
	keys->slots = NULL;
	keys->empty = NULL;
	keys->waiting = NULL;
	keys->tokens_offered = NULL;
	keys->tokens_before = NULL;
}

/* A token that is on offer already, or that the kernel would refuse now, is no use. */
static int is_usable(void *context, uint32_t token, const struct mptcplb_token_parts *parts)
{
	const struct keys *keys = context;

	(void)parts;
	return !token_set_has(&keys->taken, token) && live_is_available(keys->live, token);
}

/* Offer a key in a slot. If a key of the kernel's own got there first, it stays until consumed. */
static void put(struct keys *keys, uint32_t index, const struct mptcplb_key_found *found)
{
	struct server_slot *slot = &keys->slots[index];
	uint64_t empty = 0, key;

	if (__atomic_load_n(&slot->key, __ATOMIC_ACQUIRE))
		return;
	memcpy(&key, found->key, sizeof(key));
	slot->shown_to = 0;
	slot->first_shown_at = 0;
	if (!__atomic_compare_exchange_n((uint64_t *)&slot->key, &empty, key, false,
					 __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		return;
	set_token(slot, key, found->token);
	set_offered(keys, index, found->token);
}

/* Replace a slot's key. The old one stays good for a moment: its client may be about to answer. */
static void replace(struct keys *keys, uint32_t index, const struct mptcplb_key_found *found)
{
	struct server_slot *slot = &keys->slots[index];
	uint64_t old = __atomic_load_n(&slot->key, __ATOMIC_ACQUIRE), key;

	if (!old)
		return;
	memcpy(&key, found->key, sizeof(key));
	slot->replaced_at = clock_now();
	__atomic_store_n(&slot->previous_key, old, __ATOMIC_RELEASE);
	if (!__atomic_compare_exchange_n((uint64_t *)&slot->key, &old, key, false, __ATOMIC_RELEASE,
					 __ATOMIC_RELAXED)) {
		__atomic_store_n(&slot->previous_key, 0, __ATOMIC_RELEASE);
		return;
	}
	set_token(slot, key, found->token);
	slot->shown_to = 0;
	slot->first_shown_at = 0;
	set_before(keys, index, keys->tokens_offered[index]);
	set_offered(keys, index, found->token);
}

static int search(const struct keys *keys, struct mptcplb_key_found *found)
{
	const struct mptcplb_key_search search = {
		.size = sizeof(search),
		.server_ids = keys->server->ids,
		.server_id_count = keys->server->id_count,
		.accept = is_usable,
		.context = (void *)keys,
	};

	return mptcplb_key_search(keys->keyring, found, &search, NULL);
}

int keys_fill(struct keys *keys, uint64_t budget_ns)
{
	const uint64_t start = clock_now();
	struct mptcplb_key_found found;
	int error = MPTCPLB_OK;

	while (keys->empty_count && clock_now() - start <= budget_ns) {
		uint32_t index = keys->empty[keys->empty_count - 1];

		if (!has_key(keys, index)) {
			error = search(keys, &found);
			if (error)
				break;
			put(keys, index, &found);
			keys->refilled++;
		}
		keys->waiting[index] = false;
		keys->empty_count--;
	}
	mptcplb_wipe(&found, sizeof(found));
	return error;
}

/* BPF may have filled a slot since it was last looked at. */
static void note_offered(struct keys *keys, uint32_t index)
{
	set_offered(keys, index,
		    token_of(__atomic_load_n(&keys->slots[index].key, __ATOMIC_ACQUIRE)));
}

int keys_age(struct keys *keys, uint64_t budget_ns)
{
	const uint64_t start = clock_now();
	uint32_t left = keys->slot_count < AGE_SLOTS ? keys->slot_count : AGE_SLOTS;
	struct mptcplb_key_found found;
	int error = MPTCPLB_OK;

	for (; left && !error; left--) {
		uint32_t index = keys->age_next;
		uint64_t shown = keys->slots[index].first_shown_at;

		note_empty(keys, index);
		if (shown && start - shown > AGE_NS && shown < start) {
			if (clock_now() - start > budget_ns)
				break;
			note_offered(keys, index);
			error = search(keys, &found);
			if (!error) {
				replace(keys, index, &found);
				keys->aged++;
			}
		}
		keys->age_next = (index + 1) % keys->slot_count;
	}
	mptcplb_wipe(&found, sizeof(found));
	return error;
}

/* Whether a token is one that this server would mint now. */
static bool is_current(const struct keys *keys, uint32_t token)
{
	struct mptcplb_token_parts parts;
	size_t i;

	if (mptcplb_token_decode(keys->keyring, &parts, token) ||
	    parts.epoch != keys->keyring->active)
		return false;
	for (i = 0; i < keys->server->id_count; i++) {
		if (keys->server->ids[i] == parts.server_id)
			return true;
	}
	return false;
}

int keys_renew(struct keys *keys, uint64_t budget_ns)
{
	const uint64_t start = clock_now();
	struct mptcplb_key_found found;
	int error = MPTCPLB_OK;

	for (; keys->unchecked && !error; keys->unchecked--) {
		uint32_t index = keys->unchecked - 1;

		if (clock_now() - start > budget_ns)
			break;
		note_offered(keys, index);
		if (!has_key(keys, index) || is_current(keys, keys->tokens_offered[index]))
			continue;
		error = search(keys, &found);
		if (error)
			break;
		replace(keys, index, &found);
		keys->renewed++;
	}
	mptcplb_wipe(&found, sizeof(found));
	return error;
}

uint32_t keys_filled(const struct keys *keys)
{
	uint32_t i, filled = 0;

	for (i = 0; i < keys->slot_count; i++)
		filled += has_key(keys, i);
	return filled;
}
