// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <mptcplb/key.h>
#include <mptcplb/random.h>

static size_t slots_size(const struct keys *keys)
{
	return keys->slot_count * sizeof(struct server_slot);
}

int keys_open(struct keys *keys, int slots_map, uint32_t slot_count)
{
	void *mapped;
	uint32_t i;

	keys->slot_count = slot_count;
	keys->empty = calloc(slot_count, sizeof(*keys->empty));
	if (!keys->empty)
		return -ENOMEM;
	mapped = mmap(NULL, slots_size(keys), PROT_READ | PROT_WRITE, MAP_SHARED, slots_map, 0);
	if (mapped == MAP_FAILED)
		return -errno;
	keys->slots = mapped;
	for (i = 0; i < slot_count; i++)
		keys_add_empty(keys, i);
	return 0;
}

void keys_close(struct keys *keys)
{
	if (keys->slots) {
		mptcplb_wipe(keys->slots, slots_size(keys));
		munmap(keys->slots, slots_size(keys));
	}
	free(keys->empty);
	keys->slots = NULL;
	keys->empty = NULL;
}

void keys_add_empty(struct keys *keys, uint32_t slot)
{
	if (slot < keys->slot_count && keys->empty_count < keys->slot_count)
		keys->empty[keys->empty_count++] = slot;
}

/* A token that is on offer already, or that the kernel would refuse now, is no use. */
static int is_usable(void *context, uint32_t token, const struct mptcplb_token_parts *parts)
{
	const struct keys *keys = context;
	uint32_t i;

	(void)parts;
	for (i = 0; i < keys->slot_count; i++) {
		if (keys->slots[i].token == token)
			return 0;
	}
	return tokens_available(keys->tokens, token);
}

/* Offer a key in a slot. If a key of the kernel's own got there first, it stays until consumed. */
static void put(struct server_slot *slot, const struct mptcplb_key_found *found)
{
	uint64_t empty = 0, key;

	if (__atomic_load_n(&slot->key, __ATOMIC_ACQUIRE))
		return;
	memcpy(&key, found->key, sizeof(key));
	slot->shown_to = 0;
	slot->token = found->token;
	if (!__atomic_compare_exchange_n((uint64_t *)&slot->key, &empty, key, false,
					 __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		slot->token = 0;
}

int keys_fill(struct keys *keys, uint32_t count)
{
	const struct mptcplb_key_search search = {
		.size = sizeof(search),
		.server_ids = keys->server->ids,
		.server_id_count = keys->server->id_count,
		.accept = is_usable,
		.context = keys,
	};
	struct mptcplb_key_found found;
	int error = MPTCPLB_OK;

	for (; count && keys->empty_count; count--) {
		error = mptcplb_key_search(keys->keyring, &found, &search, NULL);
		if (error)
			break;
		put(&keys->slots[keys->empty[--keys->empty_count]], &found);
		keys->refilled++;
	}
	mptcplb_wipe(&found, sizeof(found));
	return error;
}

uint32_t keys_filled(const struct keys *keys)
{
	uint32_t i, filled = 0;

	for (i = 0; i < keys->slot_count; i++)
		filled += __atomic_load_n(&keys->slots[i].key, __ATOMIC_RELAXED) != 0;
	return filled;
}
