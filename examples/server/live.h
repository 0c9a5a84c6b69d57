/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which tokens are in use: a BPF map that has them in buckets as the kernel's own table does.
 * Programs enter what they let in; here the rest follows, and what is gone is removed.
 */
#ifndef MPTCPLB_SERVER_LIVE_H
#define MPTCPLB_SERVER_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server_kern_user.h"
#include "tokens.h"

struct live {
	struct server_bucket *buckets; /* the BPF map */
	uint32_t bucket_mask;
	struct tokens tokens; /* that the kernel has listed last */
	struct tokens closing; /* of connections that are about to end */
	uint64_t confirmed; /* tokens that were entered before their connection was created */
	bool unsure; /* some that are entered may be gone, or some are missing: list again soon */
};

/* Map a BPF map of so many buckets, a power of two. Returns 0 or -errno. */
int live_open(struct live *live, int map, uint32_t bucket_count);
void live_close(struct live *live);

/*
 * Bring the map in line with the kernel's list of connections. Returns 0 or -errno; -E2BIG: as far
 * as its buckets have room.
 */
int live_refresh(struct live *live);

/* A connection was created. */
void live_created(struct live *live, uint32_t token);

/* One will end before long. Returns 0 or -ENOMEM. */
int live_closing(struct live *live, uint32_t token);

/* Remove the tokens of those that were about to end and have; if they are many, ask for a list. */
void live_tidy(struct live *live);

/* Whether no connection has a token and its bucket has room. */
bool live_is_available(const struct live *live, uint32_t token);

/* How many tokens are entered. */
uint32_t live_count(const struct live *live);

#endif
