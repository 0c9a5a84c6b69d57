// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* MP_CAPABLE: each version has a table of its forms, from which it is both parsed and built. */
#include "option_private.h"

#define KEY MPTCPLB_KEY_SIZE
#define KEY_A MPTCPLB_KEY_SIZE_COMPACT_A
#define KEY_B MPTCPLB_KEY_SIZE_COMPACT_B

/* What there is behind the flags, in this order. */
struct form {
	bool token_first; /* the token is before the keys, not behind them */
	uint8_t sender_key_length;
	uint8_t receiver_key_length;
	bool token;
	bool data_level_length;
	bool checksum;
};

/* SYN and SYN/ACK; ACK */
static const struct form version_0_forms[] = {
	{ .sender_key_length = KEY },
	{ .sender_key_length = KEY, .receiver_key_length = KEY },
};

/* SYN; SYN/ACK; ACK; with data; and checksum */
static const struct form version_1_forms[] = {
	{ 0 },
	{ .sender_key_length = KEY },
	{ .sender_key_length = KEY, .receiver_key_length = KEY },
	{ .sender_key_length = KEY, .receiver_key_length = KEY, .data_level_length = true },
	{ .sender_key_length = KEY,
	  .receiver_key_length = KEY,
	  .data_level_length = true,
	  .checksum = true },
};

/* SYN; the draft's SYN; SYN/ACK; ACK; with data; and checksum */
static const struct form extended_forms[] = {
	{ 0 },
	{ .token = true },
	{ .sender_key_length = KEY, .token = true },
	{ .sender_key_length = KEY, .receiver_key_length = KEY, .token = true },
	{ .sender_key_length = KEY,
	  .receiver_key_length = KEY,
	  .token = true,
	  .data_level_length = true },
	{ .sender_key_length = KEY,
	  .receiver_key_length = KEY,
	  .token = true,
	  .data_level_length = true,
	  .checksum = true },
};

/*
 * SYN; the draft's SYN; SYN/ACK; ACK; with data; and checksum; the draft's ACK; with data; and
 * checksum. The last is as long as the fourth.
 */
static const struct form compact_forms[] = {
	{ 0 },
	{ .token = true },
	{ .token_first = true, .sender_key_length = KEY_B, .token = true },
	{ .sender_key_length = KEY_A, .receiver_key_length = KEY_B, .token = true },
	{ .sender_key_length = KEY_A,
	  .receiver_key_length = KEY_B,
	  .token = true,
	  .data_level_length = true },
	{ .sender_key_length = KEY_A,
	  .receiver_key_length = KEY_B,
	  .token = true,
	  .data_level_length = true,
	  .checksum = true },
	{ .sender_key_length = KEY_A, .receiver_key_length = KEY_B },
	{ .sender_key_length = KEY_A, .receiver_key_length = KEY_B, .data_level_length = true },
	{ .sender_key_length = KEY_A,
	  .receiver_key_length = KEY_B,
	  .data_level_length = true,
	  .checksum = true },
};

struct forms {
	const struct form *forms;
	size_t count; /* 0 for a version that is not known */
};

#define FORMS(array)                                      \
	(struct forms)                                    \
	{                                                 \
		array, sizeof(array) / sizeof((array)[0]) \
	}

static struct forms version_forms(uint8_t version)
{
	switch (version) {
	case MPTCPLB_VERSION_RFC6824:
		return FORMS(version_0_forms);
	case MPTCPLB_VERSION_RFC8684:
	case MPTCPLB_VERSION_IMPLICIT:
		return FORMS(version_1_forms);
	case MPTCPLB_VERSION_EXTENDED:
		return FORMS(extended_forms);
	case MPTCPLB_VERSION_COMPACT:
		return FORMS(compact_forms);
	default:
		return (struct forms){ NULL, 0 };
	}
}

static size_t form_length(const struct form *form)
{
	size_t length =
		OPTION_BASE_SIZE + (size_t)form->sender_key_length + form->receiver_key_length;

	if (form->token)
		length += TOKEN_SIZE;
	if (form->data_level_length)
		length += 2;
	if (form->checksum)
		length += 2;
	return length;
}

