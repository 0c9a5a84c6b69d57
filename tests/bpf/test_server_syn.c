// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* SYNs: which are handed over to the auxiliary listener, and how many joins are let in. */
#include "server_harness.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mptcplb/core.h>
#include <mptcplb/farm.h>

#include "half_open.h"
#include "look.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define TOKEN 0x12345678
#define LOOPBACK 0x7f000001
#define HOUR_NS (3600 * SERVER_SECOND_NS)
#define LIMIT 3

static struct frame syn_with(const struct options *options)
{
	const struct segment segment = { .client = CLIENT,
					 .service = SERVICE,
					 .client_port = CLIENT_PORT,
					 .service_port = PORT,
					 .flags = TCP_SYN,
					 .options = *options };

	return frame_of(&segment);
}

static struct frame join_syn(uint32_t token)
{
	struct options options = { .length = 0 };

	options_add_join(&options, token);
	return syn_with(&options);
}

static struct frame capable_syn(void)
{
	struct options options = { .length = 0 };

	options_add_capable(&options);
	return syn_with(&options);
}

static void make_live(uint32_t token)
{
	if (!live_has(token))
		live_add(token, 0);
}

/* Use up what the limits of joins allow at once to a live token. */
static void reach_limits(void)
{
	int i;

	make_live(TOKEN);
	for (i = 0; i < LIMIT; i++)
		assert_passed(join_syn(TOKEN));
}

START_TEST(joins_of_a_token_are_limited)
{
	reach_limits();
	assert_dropped(join_syn(TOKEN));
	make_live(TOKEN + 1);
	assert_passed(join_syn(TOKEN + 1));
	ck_assert_uint_eq(counter(SERVER_JOIN_PASSED), LIMIT + 1);
	ck_assert_uint_eq(counter(SERVER_JOIN_TOKEN_LIMIT), 1);
	ck_assert_uint_eq(counter(SERVER_JOIN_TOTAL_LIMIT), 0);
}
END_TEST

START_TEST(joins_of_all_tokens_are_limited)
{
	uint32_t i;

	for (i = 0; i < LIMIT; i++)
		assert_passed(join_syn(TOKEN + i));
	assert_dropped(join_syn(TOKEN + i));
	ck_assert_uint_eq(counter(SERVER_JOIN_PASSED), LIMIT);
	ck_assert_uint_eq(counter(SERVER_JOIN_TOTAL_LIMIT), 1);
}
END_TEST

START_TEST(joins_of_guessed_tokens_take_nothing_from_live_ones)
{
	uint32_t i;

	for (i = 1; i <= LIMIT; i++)
		assert_passed(join_syn(TOKEN + i));
	assert_dropped(join_syn(TOKEN + i));
	reach_limits();
	assert_dropped(join_syn(TOKEN));
	ck_assert_uint_eq(counter(SERVER_JOIN_PASSED), 2 * LIMIT);
}
END_TEST

START_TEST(joins_of_a_token_that_nobody_told_of_are_limited)
{
	int i;

	for (i = 0; i < LIMIT; i++)
		assert_passed(join_syn(TOKEN));
	assert_dropped(join_syn(TOKEN));
	ck_assert_uint_eq(counter(SERVER_JOIN_TOKEN_LIMIT), 1);
	assert_passed(join_syn(TOKEN + 1));
}
END_TEST

START_TEST(guessed_tokens_push_no_live_one_out)
{
	const uint32_t guessed = TOKEN + 1;
	uint64_t due;

	assert_passed(join_syn(guessed));
	ck_assert_int_eq(bpf_map_lookup_elem(bpf_map__fd(skel->maps.joins_due), &guessed, &due),
			 -ENOENT);
	reach_limits();
	assert_dropped(join_syn(TOKEN));
}
END_TEST

START_TEST(joins_are_let_in_again_with_time)
{
	const uint64_t long_ago = now_ns() - SERVER_SECOND_NS;
	const uint32_t token = TOKEN, live = 1;

	reach_limits();
	assert_dropped(join_syn(TOKEN));
	bpf_map_update_elem(bpf_map__fd(skel->maps.joins_due), &token, &long_ago, BPF_EXIST);
	bpf_map_update_elem(bpf_map__fd(skel->maps.all_joins_due), &live, &long_ago, BPF_ANY);
	reach_limits();
	assert_dropped(join_syn(TOKEN));
}
END_TEST

