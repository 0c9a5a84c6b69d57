// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "connections_report.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "hash_balancer.h"
#include "record.h"
#include "tool.h"

static json_t *token_or_null(bool known, uint32_t token)
{
	char text[9];

	snprintf(text, sizeof(text), "%08" PRIx32, token);
	return known ? json_string(text) : json_null();
}

static json_t *key_or_null(const struct side *side)
{
	char text[2 * MPTCPLB_KEY_SIZE_MAX + 1];

	format_hex(text, side->key, side->key_length);
	return side->key_length ? json_string(text) : json_null();
}

static json_t *idsn_or_null(const struct side *side)
{
	char text[17];

	snprintf(text, sizeof(text), "%016" PRIx64, side->idsn);
	return side->has_idsn ? json_string(text) : json_null();
}

/* Where a plain hash sends a join in relation to its connection's first subflow. */
struct plain_hash {
	const struct mptcplb_farm_server *server; /* of the join; NULL: not known */
	bool known; /* that of the first subflow is known as well */
	bool elsewhere; /* and is another */
};

static struct plain_hash hash_join(const struct connections *connections,
				   const struct mptcplb_farm *farm, const struct subflow *join)
{
	struct plain_hash hash = { 0 };
	const struct mptcplb_farm_server *home;
	const struct connection *connection;

	if (farm)
		hash.server = hash_balancer(farm, &join->flow);
	if (!hash.server || join->connection == NO_CONNECTION)
		return hash;
	connection = &connections->items[join->connection];
	/* a join that the server opens does not pass a balancer */
	if (!connection->server.has_token || connection->server.token != join->token)
		return hash;
	home = hash_balancer(farm, &connections->subflows[connection->first].flow);
	hash.known = home != NULL;
	hash.elsewhere = home != hash.server;
	return hash;
}

/* What the farm says of a token, as fields of an object. */
static void add_token_meaning(json_t *object, const struct mptcplb_farm *farm, bool known,
			      uint32_t token)
{
	struct record record = { .token = token };

	record_decode(&record, known ? farm : NULL);
	json_object_set_new(object, "server_id",
			    record.decoded ? json_integer(record.parts.server_id) : json_null());
	json_object_set_new(object, "server",
			    record.owner ? json_string(record.owner->name) : json_null());
	if (known && farm)
		json_object_set_new(object, "routable", json_boolean(!record.reason));
	if (known && farm && record.reason)
		json_object_set_new(object, "reason", json_string(record.reason));
}

static json_t *subflow_json(const struct connections *connections, const struct mptcplb_farm *farm,
			    const struct subflow *subflow)
{
	char source[ENDPOINT_TEXT_SIZE];
	char destination[ENDPOINT_TEXT_SIZE];
	struct plain_hash hash;
	json_t *object = json_pack("{s:I, s:s, s:i, s:s, s:i, s:b, s:o, s:b, s:o, s:b}", "frame",
				   (json_int_t)subflow->frame, "src",
				   endpoint_address_text(&subflow->flow.source, source), "sport",
				   subflow->flow.source.port, "dst",
				   endpoint_address_text(&subflow->flow.destination, destination),
				   "dport", subflow->flow.destination.port, "join", subflow->join,
				   "token", token_or_null(subflow->join, subflow->token), "backup",
				   subflow->backup, "address_id",
				   subflow->join ? json_integer(subflow->address_id) : json_null(),
				   "answered", subflow->answered);

	if (!farm || !subflow->join)
		return object;
	hash = hash_join(connections, farm, subflow);
	json_object_set_new(object, "hash_server",
			    hash.server ? json_string(hash.server->name) : json_null());
	json_object_set_new(object, "hash_elsewhere",
			    hash.known ? json_boolean(hash.elsewhere) : json_null());
	return object;
}

static json_t *connection_json(const struct connections *connections,
			       const struct mptcplb_farm *farm, const struct connection *connection)
{
	json_t *subflows = json_array();
	json_t *object =
		json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:o}", "version", connection->version,
			  "client_key", key_or_null(&connection->client), "client_token",
			  token_or_null(connection->client.has_token, connection->client.token),
			  "client_idsn", idsn_or_null(&connection->client), "server_key",
			  key_or_null(&connection->server), "server_token",
			  token_or_null(connection->server.has_token, connection->server.token),
			  "server_idsn", idsn_or_null(&connection->server));

	add_token_meaning(object, farm, connection->server.has_token, connection->server.token);
	for (uint32_t i = connection->first; i != NO_SUBFLOW; i = connections->subflows[i].next)
		json_array_append_new(subflows,
				      subflow_json(connections, farm, &connections->subflows[i]));
	json_object_set_new(object, "subflows", subflows);
	return object;
}

