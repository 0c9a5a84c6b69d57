/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the XDP program and its loader share: the values of its maps, its counters, and the hash
 * that spreads flows. Addresses and ports are in host byte order.
 */
#ifndef MPTCPLB_BALANCER_KERN_USER_H
#define MPTCPLB_BALANCER_KERN_USER_H

#include <linux/types.h>

#include <mptcplb/core.h>

/*
 * Servers and services are known by an index. It stays theirs over reloads, so that it may be
 * remembered.
 */
#define BALANCER_SERVERS_MAX 4096
#define BALANCER_SERVICES_MAX 1024
/* "No server", where an index is expected. */
#define BALANCER_NO_SERVER 0xffff
/* Slots of a service's Maglev table: a prime, so that every step size visits all of them. */
#define BALANCER_MAGLEV_SIZE 65537
/* Room for a server's name with its NUL. */
#define BALANCER_NAME_SIZE 64

/* Four 32-bit words, the most significant first. IPv4 is written as ::ffff:a.b.c.d. */
struct balancer_address {
	__u32 words[4];
};

/* Key of the flow tables: a client and the service that it talks to. */
struct balancer_flow {
	struct balancer_address client;
	struct balancer_address service;
	__u16 client_port;
	__u16 service_port;
};

/* What is remembered of a flow. */
struct balancer_memory {
	__u32 server; /* index */
	__u32 seen; /* when its last packet came, in seconds of CLOCK_MONOTONIC */
};

/*
 * Key of the services; each port of a range has its own. Port 0 stands for the address as a
 * whole, for packets that have no port; the value is then of no meaning.
 */
struct balancer_service {
	struct balancer_address address;
	__u16 port;
	__u16 reserved; /* zero */
};

/*
 * One service: which server each slot goes to, and which servers answer on it. The two columns of
 * slots differ where a server was added or drains: flows older than that are not remembered, and
 * stay where they are; newer ones are remembered.
 */
struct balancer_table {
	__u16 slots[BALANCER_MAGLEV_SIZE]; /* new flows go to this server, or BALANCER_NO_SERVER */
	__u16 homes[BALANCER_MAGLEV_SIZE]; /* packets of flows that nobody remembers go here */
	__u16 moved; /* 1: the columns differ */
	__u16 port_last; /* of the range that starts at the service's port */
	struct balancer_service service; /* whose table this is; port 0: nobody's */
	__u64 serves[BALANCER_SERVERS_MAX / 64]; /* bit i: server i answers */
};

struct balancer_server {
	struct balancer_address address;
	char name[BALANCER_NAME_SIZE]; /* empty: nobody has this index */
	__u32 usable; /* 1: up or draining, so packets may go there */
};

/* Whose IP-in-IP packets the redirector takes. */
enum balancer_member {
	BALANCER_MEMBER_SERVER = 1,
	BALANCER_MEMBER_BALANCER = 2,
};

struct balancer_config {
	struct mptcplb_keyring keyring;
	struct balancer_address own_address; /* outer source, and where IP-in-IP comes to */
	__u32 own_index; /* of the server that this is, or BALANCER_NO_SERVER */
	__u32 reserved; /* zero */
};

/* How to reach a server: cached for one tick of the kernel's clock on each CPU. */
struct balancer_hop {
	__u64 tick; /* when it was looked up */
	__u32 ifindex; /* 0: the route forbids it */
	__u32 mtu;
	__u8 source[6];
	__u8 destination[6];
	__u32 by_sender; /* 1: back to whoever sent the packet, so the two above are unset */
};

/* How the server of a packet was chosen. */
enum balancer_way {
	BALANCER_BY_TOKEN,
	BALANCER_BY_FLOW,
	BALANCER_BY_HASH,
	BALANCER_WAY_COUNT,
};

/* What went to a server, or came for a service. */
struct balancer_traffic {
	__u64 packets[BALANCER_WAY_COUNT];
	__u64 bytes; /* from the IP header on */
	__u64 unroutable; /* joins of a service that no token led to a server */
};

