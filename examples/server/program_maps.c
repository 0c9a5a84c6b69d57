// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "program_maps.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "daemon.h"
#include "pin.h"
#include "server.skel.h"

/* The services' marks are read, but the map is made anew with each farm file. */
static bool is_read_only(const char *name)
{
	return !strcmp(name, "services");
}

bool program_maps_kept(const struct bpf_map *map)
{
	const char *name = bpf_map__name(map);

	return !bpf_map__is_internal(map) && strcmp(name, "members") != 0 &&
	       strcmp(name, "searches") != 0;
}

static int open_before(const struct program_before *before, const char *name)
{
	int fd;

	if (!before->program)
		return before->pin ? pin_open(before->pin, name) : -ENOENT;
	fd = bpf_object__find_map_fd_by_name(before->program->obj, name);
	return fd < 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static bool has_shape(const struct bpf_map *map, int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);

	return !bpf_obj_get_info_by_fd(fd, &info, &size) && info.type == bpf_map__type(map) &&
	       info.key_size == bpf_map__key_size(map) &&
	       info.value_size == bpf_map__value_size(map) &&
	       (is_read_only(bpf_map__name(map)) || info.max_entries == bpf_map__max_entries(map));
}

static int read_state(const struct program_maps *maps, struct server_state *state)
{
	const uint32_t zero = 0;

	return bpf_map_lookup_elem(program_maps_fd(maps, "state"), &zero, state);
}

/* Open the map of before that stands for @map. Returns 0, or -errno: -EPROTO when it does not fit. */
static int add(struct program_maps *maps, const struct bpf_map *map,
	       const struct program_before *before)
{
	int fd;

	if (maps->count == PROGRAM_MAPS_MAX)
		return -E2BIG;
	fd = open_before(before, bpf_map__name(map));
	if (fd < 0)
		return fd;
	maps->maps[maps->count].name = bpf_map__name(map);
	maps->maps[maps->count++].fd = fd;
	return has_shape(map, fd) ? 0 : -EPROTO;
}

void program_maps_find(struct program_maps *maps, const struct server_bpf *program,
		       const struct program_before *before)
{
	struct server_state state = { 0 };
	const struct bpf_map *map;
	const char *why;
	int error = 0;

	maps->count = 0;
	bpf_object__for_each_map(map, program->obj)
	{
		if (!error && program_maps_kept(map))
			error = add(maps, map, before);
	}
	if (!error)
		error = read_state(maps, &state);
	if (!error && state.layout != SERVER_LAYOUT)
		error = -EPROTO;
	if (!error)
		return;
	/* Another version may have had other maps. */
	if (error == -ENOENT && maps->count > 0)
		error = -EPROTO;
	why = error == -EPROTO ? "they are of another version or size" : strerror(-error);
	if (before->program)
		log_error("the maps of the program that runs cannot be taken over: %s", why);
	else if (maps->count > 0)
		log_info("the maps in %s are not used: %s. Keys and counts start anew", before->pin,
			 why);
	program_maps_close(maps);
}

int program_maps_fd(const struct program_maps *maps, const char *name)
{
	size_t i;

	for (i = 0; i < maps->count; i++) {
		if (!strcmp(maps->maps[i].name, name))
			return maps->maps[i].fd;
	}
	return -1;
}

int program_maps_share(const struct program_maps *maps, struct server_bpf *program,
		       struct server_state *state)
{
	int error = read_state(maps, state);
	size_t i;

	for (i = 0; !error && i < maps->count; i++) {
		if (!is_read_only(maps->maps[i].name))
			error = bpf_map__reuse_fd(
				bpf_object__find_map_by_name(program->obj, maps->maps[i].name),
				maps->maps[i].fd);
	}
	return error;
}

void program_maps_close(struct program_maps *maps)
{
	while (maps->count > 0)
		close(maps->maps[--maps->count].fd);
}