void connections_print_json(const struct connections *connections, const struct mptcplb_farm *farm)
{
	json_t *object;

	for (uint32_t i = 0; i < connections->count; i++) {
		object = connection_json(connections, farm, &connections->items[i]);
		print_json_line(object);
		json_decref(object);
	}
	for (uint32_t i = 0; i < connections->subflow_count; i++) {
		const struct subflow *subflow = &connections->subflows[i];

		if (subflow->connection != NO_CONNECTION)
			continue;
		object = subflow_json(connections, farm, subflow);
		json_object_set_new(object, "orphan", json_true());
		add_token_meaning(object, farm, true, subflow->token);
		print_json_line(object);
		json_decref(object);
	}
}

static void print_token(const struct mptcplb_farm *farm, uint32_t token)
{
	struct record record = { .token = token };

	printf("  token %08" PRIx32, token);
	if (!farm)
		return;
	record_decode(&record, farm);
	if (record.owner)
		printf(" (%s)", record.owner->name);
	if (record.reason)
		printf(" (%s)", record.reason);
}

static void print_side(const char *name, const struct side *side, const struct mptcplb_farm *farm)
{
	char key[2 * MPTCPLB_KEY_SIZE_MAX + 1];

	if (!side->key_length && !side->has_token)
		return;
	format_hex(key, side->key, side->key_length);
	printf("  %s  key %s", name, side->key_length ? key : "-");
	if (side->has_idsn)
		printf("  idsn %016" PRIx64, side->idsn);
	if (side->has_token)
		print_token(farm, side->token);
	putchar('\n');
}

static void print_flow(const struct subflow *subflow)
{
	char source[ENDPOINT_TEXT_SIZE];
	char destination[ENDPOINT_TEXT_SIZE];

	printf("%s > %s", endpoint_text(&subflow->flow.source, source),
	       endpoint_text(&subflow->flow.destination, destination));
}

static void print_join(const struct connections *connections, const struct mptcplb_farm *farm,
		       const struct subflow *join)
{
	struct plain_hash hash = hash_join(connections, farm, join);

	print_flow(join);
	printf("  address id %d%s%s", join->address_id, join->backup ? "  backup" : "",
	       join->answered ? "" : "  not answered");
	if (hash.server)
		printf("  plain hash: %s%s", hash.server->name,
		       hash.elsewhere ? ", elsewhere" : "");
}

static void print_connection(const struct connections *connections, const struct mptcplb_farm *farm,
			     const struct connection *connection)
{
	const struct subflow *subflow = &connections->subflows[connection->first];

	print_flow(subflow);
	printf("  version %d%s\n", connection->version,
	       connection->server.key_length ? "" : "  without MPTCP from the server");
	print_side("client", &connection->client, NULL);
	print_side("server", &connection->server, farm);
	for (uint32_t i = subflow->next; i != NO_SUBFLOW; i = connections->subflows[i].next) {
		printf("  join    ");
		print_join(connections, farm, &connections->subflows[i]);
		putchar('\n');
	}
}

static void print_orphan(const struct connections *connections, const struct mptcplb_farm *farm,
			 const struct subflow *join)
{
	printf("join of an unseen connection: ");
	print_join(connections, farm, join);
	print_token(farm, join->token);
	putchar('\n');
}

static void print_summary(const struct connections *connections, const struct mptcplb_farm *farm)
{
	uint32_t joins = 0, orphans = 0, compared = 0, elsewhere = 0;

	for (uint32_t i = 0; i < connections->subflow_count; i++) {
		const struct subflow *subflow = &connections->subflows[i];
		struct plain_hash hash = { 0 };

		if (!subflow->join)
			continue;
		hash = hash_join(connections, farm, subflow);
		joins++;
		orphans += subflow->connection == NO_CONNECTION;
		compared += hash.known;
		elsewhere += hash.elsewhere;
	}
	printf("%s%" PRIu32 " connections, %" PRIu32 " joins, %" PRIu32
	       " of them of unseen connections\n",
	       connections->subflow_count ? "\n" : "", connections->count, joins, orphans);
	if (farm)
		printf("a plain hash would have sent %" PRIu32 " of %" PRIu32
		       " joins to another server than their connection\n",
		       elsewhere, compared);
	if (connections->malformed)
		printf("%" PRIu64 " packets with TCP options that are broken or cut\n",
		       connections->malformed);
}

void connections_print_text(const struct connections *connections, const struct mptcplb_farm *farm)
{
	for (uint32_t i = 0; i < connections->count; i++)
		print_connection(connections, farm, &connections->items[i]);
	for (uint32_t i = 0; i < connections->subflow_count; i++) {
		if (connections->subflows[i].connection == NO_CONNECTION)
			print_orphan(connections, farm, &connections->subflows[i]);
	}
	print_summary(connections, farm);
}
