// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * The balancer's program beyond plain IPv4: IPv6, tags, ranges of ports, errors, servers that
 * drain, another farm under way; and the redirector.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <check.h>
#include <jansson.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mptcplb/keyring.h>
#include <mptcplb/token.h>

#include "counts.h"
#include "daemon.h"
#include "dataplane.h"
#include "explain.h"
#include "flows.h"
#include "frame.h"
#include "maglev.h"

#define PORT 443
#define RANGE_FIRST 8000
#define RANGE_LAST 8002
#define TAG_SIZE 4
#define SYN_ACK_AWAY 4096 /* flows that are tried to find one that meets a condition */

enum server {
	A,
	B,
	DRAINING,
	SERVERS
};

static const uint8_t secret[MPTCPLB_SECRET_SIZE] = "sixteen bytes...";
static const uint32_t ids[] = { 1, 2, 3, 4 };
static struct mptcplb_keyring keyring;
static struct dataplane *dataplane;
static bool tokens;
static struct frame output;

/* 192.0.2.x or 2001:db8::x */
static struct mptcplb_farm_address member_address(int version, uint8_t last)
{
	struct mptcplb_farm_address address = { .version = (uint8_t)version };
	static const uint8_t ipv4[] = { 192, 0, 2 };
	static const uint8_t ipv6[] = { 0x20, 0x01, 0x0d, 0xb8 };

	memcpy(address.bytes, version == 4 ? ipv4 : ipv6, version == 4 ? 3 : 4);
	address.bytes[version == 4 ? 3 : 15] = last;
	return address;
}

static const struct mptcplb_farm_address service_ipv4 = { 4, { 198, 51, 100, 1 } };
static const struct mptcplb_farm_address service_ipv6 = {
	6, { 0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x51 }
};

struct farm {
	struct mptcplb_farm public;
	struct mptcplb_farm_server servers[SERVERS + 1];
	struct mptcplb_farm_balancer balancer;
	struct mptcplb_farm_service services[3];
};

static const char *const names[] = { "a", "b", "draining", "added" };
static const uint32_t every_server[] = { 0, 1, 2, 3 };

static void farm_make(struct farm *farm, int version, size_t server_count)
{
	*farm = (struct farm){ .balancer = { "lb", member_address(version, 1) } };
	for (size_t i = 0; i < server_count; i++)
		farm->servers[i] = (struct mptcplb_farm_server){
			.name = names[i],
			.address = member_address(version, (uint8_t)(11 + i)),
			.ids = &ids[i],
			.id_count = 1,
			.weight = 100,
			.state = i == DRAINING ? MPTCPLB_FARM_DRAINING : MPTCPLB_FARM_UP,
		};
	farm->services[0] = (struct mptcplb_farm_service){ service_ipv4, PORT, PORT, every_server,
							   server_count };
	farm->services[1] = (struct mptcplb_farm_service){ service_ipv6, PORT, PORT, every_server,
							   server_count };
	farm->services[2] = (struct mptcplb_farm_service){ service_ipv4, RANGE_FIRST, RANGE_LAST,
							   every_server, server_count };
	farm->public = (struct mptcplb_farm){
		.keyring = keyring,
		.servers = farm->servers,
		.server_count = server_count,
		.balancers = &farm->balancer,
		.balancer_count = 1,
		.services = farm->services,
		.service_count = 3,
	};
}

/* NULL when it is refused. */
static struct dataplane *try_farm(const struct farm *farm, bool redirector, bool settle,
				  const struct dataplane_maps *before)
{
	const struct dataplane_options options = {
		.redirector = redirector, .tokens = tokens, .flows = 16384, .settle = settle
	};
	const struct dataplane_member self =
		redirector ? (struct dataplane_member){ names[A], &farm->servers[A].address }
			   : (struct dataplane_member){ "lb", &farm->balancer.address };

	return dataplane_open(&farm->public, &self, &options, before);
}

static struct dataplane *open_farm(const struct farm *farm, bool redirector,
				   const struct dataplane_maps *before)
{
	struct dataplane *opened = try_farm(farm, redirector, false, before);

	ck_assert_ptr_nonnull(opened);
	return opened;
}

static void start(int version, bool redirector)
{
	struct farm farm;

	dataplane_close(dataplane);
	farm_make(&farm, version, SERVERS);
	dataplane = open_farm(&farm, redirector, NULL);
}

static void set_up(void)
{
	ck_assert_int_eq(mptcplb_keyring_init(&keyring, 1, 10), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_add(&keyring, 0, secret), MPTCPLB_OK);
	tokens = true;
	start(4, false);
}

static void tear_down(void)
{
	dataplane_close(dataplane);
	dataplane = NULL;
}

static struct segment segment_make(uint8_t flags, uint32_t client)
{
	return (struct segment){ .client = client,
				 .service = 0xc6336401,
				 .client_port = 40000,
				 .service_port = PORT,
				 .flags = flags };
}

static struct segment join_make(enum server server, uint32_t client)
{
	const struct mptcplb_token_parts parts = { 0, ids[server], 4711 };
	struct segment segment = segment_make(TCP_SYN, client);
	uint32_t token;

	ck_assert_int_eq(mptcplb_token_encode(&keyring, &token, &parts), MPTCPLB_OK);
	options_add_join(&segment.options, token);
	return segment;
}

/* Make a frame of frame_build() IPv6: from 2001:db8:c::CLIENT to the service. */
static void make_ipv6(struct frame *frame, uint32_t client)
{
	uint8_t source[16] = { 0x20, 0x01, 0x0d, 0xb8, 0, 0xc };

	put32(source + 12, client);
	frame_make_ipv6(frame, source, service_ipv6.bytes);
}

