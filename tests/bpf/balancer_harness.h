/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The balancer's program with the maps of a small farm, run on one packet at a time. Everything
 * that a packet did is compared: verdict, every byte that came out, and every counter.
 */
#ifndef MPTCPLB_TESTS_BALANCER_HARNESS_H
#define MPTCPLB_TESTS_BALANCER_HARNESS_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane.h"
#include "frame.h"

/* The farm: indices of its servers are the last byte of their address 192.0.2.x. */
enum server {
	UP_1, /* id 1 */
	UP_2, /* ids 2 and 1023, the largest */
	UP_3, /* id 3 */
	DRAINING, /* id 4 */
	DOWN, /* id 5 */
	ELSEWHERE, /* id 6, up, serves OTHER_PORT alone */
	SERVER_COUNT,
	HASHED, /* to expect: whichever the 4-tuple hashes to, by the user-space Maglev */
};
#define ID_OF(server) ((server) + 1U)
#define ID_LARGEST 1023
#define ID_WITHOUT_OWNER 1022
#define EPOCH 1
#define EPOCH_UNKNOWN 0

#define BALANCER_ADDRESS 0xc000b601 /* 192.0.182.1: see the test of checksums */
#define SERVER_ADDRESS(server) (0xc000020b + (uint32_t)(server)) /* 192.0.2.11 and on */
#define SERVICE_ADDRESS 0xc6336401 /* 198.51.100.1 */
#define SERVICE_PORT 443 /* served by all but ELSEWHERE */
#define OTHER_PORT 8080 /* served by ELSEWHERE alone, with all ports up to the next */
#define OTHER_PORT_LAST 8089
#define FADING_PORT 9090 /* served by DRAINING and DOWN */
#define CLIENT_ADDRESS 0xcb007105 /* 203.0.113.5 */

/* What must come out. */
struct expected {
	enum {
		PASS,
		DROP,
		SEND
	} verdict;
	enum server server; /* with SEND */
	/* The counters that go up by one; the others must not move. Ends with 0, PASSED. */
	enum balancer_counter counters[4];
};

/* clang-format off */
#define SENT_TO(server, ...) { SEND, server, { __VA_ARGS__ } }
#define DROPPED(...) { DROP, 0, { __VA_ARGS__ } }
#define PASSED(...) { PASS, 0, { __VA_ARGS__ } }
/* clang-format on */

/*
 * Run tests as a suite in a network namespace of their own, each with a freshly loaded program.
 * Returns the exit code for main().
 */
int harness_run(const char *name, void (*add_tests)(TCase *tcase));

/* A new network namespace with forwarding off. */
void harness_enter_namespace(void);

/* Load the program anew, with other options than tokens and hashing of the unroutable. */
void harness_restart(const struct dataplane_options *options);

/* Let packets come in on another interface than lo. */
void harness_set_interface(unsigned int ifindex);

/* A segment from the client to the service; and a join's SYN for a server id. */
struct segment segment_of(uint8_t flags);
struct segment join_of(uint32_t server_id);

/* The farm's keyring. */
const struct mptcplb_keyring *harness_keyring(void);

/* The token of a server id in an epoch, with an arbitrary nonce. */
uint32_t token_of(uint32_t epoch, uint32_t server_id);

/* The server that the user-space Maglev has for a segment's 4-tuple. */
enum server home_of(const struct segment *segment);

/* A server that the 4-tuple does not hash to, so that only memory or a token leads there. */
enum server server_away_from_home(const struct segment *segment);

/* Run the program on a frame and compare. @sentence says what must come out. */
void expect_frame(const char *sentence, const struct frame *frame, const struct expected *expected);
void expect(const char *sentence, const struct segment *segment, const struct expected *expected);

/* Run the program on a segment, and say only where it was sent: a server, or SERVER_COUNT. */
enum server run_segment(const struct segment *segment);

/*
 * Where the explanation of a segment says that it goes. @token: of a join, or 0. @by_farm: what is
 * known of the farm alone.
 */
enum server harness_explain(const struct segment *segment, uint32_t token, bool by_farm);

/* Let this many seconds pass for the flows that are remembered. */
void harness_let_flows_age(uint32_t seconds);

/* What came out of the last packet. */
const struct frame *harness_output(void);

/* Whether a segment's flow is among those of which only the join's SYN was seen. */
bool harness_is_new(const struct segment *segment);

/* Mark a server as down, or up again, in the map of the running program. */
void harness_set_down(enum server server, bool down);

#endif
