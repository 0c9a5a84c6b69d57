// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "server_harness.h"

#include <arpa/inet.h>
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

#include <bpf/libbpf.h>

#include <mptcplb/core.h>
#include <mptcplb/key.h>

#define CPUS_MAX 256
#define SERVICES_MAX 64

/* From here on are tokens that no key in the tests has; of bucket 0. */
#define STRANGE_TOKEN 0xf0000000U

struct server_test_bpf *skel;
const uint8_t kernel_key[8] = "kernel!", strange_key[8] = "strange";

static const uint8_t client_key[8] = "client!";
static const uint8_t timestamps[TIMESTAMPS_SIZE] = { 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8 };
static int version;

int harness_version(void)
{
	return version;
}

struct server_address harness_address_of(int ip_version, uint32_t address)
{
	if (ip_version == 4)
		return (struct server_address){ { 0, 0, htonl(0xffff), htonl(address) } };
	return (struct server_address){ { htonl(0x20010db8), 0, 0, htonl(address) } };
}

struct server_address harness_address(uint32_t address)
{
	return harness_address_of(version, address);
}

void harness_load(const struct harness_options *options)
{
	const struct server_address own =
		harness_address_of(options->own_version ? options->own_version : version, SERVER);

	skel = server_test_bpf__open();
	ck_assert_ptr_nonnull(skel);
	memcpy((void *)&skel->rodata->own_address, &own, sizeof(own));
	memcpy((void *)&skel->rodata->join_limit_token, &options->join_limit_token,
	       sizeof(options->join_limit_token));
	memcpy((void *)&skel->rodata->join_limit_total, &options->join_limit_total,
	       sizeof(options->join_limit_total));
	skel->rodata->slot_count = options->slots;
	skel->rodata->bucket_mask = BUCKETS - 1;
	skel->rodata->flow_secret.k0 = 0x0706050403020100;
	skel->rodata->flow_secret.k1 = 0x0f0e0d0c0b0a0908;
	bpf_map__set_max_entries(skel->maps.slots, options->slots);
	bpf_map__set_max_entries(skel->maps.services, SERVICES_MAX);
	bpf_map__set_max_entries(skel->maps.live, BUCKETS);
	ck_assert_int_eq(server_test_bpf__load(skel), 0);
}

static void unload(void)
{
	server_test_bpf__destroy(skel);
	skel = NULL;
}

/* Make all values of an array zero, those of each CPU if it has such. */
static void zero_array(const struct bpf_map *map)
{
	const size_t size = (size_t)bpf_map__max_entries(map) * bpf_map__value_size(map);
	static const uint8_t zeros[CPUS_MAX * 64];
	uint32_t i;
	void *mapped;

	if (bpf_map__map_flags(map) & BPF_F_MMAPABLE) {
		mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
		ck_assert_ptr_ne(mapped, MAP_FAILED);
		memset(mapped, 0, size);
		munmap(mapped, size);
		return;
	}
	for (i = 0; i < bpf_map__max_entries(map); i++)
		ck_assert_int_eq(bpf_map_update_elem(bpf_map__fd(map), &i, zeros, BPF_ANY), 0);
}

static void empty_hash(const struct bpf_map *map)
{
	uint8_t key[64];

	while (bpf_map_get_next_key(bpf_map__fd(map), NULL, key) == 0)
		ck_assert_int_eq(bpf_map_delete_elem(bpf_map__fd(map), key), 0);
}

/* What a test left in the maps is gone; the service is there. */
static void reset(void)
{
	const struct server_address service = harness_address(SERVICE);
	const struct bpf_map *map;

	bpf_object__for_each_map(map, skel->obj)
	{
		if (bpf_map__is_internal(map))
			continue;
		switch (bpf_map__type(map)) {
		case BPF_MAP_TYPE_ARRAY:
		case BPF_MAP_TYPE_PERCPU_ARRAY:
			zero_array(map);
			break;
		case BPF_MAP_TYPE_HASH:
		case BPF_MAP_TYPE_LRU_HASH:
			empty_hash(map);
			break;
		default:
			break;
		}
	}
	harness_add_service(&service, PORT);
	harness_add_service(&service, 0);
}

