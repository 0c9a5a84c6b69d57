/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/**
 * @file error.h
 * @brief What can go wrong, as numbers and as text.
 * @defgroup error Errors
 *
 * A function of this library that can fail returns #MPTCPLB_OK (0) or one of the negative values
 * of enum mptcplb_error; each function's comment lists the ones it can return. The values never
 * change their meaning; new ones are added below the last.
 *
 * This header is freestanding: it compiles without a C library, for BPF and in the kernel.
 * @{
 */
#ifndef MPTCPLB_ERROR_H
#define MPTCPLB_ERROR_H

#include <mptcplb/attributes.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Result of a call: 0, or a negative value that says what was wrong. */
enum mptcplb_error {
	/** Fine. */
	MPTCPLB_OK = 0,
	/** An argument is outside what the function's comment allows. */
	MPTCPLB_ERR_ARGUMENT = -1,
	/** The token is 0, which is never generated. */
	MPTCPLB_ERR_TOKEN_ZERO = -2,
	/** The keyring holds no secret for this epoch. */
	MPTCPLB_ERR_EPOCH_UNKNOWN = -3,
	/** The epoch's slot already holds a secret: retire it first. */
	MPTCPLB_ERR_EPOCH_OCCUPIED = -4,
	/** The epoch is the active one and cannot be retired. */
	MPTCPLB_ERR_EPOCH_ACTIVE = -5,
	/** Another epoch has the same secret. */
	MPTCPLB_ERR_SECRET_REUSED = -6,
	/** The server id does not fit into server_id_bits. */
	MPTCPLB_ERR_SERVER_ID_RANGE = -7,
	/** The nonce does not fit into the bits that the server id leaves. */
	MPTCPLB_ERR_NONCE_RANGE = -8,
	/** The key's length is not one that the mode has. */
	MPTCPLB_ERR_KEY_LENGTH = -9,
	/** The secret is all zero bytes: nobody drew it. */
	MPTCPLB_ERR_SECRET_ZERO = -10,
	/** In this mode the key says nothing about the token. */
	MPTCPLB_ERR_KEY_HAS_NO_TOKEN = -11,
	/** The search ended at its limit of tries without a fitting key. */
	MPTCPLB_ERR_TRIES_EXHAUSTED = -12,
	/** The source of randomness failed. */
	MPTCPLB_ERR_RANDOM = -13,
	/** Out of memory. */
	MPTCPLB_ERR_MEMORY = -14,
	/** Nothing is left to hand out: no free nonce, or no key in the pool. */
	MPTCPLB_ERR_EXHAUSTED = -15,
	/** The token is of an id or of a worker that is not ours. */
	MPTCPLB_ERR_NOT_OWNED = -16,
	/** The token's nonce is live or in quarantine. */
	MPTCPLB_ERR_IN_USE = -17,
	/** The token's nonce is not live. */
	MPTCPLB_ERR_NOT_LIVE = -18,
	/** There are fewer bytes than a length or a header asks for. */
	MPTCPLB_ERR_TRUNCATED = -19,
	/** A length or a field is not one that the format has. */
	MPTCPLB_ERR_MALFORMED = -20,
	/** The buffer has no room for the result. */
	MPTCPLB_ERR_BUFFER = -21,
	/** Frames of this link type are not understood. */
	MPTCPLB_ERR_LINK_TYPE = -22,
	/** The frame carries something else than TCP. */
	MPTCPLB_ERR_NOT_TCP = -23,
	/** The packet is a fragment, not the first, so that it has no TCP header. */
	MPTCPLB_ERR_FRAGMENT = -24,
	/** More IP headers than are followed lie one inside the other. */
	MPTCPLB_ERR_NESTED = -25,
};

/**
 * One line of text for an error.
 *
 * @param error  a value of enum mptcplb_error; any other int is allowed.
 * @return a constant string in English, without a full stop or a newline; never NULL. Unknown
 *         values give "unknown error".
 *
 * Thread-safe. Not available to BPF or kernel code.
 */
MPTCPLB_API const char *mptcplb_strerror(int error);

#ifdef __cplusplus
}
#endif

/** @} */
#endif
