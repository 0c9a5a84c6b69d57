// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include <mptcplb/error.h>

const char *mptcplb_strerror(int error)
{
	switch (error) {
	case MPTCPLB_OK:
		return "success";
	case MPTCPLB_ERR_ARGUMENT:
		return "invalid argument";
	case MPTCPLB_ERR_TOKEN_ZERO:
		return "the token is 0, which is never generated";
	case MPTCPLB_ERR_EPOCH_UNKNOWN:
		return "the epoch has no secret";
	case MPTCPLB_ERR_EPOCH_OCCUPIED:
		return "the epoch already has a secret";
	case MPTCPLB_ERR_EPOCH_ACTIVE:
		return "the epoch is the active one";
	case MPTCPLB_ERR_SECRET_REUSED:
		return "another epoch has the same secret";
	case MPTCPLB_ERR_SERVER_ID_RANGE:
		return "the server id does not fit into server_id_bits";
	case MPTCPLB_ERR_NONCE_RANGE:
		return "the nonce does not fit beside the server id";
	case MPTCPLB_ERR_KEY_LENGTH:
		return "the mode has no keys of this length";
	case MPTCPLB_ERR_SECRET_ZERO:
		return "the secret is all zero";
	case MPTCPLB_ERR_KEY_HAS_NO_TOKEN:
		return "in this mode the key says nothing about the token";
	case MPTCPLB_ERR_TRIES_EXHAUSTED:
		return "no fitting key was found within the limit of tries";
	case MPTCPLB_ERR_RANDOM:
		return "no random bytes were to be had";
	case MPTCPLB_ERR_MEMORY:
		return "out of memory";
	case MPTCPLB_ERR_EXHAUSTED:
		return "nothing is left to hand out";
	case MPTCPLB_ERR_NOT_OWNED:
		return "the token is another server's or another worker's";
	case MPTCPLB_ERR_IN_USE:
		return "the token's nonce is in use";
	case MPTCPLB_ERR_NOT_LIVE:
		return "the token's nonce is not live";
	case MPTCPLB_ERR_TRUNCATED:
		return "fewer bytes than there should be";
	case MPTCPLB_ERR_MALFORMED:
		return "a length or a field that the format does not have";
	case MPTCPLB_ERR_BUFFER:
		return "the buffer is too small";
	case MPTCPLB_ERR_LINK_TYPE:
		return "unknown link type";
	case MPTCPLB_ERR_NOT_TCP:
		return "not TCP";
	case MPTCPLB_ERR_FRAGMENT:
		return "a fragment that is not the first";
	case MPTCPLB_ERR_NESTED:
		return "too many IP headers inside each other";
	default:
		return "unknown error";
	}
}