static void add_tag(struct frame *frame)
{
	static const uint8_t tag[TAG_SIZE] = { 0x81, 0, 0x20, 42 };

	frame_insert(frame, 12, tag, sizeof(tag));
}

/* Wrap an IPv4 frame in IP from 192.0.2.FROM to server A. */
static void wrap(struct frame *frame, uint8_t from)
{
	uint8_t ip[20] = {
		0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 4, 0, 0, 192, 0, 2, from, 192, 0, 2, 11
	};

	put16(ip + 2, (uint16_t)(frame->length - FRAME_IP + sizeof(ip)));
	put16(ip + 10, ip_checksum(ip, sizeof(ip)));
	frame_insert(frame, FRAME_IP, ip, sizeof(ip));
}

static uint32_t run_on(const struct dataplane *plane, const struct frame *frame)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame->bytes,
		    .data_size_in = (uint32_t)frame->length, .data_out = output.bytes,
		    .data_size_out = sizeof(output.bytes), .repeat = 1);

	memset(&output, 0, sizeof(output));
	ck_assert_int_eq(bpf_prog_test_run_opts(dataplane_program(plane), &run), 0);
	output.length = run.data_size_out;
	return run.retval;
}

static uint32_t run(const struct frame *frame)
{
	return run_on(dataplane, frame);
}

/* The server that a segment was sent to in IPv4, or SERVERS + 1. */
static int server_on(const struct dataplane *plane, const struct segment *segment)
{
	struct frame frame;

	frame_build(&frame, segment);
	if (run_on(plane, &frame) != XDP_REDIRECT)
		return SERVERS + 1;
	return output.bytes[FRAME_IP + 19] - 11;
}

static int server_of(const struct segment *segment)
{
	return server_on(dataplane, segment);
}

static uint64_t counter(enum balancer_counter which)
{
	struct balancer_counters counters;

	ck_assert_int_eq(counts_of_all(dataplane_maps(dataplane), &counters), 0);
	return counters.values[which];
}

/* How many packets to any server could not be sent. */
static uint64_t dropped_of_servers(void)
{
	struct balancer_traffic traffic;
	uint64_t dropped = 0;

	for (uint32_t i = 0; i < SERVERS; i++) {
		ck_assert_int_eq(counts_of_server(dataplane_maps(dataplane), i, &traffic), 0);
		dropped += traffic.dropped;
	}
	return dropped;
}

/* The output is the frame's IP packet, unchanged, in IP of a version to a server. */
static void check_wrapped(const struct frame *frame, size_t link, int inner, int outer,
			  enum server server)
{
	const struct mptcplb_farm_address address = member_address(outer, (uint8_t)(11 + server));
	const uint8_t *ip = output.bytes + link;
	size_t size = outer == 4 ? 20 : FRAME_IPV6_SIZE;
	uint8_t protocol = inner == 4 ? 4 : 41;

	ck_assert_uint_eq(output.length, frame->length + size);
	ck_assert_uint_eq(get16(ip - 2), outer == 4 ? 0x0800 : 0x86dd);
	ck_assert_uint_eq(ip[outer == 4 ? 9 : 6], protocol);
	if (outer == 4) {
		ck_assert_uint_eq(get16(ip + 2), frame->length - link + size);
		ck_assert_uint_eq(ip_checksum(ip, size), 0);
		ck_assert_mem_eq(ip + 16, address.bytes, 4);
	} else {
		ck_assert_uint_eq(get16(ip + 4), frame->length - link);
		ck_assert_mem_eq(ip + 24, address.bytes, 16);
	}
	ck_assert_mem_eq(ip + size, frame->bytes + link, frame->length - link);
}

START_TEST(either_version_is_carried_in_either)
{
	for (int combination = 0; combination < 4; combination++) {
		int inner = combination & 1 ? 6 : 4;
		int outer = combination & 2 ? 6 : 4;
		const struct segment join = join_make(B, 7);
		struct frame frame;

		start(outer, false);
		frame_build(&frame, &join);
		if (inner == 6)
			make_ipv6(&frame, 7);
		ck_assert_uint_eq(run(&frame), XDP_REDIRECT);
		check_wrapped(&frame, FRAME_IP, inner, outer, B);
		ck_assert_uint_eq(counter(BALANCER_ROUTED_TOKEN), 1);
	}
}
END_TEST

START_TEST(a_tagged_frame_goes_back_with_its_tag)
{
	static const uint8_t link[] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0, 0x20, 42 };
	const struct segment join = join_make(B, 7);
	struct frame frame;

	frame_build(&frame, &join);
	add_tag(&frame);
	ck_assert_uint_eq(run(&frame), XDP_REDIRECT);
	ck_assert_mem_eq(output.bytes, link, sizeof(link));
	check_wrapped(&frame, FRAME_IP + TAG_SIZE, 4, 4, B);
}
END_TEST

