/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Find the MP_CAPABLE options of a TCP header (RFC 8684, section 3.1), and blank them. */
#ifndef MPTCPLB_SERVER_MP_CAPABLE_H
#define MPTCPLB_SERVER_MP_CAPABLE_H

#include <linux/types.h>

#include <mptcplb/core.h>
#include <mptcplb/key.h>
#include <mptcplb/option.h>

/* Kinds of TCP options (RFC 9293, RFC 2018, RFC 7323). */
#define TCPOPT_MSS 2
#define TCPOPT_WINDOW_SCALE 3
#define TCPOPT_SACK_PERMITTED 4
#define TCPOPT_TIMESTAMPS 8

/* Offsets in the option: the key of whoever sends it, and the key of the peer. */
#define MP_CAPABLE_SENDER_KEY 4
#define MP_CAPABLE_PEER_KEY (MP_CAPABLE_SENDER_KEY + MPTCPLB_KEY_SIZE)

/* Lengths of the option in the SYN/ACK, the third ACK, and with data (and its checksum). */
#define MP_CAPABLE_SYNACK_SIZE MP_CAPABLE_PEER_KEY
#define MP_CAPABLE_ACK_SIZE (MP_CAPABLE_PEER_KEY + MPTCPLB_KEY_SIZE)
#define MP_CAPABLE_DATA_SIZE (MP_CAPABLE_ACK_SIZE + 2)
#define MP_CAPABLE_DATA_CHECKSUM_SIZE (MP_CAPABLE_DATA_SIZE + 2)

/*
 * The options of one TCP header, and what a walk over them has found. Set it to zero first. There
 * is room behind the longest list, so that the verifier sees every read of a key in bounds.
 */
struct mp_capable {
	__u8 options[MPTCPLB_TCP_OPTIONS_MAX + MP_CAPABLE_DATA_CHECKSUM_SIZE];
	__u32 length; /* of options */
	__u32 next; /* offset of the next option */
	__u32 count; /* how many MP_CAPABLE */
	__u32 at; /* offset of the last one */
	__u32 size; /* its length */
	__u32 malformed; /* the list is broken behind next: a length below 2, or past the end */
	__u64 bytes; /* bit i is set when byte i belongs to an MP_CAPABLE */
};

/* What Linux puts in front of its options of MPTCP: in segments, and in SYNs and SYN/ACKs. */
#define USUAL_SEGMENT_SIZE 12
#define USUAL_SYN_SIZE 20

/* Whether a list of options, of USUAL_SEGMENT_SIZE bytes at least, begins with timestamps. */
static __always_inline int options_begin_as_usual(const __u8 *list)
{
	return list[0] == MPTCPLB_TCPOPT_NOP && list[1] == MPTCPLB_TCPOPT_NOP &&
	       list[2] == TCPOPT_TIMESTAMPS && list[3] == 10;
}

/* The same for MSS, SACK permitted, timestamps, and window scale. */
static __always_inline int syn_options_begin_as_usual(const __u8 *list)
{
	return list[0] == TCPOPT_MSS && list[1] == 4 && list[4] == TCPOPT_SACK_PERMITTED &&
	       list[5] == 2 && list[6] == TCPOPT_TIMESTAMPS && list[7] == 10 &&
	       list[16] == MPTCPLB_TCPOPT_NOP && list[17] == TCPOPT_WINDOW_SCALE && list[18] == 3;
}

/* Where a walk over a list may begin: behind what Linux puts in front, if that is there. */
static __always_inline __u32 options_walk_from(const __u8 *list, __u32 length)
{
	if (length >= USUAL_SYN_SIZE && syn_options_begin_as_usual(list))
		return USUAL_SYN_SIZE;
	return length >= USUAL_SEGMENT_SIZE && options_begin_as_usual(list) ? USUAL_SEGMENT_SIZE
									    : 0;
}

/* Whether an option is one of MPTCP that fills @room, padding included, and is no MP_CAPABLE. */
static __always_inline int is_other_mptcp_alone(const __u8 *option, __u32 room)
{
	return option[0] == MPTCPLB_TCPOPT_MPTCP && option[2] >> 4 != MPTCPLB_MP_CAPABLE &&
	       ((option[1] + 3U) & ~3U) == room;
}

