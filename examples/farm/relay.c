// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * mptcplb-farm-relay: carries frames between pairs of interfaces, each after a delay. It stands
 * in for the long way between a client and a farm on kernels that have no netem.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Interfaces at most, frames on the way in one direction, and the longest frame. */
#define PORTS_MAX 8
#define QUEUE_LENGTH 8192
#define FRAME_SIZE 2048
#define BATCH 64
#define RECEIVE_BUFFER (8 << 20)
#define DELAY_MAX_US 10000000

struct frame {
	uint64_t due_ns;
	size_t size;
	uint8_t bytes[FRAME_SIZE];
};

/* An interface, and the frames that came in by it and wait to go out by its peer. */
struct port {
	const char *name;
	struct port *peer;
	struct frame *queue; /* a ring of QUEUE_LENGTH frames */
	uint64_t head; /* frames that went in, and out, ever */
	uint64_t tail;
	int fd;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int fail(const char *what)
{
	fprintf(stderr, "mptcplb-farm-relay: %s: %s\n", what, strerror(errno));
	return -1;
}

/* Returns 0, or -1 after a message. */
static int port_open(struct port *port, const char *name)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(name),
	};
	int size = RECEIVE_BUFFER;
	int on = 1;

	port->name = name;
	if (!address.sll_ifindex)
		return fail(name);
	port->queue = calloc(QUEUE_LENGTH, sizeof(*port->queue));
	if (!port->queue)
		return fail("memory");
	/* Protocol 0: nothing is received before the socket is bound to its interface. */
	port->fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (port->fd < 0)
		return fail("packet socket");
	/* Without this, each frame that we send would come back to us. */
	if (setsockopt(port->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) ||
	    setsockopt(port->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    bind(port->fd, (struct sockaddr *)&address, sizeof(address)))
		return fail(name);
	return 0;
}

/*
 * Take in what has arrived, but let those that wait to be sent have their turn. A full queue drops
 * the frame, as any router's does.
 */
static int port_receive(struct port *port, uint64_t delay_ns)
{
	struct frame spare;

	for (int i = 0; i < BATCH; i++) {
		bool full = port->head - port->tail == QUEUE_LENGTH;
		struct frame *frame = full ? &spare : &port->queue[port->head % QUEUE_LENGTH];
		ssize_t size = recv(port->fd, frame->bytes, sizeof(frame->bytes), MSG_TRUNC);

		if (size < 0)
			return errno == EAGAIN ? 0 : fail(port->name);
		if ((size_t)size > sizeof(frame->bytes)) {
			errno = EMSGSIZE; /* segmentation offload is on at the other end */
			return fail(port->name);
		}
		frame->size = (size_t)size;
		frame->due_ns = now_ns() + delay_ns;
		port->head += !full;
	}
	return 0;
}

/* Send what is due; returns when the next frame is, or UINT64_MAX. */
static uint64_t port_send(struct port *port)
{
	while (port->tail != port->head) {
		const struct frame *frame = &port->queue[port->tail % QUEUE_LENGTH];

		if (frame->due_ns > now_ns())
			return frame->due_ns;
		/* A frame that the interface refuses is lost, and TCP sends it again. */
		(void)!send(port->peer->fd, frame->bytes, frame->size, 0);
		port->tail++;
	}
	return UINT64_MAX;
}

static int relay(struct port *ports, unsigned int count, uint64_t delay_ns)
{
	struct pollfd polls[PORTS_MAX];

	for (unsigned int i = 0; i < count; i++)
		polls[i] = (struct pollfd){ .fd = ports[i].fd, .events = POLLIN };
	for (;;) {
		uint64_t next = UINT64_MAX;
		uint64_t wait;
		struct timespec timeout;

		for (unsigned int i = 0; i < count; i++) {
			uint64_t due = port_send(&ports[i]);

			next = due < next ? due : next;
		}
		wait = now_ns();
		wait = next > wait ? next - wait : 0;
		timeout.tv_sec = (time_t)(wait / 1000000000);
		timeout.tv_nsec = (long)(wait % 1000000000);
		if (ppoll(polls, count, next == UINT64_MAX ? NULL : &timeout, NULL) < 0 &&
		    errno != EINTR)
			return fail("poll");
		for (unsigned int i = 0; i < count; i++) {
			if (polls[i].revents && port_receive(&ports[i], delay_ns))
				return -1;
		}
	}
}

int main(int argc, char **argv)
{
	struct port ports[PORTS_MAX] = { 0 };
	unsigned int count = (unsigned int)argc - 2;
	unsigned long delay_us;
	char *end = NULL;

	if (argc < 4 || argc % 2 || count > PORTS_MAX ||
	    (delay_us = strtoul(argv[1], &end, 10)) > DELAY_MAX_US || end == argv[1] || *end) {
		fprintf(stderr,
			"Usage: mptcplb-farm-relay MICROSECONDS IF IF [IF IF]…\n"
			"Carries frames between the two interfaces of each pair, after a delay of at most "
			"%d µs.\n",
			DELAY_MAX_US);
		return 2;
	}
	for (unsigned int i = 0; i < count; i++) {
		if (port_open(&ports[i], argv[2 + i]))
			return 1;
		ports[i].peer = &ports[i ^ 1];
	}
	puts("ready");
	fflush(stdout);
	return relay(ports, count, (uint64_t)delay_us * 1000) ? 1 : 0;
}
