/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Tell the BPF programs which tokens are in use, so that they find and let in no token twice. */
#ifndef MPTCPLB_SERVER_LIVE_H
#define MPTCPLB_SERVER_LIVE_H

#include "tokens.h"

/*
 * Bring the map of live tokens in line with the kernel's list of connections: what the last
 * tokens_refresh() has read. Returns 0 or -errno.
 */
int live_refresh(int map, const struct tokens *tokens);

#endif
