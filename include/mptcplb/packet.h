/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/**
 * @file packet.h
 * @brief From a captured frame to its TCP header.
 * @defgroup packet Packets
 *
 * mptcplb_packet_parse() takes a frame as a capture or a packet socket gives it and finds the TCP
 * header in it: behind Ethernet with any VLAN tags, Linux cooked headers, or none; behind IPv4 with
 * options, IPv6 with extension headers, and either inside the other. The options it finds are for
 * mptcplb_option_next() of option.h.
 *
 * Contract
 * - Nothing is allocated, locked or kept; a frame may lie at any address.
 * - The result points into the frame, so it lives no longer than that. Integers in it are in host
 *   byte order; addresses are byte strings.
 * - A frame may have been cut when it was captured. Lengths are those that the headers claim; the
 *   bytes that are there are counted apart, and nothing behind them is read.
 * - Checksums are not looked at, and fragments are not put together.
 * @{
 */
#ifndef MPTCPLB_PACKET_H
#define MPTCPLB_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mptcplb/attributes.h>
#include <mptcplb/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @name Link types
 * The numbers of https://www.tcpdump.org/linktypes.html, which are in capture files and, but for
 * MPTCPLB_LINK_RAW, are what pcap_datalink() returns.
 * @{
 */
#define MPTCPLB_LINK_NULL 0 /**< BSD loopback: address family in either byte order, then IP */
#define MPTCPLB_LINK_ETHERNET 1 /**< Ethernet, with 802.1Q and 802.1ad tags */
#define MPTCPLB_LINK_RAW 101 /**< IPv4 or IPv6 */
#define MPTCPLB_LINK_LOOP 108 /**< OpenBSD loopback: as MPTCPLB_LINK_NULL */
#define MPTCPLB_LINK_LINUX_SLL 113 /**< Linux cooked, version 1 */
#define MPTCPLB_LINK_IPV4 228 /**< IPv4 */
#define MPTCPLB_LINK_IPV6 229 /**< IPv6 */
#define MPTCPLB_LINK_LINUX_SLL2 276 /**< Linux cooked, version 2 */
#define MPTCPLB_LINK_DLT_RAW 12 /**< what pcap_datalink() says for MPTCPLB_LINK_RAW */
#define MPTCPLB_LINK_DLT_RAW_OPENBSD 14 /**< the same on OpenBSD */
/** @} */

/**
 * @name TCP flags
 * Bits of @ref mptcplb_packet::flags (RFC 9293, section 3.1).
 * @{
 */
#define MPTCPLB_TCP_FIN 0x01 /**< no more data */
#define MPTCPLB_TCP_SYN 0x02 /**< sequence numbers start */
#define MPTCPLB_TCP_RST 0x04 /**< reset */
#define MPTCPLB_TCP_PSH 0x08 /**< push */
#define MPTCPLB_TCP_ACK 0x10 /**< the acknowledgment number counts */
#define MPTCPLB_TCP_URG 0x20 /**< the urgent pointer counts */
#define MPTCPLB_TCP_ECE 0x40 /**< ECN-Echo */
#define MPTCPLB_TCP_CWR 0x80 /**< congestion window reduced */
/** @} */

/** How many IP headers, one inside the other, are followed. */
#define MPTCPLB_PACKET_IP_MAX 4

/** What an IP header says. */
struct mptcplb_packet_ip {
	uint8_t version; /**< 4 or 6 */
	uint8_t address_length; /**< 4 or 16 */
	/** The packet is a fragment: the first, unless parsing ended with MPTCPLB_ERR_FRAGMENT. */
	bool fragment;
	uint8_t protocol; /**< what follows it and its extension headers, as an IP protocol number */
	const uint8_t *source; /**< address_length bytes */
	const uint8_t *destination; /**< address_length bytes */
};

/** A frame's TCP segment. */
struct mptcplb_packet {
	/** The innermost IP header. */
	struct mptcplb_packet_ip ip;
	/** Those around it, the outermost first. */
	struct mptcplb_packet_ip outer[MPTCPLB_PACKET_IP_MAX - 1];
	uint8_t outer_count; /**< how many; 0 unless IP is inside IP */

	uint8_t flags; /**< MPTCPLB_TCP_* */
	uint16_t source_port; /**< TCP port */
	uint16_t destination_port; /**< TCP port */
	uint16_t window; /**< not scaled */
	uint32_t sequence_number; /**< of the first byte of data, or of the SYN */
	uint32_t acknowledgment_number; /**< counts with MPTCPLB_TCP_ACK */

	const uint8_t *tcp; /**< the TCP header, of which at least 20 bytes are there */
	const uint8_t *options; /**< the bytes behind these 20 */
	uint8_t options_length; /**< how many the header has: 0 to 40, a multiple of 4 */
	uint8_t options_captured; /**< how many of them are there: fewer when they were cut */
	const uint8_t *payload; /**< the first byte of data; NULL when none is there */
	uint32_t payload_length; /**< data of this segment (of a first fragment: in it) */
	uint32_t payload_captured; /**< how much of it is there */
};

/**
 * Find the TCP header of a frame.
 *
 * An IP packet whose length field is 0, as senders with segmentation offload capture them, reaches
 * to the end of the frame.
 *
 * @param[out] packet  what was found. On error ip, outer and outer_count hold what was seen on the
 *                     way, where an ip.version of 0 means that not even this header was whole, and
 *                     all else is zero.
 * @param link_type    MPTCPLB_LINK_*.
 * @param frame        @p captured bytes.
 * @param captured     how many bytes of the frame are there.
 * @param length       how long the frame was before it was cut; what is less than @p captured
 *                     counts as @p captured.
 * @retval MPTCPLB_OK             there is a TCP header.
 * @retval MPTCPLB_ERR_LINK_TYPE  none of the link types above.
 * @retval MPTCPLB_ERR_NOT_TCP    it is something else: another protocol, or encrypted.
 * @retval MPTCPLB_ERR_FRAGMENT   it is a fragment, not the first: it has no TCP header.
 * @retval MPTCPLB_ERR_NESTED     more than MPTCPLB_PACKET_IP_MAX IP headers.
 * @retval MPTCPLB_ERR_TRUNCATED  the bytes end before the 20th of the TCP header, or a fragment
 *                                before the header does.
 * @retval MPTCPLB_ERR_MALFORMED  a header contradicts itself or the one before it, such as an IP
 *                                packet that is longer than the one around it. (One that is longer
 *                                than its frame was cut.)
 *
 * Source: RFC 791, RFC 8200, RFC 4302 (AH), RFC 2003, RFC 2473 and RFC 4213 (IP in IP), RFC 9293.
 */
MPTCPLB_API int mptcplb_packet_parse(struct mptcplb_packet *packet, uint32_t link_type,
				     const uint8_t *frame, size_t captured, size_t length)
	MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(1, 3);

#ifdef __cplusplus
}
#endif

/** @} */
#endif
