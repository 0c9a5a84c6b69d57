/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the server agent's BPF programs and its user space share: map values and counters. */
#ifndef MPTCPLB_SERVER_KERN_USER_H
#define MPTCPLB_SERVER_KERN_USER_H

#include <linux/types.h>

#include <mptcplb/core.h>

/* The kernel's token table (net/mptcp/token.c): most buckets, and most tokens in one of them. */
#define SERVER_BUCKETS_MAX 65536
#define SERVER_BUCKET_TOKENS_MAX 4

#define SERVER_SLOTS_DEFAULT 4096
#define SERVER_SLOTS_MAX (1 << 20)

/* So long is a slot that was shown to one flow kept from other flows, if there is a choice. */
#define SERVER_SHOWN_NS 10000000000ULL

/* So long is a key that was replaced unused still taken from a client. */
#define SERVER_PREVIOUS_NS 10000000000ULL

/*
 * The kernel takes a cookie of a listener for two minutes after that listener sent its last one.
 * So a SYN is given a cookie in its name only when it sent one itself in so many nanoseconds,
 * which leaves the rest for the client to answer.
 */
#define SERVER_MARK_NS 100000000000ULL

/* So long an auxiliary listener is used: its half-open request lives for 63 seconds. */
#define SERVER_AUXILIARY_NS 50000000000ULL

/* Interfaces that one agent can be attached to. */
#define SERVER_INTERFACES_MAX 16

/*
 * The layout of the maps that one agent leaves to the next, here and in the programs: to be raised
 * with each change of what they hold, so that nobody reads a layout that is not its own.
 */
#define SERVER_LAYOUT 3

/* What the next agent has to know besides the maps' contents. */
struct server_state {
	__u32 layout; /* SERVER_LAYOUT */
	__u32 reserved;
	__u64 flow_secret[2]; /* chooses the slots of a flow */
	struct {
		__u32 ifindex; /* has our filters on its clsact qdisc; 0: none */
		__u32 qdisc_created; /* by us, so that we remove it */
	} clsact[SERVER_INTERFACES_MAX];
};

/* Ids that a search in BPF looks for, and keys that it tries for one packet, at most. */
#define SERVER_SEARCH_IDS_MAX 16
#define SERVER_SEARCH_TRIES_MAX 4096

/* So much of each second a CPU may spend on searches. */
#define SERVER_SEARCH_NS 20000000ULL
#define SERVER_SECOND_NS 1000000000ULL

/* An IPv6 address, or an IPv4 address as ::ffff:a.b.c.d. */
struct server_address {
	__be32 words[4];
};

/*
 * A key on offer. User space fills empty slots; the verified third ACK empties them. Whoever
 * changes a key does it with a compare-and-swap, since egress, ingress and user space all do.
 */
struct server_slot {
	__u64 key; /* its bytes as they lie on the wire; 0: empty */
	__u64 shown_to; /* flow that saw it last; 0: nobody */
	__u64 shown_at; /* CLOCK_MONOTONIC, ns */
	__u64 first_shown_at; /* the same of the first flow that saw this key */
	__u64 previous_key; /* was replaced at replaced_at, unused; 0: none */
	__u64 replaced_at;
	__u64 token; /* of the key: see server_slot_token() */
	__u64 reserved;
};

/*
 * A slot's key and its token are not written at once, nor by one writer alone. So a token comes
 * with half of its key, and is believed only by who finds that key.
 */
static inline __u64 server_slot_token(__u64 key, __u32 token)
{
	return (key & 0xffffffff00000000ULL) | token;
}

/* The token of a key, if that is what a slot's token is of; else 0. */
static inline __u32 server_token_of(__u64 key, __u64 slot_token)
{
	return (key ^ slot_token) >> 32 ? 0 : (__u32)slot_token;
}

/* What a search for a key needs to know of the farm. */
struct server_search {
	struct mptcplb_keyring keyring;
	__u32 tries_max;
	__u32 id_count;
	__u32 ids[SERVER_SEARCH_IDS_MAX]; /* of the server */
};

/*
 * A live token, and who has it. The entry is changed by a compare-and-swap, since programs and user
 * space both do.
 */
struct server_live {
	__u64 entry; /* see server_live_entry(); 0: nobody is here */
	__u64 flow; /* 0: a connection that did not come by here */
};

/* A bucket of the kernel's token table, as far as tokens of live connections go. */
struct server_bucket {
	struct server_live places[SERVER_BUCKET_TOKENS_MAX];
};

/* The time in an entry is counted in ticks of some 0.13 s. */
#define SERVER_TICK_SHIFT 27

/*
 * An entry: a token, which is not 0, and when it was entered (CLOCK_MONOTONIC, ns), until it has
 * been on the kernel's list: from then on 0.
 */
static inline __u64 server_live_entry(__u32 token, __u64 now)
{
	return now >> SERVER_TICK_SHIFT << 32 | token;
}

/* How many ticks before @now an entry was made that was not on a list: right for nine years. */
static inline __s32 server_live_age(__u64 entry, __u64 now)
{
	return (__s32)((__u32)(now >> SERVER_TICK_SHIFT) - (__u32)(entry >> 32));
}

/* User space is woken when one in so many slots was emptied; else it finds them by and by. */
#define SERVER_WAKE_SHARE 64

/* An address and port that the farm answers on; port 0 stands for the address itself. */
struct server_service {
	struct server_address address;
	__be16 port;
	__u16 reserved;
};

