// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "pins.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon.h"

#define LINK "link"

static bool path_make(char path[PATH_MAX], const char *directory, const char *name)
{
	if (snprintf(path, PATH_MAX, "%s/%s", directory, name) < PATH_MAX)
		return true;
	log_error("the path %s/%s is too long", directory, name);
	return false;
}

static int open_pin(const char *directory, const char *name)
{
	char path[PATH_MAX];
	int fd;

	if (!path_make(path, directory, name))
		return -ENAMETOOLONG;
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

void pins_close(struct dataplane_maps *maps)
{
	for (int i = 0; i < DATAPLANE_MAP_COUNT; i++) {
		if (maps->fds[i] >= 0)
			close(maps->fds[i]);
		maps->fds[i] = -1;
	}
}

int pins_restore(const char *directory, struct dataplane_maps *maps)
{
	int link = open_pin(directory, LINK);

	memset(maps, -1, sizeof(*maps));
	if (link == -ENOENT)
		return link;
	if (link < 0) {
		log_error("cannot take over %s/" LINK ": %s", directory, strerror(-link));
		return link;
	}
	for (int i = 0; i < DATAPLANE_MAP_COUNT; i++) {
		int fd = open_pin(directory, dataplane_map_name(i));

		maps->fds[i] = fd;
		if (fd >= 0)
			continue;
		log_error("cannot take over %s/%s: %s", directory, dataplane_map_name(i),
			  strerror(-fd));
		pins_close(maps);
		close(link);
		return fd;
	}
	return link;
}

/* Put a pin in the place of another in one step, so that there is always one. */
static int replace_pin(const char *directory, const char *name, int fd)
{
	char path[PATH_MAX], fresh[PATH_MAX];

	if (!path_make(path, directory, name) || !path_make(fresh, directory, "new"))
		return -1;
	unlink(fresh);
	if (bpf_obj_pin(fd, fresh) == 0 && rename(fresh, path) == 0)
		return 0;
	log_error("cannot pin %s: %s (expected a directory in a BPF file system)", path,
		  strerror(errno));
	unlink(fresh);
	return -1;
}

int pins_store(const char *directory, int link, const struct dataplane_maps *maps)
{
	if (mkdir(directory, 0700) < 0 && errno != EEXIST) {
		log_error("cannot make the directory %s: %s", directory, strerror(errno));
		return -1;
	}
	for (int i = 0; i < DATAPLANE_MAP_COUNT; i++) {
		if (replace_pin(directory, dataplane_map_name(i), maps->fds[i]))
			return -1;
	}
	/* Last: whoever finds a link finds the maps too. */
	return replace_pin(directory, LINK, link);
}

int pins_remove(const char *directory)
{
	char path[PATH_MAX];

	if (!path_make(path, directory, LINK))
		return -ENAMETOOLONG;
	if (unlink(path) < 0)
		return -errno;
	for (int i = 0; i < DATAPLANE_MAP_COUNT; i++) {
		if (path_make(path, directory, dataplane_map_name(i)))
			unlink(path);
	}
	return rmdir(directory) < 0 ? -errno : 0;
}