START_TEST(tagged_and_untagged_frames_go_each_their_way)
{
	static const uint8_t back[] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 };
	static const uint8_t routed[] = { 2, 0, 0, 0, 0, 0xfe, 2, 0, 0, 0, 0, 0xaa };
	const struct segment join = join_make(B, 7);
	struct frame plain, tagged;

	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	ck_assert_int_eq(
		system("ip link set lo up && sysctl -qw net.ipv4.conf.lo.forwarding=1 && "
		       "ip link add lb address 02:00:00:00:00:aa type veth peer name far && "
		       "ip link set lb up && ip link set far up && "
		       "ip address add 192.0.2.1/24 dev lb && "
		       "ip neighbour add 192.0.2.12 lladdr 02:00:00:00:00:fe dev lb"),
		0);
	frame_build(&plain, &join);
	tagged = plain;
	add_tag(&tagged);
	/* so often that both come in one tick of the kernel's clock */
	for (int i = 0; i < 100; i++) {
		ck_assert_uint_eq(run(&tagged), XDP_REDIRECT);
		ck_assert_mem_eq(output.bytes, back, sizeof(back));
		ck_assert_uint_eq(run(&plain), XDP_REDIRECT);
		ck_assert_mem_eq(output.bytes, routed, sizeof(routed));
	}
}
END_TEST

