// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "pins.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"
#include "pin.h"

#define LINK "link"

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
	int link = pin_open(directory, LINK);

	memset(maps, -1, sizeof(*maps));
	if (link == -ENOENT)
		return link;
	if (link < 0) {
		log_error("cannot take over %s/" LINK ": %s", directory, strerror(-link));
		return link;
	}
	for (int i = 0; i < DATAPLANE_MAP_COUNT; i++) {
		int fd = pin_open(directory, dataplane_map_name(i));

		maps->fds[i] = fd;
		if (fd >= 0)
			continue;
		log_error("cannot take over %s/%s: %s: expected all that a balancer has pinned; "
			  "\"mptcplb-balancer detach --pin %s\" ends it",
			  directory, dataplane_map_name(i), strerror(-fd), directory);
		pins_close(maps);
		close(link);
		return -EBADF; /* and not -ENOENT: there is something */
	}
	return link;
}

int pins_store(const char *directory, int link, const struct dataplane_maps *maps)
{
	for (int i = 0; i < DATAPLANE_MAP_COUNT; i++) {
		if (pin_replace(directory, dataplane_map_name(i), maps->fds[i]))
			return -1;
	}
	/* Last: whoever finds a link finds the maps too. */
	return pin_replace(directory, LINK, link);
}

int pins_remove(const char *directory)
{
	int error = pin_remove(directory, LINK);

	if (error)
		return error;
	for (int i = 0; i < DATAPLANE_MAP_COUNT; i++)
		(void)pin_remove(directory, dataplane_map_name(i));
	return rmdir(directory) < 0 ? -errno : 0;
}
