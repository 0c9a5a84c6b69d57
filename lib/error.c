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
	case MPTCPLB_ERR_KEY_ZERO:
		return "the key is all zero";
	case MPTCPLB_ERR_KEY_HAS_NO_TOKEN:
		return "in this mode the key says nothing about the token";
	case MPTCPLB_ERR_TRIES_EXHAUSTED:
		return "no fitting key was found within the limit of tries";
	case MPTCPLB_ERR_RANDOM:
		return "no random bytes were to be had";
	case MPTCPLB_ERR_MEMORY:
		return "out of memory";
	default:
		return "unknown error";
	}
}
