// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#define _GNU_SOURCE
#include "traffic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define BACKLOG 65535
#define EVENTS 64

/* A client; answers that the socket did not take yet lie between start and end. */
struct client {
	int fd;
	size_t start;
	size_t end;
	uint8_t buffer[16384];
};

static void client_close(struct client *client)
{
	close(client->fd);
	free(client);
}

/* Send what waits. Returns 0 when nothing waits any more, else -1 and errno. */
static int client_send(struct client *client)
{
	while (client->start < client->end) {
		ssize_t sent = send(client->fd, client->buffer + client->start,
				    client->end - client->start, MSG_NOSIGNAL);

		if (sent < 0)
			return -1;
		client->start += (size_t)sent;
	}
	return 0;
}

/* Take more only when all answers are sent. Returns 0, or -1 when the client is finished. */
static int client_step(struct client *client)
{
	ssize_t got;

	do {
		if (client_send(client))
			return errno == EAGAIN ? 0 : -1;
		got = recv(client->fd, client->buffer, sizeof(client->buffer), 0);
		if (got < 0)
			return errno == EAGAIN ? 0 : -1;
		client->start = 0;
		client->end = (size_t)got;
		for (size_t i = 0; i < client->end; i++)
			client->buffer[i] = traffic_answer(client->buffer[i]);
	} while (got);
	return -1;
}

static void accept_clients(int listener, int poll)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct client *client = calloc(1, sizeof(*client));
		struct epoll_event event = {
			.events = EPOLLIN | EPOLLOUT | EPOLLET,
			.data.ptr = client,
		};

		if (!client) {
			close(fd);
			continue;
		}
		client->fd = fd;
		if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event))
			client_close(client);
	}
}

static int serve(int listener, int poll)
{
	struct epoll_event events[EVENTS];

	for (;;) {
		int count = epoll_wait(poll, events, EVENTS, -1);

		if (count < 0 && errno != EINTR) {
			perror("mptcplb-farm-traffic: epoll_wait");
			return 1;
		}
		for (int i = 0; i < count; i++) {
			struct client *client = events[i].data.ptr;

			if (!client)
				accept_clients(listener, poll);
			else if (client_step(client))
				client_close(client);
		}
	}
}

int traffic_serve(const struct sockaddr_storage *local)
{
	struct epoll_event event = { .events = EPOLLIN };
	int poll = epoll_create1(EPOLL_CLOEXEC);
	int listener = traffic_socket(local);

	if (listener < 0)
		return 1;
	if (poll < 0 || listen(listener, BACKLOG) ||
	    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event)) {
		perror("mptcplb-farm-traffic: listen");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	return serve(listener, poll);
}