START_TEST(ipv6_extension_headers_do_not_hide_a_join)
{
	static const uint8_t options[] = { 60, 0, 1, 4, 0, 0, 0, 0 }; /* hop by hop, next: */
	static const uint8_t more[] = { 6, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	const struct segment join = join_make(B, 7);
	struct frame frame;

	frame_build(&frame, &join);
	make_ipv6(&frame, 7);
	frame_insert(&frame, FRAME_IP + FRAME_IPV6_SIZE, more, sizeof(more));
	frame_insert(&frame, FRAME_IP + FRAME_IPV6_SIZE, options, sizeof(options));
	frame.bytes[FRAME_IP + 6] = 0;
	put16(frame.bytes + FRAME_IP + 4, (uint16_t)(frame.length - FRAME_IP - FRAME_IPV6_SIZE));
	ck_assert_uint_eq(run(&frame), XDP_REDIRECT);
	check_wrapped(&frame, FRAME_IP, 6, 4, B);
	ck_assert_uint_eq(counter(BALANCER_ROUTED_TOKEN), 1);
}
END_TEST

START_TEST(a_later_ipv6_fragment_is_dropped_and_a_first_one_is_not)
{
	uint8_t fragment[] = { 6, 0, 0, 8, 1, 2, 3, 4 };
	const struct segment join = join_make(B, 7);
	struct frame frame;

	frame_build(&frame, &join);
	make_ipv6(&frame, 7);
	frame_insert(&frame, FRAME_IP + FRAME_IPV6_SIZE, fragment, sizeof(fragment));
	frame.bytes[FRAME_IP + 6] = 44;
	put16(frame.bytes + FRAME_IP + 4, (uint16_t)(frame.length - FRAME_IP - FRAME_IPV6_SIZE));
	ck_assert_uint_eq(run(&frame), XDP_DROP);
	ck_assert_uint_eq(counter(BALANCER_DROPPED_FRAGMENT), 1);
	frame.bytes[FRAME_IP + FRAME_IPV6_SIZE + 3] = 1; /* offset 0, more fragments */
	ck_assert_uint_eq(run(&frame), XDP_REDIRECT);
}
END_TEST

START_TEST(ipv6_that_poses_as_ipv4_is_not_taken)
{
	const uint8_t mapped[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 51, 100, 1 };
	const struct segment join = join_make(B, 7);
	struct frame frame;

	frame_build(&frame, &join);
	make_ipv6(&frame, 7);
	memcpy(frame.bytes + FRAME_IP + 24, mapped, sizeof(mapped));
	ck_assert_uint_eq(run(&frame), XDP_PASS);
	ck_assert_uint_eq(counter(BALANCER_PASSED), 1);
}
END_TEST

START_TEST(a_range_of_ports_is_one_service)
{
	for (uint16_t port = RANGE_FIRST - 1; port <= RANGE_LAST + 1; port++) {
		struct segment join = join_make(B, 7);
		bool inside = port >= RANGE_FIRST && port <= RANGE_LAST;

		join.service_port = port;
		ck_assert_int_eq(server_of(&join), inside ? (int)B : SERVERS + 1);
	}
}
END_TEST

START_TEST(a_draining_server_keeps_its_flows_and_gets_no_new_ones)
{
	int old = 0;

	for (uint32_t client = 1; client <= SYN_ACK_AWAY; client++) {
		const struct segment syn = segment_make(TCP_SYN, client);
		const struct segment ack = segment_make(TCP_ACK, client);
		int home = server_of(&ack);
		int fresh = server_of(&syn);

		old += home == DRAINING;
		ck_assert_int_ne(fresh, DRAINING);
		ck_assert_msg(server_of(&ack) == fresh, "a new flow is torn apart");
	}
	ck_assert_int_gt(old, SYN_ACK_AWAY / 4);
}
END_TEST

/* An ICMP error for the service that quotes a segment which the service had sent. */
static void make_error(struct frame *frame, const struct segment *flow)
{
	struct segment answer = { .client = flow->service,
				  .service = flow->client,
				  .client_port = flow->service_port,
				  .service_port = flow->client_port,
				  .flags = TCP_ACK };
	uint8_t headers[28] = { 0x45, 0,  0,   0,  0,	0, 0, 0, 64, 1, 0, 0, 203, 0,
				113,  99, 198, 51, 100, 1, 3, 4, 0,  0, 0, 0, 5,   0 };

	frame_build(frame, &answer);
	put16(headers + 2, (uint16_t)(frame->length - FRAME_IP + sizeof(headers)));
	put16(headers + 10, ip_checksum(headers, 20));
	frame_insert(frame, FRAME_IP, headers, sizeof(headers));
}

START_TEST(an_icmp_error_follows_its_flow)
{
	const struct segment join = join_make(DRAINING, 7);
	struct segment other = join;
	struct frame frame;

	ck_assert_int_eq(server_of(&join), DRAINING);
	make_error(&frame, &join);
	ck_assert_uint_eq(run(&frame), XDP_REDIRECT);
	check_wrapped(&frame, FRAME_IP, 4, 4, DRAINING);
	ck_assert_uint_eq(counter(BALANCER_ICMP_ERRORS), 1);
	ck_assert_msg(counter(BALANCER_FLOWS_KEPT) == 0, "a forged error moves flows");
	frame.bytes[FRAME_IP + 20] = 8; /* an echo request */
	ck_assert_uint_eq(run(&frame), XDP_PASS);
	ck_assert_uint_eq(counter(BALANCER_PASSED_ICMP), 1);
	other.service_port = 22;
	make_error(&frame, &other);
	ck_assert_uint_eq(run(&frame), XDP_PASS);
	other = join;
	other.service++;
	make_error(&frame, &other);
	ck_assert_msg(run(&frame) == XDP_PASS, "quoted source and addressee must agree");
}
END_TEST

/* What the ring of ICMP errors has to be: the IP packet of a frame. */
static int check_error(void *context, void *data, size_t size)
{
	const struct frame *frame = context;
	const struct balancer_error *error = data;

	ck_assert_uint_eq(size, sizeof(*error));
	ck_assert_uint_eq(error->length, frame->length - FRAME_IP);
	ck_assert_mem_eq(error->packet, frame->bytes + FRAME_IP, error->length);
	return 0;
}

START_TEST(a_redirector_has_all_servers_told_of_errors_of_unknown_flows)
{
	const struct segment join = join_make(B, 7), unknown = segment_make(TCP_ACK, 8);
	struct ring_buffer *ring;
	struct frame frame, wrapped;

	start(4, true);
	ring = ring_buffer__new(dataplane_maps(dataplane)->fds[DATAPLANE_ERRORS], check_error,
				&frame, NULL);
	ck_assert_ptr_nonnull(ring);
	ck_assert_int_eq(server_of(&join), B);
	make_error(&frame, &join);
	ck_assert_uint_eq(run(&frame), XDP_REDIRECT);
	ck_assert_msg(ring_buffer__consume(ring) == 0, "a remembered flow's error goes one way");
	make_error(&frame, &unknown);
	ck_assert_msg(run(&frame) == XDP_PASS, "this server gets it as it is");
	ck_assert_uint_eq(counter(BALANCER_ICMP_TO_ALL), 1);
	ck_assert_msg(ring_buffer__consume(ring) == 1, "and user space a copy");
	wrapped = frame;
	wrap(&wrapped, 12); /* server B has sent this one to all */
	ck_assert_uint_eq(run(&wrapped), XDP_PASS);
	ck_assert_msg(ring_buffer__consume(ring) == 0, "once is enough");
	for (int i = 0; i < 5000; i++)
		run(&frame);
	ck_assert_msg(counter(BALANCER_ICMP_NOT_TOLD) > 0, "a flood of them is cut");
	ring_buffer__free(ring);
}
END_TEST

static void check_message(int version, const struct frame *frame)
{
	const uint8_t *ip = output.bytes + FRAME_IP;
	size_t header = version == 4 ? 20 : FRAME_IPV6_SIZE;
	uint8_t pseudo[FRAME_IPV6_SIZE + 104] = { 0 };

	ck_assert_uint_eq(output.length, FRAME_IP + header + 8 + 96);
	ck_assert_uint_eq(ip[header], version == 4 ? 3 : 2);
	ck_assert_uint_eq(ip[header + 1], version == 4 ? 4 : 0);
	ck_assert_uint_eq(get16(ip + header + 6), 1480);
	ck_assert_mem_eq(ip + header + 8, frame->bytes + FRAME_IP, 96);
	if (version == 4) {
		ck_assert_uint_eq(ip_checksum(ip, 20), 0);
		ck_assert_uint_eq(ip_checksum(ip + 20, 104), 0);
		ck_assert_mem_eq(ip + 16, frame->bytes + FRAME_IP + 12, 4);
	} else {
		memcpy(pseudo, ip + 8, 32);
		put32(pseudo + 32, 104);
		put32(pseudo + 36, 58);
		memcpy(pseudo + FRAME_IPV6_SIZE, ip + FRAME_IPV6_SIZE, 104);
		ck_assert_uint_eq(ip_checksum(pseudo, sizeof(pseudo)), 0);
		ck_assert_mem_eq(ip + 24, frame->bytes + FRAME_IP + 8, 16);
	}
}

START_TEST(the_sender_of_what_does_not_fit_is_told)
{
	struct segment segment = segment_make(TCP_ACK, 7);
	struct frame frame;

	ck_assert_int_eq(system("ip link set lo mtu 1500 up"), 0);
	segment.payload = 1480 - 40 + 1;
	segment.fragment = 0x4000;
	frame_build(&frame, &segment);
	ck_assert_uint_eq(run(&frame), XDP_REDIRECT);
	check_message(4, &frame);
	segment.payload = 1480 - 60 + 1;
	frame_build(&frame, &segment);
	make_ipv6(&frame, 7);
	ck_assert_uint_eq(run(&frame), XDP_REDIRECT);
	check_message(6, &frame);
	ck_assert_uint_eq(counter(BALANCER_TOO_BIG_TOLD), 2);
	segment.payload = 1480 - 40 + 1;
	segment.fragment = 0;
	frame_build(&frame, &segment);
	ck_assert_msg(run(&frame) == XDP_DROP, "who lets fragment is not told");
	ck_assert_uint_eq(counter(BALANCER_DROPPED_TOO_BIG), 3);
	ck_assert_msg(dropped_of_servers() == 3, "also those whose sender was told");
}
END_TEST

START_TEST(a_flood_of_errors_leaves_what_is_too_big_to_be_told)
{
	const struct segment unknown = segment_make(TCP_ACK, 8);
	struct segment join = join_make(B, 7);
	struct frame error, frame;

	ck_assert_int_eq(system("ip link set lo mtu 1500 up"), 0);
	start(4, true);
	join.payload = 1480;
	join.fragment = 0x4000;
	frame_build(&frame, &join);
	make_error(&error, &unknown);
	/* all of a round come in one tick of the kernel's clock as a rule, and few rounds do */
	for (int i = 0; i < 20; i++) {
		usleep(5000);
		for (int j = 0; j < 20; j++)
			run(&error);
		ck_assert_uint_eq(run(&frame), XDP_REDIRECT);
	}
	ck_assert_uint_gt(counter(BALANCER_ICMP_NOT_TOLD), 0);
	ck_assert_uint_eq(counter(BALANCER_TOO_BIG_TOLD), 20);
}
END_TEST

START_TEST(a_redirector_forwards_joins_of_others_alone)
{
	const struct segment join = join_make(B, 7), own = join_make(A, 8);
	const struct segment ack = segment_make(TCP_ACK, 7), syn = segment_make(TCP_SYN, 9);

	start(4, true);
	ck_assert_int_eq(server_of(&join), B);
	ck_assert_uint_eq(get32(output.bytes + FRAME_IP + 12), 0xc000020b);
	ck_assert_int_eq(server_of(&ack), B);
	ck_assert_int_eq(server_of(&own), SERVERS + 1);
	ck_assert_int_eq(server_of(&syn), SERVERS + 1);
	ck_assert_uint_eq(counter(BALANCER_PASSED_LOCAL), 2);
	ck_assert_int_eq(server_of(&(struct segment){ .client = 7,
						      .client_port = 40000,
						      .service = 0xc6336401,
						      .service_port = PORT,
						      .flags = TCP_SYN }),
			 SERVERS + 1);
	ck_assert_msg(server_of(&ack) == SERVERS + 1, "a new SYN ends the memory of a join");
}
END_TEST

/* What explain says of a token alone: the server, or "hashed", or "dropped". */
static void check_explanation(uint32_t token, const char *expected)
{
	char question[32];
	const char *server;
	json_t *answer;

	snprintf(question, sizeof(question), "token %08x", token);
	answer = explain_dataplane(dataplane, question);
	ck_assert_ptr_nonnull(answer);
	server = json_string_value(json_object_get(answer, "server"));
	if (!server)
		server = json_is_true(json_object_get(answer, "hashed")) ? "hashed" : "dropped";
	ck_assert_str_eq(server, expected);
	json_decref(answer);
}

START_TEST(explain_says_of_a_token_what_the_program_does_with_it)
{
	const struct mptcplb_token_parts parts = { 0, ids[B], 4711 };
	uint32_t token;

	ck_assert_int_eq(mptcplb_token_encode(&keyring, &token, &parts), MPTCPLB_OK);
	check_explanation(token, names[B]);
	check_explanation(0, "hashed");
	start(4, true);
	check_explanation(token, names[B]);
	check_explanation(0, names[A]);
	tokens = false;
	start(4, false);
	check_explanation(token, "hashed");
}
END_TEST

START_TEST(a_redirector_forwards_nothing_twice)
{
	const struct segment join = join_make(B, 7);
	struct frame plain, frame;

	start(4, true);
	frame_build(&plain, &join);
	frame = plain;
	wrap(&frame, 12); /* server B */
	ck_assert_uint_eq(run(&frame), XDP_PASS);
	ck_assert_uint_eq(counter(BALANCER_PASSED_FORWARDED), 1);
	frame = plain;
	wrap(&frame, 99); /* a stranger */
	ck_assert_uint_eq(run(&frame), XDP_DROP);
	ck_assert_uint_eq(counter(BALANCER_DROPPED_SOURCE), 1);
	frame = plain;
	wrap(&frame, 1); /* the balancer */
	ck_assert_uint_eq(run(&frame), XDP_REDIRECT);
	check_wrapped(&plain, FRAME_IP, 4, 4, B);
	ck_assert_uint_eq(get32(output.bytes + FRAME_IP + 12), 0xc000020b);
}
END_TEST

START_TEST(another_farm_moves_no_flow_that_need_not_move)
{
	static int homes[SYN_ACK_AWAY];
	const struct segment join = join_make(B, 1 << 20),
			     join_ack = segment_make(TCP_ACK, 1 << 20);
	struct dataplane *old;
	struct farm farm;
	int moved = 0;

	for (uint32_t i = 0; i < SYN_ACK_AWAY; i++)
		homes[i] = server_of(&(struct segment){ .client = i,
							.client_port = 40000,
							.service = 0xc6336401,
							.service_port = PORT,
							.flags = TCP_ACK });
	ck_assert_int_eq(server_of(&join), B);
	farm_make(&farm, 4, SERVERS + 1);
	/* another order in the file */
	const struct mptcplb_farm_server first = farm.servers[0];
	farm.servers[0] = farm.servers[SERVERS];
	farm.servers[SERVERS] = first;
	old = dataplane;
	dataplane = open_farm(&farm, false, dataplane_maps(old));
	dataplane_close(old);

	ck_assert_msg(server_of(&join_ack) == B, "a remembered flow has moved");
	for (uint32_t i = 0; i < SYN_ACK_AWAY; i++) {
		const struct segment ack = segment_make(TCP_ACK, i), syn = segment_make(TCP_SYN, i);
		int fresh;

		ck_assert_msg(server_of(&ack) == homes[i], "flow %u has moved", i);
		fresh = server_of(&syn);
		moved += fresh == SERVERS;
		ck_assert_int_eq(server_of(&ack), fresh);
	}
	ck_assert_msg(moved > SYN_ACK_AWAY / 6, "the added server got %d new flows", moved);
	ck_assert_uint_gt(counter(BALANCER_ROUTED_TOKEN), 0);
}
END_TEST

/* Whether anything is remembered of a segment's flow. */
static bool is_remembered(const struct segment *segment)
{
	const struct balancer_flow flow = {
		.client = { { 0, 0, 0xffff, segment->client } },
		.service = { { 0, 0, 0xffff, segment->service } },
		.client_port = segment->client_port,
		.service_port = segment->service_port,
	};

	return flows_find(dataplane_maps(dataplane), &flow) != 0;
}

/* Put another farm in the place of the running one. */
static void change_farm(const struct farm *farm, bool redirector)
{
	struct dataplane *old = dataplane;

	dataplane = open_farm(farm, redirector, dataplane_maps(old));
	dataplane_close(old);
}

START_TEST(flows_of_before_are_remembered_in_moved_slots)
{
	struct frame error;
	struct farm farm;
	int remembered = 0;

	farm_make(&farm, 4, SERVERS + 1);
	change_farm(&farm, false);
	for (uint32_t i = 0; i < SYN_ACK_AWAY; i++) {
		const struct segment ack = segment_make(TCP_ACK, i), syn = segment_make(TCP_SYN, i);
		bool kept;
		int home;

		make_error(&error, &ack);
		ck_assert_uint_eq(run(&error), XDP_REDIRECT);
		ck_assert_msg(!is_remembered(&ack), "an ICMP error is remembered");
		home = server_of(&ack);
		kept = is_remembered(&ack);
		remembered += kept;
		ck_assert_msg(kept == (server_of(&syn) != home), "flow %u is remembered: %d", i,
			      kept);
	}
	ck_assert_int_gt(remembered, SYN_ACK_AWAY / 6);
}
END_TEST

/* In how many slots of service 0 new flows go elsewhere than old ones. */
static uint32_t unsettled(void)
{
	const int map = dataplane_maps(dataplane)->fds[DATAPLANE_TABLES];
	static struct balancer_table table;

	ck_assert_int_eq(bpf_map_lookup_elem(map, &(uint32_t){ 0 }, &table), 0);
	return table.unsettled;
}

static void settle(struct dataplane **plane, const struct farm *farm)
{
	struct dataplane *old = *plane;

	*plane = try_farm(farm, false, true, dataplane_maps(old));
	ck_assert_ptr_nonnull(*plane);
	dataplane_close(old);
}

/*
 * Three servers become two, or four of which one drains. A third of the flows is older than that,
 * a third newer, and a third another balancer's.
 */
START_TEST(a_settled_balancer_keeps_its_flows_and_agrees_with_others)
{
	static const size_t servers_then[] = { 2, 4 };
	static int servers[SYN_ACK_AWAY];
	struct dataplane *other;
	struct farm farm;

	farm_make(&farm, 4, SERVERS);
	farm.servers[DRAINING].state = MPTCPLB_FARM_UP;
	change_farm(&farm, false);
	ck_assert_uint_eq(unsettled(), 0);
	farm_make(&farm, 4, servers_then[_i]);
	change_farm(&farm, false);
	ck_assert_uint_gt(unsettled(), 0);
	for (uint32_t i = 0; i < SYN_ACK_AWAY; i++) {
		const struct segment first = segment_make(i % 3 ? TCP_SYN : TCP_ACK, i);

		if (i % 3 < 2)
			servers[i] = server_of(&first);
	}
	settle(&dataplane, &farm);
	ck_assert_uint_eq(unsettled(), 0);
	other = open_farm(&farm, false, NULL);
	/* At a start a draining server has its homes again, so this one is settled by itself. */
	if (_i == 1)
		settle(&other, &farm);
	for (uint32_t i = 0; i < SYN_ACK_AWAY; i++) {
		const struct segment ack = segment_make(TCP_ACK, i), syn = segment_make(TCP_SYN, i);
		const int expected = i % 3 < 2 ? servers[i] : server_on(other, &ack);

		ck_assert_msg(server_of(&ack) == expected, "flow %u has moved", i);
		ck_assert_int_eq(server_of(&syn), server_on(other, &syn));
	}
	dataplane_close(other);
}
END_TEST

START_TEST(settling_is_no_change)
{
	struct farm farm;

	farm_make(&farm, 4, SERVERS + 1);
	ck_assert_ptr_null(try_farm(&farm, false, true, dataplane_maps(dataplane)));
	change_farm(&farm, false);
	settle(&dataplane, &farm);
}
END_TEST

/* Whether a farm is taken on with another map in the place of one of the maps of before. */
static bool goes_on_with(enum dataplane_map which, enum bpf_map_type type, uint32_t value_size,
			 uint32_t entries)
{
	LIBBPF_OPTS(bpf_map_create_opts, options);
	struct dataplane_maps maps = *dataplane_maps(dataplane);
	struct dataplane *taken;
	struct farm farm;

	if (type == BPF_MAP_TYPE_ARRAY && which <= DATAPLANE_FLOW_NAMES)
		options.map_flags = BPF_F_MMAPABLE;
	maps.fds[which] = bpf_map_create(type, "other", 4, value_size, entries, &options);
	ck_assert_int_ge(maps.fds[which], 0);
	farm_make(&farm, 4, SERVERS);
	taken = try_farm(&farm, false, false, &maps);
	close(maps.fds[which]);
	dataplane_close(taken);
	return taken != NULL;
}

START_TEST(maps_of_another_version_are_refused)
{
	for (enum dataplane_map i = 0; i < DATAPLANE_ERRORS; i++) {
		struct bpf_map_info info = { 0 };
		uint32_t size = sizeof(info);

		ck_assert_int_eq(
			bpf_obj_get_info_by_fd(dataplane_maps(dataplane)->fds[i], &info, &size), 0);
		ck_assert(goes_on_with(i, info.type, info.value_size, info.max_entries));
		ck_assert(!goes_on_with(i, BPF_MAP_TYPE_HASH, info.value_size, info.max_entries));
		ck_assert(!goes_on_with(i, info.type, info.value_size + 8, info.max_entries));
		ck_assert(!goes_on_with(i, info.type, info.value_size, info.max_entries + 1));
	}
}
END_TEST

START_TEST(undoing_a_drain_moves_no_flow)
{
	static int servers[SYN_ACK_AWAY];
	struct farm farm;

	tokens = false;
	start(4, false);
	for (uint32_t i = 0; i < SYN_ACK_AWAY; i++) {
		const struct segment syn = segment_make(TCP_SYN, i), ack = segment_make(TCP_ACK, i);

		servers[i] = server_of(&syn);
		ck_assert_int_eq(server_of(&ack), servers[i]);
	}
	ck_assert_uint_gt(counter(BALANCER_FLOWS_KEPT), 0);
	farm_make(&farm, 4, SERVERS);
	farm.servers[DRAINING].state = MPTCPLB_FARM_UP;
	change_farm(&farm, false);
	for (uint32_t i = 0; i < SYN_ACK_AWAY; i++) {
		const struct segment ack = segment_make(TCP_ACK, i);

		ck_assert_msg(server_of(&ack) == servers[i], "flow %u has moved", i);
	}
}
END_TEST

START_TEST(flows_outlive_the_epoch_of_their_token)
{
	const struct segment join = join_make(B, 7), ack = segment_make(TCP_ACK, 7);
	const struct segment later = join_make(B, 8);
	const uint64_t unroutable = counter(BALANCER_UNROUTABLE_EPOCH);
	static const uint8_t next[MPTCPLB_SECRET_SIZE] = "another sixteen";
	struct farm farm;

	ck_assert_int_eq(server_of(&join), B);
	ck_assert_int_eq(mptcplb_keyring_add(&keyring, 1, next), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_activate(&keyring, 1), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_retire(&keyring, 0), MPTCPLB_OK);
	farm_make(&farm, 4, SERVERS);
	change_farm(&farm, false);
	ck_assert_msg(server_of(&ack) == B, "a remembered flow goes on");
	server_of(&later);
	ck_assert_msg(counter(BALANCER_UNROUTABLE_EPOCH) == unroutable + 1,
		      "a join of the retired epoch is unroutable");
}
END_TEST

START_TEST(flows_of_a_removed_server_end)
{
	const struct segment join = join_make(B, 7), ack = segment_make(TCP_ACK, 7);
	struct farm farm;
	size_t left;

	start(4, true); /* a redirector, on A */
	ck_assert_int_eq(server_of(&join), B);
	ck_assert_int_eq(server_of(&ack), B);
	farm_make(&farm, 4, 1);
	change_farm(&farm, true);
	ck_assert_msg(server_of(&ack) == SERVERS + 1, "what went to B stays here, to be reset");
	left = flows_age(dataplane_maps(dataplane), 0);
	ck_assert_msg(left == 1, "%zu flows of B were forgotten", left);
	ck_assert_uint_eq(flows_age(dataplane_maps(dataplane), 0), 0);
}
END_TEST

START_TEST(another_server_starts_its_count_anew)
{
	const struct segment join = join_make(B, 7);
	struct balancer_traffic traffic;
	struct farm farm;

	ck_assert_int_eq(server_of(&join), B);
	farm_make(&farm, 4, SERVERS);
	change_farm(&farm, false);
	ck_assert_int_eq(counts_of_server(dataplane_maps(dataplane), B, &traffic), 0);
	ck_assert_msg(traffic.packets[BALANCER_BY_TOKEN] == 1, "a reload keeps the counts");
	farm_make(&farm, 4, B);
	change_farm(&farm, false);
	farm_make(&farm, 4, B + 1);
	farm.servers[B].name = "another";
	change_farm(&farm, false);
	ck_assert_int_eq(counts_of_server(dataplane_maps(dataplane), B, &traffic), 0);
	ck_assert_uint_eq(traffic.packets[BALANCER_BY_TOKEN], 0);
	ck_assert_uint_eq(traffic.bytes, 0);
}
END_TEST

/* Send a segment on each CPU; returns how many these are. */
static uint64_t send_on_every_cpu(const struct segment *segment)
{
	cpu_set_t every, one;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(every), &every), 0);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &every))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
		server_of(segment);
	}
	ck_assert_int_eq(sched_setaffinity(0, sizeof(every), &every), 0);
	return (uint64_t)CPU_COUNT(&every);
}

