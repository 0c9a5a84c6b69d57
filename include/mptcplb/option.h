/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/**
 * @file option.h
 * @brief The options of a TCP header, and every option of Multipath TCP.
 * @defgroup option Options
 *
 * mptcplb_option_next() walks over the options of a TCP header; mptcplb_option_parse() reads the
 * MPTCP ones among them into a view, and mptcplb_option_build() writes a view back:
 *
 *     struct mptcplb_option_iterator iterator = {
 *         .size = sizeof(iterator), .bytes = options, .length = length,
 *     };
 *     struct mptcplb_tcp_option tcp_option;
 *     struct mptcplb_option option;
 *
 *     while (mptcplb_option_next(&iterator, &tcp_option) > 0)
 *         if (tcp_option.kind == MPTCPLB_TCPOPT_MPTCP &&
 *             mptcplb_option_parse(NULL, &option, tcp_option.bytes, tcp_option.length) > 0)
 *             …
 *
 * The formats are those of RFC 8684 (version 1), of RFC 6824 (version 0) where it differs, and of
 * docs/token-format.md (versions 13 to 15, which carry tokens that name their server).
 *
 * Contract
 * - Functions return bytes, or a negative value of enum mptcplb_error.
 * - Nothing is allocated, locked or kept; input may lie at any address.
 * - A view points into the bytes that it was parsed from, so it lives no longer than they do.
 *   Integers in it are in host byte order; keys, addresses and HMACs are byte strings.
 * - What is valid comes back: build(parse(x)) is x, with reserved bits and what is unknown.
 * - On error the view is undefined, and a buffer is as it was.
 * - Running time depends on the option's length and format, not on its values.
 *
 * Not promised: that a valid option makes sense in its segment. That a SYN carries the SYN's form,
 * that an HMAC is right, that two options go together: those are for the stack to check.
 * @{
 */
