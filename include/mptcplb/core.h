/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/**
 * @file core.h
 * @brief What a packet path needs: decode a token, find the MP_JOIN of a SYN.
 * @defgroup core Packet path
 *
 * Freestanding, static inline C11: no C library, no allocation, no lock, no global state. The
 * same file compiles for user space (C and C++), for BPF and in the Linux kernel; there is no
 * second copy of the cipher, of a layout or of a constant. It includes error.h and attributes.h
 * beside it, and <stdint.h>, unless vmlinux.h came first. For BPF, where -ffreestanding keeps
 * <stdint.h> from the headers of the C library:
 *
 *     clang -target bpf -mcpu=v3 -O2 -g -ffreestanding -I include -c program.bpf.c
 *
 * (<linux/bpf.h> also needs -I /usr/include/$(gcc -print-multiarch) on Debian.)
 * examples/minimal/joins.bpf.c is an XDP program that uses it.
 *
 * Contract of every function here
 * - Pointers are non-NULL and never retained.
 * - Arguments go: what is read as context, then what is written, then what is read.
 * - Nothing is shared: calls from many threads are fine as long as nobody writes what they read.
 * - Running time and memory accesses depend on epoch_bits and on which epoch a token names, never
 *   on the bits of a secret, and no table is indexed by a secret value.
 *
 * A decoded server id is a routing hint, not an authentication: anybody can send a join with any
 * token, and most of them decode to some id. The server must still look the token up and check
 * the HMAC of the join (RFC 8684, section 3.2).
 *
 * The token format is specified in docs/token-format.md.
 * @{
 */
#ifndef MPTCPLB_CORE_H
#define MPTCPLB_CORE_H

#if defined(__KERNEL__)
#include <linux/types.h>
#elif !defined(__VMLINUX_H__)
#include <stdint.h>
#endif

#include <mptcplb/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Length in bytes of the secret Y that servers and balancers share. */
#define MPTCPLB_SECRET_SIZE 16
/** Largest epoch_bits: the number of top bits of a token that name the epoch. */
#define MPTCPLB_EPOCH_BITS_MAX 2
/** How many epochs, and so secrets, a keyring can hold at once. */
#define MPTCPLB_EPOCHS_MAX (1 << MPTCPLB_EPOCH_BITS_MAX)
/** Smallest server_id_bits. */
#define MPTCPLB_SERVER_ID_BITS_MIN 1
/** Largest server_id_bits. */
#define MPTCPLB_SERVER_ID_BITS_MAX 24
/** Bits of a token. */
#define MPTCPLB_TOKEN_BITS 32
/** Feistel rounds of the token cipher. */
#define MPTCPLB_CIPHER_ROUNDS 10

/** Largest length in bytes of a TCP header's options. */
#define MPTCPLB_TCP_OPTIONS_MAX 40
/** TCP option kind: end of the option list. */
#define MPTCPLB_TCPOPT_EOL 0
/** TCP option kind: padding of one byte. */
#define MPTCPLB_TCPOPT_NOP 1
/** TCP option kind of Multipath TCP (RFC 8684, section 3). */
#define MPTCPLB_TCPOPT_MPTCP 30
/** Subtype of MP_CAPABLE (RFC 8684, section 3.1). */
#define MPTCPLB_MP_CAPABLE 0
/** Subtype of MP_JOIN (RFC 8684, section 3.2). */
#define MPTCPLB_MP_JOIN 1
/** Length in bytes of the MP_JOIN option of a SYN. */
#define MPTCPLB_MP_JOIN_SYN_SIZE 12

/** Marks functions that must be inlined: BPF has no other way, and packet paths want none. */
#define MPTCPLB_CORE_INLINE static inline __attribute__((always_inline, unused))

/**
 * A secret Y made ready: its 16 bytes as two little-endian integers, the form that SipHash takes
 * a key in (bytes 0 to 7 and 8 to 15).
 */
struct mptcplb_core_secret {
	uint64_t k0; /**< bytes 0 to 7 of Y, little-endian */
	uint64_t k1; /**< bytes 8 to 15 of Y, little-endian */
};

