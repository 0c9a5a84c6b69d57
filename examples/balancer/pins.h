/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What keeps a data plane at work while no loader runs: its link and maps as files of a directory
 * in a BPF file system. The next loader takes them over.
 */
#ifndef MPTCPLB_BALANCER_PINS_H
#define MPTCPLB_BALANCER_PINS_H

#include "dataplane.h"

/*
 * Find what an earlier loader has pinned. Returns the descriptor of the link and fills @maps; or
 * -ENOENT when there is nothing, or another -errno after an error message.
 */
int pins_restore(const char *directory, struct dataplane_maps *maps);

/* Close what pins_restore() has opened. */
void pins_close(struct dataplane_maps *maps);

/*
 * Pin a link and maps in place of what is there. Returns 0, or -1 after an error message.
 */
int pins_store(const char *directory, int link, const struct dataplane_maps *maps);

/* Remove all pins and the directory. Returns 0, or -errno: -ENOENT when there is none. */
int pins_remove(const char *directory);

#endif