START_TEST(another_service_starts_its_count_anew)
{
	const uint32_t index = 2;
	struct segment syn = segment_make(TCP_SYN, 7);
	struct balancer_counters counters;
	struct farm farm;
	uint64_t sent;

	syn.service_port = RANGE_FIRST;
	sent = send_on_every_cpu(&syn);
	farm_make(&farm, 4, SERVERS);
	change_farm(&farm, false);
	ck_assert_int_eq(counts_of_service(dataplane_maps(dataplane), index, &counters), 0);
	ck_assert_msg(counters.values[BALANCER_ROUTED_HASH] == sent, "a reload keeps the counts");
	farm.public.service_count = index;
	change_farm(&farm, false);
	farm.public.service_count = index + 1;
	farm.services[index].port = RANGE_LAST;
	change_farm(&farm, false);
	ck_assert_int_eq(counts_of_service(dataplane_maps(dataplane), index, &counters), 0);
	for (size_t i = 0; i < BALANCER_COUNTER_COUNT; i++)
		ck_assert_uint_eq(counters.values[i], 0);
	ck_assert_msg(counter(BALANCER_ROUTED_HASH) == sent, "totals never go down");
	syn.service_port = RANGE_LAST;
	server_of(&syn);
	ck_assert_int_eq(counts_of_service(dataplane_maps(dataplane), index, &counters), 0);
	ck_assert_msg(counters.values[BALANCER_ROUTED_HASH] == 1, "this is its index");
}
END_TEST

