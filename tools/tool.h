/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the commands of mptcplb-tool share. */
#ifndef MPTCPLB_TOOLS_TOOL_H
#define MPTCPLB_TOOLS_TOOL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include <mptcplb/farm.h>
#include <mptcplb/key.h>

enum tool_exit {
	TOOL_FINE = 0, /* done */
	TOOL_FAILED = 1, /* the operation failed */
	TOOL_USAGE = 2, /* the command line is wrong */
};

/* Options, as bits: which a command takes, and which were given. */
enum {
	OPTION_CONFIG = 1 << 0,
	OPTION_SERVER = 1 << 1,
	OPTION_NONCE = 1 << 2,
	OPTION_COUNT = 1 << 3,
	OPTION_MODE = 1 << 4,
	OPTION_JSON = 1 << 5,
	OPTION_OPTIONS = 1 << 6,
	OPTION_SERVERS = 1 << 7,
	OPTION_CONNECTIONS = 1 << 8,
	OPTION_BALANCERS = 1 << 9,
	OPTION_ROUNDS = 1 << 10,
	OPTION_CHURN = 1 << 11,
	OPTION_SEED = 1 << 12,
};

/* A command line, after the command's words. */
struct arguments {
	unsigned int given; /* OPTION_* */
	const struct mptcplb_farm *farm; /* what --config names; NULL when not given */
	const char *server;
	uint32_t nonce;
	uint32_t count; /* 1 when not given */
	enum mptcplb_mode mode;
	uint32_t servers; /* these six have defaults as well */
	uint32_t connections;
	uint32_t balancers;
	uint32_t rounds;
	uint32_t churn;
	uint32_t seed;
	char **operands;
	int operand_count;
};

/* A command: returns an enum tool_exit. */
typedef int command_run(const struct arguments *arguments);

command_run cmd_check;
command_run cmd_genkey;
command_run cmd_key_derive;
command_run cmd_key_generate;
command_run cmd_option_decode;
command_run cmd_pcap;
command_run cmd_simulate;
command_run cmd_token_decode;
command_run cmd_token_generate;

/* Print "mptcplb-tool: message" to stderr; returns TOOL_FAILED. */
__attribute__((format(printf, 1, 2))) int fail(const char *format, ...);

/* The same for a wrong command line, with a hint at --help; returns TOOL_USAGE. */
__attribute__((format(printf, 1, 2))) int fail_usage(const char *format, ...);

/* Read a decimal number of at most @max. */
bool parse_number(uint32_t *number, const char *text, uint32_t max);

/* Read exactly @size bytes of hex digits, with or without 0x in front. */
bool parse_hex(uint8_t *bytes, size_t size, const char *text);

/* Write hex digits and a NUL: 2 * @size + 1 bytes. */
void format_hex(char *text, const uint8_t *bytes, size_t size);

/* Print an object as one line. */
void print_json_line(const json_t *object);

/* The ids that --server means. */
struct server_choice {
	const uint32_t *ids;
	size_t id_count;
	uint32_t one; /* room for a single id */
};

/* A server's name means all its ids, a number that one id. Returns an enum tool_exit. */
int choose_server(struct server_choice *choice, const struct mptcplb_farm *farm, const char *text);

/* One of the ids, at random. Returns an enum tool_exit. */
int choose_id(uint32_t *id, const struct server_choice *choice);

#endif