START_TEST(flood_of_joins_of_one_token_leaves_room_for_others)
{
	int i;

	reach_limits();
	for (i = 0; i < 1000; i++)
		assert_dropped(join_syn(TOKEN));
	make_live(TOKEN + 1);
	assert_passed(join_syn(TOKEN + 1));
	ck_assert_uint_eq(counter(SERVER_JOIN_TOKEN_LIMIT), 1000);
}
END_TEST

START_TEST(syn_with_mp_capable_is_never_dropped)
{
	static const uint8_t lengths[] = { 0, 1, 2, 3, 4, 8, 12, 20, 40, 255 };
	size_t i;

	reach_limits();
	assert_dropped(join_syn(TOKEN));
	for (i = 0; i < sizeof(lengths); i++) {
		uint8_t version;

		for (version = 0; version < 16; version++) {
			struct options options = { .length = 0 };
			uint8_t capable[40] = { MPTCPLB_TCPOPT_MPTCP, lengths[i], version, 1 };

			options_add(&options, capable, lengths[i] > 4 ? 28 : 4);
			assert_passed(syn_with(&options));
			if (lengths[i] < 3)
				continue; /* what follows is not seen */
			options_add_join(&options, TOKEN);
			options.bytes[1] = (uint8_t)(options.length - MPTCPLB_MP_JOIN_SYN_SIZE);
			assert_passed(syn_with(&options));
		}
	}
}
END_TEST

/* A socket that listens on the service's address, which need not be this machine's. */
static int listen_on_service(int protocol)
{
	const struct server_address service = harness_address(SERVICE);
	struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	struct sockaddr_in ipv4 = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	const bool is_ipv4 = harness_version() == 4;
	const int on = 1;
	int fd = socket(is_ipv4 ? AF_INET : AF_INET6, SOCK_STREAM, protocol);

	ck_assert_int_ge(fd, 0);
	ipv4.sin_addr.s_addr = service.words[3];
	memcpy(&ipv6.sin6_addr, &service, sizeof(service));
	ck_assert_int_eq(is_ipv4 ? setsockopt(fd, SOL_IP, IP_FREEBIND, &on, sizeof(on))
				 : setsockopt(fd, SOL_IPV6, IPV6_FREEBIND, &on, sizeof(on)),
			 0);
	ck_assert_int_eq(is_ipv4 ? bind(fd, (struct sockaddr *)&ipv4, sizeof(ipv4))
				 : bind(fd, (struct sockaddr *)&ipv6, sizeof(ipv6)),
			 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	return fd;
}

START_TEST(syn_without_an_mptcp_listener_is_left)
{
	int fd;

	assert_passed(capable_syn());
	ck_assert_uint_eq(counter(SERVER_SYN_LISTENER), 1);
	fd = listen_on_service(IPPROTO_TCP);
	assert_passed(capable_syn());
	ck_assert_uint_eq(counter(SERVER_SYN_LISTENER), 2);
	close(fd);
}
END_TEST

START_TEST(syn_to_a_listener_without_a_mark_is_left)
{
	const int size = 65536;
	int fd = listen_on_service(IPPROTO_MPTCP);

	assert_passed(capable_syn());
	ck_assert_uint_eq(counter(SERVER_SYN_UNMARKED), 1);
	/* Its SYN/ACKs have another window scale than those of the auxiliary listener. */
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	assert_passed(capable_syn());
	ck_assert_uint_eq(counter(SERVER_SYN_LISTENER), 1);
	close(fd);
}
END_TEST

START_TEST(plain_syn_is_not_looked_at)
{
	const struct options none = { .length = 0 };
	int fd = listen_on_service(IPPROTO_MPTCP), i;
	uint64_t sum = 0;

	assert_passed(syn_with(&none));
	for (i = 0; i < SERVER_COUNTER_COUNT; i++)
		sum += counter(i);
	ck_assert_uint_eq(sum, 0);
	close(fd);
}
END_TEST

START_TEST(syn_again_without_mp_capable_is_handed_over_like_the_first)
{
	static const uint8_t mss[] = { 2, 4, 5, 180 };
	struct options options = { .length = 0 };
	struct frame syn, other;
	uint8_t key[8];

	options_add(&options, mss, sizeof(mss));
	syn = syn_with(&options);
	put32(tcp_of(&syn) + 4, ISN);
	tcp_finish(&syn);
	other = syn_with(&options);

	slots_fill();
	assert_passed(syn);
	ck_assert_uint_eq(counter(SERVER_SYN_LISTENER), 0);
	offered_key(CLIENT_PORT, key);
	assert_passed(other); /* of another connection from that port */
	ck_assert_uint_eq(counter(SERVER_SYN_LISTENER), 0);
	assert_passed(syn);
	ck_assert_uint_eq(counter(SERVER_SYN_LISTENER), 1);
}
END_TEST

/* The loopback address of the version under test. */
static socklen_t loopback(struct sockaddr_storage *storage, struct server_address *address)
{
	struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)storage;
	struct sockaddr_in *ipv4 = (struct sockaddr_in *)storage;

	memset(storage, 0, sizeof(*storage));
	if (harness_version() == 4) {
		*address = harness_address(LOOPBACK);
		*ipv4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(PORT) };
		ipv4->sin_addr.s_addr = htonl(LOOPBACK);
		return sizeof(*ipv4);
	}
	*ipv6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	ipv6->sin6_addr = in6addr_loopback;
	memcpy(address, &in6addr_loopback, sizeof(*address));
	return sizeof(*ipv6);
}