static void use_ipv4(void)
{
	version = 4;
}

static void use_ipv6(void)
{
	version = 6;
}

static void nothing(void)
{
}

void harness_add(Suite *suite, const char *name, void (*load)(void), void (*setup)(void),
		 void (*add_tests)(TCase *tcase))
{
	static void (*const use[])(void) = { use_ipv4, use_ipv6 };
	static char names[16][64];
	static size_t count;
	size_t i;

	for (i = 0; i < 2; i++) {
		char *full = names[count++ % 16];
		TCase *tcase;

		snprintf(full, sizeof(names[0]), "%s, IPv%d", name, i ? 6 : 4);
		tcase = tcase_create(full);
		tcase_set_timeout(tcase, 0);
		version = i ? 6 : 4;
		/* Unchecked fixtures: once for all tests of the case, which are forked later. */
		tcase_add_unchecked_fixture(tcase, use[i], nothing);
		tcase_add_unchecked_fixture(tcase, load, unload);
		tcase_add_checked_fixture(tcase, reset, nothing);
		tcase_add_checked_fixture(tcase, setup, nothing);
		add_tests(tcase);
		suite_add_tcase(suite, tcase);
	}
}

/* Sockets are looked up in the namespace of this process. */
static bool enter_namespace(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	if (unshare(CLONE_NEWNET))
		return false;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	return fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0 && close(fd) == 0;
}

int harness_run(const char *name, void (*add_tests)(Suite *suite))
{
	Suite *suite = suite_create(name);
	SRunner *runner;
	int failed;

	if (!enter_namespace()) {
		perror("a network namespace, which needs root");
		return EXIT_FAILURE;
	}
	add_tests(suite);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

void harness_add_service(const struct server_address *address, uint16_t port)
{
	struct server_service service = { .address = *address, .port = htons(port) };
	struct server_mark unmarked = { 0 };

	ck_assert_int_eq(
		bpf_map_update_elem(bpf_map__fd(skel->maps.services), &service, &unmarked, 0), 0);
}

uint32_t token_of(const void *key)
{
	uint32_t token;

	ck_assert_int_eq(mptcplb_key_token(MPTCPLB_MODE_RFC8684, &token, key, MPTCPLB_KEY_SIZE),
			 MPTCPLB_OK);
	return token;
}

struct server_slot slot_read(uint32_t index)
{
	struct server_slot slot;

	ck_assert_int_eq(bpf_map_lookup_elem(bpf_map__fd(skel->maps.slots), &index, &slot), 0);
	return slot;
}

void slot_write(uint32_t index, const struct server_slot *slot)
{
	ck_assert_int_eq(bpf_map_update_elem(bpf_map__fd(skel->maps.slots), &index, slot, 0), 0);
}

void slot_fill(uint32_t index)
{
	struct server_slot slot = { .key = 0xabcd000000000000ULL | index };

	slot.token = server_slot_token(slot.key, token_of(&slot.key));
	slot_write(index, &slot);
}

void slots_fill(void)
{
	uint32_t i;

	for (i = 0; i < bpf_map__max_entries(skel->maps.slots); i++)
		slot_fill(i);
}

static struct server_bucket bucket_read(uint32_t bucket)
{
	struct server_bucket value;

	ck_assert_int_eq(bpf_map_lookup_elem(bpf_map__fd(skel->maps.live), &bucket, &value), 0);
	return value;
}

static void bucket_write(uint32_t bucket, const struct server_bucket *value)
{
	ck_assert_int_eq(bpf_map_update_elem(bpf_map__fd(skel->maps.live), &bucket, value, 0), 0);
}

void bucket_fill(uint32_t bucket, uint32_t tokens)
{
	struct server_bucket value = { 0 };
	uint32_t i;

	ck_assert_uint_le(tokens, SERVER_BUCKET_TOKENS_MAX);
	for (i = 0; i < tokens; i++)
		value.places[i].entry = server_live_entry(STRANGE_TOKEN + i * BUCKETS + bucket, 0);
	bucket_write(bucket, &value);
}

uint32_t bucket_count(uint32_t bucket)
{
	const struct server_bucket value = bucket_read(bucket);
	uint32_t i, count = 0;

	for (i = 0; i < SERVER_BUCKET_TOKENS_MAX; i++)
		count += value.places[i].entry != 0;
	return count;
}

void live_add(uint32_t token, uint64_t flow)
{
	struct server_bucket value = bucket_read(token % BUCKETS);
	const uint32_t place = bucket_count(token % BUCKETS);

	ck_assert_uint_lt(place, SERVER_BUCKET_TOKENS_MAX);
	value.places[place] = (struct server_live){ server_live_entry(token, now_ns()), flow };
	bucket_write(token % BUCKETS, &value);
}

bool live_has(uint32_t token)
{
	const struct server_bucket value = bucket_read(token % BUCKETS);
	uint32_t i;

	for (i = 0; i < SERVER_BUCKET_TOKENS_MAX; i++) {
		if ((uint32_t)value.places[i].entry == token)
			return true;
	}
	return false;
}

uint64_t counter(enum server_counter which)
{
	uint64_t values[CPUS_MAX] = { 0 }, sum = 0;
	uint32_t index = which;
	size_t i;

	ck_assert_int_le(libbpf_num_possible_cpus(), CPUS_MAX);
	ck_assert_int_eq(bpf_map_lookup_elem(bpf_map__fd(skel->maps.counters), &index, values), 0);
	for (i = 0; i < CPUS_MAX; i++)
		sum += values[i];
	return sum;
}

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SERVER_SECOND_NS + (uint64_t)now.tv_nsec;
}

