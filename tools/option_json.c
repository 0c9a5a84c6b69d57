// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "option_json.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <mptcplb/key.h>

#include "tool.h"

static void set_number(json_t *object, const char *name, uint32_t number)
{
	json_object_set_new(object, name, json_integer(number));
}

static void set_flag(json_t *object, const char *name, bool set)
{
	json_object_set_new(object, name, json_boolean(set));
}

/* JSON's numbers are doubles to many readers, so 64 bits are text. */
static void set_number64(json_t *object, const char *name, uint64_t number)
{
	char text[17];

	snprintf(text, sizeof(text), "%016" PRIx64, number);
	json_object_set_new(object, name, json_string(text));
}

static void set_token(json_t *object, uint32_t token)
{
	char text[9];

	snprintf(text, sizeof(text), "%08" PRIx32, token);
	json_object_set_new(object, "token", json_string(text));
}

static void set_bytes(json_t *object, const char *name, const uint8_t *bytes, size_t size)
{
	char text[2 * MPTCPLB_TCP_OPTIONS_MAX + 1] = "";

	format_hex(text, bytes, size);
	json_object_set_new(object, name, json_string(text));
}

static void describe_capable(json_t *object, const struct mptcplb_mp_capable *capable)
{
	set_number(object, "version", capable->version);
	if (capable->sender_key_length)
		set_bytes(object, "sender_key", capable->sender_key, capable->sender_key_length);
	if (capable->receiver_key_length)
		set_bytes(object, "receiver_key", capable->receiver_key,
			  capable->receiver_key_length);
	if (capable->has_token)
		set_token(object, capable->token);
	if (capable->has_data_level_length)
		set_number(object, "data_level_length", capable->data_level_length);
	if (capable->has_checksum)
		set_number(object, "checksum", capable->checksum);
	if (capable->unknown_length)
		set_bytes(object, "unknown", capable->unknown, capable->unknown_length);
}

static void describe_join(json_t *object, const struct mptcplb_mp_join *join, uint16_t flags)
{
	static const char *const forms[] = {
		[MPTCPLB_MP_JOIN_SYN] = "SYN",
		[MPTCPLB_MP_JOIN_SYNACK] = "SYN/ACK",
		[MPTCPLB_MP_JOIN_ACK] = "ACK",
	};

	json_object_set_new(object, "form", json_string(forms[join->form]));
	if (join->form == MPTCPLB_MP_JOIN_ACK) {
		set_bytes(object, "hmac", join->hmac, MPTCPLB_HMAC_ACK_SIZE);
		return;
	}
	set_flag(object, "backup", flags & MPTCPLB_MP_JOIN_B);
	set_number(object, "address_id", join->address_id);
	if (join->form == MPTCPLB_MP_JOIN_SYN)
		set_token(object, join->token);
	else
		set_bytes(object, "hmac", join->hmac, MPTCPLB_HMAC_SYNACK_SIZE);
	set_number(object, "random", join->random);
}

static void describe_dss(json_t *object, const struct mptcplb_dss *dss, uint16_t flags)
{
	set_flag(object, "data_fin", flags & MPTCPLB_DSS_F);
	if (flags & MPTCPLB_DSS_A) {
		set_number(object, "data_ack_size", flags & MPTCPLB_DSS_a ? 8 : 4);
		set_number64(object, "data_ack", dss->data_ack);
	}
	if (!(flags & MPTCPLB_DSS_M))
		return;
	set_number(object, "data_sequence_number_size", flags & MPTCPLB_DSS_m ? 8 : 4);
	set_number64(object, "data_sequence_number", dss->data_sequence_number);
	set_number(object, "subflow_sequence_number", dss->subflow_sequence_number);
	set_number(object, "data_level_length", dss->data_level_length);
	if (dss->has_checksum)
		set_number(object, "checksum", dss->checksum);
}

static void describe_add_addr(json_t *object, const struct mptcplb_add_addr *add_addr,
			      uint16_t flags)
{
	char text[INET6_ADDRSTRLEN];

	set_number(object, "version", add_addr->version);
	if (add_addr->version != MPTCPLB_VERSION_RFC6824)
		set_flag(object, "echo", flags & MPTCPLB_ADD_ADDR_E);
	set_number(object, "address_id", add_addr->address_id);
	inet_ntop(add_addr->address_length == 4 ? AF_INET : AF_INET6, add_addr->address, text,
		  sizeof(text));
	json_object_set_new(object, "address", json_string(text));
	if (add_addr->has_port)
		set_number(object, "port", add_addr->port);
	if (add_addr->hmac)
		set_bytes(object, "hmac", add_addr->hmac, MPTCPLB_ADD_ADDR_HMAC_SIZE);
}

