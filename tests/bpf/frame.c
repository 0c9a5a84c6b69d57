// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "frame.h"

#include <stdlib.h>
#include <string.h>

#include <mptcplb/core.h>

void put16(uint8_t *bytes, uint16_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

void put32(uint8_t *bytes, uint32_t value)
{
	put16(bytes, (uint16_t)(value >> 16));
	put16(bytes + 2, (uint16_t)value);
}

uint16_t get16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

uint32_t get32(const uint8_t *bytes)
{
	return (uint32_t)get16(bytes) << 16 | get16(bytes + 2);
}

uint16_t ip_checksum(const uint8_t *header, size_t length)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < length; i += 2)
		sum += get16(header + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

void options_add(struct options *options, const uint8_t *bytes, size_t length)
{
	if (options->length + length > sizeof(options->bytes))
		abort();
	memcpy(options->bytes + options->length, bytes, length);
	options->length += length;
}

void options_add_nops(struct options *options, size_t count)
{
	const uint8_t nop = MPTCPLB_TCPOPT_NOP;

	while (count--)
		options_add(options, &nop, 1);
}

void options_add_join(struct options *options, uint32_t token)
{
	uint8_t join[MPTCPLB_MP_JOIN_SYN_SIZE] = { MPTCPLB_TCPOPT_MPTCP, sizeof(join),
						   MPTCPLB_MP_JOIN << 4, 1 };

	put32(join + 4, token);
	put32(join + 8, 0x5eed5eed);
	options_add(options, join, sizeof(join));
}

void options_add_capable(struct options *options)
{
	const uint8_t capable[] = { MPTCPLB_TCPOPT_MPTCP, 4, MPTCPLB_MP_CAPABLE << 4 | 1, 1 };

	options_add(options, capable, sizeof(capable));
}

void frame_build(struct frame *frame, const struct segment *segment)
{
	static const uint8_t ethernet[FRAME_IP] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0 };
	size_t ip_header = 20 + segment->ip_options;
	size_t tcp_header = 20 + (segment->options.length + 3) / 4 * 4;
	size_t ip_length = ip_header + tcp_header + segment->payload;
	uint8_t *ip = frame->bytes + FRAME_IP;
	uint8_t *tcp = ip + ip_header;

	memset(frame, 0, sizeof(*frame));
	frame->length = FRAME_IP + ip_length + segment->padding;
	if (frame->length > sizeof(frame->bytes))
		abort();
	memcpy(frame->bytes, ethernet, sizeof(ethernet));
	ip[0] = (uint8_t)(0x40 | ip_header / 4);
	ip[1] = segment->tos;
	put16(ip + 2, (uint16_t)ip_length);
	put16(ip + 4, 0x1d1d);
	put16(ip + 6, segment->fragment);
	ip[8] = 61;
	ip[9] = 6;
	put32(ip + 12, segment->client);
	put32(ip + 16, segment->service);
	memset(ip + 20, MPTCPLB_TCPOPT_NOP, segment->ip_options);
	put16(ip + 10, ip_checksum(ip, ip_header));

	put16(tcp, segment->client_port);
	put16(tcp + 2, segment->service_port);
	put32(tcp + 4, 0x01020304);
	tcp[12] = (uint8_t)(tcp_header / 4 << 4);
	tcp[13] = segment->flags;
	put16(tcp + 14, 0xfaf0);
	memcpy(tcp + 20, segment->options.bytes, segment->options.length);
	for (size_t i = 0; i < segment->payload; i++)
		tcp[tcp_header + i] = (uint8_t)(i * 7 + 3);
	memset(ip + ip_length, 0xee, segment->padding);
}

void frame_insert(struct frame *frame, size_t offset, const void *bytes, size_t length)
{
	if (frame->length + length > sizeof(frame->bytes))
		abort();
	memmove(frame->bytes + offset + length, frame->bytes + offset, frame->length - offset);
	memcpy(frame->bytes + offset, bytes, length);
	frame->length += length;
}

void frame_make_ipv6(struct frame *frame, const uint8_t source[16], const uint8_t destination[16])
{
	uint8_t ip[FRAME_IPV6_SIZE] = { 0x60, 0, 0, 0, 0, 0, 6, 61 };
	size_t header = (frame->bytes[FRAME_IP] & 15U) * 4;

	frame->length -= header;
	memmove(frame->bytes + FRAME_IP, frame->bytes + FRAME_IP + header,
		frame->length - FRAME_IP);
	put16(ip + 4, (uint16_t)(frame->length - FRAME_IP));
	memcpy(ip + 8, source, 16);
	memcpy(ip + 24, destination, 16);
	frame_insert(frame, FRAME_IP, ip, sizeof(ip));
	put16(frame->bytes + 12, 0x86dd);
}
