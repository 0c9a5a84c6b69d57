/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Which tokens are in use on this machine, and which buckets of the kernel's table are full. */
#ifndef MPTCPLB_SERVER_TOKENS_H
#define MPTCPLB_SERVER_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server_kern_user.h"

struct tokens {
	uint64_t *buckets; /* the BPF map, which ingress raises too */
	uint64_t counted[SERVER_BUCKETS_MAX]; /* scratch of tokens_refresh() */
	uint32_t bucket_mask;
	uint32_t *live; /* of connections that the kernel has, ascending */
	size_t live_count;
	size_t live_room;
	uint32_t *recent; /* consumed since the refresh before the last one, in that order */
	size_t recent_count;
	size_t recent_room;
	size_t recent_old; /* how many of them were there at the last refresh */
};

/* Map the buckets. Returns 0 or -errno. */
int tokens_open(struct tokens *tokens, int buckets_map, uint32_t bucket_count);
void tokens_close(struct tokens *tokens);

/* Ask the kernel for the tokens of its connections and count the buckets. Returns 0 or -errno. */
int tokens_refresh(struct tokens *tokens);

/* Remember a token that a client has just taken: the kernel may not list it yet. */
int tokens_add_recent(struct tokens *tokens, uint32_t token);

/* Where the token of a connection is in the list of live ones; NULL: there is no such connection. */
const uint32_t *tokens_find_live(const struct tokens *tokens, uint32_t token);

/* Whether no connection has the token and its bucket has room. */
bool tokens_available(const struct tokens *tokens, uint32_t token);

#endif
