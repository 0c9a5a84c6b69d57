/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The programs on the interfaces, by TCX where the kernel has it and by clsact where not. When
 * they are pinned they stay there without this process, and the next one puts its own in their
 * place without a gap.
 */
#ifndef MPTCPLB_SERVER_ATTACH_H
#define MPTCPLB_SERVER_ATTACH_H

#include <stdbool.h>
#include <stddef.h>

#include "server_kern_user.h"
#include "tcx.h"

enum attach_way {
	ATTACH_AUTO,
	ATTACH_TCX,
	ATTACH_CLSACT
};

struct attachment {
	const char *interface;
	unsigned int ifindex; /* 0: the interface is not there */
	enum attach_way way; /* ATTACH_AUTO: not attached */
	bool qdisc_created;
	bool failed; /* the last attempt to attach, so that it is told once */
	int lock; /* keeps other agents away from the interface; -1 when not held */
	int links[TCX_SIDES]; /* of TCX; -1: none */
};

struct attachments {
	struct attachment list[SERVER_INTERFACES_MAX];
	size_t count;
	enum attach_way way; /* that was asked for */
	const char *pin; /* NULL: nothing is pinned */
	int programs[TCX_SIDES]; /* -1: none */
};

/* Take hold of the interfaces, which must be there. Returns false after an error message. */
bool attach_open(struct attachments *attachments, const char *const interfaces[], size_t count);

/*
 * Attach the programs, or put them in the place of those that are attached. What an earlier agent
 * has left and is not needed any more is removed. Interfaces that are not there are passed over.
 * @state is what that agent has told, and is brought up to date. Returns false after an error
 * message.
 */
bool attach_programs(struct attachments *attachments, const int programs[TCX_SIDES],
		     struct server_state *state);

/*
 * Once a second: attach to interfaces that have come, let go of those that went. Returns whether
 * something changed, and @state with it.
 */
bool attach_refresh(struct attachments *attachments, struct server_state *state);

/* Remove the programs from the interfaces, and the qdiscs that were made for them. */
void attach_remove(struct attachments *attachments);

/* Let go of all; what is pinned stays. */
void attach_close(struct attachments *attachments);

/* How an interface's programs are attached, in words. */
const char *attach_way_text(enum attach_way way);

/* Whether a directory looks like one that an agent has pinned to, or is empty. */
bool attach_is_pinned(const char *pin);

/*
 * Remove what an agent that is gone has left in @pin: programs, links, maps and the directory.
 * Returns 0 or -errno: -ENOENT when there is nothing.
 */
int attach_remove_pinned(const char *pin);

#endif
