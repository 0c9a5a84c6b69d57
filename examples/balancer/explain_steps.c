// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "explain_steps.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mptcplb/keyring.h>

#include "indices.h"

struct explanation {
	const struct explain_source *source;
	json_t *steps;
	uint32_t server; /* index */
	bool hashed; /* a token alone that leads nowhere: as with any SYN it depends on the 4-tuple */
};

/* A packet in question. */
struct question {
	struct balancer_flow flow;
	bool syn;
	bool join;
	uint32_t token;
};

__attribute__((format(printf, 2, 3))) static void say(struct explanation *explanation,
						      const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	json_array_append_new(explanation->steps, json_string(text));
}

static bool read_server(const struct explanation *explanation, uint32_t index,
			struct balancer_server *server)
{
	return explanation->source->server(explanation->source->of, index, server);
}

/* The owner of a token: an index, or BALANCER_NO_SERVER, said why. */
static uint32_t explain_token(struct explanation *explanation, const struct balancer_config *config,
			      uint32_t token)
{
	struct mptcplb_token_parts parts;
	struct balancer_server server;
	uint32_t owner;

	switch (mptcplb_core_token_decode(&config->keyring, &parts, token)) {
	case MPTCPLB_OK:
		break;
	case MPTCPLB_ERR_TOKEN_ZERO:
		say(explanation, "the token 0 is nobody's");
		return BALANCER_NO_SERVER;
	default:
		say(explanation,
		    "the token %08" PRIx32 " is of epoch %" PRIu32 ", which has no secret", token,
		    mptcplb_core_token_epoch(&config->keyring, token));
		return BALANCER_NO_SERVER;
	}
	say(explanation, "the token %08" PRIx32 " is of epoch %" PRIu32 ", server id %" PRIu32,
	    token, parts.epoch, parts.server_id);
	owner = explanation->source->owner(explanation->source->of, parts.server_id);
	if (owner == BALANCER_NO_SERVER || !read_server(explanation, owner, &server)) {
		say(explanation, "server id %" PRIu32 " has no owner", parts.server_id);
		return BALANCER_NO_SERVER;
	}
	say(explanation, "server id %" PRIu32 " is %s's%s", parts.server_id, server.name,
	    server.usable ? "" : ", which is down");
	return server.usable ? owner : BALANCER_NO_SERVER;
}

static bool serves(const struct balancer_table *table, uint32_t server)
{
	return table->serves[server / 64] >> server % 64 & 1;
}

/* The owner of a join's token, if it can take the join. */
static uint32_t explain_join(struct explanation *explanation, const struct balancer_config *config,
			     const struct balancer_table *table, uint32_t token)
{
	uint32_t owner = explain_token(explanation, config, token);

	if (owner != BALANCER_NO_SERVER && !serves(table, owner)) {
		say(explanation, "it does not answer on this service");
		owner = BALANCER_NO_SERVER;
	}
	if (owner == BALANCER_NO_SERVER)
		say(explanation, "the join is unroutable");
	return owner;
}

static bool find_service(struct explanation *explanation, struct question *question,
			 struct balancer_table *table)
{
	const struct explain_source *source = explanation->source;
	struct balancer_flow *flow = &question->flow;

	for (uint32_t i = 0; source->table(source->of, i, flow, table); i++) {
		if (!table->service.port || flow->service_port < table->service.port ||
		    flow->service_port > table->port_last ||
		    memcmp(&table->service.address, &flow->service, sizeof(flow->service)) != 0)
			continue;
		flow->service_index = (uint16_t)i;
		return true;
	}
	say(explanation, "no service is on this address and port: left to the local stack");
	return false;
}

/* What is remembered of the flow, as far as it routes packets that open no connection. */
static uint32_t explain_memory(struct explanation *explanation, const struct question *question)
{
	const struct explain_source *source = explanation->source;
	struct balancer_server server;
	uint32_t index;
	uint64_t word;

	if (!source->remembered) {
		say(explanation,
		    "what a balancer remembers of this flow comes first: the file does not tell");
		return BALANCER_NO_SERVER;
	}
	word = source->remembered(source->of, &question->flow);
	index = word & BALANCER_WORD_SERVER;
	if (!word) {
		say(explanation, "nothing is remembered of this flow");
		return BALANCER_NO_SERVER;
	}
	if (!read_server(explanation, index, &server) || !server.usable) {
		say(explanation, "the server that is remembered for this flow is gone or down");
		return BALANCER_NO_SERVER;
	}
	say(explanation, "the flow is remembered%s",
	    word & BALANCER_WORD_KEPT  ? ""
	    : word & BALANCER_WORD_OLD ? "; it is older than a change of the farm"
				       : "; only its SYN has come so far");
	return index;
}

