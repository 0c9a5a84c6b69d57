/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A token, or a key and its token, as a row of a table or an object of JSON. */
#ifndef MPTCPLB_TOOLS_RECORD_H
#define MPTCPLB_TOOLS_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include <mptcplb/farm.h>
#include <mptcplb/key.h>

struct record {
	uint32_t token;
	bool decoded; /* parts is valid */
	struct mptcplb_token_parts parts;
	const struct mptcplb_farm_server *owner; /* NULL: none, or not known */
	const char *reason; /* why the token is unroutable; NULL when it is routable */
	bool has_key; /* the fields below are valid */
	uint8_t key[MPTCPLB_KEY_SIZE];
	enum mptcplb_mode mode;
	uint64_t idsn;
	uint64_t tries; /* 0: the key was not made here */
};

/* Find out all that a farm's description says of record->token. @farm may be NULL. */
void record_decode(struct record *record, const struct mptcplb_farm *farm);

/* Print the table's heading; nothing for JSON. */
void record_print_heading(bool with_key, bool json);

void record_print(const struct record *record, bool json);

#endif