/*
 * Everything that can happen to a packet. "routed_*" counts how the server was chosen, before
 * anything that can still keep the packet from being sent.
 */
#define BALANCER_COUNTERS(X)                                                                       \
	X(PASSED, "passed", "not for a service: left to the local stack")                          \
	X(PASSED_ICMP, "passed_icmp", "ICMP for a service's address that follows no flow")         \
	X(PASSED_FRAGMENT, "passed_fragment", "redirector: fragments without ports")               \
	X(PASSED_LOCAL, "passed_local", "redirector: for this server itself")                      \
	X(PASSED_FORWARDED, "passed_forwarded", "redirector: IP-in-IP of another server")          \
	X(ROUTED_TOKEN, "routed_token", "joins that went to the owner of their token")             \
	X(ROUTED_FLOW, "routed_flow", "packets of a remembered flow")                              \
	X(ROUTED_HASH, "routed_hash", "packets that went where their 4-tuple hashes to")           \
	X(ICMP_ERRORS, "icmp_errors", "ICMP errors that followed the flow they are about")         \
	X(FLOWS_KEPT, "flows_kept", "flows whose second packet came: moved to the flow table")     \
	X(FLOWS_FORGOTTEN, "flows_forgotten", "remembered flows given up for a new SYN")           \
	X(UNROUTABLE_TOKEN_ZERO, "unroutable_token_zero", "joins with the token 0")                \
	X(UNROUTABLE_EPOCH, "unroutable_epoch", "joins whose token's epoch has no secret")         \
	X(UNROUTABLE_ID, "unroutable_id", "joins whose server id has no owner")                    \
	X(UNROUTABLE_SERVICE, "unroutable_service", "joins whose owner lacks the service")         \
	X(UNROUTABLE_DOWN, "unroutable_down", "joins whose owner is down")                         \
	X(MALFORMED_OPTIONS, "malformed_options", "SYNs with a broken list of TCP options")        \
	X(DROPPED_UNROUTABLE, "dropped_unroutable", "unroutable joins dropped by policy")          \
	X(DROPPED_FRAGMENT, "dropped_fragment", "fragments without ports for a service's address") \
	X(DROPPED_TRUNCATED, "dropped_truncated", "headers or lengths that do not fit the packet") \
	X(DROPPED_SOURCE, "dropped_source", "redirector: IP-in-IP from outside the farm")          \
	X(DROPPED_NO_SERVER, "dropped_no_server", "no server of the service is up")                \
	X(DROPPED_TOO_BIG, "dropped_too_big", "too long for the link once encapsulated")           \
	X(DROPPED_NO_ROUTE, "dropped_no_route", "the route to the server forbids it")              \
	X(DROPPED_NO_HEADROOM, "dropped_no_headroom", "no room for the outer header")              \
	X(TOO_BIG_TOLD, "too_big_told", "of those too long: the sender was told by ICMP")          \
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

static inline __attribute__((always_inline, unused)) __u64
balancer_mix_address(__u64 hash, const struct balancer_address *address)
{
	hash = balancer_mix(hash ^ ((__u64)address->words[0] << 32 | address->words[1]));
	return balancer_mix(hash ^ ((__u64)address->words[2] << 32 | address->words[3]));
}

/*
 * The Maglev slot of a flow. It has no key and no state: all balancers of a farm must agree, and
 * go on agreeing after a restart.
 */
static inline __attribute__((always_inline, unused)) __u32
balancer_slot(const struct balancer_flow *flow)
{
	__u64 hash = balancer_mix((__u64)flow->client_port << 16 | flow->service_port);

	hash = balancer_mix_address(hash, &flow->service);
	hash = balancer_mix_address(hash, &flow->client);
	return (__u32)((hash >> 32) * BALANCER_MAGLEV_SIZE >> 32);
}

#endif