/* When a service's listener last sent a cookie; what the kernel calls its recent overflow. */
struct server_mark {
	__u64 seen_at; /* not later than this, CLOCK_MONOTONIC, ns; 0: not known */
	__u32 jiffies; /* the kernel's mark of that time */
	__u32 reserved;
};

/* The auxiliary listener of an address family: on its loopback address, its request queue full. */
struct server_auxiliary {
	__u64 filled_at; /* CLOCK_MONOTONIC, ns */
	__be16 port;
	__u16 reserved[3];
};

enum server_family {
	SERVER_IPV4,
	SERVER_IPV6,
	SERVER_FAMILIES
};

/* What server_look returns, and in cb[] of its context: see there. */
enum server_listener {
	SERVER_LISTENER_NONE,
	SERVER_LISTENER_TCP,
	SERVER_LISTENER_MPTCP
};
#define SERVER_LOOK_MARK 0
#define SERVER_LOOK_QUEUE 1
#define SERVER_LOOK_PLAIN 2

/* At most one MP_JOIN SYN in interval_ns in the long run, and burst_ns / interval_ns at once. */
struct server_join_limit {
	__u64 interval_ns; /* 0: no limit */
	__u64 burst_ns;
};

/* Name in code, name in `stats`, and what it counts. */
#define SERVER_COUNTERS(COUNTER)                                                                   \
	COUNTER(DECAPSULATED, "decapsulated", "packets taken out of a balancer's IP-in-IP")        \
	COUNTER(DECAPSULATE_SOURCE, "decapsulate_refused_source",                                  \
		"IP-in-IP from outside the farm, dropped")                                         \
	COUNTER(DECAPSULATE_INNER, "decapsulate_refused_inner",                                    \
		"IP-in-IP with something for no service of ours, dropped")                         \
	COUNTER(HIDDEN, "dropped_hidden_header",                                                   \
		"TCP headers in pieces, or behind many extension headers, dropped")                \
	COUNTER(SYN_HANDED_OVER, "syn_handed_over",                                                \
		"SYNs with MP_CAPABLE, and the same without, given to the auxiliary listener")     \
	COUNTER(SYN_SOCKET, "syn_left_socket", "not so: there is a connection or TIME_WAIT entry") \
	COUNTER(SYN_LISTENER, "syn_left_listener", "not so: no listener, or an unsuitable one")    \
	COUNTER(SYN_UNMARKED, "syn_left_unmarked", "not so: the listener has no fresh mark")       \
	COUNTER(SYN_AUXILIARY, "syn_left_auxiliary", "not so: no auxiliary listener is sure")      \
	COUNTER(JOIN_PASSED, "join_passed", "SYNs with MP_JOIN")                                   \
	COUNTER(JOIN_TOKEN_LIMIT, "join_dropped_token", "above the limit of their token, dropped") \
	COUNTER(JOIN_TOTAL_LIMIT, "join_dropped_total", "above the limit of all, dropped")         \
	COUNTER(SYNACK_REWRITTEN, "synack_rewritten", "SYN/ACKs with a key of ours")               \
	COUNTER(SYNACK_SHOWN_AGAIN, "synack_key_shown_again", "their key was on show elsewhere")   \
	COUNTER(SYNACK_SOCKET, "synack_left_socket", "SYN/ACKs without a cookie: left alone")      \
	COUNTER(SYNACK_EMPTY, "synack_left_empty_slot", "no key was ready: the kernel's stays")    \
	COUNTER(SEARCH_FOUND, "search_found", "keys found in BPF, for empty slots")                \
	COUNTER(SEARCH_FAILED, "search_failed", "searches in BPF that found none")                 \
	COUNTER(SEARCH_NO_TIME, "search_left_no_time", "searches in BPF not begun: no time left")  \
	COUNTER(SYNACK_FAILED, "synack_left_error", "SYN/ACKs that could not be changed")          \
	COUNTER(ACK_VERIFIED, "ack_verified", "MPTCP connections with an offered key")             \
	COUNTER(ACK_PREVIOUS, "ack_verified_previous", "with a key that was just replaced")        \
	COUNTER(ACK_AGAIN, "ack_verified_again", "the same ACK once more")                         \
	COUNTER(ACK_MALFORMED, "ack_blanked_malformed", "made plain TCP: MP_CAPABLE is broken")    \
	COUNTER(ACK_UNKNOWN_KEY, "ack_blanked_unknown_key", "made plain TCP: not the offered key") \
	COUNTER(ACK_DUPLICATE, "ack_blanked_duplicate", "made plain TCP: the key is taken")        \
	COUNTER(ACK_TOKEN_ZERO, "ack_blanked_token_zero", "made plain TCP: its token is 0")        \
	COUNTER(ACK_BUCKET_FULL, "ack_blanked_bucket_full", "made plain TCP: no room for a token") \
	COUNTER(ACK_DROPPED, "ack_dropped_error", "ACKs that could not be made plain TCP")         \
	COUNTER(CONSUMED, "keys_consumed", "keys taken out of their slots")

#define SERVER_COUNTER_ENUM(symbol, name, meaning) SERVER_##symbol,
enum server_counter {
	SERVER_COUNTERS(SERVER_COUNTER_ENUM) SERVER_COUNTER_COUNT
};
#undef SERVER_COUNTER_ENUM

#endif
