/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the XDP program and its loader share: the values of its maps, its counters, and the hash
 * that spreads flows. Addresses and ports are in host byte order.
 */
#ifndef MPTCPLB_BALANCER_KERN_USER_H
#define MPTCPLB_BALANCER_KERN_USER_H

#include <linux/types.h>

#include <mptcplb/core.h>

/* Servers are known by their index in the farm file. */
#define BALANCER_SERVERS_MAX 4096
/* "No server", where an index is expected. */
#define BALANCER_NO_SERVER 0xffff
/* Slots of a service's Maglev table: a prime, so that every step size visits all of them. */
#define BALANCER_MAGLEV_SIZE 65537

/* Key of the flow tables: a client and the service that it talks to. */
struct balancer_flow {
	__u32 client;
	__u32 service;
	__u16 client_port;
	__u16 service_port;
};

/*
 * Key of the services. Port 0 stands for the address as a whole, for packets that have no port;
 * the value is then of no meaning.
 */
struct balancer_service {
	__u32 address;
	__u16 port;
	__u16 reserved; /* zero */
};

/* One service: which server each slot goes to, and which servers answer on it. */
struct balancer_table {
	__u16 slots[BALANCER_MAGLEV_SIZE]; /* server index, or BALANCER_NO_SERVER */
	__u16 reserved[3]; /* zero */
	__u64 serves[BALANCER_SERVERS_MAX / 64]; /* bit i: server i answers */
};

struct balancer_server {
	__u32 address;
	__u32 down; /* 1: nothing is sent there */
};

struct balancer_config {
	struct mptcplb_keyring keyring;
	__u32 source; /* outer source address: this balancer's */
	__u32 reserved; /* zero */
};

/*
 * Everything that can happen to a packet. "routed_*" counts how the server was chosen, before
 * anything that can still keep the packet from being sent.
 */
#define BALANCER_COUNTERS(X)                                                                       \
	X(PASSED, "passed", "not for a service: left to the local stack")                          \
	X(PASSED_ICMP, "passed_icmp", "ICMP for a service's address: left to the local stack")     \
	X(ROUTED_TOKEN, "routed_token", "joins that went to the owner of their token")             \
	X(ROUTED_FLOW, "routed_flow", "packets of a remembered subflow")                           \
	X(ROUTED_HASH, "routed_hash", "packets that went where their 4-tuple hashes to")           \
	X(FLOWS_KEPT, "flows_kept", "joins whose next packet came: moved to the flow table")       \
	X(FLOWS_FORGOTTEN, "flows_forgotten", "remembered subflows given up for a new SYN")        \
	X(UNROUTABLE_TOKEN_ZERO, "unroutable_token_zero", "joins with the token 0")                \
	X(UNROUTABLE_EPOCH, "unroutable_epoch", "joins whose token's epoch has no secret")         \
	X(UNROUTABLE_ID, "unroutable_id", "joins whose server id has no owner")                    \
	X(UNROUTABLE_SERVICE, "unroutable_service", "joins whose owner lacks the service")         \
	X(UNROUTABLE_DOWN, "unroutable_down", "joins whose owner is down")                         \
	X(MALFORMED_OPTIONS, "malformed_options", "SYNs with a broken list of TCP options")        \
	X(DROPPED_UNROUTABLE, "dropped_unroutable", "unroutable joins dropped by policy")          \
	X(DROPPED_FRAGMENT, "dropped_fragment", "fragments without ports for a service's address") \
	X(DROPPED_TRUNCATED, "dropped_truncated", "headers or lengths that do not fit the packet") \
	X(DROPPED_NO_SERVER, "dropped_no_server", "no server of the service is up")                \
	X(DROPPED_TOO_BIG, "dropped_too_big", "too long for the link once encapsulated")           \
	X(DROPPED_NO_ROUTE, "dropped_no_route", "the route to the server forbids it")              \
	X(DROPPED_NO_HEADROOM, "dropped_no_headroom", "no room for the outer header")              \
	X(NEXT_HOP_SENDER, "next_hop_sender", "sent back by way of the router they came from")

enum balancer_counter {
#define BALANCER_COUNTER_ENUM(symbol, name, meaning) BALANCER_##symbol,
	BALANCER_COUNTERS(BALANCER_COUNTER_ENUM)
#undef BALANCER_COUNTER_ENUM
	BALANCER_COUNTER_COUNT
};

/* The finalizer of MurmurHash3: every input bit changes every output bit with a chance of 1/2. */
static inline __attribute__((always_inline, unused)) __u64 balancer_mix(__u64 x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	return x ^ x >> 33;
}

/*
 * The Maglev slot of a flow. It has no key and no state: all balancers of a farm must agree, and
 * go on agreeing after a restart.
 */
static inline __attribute__((always_inline, unused)) __u32
balancer_slot(const struct balancer_flow *flow)
{
	__u64 client = (__u64)flow->client << 16 | flow->client_port;
	__u64 service = (__u64)flow->service << 16 | flow->service_port;
	__u64 hash = balancer_mix(client ^ balancer_mix(service));

	return (__u32)((hash >> 32) * BALANCER_MAGLEV_SIZE >> 32);
}

#endif
