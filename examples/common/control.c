// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "control.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* How long a daemon waits for who asks it, each time it waits. */
#define DAEMON_TIMEOUT_SECONDS 2

/* The same for who asks: a reload loads programs, which a busy machine takes its time for. */
#define ASKER_TIMEOUT_SECONDS 30

/* In front of every reply. */
struct reply_header {
	int32_t error; /* 0 or -errno */
	uint32_t length; /* of the text that follows, without a NUL */
};

static int address_make(struct sockaddr_un *address, socklen_t *size, const char *program,
			const char *instance)
{
	/* A name that starts with a NUL byte is abstract: it has no file. */
	char *name = address->sun_path + 1;
	int length;

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	length = snprintf(name, sizeof(address->sun_path) - 1, "mptcplb/%s/%s", program, instance);
	if (length < 0 || (size_t)length >= sizeof(address->sun_path) - 1)
		return -ENAMETOOLONG;
	*size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
	return 0;
}

/* Anybody in the network namespace can use an abstract name: trust root and our own user only. */
static bool peer_is_trusted(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return false;
	return peer.uid == 0 || peer.uid == geteuid();
}

static int set_timeouts(int fd, int seconds)
{
	struct timeval timeout = { .tv_sec = seconds };

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0)
		return -errno;
	return 0;
}

static int send_all(int fd, const void *data, size_t length)
{
	const char *bytes = data;

	while (length > 0) {
		ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		bytes += sent;
		length -= (size_t)sent;
	}
	return 0;
}

static int receive_all(int fd, void *data, size_t length)
{
	char *bytes = data;

	while (length > 0) {
		ssize_t got = recv(fd, bytes, length, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (got == 0)
			return -ECONNRESET;
		bytes += got;
		length -= (size_t)got;
	}
	return 0;
}

int control_listen(const char *program, const char *instance)
{
	struct sockaddr_un address;
	socklen_t size;
	int error = address_make(&address, &size, program, instance);
	int fd;

	if (error)
		return error;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 8) < 0) {
		error = -errno;
		close(fd);
		return error;
	}
	return fd;
}

/* Requests are sent with a fixed size, so that nothing has to be said about their length. */
static int reply_to(int fd, char *(*answer)(void *context, const char *request), void *context)
{
	char request[CONTROL_REQUEST_SIZE];
	struct reply_header header = { 0 };
	char *text;
	int error = receive_all(fd, request, sizeof(request));

	if (error)
		return error;
	request[sizeof(request) - 1] = '\0';

	text = answer(context, request);
	if (text && strlen(text) < CONTROL_REPLY_SIZE)
		header.length = (uint32_t)strlen(text);
	else if (text)
		header.error = -EMSGSIZE;
	else
		header.error = -EOPNOTSUPP;

	error = send_all(fd, &header, sizeof(header));
	if (!error)
		error = send_all(fd, text, header.length);
	free(text);
	return error;
}

int control_serve(int fd, char *(*answer)(void *context, const char *request), void *context)
{
	const struct reply_header refusal = { .error = -EACCES };
	int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

	if (peer < 0)
		return -errno;
	/* A peer that goes away or is too slow harms itself alone. */
	if (set_timeouts(peer, DAEMON_TIMEOUT_SECONDS) == 0) {
		if (peer_is_trusted(peer))
			(void)reply_to(peer, answer, context);
		else
			(void)send_all(peer, &refusal, sizeof(refusal));
	}
	close(peer);
	return 0;
}

static int receive_reply(int fd, char **reply)
{
	struct reply_header header;
	char *text;
	int error = receive_all(fd, &header, sizeof(header));

	if (error)
		return error;
	if (header.error)
		return header.error < 0 ? header.error : -EPROTO;
	if (header.length >= CONTROL_REPLY_SIZE)
		return -EPROTO;
	text = malloc((size_t)header.length + 1);
	if (!text)
		return -ENOMEM;
	error = receive_all(fd, text, header.length);
	if (error) {
		free(text);
		return error;
	}
	text[header.length] = '\0';
	*reply = text;
	return 0;
}

int control_request(const char *program, const char *instance, const char *request, char **reply)
{
	char padded[CONTROL_REQUEST_SIZE] = { 0 };
	struct sockaddr_un address;
	socklen_t size;
	int error = address_make(&address, &size, program, instance);
	int fd;

	if (error)
		return error;
	if (strlen(request) >= sizeof(padded))
		return -EMSGSIZE;
	memcpy(padded, request, strlen(request));

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	error = set_timeouts(fd, ASKER_TIMEOUT_SECONDS);
	if (!error && connect(fd, (struct sockaddr *)&address, size) < 0)
		error = -errno;
	/* Root may ask a daemon that runs as a user of its own. */
	if (!error && geteuid() != 0 && !peer_is_trusted(fd))
		error = -EPERM;
	if (!error)
		error = send_all(fd, padded, sizeof(padded));
	/* Who refuses us may not wait for the request. */
	if (!error || error == -EPIPE)
		error = receive_reply(fd, reply);
	close(fd);
	return error;
}
