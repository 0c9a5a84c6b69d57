/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The token of a key of eight bytes in mode rfc8684: the top 32 bits of its SHA-256 (FIPS 180-4).
 *
 * Written without branches and tables that depend on data, and with every loop unrolled, so that
 * a compiler can run it on all lanes of a vector: see lanes_inline.h. Elsewhere SHA-256 is
 * libsodium's, which takes one message at a time.
 */
#ifndef MPTCPLB_LIB_KEY_TOKEN_H
#define MPTCPLB_LIB_KEY_TOKEN_H

#include <stdint.h>

#include <mptcplb/key.h>

#define KEY_TOKEN_INLINE static inline __attribute__((always_inline))

#define SHA256_ROUNDS 64
#define SHA256_BLOCK_WORDS 16
#define SHA256_STATE_WORDS 8

/* FIPS 180-4, section 5.3.3. */
static const uint32_t sha256_start[SHA256_STATE_WORDS] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
	0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

/* FIPS 180-4, section 4.2.2. */
static const uint32_t sha256_k[SHA256_ROUNDS] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

/* Behind a key of eight bytes its one block has a 1 bit, zeros, and the length in bits. */
#define SHA256_KEY_PADDING 0x80000000
#define SHA256_KEY_BITS (8 * MPTCPLB_KEY_SIZE)

KEY_TOKEN_INLINE uint32_t sha256_rotr(uint32_t x, unsigned int n)
{
	return x >> n | x << (32 - n);
}

/* Word i of the message schedule, from the 16 words before it, which are kept in a ring. */
KEY_TOKEN_INLINE uint32_t sha256_schedule(const uint32_t ring[SHA256_BLOCK_WORDS], unsigned int i)
{
	uint32_t w15 = ring[(i - 15) % SHA256_BLOCK_WORDS];
	uint32_t w2 = ring[(i - 2) % SHA256_BLOCK_WORDS];

	return ring[(i - 16) % SHA256_BLOCK_WORDS] + ring[(i - 7) % SHA256_BLOCK_WORDS] +
	       (sha256_rotr(w15, 7) ^ sha256_rotr(w15, 18) ^ w15 >> 3) +
	       (sha256_rotr(w2, 17) ^ sha256_rotr(w2, 19) ^ w2 >> 10);
}

/* One round, which consumes the sum of a round constant and a word of the schedule. */
KEY_TOKEN_INLINE void sha256_round(uint32_t s[SHA256_STATE_WORDS], uint32_t k_and_w)
{
	uint32_t ch = s[6] ^ (s[4] & (s[5] ^ s[6]));
	uint32_t maj = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
	uint32_t sum0 = sha256_rotr(s[0], 2) ^ sha256_rotr(s[0], 13) ^ sha256_rotr(s[0], 22);
	uint32_t sum1 = sha256_rotr(s[4], 6) ^ sha256_rotr(s[4], 11) ^ sha256_rotr(s[4], 25);
	uint32_t t = s[7] + sum1 + ch + k_and_w;

	s[7] = s[6];
	s[6] = s[5];
	s[5] = s[4];
	s[4] = s[3] + t;
	s[3] = s[2];
	s[2] = s[1];
	s[1] = s[0];
	s[0] = t + sum0 + maj;
}

/* A BPF program has 512 bytes of stack, which the values between unrolled rounds would fill. */
#ifdef __bpf__
#define KEY_TOKEN_LOOP _Pragma("clang loop unroll(disable)")
#else
#define KEY_TOKEN_LOOP _Pragma("GCC unroll 64")
#endif

/* The token of a key that is given as two big-endian integers. */
KEY_TOKEN_INLINE uint32_t key_token(uint32_t high, uint32_t low)
{
	uint32_t ring[SHA256_BLOCK_WORDS] = {
		[0] = high,
		[1] = low,
		[2] = SHA256_KEY_PADDING,
		[SHA256_BLOCK_WORDS - 1] = SHA256_KEY_BITS,
	};
	uint32_t state[SHA256_STATE_WORDS] = {
		sha256_start[0], sha256_start[1], sha256_start[2], sha256_start[3],
		sha256_start[4], sha256_start[5], sha256_start[6], sha256_start[7],
	};

KEY_TOKEN_LOOP
	for (unsigned int i = 0; i < SHA256_ROUNDS; i++) {
		if (i >= SHA256_BLOCK_WORDS)
			ring[i % SHA256_BLOCK_WORDS] = sha256_schedule(ring, i);
		sha256_round(state, sha256_k[i] + ring[i % SHA256_BLOCK_WORDS]);
	}
	return state[0] + sha256_start[0];
}

#endif
