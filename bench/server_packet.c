// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * What the server agent's programs take for one packet: BPF_PROG_TEST_RUN, once for each packet,
 * each of another flow; the median, with an empty program beside it, whose time is the price of
 * the measurement. The keys on offer lie in as many slots as there can be.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <mptcplb/keyring.h>

#include "daemon.h"
#include "frame.h"
#include "half_open.h"
#include "server_kern_user.h"
#include "server_test.skel.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define RUNS 20000
#define SLOTS (1U << 16)
#define BUCKETS 65536
#define PORT 4430
#define SERVICE 0x7f000001 /* 127.0.0.1, so that there can be a listener */
#define SERVER 0xc000020b /* 192.0.2.11, the address of the server itself */
#define BALANCER 0xc0000201 /* 192.0.2.1 */
#define CLIENT(i) (0x0a000000 + (i)) /* 10.0.0.0 and on */
#define CLIENT_PORT 40001
#define ISN 0x01020303 /* frame_build() numbers segments from 0x01020304 */
#define SYNCOOKIES "/proc/sys/net/ipv4/tcp_syncookies"

enum kind {
	EMPTY,
	OTHER,
	TCP_DATA,
	MPTCP_DATA,
	TUNNELLED_DATA,
	PLAIN_SYN,
	JOIN_SYN,
	CAPABLE_SYN,
	SYNACK,
	SYNACK_SEARCHED,
	THIRD_ACK,
	FORGED_ACK,
	KINDS,
};

static const char *const kind_names[KINDS] = {
	[EMPTY] = "an empty program",
	[OTHER] = "segment to no service",
	[TCP_DATA] = "segment of a TCP connection",
	[MPTCP_DATA] = "segment of an MPTCP connection",
	[TUNNELLED_DATA] = "the same, from a balancer (IP-in-IP)",
	[PLAIN_SYN] = "plain SYN",
	[JOIN_SYN] = "SYN with MP_JOIN",
	[CAPABLE_SYN] = "SYN with MP_CAPABLE, handed over",
	[SYNACK] = "SYN/ACK, rewritten",
	[SYNACK_SEARCHED] = "SYN/ACK, its key searched in BPF",
	[THIRD_ACK] = "third ACK, verified",
	[FORGED_ACK] = "third ACK, blanked",
};

static struct server_test_bpf *skel;
static struct server_slot *slots;
static int empty_program;

static void fail(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SERVER_SECOND_NS + (uint64_t)now.tv_nsec;
}

static struct server_address ipv4(uint32_t address)
{
	return (struct server_address){ { 0, 0, htonl(0xffff), htonl(address) } };
}

static void load(void)
{
	const struct server_service service = { ipv4(SERVICE), htons(PORT), 0 };
	const struct server_address own = ipv4(SERVER), balancer = ipv4(BALANCER);
	const struct server_join_limit limit = { SERVER_SECOND_NS / 4, 4 * SERVER_SECOND_NS };
	const struct server_mark unmarked = { 0 };
	const uint8_t member = 1;

	skel = server_test_bpf__open();
	if (!skel)
		fail("cannot open the programs");
	memcpy((void *)&skel->rodata->own_address, &own, sizeof(own));
	memcpy((void *)&skel->rodata->join_limit_token, &limit, sizeof(limit));
	skel->rodata->slot_count = SLOTS;
	skel->rodata->bucket_mask = BUCKETS - 1;
	bpf_map__set_max_entries(skel->maps.slots, SLOTS);
	bpf_map__set_max_entries(skel->maps.live, BUCKETS);
	if (server_test_bpf__load(skel) ||
	    bpf_map_update_elem(bpf_map__fd(skel->maps.services), &service, &unmarked, BPF_ANY) ||
	    bpf_map_update_elem(bpf_map__fd(skel->maps.members), &balancer, &member, BPF_ANY))
		fail("cannot load the programs");
	slots = mmap(NULL, SLOTS * sizeof(*slots), PROT_READ | PROT_WRITE, MAP_SHARED,
		     bpf_map__fd(skel->maps.slots), 0);
	if (slots == MAP_FAILED)
		fail("cannot map the slots");
}

/* Random keys in all slots, shown to nobody. */
static void fill_slots(void)
{
	for (uint32_t i = 0; i < SLOTS; i++) {
		const uint64_t key = (uint64_t)random() << 33 | random();

		slots[i] = (struct server_slot){ .key = key,
						 .token = server_slot_token(key, random()) };
	}
}

/* Let the programs search keys as a server with one id of 256 does, as often as they like. */
static void allow_search(void)
{
	static const uint8_t secret[MPTCPLB_SECRET_SIZE] = "sixteen bytes...";
	struct server_search search = { .tries_max = SERVER_SEARCH_TRIES_MAX,
					.id_count = 1,
					.ids = { 17 } };
	const uint32_t zero = 0;

	if (mptcplb_keyring_init(&search.keyring, 1, 8) ||
	    mptcplb_keyring_add(&search.keyring, 0, secret) ||
	    bpf_map_update_elem(bpf_map__fd(skel->maps.searches), &zero, &search, BPF_ANY))
		fail("cannot allow searches");
}

