// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include <mptcplb/option.h>

int mptcplb_option_next(struct mptcplb_option_iterator *iterator, struct mptcplb_tcp_option *option)
{
	const uint8_t *bytes;
	uint8_t length = 1;
	size_t left;

	if (iterator->size != sizeof(*iterator))
		return MPTCPLB_ERR_ARGUMENT;
	if (iterator->offset >= iterator->length)
		return 0;
	bytes = iterator->bytes + iterator->offset;
	left = iterator->length - iterator->offset;
	if (bytes[0] == MPTCPLB_TCPOPT_EOL)
		return 0;
	if (bytes[0] != MPTCPLB_TCPOPT_NOP) {
		if (left < 2)
			return MPTCPLB_ERR_TRUNCATED;
		length = bytes[1];
		if (length < 2)
			return MPTCPLB_ERR_MALFORMED;
		if (length > left)
			return MPTCPLB_ERR_TRUNCATED;
	}
	option->bytes = bytes;
	option->kind = bytes[0];
	option->length = length;
	iterator->offset += length;
	return 1;
}

const char *mptcplb_option_subtype_name(uint8_t subtype)
{
	switch (subtype) {
	case MPTCPLB_MP_CAPABLE:
		return "MP_CAPABLE";
	case MPTCPLB_MP_JOIN:
		return "MP_JOIN";
	case MPTCPLB_DSS:
		return "DSS";
	case MPTCPLB_ADD_ADDR:
		return "ADD_ADDR";
	case MPTCPLB_REMOVE_ADDR:
		return "REMOVE_ADDR";
	case MPTCPLB_MP_PRIO:
		return "MP_PRIO";
	case MPTCPLB_MP_FAIL:
		return "MP_FAIL";
	case MPTCPLB_MP_FASTCLOSE:
		return "MP_FASTCLOSE";
	case MPTCPLB_MP_TCPRST:
		return "MP_TCPRST";
	case MPTCPLB_MP_EXPERIMENTAL:
		return "MP_EXPERIMENTAL";
	default:
		return NULL;
	}
}
