/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the server agent's BPF programs and its user space share: map values and counters. */
#ifndef MPTCPLB_SERVER_KERN_USER_H
#define MPTCPLB_SERVER_KERN_USER_H

#include <linux/types.h>

/* The kernel's token table (net/mptcp/token.c): most buckets, and most tokens in one of them. */
#define SERVER_BUCKETS_MAX 65536
#define SERVER_BUCKET_TOKENS_MAX 4

#define SERVER_SLOTS_DEFAULT 4096
#define SERVER_SLOTS_MAX (1 << 20)

/* So long is a slot that was shown to one flow kept from other flows, if there is a choice. */
#define SERVER_SHOWN_NS 10000000000ULL

/*
 * A key on offer. User space fills empty slots; the verified third ACK empties them. Whoever
 * changes key does it with a compare-and-swap, since egress, ingress and user space all do.
 */
struct server_slot {
	__u64 key; /* its bytes as they lie on the wire; 0: empty */
	__u64 shown_to; /* flow that saw it last; 0: nobody */
	__u64 shown_at; /* CLOCK_MONOTONIC, ns */
	__u32 token; /* host byte order; 0: the kernel drew this key, its token is not known */
	__u32 reserved;
};

/* Tells user space that a slot is empty. Each slot is reported once until it is filled again. */
struct server_consumed {
	__u32 slot;
	__u32 token; /* that the slot's key had */
};

/* An address and port that the farm answers on; port 0 stands for the address itself. */
struct server_service {
	__be32 address;
	__be16 port;
	__u16 reserved;
};

/* Name in code, name in `status`. */
#define SERVER_COUNTERS(COUNTER)                                  \
	COUNTER(DECAPSULATED, "decapsulated")                     \
	COUNTER(DECAPSULATE_SOURCE, "decapsulate_refused_source") \
	COUNTER(DECAPSULATE_INNER, "decapsulate_refused_inner")   \
	COUNTER(SYNACK_REWRITTEN, "synack_rewritten")             \
	COUNTER(SYNACK_SHOWN_AGAIN, "synack_key_shown_again")     \
	COUNTER(SYNACK_SOCKET, "synack_left_socket")              \
	COUNTER(SYNACK_EMPTY, "synack_left_empty_slot")           \
	COUNTER(SYNACK_FAILED, "synack_left_error")               \
	COUNTER(ACK_VERIFIED, "ack_verified")                     \
	COUNTER(ACK_AGAIN, "ack_verified_again")                  \
	COUNTER(ACK_MALFORMED, "ack_blanked_malformed")           \
	COUNTER(ACK_UNKNOWN_KEY, "ack_blanked_unknown_key")       \
	COUNTER(ACK_DUPLICATE, "ack_blanked_duplicate")           \
	COUNTER(ACK_BUCKET_FULL, "ack_blanked_bucket_full")       \
	COUNTER(ACK_DROPPED, "ack_dropped_error")                 \
	COUNTER(CONSUMED, "keys_consumed")

#define SERVER_COUNTER_ENUM(name, text) SERVER_##name,
enum server_counter {
	SERVER_COUNTERS(SERVER_COUNTER_ENUM) SERVER_COUNTER_COUNT
};
#undef SERVER_COUNTER_ENUM

#endif
