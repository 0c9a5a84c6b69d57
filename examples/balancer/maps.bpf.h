/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The settings, maps and counters of the XDP program. Map sizes of 1 are set by the loader. */
#ifndef MPTCPLB_BALANCER_MAPS_BPF_H
#define MPTCPLB_BALANCER_MAPS_BPF_H

#include <stdbool.h>

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "balancer_kern_user.h"

/* Set before loading. */
const volatile bool redirector = false; /* false: the role is that of a balancer */
const volatile bool outer_ipv6 = false; /* of which version the servers' addresses are */
const volatile bool tokens = true; /* false: joins are like any SYN */
const volatile bool drop_unroutable = false; /* false: they are hashed like any SYN */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct balancer_config);
} config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct balancer_service);
	__type(value, __u32); /* index into tables */
} services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct balancer_table);
} tables SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BALANCER_SERVERS_MAX);
	__type(key, __u32);
	__type(value, struct balancer_server);
} servers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32); /* server id */
	__type(value, __u32); /* server index */
} owners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct balancer_address);
	__type(value, __u32); /* enum balancer_member */
} members SEC(".maps");

/* Remembered flows. Only a flow's second packet brings it here, so a flood of SYNs does not. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct balancer_flow);
	__type(value, struct balancer_memory);
} flows SEC(".maps");

/* Flows of which the SYN alone was seen. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct balancer_flow);
	__type(value, struct balancer_memory);
} pending SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BALANCER_SERVERS_MAX);
	__type(key, __u32);
	__type(value, struct balancer_hop);
} hops SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BALANCER_COUNTER_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BALANCER_SERVERS_MAX);
	__type(key, __u32);
	__type(value, struct balancer_traffic);
} server_traffic SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BALANCER_SERVICES_MAX);
	__type(key, __u32);
	__type(value, struct balancer_traffic);
} service_traffic SEC(".maps");

static __always_inline void count(__u32 counter)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		(*value)++;
}

static __always_inline int pass(enum balancer_counter counter)
{
	count(counter);
	return XDP_PASS;
}

static __always_inline int drop(enum balancer_counter counter)
{
	count(counter);
	return XDP_DROP;
}

#endif
