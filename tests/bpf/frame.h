/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Ethernet frames for BPF_PROG_TEST_RUN. Addresses and ports are in host byte order. */
#ifndef MPTCPLB_TESTS_FRAME_H
#define MPTCPLB_TESTS_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define FRAME_SIZE_MAX 2048
#define FRAME_IP 14 /* where the network header starts */
#define FRAME_IPV6_SIZE 40

struct frame {
	uint8_t bytes[FRAME_SIZE_MAX];
	size_t length;
};

/* TCP flags, as in the header's byte 13. */
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/* TCP options, e.g. from the functions below. */
struct options {
	uint8_t bytes[40];
	size_t length;
};

/* A TCP segment over IPv4. */
struct segment {
	uint32_t client, service;
	uint16_t client_port, service_port;
	uint8_t flags;
	uint8_t tos;
	struct options options; /* padded to a multiple of 4 with EOL */
	size_t ip_options; /* how many bytes of them, a multiple of 4 */
	size_t payload; /* how many bytes */
	size_t padding; /* bytes behind the packet, as on short Ethernet frames */
	uint16_t fragment; /* flags and offset of the IP header */
};

void options_add(struct options *options, const uint8_t *bytes, size_t length);
void options_add_nops(struct options *options, size_t count);
void options_add_join(struct options *options, uint32_t token);
void options_add_capable(struct options *options);

void frame_build(struct frame *frame, const struct segment *segment);

/* Put bytes in; what is behind them moves on. */
void frame_insert(struct frame *frame, size_t offset, const void *bytes, size_t length);

/* Give a frame of frame_build() an IPv6 header instead of its IPv4 header. */
void frame_make_ipv6(struct frame *frame, const uint8_t source[16], const uint8_t destination[16]);

/* Big-endian numbers in a frame. */
void put16(uint8_t *bytes, uint16_t value);
void put32(uint8_t *bytes, uint32_t value);
uint16_t get16(const uint8_t *bytes);
uint32_t get32(const uint8_t *bytes);

/* The Internet checksum (RFC 1071) of an IPv4 header; 0 over one that holds its checksum. */
uint16_t ip_checksum(const uint8_t *header, size_t length);

#endif
