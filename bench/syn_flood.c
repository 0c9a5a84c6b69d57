// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Sends SYNs of clients that do not exist, as fast as one core can: for other scripts here, in a
 * network namespace of its own. Addresses (of 10.0.0.0/8), ports and sequence numbers are random.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 64
#define SECONDS_MAX 120
#define OPTIONS_MAX 32

struct frame {
	struct ether_header ethernet;
	struct iphdr ip;
	struct tcphdr tcp;
	uint8_t options[OPTIONS_MAX];
} __attribute__((packed));

/* MSS, SACK permitted, timestamps, window scale, as Linux sends them; then the kind's own. */
static const uint8_t usual_options[] = { 2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0,
					 0, 1, 0, 0,	0, 0, 1, 3,  3, 7 };
static const uint8_t capable_option[] = { 30, 4, 1, 1 };
static const uint8_t join_option[] = { 30, 12, 0x10, 2, 0, 0, 0, 0, 0, 0, 0, 0 };

#define TOKEN_OFFSET (sizeof(usual_options) + 4)

struct flood {
	struct frame model;
	size_t size;
	uint64_t random;
	bool guesses; /* each join has another token */
	int fd;
};

static uint64_t next_random(struct flood *flood)
{
	flood->random ^= flood->random << 13;
	flood->random ^= flood->random >> 7;
	flood->random ^= flood->random << 17;
	return flood->random;
}

static uint32_t sum(const void *data, size_t size, uint32_t total)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < size; i += 2)
		total += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	return total;
}

static uint16_t folded(uint32_t total)
{
	total = (total >> 16) + (total & 0xffff);
	total += total >> 16;
	return htons((uint16_t)~total);
}

static void make_frame(struct flood *flood, struct frame *frame)
{
	const uint64_t random = next_random(flood);
	const size_t tcp_size = flood->size - offsetof(struct frame, tcp);
	uint32_t total, token;

	*frame = flood->model;
	frame->ip.saddr = htonl(10U << 24 | (uint32_t)(random >> 40));
	frame->ip.check = folded(sum(&frame->ip, sizeof(frame->ip), 0));
	frame->tcp.source = htons((uint16_t)(1024 + (random & 0x7fff)));
	frame->tcp.seq = (uint32_t)next_random(flood);
	if (flood->guesses) {
		token = (uint32_t)next_random(flood);
		memcpy(frame->options + TOKEN_OFFSET, &token, sizeof(token));
	}
	total = sum(&frame->ip.saddr, 8, IPPROTO_TCP + (uint32_t)tcp_size);
	frame->tcp.check = folded(sum(&frame->tcp, tcp_size, total));
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* Send so many packets, unless the time is over before. Returns 0, or -1 and errno. */
static int send_frames(struct flood *flood, double seconds, uint64_t packets)
{
	static struct frame frames[BATCH];
	struct mmsghdr messages[BATCH] = { 0 };
	struct iovec vectors[BATCH];
	uint64_t sent = 0, refused = 0;
	double start = now();

	for (int i = 0; i < BATCH; i++) {
		vectors[i] = (struct iovec){ &frames[i], flood->size };
		messages[i].msg_hdr.msg_iov = &vectors[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	while (sent < packets && now() - start < seconds) {
		unsigned int size = packets - sent < BATCH ? (unsigned int)(packets - sent) : BATCH;
		int count;

		for (unsigned int i = 0; i < size; i++)
			make_frame(flood, &frames[i]);
		count = sendmmsg(flood->fd, messages, size, 0);
		if (count < 0 && errno != ENOBUFS)
			return -1;
		sent += count > 0 ? (uint64_t)count : 0;
		refused += size - (count > 0 ? (uint64_t)count : 0);
	}
	printf("{\"sent\":%llu,\"refused\":%llu,\"seconds\":%.3f}\n", (unsigned long long)sent,
	       (unsigned long long)refused, now() - start);
	return 0;
}

/* Also sets the source address of the link header. */
static int open_socket(const char *interface, struct ether_header *ethernet)
{
	const struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_ifindex = (int)if_nametoindex(interface),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	struct ifreq own = { 0 };
	int on = 1;

	strncpy(own.ifr_name, interface, sizeof(own.ifr_name) - 1);

	if (fd < 0 || !address.sll_ifindex || ioctl(fd, SIOCGIFHWADDR, &own) ||
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)))
		return -1;
	memcpy(ethernet->ether_shost, own.ifr_hwaddr.sa_data, ETH_ALEN);
	return fd;
}

/* Returns whether all words are understood. */
static bool make_model(struct flood *flood, char **words)
{
	struct frame *model = &flood->model;
	struct ether_addr ethernet;
	const char *kind = words[4];
	uint8_t *end = model->options + sizeof(usual_options);
	uint32_t token;

	memcpy(model->options, usual_options, sizeof(usual_options));
	if (!strcmp(kind, "capable")) {
		end = mempcpy(end, capable_option, sizeof(capable_option));
	} else if (!strncmp(kind, "join=", 5) || !strcmp(kind, "guess")) {
		flood->guesses = *kind == 'g';
		token = htonl((uint32_t)strtoul(kind + 5, NULL, 16));
		end = mempcpy(end, join_option, sizeof(join_option));
		memcpy(model->options + TOKEN_OFFSET, &token, sizeof(token));
	} else if (strcmp(kind, "plain") != 0) {
		return false;
	}
	flood->size = (size_t)(end - (uint8_t *)model);
	model->ethernet.ether_type = htons(ETHERTYPE_IP);
	model->ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = IPPROTO_TCP,
		.tot_len = htons((uint16_t)(flood->size - sizeof(model->ethernet))),
	};
	model->tcp.syn = 1;
	model->tcp.doff = (flood->size - offsetof(struct frame, tcp)) / 4 & 15;
	model->tcp.window = htons(64240);
	model->tcp.dest = htons((uint16_t)atoi(words[3]));
	if (!ether_aton_r(words[1], &ethernet) ||
	    inet_pton(AF_INET, words[2], &model->ip.daddr) != 1)
		return false;
	memcpy(model->ethernet.ether_dhost, &ethernet, ETH_ALEN);
	return true;
}

int main(int argc, char **argv)
{
	struct flood flood = { .random = (uint64_t)time(NULL) << 20 | 1 };
	double seconds = argc == 7 || argc == 8 ? atof(argv[6]) : 0;
	uint64_t packets = argc == 8 ? strtoull(argv[7], NULL, 10) : UINT64_MAX;

	if (seconds <= 0 || seconds > SECONDS_MAX || !make_model(&flood, argv + 1)) {
		fprintf(stderr,
			"Usage: syn_flood INTERFACE MAC ADDRESS PORT plain|capable|join=TOKEN|guess "
			"SECONDS [PACKETS]\n"
			"Floods a service with SYNs for at most %d seconds.\n",
			SECONDS_MAX);
		return 2;
	}
	flood.fd = open_socket(argv[1], &flood.model.ethernet);
	if (flood.fd < 0 || send_frames(&flood, seconds, packets)) {
		perror("syn_flood");
		return 1;
	}
	return 0;
}