/* Make a frame one from an address to itself. */
static void set_addresses(struct frame *frame, const struct server_address *address)
{
	uint8_t *ip = frame->bytes + FRAME_IP;

	if (harness_version() == 4) {
		memcpy(ip + 12, &address->words[3], 4);
		memcpy(ip + 16, &address->words[3], 4);
	} else {
		memcpy(ip + 8, address, sizeof(*address));
		memcpy(ip + 24, address, sizeof(*address));
	}
	tcp_finish(frame);
}

START_TEST(connections_are_left_alone)
{
	struct frame ack = third_ack(20, strange_key, CLIENT_PORT), syn = capable_syn();
	struct sockaddr_storage storage, own;
	socklen_t size, own_size = sizeof(own);
	struct server_address address;
	int listener, client;

	size = loopback(&storage, &address);
	listener = socket(storage.ss_family, SOCK_STREAM, 0);
	client = socket(storage.ss_family, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&storage, size), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(connect(client, (struct sockaddr *)&storage, size), 0);
	ck_assert_int_eq(getsockname(client, (struct sockaddr *)&own, &own_size), 0);
	harness_add_service(&address, PORT);
	set_addresses(&ack, &address);
	set_addresses(&syn, &address);

	/* From another port: a handshake. From the client's: the kernel has a socket for it. */
	assert_ack_blanked(ack);
	memcpy(tcp_of(&ack), &((struct sockaddr_in *)&own)->sin_port, 2);
	assert_passed(ack);
	memcpy(tcp_of(&syn), &((struct sockaddr_in *)&own)->sin_port, 2);
	assert_passed(syn);
	ck_assert_uint_eq(counter(SERVER_SYN_SOCKET), 1);
	close(client);
	close(listener);
}
END_TEST

