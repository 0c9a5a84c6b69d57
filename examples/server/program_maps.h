/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The maps of the programs that run now, or that an earlier agent has left pinned: the next
 * programs go on with them, so that no key, count or mark is lost.
 */
#ifndef MPTCPLB_SERVER_PROGRAM_MAPS_H
#define MPTCPLB_SERVER_PROGRAM_MAPS_H

#include <stddef.h>

#include "program.h"

struct bpf_map;

#define PROGRAM_MAPS_MAX 32

struct program_maps {
	struct {
		const char *name;
		int fd;
	} maps[PROGRAM_MAPS_MAX];
	size_t count; /* 0: there are none, or none that fit */
};

/*
 * Whether a map is left to the next program. Those are not that come from the farm file alone, its
 * secrets among them.
 */
bool program_maps_kept(const struct bpf_map *map);

/* Find maps that @program, not loaded yet but with its sizes set, can go on with; all or none. */
void program_maps_find(struct program_maps *maps, const struct server_bpf *program,
		       const struct program_before *before);

/* The map of a name, or -1. */
int program_maps_fd(const struct program_maps *maps, const char *name);

/* Have @program use them, and read what they tell. Returns 0 or -errno. */
int program_maps_share(const struct program_maps *maps, struct server_bpf *program,
		       struct server_state *state);

void program_maps_close(struct program_maps *maps);

#endif