static void describe_remove_addr(json_t *object, const struct mptcplb_remove_addr *remove_addr)
{
	json_t *ids = json_array();

	for (uint8_t i = 0; i < remove_addr->count; i++)
		json_array_append_new(ids, json_integer(remove_addr->address_ids[i]));
	json_object_set_new(object, "address_ids", ids);
}

static void describe_prio(json_t *object, const struct mptcplb_mp_prio *prio, uint16_t flags)
{
	set_flag(object, "backup", flags & MPTCPLB_MP_PRIO_B);
	if (prio->has_address_id)
		set_number(object, "address_id", prio->address_id);
}

static void describe_fields(json_t *object, const struct mptcplb_option *option)
{
	switch (option->subtype) {
	case MPTCPLB_MP_CAPABLE:
		describe_capable(object, &option->mp_capable);
		break;
	case MPTCPLB_MP_JOIN:
		describe_join(object, &option->mp_join, option->flags);
		break;
	case MPTCPLB_DSS:
		describe_dss(object, &option->dss, option->flags);
		break;
	case MPTCPLB_ADD_ADDR:
		describe_add_addr(object, &option->add_addr, option->flags);
		break;
	case MPTCPLB_REMOVE_ADDR:
		describe_remove_addr(object, &option->remove_addr);
		break;
	case MPTCPLB_MP_PRIO:
		describe_prio(object, &option->mp_prio, option->flags);
		break;
	case MPTCPLB_MP_FAIL:
		set_number64(object, "data_sequence_number", option->mp_fail.data_sequence_number);
		break;
	case MPTCPLB_MP_FASTCLOSE:
		set_bytes(object, "receiver_key", option->mp_fastclose.receiver_key,
			  option->mp_fastclose.receiver_key_length);
		break;
	case MPTCPLB_MP_TCPRST:
		set_flag(object, "transient", option->flags & MPTCPLB_MP_TCPRST_T);
		set_number(object, "reason", option->mp_tcprst.reason);
		break;
	default:
		set_bytes(object, "bytes", option->raw.bytes, option->raw.length);
	}
}

json_t *option_json(const struct mptcplb_tcp_option *tcp_option)
{
	struct mptcplb_option option;
	json_t *object = json_object();
	const char *name;
	uint8_t subtype;
	int result = mptcplb_option_parse(NULL, &option, tcp_option->bytes, tcp_option->length);

	if (tcp_option->length > 2) {
		subtype = tcp_option->bytes[2] >> 4;
		name = mptcplb_option_subtype_name(subtype);
		json_object_set_new(object, "name", name ? json_string(name) : json_null());
		set_number(object, "subtype", subtype);
	}
	set_number(object, "length", tcp_option->length);
	if (result < 0) {
		json_object_set_new(object, "error", json_string(mptcplb_strerror(result)));
		set_bytes(object, "bytes", tcp_option->bytes, tcp_option->length);
		return object;
	}
	set_number(object, "flags", option.flags);
	describe_fields(object, &option);
	return object;
}

static void print_value(const char *name, const json_t *value)
{
	size_t number;
	json_t *item;

	if (json_is_array(value)) {
		printf("  %s", name);
		json_array_foreach(value, number, item)
			printf("%s%" JSON_INTEGER_FORMAT, number ? "," : " ",
			       json_integer_value(item));
	} else if (json_is_boolean(value)) {
		if (json_is_true(value))
			printf("  %s", name);
	} else if (json_is_integer(value)) {
		printf("  %s %" JSON_INTEGER_FORMAT, name, json_integer_value(value));
	} else if (json_is_string(value)) {
		printf("  %s %s", name, json_string_value(value));
	}
}

void option_print_fields(json_t *object)
{
	const json_t *heading = json_object_get(object, "name");
	const char *name;
	json_t *value;

	printf("%-12s", json_is_string(heading) ? json_string_value(heading) : "MPTCP");
	json_object_foreach(object, name, value) {
		if (value != heading)
			print_value(name, value);
	}
	putchar('\n');
}