static uint32_t run(const struct bpf_program *program, struct frame *frame)
{
	struct frame out = { .length = 0 };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame->bytes,
		    .data_size_in = (uint32_t)frame->length, .data_out = out.bytes,
		    .data_size_out = sizeof(out.bytes));

	ck_assert_int_eq(bpf_prog_test_run_opts(bpf_program__fd(program), &options), 0);
	out.length = options.data_size_out;
	*frame = out;
	return options.retval;
}

uint32_t harness_ingress(struct frame *frame)
{
	return run(skel->progs.server_ingress, frame);
}

uint32_t harness_egress(struct frame *frame)
{
	return run(skel->progs.server_egress_cookie, frame);
}

uint32_t harness_egress_of_socket(struct frame *frame)
{
	return run(skel->progs.server_egress, frame);
}

uint32_t harness_ingress_protocol(struct frame frame)
{
	return run(skel->progs.server_ingress_protocol, &frame);
}

/* Where the TCP header is; extension headers are not gone through. */
static size_t tcp_offset(const struct frame *frame)
{
	const uint8_t first = frame->bytes[FRAME_IP];

	return FRAME_IP + (first >> 4 == 6 ? FRAME_IPV6_SIZE : (first & 15U) * 4);
}

uint8_t *tcp_of(struct frame *frame)
{
	return frame->bytes + tcp_offset(frame);
}

uint16_t tcp_checksum(struct frame *frame)
{
	uint8_t pseudo[FRAME_IPV6_SIZE + FRAME_SIZE_MAX] = { 0 };
	const uint8_t *ip = frame->bytes + FRAME_IP;
	bool is_ipv6 = ip[0] >> 4 == 6;
	size_t addresses = is_ipv6 ? 32 : 8;
	size_t length = is_ipv6 ? get16(ip + 4) : get16(ip + 2) - (ip[0] & 15U) * 4;

	memcpy(pseudo, ip + (is_ipv6 ? 8 : 12), addresses);
	pseudo[addresses + 1] = IPPROTO_TCP;
	put16(pseudo + addresses + 2, (uint16_t)length);
	memcpy(pseudo + addresses + 4, tcp_of(frame), length);
	return ip_checksum(pseudo, addresses + 4 + length + length % 2);
}

