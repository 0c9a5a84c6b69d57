/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Both ends of the farm's traffic: a client that checks every byte, and its server. */
#ifndef MPTCPLB_FARM_TRAFFIC_H
#define MPTCPLB_FARM_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* Longest pause of a connection, and longest run, in milliseconds. */
#define TRAFFIC_TIME_MAX_MS 3600000U

/* Subflows that a connection has: a farm's client has two addresses. */
#define TRAFFIC_SUBFLOWS 2

/* What the client is to do. */
struct traffic_plan {
	uint32_t connections; /* in all */
	uint32_t parallel; /* at most this many at once */
	uint32_t interval_ms; /* from the start of one connection to the start of the next */
	uint32_t hold_ms; /* pause after the first part of the data, for joins to complete */
	uint32_t timeout_ms; /* for everything */
	uint64_t bytes; /* that each connection sends, and gets back */
	bool repeat; /* send them again after each pause, until told to end */
};

/* What the kernel says of a connection: nothing, when it has fallen back to TCP. */
struct traffic_look {
	bool mptcp;
	uint32_t both_ways; /* subflows that have carried data in both directions */
	uint32_t moving; /* the same within the time looked at */
};

/*
 * The server answers every byte with its complement, so that bytes which never met an application
 * cannot pass for an answer.
 */
static inline uint8_t traffic_answer(uint8_t byte)
{
	return (uint8_t)~byte;
}

/* An MPTCP socket, non-blocking and bound to @local. Returns it, or -1 after a message. */
int traffic_socket(const struct sockaddr_storage *local);

/* Answer clients at @local until killed; prints "ready" when it listens. Returns an exit code. */
int traffic_serve(const struct sockaddr_storage *local);

/* Look at what a connection is, and has done within the last @since_ms milliseconds. */
struct traffic_look traffic_look(int fd, uint64_t since_ms);

/* Carry out @plan from @local to @remote, print the outcome as JSON. Returns an exit code. */
int traffic_connect(const struct sockaddr_storage *local, const struct sockaddr_storage *remote,
		    const struct traffic_plan *plan);

#endif
