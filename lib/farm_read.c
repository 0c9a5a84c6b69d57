// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "farm_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mptcplb/random.h>

static const char *describe(int error, char buffer[128])
{
	if (strerror_r(error, buffer, 128) != 0)
		snprintf(buffer, 128, "error %d", error);
	return buffer;
}

/* Read until the end or until the text has @size bytes. */
static int read_all(struct farm_text *text, int fd, size_t size)
{
	while (text->length < size) {
		ssize_t got = read(fd, text->bytes + text->length, size - text->length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		text->length += (size_t)got;
	}
	return 0;
}

static const char *read_open(struct farm_text *text, int fd, size_t limit, char buffer[128])
{
	struct stat status;
	size_t size;

	if (fstat(fd, &status) < 0)
		return describe(errno, buffer);
	if (!S_ISREG(status.st_mode))
		return "is not a regular file";
	if (status.st_size > (off_t)limit) {
		snprintf(buffer, 128, "is larger than %zu bytes", limit);
		return buffer;
	}
	text->mode = status.st_mode & 07777;
	size = (size_t)status.st_size;
	text->bytes = malloc(size + 1); /* one more shows that the file grew */
	if (!text->bytes)
		return "does not fit into memory";
	if (read_all(text, fd, size + 1) < 0)
		return describe(errno, buffer);
	if (text->length != size)
		return "changed while it was read";
	return NULL;
}

const char *farm_read(struct farm_text *text, const char *path, size_t limit, char buffer[128])
{
	const char *problem;
	int fd;

	*text = (struct farm_text){ 0 };
	/* O_NONBLOCK: a pipe must not hold us up before fstat() refuses it. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return describe(errno, buffer);
	problem = read_open(text, fd, limit, buffer);
	close(fd);
	if (problem)
		farm_text_wipe(text);
	return problem;
}

void farm_text_wipe(struct farm_text *text)
{
	if (text->bytes)
		mptcplb_wipe(text->bytes, text->length);
	free(text->bytes);
	*text = (struct farm_text){ 0 };
}

int farm_mode_open_to_others(unsigned int mode)
{
	return (mode & (S_IROTH | S_IWOTH)) != 0;
}
