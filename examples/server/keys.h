/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Make keys ahead of need, and keep the slots filled with them. */
#ifndef MPTCPLB_SERVER_KEYS_H
#define MPTCPLB_SERVER_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mptcplb/farm.h>

#include "live.h"
#include "server_kern_user.h"
#include "token_set.h"

struct keys {
	const struct mptcplb_keyring *keyring;
	const struct mptcplb_farm_server *server;
	const struct live *live;
	struct server_slot *slots; /* the BPF map */
	uint32_t slot_count;
	uint32_t *tokens_offered; /* by slot; 0: none */
	uint32_t *tokens_before; /* the same of the keys that were replaced */
	struct token_set taken; /* all of both */
	uint32_t *empty; /* slots that wait for a key; each at most once */
	uint32_t empty_count;
	bool *waiting; /* by slot: whether it is in empty */
	uint32_t age_next; /* where keys_age() goes on */
	uint32_t unchecked; /* so many slots may have a key that is not to be offered any more */
	uint64_t refilled;
	uint64_t aged;
	uint64_t renewed;
};

/* Map the slots. Keys that an earlier agent has left in them stay. Returns 0 or -errno. */
int keys_open(struct keys *keys, int slots_map, uint32_t slot_count);

/*
 * Mint in the active epoch of @keyring, with the ids of @server, from now on: both must last until
 * the next call. Keys on offer that are not such are replaced by and by, by keys_renew().
 */
void keys_use(struct keys *keys, const struct mptcplb_keyring *keyring,
	      const struct mptcplb_farm_server *server);

/* Wipe the slots, for nobody shall find keys in them any more. */
void keys_wipe(struct keys *keys);

/* Let go of the slots. */
void keys_close(struct keys *keys);

/* Look for slots that were emptied. */
void keys_look(struct keys *keys);

/*
 * Replace keys that were shown long ago and not used: somebody may have collected them. Empty slots
 * are found too. Looks at some slots further on each time, and stops when
 * @budget_ns are spent. Returns as keys_fill().
 */
int keys_age(struct keys *keys, uint64_t budget_ns);

/*
 * Replace keys that keys_use() has made unwanted, until @budget_ns are spent. Returns as
 * keys_fill().
 */
int keys_renew(struct keys *keys, uint64_t budget_ns);

/*
 * Make keys for empty slots, until @budget_ns are spent. Returns MPTCPLB_OK or what
 * mptcplb_key_search() does.
 */
int keys_fill(struct keys *keys, uint64_t budget_ns);

/* How many slots have a key. */
uint32_t keys_filled(const struct keys *keys);

#endif