START_TEST(flows_that_are_not_idle_stay)
{
	const struct segment join = join_make(B, 7), ack = segment_make(TCP_ACK, 7);

	server_of(&join);
	server_of(&ack);
	ck_assert_uint_eq(flows_age(dataplane_maps(dataplane), 3600), 0);
	ck_assert_int_eq(server_of(&ack), B);
}
END_TEST

/*
 * One trace of connections, each packet of which comes to any of 16 balancers with memories of
 * their own: a join goes to its owner whichever it meets, what follows it at that balancer too, and
 * all agree on where a SYN goes.
 */
START_TEST(a_trace_through_16_balancers_is_routed_as_through_one)
{
	struct dataplane *planes[16];
	struct farm farm;

	farm_make(&farm, 4, SERVERS);
	for (size_t i = 0; i < 16; i++)
		planes[i] = open_farm(&farm, false, NULL);
	srandom(6);
	for (int i = 0; i < 5000; i++) {
		enum server owner = (enum server)(random() % SERVERS);
		/* few clients, so that 4-tuples come again as joins, as SYNs, at other balancers */
		const uint32_t client = (uint32_t)random() % 512;
		const struct segment join = join_make(owner, client);
		const struct segment syn = segment_make(TCP_SYN, client);
		const struct segment ack = segment_make(TCP_ACK, client);
		const struct dataplane *met = planes[random() % 16];

		if (random() % 2) {
			ck_assert_int_eq(server_on(met, &join), owner);
			ck_assert_int_eq(server_on(met, &ack), owner);
		} else {
			ck_assert_int_eq(server_on(met, &syn),
					 server_on(planes[random() % 16], &syn));
			ck_assert_int_eq(server_on(met, &ack), server_on(met, &syn));
		}
	}
	for (size_t i = 0; i < 16; i++)
		dataplane_close(planes[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("balancer-forms");
	TCase *tcase = tcase_create("balancer-forms");
	SRunner *runner = srunner_create(suite);
	int failed;

	daemon_libbpf_log();
	if (unshare(CLONE_NEWNET) < 0) {
		perror("unshare");
		return EXIT_FAILURE;
	}
	tcase_set_timeout(tcase, 0);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, either_version_is_carried_in_either);
	tcase_add_test(tcase, a_tagged_frame_goes_back_with_its_tag);
	tcase_add_test(tcase, tagged_and_untagged_frames_go_each_their_way);
	tcase_add_test(tcase, ipv6_extension_headers_do_not_hide_a_join);
	tcase_add_test(tcase, a_later_ipv6_fragment_is_dropped_and_a_first_one_is_not);
	tcase_add_test(tcase, ipv6_that_poses_as_ipv4_is_not_taken);
	tcase_add_test(tcase, a_range_of_ports_is_one_service);
	tcase_add_test(tcase, a_draining_server_keeps_its_flows_and_gets_no_new_ones);
	tcase_add_test(tcase, an_icmp_error_follows_its_flow);
	tcase_add_test(tcase, a_redirector_has_all_servers_told_of_errors_of_unknown_flows);
	tcase_add_test(tcase, the_sender_of_what_does_not_fit_is_told);
	tcase_add_test(tcase, a_flood_of_errors_leaves_what_is_too_big_to_be_told);
	tcase_add_test(tcase, a_redirector_forwards_joins_of_others_alone);
	tcase_add_test(tcase, explain_says_of_a_token_what_the_program_does_with_it);
	tcase_add_test(tcase, a_redirector_forwards_nothing_twice);
	tcase_add_test(tcase, another_farm_moves_no_flow_that_need_not_move);
	tcase_add_test(tcase, flows_of_before_are_remembered_in_moved_slots);
	tcase_add_loop_test(tcase, a_settled_balancer_keeps_its_flows_and_agrees_with_others, 0, 2);
	tcase_add_test(tcase, settling_is_no_change);
	tcase_add_test(tcase, maps_of_another_version_are_refused);
	tcase_add_test(tcase, undoing_a_drain_moves_no_flow);
	tcase_add_test(tcase, flows_outlive_the_epoch_of_their_token);
	tcase_add_test(tcase, flows_of_a_removed_server_end);
	tcase_add_test(tcase, another_server_starts_its_count_anew);
	tcase_add_test(tcase, another_service_starts_its_count_anew);
	tcase_add_test(tcase, flows_that_are_not_idle_stay);
	tcase_add_test(tcase, a_trace_through_16_balancers_is_routed_as_through_one);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
