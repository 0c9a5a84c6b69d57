// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "traffic.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 64
#define CHUNK 16384
/* Once told to end, what has not ended by then never will. */
#define ENDING_MS 10000

enum phase {
	CONNECTING,
	FIRST_PART, /* one subflow: the data that makes MPTCP fully established */
	HOLDING, /* the client's kernel joins from the other address */
	SECOND_PART, /* all subflows */
	CLOSING, /* all answers are here, the server's end of data is not */
};

struct connection {
	int fd; /* -1: this place is free */
	uint32_t number;
	enum phase phase;
	uint32_t events; /* that epoll waits for */
	uint64_t limit; /* how much is to be sent, and answered, before the next phase */
	uint64_t sent;
	uint64_t received;
	uint64_t resume_ms; /* when the hold is over */
};

/* What came of the plan. */
struct outcome {
	uint64_t bytes; /* answered */
	uint64_t bytes_wrong;
	uint32_t completed;
	uint32_t failed;
	uint32_t mptcp; /* ended as MPTCP, not fallen back to TCP */
	uint32_t joined_both_ways; /* a second subflow carried data in both directions */
};

struct run {
	const struct traffic_plan *plan;
	const struct sockaddr_storage *local;
	const struct sockaddr_storage *remote;
	struct outcome outcome;
	struct connection *places; /* plan->parallel of them */
	uint32_t started;
	uint32_t active;
	uint64_t next_start_ms;
	uint64_t surveyed_ms;
	int poll;
};

/* Told by SIGTERM, and by SIGUSR1. */
static volatile sig_atomic_t ending;
static volatile sig_atomic_t survey_wanted;

static void on_signal(int number)
{
	if (number == SIGUSR1)
		survey_wanted = 1;
	else
		ending = 1;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/*
 * The byte that a connection sends at an offset. A multiplicative hash over both: bytes of another
 * connection, or of another place in the same one, differ.
 */
static uint8_t pattern(uint32_t connection, uint64_t offset)
{
	uint64_t x = ((uint64_t)connection << 40 ^ offset) + 1;

	x *= UINT64_C(0x9e3779b97f4a7c15);
	x ^= x >> 29;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	return (uint8_t)(x >> 56);
}

static uint64_t first_part(const struct traffic_plan *plan)
{
	return (plan->bytes + 3) / 4;
}

static void connection_end(struct run *run, struct connection *connection)
{
	close(connection->fd);
	connection->fd = -1;
	run->active--;
}

static void connection_fail(struct run *run, struct connection *connection, const char *what)
{
	if (!run->outcome.failed++)
		fprintf(stderr, "mptcplb-farm-traffic: connection %u, %llu bytes answered: %s\n",
			connection->number, (unsigned long long)connection->received, what);
	connection_end(run, connection);
}

/* Ask the kernel, while the subflows are still there, what the connection has become. */
static void inspect(struct outcome *outcome, int fd)
{
	struct traffic_look look = traffic_look(fd, 0);

	outcome->mptcp += look.mptcp;
	outcome->joined_both_ways += look.both_ways == TRAFFIC_SUBFLOWS;
}

/* Send what the phase allows and the socket takes. Returns 0, or -1 and errno. */
static int send_pattern(struct connection *connection)
{
	uint8_t chunk[CHUNK];

	while (connection->sent < connection->limit) {
		uint64_t left = connection->limit - connection->sent;
		size_t size = left < CHUNK ? (size_t)left : CHUNK;
		ssize_t sent;

		for (size_t i = 0; i < size; i++)
			chunk[i] = pattern(connection->number, connection->sent + i);
		sent = send(connection->fd, chunk, size, MSG_NOSIGNAL);
		if (sent < 0)
			return errno == EAGAIN ? 0 : -1;
		connection->sent += (uint64_t)sent;
	}
	return 0;
}

/* Take and check what has arrived. Returns 1 at the end of data, 0 before it, or -1 and errno. */
static int receive_answers(struct outcome *outcome, struct connection *connection)
{
	uint8_t chunk[CHUNK];
	ssize_t got;

	while ((got = recv(connection->fd, chunk, sizeof(chunk), 0)) > 0) {
		for (ssize_t i = 0; i < got; i++) {
			uint64_t offset = connection->received + (uint64_t)i;
			uint8_t expected = traffic_answer(pattern(connection->number, offset));

			/* What was never sent cannot be answered, whatever its value. */
			if (offset >= connection->sent || chunk[i] != expected)
				outcome->bytes_wrong++;
		}
		connection->received += (uint64_t)got;
		outcome->bytes += (uint64_t)got;
	}
	if (got == 0)
		return 1;
	return errno == EAGAIN ? 0 : -1;
}

static void connection_hold(struct run *run, struct connection *connection)
{
	connection->phase = HOLDING;
	connection->resume_ms = now_ms() + run->plan->hold_ms;
}

static void connection_shut_down(struct run *run, struct connection *connection)
{
	inspect(&run->outcome, connection->fd);
	shutdown(connection->fd, SHUT_WR);
	connection->phase = CLOSING;
}

/* Go from phase to phase as answers come in. */
static void advance(struct run *run, struct connection *connection)
{
	if (connection->received < connection->limit)
		return;
	if (connection->phase == FIRST_PART ||
	    (connection->phase == SECOND_PART && run->plan->repeat && !ending))
		connection_hold(run, connection);
	else if (connection->phase == SECOND_PART)
		connection_shut_down(run, connection);
}

/* The pause is over: send the rest of the data, or all of it once more. */
static void connection_resume(struct run *run, struct connection *connection)
{
	uint64_t bytes = run->plan->bytes;

	if (run->plan->repeat && ending) {
		connection_shut_down(run, connection);
		return;
	}
	connection->limit = connection->limit < bytes ? bytes : connection->limit + bytes;
	connection->phase = SECOND_PART;
}

/* Wait for room to send only when there is something to send. Returns 0, or -1 and errno. */
static int connection_poll(struct run *run, struct connection *connection, int operation)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };

	if (connection->phase == CONNECTING || connection->sent < connection->limit)
		event.events |= EPOLLOUT;
	if (operation == EPOLL_CTL_MOD && event.events == connection->events)
		return 0;
	connection->events = event.events;
	return epoll_ctl(run->poll, operation, connection->fd, &event);
}