#ifndef MPTCPLB_OPTION_H
#define MPTCPLB_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mptcplb/attributes.h>
#include <mptcplb/core.h>
#include <mptcplb/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @name Subtypes
 * RFC 8684, section 7.2; those of MP_CAPABLE and MP_JOIN are in core.h.
 * @{
 */
#define MPTCPLB_DSS 2 /**< Data Sequence Signal, section 3.3 */
#define MPTCPLB_ADD_ADDR 3 /**< Add Address, section 3.4.1 */
#define MPTCPLB_REMOVE_ADDR 4 /**< Remove Address, section 3.4.2 */
#define MPTCPLB_MP_PRIO 5 /**< Change Subflow Priority, section 3.3.8 */
#define MPTCPLB_MP_FAIL 6 /**< Fallback, section 3.7 */
#define MPTCPLB_MP_FASTCLOSE 7 /**< Fast Close, section 3.5 */
#define MPTCPLB_MP_TCPRST 8 /**< Subflow Reset, section 3.6 */
#define MPTCPLB_MP_EXPERIMENTAL 15 /**< for private use */
/** @} */

/**
 * @name Versions in MP_CAPABLE
 * @{
 */
#define MPTCPLB_VERSION_RFC6824 0 /**< the experimental version 0 */
#define MPTCPLB_VERSION_RFC8684 1 /**< the standard */
#define MPTCPLB_VERSION_COMPACT 13 /**< mode compact: keys of 12 and 4 bytes, token beside them */
#define MPTCPLB_VERSION_IMPLICIT 14 /**< mode implicit: laid out as version 1 */
#define MPTCPLB_VERSION_EXTENDED 15 /**< mode extended: keys of 8 bytes, token beside them */
/** @} */

/**
 * @name Flags
 * Bits of @ref mptcplb_option::flags, by the RFC's letters.
 * @{
 */
#define MPTCPLB_MP_CAPABLE_A 0x80 /**< checksums are required */
#define MPTCPLB_MP_CAPABLE_B 0x40 /**< extensibility; 0 in the versions known */
#define MPTCPLB_MP_CAPABLE_C 0x20 /**< no joins to the address and port of this subflow */
#define MPTCPLB_MP_CAPABLE_H 0x01 /**< HMAC-SHA256 (in version 0: HMAC-SHA1) */
#define MPTCPLB_MP_JOIN_B 0x01 /**< SYN and SYN/ACK: this subflow is a backup */
#define MPTCPLB_DSS_F 0x10 /**< DATA_FIN */
#define MPTCPLB_DSS_m 0x08 /**< the data sequence number has 8 bytes, not 4 */
#define MPTCPLB_DSS_M 0x04 /**< there is a mapping */
#define MPTCPLB_DSS_a 0x02 /**< the Data ACK has 8 bytes, not 4 */
#define MPTCPLB_DSS_A 0x01 /**< there is a Data ACK */
#define MPTCPLB_ADD_ADDR_E 0x01 /**< version 1: an echo, which has no HMAC */
#define MPTCPLB_MP_PRIO_B 0x01 /**< use as a backup */
#define MPTCPLB_MP_TCPRST_U 0x08 /**< unassigned */
#define MPTCPLB_MP_TCPRST_V 0x04 /**< unassigned */
#define MPTCPLB_MP_TCPRST_W 0x02 /**< unassigned */
#define MPTCPLB_MP_TCPRST_T 0x01 /**< transient: worth trying again */
/** @} */

/** How many bytes of HMAC an ADD_ADDR of version 1 carries, the last ones. */
#define MPTCPLB_ADD_ADDR_HMAC_SIZE 8

/** MP_CAPABLE. What there is depends on version and length; see mptcplb_option_parse(). */
struct mptcplb_mp_capable {
	uint8_t version; /**< MPTCPLB_VERSION_*, or another below 16 */
	uint8_t sender_key_length; /**< 0 when there is none; or 8; in compact 4 or 12 */
	uint8_t receiver_key_length; /**< 0 when there is none; or 8; in compact 4 */
	bool has_token; /**< versions 13 and 15 only */
	bool has_data_level_length; /**< sent with data */
	bool has_checksum; /**< only beside a data-level length */
	uint16_t data_level_length; /**< how many bytes of data the mapping covers */
	uint16_t checksum; /**< of the data and its pseudo-header, as a big-endian integer */
	uint32_t token; /**< the sender's token */
	const uint8_t *sender_key; /**< Option Sender's Key */
	const uint8_t *receiver_key; /**< Option Receiver's Key */
	const uint8_t *unknown; /**< versions 2 to 12: all bytes behind the flags */
	uint8_t unknown_length; /**< how many; 0 in the versions known */
};

/** Which segment of the handshake an MP_JOIN is from. Each form has a length of its own. */
enum mptcplb_mp_join_form {
	MPTCPLB_MP_JOIN_SYN, /**< 12 bytes: address_id, token, random */
	MPTCPLB_MP_JOIN_SYNACK, /**< 16 bytes: address_id, hmac, random */
	MPTCPLB_MP_JOIN_ACK, /**< 24 bytes: hmac */
};

/** MP_JOIN (RFC 8684, section 3.2). */
struct mptcplb_mp_join {
	enum mptcplb_mp_join_form form; /**< says which of the others there are */
	uint8_t address_id; /**< of the sender's address */
	uint32_t token; /**< the receiver's token */
	uint32_t random; /**< the sender's random number */
	const uint8_t *hmac; /**< MPTCPLB_HMAC_SYNACK_SIZE or MPTCPLB_HMAC_ACK_SIZE bytes (key.h) */
};

/** DSS (RFC 8684, section 3.3); @ref mptcplb_option::flags says what there is. */
struct mptcplb_dss {
	uint64_t data_ack; /**< with A; below 2^32 without a */
	uint64_t data_sequence_number; /**< with M; below 2^32 without m */
	uint32_t subflow_sequence_number; /**< with M; relative to the subflow's ISN */
	uint16_t data_level_length; /**< with M */
	uint16_t checksum; /**< of the mapping, as a big-endian integer; if has_checksum */
	bool has_checksum; /**< never without M */
};

/**
 * ADD_ADDR (RFC 8684, section 3.4.1; RFC 6824, section 3.4.1).
 *
 * In version 0 @ref mptcplb_option::flags is the field IPVer, 4 or 6, and there is no HMAC. In
 * version 1 either E is set or there is an HMAC. So the two never look the same.
 */
struct mptcplb_add_addr {
	uint8_t version; /**< which form: MPTCPLB_VERSION_RFC6824 or MPTCPLB_VERSION_RFC8684 */
	uint8_t address_id; /**< of the address */
	uint8_t address_length; /**< 4 (IPv4) or 16 (IPv6) */
	bool has_port; /**< without one it is the port of this subflow */
	uint16_t port; /**< TCP port */
	const uint8_t *address; /**< address_length bytes */
	/** MPTCPLB_ADD_ADDR_HMAC_SIZE bytes (mptcplb_key_hmac_add_addr()), or NULL for none. */
	const uint8_t *hmac;
};

/** REMOVE_ADDR (RFC 8684, section 3.4.2). */
struct mptcplb_remove_addr {
	const uint8_t *address_ids; /**< of the addresses that are gone */
	uint8_t count; /**< how many; at least 1 */
};

/** MP_PRIO (RFC 8684, section 3.3.8; RFC 6824, section 3.3.8). */
struct mptcplb_mp_prio {
	bool has_address_id; /**< version 0 only */
	uint8_t address_id; /**< whose subflows; without one it is this subflow */
};

/** MP_FAIL (RFC 8684, section 3.7). */
struct mptcplb_mp_fail {
	uint64_t data_sequence_number; /**< where the mapping started whose checksum was wrong */
};

/** MP_FASTCLOSE (RFC 8684, section 3.5; docs/token-format.md for compact). */
struct mptcplb_mp_fastclose {
	const uint8_t *receiver_key; /**< Option Receiver's Key */
	uint8_t receiver_key_length; /**< 8; in compact 4 towards the server, 12 towards the client */
};

/** MP_TCPRST (RFC 8684, section 3.6). */
struct mptcplb_mp_tcprst {
	uint8_t reason; /**< 0 to 6 are assigned */
};

/** MP_EXPERIMENTAL, and every subtype that has no name. */
struct mptcplb_option_raw {
	const uint8_t *bytes; /**< all bytes behind the third */
	uint8_t length; /**< how many; may be 0 */
};

/** An MPTCP option. */
struct mptcplb_option {
	uint8_t subtype; /**< MPTCPLB_MP_CAPABLE, MPTCPLB_DSS, …, or another below 16 */
	/**
	 * The bits between subtype (in MP_CAPABLE: version) and the first field, as they are on the
	 * wire, reserved and unknown ones too. Eight in MP_CAPABLE; twelve in DSS, MP_FAIL,
	 * MP_FASTCLOSE and the third ACK's MP_JOIN; four in all others.
	 */
	uint16_t flags;
	/** By subtype. */
	union {
		struct mptcplb_mp_capable mp_capable; /**< MPTCPLB_MP_CAPABLE */
		struct mptcplb_mp_join mp_join; /**< MPTCPLB_MP_JOIN */
		struct mptcplb_dss dss; /**< MPTCPLB_DSS */
		struct mptcplb_add_addr add_addr; /**< MPTCPLB_ADD_ADDR */
		struct mptcplb_remove_addr remove_addr; /**< MPTCPLB_REMOVE_ADDR */
		struct mptcplb_mp_prio mp_prio; /**< MPTCPLB_MP_PRIO */
		struct mptcplb_mp_fail mp_fail; /**< MPTCPLB_MP_FAIL */
		struct mptcplb_mp_fastclose mp_fastclose; /**< MPTCPLB_MP_FASTCLOSE */
		struct mptcplb_mp_tcprst mp_tcprst; /**< MPTCPLB_MP_TCPRST */
		struct mptcplb_option_raw raw; /**< all others */
	};
};

/** @ref mptcplb_option_context::version when the connection's version is not known. */
#define MPTCPLB_VERSION_UNKNOWN 255

/**
 * What is known of a connection when one of its options is parsed.
 *
 * Most options say all by themselves. A known version narrows three of them: MP_FASTCLOSE has 8 or
 * 16 bytes in compact, 12 in all others; ADD_ADDR and MP_PRIO have RFC 6824's own form in version 0
 * only. And one length means two things: an MP_CAPABLE of compact with 24 bytes ends with the
 * token, or, when the SYN had carried that, with data-level length and checksum.
 */
struct mptcplb_option_context {
	/** sizeof(struct mptcplb_option_context), so that the struct can grow. */
	size_t size;
	/** The version that both ends settled on, or MPTCPLB_VERSION_UNKNOWN. */
	uint8_t version;
	/** The client's MP_CAPABLE SYN carried its token, which is the draft's own form. */
	bool token_in_syn;
};

/**
 * Parse one MPTCP option.
 *
 * | MP_CAPABLE | lengths, and what there is behind the flags |
 * |---|---|
 * | version 0 | 12 sender's key; 20 and receiver's key |
 * | version 1, 14 | 4 nothing; 12 sender's key; 20 and receiver's key; 22 and data-level length; 24 and checksum |
 * | version 15 | 4 nothing; 8 token; 16 sender's key, token; 24 both keys, token; 26 and data-level length; 28 and checksum |
 * | version 13 | 4 nothing; 8 token; 12 token, sender's key; 24 both keys, token; 26 and data-level length; 28 and checksum; draft's own form: 20 both keys; 22 and data-level length; 24 and checksum |
 * | version 2 to 12 | 4 or more; not looked into |
 *
 * @param context      what is known of the connection, or NULL for nothing.
 * @param[out] option  the view.
 * @param bytes        where the option starts, with its kind.
 * @param size         how many bytes there are; what lies behind the option is not looked at.
 * @return the option's length in bytes, 3 to MPTCPLB_TCP_OPTIONS_MAX.
 * @retval MPTCPLB_ERR_ARGUMENT   @p context is not valid, or the kind is not MPTCPLB_TCPOPT_MPTCP.
 * @retval MPTCPLB_ERR_TRUNCATED  @p size is less than the option's length, or less than the 2
 *                                bytes that say it.
 * @retval MPTCPLB_ERR_MALFORMED  its length, or a field that says what follows, is not one that
 *                                the format has.
 *
 * Source: RFC 8684 section 3; RFC 6824 section 3; docs/token-format.md, "On the wire".
 */
MPTCPLB_API int mptcplb_option_parse(const struct mptcplb_option_context *context,
				     struct mptcplb_option *option, const uint8_t *bytes,
				     size_t size) MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(2, 3);

/**
 * Write an MPTCP option.
 *
 * Fields that the form does not have are ignored.
 *
 * @param option       what to write.
 * @param[out] buffer  room for the option.
 * @param size         how much room there is; MPTCPLB_TCP_OPTIONS_MAX is always enough.
 * @return how many bytes were written.
 * @retval MPTCPLB_ERR_ARGUMENT  @p option is none that mptcplb_option_parse() could have given: no
 *                               such subtype, too many flag bits, a number that is too large for
 *                               its field, lengths or fields that do not go together.
 * @retval MPTCPLB_ERR_BUFFER    @p size is too small.
 */
MPTCPLB_API int mptcplb_option_build(const struct mptcplb_option *option, uint8_t *buffer,
				     size_t size) MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(1, 2);

/**
 * The name of a subtype as RFC 8684 writes it, e.g. "MP_JOIN".
 *
 * @return a constant string, or NULL for a subtype without a name.
 */
MPTCPLB_API const char *mptcplb_option_subtype_name(uint8_t subtype);

/** An option of a TCP header, of any kind. */
struct mptcplb_tcp_option {
	const uint8_t *bytes; /**< where it starts, with its kind */
	uint8_t kind; /**< MPTCPLB_TCPOPT_* or another; never MPTCPLB_TCPOPT_EOL */
	uint8_t length; /**< in bytes, kind included; 1 for MPTCPLB_TCPOPT_NOP */
};

/** A walk over the options of a TCP header. Set size, bytes and length, and offset to 0. */
struct mptcplb_option_iterator {
	/** sizeof(struct mptcplb_option_iterator), so that the struct can grow. */
	size_t size;
	const uint8_t *bytes; /**< the bytes behind the TCP header's first 20 */
	size_t length; /**< how many there are */
	/** Where the next option starts; once the walk is over, where it ended or broke. */
	size_t offset;
};

/**
 * Go to the next option.
 *
 * Paddings of one byte (MPTCPLB_TCPOPT_NOP) are options like any other; the end of the option list
 * ends the walk. After 0 or an error every further call returns the same.
 *
 * @param[in,out] iterator  where the walk is.
 * @param[out] option       the option; untouched unless 1 is returned.
 * @retval 1  there is one.
 * @retval 0  there are no more.
 * @retval MPTCPLB_ERR_ARGUMENT   @p iterator has a wrong size.
 * @retval MPTCPLB_ERR_MALFORMED  the option at @ref mptcplb_option_iterator::offset has a length
 *                                below 2.
 * @retval MPTCPLB_ERR_TRUNCATED  it runs past the end.
 *
 * Source: RFC 9293 section 3.1.
 */
MPTCPLB_API int mptcplb_option_next(struct mptcplb_option_iterator *iterator,
				    struct mptcplb_tcp_option *option)
	MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(1, 2);

#ifdef __cplusplus
}
#endif

/** @} */
#endif
