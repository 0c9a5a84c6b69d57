// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * A captured frame. The first byte chooses the link type, the second one says how many times 16
 * bytes were cut from the frame.
 */
#include <mptcplb/option.h>
#include <mptcplb/packet.h>

#include "fuzz.h"

static const uint32_t link_types[] = {
	MPTCPLB_LINK_NULL, MPTCPLB_LINK_ETHERNET,  MPTCPLB_LINK_RAW,
	MPTCPLB_LINK_LOOP, MPTCPLB_LINK_LINUX_SLL, MPTCPLB_LINK_LINUX_SLL2,
	MPTCPLB_LINK_IPV4, MPTCPLB_LINK_IPV6,	   0xffffffff,
};

struct frame {
	const uint8_t *bytes;
	size_t size;
};

static void check_inside(const struct frame *frame, const uint8_t *bytes, size_t size)
{
	MUST(bytes >= frame->bytes && size <= frame->size);
	MUST((size_t)(bytes - frame->bytes) <= frame->size - size);
}

static void check_ip(const struct frame *frame, const struct mptcplb_packet_ip *ip)
{
	MUST((ip->version == 4 && ip->address_length == 4) ||
	     (ip->version == 6 && ip->address_length == 16));
	check_inside(frame, ip->source, ip->address_length);
	MUST(ip->destination == ip->source + ip->address_length);
}

static void check_ips(const struct frame *frame, const struct mptcplb_packet *packet, int result)
{
	MUST(packet->outer_count < MPTCPLB_PACKET_IP_MAX);
	for (size_t i = 0; i < packet->outer_count; i++)
		check_ip(frame, &packet->outer[i]);
	if (packet->ip.version || result == MPTCPLB_OK)
		check_ip(frame, &packet->ip);
}

static void check_tcp(const struct frame *frame, const struct mptcplb_packet *packet)
{
	struct mptcplb_option_iterator iterator = { .size = sizeof(iterator),
						    .bytes = packet->options,
						    .length = packet->options_captured };
	struct mptcplb_tcp_option option;

	check_inside(frame, packet->tcp, 20);
	MUST(packet->options == packet->tcp + 20);
	MUST(packet->options_length % 4 == 0 && packet->options_length <= 40);
	MUST(packet->options_captured <= packet->options_length);
	check_inside(frame, packet->options, packet->options_captured);
	MUST(packet->payload_captured <= packet->payload_length);
	MUST((packet->payload != NULL) == (packet->payload_captured > 0));
	if (packet->payload) {
		MUST(packet->options_captured == packet->options_length);
		MUST(packet->payload == packet->options + packet->options_length);
		check_inside(frame, packet->payload, packet->payload_captured);
	}
	while (mptcplb_option_next(&iterator, &option) > 0)
		check_inside(frame, option.bytes, option.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mptcplb_packet packet;
	struct frame frame;
	uint32_t link_type;
	int result;

	if (size < 2)
		return 0;
	frame = (struct frame){ data + 2, size - 2 };
	link_type = link_types[data[0] % (sizeof(link_types) / sizeof(link_types[0]))];
	result = mptcplb_packet_parse(&packet, link_type, frame.bytes, frame.size,
				      frame.size + (size_t)data[1] * 16);
	check_ips(&frame, &packet, result);
	MUST((packet.tcp != NULL) == (result == MPTCPLB_OK));
	if (result == MPTCPLB_OK)
		check_tcp(&frame, &packet);
	return 0;
}