/* Do all that can be done now with a connection that epoll or the clock has woken. */
static void connection_step(struct run *run, struct connection *connection)
{
	socklen_t size = sizeof(int);
	int error = 0;
	int ended;

	if (connection->phase == CONNECTING) {
		getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size);
		if (error) {
			connection_fail(run, connection, strerror(error));
			return;
		}
		connection->phase = FIRST_PART;
	}
	if (send_pattern(connection)) {
		connection_fail(run, connection, strerror(errno));
		return;
	}
	ended = receive_answers(&run->outcome, connection);
	advance(run, connection);
	if (ended < 0) {
		connection_fail(run, connection, strerror(errno));
	} else if (ended && connection->phase != CLOSING) {
		connection_fail(run, connection, "the server ended the connection early");
	} else if (ended) {
		run->outcome.completed++;
		connection_end(run, connection);
	} else if (connection_poll(run, connection, EPOLL_CTL_MOD)) {
		connection_fail(run, connection, strerror(errno));
	}
}

/* Returns 0, or -1 when this machine cannot make sockets. */
static int connection_start(struct run *run, struct connection *connection)
{
	*connection = (struct connection){
		.fd = traffic_socket(run->local),
		.number = run->started,
		.limit = first_part(run->plan),
	};
	if (connection->fd < 0)
		return -1;
	run->started++;
	run->active++;
	if ((connect(connection->fd, (const struct sockaddr *)run->remote, sizeof(*run->remote)) &&
	     errno != EINPROGRESS) ||
	    connection_poll(run, connection, EPOLL_CTL_ADD))
		connection_fail(run, connection, strerror(errno));
	return 0;
}

/* Start the connections that are due and wake those whose hold is over. Returns 0 or -1. */
static int clock_step(struct run *run, uint64_t now)
{
	const struct traffic_plan *plan = run->plan;

	for (uint32_t i = 0; i < plan->parallel; i++) {
		struct connection *connection = &run->places[i];

		if (connection->fd >= 0 && connection->phase == HOLDING &&
		    (connection->resume_ms <= now || (plan->repeat && ending))) {
			connection_resume(run, connection);
			connection_step(run, connection);
		}
		if (connection->fd < 0 && run->started < plan->connections &&
		    run->next_start_ms <= now) {
			if (connection_start(run, connection))
				return -1;
			run->next_start_ms = now + plan->interval_ms;
		}
	}
	return 0;
}

