/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How `status` and its like talk to a running daemon: one request and one reply over an abstract
 * Unix socket. Its name belongs to the network namespace and vanishes with the process, so two
 * daemons cannot serve one interface of one namespace, and nothing is left to clean up.
 */
#ifndef MPTCPLB_EXAMPLES_CONTROL_H
#define MPTCPLB_EXAMPLES_CONTROL_H

#include <stddef.h>

/* Longest request with its NUL, and longest reply. */
#define CONTROL_REQUEST_SIZE 256
#define CONTROL_REPLY_SIZE (8 << 20)

/*
 * Listen as "mptcplb/PROGRAM/INSTANCE" (e.g. "balancer", "eth0"). Returns a non-blocking file
 * descriptor for poll(), or -errno: -EADDRINUSE when such a daemon runs already.
 */
int control_listen(const char *program, const char *instance);

/*
 * Take one request from a listening descriptor, have @answer make a reply (allocated with
 * malloc(); NULL for "unknown request") and send it. Peers other than root and our own user are
 * refused. Never blocks for long on a slow peer. Returns 0 or -errno of the accept.
 */
int control_serve(int fd, char *(*answer)(void *context, const char *request), void *context);

/*
 * Ask a running daemon. On success *reply is a NUL-terminated string to be freed. Returns 0, or
 * -errno: -ECONNREFUSED when no such daemon runs, -EOPNOTSUPP when it does not know the request,
 * -EACCES when it refuses our user, -EPERM when it runs as a user whom we do not trust.
 */
int control_request(const char *program, const char *instance, const char *request, char **reply);

#endif
