/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Who the server is, which services it has, and what is counted. */
#ifndef MPTCPLB_SERVER_MAPS_BPF_H
#define MPTCPLB_SERVER_MAPS_BPF_H

#include <stdbool.h>

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "server_kern_user.h"

const volatile struct server_address own_address = {};
const volatile bool decapsulate_only = false;
const volatile bool cookies_for_all = false;

/* A value of an entry without a port is not used. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct server_service);
	__type(value, struct server_mark);
} services SEC(".maps");

/* Addresses of the farm's balancers and servers: whose IP-in-IP is taken. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct server_address);
	__type(value, __u8);
} members SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SERVER_COUNTER_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

/* For user space alone. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct server_state);
} state SEC(".maps");

/*
 * CLOCK_MONOTONIC, ns, as of the kernel's last tick: some milliseconds late, and had for much less
 * than the exact time.
 */
static __always_inline __u64 tick_time(void)
{
	return bpf_ktime_get_coarse_ns();
}

/*
 * Whether longer than @limit has passed. What user space has noted may be ahead of a tick_time(),
 * since its clock is exact.
 */
static __always_inline bool is_over(__u64 now, __u64 then, __u64 limit)
{
	return (__s64)(now - then) > (__s64)limit;
}

static __always_inline void count(__u32 counter)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		(*value)++;
}

static __always_inline struct server_mark *find_service(const struct server_address *address,
							__be16 port)
{
	struct server_service service = { .address = *address, .port = port };

	return bpf_map_lookup_elem(&services, &service);
}

#endif
