// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "pin.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "daemon.h"

static bool path_make(char path[PATH_MAX], const char *directory, const char *name)
{
	if (snprintf(path, PATH_MAX, "%s/%s", directory, name) < PATH_MAX)
		return true;
	log_error("the path %s/%s is too long", directory, name);
	return false;
}

int pin_directory(const char *directory)
{
	struct statfs system;
	const bool made = mkdir(directory, 0700) == 0;
	int error = made || errno == EEXIST ? 0 : errno;

	if (!error && statfs(directory, &system) < 0)
		error = errno;
	if (!error && system.f_type == BPF_FS_MAGIC)
		return 0;
	if (error)
		log_error("cannot make the directory %s: %s (is a BPF file system mounted there? "
			  "If not: mount -t bpf bpf /sys/fs/bpf)",
			  directory, strerror(error));
	else
		log_error("%s is not in a BPF file system: expected one as in /sys/fs/bpf",
			  directory);
	if (made)
		(void)rmdir(directory);
	return -1;
}

bool pin_is_possible(const char *directory)
{
	struct statfs system;

	return statfs(directory, &system) == 0 && system.f_type == BPF_FS_MAGIC;
}

int pin_lock(const char *directory)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	log_error("%s: %s", directory,
		  fd >= 0 && errno == EWOULDBLOCK ? "another process uses it: stop that first"
						  : strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

int pin_open(const char *directory, const char *name)
{
	char path[PATH_MAX];
	int fd;

	if (!path_make(path, directory, name))
		return -ENAMETOOLONG;
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

int pin_replace(const char *directory, const char *name, int fd)
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

int pin_remove(const char *directory, const char *name)
{
	char path[PATH_MAX];

	if (!path_make(path, directory, name))
		return -ENAMETOOLONG;
	return unlink(path) < 0 ? -errno : 0;
}
