/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the agent needs of the kernel it runs on. */
#ifndef MPTCPLB_SERVER_ENVIRONMENT_H
#define MPTCPLB_SERVER_ENVIRONMENT_H

#include <stdbool.h>
#include <stdint.h>

/* Whether MPTCP is there and on; says what is wrong. Settings that hurt joins are warned of. */
bool environment_mptcp(void);

/*
 * Whether net.ipv4.tcp_syncookies is 2, or could be set to it when @set; says what is wrong.
 * *before is the value to put back, or -1 when nothing was changed.
 */
bool environment_take_syncookies(bool set, int *before);

/* Put back what environment_take_syncookies() changed, unless somebody else changed it since. */
void environment_restore_syncookies(int before);

/* The value of net.ipv4.tcp_syncookies with which every SYN is answered with a cookie. */
#define SYNCOOKIES_ALWAYS 2

/* A number below /proc/sys, e.g. of "net/mptcp/enabled", or -errno. */
int environment_sysctl(const char *path);

/* The value of net.ipv4.tcp_syncookies, or -errno. */
int environment_syncookies(void);

/* Set it. Returns 0 or -errno. */
int environment_set_syncookies(int value);

/* Whether cookies are possible at all, for the auxiliary listener; says what is wrong. */
bool environment_syncookies_possible(void);

/*
 * How many buckets the kernel's table of MPTCP tokens has: a power of two that the boot log
 * tells. Without it, an estimate that is too low rather than too high.
 */
uint32_t environment_token_buckets(void);

#endif