/**
 * The parameters of a farm's tokens and up to four secrets. Filled by the functions of keyring.h
 * and read-only after that. It has no pointers and a fixed layout, so that it can be the value of
 * a BPF map; it holds secrets, so wipe it (mptcplb_keyring_wipe()) when it is no longer needed.
 */
struct mptcplb_keyring {
	uint8_t epoch_bits; /**< e: 0 to MPTCPLB_EPOCH_BITS_MAX */
	uint8_t server_id_bits; /**< b: 1 to MPTCPLB_SERVER_ID_BITS_MAX */
	uint8_t present; /**< bit i is set when epoch i has a secret */
	uint8_t active; /**< the epoch that new tokens are minted in */
	uint8_t reserved[4]; /**< zero */
	struct mptcplb_core_secret secrets[MPTCPLB_EPOCHS_MAX]; /**< by epoch */
};

/** What a token says. */
struct mptcplb_token_parts {
	uint32_t epoch; /**< which secret encrypted it */
	uint32_t server_id; /**< top server_id_bits of X: whose token it is */
	uint32_t nonce; /**< the rest of X (not the MP_JOIN nonce, which is a random number) */
};

/** Read a secret's bytes into the form that the cipher takes. */
MPTCPLB_CORE_INLINE void mptcplb_core_secret_load(struct mptcplb_core_secret *secret,
						  const uint8_t bytes[MPTCPLB_SECRET_SIZE])
{
	int i;

	secret->k0 = 0;
	secret->k1 = 0;
	for (i = 0; i < 8; i++) {
		secret->k0 |= (uint64_t)bytes[i] << (8 * i);
		secret->k1 |= (uint64_t)bytes[8 + i] << (8 * i);
	}
}

/** Rotate a 64-bit integer left by 1 to 63 bits. */
MPTCPLB_CORE_INLINE uint64_t mptcplb_core_rotl(uint64_t x, unsigned int n)
{
	return x << n | x >> (64 - n);
}

/**
 * The half of a SipRound (Aumasson and Bernstein, "SipHash: a fast short-input PRF", section 2)
 * that only v0 and v1 have a part in.
 */
MPTCPLB_CORE_INLINE void mptcplb_core_sipround_left(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = mptcplb_core_rotl(v[1], 13);
	v[1] ^= v[0];
	v[0] = mptcplb_core_rotl(v[0], 32);
}

/** The rest of that SipRound. */
MPTCPLB_CORE_INLINE void mptcplb_core_sipround_rest(uint64_t v[4])
{
	v[2] += v[3];
	v[3] = mptcplb_core_rotl(v[3], 16);
	v[3] ^= v[2];

	v[2] += v[1];
	v[1] = mptcplb_core_rotl(v[1], 17);
	v[1] ^= v[2];
	v[2] = mptcplb_core_rotl(v[2], 32);

	v[0] += v[3];
	v[3] = mptcplb_core_rotl(v[3], 21);
	v[3] ^= v[0];
}

/** One SipRound. */
MPTCPLB_CORE_INLINE void mptcplb_core_sipround(uint64_t v[4])
{
	mptcplb_core_sipround_left(v);
	mptcplb_core_sipround_rest(v);
}

/**
 * How far SipHash gets with the key alone, when the message is one block: its first state, and in
 * it the left half of the first SipRound, which the block does not reach.
 */
struct mptcplb_core_sip {
	uint64_t v0; /**< after the left half */
	uint64_t v1; /**< after the left half */
	uint64_t v2; /**< of the first state */
	uint64_t v3; /**< of the first state, without the block */
};

/** Start SipHash with a key. */
MPTCPLB_CORE_INLINE struct mptcplb_core_sip
mptcplb_core_sip_start(const struct mptcplb_core_secret *secret)
{
	struct mptcplb_core_sip sip;
	uint64_t v[4] = {
		secret->k0 ^ 0x736f6d6570736575ULL,
		secret->k1 ^ 0x646f72616e646f6dULL,
		secret->k0 ^ 0x6c7967656e657261ULL,
		secret->k1 ^ 0x7465646279746573ULL,
	};

	mptcplb_core_sipround_left(v);
	sip.v0 = v[0];
	sip.v1 = v[1];
	sip.v2 = v[2];
	sip.v3 = v[3];
	return sip;
}

