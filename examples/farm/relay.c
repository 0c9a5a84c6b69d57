// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * mptcplb-farm-relay: carries frames between pairs of interfaces, each after a delay; loses some
 * and lets some overtake others, when told to. It stands in for the long way between a client and
 * a farm on kernels that have no netem.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Interfaces at most, frames that wait in one queue, and the longest frame. */
#define PORTS_MAX 8
#define QUEUE_LENGTH 8192
#define FRAME_SIZE 2048
#define BATCH 64
/* Seconds of traffic, should others keep us from the CPU: a wire loses nothing then. */
#define RECEIVE_BUFFER (64 << 20)
#define PRIORITY (-20)
#define DELAY_MAX_US 10000000

struct frame {
	uint64_t due_ns;
	size_t size;
	uint8_t bytes[FRAME_SIZE];
};

/* A ring of frames, all with the same delay, so that the first is due first. */
struct queue {
	struct frame *frames; /* QUEUE_LENGTH of them */
	uint64_t head; /* frames that went in, and out, ever */
	uint64_t tail;
	uint64_t delay_ns;
};

/* A frame in the second queue takes half the time, and so overtakes those in the first. */
enum {
	USUAL,
	OVERTAKING,
	QUEUES
};

struct plan {
	uint64_t delay_ns;
	uint32_t loss; /* of 2^32 frames */
	uint32_t reorder;
	uint64_t seed;
};

/* An interface, and the frames that came in by it and wait to go out by its peer. */
struct port {
	const char *name;
	struct port *peer;
	struct queue queues[QUEUES];
	struct queue *next; /* of the frame that comes next; NULL: it will be lost */
	uint64_t random; /* the generator's state */
	uint64_t lost;
	uint64_t overflowed; /* a queue was full */
	int fd;
};

static volatile sig_atomic_t told_to_end;

static void tell_to_end(int number)
{
	(void)number;
	told_to_end = 1;
}

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

/* Whether something of a chance of @of in 2^32 happens: splitmix64. */
static bool happens(struct port *port, uint32_t of)
{
	uint64_t x = port->random += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)((x ^ x >> 31) >> 32) < of;
}

/* Returns 0, or -1 after a message. */
static int port_open(struct port *port, const char *name, const struct plan *plan)
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
	for (int i = 0; i < QUEUES; i++) {
		port->queues[i].delay_ns = i == OVERTAKING ? plan->delay_ns / 2 : plan->delay_ns;
		port->queues[i].frames = calloc(QUEUE_LENGTH, sizeof(struct frame));
		if (!port->queues[i].frames)
			return fail("memory");
	}
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

/* Draw the queue of the frame that comes next; NULL when that will be lost. */
static struct queue *draw_queue(struct port *port, const struct plan *plan)
{
	if (happens(port, plan->loss))
		return NULL;
	return &port->queues[happens(port, plan->reorder) ? OVERTAKING : USUAL];
}

/*
 * Take in what has arrived, but let those that wait to be sent have their turn. A full queue drops
 * the frame, as any router's does.
 */
static int port_receive(struct port *port, const struct plan *plan)
{
	struct frame spare;

	for (int i = 0; i < BATCH; i++) {
		struct queue *queue = port->next;
		bool full = queue && queue->head - queue->tail == QUEUE_LENGTH;
		bool kept = queue && !full;
		struct frame *frame = kept ? &queue->frames[queue->head % QUEUE_LENGTH] : &spare;
		ssize_t size = recv(port->fd, frame->bytes, sizeof(frame->bytes), MSG_TRUNC);

		if (size < 0)
			return errno == EAGAIN ? 0 : fail(port->name);
		if ((size_t)size > sizeof(frame->bytes)) {
			errno = EMSGSIZE; /* segmentation offload is on at the other end */
			return fail(port->name);
		}
		if (kept) {
			frame->size = (size_t)size;
			frame->due_ns = now_ns() + queue->delay_ns;
			queue->head++;
		}
		port->overflowed += full;
		port->lost += !queue;
		port->next = draw_queue(port, plan);
	}
	return 0;
}

/* Send what is due; returns when the next frame is, or UINT64_MAX. */
static uint64_t queue_send(struct queue *queue, int fd)
{
	while (queue->tail != queue->head) {
		const struct frame *frame = &queue->frames[queue->tail % QUEUE_LENGTH];

		if (frame->due_ns > now_ns())
			return frame->due_ns;
		/* A frame that the interface refuses is lost, and TCP sends it again. */
		(void)!send(fd, frame->bytes, frame->size, 0);
		queue->tail++;
	}
	return UINT64_MAX;
}

/* The same of all queues of all ports. */
static uint64_t send_due(struct port *ports, unsigned int count)
{
	uint64_t next = UINT64_MAX;

	for (unsigned int i = 0; i < count * QUEUES; i++) {
		struct port *port = &ports[i / QUEUES];
		uint64_t due = queue_send(&port->queues[i % QUEUES], port->peer->fd);

		next = due < next ? due : next;
	}
	return next;
}

