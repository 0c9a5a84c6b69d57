// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "record.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include <mptcplb/token.h>

#include "tool.h"

void record_decode(struct record *record, const struct mptcplb_farm *farm)
{
	int error;

	record->reason = "no farm file given";
	if (!farm)
		return;
	error = mptcplb_token_decode(&farm->keyring, &record->parts, record->token);
	if (error) {
		record->reason = error == MPTCPLB_ERR_TOKEN_ZERO ? "token is 0" : "unknown epoch";
		return;
	}
	record->decoded = true;
	record->owner = mptcplb_farm_owner(farm, record->parts.server_id);
	if (!record->owner)
		record->reason = "id without owner";
	else if (record->owner->state == MPTCPLB_FARM_DOWN)
		record->reason = "owner is down";
	else
		record->reason = NULL;
}

static json_t *number_or_null(bool known, uint64_t number)
{
	return known ? json_integer((json_int_t)number) : json_null();
}

static void add_key(json_t *object, const struct record *record)
{
	char key[2 * MPTCPLB_KEY_SIZE + 1];
	char idsn[17];

	format_hex(key, record->key, sizeof(record->key));
	snprintf(idsn, sizeof(idsn), "%016" PRIx64, record->idsn);
	json_object_set_new(object, "key", json_string(key));
	json_object_set_new(object, "idsn", json_string(idsn));
	json_object_set_new(object, "mode", json_string(mptcplb_mode_name(record->mode)));
	json_object_set_new(object, "tries", number_or_null(record->tries, record->tries));
}

static void print_json(const struct record *record)
{
	json_t *object = json_object();
	char token[9];

	snprintf(token, sizeof(token), "%08" PRIx32, record->token);
	json_object_set_new(object, "token", json_string(token));
	json_object_set_new(object, "epoch", number_or_null(record->decoded, record->parts.epoch));
	json_object_set_new(object, "server_id",
			    number_or_null(record->decoded, record->parts.server_id));
	json_object_set_new(object, "nonce", number_or_null(record->decoded, record->parts.nonce));
	json_object_set_new(object, "routable", json_boolean(!record->reason));
	json_object_set_new(object, "server",
			    record->owner ? json_string(record->owner->name) : json_null());
	if (record->reason)
		json_object_set_new(object, "reason", json_string(record->reason));
	if (record->has_key)
		add_key(object, record);
	print_json_line(object);
	json_decref(object);
}

void record_print_heading(bool with_key, bool json)
{
	if (json)
		return;
	if (with_key)
		printf("%-16s  %-16s  %10s  ", "KEY", "IDSN", "TRIES");
	printf("%-8s  %5s  %8s  %10s  %-8s  %s\n", "TOKEN", "EPOCH", "ID", "NONCE", "ROUTABLE",
	       "SERVER");
}

static void print_row(const struct record *record)
{
	char text[2 * MPTCPLB_KEY_SIZE + 1];

	if (record->has_key) {
		format_hex(text, record->key, sizeof(record->key));
		printf("%-16s  %016" PRIx64 "  ", text, record->idsn);
		if (record->tries)
			printf("%10" PRIu64 "  ", record->tries);
		else
			printf("%10s  ", "-");
	}
	printf("%08" PRIx32 "  ", record->token);
	if (record->decoded)
		printf("%5" PRIu32 "  %8" PRIu32 "  %10" PRIu32 "  ", record->parts.epoch,
		       record->parts.server_id, record->parts.nonce);
	else
		printf("%5s  %8s  %10s  ", "-", "-", "-");
	printf("%-8s  %s", record->reason ? "no" : "yes",
	       record->owner ? record->owner->name : "-");
	if (record->reason)
		printf(" (%s)", record->reason);
	putchar('\n');
}

void record_print(const struct record *record, bool json)
{
	if (json)
		print_json(record);
	else
		print_row(record);
}
