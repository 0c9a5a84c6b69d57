/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The frames of a capture file, by libpcap. */
#ifndef MPTCPLB_TOOLS_CAPTURE_H
#define MPTCPLB_TOOLS_CAPTURE_H

#include <pcap/pcap.h>
#include <stdint.h>
#include <stdio.h>

#define CAPTURE_ERROR_SIZE 512

struct capture {
	const char *name; /* what error texts call it */
	pcap_t *pcap;
	uint32_t link_type; /* one that packet.h knows */
	uint64_t frames; /* read so far, so the number of the last one */
	char error[CAPTURE_ERROR_SIZE]; /* after an error */
};

struct capture_frame {
	const uint8_t *bytes; /* until the next one is read */
	uint32_t captured; /* how many bytes are there */
	uint32_t length; /* how many there were */
};

/*
 * Open a file, or standard input for "-". capture_close() if it worked.
 * Returns 0, or -1 with an error text.
 */
int capture_open(struct capture *capture, const char *path);

/* The same for a stream, which is closed with the capture and also when this fails. */
int capture_open_stream(struct capture *capture, const char *name, FILE *stream);

/* Read a frame. Returns 1, 0 at the end of the file, or -1 with an error text. */
int capture_next(struct capture *capture, struct capture_frame *frame);

void capture_close(struct capture *capture);

#endif