/* Print how the connections are, and what moved since the last time. */
static void survey(struct run *run)
{
	uint64_t now = now_ms();
	uint32_t alive = 0; /* connections with a subflow that moves */
	uint32_t moving = 0;

	for (uint32_t i = 0; i < run->plan->parallel; i++) {
		struct traffic_look look;

		if (run->places[i].fd < 0)
			continue;
		look = traffic_look(run->places[i].fd, now - run->surveyed_ms);
		alive += look.moving > 0;
		moving += look.moving;
	}
	printf("{\"failed\":%u,\"alive\":%u,\"moving\":%u,\"bytes\":%llu,\"bytes_wrong\":%llu}\n",
	       run->outcome.failed, alive, moving, (unsigned long long)run->outcome.bytes,
	       (unsigned long long)run->outcome.bytes_wrong);
	fflush(stdout);
	run->surveyed_ms = now;
	survey_wanted = 0;
}

/* Returns 0 when the plan is carried out or its time is over, else -1. */
static int carry_out(struct run *run)
{
	uint64_t end = now_ms() + run->plan->timeout_ms;
	struct epoll_event events[EVENTS];
	bool told = false;
	uint64_t now;

	while ((run->started < run->plan->connections || run->active) && (now = now_ms()) < end) {
		int count;

		if (ending && !told && now + ENDING_MS < end)
			end = now + ENDING_MS;
		told = ending;
		if (survey_wanted)
			survey(run);
		if (clock_step(run, now))
			return -1;
		/* One millisecond is the clock's step here, for starts and for holds. */
		count = epoll_wait(run->poll, events, EVENTS, 1);
		if (count < 0 && errno != EINTR)
			return -1;
		for (int i = 0; i < count; i++)
			connection_step(run, events[i].data.ptr);
	}
	return 0;
}

/* Of those that hang: the ones that only lack the server's end of data. */
static uint32_t count_unclosed(const struct run *run)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < run->plan->parallel; i++)
		count += run->places[i].fd >= 0 && run->places[i].phase == CLOSING;
	return count;
}

static void report(const struct run *run, uint64_t took_ms)
{
	const struct outcome *outcome = &run->outcome;
	uint32_t connections = run->plan->connections;

	printf("{\"connections\":%u,\"completed\":%u,\"failed\":%u,\"hung\":%u,\"mptcp\":%u,"
	       "\"unclosed\":%u,\"joined_both_ways\":%u,\"bytes\":%llu,\"bytes_wrong\":%llu,"
	       "\"seconds\":%.3f}\n",
	       connections, outcome->completed, outcome->failed,
	       connections - outcome->completed - outcome->failed, outcome->mptcp,
	       count_unclosed(run), outcome->joined_both_ways, (unsigned long long)outcome->bytes,
	       (unsigned long long)outcome->bytes_wrong, (double)took_ms / 1000);
}

int traffic_connect(const struct sockaddr_storage *local, const struct sockaddr_storage *remote,
		    const struct traffic_plan *plan)
{
	const struct sigaction action = { .sa_handler = on_signal };
	uint64_t start = now_ms();
	struct run run = { .plan = plan, .local = local, .remote = remote, .surveyed_ms = start };

	if (plan->repeat) {
		sigaction(SIGTERM, &action, NULL);
		sigaction(SIGUSR1, &action, NULL);
	}

	run.poll = epoll_create1(EPOLL_CLOEXEC);
	run.places = calloc(plan->parallel, sizeof(*run.places));
	if (run.poll < 0 || !run.places) {
		perror("mptcplb-farm-traffic");
		return 1;
	}
	for (uint32_t i = 0; i < plan->parallel; i++)
		run.places[i].fd = -1;
	if (carry_out(&run))
		return 1;
	report(&run, now_ms() - start);
	free(run.places);
	return run.outcome.completed == plan->connections && !run.outcome.bytes_wrong ? 0 : 1;
}
