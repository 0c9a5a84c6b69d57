// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* A capture file, and the connections in it. */
#include <string.h>

#include <capture.h>
#include <connections.h>

#include "fuzz.h"

static void read_frames(struct capture *capture, struct connections *connections)
{
	struct capture_frame frame;
	struct mptcplb_packet packet;
	int more;

	while ((more = capture_next(capture, &frame)) > 0) {
		if (mptcplb_packet_parse(&packet, capture->link_type, frame.bytes, frame.captured,
					 frame.length) == MPTCPLB_OK)
			MUST(connections_add(connections, &packet, capture->frames) == MPTCPLB_OK);
	}
	MUST(more == 0 || strncmp(capture->error, "fuzz: frame ", 12) == 0);
}

/* Each subflow is in the list of its connection once, and the first one is no join. */
static void check_connections(const struct connections *connections, uint64_t frames)
{
	uint32_t listed = 0;

	for (uint32_t i = 0; i < connections->count; i++) {
		const struct connection *connection = &connections->items[i];
		uint32_t last = connection->first;

		MUST(!connections->subflows[connection->first].join);
		for (uint32_t j = last; j != NO_SUBFLOW; j = connections->subflows[j].next) {
			MUST(connections->subflows[j].connection == i);
			MUST(connections->subflows[j].join == (j != connection->first));
			listed++;
			last = j;
		}
		MUST(last == connection->last);
	}
	for (uint32_t i = 0; i < connections->subflow_count; i++) {
		MUST(connections->subflows[i].frame >= 1 &&
		     connections->subflows[i].frame <= frames);
		listed += connections->subflows[i].connection == NO_CONNECTION;
	}
	MUST(listed == connections->subflow_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct connections connections;
	struct capture capture;
	FILE *stream;

	if (size == 0)
		return 0;
	stream = fmemopen((void *)(uintptr_t)data, size, "rb");
	MUST(stream);
	if (capture_open_stream(&capture, "fuzz", stream)) {
		MUST(strncmp(capture.error, "fuzz: ", 6) == 0);
		return 0;
	}
	MUST(connections_start(&connections) == MPTCPLB_OK);
	read_frames(&capture, &connections);
	check_connections(&connections, capture.frames);
	connections_free(&connections);
	capture_close(&capture);
	return 0;
}
