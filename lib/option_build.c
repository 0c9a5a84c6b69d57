// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "option_private.h"

/* The third byte: the subtype with four bits. */
static int put_head(struct option_writer *writer, const struct mptcplb_option *option)
{
	if (option->subtype > 0xf || option->flags > 0xf)
		return MPTCPLB_ERR_ARGUMENT;
	put_number(writer, (uint64_t)(option->subtype << 4 | option->flags), 1);
	return MPTCPLB_OK;
}

/* The third byte and a fourth one without a field: the subtype with twelve bits. */
static int put_base(struct option_writer *writer, const struct mptcplb_option *option)
{
	if (option->flags > 0xfff)
		return MPTCPLB_ERR_ARGUMENT;
	put_number(writer, (uint64_t)(option->subtype << 12 | option->flags), 2);
	return MPTCPLB_OK;
}

static int build_mp_join(const struct mptcplb_option *option, struct option_writer *writer)
{
	const struct mptcplb_mp_join *view = &option->mp_join;
	int error;

	if (view->form == MPTCPLB_MP_JOIN_ACK) {
		error = put_base(writer, option);
		put_bytes(writer, view->hmac, MPTCPLB_HMAC_ACK_SIZE);
		return error;
	}
	error = put_head(writer, option);
	put_number(writer, view->address_id, 1);
	if (view->form == MPTCPLB_MP_JOIN_SYN)
		put_number(writer, view->token, TOKEN_SIZE);
	else if (view->form == MPTCPLB_MP_JOIN_SYNACK)
		put_bytes(writer, view->hmac, MPTCPLB_HMAC_SYNACK_SIZE);
	else
		return MPTCPLB_ERR_ARGUMENT;
	put_number(writer, view->random, 4);
	return error;
}

/* A number of DSS that has 8 bytes when a flag is set, else 4. */
static int put_dss_number(struct option_writer *writer, uint64_t number, uint16_t flags,
			  uint16_t flag)
{
	uint8_t size = dss_number_size(flags, flag);

	if (size == 4 && number > UINT32_MAX)
		return MPTCPLB_ERR_ARGUMENT;
	put_number(writer, number, size);
	return MPTCPLB_OK;
}

static int build_dss(const struct mptcplb_option *option, struct option_writer *writer)
{
	const struct mptcplb_dss *view = &option->dss;
	int error = put_base(writer, option);

	if (!error && option->flags & MPTCPLB_DSS_A)
		error = put_dss_number(writer, view->data_ack, option->flags, MPTCPLB_DSS_a);
	if (error || !(option->flags & MPTCPLB_DSS_M))
		return !error && view->has_checksum ? MPTCPLB_ERR_ARGUMENT : error;
	error = put_dss_number(writer, view->data_sequence_number, option->flags, MPTCPLB_DSS_m);
	put_number(writer, view->subflow_sequence_number, 4);
	put_number(writer, view->data_level_length, 2);
	if (view->has_checksum)
		put_number(writer, view->checksum, 2);
	return error;
}

/* Whether flags, version, address and HMAC of an ADD_ADDR go together. */
static bool valid_add_addr(const struct mptcplb_option *option)
{
	const struct mptcplb_add_addr *view = &option->add_addr;

	if (!is_address_length(view->address_length))
		return false;
	if (view->version == MPTCPLB_VERSION_RFC6824)
		return option->flags == ip_version(view->address_length) && !view->hmac;
	return view->version == MPTCPLB_VERSION_RFC8684 &&
	       !(option->flags & MPTCPLB_ADD_ADDR_E) == (view->hmac != NULL);
}

static int build_add_addr(const struct mptcplb_option *option, struct option_writer *writer)
{
	const struct mptcplb_add_addr *view = &option->add_addr;
	int error = put_head(writer, option);

	if (!valid_add_addr(option))
		return MPTCPLB_ERR_ARGUMENT;
	put_number(writer, view->address_id, 1);
	put_bytes(writer, view->address, view->address_length);
	if (view->has_port)
		put_number(writer, view->port, 2);
	if (view->hmac)
		put_bytes(writer, view->hmac, MPTCPLB_ADD_ADDR_HMAC_SIZE);
	return error;
}

static int build_remove_addr(const struct mptcplb_option *option, struct option_writer *writer)
{
	int error = put_head(writer, option);

	put_bytes(writer, option->remove_addr.address_ids, option->remove_addr.count);
	return option->remove_addr.count ? error : MPTCPLB_ERR_ARGUMENT;
}

static int build_mp_prio(const struct mptcplb_option *option, struct option_writer *writer)
{
	int error = put_head(writer, option);

	if (option->mp_prio.has_address_id)
		put_number(writer, option->mp_prio.address_id, 1);
	return error;
}

static int build_mp_fail(const struct mptcplb_option *option, struct option_writer *writer)
{
	int error = put_base(writer, option);

	put_number(writer, option->mp_fail.data_sequence_number, 8);
	return error;
}

static int build_mp_fastclose(const struct mptcplb_option *option, struct option_writer *writer)
{
	const struct mptcplb_mp_fastclose *view = &option->mp_fastclose;
	int error = put_base(writer, option);

	put_bytes(writer, view->receiver_key, view->receiver_key_length);
	return is_key_length(view->receiver_key_length) ? error : MPTCPLB_ERR_ARGUMENT;
}

static int build_mp_tcprst(const struct mptcplb_option *option, struct option_writer *writer)
{
	int error = put_head(writer, option);

	put_number(writer, option->mp_tcprst.reason, 1);
	return error;
}

static int build_raw(const struct mptcplb_option *option, struct option_writer *writer)
{
	int error = put_head(writer, option);

	put_bytes(writer, option->raw.bytes, option->raw.length);
	return error;
}

static int build_subtype(const struct mptcplb_option *option, struct option_writer *writer)
{
	switch (option->subtype) {
	case MPTCPLB_MP_CAPABLE:
		return option_build_mp_capable(option, writer);
	case MPTCPLB_MP_JOIN:
		return build_mp_join(option, writer);
	case MPTCPLB_DSS:
		return build_dss(option, writer);
	case MPTCPLB_ADD_ADDR:
		return build_add_addr(option, writer);
	case MPTCPLB_REMOVE_ADDR:
		return build_remove_addr(option, writer);
	case MPTCPLB_MP_PRIO:
		return build_mp_prio(option, writer);
	case MPTCPLB_MP_FAIL:
		return build_mp_fail(option, writer);
	case MPTCPLB_MP_FASTCLOSE:
		return build_mp_fastclose(option, writer);
	case MPTCPLB_MP_TCPRST:
		return build_mp_tcprst(option, writer);
	default:
		return build_raw(option, writer);
	}
}

int mptcplb_option_build(const struct mptcplb_option *option, uint8_t *buffer, size_t size)
{
	/* kind and length; the length is known at the end */
	struct option_writer writer = { .bytes = { MPTCPLB_TCPOPT_MPTCP }, .length = 2 };
	int error = build_subtype(option, &writer);

	if (error)
		return error;
	if (writer.missing || writer.length > MPTCPLB_TCP_OPTIONS_MAX)
		return MPTCPLB_ERR_ARGUMENT;
	if (writer.length > size)
		return MPTCPLB_ERR_BUFFER;
	writer.bytes[1] = (uint8_t)writer.length;
	memcpy(buffer, writer.bytes, writer.length);
	return (int)writer.length;
}
