/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the balancer and the server agent have in common as programs. */
#ifndef MPTCPLB_EXAMPLES_DAEMON_H
#define MPTCPLB_EXAMPLES_DAEMON_H

#include <stdbool.h>

/* Exit codes of every program of this project. */
enum exit_code {
	EXIT_FINE = 0, /* done */
	EXIT_FAILED = 1, /* the operation failed */
	EXIT_USAGE = 2, /* the command line is wrong */
};

/* Print "PROGRAM: message\n" to stderr; a prefix "<3>" or so for the journal comes with level. */
__attribute__((format(printf, 1, 2))) void log_error(const char *format, ...);
__attribute__((format(printf, 1, 2))) void log_warning(const char *format, ...);
__attribute__((format(printf, 1, 2))) void log_info(const char *format, ...);

/*
 * What log_error() said first since log_forget(), or an empty string: for whoever asked for what
 * has failed.
 */
const char *log_reason(void);
void log_forget(void);

/*
 * First thing in main(): remember the program's name for messages, and keep secrets out of core
 * dumps (RLIMIT_CORE 0, PR_SET_DUMPABLE 0).
 */
void daemon_start(const char *program);

/*
 * Route libbpf's messages to log_error() (warnings) and drop its chatter; what libbpf says of a
 * program that the verifier refused is kept.
 */
void daemon_libbpf_log(void);

/* A signalfd for SIGINT, SIGTERM and SIGHUP, which are blocked. Returns it or -errno. */
int daemon_signals(void);

/*
 * Whether this process has CAP_BPF and CAP_PERFMON (or CAP_SYS_ADMIN for both) and CAP_NET_ADMIN;
 * says what is missing.
 */
bool daemon_capable(void);

/* Tell systemd, if it has started us, of a change of state, e.g. "READY=1" (sd_notify(3)). */
void daemon_notify(const char *state);

/* The index of a network interface, or 0 after an error message that names it. */
unsigned int daemon_interface(const char *name);

#endif