/* In compact, an ACK has no token when the SYN had it. */
static bool excluded(const struct form *form, const struct mptcplb_option_context *context,
		     uint8_t version)
{
	return context && context->token_in_syn && version == MPTCPLB_VERSION_COMPACT &&
	       form->receiver_key_length && form->token;
}

static const struct form *form_of_length(const struct forms *forms,
					 const struct mptcplb_option_context *context,
					 uint8_t version, size_t length)
{
	for (size_t i = 0; i < forms->count; i++) {
		const struct form *form = &forms->forms[i];

		if (form_length(form) == length && !excluded(form, context, version))
			return form;
	}
	return NULL;
}

static const struct form *form_of_view(const struct forms *forms,
				       const struct mptcplb_mp_capable *view)
{
	for (size_t i = 0; i < forms->count; i++) {
		const struct form *form = &forms->forms[i];

		if (form->sender_key_length == view->sender_key_length &&
		    form->receiver_key_length == view->receiver_key_length &&
		    form->token == view->has_token &&
		    form->data_level_length == view->has_data_level_length &&
		    form->checksum == view->has_checksum)
			return form;
	}
	return NULL;
}

static void parse_form(struct mptcplb_mp_capable *view, const struct form *form, const uint8_t *at)
{
	view->sender_key_length = form->sender_key_length;
	view->receiver_key_length = form->receiver_key_length;
	view->has_token = form->token;
	view->has_data_level_length = form->data_level_length;
	view->has_checksum = form->checksum;
	if (form->token_first)
		view->token = take32(&at);
	if (form->sender_key_length)
		view->sender_key = take_bytes(&at, form->sender_key_length);
	if (form->receiver_key_length)
		view->receiver_key = take_bytes(&at, form->receiver_key_length);
	if (form->token && !form->token_first)
		view->token = take32(&at);
	if (form->data_level_length)
		view->data_level_length = take16(&at);
	if (form->checksum)
		view->checksum = take16(&at);
}

int option_parse_mp_capable(const struct mptcplb_option_context *context,
			    struct mptcplb_option *option, const uint8_t *bytes, uint8_t length)
{
	struct mptcplb_mp_capable *view = &option->mp_capable;
	const struct form *form;
	struct forms forms;

	if (length < OPTION_BASE_SIZE)
		return MPTCPLB_ERR_MALFORMED;
	view->version = bytes[2] & 0xf;
	option->flags = bytes[3];
	forms = version_forms(view->version);
	if (forms.count == 0) {
		view->unknown = bytes + OPTION_BASE_SIZE;
		view->unknown_length = (uint8_t)(length - OPTION_BASE_SIZE);
		return MPTCPLB_OK;
	}
	form = form_of_length(&forms, context, view->version, length);
	if (!form)
		return MPTCPLB_ERR_MALFORMED;
	parse_form(view, form, bytes + OPTION_BASE_SIZE);
	return MPTCPLB_OK;
}

static void build_form(const struct mptcplb_mp_capable *view, const struct form *form,
		       struct option_writer *writer)
{
	if (form->token_first)
		put_number(writer, view->token, TOKEN_SIZE);
	put_bytes(writer, view->sender_key, form->sender_key_length);
	put_bytes(writer, view->receiver_key, form->receiver_key_length);
	if (form->token && !form->token_first)
		put_number(writer, view->token, TOKEN_SIZE);
	if (form->data_level_length)
		put_number(writer, view->data_level_length, 2);
	if (form->checksum)
		put_number(writer, view->checksum, 2);
}

int option_build_mp_capable(const struct mptcplb_option *option, struct option_writer *writer)
{
	const struct mptcplb_mp_capable *view = &option->mp_capable;
	struct forms forms = version_forms(view->version);
	const struct form *form;

	if (view->version > 0xf || option->flags > 0xff)
		return MPTCPLB_ERR_ARGUMENT;
	put_number(writer, MPTCPLB_MP_CAPABLE << 4 | view->version, 1);
	put_number(writer, option->flags, 1);
	if (forms.count == 0) {
		put_bytes(writer, view->unknown, view->unknown_length);
		return MPTCPLB_OK;
	}
	form = form_of_view(&forms, view);
	if (!form)
		return MPTCPLB_ERR_ARGUMENT;
	build_form(view, form, writer);
	return MPTCPLB_OK;
}
