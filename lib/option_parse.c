// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "option_private.h"

/* The twelve bits behind the subtype, of the options that have a fourth byte without a field. */
static uint16_t twelve_flags(const uint8_t *bytes)
{
	return (uint16_t)((bytes[2] & 0xf) << 8 | bytes[3]);
}

static bool known_version(const struct mptcplb_option_context *context)
{
	return context && context->version != MPTCPLB_VERSION_UNKNOWN;
}

/* Whether a form that RFC 6824 alone has, or that it does not have, fits the context. */
static bool fits_version(const struct mptcplb_option_context *context, bool rfc6824)
{
	return !known_version(context) || (context->version == MPTCPLB_VERSION_RFC6824) == rfc6824;
}

static int parse_mp_join(struct mptcplb_option *option, const uint8_t *bytes, uint8_t length)
{
	struct mptcplb_mp_join *view = &option->mp_join;
	const uint8_t *at = bytes + OPTION_BASE_SIZE;

	switch (length) {
	case MPTCPLB_MP_JOIN_SYN_SIZE:
		view->form = MPTCPLB_MP_JOIN_SYN;
		view->address_id = bytes[3];
		view->token = take32(&at);
		view->random = take32(&at);
		return MPTCPLB_OK;
	case OPTION_BASE_SIZE + MPTCPLB_HMAC_SYNACK_SIZE + 4:
		view->form = MPTCPLB_MP_JOIN_SYNACK;
		view->address_id = bytes[3];
		view->hmac = take_bytes(&at, MPTCPLB_HMAC_SYNACK_SIZE);
		view->random = take32(&at);
		return MPTCPLB_OK;
	case OPTION_BASE_SIZE + MPTCPLB_HMAC_ACK_SIZE:
		view->form = MPTCPLB_MP_JOIN_ACK;
		option->flags = twelve_flags(bytes);
		view->hmac = at;
		return MPTCPLB_OK;
	default:
		return MPTCPLB_ERR_MALFORMED;
	}
}

static int parse_dss(struct mptcplb_option *option, const uint8_t *bytes, uint8_t length)
{
	struct mptcplb_dss *view = &option->dss;
	const uint8_t *at = bytes + OPTION_BASE_SIZE;
	uint8_t expected;

	if (length < OPTION_BASE_SIZE)
		return MPTCPLB_ERR_MALFORMED;
	option->flags = twelve_flags(bytes);
	expected = dss_length(option->flags);
	view->has_checksum = option->flags & MPTCPLB_DSS_M && length == expected + 2;
	if (length != expected && !view->has_checksum)
		return MPTCPLB_ERR_MALFORMED;
	if (option->flags & MPTCPLB_DSS_A)
		view->data_ack = take_number(&at, dss_number_size(option->flags, MPTCPLB_DSS_a));
	if (option->flags & MPTCPLB_DSS_M) {
		view->data_sequence_number =
			take_number(&at, dss_number_size(option->flags, MPTCPLB_DSS_m));
		view->subflow_sequence_number = take32(&at);
		view->data_level_length = take16(&at);
	}
	if (view->has_checksum)
		view->checksum = take16(&at);
	return MPTCPLB_OK;
}

/* What an ADD_ADDR of this length has. */
static int parse_add_addr_length(struct mptcplb_add_addr *view, bool *has_hmac, uint8_t length)
{
	switch (length - OPTION_BASE_SIZE) {
	case 4:
	case 4 + 2:
		*has_hmac = false;
		view->address_length = 4;
		break;
	case 4 + MPTCPLB_ADD_ADDR_HMAC_SIZE:
	case 4 + 2 + MPTCPLB_ADD_ADDR_HMAC_SIZE:
		*has_hmac = true;
		view->address_length = 4;
		break;
	case 16:
	case 16 + 2:
		*has_hmac = false;
		view->address_length = 16;
		break;
	case 16 + MPTCPLB_ADD_ADDR_HMAC_SIZE:
	case 16 + 2 + MPTCPLB_ADD_ADDR_HMAC_SIZE:
		*has_hmac = true;
		view->address_length = 16;
		break;
	default:
		return MPTCPLB_ERR_MALFORMED;
	}
	/* everything but a port is a multiple of four */
	view->has_port = length % 4 != 0;
	return MPTCPLB_OK;
}

static int parse_add_addr(const struct mptcplb_option_context *context,
			  struct mptcplb_option *option, const uint8_t *bytes, uint8_t length)
{
	struct mptcplb_add_addr *view = &option->add_addr;
	const uint8_t *at = bytes + OPTION_BASE_SIZE;
	bool echo = option->flags & MPTCPLB_ADD_ADDR_E;
	bool has_hmac;
	int error = parse_add_addr_length(view, &has_hmac, length);

	if (error)
		return error;
	if (echo && has_hmac)
		return MPTCPLB_ERR_MALFORMED;
	view->version = echo || has_hmac ? MPTCPLB_VERSION_RFC8684 : MPTCPLB_VERSION_RFC6824;
	if (view->version == MPTCPLB_VERSION_RFC6824 &&
	    option->flags != ip_version(view->address_length))
		return MPTCPLB_ERR_MALFORMED;
	if (!fits_version(context, view->version == MPTCPLB_VERSION_RFC6824))
		return MPTCPLB_ERR_MALFORMED;
	view->address_id = bytes[3];
	view->address = take_bytes(&at, view->address_length);
	if (view->has_port)
		view->port = take16(&at);
	if (has_hmac)
		view->hmac = at;
	return MPTCPLB_OK;
}