void tcp_finish(struct frame *frame)
{
	put16(tcp_of(frame) + 16, 0);
	put16(tcp_of(frame) + 16, tcp_checksum(frame));
}

void options_add_keys(struct options *options, uint8_t length, const void *key)
{
	uint8_t option[40] = { MPTCPLB_TCPOPT_MPTCP, length, MPTCPLB_MP_CAPABLE << 4 | 1, 1 };
	size_t keys = length >= 20 ? 12 : 4;

	memcpy(option + 4, client_key, 8);
	memcpy(option + keys, key, 8);
	options_add(options, option, length);
}

void options_add_timestamps(struct options *options)
{
	options_add(options, timestamps, sizeof(timestamps));
}

struct frame frame_of(const struct segment *segment)
{
	const struct server_address source = harness_address(segment->client);
	const struct server_address destination = harness_address(segment->service);
	struct frame frame;

	frame_build(&frame, segment);
	if (version == 6)
		frame_make_ipv6(&frame, (const uint8_t *)&source, (const uint8_t *)&destination);
	return frame;
}

struct frame synack_with(const struct options *options, uint16_t client_port)
{
	const struct segment segment = { .client = SERVICE,
					 .service = CLIENT,
					 .client_port = PORT,
					 .service_port = client_port,
					 .flags = TCP_SYN | TCP_ACK,
					 .options = *options };
	struct frame frame = frame_of(&segment);

	put32(tcp_of(&frame) + 8, ISN + 1);
	tcp_finish(&frame);
	return frame;
}

struct frame capable_synack(uint16_t client_port)
{
	struct options options = { .length = 0 };

	options_add_timestamps(&options);
	options_add_keys(&options, 12, kernel_key);
	return synack_with(&options, client_port);
}

struct frame ack_with(const struct options *options, uint16_t client_port)
{
	const struct segment segment = { .client = CLIENT,
					 .service = SERVICE,
					 .client_port = client_port,
					 .service_port = PORT,
					 .flags = TCP_ACK,
					 .options = *options,
					 .payload = 6 };
	struct frame frame = frame_of(&segment);

	put32(tcp_of(&frame) + 8, 0x99);
	tcp_finish(&frame);
	return frame;
}

struct frame third_ack(uint8_t length, const void *key, uint16_t client_port)
{
	struct options options = { .length = 0 };

	options_add_timestamps(&options);
	options_add_keys(&options, length, key);
	return ack_with(&options, client_port);
}

void offered_key(uint16_t client_port, uint8_t key[8])
{
	struct frame frame = capable_synack(client_port);

	ck_assert_uint_eq(harness_egress(&frame), UNSPEC);
	memcpy(key, tcp_of(&frame) + 20 + sizeof(timestamps) + 4, 8);
}

void assert_same(const struct frame *frame, const struct frame *expected)
{
	ck_assert_uint_eq(frame->length, expected->length);
	ck_assert_mem_eq(frame->bytes, expected->bytes, expected->length);
}

void assert_egress_untouched(struct frame frame)
{
	const struct frame before = frame;

	ck_assert_uint_eq(harness_egress(&frame), UNSPEC);
	assert_same(&frame, &before);
}

void assert_passed(struct frame frame)
{
	const struct frame before = frame;

	ck_assert_uint_eq(harness_ingress(&frame), UNSPEC);
	assert_same(&frame, &before);
}

void assert_dropped(struct frame frame)
{
	ck_assert_uint_eq(harness_ingress(&frame), TC_ACT_SHOT);
}

void assert_blanked(struct frame frame, size_t offset, size_t length)
{
	struct frame expected = frame;

	memset(tcp_of(&expected) + 20 + offset, MPTCPLB_TCPOPT_NOP, length);
	tcp_finish(&expected);
	ck_assert_uint_eq(harness_ingress(&frame), UNSPEC);
	assert_same(&frame, &expected);
}

void assert_ack_blanked(struct frame frame)
{
	assert_blanked(frame, sizeof(timestamps), tcp_of(&frame)[20 + sizeof(timestamps) + 1]);
}
