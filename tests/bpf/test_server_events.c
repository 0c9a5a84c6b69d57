// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* What the kernel tells the agent of its MPTCP connections: here, over a loopback of our own. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/mptcp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "events.h"
#include "tokens.h"
#include "unit/unit.h"

#define SOL_MPTCP 284
#define SEEN_MAX 4096

static struct events events;
static struct {
	uint32_t token;
	bool created;
} seen[SEEN_MAX];
static size_t seen_count;

static void note(void *context, uint32_t token, bool created)
{
	ck_assert_ptr_eq(context, &events);
	ck_assert_uint_lt(seen_count, SEEN_MAX);
	seen[seen_count].token = token;
	seen[seen_count++].created = created;
}

static size_t count_seen(uint32_t token, bool created)
{
	size_t i, count = 0;

	for (i = 0; i < seen_count; i++)
		count += seen[i].token == token && seen[i].created == created;
	return count;
}

static void bring_up_loopback(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	close(fd);
}

struct connection {
	int client;
	int server;
	uint32_t client_token;
	uint32_t server_token;
};

static uint32_t token_of(int fd)
{
	struct mptcp_info info = { 0 };
	socklen_t size = sizeof(info);

	ck_assert_int_eq(getsockopt(fd, SOL_MPTCP, MPTCP_INFO, &info, &size), 0);
	ck_assert_uint_ne(info.mptcpi_token, 0);
	return info.mptcpi_token;
}

static struct connection connect_to(int listener, const struct sockaddr_in *address)
{
	struct connection connection = { .client = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP) };
	char byte = 1;

	ck_assert_int_ge(connection.client, 0);
	ck_assert_int_eq(
		connect(connection.client, (const struct sockaddr *)address, sizeof(*address)), 0);
	connection.server = accept(listener, NULL, NULL);
	ck_assert_int_ge(connection.server, 0);
	ck_assert_int_eq(send(connection.client, &byte, 1, 0), 1);
	ck_assert_int_eq(recv(connection.server, &byte, 1, 0), 1);
	connection.client_token = token_of(connection.client);
	connection.server_token = token_of(connection.server);
	return connection;
}

/* A listener in a network namespace of this test's own, whose events are followed. */
static int open_listener(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int fd;

	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	bring_up_loopback();
	ck_assert_int_eq(events_open(&events), 0);
	fd = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
	ck_assert_int_ge(fd, 0);
	*address = (struct sockaddr_in){ .sin_family = AF_INET,
					 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	ck_assert_int_eq(bind(fd, (struct sockaddr *)address, size), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)address, &size), 0);
	return fd;
}

/* The kernel works on what is left when both have closed: until the test's own time limit. */
static void wait_for_end(uint32_t token)
{
	while (tokens_ask(token) != -ENOENT)
		usleep(1000);
}

START_TEST(kernel_tells_who_comes_and_goes)
{
	struct sockaddr_in address;
	int listener = open_listener(&address);
	const struct connection connection = connect_to(listener, &address);
	struct tokens tokens = { 0 };

	ck_assert(events_take(&events, note, &events));
	ck_assert_uint_eq(count_seen(connection.client_token, true), 1);
	ck_assert_uint_eq(count_seen(connection.server_token, true), 1);
	ck_assert_uint_eq(seen_count, 2);
	ck_assert_int_eq(tokens_list(&tokens), 0);
	ck_assert_uint_eq(tokens.count, 2);
	ck_assert_ptr_nonnull(tokens_find(&tokens, connection.client_token));
	ck_assert_ptr_nonnull(tokens_find(&tokens, connection.server_token));
	ck_assert_ptr_null(tokens_find(&tokens, connection.server_token ^ 1));

	close(connection.server);
	ck_assert(events_take(&events, note, &events));
	ck_assert_uint_eq(count_seen(connection.server_token, false), 1);
	ck_assert_uint_eq(count_seen(connection.client_token, false), 0);
	/* The client has not closed: the server waits, with its token. */
	ck_assert_int_eq(tokens_ask(connection.server_token), 0);
	close(connection.client);
	ck_assert(events_take(&events, note, &events));
	ck_assert_uint_eq(count_seen(connection.client_token, false), 1);
	ck_assert_uint_eq(events.taken, 4);
	wait_for_end(connection.client_token);
	wait_for_end(connection.server_token);
	tokens_close(&tokens);
	close(listener);
	events_close(&events);
}
END_TEST

START_TEST(events_that_get_lost_are_told)
{
	const int small = 1;
	struct sockaddr_in address;
	int listener = open_listener(&address), i;

	ck_assert_int_eq(setsockopt(events.fd, SOL_SOCKET, SO_RCVBUFFORCE, &small, sizeof(small)),
			 0);
	for (i = 0; i < 100; i++) {
		const struct connection connection = connect_to(listener, &address);

		close(connection.client);
		close(connection.server);
	}
	ck_assert(events_take(&events, note, &events));
	ck_assert(events.lost);
	ck_assert_uint_eq(events.overruns, 1);
	ck_assert_uint_lt(seen_count, 400);
	/* What did not get lost was taken, and what comes now is told again. */
	ck_assert_uint_gt(seen_count, 0);
	i = (int)seen_count;
	(void)connect_to(listener, &address);
	ck_assert(events_take(&events, note, &events));
	ck_assert_uint_eq(seen_count, (size_t)i + 2);
	close(listener);
	events_close(&events);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		kernel_tells_who_comes_and_goes,
		events_that_get_lost_are_told,
		NULL,
	};

	return run_suite("server-events", tests);
}