/* Carry frames until a signal that says stop, which only gets through while there is no work. */
static int relay(struct port *ports, unsigned int count, const struct plan *plan)
{
	struct pollfd polls[PORTS_MAX];
	sigset_t none;

	sigemptyset(&none);
	for (unsigned int i = 0; i < count; i++)
		polls[i] = (struct pollfd){ .fd = ports[i].fd, .events = POLLIN };
	while (!told_to_end) {
		uint64_t next = send_due(ports, count);
		uint64_t wait = now_ns();
		struct timespec timeout;

		wait = next > wait ? next - wait : 0;
		timeout.tv_sec = (time_t)(wait / 1000000000);
		timeout.tv_nsec = (long)(wait % 1000000000);
		if (ppoll(polls, count, next == UINT64_MAX ? NULL : &timeout, &none) < 0) {
			if (errno != EINTR)
				return fail("poll");
			continue;
		}
		for (unsigned int i = 0; i < count; i++) {
			if (polls[i].revents && port_receive(&ports[i], plan))
				return -1;
		}
	}
	return 0;
}

/* Print what became of the frames that came in, as JSON. */
static void report(const struct port *ports, unsigned int count)
{
	uint64_t carried = 0, overtaking = 0, lost = 0, overflowed = 0, unread = 0;

	for (unsigned int i = 0; i < count; i++) {
		struct tpacket_stats unseen = { 0 };
		socklen_t size = sizeof(unseen);

		(void)getsockopt(ports[i].fd, SOL_PACKET, PACKET_STATISTICS, &unseen, &size);
		unread += unseen.tp_drops;
		carried += ports[i].queues[USUAL].head;
		overtaking += ports[i].queues[OVERTAKING].head;
		lost += ports[i].lost;
		overflowed += ports[i].overflowed;
	}
	printf("{\"carried\":%" PRIu64 ",\"overtaking\":%" PRIu64 ",\"lost\":%" PRIu64
	       ",\"overflowed\":%" PRIu64 "}\n",
	       carried + overtaking, overtaking, lost, overflowed + unread);
}

static int usage(void)
{
	fprintf(stderr,
		"Usage: mptcplb-farm-relay [--loss P] [--reorder P] [--seed N] MICROSECONDS IF IF "
		"[IF IF]…\n"
		"Carries frames between the two interfaces of each pair, after a delay of at most "
		"%d µs.\n"
		"\n"
		"  --loss P     lose so many per cent of the frames\n"
		"  --reorder P  so many per cent take half the time, and overtake others\n"
		"  --seed N     which frames (default 1)\n",
		DELAY_MAX_US);
	return 2;
}

/* A number from 0 to @max, -1 when the text is none. */
static double number(const char *text, double max)
{
	char *end;
	double value = strtod(text, &end);

	return end == text || *end || !(value >= 0 && value <= max) ? -1 : value;
}

/* Returns the index of the first argument that is no option, or -1. */
static int parse(int argc, char **argv, struct plan *plan)
{
	static const struct option options[] = {
		{ "loss", required_argument, NULL, 'l' },
		{ "reorder", required_argument, NULL, 'r' },
		{ "seed", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	double value;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		value = option == '?' ? -1 : number(optarg, option == 's' ? UINT32_MAX : 100);
		if (value < 0)
			return -1;
		if (option == 'l')
			plan->loss = (uint32_t)(value / 100 * UINT32_MAX);
		else if (option == 'r')
			plan->reorder = (uint32_t)(value / 100 * UINT32_MAX);
		else
			plan->seed = (uint64_t)value;
	}
	value = optind < argc ? number(argv[optind], DELAY_MAX_US) : -1;
	plan->delay_ns = (uint64_t)value * 1000;
	return value < 0 ? -1 : optind + 1;
}

static int listen_to_signals(void)
{
	const struct sigaction action = { .sa_handler = tell_to_end };
	sigset_t blocked;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	if (sigprocmask(SIG_BLOCK, &blocked, NULL) || sigaction(SIGTERM, &action, NULL) ||
	    sigaction(SIGINT, &action, NULL))
		return fail("signals");
	return 0;
}

int main(int argc, char **argv)
{
	struct port ports[PORTS_MAX] = { 0 };
	struct plan plan = { .seed = 1 };
	int first = parse(argc, argv, &plan);
	unsigned int count = (unsigned int)(argc - first);

	if (first < 0 || !count || count % 2 || count > PORTS_MAX)
		return usage();
	for (unsigned int i = 0; i < count; i++) {
		if (port_open(&ports[i], argv[first + (int)i], &plan))
			return 1;
		ports[i].peer = &ports[i ^ 1];
		ports[i].random = plan.seed << 8 | i;
		ports[i].next = draw_queue(&ports[i], &plan);
	}
	if (listen_to_signals())
		return 1;
	/* If it may not come first, the relay is late more often, and nothing else. */
	(void)setpriority(PRIO_PROCESS, 0, PRIORITY);
	puts("ready");
	fflush(stdout);
	if (relay(ports, count, &plan))
		return 1;
	report(ports, count);
	return 0;
}
