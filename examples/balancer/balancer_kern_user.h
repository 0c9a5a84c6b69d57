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
#define BALANCER_SERVICES_MAX 1023
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

/* A client and the service that it talks to. */
struct balancer_flow {
	struct balancer_address client;
	struct balancer_address service;
	__u16 client_port;
	__u16 service_port;
	__u16 service_index;
	__u16 reserved; /* zero */
};

/*
 * The flow table: a flow has its place in one of two buckets, which its hash gives, and a bucket
 * is one cache line. A word holds all that routes a packet, so that it changes in one step and
 * needs no lock: the top of the flow's hash, marks, and the server's index. Time is that of
 * CLOCK_MONOTONIC in units of 2^30 ns, about a second.
 */
#define BALANCER_WAYS 4
struct balancer_place {
	__u64 word; /* 0: free */
	__u32 seen; /* when a packet of the flow came last */
	__u32 reserved; /* zero */
};
struct balancer_bucket {
	struct balancer_place places[BALANCER_WAYS];
};
#define BALANCER_WORD_TAG (~(__u64)0xffff)
#define BALANCER_WORD_USED 0x8000
/* A second packet has come: nothing may take the place as long as the flow is not idle. */
#define BALANCER_WORD_KEPT 0x4000
/* Remembered by a packet that is no SYN, of a flow from before a change: it yields to new ones. */
#define BALANCER_WORD_OLD 0x2000
#define BALANCER_WORD_SERVER (BALANCER_SERVERS_MAX - 1)
#define BALANCER_SEEN_SHIFT 30
/* Idle for so long (in the unit of "seen"), a kept flow gives its place to another one. */
#define BALANCER_IDLE 280

/*
 * An address that services are on, and which of them is on each port: its index and 1, or 0. The
 * addresses are a hash table that user space fills: at most BALANCER_PROBES entries, from the one
 * of the address's hash on, need be looked at.
 */
#define BALANCER_PROBES 4
#define BALANCER_PORTS 65536
struct balancer_ports {
	struct balancer_address address; /* all zero: this entry is free */
	__u16 services[BALANCER_PORTS];
};

/* An address and port. */
struct balancer_service {
	struct balancer_address address;
	__u16 port;
	__u16 reserved; /* zero */
};

/* Owners of four server ids in a row, by index; BALANCER_NO_SERVER: nobody. */
#define BALANCER_OWNERS 4
struct balancer_owners {
	__u16 servers[BALANCER_OWNERS];
};

/*
 * One service: which server each slot goes to, and which servers answer on it. The two columns of
 * slots differ where a server was added or drains: flows older than that stay where they are, and
 * whatever comes in such a slot is remembered.
 */
struct balancer_table {
	__u16 slots[BALANCER_MAGLEV_SIZE]; /* new flows go to this server, or BALANCER_NO_SERVER */
	__u16 homes[BALANCER_MAGLEV_SIZE]; /* packets of flows that nobody remembers go here */
	__u16 moved; /* 1: the columns differ, or did: flows may be remembered */
	__u16 port_last; /* of the range that starts at the service's port */
	struct balancer_service service; /* whose table this is; port 0: nobody's */
	__u32 unsettled; /* for user space: in how many slots the columns differ */
	__u64 serves[BALANCER_SERVERS_MAX / 64]; /* bit i: server i answers */
};

/* Room for an outer header of either version. */
#define BALANCER_OUTER_SIZE 40

struct balancer_server {
	struct balancer_address address;
	char name[BALANCER_NAME_SIZE]; /* empty: nobody has this index */
	__u32 usable; /* 1: up or draining, so packets may go there */
	__u32 outer_sum; /* of the 16-bit words of that header when it is IPv4's, not folded */
	/* The header in front of packets to it; 0 is in it what differs between them. */
	__u32 outer[BALANCER_OUTER_SIZE / sizeof(__u32)];
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
	/* For user space; the program has them as constants. */
	__u8 redirector;
	__u8 tokens;
	__u8 drop_unroutable;
	__u8 reserved; /* zero */
};

/*
 * An ICMP error that a redirector has copies of sent to all servers. RFC 1812 and RFC 4443 bound
 * them to 576 and 1280 bytes; more than this of one is not needed to find the flow.
 */
#define BALANCER_ERROR_SIZE 576
#define BALANCER_ERRORS_RING (64 << 10)
struct balancer_error {
	__u32 length;
	__u8 packet[BALANCER_ERROR_SIZE]; /* from its IP header on */
};

