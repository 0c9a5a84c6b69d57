/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The tokens of this machine's MPTCP connections, asked of the kernel (sock_diag). */
#ifndef MPTCPLB_SERVER_TOKENS_H
#define MPTCPLB_SERVER_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tokens {
	uint32_t *list; /* ascending */
	size_t count;
	size_t room;
};

/* Ask for all of this network namespace. Returns 0 or -errno. */
int tokens_list(struct tokens *tokens);
void tokens_close(struct tokens *tokens);

/* Where a token is in the list, or NULL. */
const uint32_t *tokens_find(const struct tokens *tokens, uint32_t token);

/* Append one; the list is not in order any more. Returns 0 or -ENOMEM. */
int tokens_append(struct tokens *tokens, uint32_t token);

/* Ask for one: 0 when a connection has it, -ENOENT when none has, or another -errno. */
int tokens_ask(uint32_t token);

#endif