static void set_syncookies(const char *value)
{
	FILE *file = fopen("/proc/sys/net/ipv4/tcp_syncookies", "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(value, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

/* Have a listener on the loopback address send a SYN cookie; its mark of that. */
static uint32_t provoke_cookie(const struct mptcplb_farm_address *address)
{
	const int program = bpf_program__fd(skel->progs.server_look);
	struct look look = { .mark = 0 };
	int tries, fd;

	set_syncookies("2");
	fd = half_open_connect(address, PORT);
	ck_assert_int_ge(fd, 0);
	set_syncookies("1");
	for (tries = 0; !look.mark && tries < 1000; tries++) {
		ck_assert_int_eq(look_at(program, address, PORT, &look), 0);
		usleep(1000);
	}
	ck_assert_uint_ne(look.mark, 0);
	close(fd);
	return look.mark;
}

/* What becomes of a SYN when a listener was seen to set a mark so long ago. */
static enum server_counter verdict(const struct server_address *address, uint64_t seen_at,
				   uint32_t jiffies)
{
	const struct server_service service = { .address = *address, .port = htons(PORT) };
	const struct server_mark mark = { .seen_at = seen_at, .jiffies = jiffies };
	const uint64_t unmarked = counter(SERVER_SYN_UNMARKED);
	struct frame syn = capable_syn();

	set_addresses(&syn, address);
	ck_assert_int_eq(
		bpf_map_update_elem(bpf_map__fd(skel->maps.services), &service, &mark, BPF_ANY), 0);
	assert_passed(syn);
	return counter(SERVER_SYN_UNMARKED) > unmarked ? SERVER_SYN_UNMARKED : SERVER_SYN_AUXILIARY;
}

START_TEST(listener_must_have_sent_a_cookie_lately)
{
	struct mptcplb_farm_address here = { .version = (uint8_t)harness_version() };
	struct sockaddr_storage storage;
	struct server_address address;
	const uint64_t now = now_ns();
	socklen_t size = loopback(&storage, &address);
	uint32_t mark;
	int listener;

	memcpy(here.bytes, here.version == 4 ? &address.words[3] : &address.words[0],
	       here.version == 4 ? 4 : 16);
	listener = socket(storage.ss_family, SOCK_STREAM, IPPROTO_MPTCP);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&storage, size), 0);
	ck_assert_int_eq(listen(listener, 16), 0);
	mark = provoke_cookie(&here);

	/* There is no auxiliary listener here, which is looked for last. */
	ck_assert_int_eq(verdict(&address, now, mark), SERVER_SYN_AUXILIARY);
	ck_assert_uint_eq(counter(SERVER_SYN_AUXILIARY), 1);
	/* Noted just now, by a clock that is more exact than the program's. */
	ck_assert_int_eq(verdict(&address, now_ns() + TICK_NS, mark), SERVER_SYN_AUXILIARY);
	ck_assert_int_eq(verdict(&address, 0, mark), SERVER_SYN_UNMARKED);
	ck_assert_int_eq(verdict(&address, now - SERVER_MARK_NS - SERVER_SECOND_NS, mark),
			 SERVER_SYN_UNMARKED);
	/* Another listener than the one that was seen: it has no mark that new. */
	ck_assert_int_eq(verdict(&address, now, mark + 1), SERVER_SYN_UNMARKED);
	ck_assert_int_eq(verdict(&address, now, mark - 1), SERVER_SYN_AUXILIARY);
	close(listener);
}
END_TEST

static const struct server_join_limit limit = { HOUR_NS, (LIMIT - 1) * HOUR_NS };

static void load_with_limit_of_token(void)
{
	harness_load(&(struct harness_options){ .slots = 1, .join_limit_token = limit });
}

static void load_with_limit_of_all(void)
{
	harness_load(&(struct harness_options){ .slots = 1, .join_limit_total = limit });
}

static void add_tests_with_limit_of_token(TCase *tcase)
{
	tcase_add_test(tcase, joins_of_a_token_are_limited);
	tcase_add_test(tcase, joins_of_a_token_that_nobody_told_of_are_limited);
	tcase_add_test(tcase, guessed_tokens_push_no_live_one_out);
	tcase_add_test(tcase, joins_are_let_in_again_with_time);
	tcase_add_test(tcase, flood_of_joins_of_one_token_leaves_room_for_others);
	tcase_add_test(tcase, syn_with_mp_capable_is_never_dropped);
	tcase_add_test(tcase, syn_again_without_mp_capable_is_handed_over_like_the_first);
	tcase_add_test(tcase, syn_without_an_mptcp_listener_is_left);
	tcase_add_test(tcase, syn_to_a_listener_without_a_mark_is_left);
	tcase_add_test(tcase, plain_syn_is_not_looked_at);
	tcase_add_test(tcase, listener_must_have_sent_a_cookie_lately);
	tcase_add_test(tcase, connections_are_left_alone);
}

static void add_tests_with_limit_of_all(TCase *tcase)
{
	tcase_add_test(tcase, joins_of_all_tokens_are_limited);
	tcase_add_test(tcase, joins_of_guessed_tokens_take_nothing_from_live_ones);
	tcase_add_test(tcase, joins_are_let_in_again_with_time);
	tcase_add_test(tcase, syn_with_mp_capable_is_never_dropped);
}

static void add_tests(Suite *suite)
{
	harness_add(suite, "limit of a token", load_with_limit_of_token, slots_fill,
		    add_tests_with_limit_of_token);
	harness_add(suite, "limit of all joins", load_with_limit_of_all, slots_fill,
		    add_tests_with_limit_of_all);
}

int main(void)
{
	return harness_run("server-syn", add_tests);
}
