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
const volatile __u32 address_mask = 0; /* number of entries of addresses, less one */
const volatile __u32 bucket_mask = 0; /* number of buckets of the flow table, less one */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct balancer_config);
} config SEC(".maps");

/* An array, as it is looked up for every packet: half the time of a hash map. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct balancer_ports);
} addresses SEC(".maps");

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
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32); /* server id / BALANCER_OWNERS */
	__type(value, struct balancer_owners);
} owners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct balancer_address);
	__type(value, __u32); /* enum balancer_member */
} members SEC(".maps");

/* Remembered flows: see balancer_kern_user.h. User space maps the table into its memory. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct balancer_bucket);
} flows SEC(".maps");

/* Which flow has the place of that index, for user space alone; set when the flow is kept. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct balancer_flow);
} flow_names SEC(".maps");

/* Random, and kept as long as the table. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mptcplb_core_secret);
} flow_key SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BALANCER_SERVERS_MAX);
	__type(key, __u32);
	__type(value, struct balancer_hop);
} hops SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BALANCER_COUNTED);
	__type(key, __u32);
	__type(value, struct balancer_counters);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BALANCER_SERVERS_MAX);
	__type(key, __u32);
	__type(value, struct balancer_traffic);
} traffic SEC(".maps");

/* For user space to send on: struct balancer_error. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, BALANCER_ERRORS_RING);
} errors SEC(".maps");

#endif
