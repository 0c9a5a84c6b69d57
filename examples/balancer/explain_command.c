// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "commands.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mptcplb/core.h>
#include <mptcplb/farm.h>
#include <mptcplb/packet.h>

#include "ask.h"
#include "daemon.h"
#include "explain.h"
#include "option.h"

/* Long enough for all headers of a packet. */
#define PACKET_MAX 512
#define TOKEN_DIGITS 8

static bool is_hex(const char *text)
{
	return *text && strspn(text, "0123456789abcdefABCDEF") == strlen(text);
}

/* The answer of the balancer that runs, or by a farm file; NULL after an error message. */
static json_t *answer_question(const struct ask_options *options, const char *question)
{
	struct mptcplb_farm_error error;
	struct mptcplb_farm *farm;
	char request[256];
	json_t *answer;

	snprintf(request, sizeof(request), "explain %s", question);
	if (!options->config)
		return ask(options, request);
	farm = mptcplb_farm_load(options->config, &error);
	if (!farm) {
		log_error("%s", error.text);
		return NULL;
	}
	answer = explain_farm(farm, question);
	mptcplb_farm_free(farm);
	return answer;
}

/* Ask one question. Returns 0 and adds the answer to @answers, or -1 after an error message. */
static int ask_question(const struct ask_options *options, json_t *answers, const char *what,
			const char *question)
{
	json_t *answer = answer_question(options, question);

	if (!answer)
		return -1;
	json_object_set_new(answer, "packet", json_string(what));
	json_array_append_new(answers, answer);
	return 0;
}

static int explain_token(const struct ask_options *options, json_t *answers, const char *token)
{
	char question[32];

	snprintf(question, sizeof(question), "token %.8s", token);
	return ask_question(options, answers, "a join with this token", question);
}

static int explain_tuple(const struct ask_options *options, json_t *answers, char **arguments)
{
	char flow[192], question[200];
	uint8_t address[16];
	uint32_t port;

	for (int i = 0; i < 4; i += 2) {
		if (inet_pton(AF_INET, arguments[i], address) != 1 &&
		    inet_pton(AF_INET6, arguments[i], address) != 1) {
			log_error("\"%s\": expected an IPv4 or IPv6 address", arguments[i]);
			return -1;
		}
		if (!option_number("port", arguments[i + 1], 1, 65535, &port))
			return -1;
	}
	snprintf(flow, sizeof(flow), "%.45s %.5s %.45s %.5s", arguments[0], arguments[1],
		 arguments[2], arguments[3]);
	snprintf(question, sizeof(question), "syn %s", flow);
	if (ask_question(options, answers, "a SYN without MP_JOIN", question))
		return -1;
	snprintf(question, sizeof(question), "other %s", flow);
	return ask_question(options, answers, "any other packet", question);
}

/* Read a packet in hexadecimal: its bytes, or 0 after an error message. */
static size_t read_packet(uint8_t bytes[PACKET_MAX], const char *text)
{
	size_t length = strlen(text) / 2;

	if (strlen(text) % 2 || length > PACKET_MAX) {
		log_error(
			"the packet has %zu hexadecimal digits: expected an even number, at most %d",
			strlen(text), 2 * PACKET_MAX);
		return 0;
	}
	for (size_t i = 0; i < length; i++) {
		const char digits[] = { text[2 * i], text[2 * i + 1], '\0' };

		bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return length;
}

static int explain_packet(const struct ask_options *options, json_t *answers, const char *text)
{
	char client[INET6_ADDRSTRLEN], service[INET6_ADDRSTRLEN], question[200];
	struct mptcplb_core_syn syn = { 0 };
	struct mptcplb_packet packet;
	uint8_t bytes[PACKET_MAX];
	size_t length = read_packet(bytes, text);
	const char *kind = "other";
	int family;

	if (!length)
		return -1;
	if (mptcplb_packet_parse(&packet, MPTCPLB_LINK_RAW, bytes, length, length) &&
	    mptcplb_packet_parse(&packet, MPTCPLB_LINK_ETHERNET, bytes, length, length)) {
		log_error("this is neither an IP packet nor an Ethernet frame with a TCP header");
		return -1;
	}
	if ((packet.flags & (MPTCPLB_TCP_SYN | MPTCPLB_TCP_ACK | MPTCPLB_TCP_RST)) ==
	    MPTCPLB_TCP_SYN)
		kind = mptcplb_core_find_join(&syn, packet.options, packet.options_captured)
			       ? "join"
			       : "syn";
	family = packet.ip.version == 4 ? AF_INET : AF_INET6;
	inet_ntop(family, packet.ip.source, client, sizeof(client));
	inet_ntop(family, packet.ip.destination, service, sizeof(service));
	snprintf(question, sizeof(question), "%s %s %u %s %u", kind, client, packet.source_port,
		 service, packet.destination_port);
	if (!strcmp(kind, "join"))
		snprintf(question + strlen(question), 16, " %08x", syn.token);
	return ask_question(options, answers, question, question);
}

static void print_answers(const json_t *answers)
{
	json_t *answer, *step;
	size_t i, j;

	json_array_foreach(answers, i, answer) {
		const char *server = json_string_value(json_object_get(answer, "server"));

		const bool hashed = json_is_true(json_object_get(answer, "hashed"));

		printf("%s: %s%s\n", ask_text(answer, "packet"),
		       server	? "to "
		       : hashed ? "hashed like any SYN"
				: "to no server",
		       server ? server : "");
		json_array_foreach(json_object_get(answer, "steps"), j, step)
			printf("  %s\n", json_string_value(step));
	}
}

int command_explain(int argc, char **argv)
{
	struct ask_options options = { BALANCER_ASK, .takes = ASK_JSON | ASK_CONFIG,
				       .arguments_max = 4 };
	json_t *answers = json_array();
	int result = EXIT_USAGE, error;
	char **arguments;
	int count;

	if (!ask_parse(&options, "explain", argc, argv))
		goto out;
	arguments = argv + options.arguments;
	count = argc - options.arguments;
	if (count == 4)
		error = explain_tuple(&options, answers, arguments);
	else if (count == 1 && is_hex(arguments[0]) && strlen(arguments[0]) <= TOKEN_DIGITS)
		error = explain_token(&options, answers, arguments[0]);
	else if (count == 1 && is_hex(arguments[0]))
		error = explain_packet(&options, answers, arguments[0]);
	else {
		log_error("explain needs a token or a packet in hexadecimal, or "
			  "CLIENT PORT SERVICE PORT: see --help");
		goto out;
	}
	result = error ? EXIT_FAILED : EXIT_FINE;
	if (!error && options.json)
		ask_print(answers);
	else if (!error)
		print_answers(answers);
out:
	json_decref(answers);
	return result;
}
