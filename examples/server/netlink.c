// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "netlink.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* The kernel fills at most 32 KiB for one read of a dump. */
#define NETLINK_BUFFER_SIZE 32768
#define NETLINK_TIMEOUT_SECONDS 2

static int open_and_send(int protocol, struct nlmsghdr *request, uint16_t flags)
{
	const struct timeval timeout = { .tv_sec = NETLINK_TIMEOUT_SECONDS };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	int error;

	if (fd < 0)
		return -errno;
	request->nlmsg_flags |= flags;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0 &&
	    send(fd, request, request->nlmsg_len, 0) == (ssize_t)request->nlmsg_len)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

/* What the end of a dump says: 0 or -errno. */
static int dump_result(const struct nlmsghdr *message)
{
	int error = 0;

	if (message->nlmsg_len >= NLMSG_LENGTH(sizeof(error)))
		memcpy(&error, NLMSG_DATA(message), sizeof(error));
	return error;
}

static int exchange(int protocol, struct nlmsghdr *request, uint16_t flags,
		    void (*each)(void *context, const struct nlmsghdr *message), void *context)
{
	union {
		struct nlmsghdr header;
		char bytes[NETLINK_BUFFER_SIZE];
	} buffer;
	int fd = open_and_send(protocol, request, flags);
	int result = 0;
	bool more = true;

	if (fd < 0)
		return fd;
	while (more) {
		const struct nlmsghdr *message = &buffer.header;
		ssize_t length = recv(fd, &buffer, sizeof(buffer), 0);

		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0) {
			result = -errno;
			break;
		}
		for (; more && NLMSG_OK(message, (size_t)length);
		     message = NLMSG_NEXT(message, length)) {
			more = message->nlmsg_type != NLMSG_DONE &&
			       message->nlmsg_type != NLMSG_ERROR;
			if (more)
				each(context, message);
			else
				result = dump_result(message);
			more = more && (flags & NLM_F_DUMP);
		}
	}
	close(fd);
	return result;
}

int netlink_dump(int protocol, struct nlmsghdr *request,
		 void (*each)(void *context, const struct nlmsghdr *message), void *context)
{
	return exchange(protocol, request, NLM_F_REQUEST | NLM_F_DUMP, each, context);
}

int netlink_get(int protocol, struct nlmsghdr *request,
		void (*each)(void *context, const struct nlmsghdr *message), void *context)
{
	return exchange(protocol, request, NLM_F_REQUEST, each, context);
}
