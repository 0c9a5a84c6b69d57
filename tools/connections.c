// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "connections.h"

#include <stdlib.h>
#include <string.h>

#include <mptcplb/option.h>
#include <mptcplb/random.h>

#define ROOM_FIRST 64

int connections_start(struct connections *connections)
{
	uint8_t secret[MPTCPLB_SECRET_SIZE];
	int error = mptcplb_random_bytes(NULL, secret, sizeof(secret));

	*connections = (struct connections){ 0 };
	mptcplb_core_secret_load(&connections->secret, secret);
	return error;
}

void connections_free(struct connections *connections)
{
	free(connections->items);
	free(connections->subflows);
	lookup_free(&connections->by_flow);
	lookup_free(&connections->by_token);
	*connections = (struct connections){ 0 };
}

/* Make room for one more item of an array; false when memory is out. */
static bool make_room(void **items, uint32_t *room, uint32_t count, size_t size)
{
	uint32_t larger = *room ? 2 * *room : ROOM_FIRST;
	void *moved;

	if (count < *room)
		return true;
	moved = larger > *room ? realloc(*items, larger * size) : NULL;
	if (!moved)
		return false;
	*items = moved;
	*room = larger;
	return true;
}

static struct subflow *add_subflow(struct connections *connections, const struct flow *flow,
				   uint32_t isn, uint64_t frame)
{
	void *subflows = connections->subflows;
	struct subflow *subflow;

	if (!make_room(&subflows, &connections->subflow_room, connections->subflow_count,
		       sizeof(*connections->subflows)))
		return NULL;
	connections->subflows = subflows;
	if (!lookup_add(&connections->by_flow, flow_hash(&connections->secret, flow),
			connections->subflow_count))
		return NULL;
	subflow = &connections->subflows[connections->subflow_count++];
	*subflow = (struct subflow){
		.flow = *flow,
		.frame = frame,
		.isn = isn,
		.connection = NO_CONNECTION,
		.next = NO_SUBFLOW,
	};
	return subflow;
}

/* A connection whose first subflow is the one added last. */
static struct connection *add_connection(struct connections *connections, uint8_t version)
{
	void *items = connections->items;
	uint32_t subflow = connections->subflow_count - 1;
	struct connection *connection;

	if (!make_room(&items, &connections->room, connections->count, sizeof(*connection)))
		return NULL;
	connections->items = items;
	connections->subflows[subflow].connection = connections->count;
	connection = &connections->items[connections->count++];
	*connection = (struct connection){
		.first = subflow,
		.last = subflow,
		.version = version,
	};
	return connection;
}

/* The newest subflow of these addresses and ports, if it is of this ISN. */
static struct subflow *find_subflow(const struct connections *connections, const struct flow *flow,
				    uint32_t isn)
{
	const struct lookup_entry *entry =
		lookup_find(&connections->by_flow, flow_hash(&connections->secret, flow));
	struct subflow *subflow;

	for (; entry; entry = lookup_older(&connections->by_flow, entry)) {
		subflow = &connections->subflows[entry->item];
		if (flow_equal(&subflow->flow, flow))
			return subflow->isn == isn ? subflow : NULL;
	}
	return NULL;
}

static uint32_t token_hash(const struct connections *connections, uint32_t token)
{
	return (uint32_t)mptcplb_core_siphash(&connections->secret, token);
}

/* The newest connection with a token on either side. */
static uint32_t find_token(const struct connections *connections, uint32_t token)
{
	const struct lookup_entry *entry =
		lookup_find(&connections->by_token, token_hash(connections, token));

	for (; entry; entry = lookup_older(&connections->by_token, entry)) {
		const struct connection *connection = &connections->items[entry->item];

		if ((connection->server.has_token && connection->server.token == token) ||
		    (connection->client.has_token && connection->client.token == token))
			return entry->item;
	}
	return NO_CONNECTION;
}

/* The mode of a version, or false when there is none that we know keys of. */
static bool mode_of_version(enum mptcplb_mode *mode, uint8_t version)
{
	switch (version) {
	case MPTCPLB_VERSION_RFC8684:
		*mode = MPTCPLB_MODE_RFC8684;
		return true;
	case MPTCPLB_VERSION_IMPLICIT:
		*mode = MPTCPLB_MODE_IMPLICIT;
		return true;
	case MPTCPLB_VERSION_EXTENDED:
		*mode = MPTCPLB_MODE_EXTENDED;
		return true;
	case MPTCPLB_VERSION_COMPACT:
		*mode = MPTCPLB_MODE_COMPACT;
		return true;
	default:
		return false;
	}
}

