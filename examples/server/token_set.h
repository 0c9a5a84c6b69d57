/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A set of tokens of a size that is known before. A token may be in it several times. */
#ifndef MPTCPLB_SERVER_TOKEN_SET_H
#define MPTCPLB_SERVER_TOKEN_SET_H

#include <stdbool.h>
#include <stdint.h>

struct token_set {
	uint32_t *places; /* 0: empty, as no token is 0 */
	uint32_t mask;
};

/* Make room for @count tokens. Returns 0 or -ENOMEM. */
int token_set_open(struct token_set *set, uint32_t count);
void token_set_close(struct token_set *set);

bool token_set_has(const struct token_set *set, uint32_t token);

/* Add or remove a token once; 0 is ignored, and so is the removal of one that is not there. */
void token_set_add(struct token_set *set, uint32_t token);
void token_set_remove(struct token_set *set, uint32_t token);

#endif