static uint32_t explain_hash(struct explanation *explanation, const struct question *question,
			     const struct balancer_table *table)
{
	const uint32_t slot = balancer_slot(&question->flow);
	const uint16_t fresh = table->slots[slot], home = table->homes[slot];

	say(explanation, "the 4-tuple hashes to slot %" PRIu32 " of %d", slot,
	    BALANCER_MAGLEV_SIZE);
	if (fresh != home)
		say(explanation,
		    "this slot is moving: its new flows go elsewhere than its old ones");
	return question->syn ? fresh : home;
}

static void explain_packet(struct explanation *explanation, struct question *question,
			   const struct balancer_config *config, struct balancer_table *table)
{
	uint32_t server = BALANCER_NO_SERVER;

	if (!find_service(explanation, question, table))
		return;
	if (question->join && !config->tokens)
		say(explanation, "tokens are not looked at");
	else if (question->join)
		server = explain_join(explanation, config, table, question->token);
	else if (!question->syn)
		server = explain_memory(explanation, question);
	if (server == BALANCER_NO_SERVER && question->join && config->tokens &&
	    config->drop_unroutable) {
		say(explanation, "unroutable joins are dropped");
		return;
	}
	if (config->redirector && (server == BALANCER_NO_SERVER || server == config->own_index)) {
		say(explanation, "a redirector leaves it to this server");
		server = config->own_index;
	} else if (server == BALANCER_NO_SERVER) {
		server = explain_hash(explanation, question, table);
	}
	explanation->server = server;
	if (server == BALANCER_NO_SERVER)
		say(explanation, "no server of the service is up: dropped");
}

static bool read_address(struct balancer_address *to, const char *text)
{
	struct mptcplb_farm_address address = { .version = 4 };

	if (inet_pton(AF_INET, text, address.bytes) != 1) {
		address.version = 6;
		if (inet_pton(AF_INET6, text, address.bytes) != 1)
			return false;
	}
	indices_address(to, &address);
	return true;
}

static bool read_question(struct question *question, const char *text)
{
	char kind[8], client[64], service[64];
	int fields = sscanf(text, "%7s %63s %" SCNu16 " %63s %" SCNu16 " %" SCNx32, kind, client,
			    &question->flow.client_port, service, &question->flow.service_port,
			    &question->token);

	question->join = fields == 6 && !strcmp(kind, "join");
	question->syn = question->join || !strcmp(kind, "syn");
	return (question->join || fields == 5) && read_address(&question->flow.client, client) &&
	       read_address(&question->flow.service, service);
}

static void explain_token_alone(struct explanation *explanation,
				const struct balancer_config *config, uint32_t token)
{
	if (config->tokens)
		explanation->server = explain_token(explanation, config, token);
	else
		say(explanation, "tokens are not looked at");
	if (explanation->server != BALANCER_NO_SERVER)
		return;
	if (config->tokens && config->drop_unroutable) {
		say(explanation, "unroutable joins are dropped");
	} else if (config->redirector) {
		say(explanation, "a redirector leaves it to this server");
		explanation->server = config->own_index;
	} else {
		explanation->hashed = true;
	}
}

static bool answer(struct explanation *explanation, const char *text,
		   const struct balancer_config *config)
{
	struct balancer_table *table = malloc(sizeof(*table));
	struct question question = { 0 };
	bool fine = true;

	if (sscanf(text, "token %" SCNx32, &question.token) == 1)
		explain_token_alone(explanation, config, question.token);
	else if (table && read_question(&question, text))
		explain_packet(explanation, &question, config, table);
	else
		fine = false;
	free(table);
	return fine;
}

json_t *explain_steps(const struct explain_source *source, const char *question)
{
	struct explanation explanation = { source, json_array(), BALANCER_NO_SERVER, false };
	struct balancer_server server;
	struct balancer_config config;
	bool fine = source->config(source->of, &config) && answer(&explanation, question, &config);

	mptcplb_keyring_wipe(&config.keyring);
	if (!fine) {
		json_decref(explanation.steps);
		return NULL;
	}
	if (explanation.server == BALANCER_NO_SERVER ||
	    !read_server(&explanation, explanation.server, &server))
		return json_pack("{s:n, s:b, s:o}", "server", "hashed", explanation.hashed, "steps",
				 explanation.steps);
	return json_pack("{s:s, s:b, s:o}", "server", server.name, "hashed", 0, "steps",
			 explanation.steps);
}