/* How to reach a server: cached for one tick of the kernel's clock on each CPU. */
struct balancer_hop {
	__u64 tick; /* when it was looked up */
	__u32 ifindex; /* 0: the route forbids it */
	__u32 mtu;
	__u8 source[6];
	__u8 destination[6];
	__u32 by_sender; /* 1: back to whoever sent the packet, so the two above are unset */
	__u32 tagged; /* 1: for frames with a VLAN tag, else for those without */
	__u32 reserved; /* zero */
};

/* How the server of a packet was chosen. */
enum balancer_way {
	BALANCER_BY_TOKEN,
	BALANCER_BY_FLOW,
	BALANCER_BY_HASH,
	BALANCER_WAY_COUNT,
};

/*
 * Everything that can happen to a packet; each service, and what belongs to none, is counted
 * apart. "routed_*" counts how the server was chosen, before anything that can still keep the
 * packet from being sent.
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
	X(BYTES, "bytes", "in packets that were routed, from their IP header on")                  \
	X(ICMP_TO_ALL, "icmp_to_all", "redirector: ICMP errors of unknown flows, told to all")     \
	X(ICMP_NOT_TOLD, "icmp_not_told", "redirector: the same, but too many or too long")        \
	X(FLOWS_NEW, "flows_new", "flows that were remembered")                                    \
	X(FLOWS_KEPT, "flows_kept", "flows whose second packet came: kept from now on")            \
	X(FLOWS_FORGOTTEN, "flows_forgotten", "remembered flows given up for a new SYN")           \
	X(FLOWS_REPLACED, "flows_replaced", "flows not kept that made room for newer ones")        \
	X(FLOWS_EVICTED, "flows_evicted", "kept but idle flows that made room for newer ones")     \
	X(FLOWS_NO_ROOM, "flows_no_room", "flows not remembered: all their places are in use")     \
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

/*
 * On one CPU. The first of them is for packets of no service, the one behind it for service 0, and
 * the last has what was counted for services whose index is another's now.
 */
#define BALANCER_COUNTED_GONE (BALANCER_SERVICES_MAX + 1)
#define BALANCER_COUNTED (BALANCER_COUNTED_GONE + 1)
struct balancer_counters {
	__u64 values[BALANCER_COUNTER_COUNT];
};

/* What one CPU has sent, or could not send, to a server. */
struct balancer_traffic {
	__u64 packets[BALANCER_WAY_COUNT]; /* by why they went there */
	__u64 bytes;
	__u64 dropped; /* of these packets: too big, no route, no headroom */
	__u64 unroutable; /* joins with a token of this server that it cannot take */
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

/* Where to look first for an address that services are on. */
static inline __attribute__((always_inline, unused)) __u32
balancer_address_slot(const struct balancer_address *address, __u32 mask)
{
	return (__u32)balancer_mix_address(0, address) & mask;
}

/*
 * The hash that gives a flow its places in the flow table: SipHash-1-3 over 22 bytes, as the
 * kernel uses it for tables. Nobody who lacks the key can choose flows that fall on each other.
 */
static inline __attribute__((always_inline, unused)) __u64
balancer_flow_hash(const struct mptcplb_core_secret *key, const struct balancer_flow *flow)
{
	const struct balancer_address *client = &flow->client;
	const __u64 blocks[] = {
		(__u64)client->words[0] << 32 | client->words[1],
		(__u64)client->words[2] << 32 | client->words[3],
		(__u64)22 << 56 | (__u64)flow->service_index << 32 |
			(__u64)flow->client_port << 16 | flow->service_port,
	};
	uint64_t v[4] = {
		key->k0 ^ 0x736f6d6570736575ULL,
		key->k1 ^ 0x646f72616e646f6dULL,
		key->k0 ^ 0x6c7967656e657261ULL,
		key->k1 ^ 0x7465646279746573ULL,
	};
	int i;

	for (i = 0; i < 3; i++) {
		v[3] ^= blocks[i];
		mptcplb_core_sipround(v);
		v[0] ^= blocks[i];
	}
	v[2] ^= 0xff;
	for (i = 0; i < 3; i++)
		mptcplb_core_sipround(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/*
 * The two buckets of a flow; @mask is their number less one. The second differs from the first by
 * bits of the tag alone, so a tag says as much in either of them.
 */
static inline __attribute__((always_inline, unused)) __u32 balancer_bucket(__u64 hash, int second,
									   __u32 mask)
{
	__u32 bucket = (__u32)hash;

	return (second ? bucket ^ (__u32)(hash >> 40) : bucket) & mask;
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