static void forget_time_spent(void)
{
	static uint64_t zeros[256 * 2];
	const uint32_t zero = 0;

	if (bpf_map_update_elem(bpf_map__fd(skel->maps.searches_spent), &zero, zeros, BPF_ANY))
		fail("cannot reset the time spent");
}

static void set_syncookies(const char *value)
{
	FILE *file = fopen(SYNCOOKIES, "w");

	if (!file || fputs(value, file) < 0 || fclose(file))
		fail(SYNCOOKIES);
}

static uint16_t listen_on(uint16_t port, int backlog)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr.s_addr = htonl(SERVICE) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) || listen(fd, backlog) ||
	    getsockname(fd, (struct sockaddr *)&address, &size))
		fail("cannot listen");
	return ntohs(address.sin_port);
}

/* A service whose SYNs may be handed over, and who they are handed over to. */
static void open_listeners(void)
{
	const struct mptcplb_farm_address here = { 4, { 127, 0, 0, 1 } };
	const struct server_service service = { ipv4(SERVICE), htons(PORT), 0 };
	const struct server_mark mark = { .seen_at = now_ns() };
	struct server_auxiliary auxiliary = { .filled_at = now_ns() };
	const uint32_t family = SERVER_IPV4;

	listen_on(PORT, 16);
	set_syncookies("2");
	half_open_connect(&here, PORT);
	set_syncookies("1");
	auxiliary.port = htons(listen_on(0, 0));
	half_open_connect(&here, ntohs(auxiliary.port));
	usleep(100000);
	if (bpf_map_update_elem(bpf_map__fd(skel->maps.services), &service, &mark, BPF_ANY) ||
	    bpf_map_update_elem(bpf_map__fd(skel->maps.auxiliaries), &family, &auxiliary, BPF_ANY))
		fail("cannot set marks");
}

static void enter_namespace(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	if (unshare(CLONE_NEWNET))
		fail("unshare");
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) || close(fd))
		fail("lo");
}

static void add_timestamps(struct options *options)
{
	static const uint8_t timestamps[] = { 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8 };

	options_add(options, timestamps, sizeof(timestamps));
}

static void add_keys(struct options *options, uint8_t length, uint64_t key)
{
	uint8_t option[20] = { 30, length, 1, 1 };

	memcpy(option + 4, "client!", 8);
	memcpy(option + length - sizeof(key), &key, sizeof(key));
	options_add(options, option, length);
}

/* MSS, SACK permitted, timestamps, window scale, as Linux sends them. */
static void add_syn_options(struct options *options)
{
	static const uint8_t bytes[] = { 2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0,
					 0, 1, 0, 0,	0, 0, 1, 3,  3, 7 };

	options_add(options, bytes, sizeof(bytes));
}

/* Put a packet into IPv4, as a balancer does. */
static void encapsulate(struct frame *frame)
{
	uint8_t ip[20] = { 0x45, [8] = 64, [9] = IPPROTO_IPIP };

	put16(ip + 2, (uint16_t)(frame->length - FRAME_IP + sizeof(ip)));
	put32(ip + 12, BALANCER);
	put32(ip + 16, SERVER);
	put16(ip + 10, ip_checksum(ip, sizeof(ip)));
	frame_insert(frame, FRAME_IP, ip, sizeof(ip));
}

/* A packet of the client's, or to it. */
static void build(struct frame *frame, enum kind kind, uint32_t client, uint64_t key)
{
	/* Data ACK and mapping of 8 bytes each; what is behind the flags does not matter here. */
	static const uint8_t dss[28] = { 30, 26, 0x20, 0x0f, [26] = 1, 1 };
	const bool answer = kind == SYNACK || kind == SYNACK_SEARCHED;
	const bool mptcp_data = kind == MPTCP_DATA || kind == TUNNELLED_DATA;
	struct segment segment = { .client = answer ? SERVICE : client,
				   .service = answer ? client : SERVICE,
				   .client_port = answer ? PORT : CLIENT_PORT,
				   .service_port = answer ? CLIENT_PORT : PORT,
				   .flags = answer ? TCP_SYN | TCP_ACK : TCP_ACK };

	if (kind == OTHER)
		segment.service_port++;
	if (kind == TCP_DATA || mptcp_data || kind == OTHER)
		segment.payload = 1000;
	if (kind == PLAIN_SYN || kind == JOIN_SYN || kind == CAPABLE_SYN)
		segment.flags = TCP_SYN;
	if (segment.flags & TCP_SYN)
		add_syn_options(&segment.options);
	else
		add_timestamps(&segment.options);
	if (mptcp_data)
		options_add(&segment.options, dss, sizeof(dss));
	if (kind == JOIN_SYN)
		options_add_join(&segment.options, (uint32_t)random() | 1);
	if (kind == CAPABLE_SYN)
		options_add_capable(&segment.options);
	if (answer)
		add_keys(&segment.options, 12, key);
	if (kind == THIRD_ACK || kind == FORGED_ACK)
		add_keys(&segment.options, 20, key);
	frame_build(frame, &segment);
	if (kind == TUNNELLED_DATA)
		encapsulate(frame);
	if (answer)
		put32(frame->bytes + FRAME_IP + 20 + 8, ISN + 1);
}