/* Whether a list is what an established subflow of Linux sends: cheaper to see than to walk. */
static __always_inline int mp_capable_is_absent(const struct mp_capable *walk)
{
	return options_begin_as_usual(walk->options) &&
	       is_other_mptcp_alone(walk->options + USUAL_SEGMENT_SIZE,
				    walk->length - USUAL_SEGMENT_SIZE);
}

/* Look at one option; as the callback of bpf_loop(). Returns 0 to go on, 1 when all is seen. */
static long mp_capable_step(__u32 index, struct mp_capable **context)
{
	struct mp_capable *walk = *context;
	__u32 next = walk->next;
	__u32 size;

	(void)index;
	if (next >= walk->length || next >= MPTCPLB_TCP_OPTIONS_MAX ||
	    walk->options[next] == MPTCPLB_TCPOPT_EOL)
		return 1;
	if (walk->options[next] == MPTCPLB_TCPOPT_NOP) {
		walk->next = next + 1;
		return 0;
	}
	size = next + 1 < walk->length ? walk->options[next + 1] : 0;
	if (size < 2 || next + size > walk->length) {
		walk->malformed = 1;
		return 1;
	}
	if (walk->options[next] == MPTCPLB_TCPOPT_MPTCP && size > 2 &&
	    walk->options[next + 2] >> 4 == MPTCPLB_MP_CAPABLE) {
		walk->count++;
		walk->at = next;
		walk->size = size;
		walk->bytes |= ((1ULL << (size & 63)) - 1) << next;
	}
	walk->next = next + size;
	return 0;
}

/*
 * Where the option is. Masked, as the verifier of Linux 6.1 loses what a comparison has told of a
 * number that the compiler keeps on the stack.
 */
static __always_inline __u32 mp_capable_at(const struct mp_capable *walk)
{
	__u32 at = walk->at;

	asm volatile("" : "+r"(at)); /* the compiler knows that it is no more, and drops the mask */
	return at & 63;
}

/* Whether exactly one MP_CAPABLE of RFC 8684 was found, in a sound list. Its length is open. */
static __always_inline int mp_capable_sound(const struct mp_capable *walk)
{
	__u32 at = mp_capable_at(walk);

	return walk->count == 1 && !walk->malformed && at < MPTCPLB_TCP_OPTIONS_MAX &&
	       (walk->options[at + 2] & 0xf) == MPTCPLB_VERSION_RFC8684;
}

/* The form that carries both keys: in the third ACK, alone or with data. */
static __always_inline int mp_capable_has_both_keys(const struct mp_capable *walk)
{
	return mp_capable_sound(walk) &&
	       (walk->size == MP_CAPABLE_ACK_SIZE || walk->size == MP_CAPABLE_DATA_SIZE ||
		walk->size == MP_CAPABLE_DATA_CHECKSUM_SIZE);
}

/* A key of the option, its bytes as they lie on the wire. */
static __always_inline __u64 mp_capable_key(const struct mp_capable *walk, __u32 offset)
{
	__u32 at = mp_capable_at(walk);
	__u64 key = 0;

	if (at < MPTCPLB_TCP_OPTIONS_MAX)
		__builtin_memcpy(&key, &walk->options[at + offset], sizeof(key));
	return key;
}

static __always_inline void mp_capable_set_key(struct mp_capable *walk, __u32 offset, __u64 key)
{
	__u32 at = mp_capable_at(walk);

	if (at < MPTCPLB_TCP_OPTIONS_MAX)
		__builtin_memcpy(&walk->options[at + offset], &key, sizeof(key));
}

/* Overwrite each MP_CAPABLE with NOPs. Without branches: the verifier would follow all of them. */
static __always_inline void mp_capable_blank(struct mp_capable *walk)
{
	int i;

	for (i = 0; i < MPTCPLB_TCP_OPTIONS_MAX; i++) {
		__u8 mask = -(walk->bytes >> i & 1);

		walk->options[i] = (walk->options[i] & ~mask) | (MPTCPLB_TCPOPT_NOP & mask);
	}
}

#endif
