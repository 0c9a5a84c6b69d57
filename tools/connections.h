/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The MPTCP connections of a capture. Memory grows with connections and joins, not with packets:
 * only handshakes are kept.
 */
#ifndef MPTCPLB_TOOLS_CONNECTIONS_H
#define MPTCPLB_TOOLS_CONNECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mptcplb/key.h>

#include "flow.h"
#include "lookup.h"

#define NO_CONNECTION UINT32_MAX
#define NO_SUBFLOW UINT32_MAX

/* A SYN with MP_CAPABLE or MP_JOIN, retransmissions aside, and what came of it. */
struct subflow {
	struct flow flow;
	uint64_t frame; /* where it was seen first */
	uint32_t isn; /* sequence number of the SYN */
	uint32_t connection; /* NO_CONNECTION: an orphan join */
	uint32_t next; /* the connection's next subflow, or NO_SUBFLOW */
	uint32_t token; /* of a join: the receiver's */
	uint8_t address_id; /* of a join */
	bool join;
	bool backup; /* of a join: as its SYN says */
	bool answered; /* a SYN/ACK with the same option was seen */
};

/* What one end put into MP_CAPABLE. */
struct side {
	uint8_t key[MPTCPLB_KEY_SIZE_MAX];
	uint8_t key_length; /* 0: not seen */
	bool has_token; /* else the key is not known, or gives none */
	uint32_t token;
	bool has_idsn;
	uint64_t idsn;
};

struct connection {
	struct side client;
	struct side server;
	uint32_t first; /* its first subflow */
	uint32_t last;
	uint8_t version; /* the server's; the client's until there is one */
	bool token_in_syn; /* see struct mptcplb_option_context */
};

struct connections {
	struct mptcplb_core_secret secret; /* of the tables' hashes */
	struct connection *items; /* in the order of their first frame */
	uint32_t count;
	uint32_t room;
	struct subflow *subflows; /* in the order of their first frame */
	uint32_t subflow_count;
	uint32_t subflow_room;
	struct lookup by_flow; /* subflows */
	struct lookup by_token; /* connections */
	uint64_t malformed; /* options with no form that MPTCP has, and lists that break off */
};

/* Start without any; 0 or a value of enum mptcplb_error. */
int connections_start(struct connections *connections);

/* Look at a packet; 0 or MPTCPLB_ERR_MEMORY. */
int connections_add(struct connections *connections, const struct mptcplb_packet *packet,
		    uint64_t frame);

void connections_free(struct connections *connections);

#endif