static int parse_remove_addr(struct mptcplb_option *option, const uint8_t *bytes, uint8_t length)
{
	option->remove_addr.address_ids = bytes + OPTION_HEAD_SIZE;
	option->remove_addr.count = (uint8_t)(length - OPTION_HEAD_SIZE);
	return option->remove_addr.count ? MPTCPLB_OK : MPTCPLB_ERR_MALFORMED;
}

static int parse_mp_prio(const struct mptcplb_option_context *context,
			 struct mptcplb_option *option, const uint8_t *bytes, uint8_t length)
{
	struct mptcplb_mp_prio *view = &option->mp_prio;

	if (length == OPTION_HEAD_SIZE)
		return MPTCPLB_OK;
	if (length != OPTION_HEAD_SIZE + 1 || !fits_version(context, true))
		return MPTCPLB_ERR_MALFORMED;
	view->has_address_id = true;
	view->address_id = bytes[3];
	return MPTCPLB_OK;
}

static int parse_mp_fail(struct mptcplb_option *option, const uint8_t *bytes, uint8_t length)
{
	const uint8_t *at = bytes + OPTION_BASE_SIZE;

	if (length != OPTION_BASE_SIZE + 8)
		return MPTCPLB_ERR_MALFORMED;
	option->flags = twelve_flags(bytes);
	option->mp_fail.data_sequence_number = take_number(&at, 8);
	return MPTCPLB_OK;
}

static int parse_mp_fastclose(const struct mptcplb_option_context *context,
			      struct mptcplb_option *option, const uint8_t *bytes, uint8_t length)
{
	struct mptcplb_mp_fastclose *view = &option->mp_fastclose;
	bool compact;

	if (length < OPTION_BASE_SIZE || !is_key_length((size_t)length - OPTION_BASE_SIZE))
		return MPTCPLB_ERR_MALFORMED;
	option->flags = twelve_flags(bytes);
	view->receiver_key = bytes + OPTION_BASE_SIZE;
	view->receiver_key_length = (uint8_t)(length - OPTION_BASE_SIZE);
	compact = view->receiver_key_length != MPTCPLB_KEY_SIZE;
	if (known_version(context) && (context->version == MPTCPLB_VERSION_COMPACT) != compact)
		return MPTCPLB_ERR_MALFORMED;
	return MPTCPLB_OK;
}

static int parse_mp_tcprst(struct mptcplb_option *option, const uint8_t *bytes, uint8_t length)
{
	if (length != OPTION_BASE_SIZE)
		return MPTCPLB_ERR_MALFORMED;
	option->mp_tcprst.reason = bytes[3];
	return MPTCPLB_OK;
}

static int parse_subtype(const struct mptcplb_option_context *context,
			 struct mptcplb_option *option, const uint8_t *bytes, uint8_t length)
{
	switch (option->subtype) {
	case MPTCPLB_MP_CAPABLE:
		return option_parse_mp_capable(context, option, bytes, length);
	case MPTCPLB_MP_JOIN:
		return parse_mp_join(option, bytes, length);
	case MPTCPLB_DSS:
		return parse_dss(option, bytes, length);
	case MPTCPLB_ADD_ADDR:
		return parse_add_addr(context, option, bytes, length);
	case MPTCPLB_REMOVE_ADDR:
		return parse_remove_addr(option, bytes, length);
	case MPTCPLB_MP_PRIO:
		return parse_mp_prio(context, option, bytes, length);
	case MPTCPLB_MP_FAIL:
		return parse_mp_fail(option, bytes, length);
	case MPTCPLB_MP_FASTCLOSE:
		return parse_mp_fastclose(context, option, bytes, length);
	case MPTCPLB_MP_TCPRST:
		return parse_mp_tcprst(option, bytes, length);
	default:
		option->raw.bytes = bytes + OPTION_HEAD_SIZE;
		option->raw.length = (uint8_t)(length - OPTION_HEAD_SIZE);
		return MPTCPLB_OK;
	}
}

static bool valid_context(const struct mptcplb_option_context *context)
{
	return !context ||
	       (context->size == sizeof(*context) &&
		(context->version <= 0xf || context->version == MPTCPLB_VERSION_UNKNOWN));
}

int mptcplb_option_parse(const struct mptcplb_option_context *context,
			 struct mptcplb_option *option, const uint8_t *bytes, size_t size)
{
	uint8_t length;
	int error;

	if (!valid_context(context) || (size > 0 && bytes[0] != MPTCPLB_TCPOPT_MPTCP))
		return MPTCPLB_ERR_ARGUMENT;
	if (size < 2)
		return MPTCPLB_ERR_TRUNCATED;
	length = bytes[1];
	if (length < OPTION_HEAD_SIZE || length > MPTCPLB_TCP_OPTIONS_MAX)
		return MPTCPLB_ERR_MALFORMED;
	if (length > size)
		return MPTCPLB_ERR_TRUNCATED;
	memset(option, 0, sizeof(*option));
	option->subtype = bytes[2] >> 4;
	option->flags = bytes[2] & 0xf;
	error = parse_subtype(context, option, bytes, length);
	return error ? error : length;
}
