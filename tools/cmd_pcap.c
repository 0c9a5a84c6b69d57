// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* mptcplb-tool pcap: the MPTCP connections, or the MPTCP options, of a capture. */
#include "tool.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include <mptcplb/option.h>

#include "capture.h"
#include "connections.h"
#include "connections_report.h"
#include "option_json.h"

#define PROGRESS_STEP (1U << 20)

static bool is_mptcp(const struct mptcplb_tcp_option *option)
{
	return option->kind == MPTCPLB_TCPOPT_MPTCP;
}

static void print_option(const struct mptcplb_packet *packet,
			 const struct mptcplb_tcp_option *option, uint64_t frame, bool json)
{
	char source[ENDPOINT_TEXT_SIZE];
	char destination[ENDPOINT_TEXT_SIZE];
	json_t *fields = option_json(option);
	json_t *object;
	struct flow flow;

	flow_of_packet(&flow, packet, false);
	if (json) {
		object = json_pack("{s:I, s:s, s:i, s:s, s:i}", "frame", (json_int_t)frame, "src",
				   endpoint_address_text(&flow.source, source), "sport",
				   flow.source.port, "dst",
				   endpoint_address_text(&flow.destination, destination), "dport",
				   flow.destination.port);
		json_object_update(object, fields);
		print_json_line(object);
		json_decref(object);
	} else {
		printf("%6" PRIu64 "  %s > %s  ", frame, endpoint_text(&flow.source, source),
		       endpoint_text(&flow.destination, destination));
		option_print_fields(fields);
	}
	json_decref(fields);
}

static void print_options(const struct mptcplb_packet *packet, uint64_t frame, bool json)
{
	struct mptcplb_option_iterator iterator = {
		.size = sizeof(iterator),
		.bytes = packet->options,
		.length = packet->options_captured,
	};
	struct mptcplb_tcp_option option;

	while (mptcplb_option_next(&iterator, &option) > 0) {
		if (is_mptcp(&option))
			print_option(packet, &option, frame, json);
	}
}

/* Read a capture to its end. An error is told, and what was read before it stays. */
static int read_frames(struct capture *capture, struct connections *connections,
		       const struct arguments *arguments)
{
	bool terminal = isatty(STDERR_FILENO);
	struct capture_frame frame;
	struct mptcplb_packet packet;
	int more, error = 0;

	while (!error && (more = capture_next(capture, &frame)) > 0) {
		if (terminal && capture->frames % PROGRESS_STEP == 0)
			fprintf(stderr, "\r%" PRIu64 " frames", capture->frames);
		if (mptcplb_packet_parse(&packet, capture->link_type, frame.bytes, frame.captured,
					 frame.length))
			continue;
		if (arguments->given & OPTION_OPTIONS)
			print_options(&packet, capture->frames, arguments->given & OPTION_JSON);
		else
			error = connections_add(connections, &packet, capture->frames);
	}
	if (terminal && capture->frames >= PROGRESS_STEP)
		fputc('\n', stderr);
	if (error)
		return fail("%s: frame %" PRIu64 ": %s", capture->name, capture->frames,
			    mptcplb_strerror(error));
	return more < 0 ? fail("%s", capture->error) : TOOL_FINE;
}

static int read_capture(const struct arguments *arguments)
{
	struct connections connections;
	struct capture capture;
	int error, result;

	if (capture_open(&capture, arguments->operands[0]))
		return fail("%s", capture.error);
	error = connections_start(&connections);
	result = error ? fail("%s", mptcplb_strerror(error))
		       : read_frames(&capture, &connections, arguments);
	capture_close(&capture);
	if (arguments->given & OPTION_OPTIONS)
		;
	else if (arguments->given & OPTION_JSON)
		connections_print_json(&connections, arguments->farm);
	else
		connections_print_text(&connections, arguments->farm);
	connections_free(&connections);
	return result;
}

int cmd_pcap(const struct arguments *arguments)
{
	if (arguments->operand_count != 1)
		return fail_usage("pcap: expected one FILE, or - for standard input");
	return read_capture(arguments);
}
