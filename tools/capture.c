// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "capture.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <mptcplb/packet.h>

#define BUFFER_SIZE (1 << 18)

__attribute__((format(printf, 2, 3))) static int fail_capture(struct capture *capture,
							      const char *format, ...)
{
	va_list arguments;
	int length = snprintf(capture->error, sizeof(capture->error), "%.300s: ", capture->name);

	va_start(arguments, format);
	vsnprintf(capture->error + length, sizeof(capture->error) - (size_t)length, format,
		  arguments);
	va_end(arguments);
	return -1;
}

/* packet.h knows best which link types it can read. */
static int check_link_type(struct capture *capture)
{
	const uint8_t nothing[1] = { 0 };
	struct mptcplb_packet packet;
	const char *name;
	int link_type = pcap_datalink(capture->pcap);

	capture->link_type = (uint32_t)link_type;
	if (mptcplb_packet_parse(&packet, capture->link_type, nothing, 0, 0) !=
	    MPTCPLB_ERR_LINK_TYPE)
		return 0;
	name = pcap_datalink_val_to_name(link_type);
	return fail_capture(capture,
			    "its link type is %d (%s): expected Ethernet, Linux cooked, raw IP or "
			    "loopback",
			    link_type, name ? name : "unknown");
}

int capture_open_stream(struct capture *capture, const char *name, FILE *stream)
{
	char text[PCAP_ERRBUF_SIZE];
	struct stat status;

	*capture = (struct capture){ .name = name };
	if (fileno(stream) >= 0 && fstat(fileno(stream), &status) == 0 && S_ISDIR(status.st_mode)) {
		fclose(stream);
		return fail_capture(capture, "is a directory: expected a capture file");
	}
	setvbuf(stream, NULL, _IOFBF, BUFFER_SIZE);
	capture->pcap = pcap_fopen_offline(stream, text);
	if (!capture->pcap) {
		fclose(stream);
		return fail_capture(capture,
				    "%s: expected a capture in pcap or pcapng format, uncompressed",
				    text);
	}
	if (check_link_type(capture)) {
		capture_close(capture);
		return -1;
	}
	return 0;
}

int capture_open(struct capture *capture, const char *path)
{
	FILE *stream;

	if (strcmp(path, "-") == 0)
		return capture_open_stream(capture, "standard input", stdin);
	stream = fopen(path, "rb");
	if (!stream) {
		*capture = (struct capture){ .name = path };
		return fail_capture(capture, "%s", strerror(errno));
	}
	return capture_open_stream(capture, path, stream);
}

int capture_next(struct capture *capture, struct capture_frame *frame)
{
	struct pcap_pkthdr *header;
	const u_char *bytes;
	int result = pcap_next_ex(capture->pcap, &header, &bytes);
	off_t offset;

	if (result == PCAP_ERROR_BREAK) /* what libpcap calls the end of the file */
		return 0;
	if (result != 1) {
		offset = ftello(pcap_file(capture->pcap));
		if (offset < 0) /* a pipe */
			return fail_capture(capture, "frame %" PRIu64 ": %s", capture->frames + 1,
					    pcap_geterr(capture->pcap));
		return fail_capture(capture, "frame %" PRIu64 ", up to byte %" PRIdMAX ": %s",
				    capture->frames + 1, (intmax_t)offset,
				    pcap_geterr(capture->pcap));
	}
	capture->frames++;
	*frame = (struct capture_frame){ bytes, header->caplen, header->len };
	return 1;
}

void capture_close(struct capture *capture)
{
	if (capture->pcap)
		pcap_close(capture->pcap);
	capture->pcap = NULL;
}
