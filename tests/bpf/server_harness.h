/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The server agent's programs with a farm of one service, run on one packet at a time, over IPv4
 * or IPv6. Addresses and ports are in host byte order; over IPv6 address a is 2001:db8::a.
 */
#ifndef MPTCPLB_TESTS_SERVER_HARNESS_H
#define MPTCPLB_TESTS_SERVER_HARNESS_H

#include <check.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>
#include <stdint.h>

#include <bpf/bpf.h>

#include "frame.h"
#include "server_kern_user.h"
#include "server_test.skel.h"

#define CLIENT 0xcb007102 /* 203.0.113.2 */
#define SERVICE 0xc6336401 /* 198.51.100.1 */
#define SERVER 0xc000020b /* 192.0.2.11, the address of the server itself */
#define BALANCER 0xc0000201 /* 192.0.2.1 */
#define STRANGER 0xc0000299
#define CLIENT_PORT 40001
#define PORT 4430
#define ISN 0x01020303 /* frame_build() numbers segments from 0x01020304 */
#define BUCKETS 256

/* So far the programs' clock may be behind an exact one: the kernel's tick at 100 Hz. */
#define TICK_NS 10000000
#define UNSPEC ((uint32_t)TC_ACT_UNSPEC)

/* In front of MP_CAPABLE in what the functions below build. */
#define TIMESTAMPS_SIZE 12

struct harness_options {
	uint32_t slots;
	struct server_join_limit join_limit_token, join_limit_total;
	int own_version; /* of the server's own address; 0: that of the test */
};

extern struct server_test_bpf *skel;
extern const uint8_t kernel_key[8], strange_key[8];

/*
 * Run tests as a suite in a network namespace of their own that has nothing but a loopback.
 * Returns the exit code for main().
 */
int harness_run(const char *name, void (*add_tests)(Suite *suite));

/* Add test cases that run over IPv4 and over IPv6; @load calls harness_load(). */
void harness_add(Suite *suite, const char *name, void (*load)(void), void (*setup)(void),
		 void (*add_tests)(TCase *tcase));

/* Load the programs. Maps are emptied before each test. */
void harness_load(const struct harness_options *options);

/* 4 or 6. */
int harness_version(void);

struct server_address harness_address_of(int version, uint32_t address);
struct server_address harness_address(uint32_t address); /* of the version of the test */
void harness_add_service(const struct server_address *address, uint16_t port);

/* The token of a key. */
uint32_t token_of(const void *key);

/* Slots; the key of a filled one has the slot's number in the low bits. */
struct server_slot slot_read(uint32_t index);
void slot_write(uint32_t index, const struct server_slot *slot);
void slot_fill(uint32_t index);
void slots_fill(void); /* all of them */

/* Of a bucket of the token table: enter so many tokens of others, and count those that are in it. */
void bucket_fill(uint32_t bucket, uint32_t tokens);
uint32_t bucket_count(uint32_t bucket);

/* Give a token to a flow, as if it had been entered now; and whether anybody has it. */
void live_add(uint32_t token, uint64_t flow);
bool live_has(uint32_t token);

uint64_t counter(enum server_counter which);

uint64_t now_ns(void);

/* A program over a frame: returns its verdict, and changes the frame. */
uint32_t harness_ingress(struct frame *frame);
uint32_t harness_egress(struct frame *frame); /* without a socket */
uint32_t harness_egress_of_socket(struct frame *frame);

/* The Ethertype that the kernel takes a packet for behind ingress. */
uint32_t harness_ingress_protocol(struct frame frame);

uint8_t *tcp_of(struct frame *frame);

/* 0 when the TCP checksum is right. */
uint16_t tcp_checksum(struct frame *frame);

/* Set the checksum after a change. */
void tcp_finish(struct frame *frame);

void options_add_timestamps(struct options *options);

/* An MP_CAPABLE: @key is in the place of the server's key for that length. */
void options_add_keys(struct options *options, uint8_t length, const void *key);

/* A frame of a segment, over the version of the test. */
struct frame frame_of(const struct segment *segment);

/* SYN/ACKs to the client. */
struct frame synack_with(const struct options *options, uint16_t client_port);
struct frame capable_synack(uint16_t client_port);

/* Segments of the client. */
struct frame ack_with(const struct options *options, uint16_t client_port);
struct frame third_ack(uint8_t length, const void *key, uint16_t client_port);

/* What a client reads in the SYN/ACK. */
void offered_key(uint16_t client_port, uint8_t key[8]);

void assert_same(const struct frame *frame, const struct frame *expected);
void assert_egress_untouched(struct frame frame);
void assert_passed(struct frame frame); /* untouched, by ingress */
void assert_dropped(struct frame frame);

/* Ingress makes @length bytes of options at @offset NOPs, and changes nothing else. */
void assert_blanked(struct frame frame, size_t offset, size_t length);
/* The same, for what third_ack() makes. */
void assert_ack_blanked(struct frame frame);

#endif