/**
 * SipHash-2-4 of a message of one block, which is @p early xor @p late: what comes early does not
 * wait for what comes late.
 *
 * @param sip    the key, as mptcplb_core_sip_start() made it ready.
 * @param early  part of the block.
 * @param late   part of the block.
 * @return the 64-bit output, read little-endian.
 */
MPTCPLB_CORE_INLINE uint64_t mptcplb_core_sip_finish(const struct mptcplb_core_sip *sip,
						     uint64_t early, uint64_t late)
{
	uint64_t v[4] = { sip->v0, sip->v1, sip->v2, (sip->v3 ^ early) ^ late };

	mptcplb_core_sipround_rest(v);
	mptcplb_core_sipround(v);
	v[0] ^= early ^ late;
	v[2] ^= 0xff;
	mptcplb_core_sipround(v);
	mptcplb_core_sipround(v);
	mptcplb_core_sipround(v);
	mptcplb_core_sipround(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/**
 * The block of a message of four bytes, which fit the one block that ends every message: its top
 * byte is the length.
 *
 * @param message  the four bytes as one integer, the first in the low bits.
 */
MPTCPLB_CORE_INLINE uint64_t mptcplb_core_sip_block(uint32_t message)
{
	return (uint64_t)4 << 56 | message;
}

/**
 * SipHash-2-4 of a message of four bytes.
 *
 * @param secret   the key.
 * @param message  the four bytes as one integer, the first in the low bits.
 * @return the 64-bit output, read little-endian.
 */
MPTCPLB_CORE_INLINE uint64_t mptcplb_core_siphash(const struct mptcplb_core_secret *secret,
						  uint32_t message)
{
	const struct mptcplb_core_sip sip = mptcplb_core_sip_start(secret);

	return mptcplb_core_sip_finish(&sip, mptcplb_core_sip_block(message), 0);
}

/**
 * The two halves of an integer of some width, each in the block that the round function hashes it
 * in: a block of the message (round, width, x), where round is 0 and x is the half.
 */
struct mptcplb_core_halves {
	uint64_t a; /**< block with the left half */
	uint64_t b; /**< block with the right half */
};

/** Where in a block the half is: in the upper 16 bits of the message. */
#define MPTCPLB_CORE_HALF_SHIFT 16

/** How many bits the right half of an integer of @p width bits has; the left one has the rest. */
MPTCPLB_CORE_INLINE uint32_t mptcplb_core_right_bits(uint32_t width)
{
	return width - width / 2;
}

/** All ones in a left half. */
MPTCPLB_CORE_INLINE uint32_t mptcplb_core_left_mask(uint32_t width)
{
	return (1U << (width / 2)) - 1;
}

/** All ones in a right half. */
MPTCPLB_CORE_INLINE uint32_t mptcplb_core_right_mask(uint32_t width)
{
	return (1U << mptcplb_core_right_bits(width)) - 1;
}

/** Split an integer of @p width bits. */
MPTCPLB_CORE_INLINE struct mptcplb_core_halves mptcplb_core_split(uint32_t width, uint32_t x)
{
	uint32_t a = x >> mptcplb_core_right_bits(width);
	uint32_t b = x & mptcplb_core_right_mask(width);
	struct mptcplb_core_halves halves;

	halves.a = mptcplb_core_sip_block(width << 8 | a << MPTCPLB_CORE_HALF_SHIFT);
	halves.b = mptcplb_core_sip_block(width << 8 | b << MPTCPLB_CORE_HALF_SHIFT);
	return halves;
}

/** Put the halves of an integer of @p width bits together again. */
MPTCPLB_CORE_INLINE uint32_t mptcplb_core_join(uint32_t width, uint64_t a, uint64_t b)
{
	return (uint32_t)a >> MPTCPLB_CORE_HALF_SHIFT << mptcplb_core_right_bits(width) |
	       (uint32_t)b >> MPTCPLB_CORE_HALF_SHIFT;
}

/**
 * The round function F of the cipher: those bits of SipHash over (round, width, x) that @p mask
 * has, where a block has its half. The block is early xor late.
 */
MPTCPLB_CORE_INLINE uint64_t mptcplb_core_feistel_f(const struct mptcplb_core_sip *sip,
						    uint64_t early, uint64_t late, uint64_t mask)
{
	return (mptcplb_core_sip_finish(sip, early, late) & mask) << MPTCPLB_CORE_HALF_SHIFT;
}

/** Unroll the cipher's loop: faster, but a BPF program is better short. */
#ifdef __bpf__
#define MPTCPLB_CORE_UNROLL
#else
#define MPTCPLB_CORE_UNROLL _Pragma("GCC unroll 10")
#endif

/**
 * E: encrypt an integer of @p width bits.
 *
 * @param secret  the secret Y.
 * @param width   w, 30 to 32.
 * @param x       the integer X, below 2^width.
 * @return E(Y, w, X), below 2^width. For one secret and width it is a permutation.
 *
 * What a round xors into a half goes into the next round as the late part of its block: the rounds
 * are one long chain, which is shorter that way.
 */
MPTCPLB_CORE_INLINE uint32_t mptcplb_core_encrypt(const struct mptcplb_core_secret *secret,
						  uint32_t width, uint32_t x)
{
	const struct mptcplb_core_sip sip = mptcplb_core_sip_start(secret);
	uint64_t mask_a = mptcplb_core_left_mask(width);
	uint64_t mask_b = mptcplb_core_right_mask(width);
	struct mptcplb_core_halves halves = mptcplb_core_split(width, x);
	uint64_t to_a, to_b = 0;
	uint32_t i;

	MPTCPLB_CORE_UNROLL
	for (i = 0; i < MPTCPLB_CIPHER_ROUNDS; i += 2) {
		to_a = mptcplb_core_feistel_f(&sip, halves.b ^ i, to_b, mask_a);
		halves.b ^= to_b;
		to_b = mptcplb_core_feistel_f(&sip, halves.a ^ (i + 1), to_a, mask_b);
		halves.a ^= to_a;
	}
	return mptcplb_core_join(width, halves.a, halves.b ^ to_b);
}

/** D: the inverse of mptcplb_core_encrypt(), with the same arguments. */
MPTCPLB_CORE_INLINE uint32_t mptcplb_core_decrypt(const struct mptcplb_core_secret *secret,
						  uint32_t width, uint32_t x)
{
	const struct mptcplb_core_sip sip = mptcplb_core_sip_start(secret);
	uint64_t mask_a = mptcplb_core_left_mask(width);
	uint64_t mask_b = mptcplb_core_right_mask(width);
	struct mptcplb_core_halves halves = mptcplb_core_split(width, x);
	uint64_t to_a = 0, to_b;
	uint32_t i;

	MPTCPLB_CORE_UNROLL
	for (i = MPTCPLB_CIPHER_ROUNDS; i > 0; i -= 2) {
		to_b = mptcplb_core_feistel_f(&sip, halves.a ^ (i - 1), to_a, mask_b);
		halves.a ^= to_a;
		to_a = mptcplb_core_feistel_f(&sip, halves.b ^ (i - 2), to_b, mask_a);
		halves.b ^= to_b;
	}
	return mptcplb_core_join(width, halves.a ^ to_a, halves.b);
}

/** The epoch that a token names. */
MPTCPLB_CORE_INLINE uint32_t mptcplb_core_token_epoch(const struct mptcplb_keyring *keyring,
						      uint32_t token)
{
	return (uint32_t)((uint64_t)token >> (MPTCPLB_TOKEN_BITS - keyring->epoch_bits)) &
	       (MPTCPLB_EPOCHS_MAX - 1);
}

/** The part of a token below its epoch: the integer X, encrypted. */
MPTCPLB_CORE_INLINE uint32_t mptcplb_core_token_rest(const struct mptcplb_keyring *keyring,
						     uint32_t token)
{
	return token & (0xffffffffU >> keyring->epoch_bits);
}

/** How many bits of the integer X are the nonce: those below the server id. */
MPTCPLB_CORE_INLINE uint32_t mptcplb_core_nonce_bits(const struct mptcplb_keyring *keyring)
{
	uint32_t width = MPTCPLB_TOKEN_BITS - keyring->epoch_bits;

	return width - keyring->server_id_bits;
}

/** Split the integer X of a token of @p epoch into server id and nonce. */
MPTCPLB_CORE_INLINE void mptcplb_core_token_split(struct mptcplb_token_parts *parts, uint32_t epoch,
						  uint32_t x, uint32_t nonce_bits)
{
	parts->epoch = epoch;
	parts->server_id = x >> nonce_bits;
	parts->nonce = x & ((1U << nonce_bits) - 1);
}

/**
 * Whether a token can be decoded.
 *
 * @param keyring  parameters and secrets.
 * @param token    the token in host byte order.
 * @retval MPTCPLB_OK
 * @retval MPTCPLB_ERR_TOKEN_ZERO     the token is 0.
 * @retval MPTCPLB_ERR_EPOCH_UNKNOWN  its epoch has no secret in the keyring.
 */
MPTCPLB_CORE_INLINE int mptcplb_core_token_check(const struct mptcplb_keyring *keyring,
						 uint32_t token)
{
	int known = keyring->present >> mptcplb_core_token_epoch(keyring, token) & 1;

	if (token == 0)
		return MPTCPLB_ERR_TOKEN_ZERO;
	if (!known)
		return MPTCPLB_ERR_EPOCH_UNKNOWN;
	return MPTCPLB_OK;
}

/**
 * Decode a token.
 *
 * @param keyring     parameters and secrets.
 * @param[out] parts  what the token says; untouched on error.
 * @param token       the token in host byte order.
 * @return as mptcplb_core_token_check().
 *
 * Source: docs/token-format.md, "Decoding".
 */
MPTCPLB_CORE_INLINE int mptcplb_core_token_decode(const struct mptcplb_keyring *keyring,
						  struct mptcplb_token_parts *parts, uint32_t token)
{
	uint32_t epoch = mptcplb_core_token_epoch(keyring, token);
	int error = mptcplb_core_token_check(keyring, token);
	uint32_t x;

	if (error)
		return error;
	x = mptcplb_core_decrypt(&keyring->secrets[epoch], MPTCPLB_TOKEN_BITS - keyring->epoch_bits,
				 mptcplb_core_token_rest(keyring, token));
	mptcplb_core_token_split(parts, epoch, x, mptcplb_core_nonce_bits(keyring));
	return MPTCPLB_OK;
}

/** The SYN carries MP_CAPABLE. */
#define MPTCPLB_SYN_CAPABLE 1
/** The SYN carries an MP_JOIN of the SYN's form. */
#define MPTCPLB_SYN_JOIN 2
/** The option list is broken: a length below 2, or one that runs past the end. */
#define MPTCPLB_SYN_MALFORMED 4

/**
 * What a walk over the options of a SYN has seen. Set it to zero before the first step.
 *
 * As in the Linux stack, what was found before a broken option is kept, the last MP_JOIN counts,
 * and an MP_JOIN of another length than a SYN's is passed over. Unlike there, every MP_CAPABLE
 * counts: Linux passes over one of version 0, of another length than a SYN's 4, without flag H or
 * with flag B.
 */
struct mptcplb_core_syn {
	uint32_t offset; /**< of the next option, in bytes */
	uint32_t seen; /**< MPTCPLB_SYN_* */
	uint32_t token; /**< the receiver's token, host byte order; with MPTCPLB_SYN_JOIN */
	uint32_t random; /**< the sender's random number, host byte order */
	uint8_t address_id; /**< of the sender's address */
	uint8_t backup; /**< 1 when the B flag is set */
	uint8_t reserved[2]; /**< zero */
};

/** Room that a BPF program gives the options, so that the verifier sees every read in bounds. */
#define MPTCPLB_SYN_BUFFER_SIZE (MPTCPLB_TCP_OPTIONS_MAX + MPTCPLB_MP_JOIN_SYN_SIZE)

/** Read a 32-bit big-endian integer. */
MPTCPLB_CORE_INLINE uint32_t mptcplb_core_be32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

/**
 * Look at one option of a SYN: the body of a loop, or the callback of bpf_loop(), that ends after
 * at most MPTCPLB_TCP_OPTIONS_MAX steps.
 *
 * @param[in,out] syn  where the walk is and what it has seen.
 * @param options      the bytes behind the TCP header's first 20. Nothing at or behind @p length
 *                     is read; a BPF program still declares MPTCPLB_SYN_BUFFER_SIZE bytes.
 * @param length       of the options in bytes; more than MPTCPLB_TCP_OPTIONS_MAX is cut.
 * @return 0 to go on, 1 when the walk is over.
 */
MPTCPLB_CORE_INLINE int mptcplb_core_syn_step(struct mptcplb_core_syn *syn, const uint8_t *options,
					      uint32_t length)
{
	uint32_t offset = syn->offset;
	const uint8_t *option;
	uint32_t size;

	if (length > MPTCPLB_TCP_OPTIONS_MAX)
		length = MPTCPLB_TCP_OPTIONS_MAX;
	/* the second comparison is for the BPF verifier */
	if (offset >= length || offset >= MPTCPLB_TCP_OPTIONS_MAX)
		return 1;
	option = options + offset;
	if (option[0] == MPTCPLB_TCPOPT_EOL)
		return 1;
	if (option[0] == MPTCPLB_TCPOPT_NOP) {
		syn->offset = offset + 1;
		return 0;
	}
	if (offset + 2 > length)
		goto malformed;
	size = option[1];
	if (size < 2 || offset + size > length)
		goto malformed;
	syn->offset = offset + size;
	if (option[0] != MPTCPLB_TCPOPT_MPTCP || size < 3)
		return 0;
	if (option[2] >> 4 == MPTCPLB_MP_CAPABLE)
		syn->seen |= MPTCPLB_SYN_CAPABLE;
	if (option[2] >> 4 == MPTCPLB_MP_JOIN && size == MPTCPLB_MP_JOIN_SYN_SIZE) {
		syn->seen |= MPTCPLB_SYN_JOIN;
		syn->backup = option[2] & 1;
		syn->address_id = option[3];
		syn->token = mptcplb_core_be32(option + 4);
		syn->random = mptcplb_core_be32(option + 8);
	}
	return 0;

malformed:
	syn->seen |= MPTCPLB_SYN_MALFORMED;
	return 1;
}

/**
 * Whether a SYN is a join. One with MP_CAPABLE beside MP_JOIN is not: no stack sends it, and Linux
 * answers it with plain TCP if it takes the MP_CAPABLE (see struct mptcplb_core_syn).
 */
MPTCPLB_CORE_INLINE int mptcplb_core_syn_is_join(const struct mptcplb_core_syn *syn)
{
	return (syn->seen & (MPTCPLB_SYN_JOIN | MPTCPLB_SYN_CAPABLE)) == MPTCPLB_SYN_JOIN;
}

/**
 * Walk the options of a SYN and say whether it is a join. In user space and in the kernel: in BPF
 * the verifier follows each way through the loop and gives up, so there mptcplb_core_syn_step()
 * is called by bpf_loop(), and mptcplb_core_syn_is_join() asked after it.
 *
 * @param[out] syn  what was seen; the token is valid when the result is 1.
 * @param options   @p length bytes.
 * @param length    more than MPTCPLB_TCP_OPTIONS_MAX is cut.
 * @return 1 when the SYN is a join, else 0.
 */
MPTCPLB_CORE_INLINE int mptcplb_core_find_join(struct mptcplb_core_syn *syn, const uint8_t *options,
					       uint32_t length)
{
	const struct mptcplb_core_syn start = { 0, 0, 0, 0, 0, 0, { 0, 0 } };
	int i;

	*syn = start;
	for (i = 0; i < MPTCPLB_TCP_OPTIONS_MAX; i++) {
		if (mptcplb_core_syn_step(syn, options, length))
			break;
	}
	return mptcplb_core_syn_is_join(syn);
}

#ifdef __cplusplus
}
#endif

/** @} */
#endif