static int set_token(struct connections *connections, struct connection *connection,
		     struct side *side, uint32_t token)
{
	if (side->has_token && side->token == token)
		return MPTCPLB_OK;
	side->has_token = true;
	side->token = token;
	return lookup_add(&connections->by_token, token_hash(connections, token),
			  (uint32_t)(connection - connections->items))
		       ? MPTCPLB_OK
		       : MPTCPLB_ERR_MEMORY;
}

/* Take over a key, and what follows from it. */
static int set_key(struct connections *connections, struct connection *connection,
		   struct side *side, const uint8_t *key, uint8_t length)
{
	enum mptcplb_mode mode;
	uint32_t token;

	if (length == 0 || length > sizeof(side->key))
		return MPTCPLB_OK;
	memcpy(side->key, key, length);
	side->key_length = length;
	if (!mode_of_version(&mode, connection->version))
		return MPTCPLB_OK;
	side->has_idsn = mptcplb_key_idsn(mode, &side->idsn, key, length) == MPTCPLB_OK;
	if (mptcplb_key_token(mode, &token, key, length) != MPTCPLB_OK)
		return MPTCPLB_OK;
	return set_token(connections, connection, side, token);
}

/* A SYN that opens a connection. */
static int take_capable_syn(struct connections *connections, const struct mptcplb_packet *packet,
			    uint64_t frame, const struct mptcplb_mp_capable *capable)
{
	struct connection *connection;
	struct flow flow;

	flow_of_packet(&flow, packet, false);
	if (find_subflow(connections, &flow, packet->sequence_number))
		return MPTCPLB_OK;
	if (!add_subflow(connections, &flow, packet->sequence_number, frame))
		return MPTCPLB_ERR_MEMORY;
	connection = add_connection(connections, capable->version);
	if (!connection)
		return MPTCPLB_ERR_MEMORY;
	connection->token_in_syn = capable->has_token;
	if (capable->has_token &&
	    set_token(connections, connection, &connection->client, capable->token))
		return MPTCPLB_ERR_MEMORY;
	return set_key(connections, connection, &connection->client, capable->sender_key,
		       capable->sender_key_length);
}

/* A SYN that joins a connection, or an orphan. */
static int take_join_syn(struct connections *connections, const struct mptcplb_packet *packet,
			 uint64_t frame, const struct mptcplb_core_syn *syn)
{
	struct connection *connection;
	struct subflow *subflow;
	struct flow flow;

	flow_of_packet(&flow, packet, false);
	if (find_subflow(connections, &flow, packet->sequence_number))
		return MPTCPLB_OK;
	subflow = add_subflow(connections, &flow, packet->sequence_number, frame);
	if (!subflow)
		return MPTCPLB_ERR_MEMORY;
	subflow->join = true;
	subflow->token = syn->token;
	subflow->address_id = syn->address_id;
	subflow->backup = syn->backup;
	subflow->connection = find_token(connections, syn->token);
	if (subflow->connection == NO_CONNECTION)
		return MPTCPLB_OK;
	connection = &connections->items[subflow->connection];
	connections->subflows[connection->last].next = connections->subflow_count - 1;
	connection->last = connections->subflow_count - 1;
	return MPTCPLB_OK;
}

/*
 * The connection of a packet with MP_CAPABLE, made when its SYN was not captured. NULL in @found:
 * the packet contradicts what was seen before.
 */
static int connection_of(struct connections *connections, struct connection **found,
			 const struct flow *flow, uint32_t isn, uint64_t frame, uint8_t version)
{
	const struct subflow *subflow = find_subflow(connections, flow, isn);

	*found = NULL;
	if (subflow) {
		if (!subflow->join)
			*found = &connections->items[subflow->connection];
		return MPTCPLB_OK;
	}
	if (!add_subflow(connections, flow, isn, frame))
		return MPTCPLB_ERR_MEMORY;
	*found = add_connection(connections, version);
	return *found ? MPTCPLB_OK : MPTCPLB_ERR_MEMORY;
}

/* The server's key is in the SYN/ACK. */
static int take_server_key(struct connections *connections, struct connection *connection,
			   const struct mptcplb_mp_capable *capable)
{
	connection->version = capable->version;
	connections->subflows[connection->first].answered = true;
	if (capable->has_token &&
	    set_token(connections, connection, &connection->server, capable->token))
		return MPTCPLB_ERR_MEMORY;
	return set_key(connections, connection, &connection->server, capable->sender_key,
		       capable->sender_key_length);
}

/* The client sends both keys in the third ACK. The server's is the one that counts, should a
 * SYN/ACK that was sent again have had another. */
