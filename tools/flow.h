/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Addresses and ports of a subflow. */
#ifndef MPTCPLB_TOOLS_FLOW_H
#define MPTCPLB_TOOLS_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include <mptcplb/core.h>
#include <mptcplb/packet.h>

/* Room for an address and port as text: "[2001:db8::1]:443". */
#define ENDPOINT_TEXT_SIZE 56

struct endpoint {
	uint8_t address[16]; /* zero behind an IPv4 address */
	uint16_t port;
	uint16_t address_length; /* 4 or 16 */
};

/* From the sender of the SYN to its receiver. */
struct flow {
	struct endpoint source;
	struct endpoint destination;
};

/* The flow of a packet from the SYN's sender, or, reversed, of one to it. */
void flow_of_packet(struct flow *flow, const struct mptcplb_packet *packet, bool reversed);

bool flow_equal(const struct flow *left, const struct flow *right);

/* A keyed hash: nobody without the secret can make many flows with one hash. */
uint32_t flow_hash(const struct mptcplb_core_secret *secret, const struct flow *flow);

/* The address alone. */
const char *endpoint_address_text(const struct endpoint *endpoint, char text[ENDPOINT_TEXT_SIZE]);

/* Address and port. */
const char *endpoint_text(const struct endpoint *endpoint, char text[ENDPOINT_TEXT_SIZE]);

#endif