static uint32_t run(int program, struct frame *frame)
{
	struct frame out = { .length = 0 };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame->bytes,
		    .data_size_in = (uint32_t)frame->length, .data_out = out.bytes,
		    .data_size_out = sizeof(out.bytes));

	if (bpf_prog_test_run_opts(program, &options))
		fail("BPF_PROG_TEST_RUN");
	out.length = options.data_size_out;
	*frame = out;
	return options.duration;
}

/* The key that a flow is offered. */
static uint64_t offered(uint32_t client)
{
	struct frame frame;
	uint64_t key;

	build(&frame, SYNACK, client, (uint64_t)random() << 33 | random());
	run(bpf_program__fd(skel->progs.server_egress_cookie), &frame);
	memcpy(&key, frame.bytes + FRAME_IP + 20 + 20 + 20 + 4, sizeof(key));
	return key;
}

static uint32_t run_once(enum kind kind)
{
	const uint32_t client = CLIENT((uint32_t)random() % (1U << 24));
	int program = bpf_program__fd(skel->progs.server_ingress);
	uint64_t key = (uint64_t)random() << 33 | random();
	struct frame frame;

	if (kind == EMPTY)
		program = empty_program;
	if (kind == SYNACK || kind == SYNACK_SEARCHED)
		program = bpf_program__fd(skel->progs.server_egress_cookie);
	if (kind == SYNACK_SEARCHED) {
		memset(slots, 0, SLOTS * sizeof(*slots));
		forget_time_spent();
	}
	if (kind == THIRD_ACK)
		key = offered(client);
	build(&frame, kind, client, key);
	return run(program, &frame);
}

static uint64_t counter(enum server_counter which)
{
	uint64_t values[256] = { 0 }, sum = 0;
	const uint32_t index = which;

	if (bpf_map_lookup_elem(bpf_map__fd(skel->maps.counters), &index, values))
		fail("counters");
	for (size_t i = 0; i < 256; i++)
		sum += values[i];
	return sum;
}

/* What must have been counted for nearly each packet, or the figure is of something else. */
static enum server_counter proof(enum kind kind)
{
	switch (kind) {
	case TUNNELLED_DATA:
		return SERVER_DECAPSULATED;
	case JOIN_SYN:
		return SERVER_JOIN_PASSED;
	case CAPABLE_SYN: /* BPF_PROG_TEST_RUN refuses bpf_sk_assign(), the last step */
		return SERVER_SYN_AUXILIARY;
	case SYNACK:
		return SERVER_SYNACK_REWRITTEN;
	case SYNACK_SEARCHED:
		return SERVER_SEARCH_FOUND;
	case THIRD_ACK:
		return SERVER_ACK_VERIFIED;
	case FORGED_ACK:
		return SERVER_ACK_UNKNOWN_KEY;
	default:
		return SERVER_COUNTER_COUNT;
	}
}

static int compare(const void *left, const void *right)
{
	const uint32_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

static uint32_t median(enum kind kind)
{
	static uint32_t times[RUNS];
	const size_t runs = kind == SYNACK_SEARCHED ? RUNS / 20 : RUNS;
	const enum server_counter counted = proof(kind);
	uint64_t before = counted < SERVER_COUNTER_COUNT ? counter(counted) : 0;

	fill_slots();
	for (size_t i = 0; i < runs; i++)
		times[i] = run_once(kind);
	if (counted < SERVER_COUNTER_COUNT && counter(counted) - before < runs / 10 * 9) {
		fprintf(stderr, "%s: only %llu of %zu\n", kind_names[kind],
			(unsigned long long)(counter(counted) - before), runs);
		exit(EXIT_FAILURE);
	}
	qsort(times, runs, sizeof(*times), compare);
	return times[runs / 2];
}

int main(void)
{
	static const struct bpf_insn empty[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = TC_ACT_UNSPEC },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	uint32_t nothing;

	daemon_libbpf_log();
	enter_namespace();
	empty_program = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "empty", "GPL", empty, 2, NULL);
	if (empty_program < 0)
		fail("cannot load the empty program");
	load();
	open_listeners();
	allow_search();
	nothing = median(EMPTY);
	printf("%-36s %6u ns\n", kind_names[EMPTY], nothing);
	for (enum kind kind = OTHER; kind < KINDS; kind++) {
		uint32_t time = median(kind);

		printf("%-36s %6u ns, net of the empty program %6d ns\n", kind_names[kind], time,
		       (int)(time - nothing));
	}
	server_test_bpf__destroy(skel);
	return EXIT_SUCCESS;
}