static int take_both_keys(struct connections *connections, struct connection *connection,
			  const struct mptcplb_mp_capable *capable)
{
	int error;

	connection->version = capable->version;
	if (capable->has_token &&
	    set_token(connections, connection, &connection->client, capable->token))
		return MPTCPLB_ERR_MEMORY;
	error = set_key(connections, connection, &connection->client, capable->sender_key,
			capable->sender_key_length);
	return error ? error
		     : set_key(connections, connection, &connection->server, capable->receiver_key,
			       capable->receiver_key_length);
}

/* MP_CAPABLE in what is no SYN: of the server's SYN/ACK, or of the client's ACK or data. */
static int take_capable(struct connections *connections, const struct mptcplb_packet *packet,
			uint64_t frame, const struct mptcplb_tcp_option *bytes)
{
	bool synack = packet->flags & MPTCPLB_TCP_SYN;
	uint32_t isn = (synack ? packet->acknowledgment_number : packet->sequence_number) - 1;
	struct mptcplb_option_context context = { .size = sizeof(context) };
	struct connection *connection;
	struct mptcplb_option option;
	struct flow flow;
	int error;

	context.version = bytes->bytes[2] & 0xf;
	if (mptcplb_option_parse(&context, &option, bytes->bytes, bytes->length) < 0) {
		connections->malformed++;
		return MPTCPLB_OK;
	}
	if (!(synack ? option.mp_capable.sender_key_length : option.mp_capable.receiver_key_length))
		return MPTCPLB_OK;
	flow_of_packet(&flow, packet, synack);
	error = connection_of(connections, &connection, &flow, isn, frame, context.version);
	if (error || !connection)
		return error;
	/* what the SYN had decides how a late MP_CAPABLE reads */
	context.token_in_syn = connection->token_in_syn;
	if (mptcplb_option_parse(&context, &option, bytes->bytes, bytes->length) < 0) {
		connections->malformed++;
		return MPTCPLB_OK;
	}
	return synack ? take_server_key(connections, connection, &option.mp_capable)
		      : take_both_keys(connections, connection, &option.mp_capable);
}

static void take_join_answer(struct connections *connections, const struct mptcplb_packet *packet)
{
	struct subflow *subflow;
	struct flow flow;

	flow_of_packet(&flow, packet, true);
	subflow = find_subflow(connections, &flow, packet->acknowledgment_number - 1);
	if (subflow && subflow->join)
		subflow->answered = true;
}

static int take_syn_capable(struct connections *connections, const struct mptcplb_packet *packet,
			    uint64_t frame, const struct mptcplb_tcp_option *bytes)
{
	struct mptcplb_option option;

	if (mptcplb_option_parse(NULL, &option, bytes->bytes, bytes->length) < 0) {
		connections->malformed++;
		return MPTCPLB_OK;
	}
	return take_capable_syn(connections, packet, frame, &option.mp_capable);
}

/* One MPTCP option of a packet that is no join's SYN. */
static int take_option(struct connections *connections, const struct mptcplb_packet *packet,
		       uint64_t frame, const struct mptcplb_tcp_option *bytes)
{
	bool syn = packet->flags & MPTCPLB_TCP_SYN;
	bool ack = packet->flags & MPTCPLB_TCP_ACK;

	switch (bytes->bytes[2] >> 4) {
	case MPTCPLB_MP_CAPABLE:
		if (!ack)
			return syn ? take_syn_capable(connections, packet, frame, bytes)
				   : MPTCPLB_OK;
		return take_capable(connections, packet, frame, bytes);
	case MPTCPLB_MP_JOIN:
		if (syn && ack)
			take_join_answer(connections, packet);
		return MPTCPLB_OK;
	default:
		return MPTCPLB_OK;
	}
}

int connections_add(struct connections *connections, const struct mptcplb_packet *packet,
		    uint64_t frame)
{
	struct mptcplb_option_iterator iterator = {
		.size = sizeof(iterator),
		.bytes = packet->options,
		.length = packet->options_captured,
	};
	struct mptcplb_tcp_option bytes;
	struct mptcplb_core_syn syn;
	int error = MPTCPLB_OK;
	int more;

	if (packet->options_captured == 0)
		return MPTCPLB_OK;
	if ((packet->flags & (MPTCPLB_TCP_SYN | MPTCPLB_TCP_ACK)) == MPTCPLB_TCP_SYN &&
	    mptcplb_core_find_join(&syn, packet->options, packet->options_captured))
		return take_join_syn(connections, packet, frame, &syn);
	while ((more = mptcplb_option_next(&iterator, &bytes)) > 0 && !error) {
		if (bytes.kind == MPTCPLB_TCPOPT_MPTCP && bytes.length > 2)
			error = take_option(connections, packet, frame, &bytes);
	}
	if (more < 0)
		connections->malformed++;
	return error;
}
