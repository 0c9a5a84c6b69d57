// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "quic_lb.h"

#ifdef QUIC_LB_AES_NI

#include <immintrin.h>
#include <string.h>

#define HALF (QUIC_LB_SIZE / 2)
#define PASSES 4
#define ROUNDS 10

#define FOR_AES_NI __attribute__((target("aes,sse4.1")))

FOR_AES_NI static inline __m128i next_key(__m128i key, __m128i assist)
{
	for (int i = 0; i < 3; i++)
		key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
	return _mm_xor_si128(key, _mm_shuffle_epi32(assist, 0xff));
}

/* FIPS 197, section 5.2. The instruction takes constants alone, so there is no loop. */
FOR_AES_NI static void expand(__m128i keys[ROUNDS + 1], const uint8_t key[QUIC_LB_KEY_SIZE])
{
	keys[0] = _mm_loadu_si128((const __m128i *)key);
#define NEXT(i, constant) \
	(keys[i] = next_key(keys[(i)-1], _mm_aeskeygenassist_si128(keys[(i)-1], constant)))
	NEXT(1, 0x01);
	NEXT(2, 0x02);
	NEXT(3, 0x04);
	NEXT(4, 0x08);
	NEXT(5, 0x10);
	NEXT(6, 0x20);
	NEXT(7, 0x40);
	NEXT(8, 0x80);
	NEXT(9, 0x1b);
	NEXT(10, 0x36);
}

/* The leading bytes of AES over a half, the size and the number of a pass. */
FOR_AES_NI static inline uint32_t pass(const __m128i keys[ROUNDS + 1], uint32_t half, int number)
{
	__m128i block = _mm_setr_epi32((int)half, 0, 0, QUIC_LB_SIZE << 16 | number << 24);

	block = _mm_xor_si128(block, keys[0]);
	for (int i = 1; i < ROUNDS; i++)
		block = _mm_aesenc_si128(block, keys[i]);
	return (uint32_t)_mm_cvtsi128_si32(_mm_aesenclast_si128(block, keys[ROUNDS]));
}

FOR_AES_NI void quic_lb_aes_ni_decrypt(const uint8_t key[QUIC_LB_KEY_SIZE],
				       uint8_t (*ids)[QUIC_LB_SIZE], size_t count)
{
	__m128i keys[ROUNDS + 1];

	expand(keys, key);
	for (size_t i = 0; i < count; i++) {
		uint32_t left, right;

		memcpy(&left, ids[i], HALF);
		memcpy(&right, ids[i] + HALF, HALF);
		for (int number = PASSES; number > 0; number -= 2) {
			left ^= pass(keys, right, number);
			right ^= pass(keys, left, number - 1);
		}
		memcpy(ids[i], &left, HALF);
		memcpy(ids[i] + HALF, &right, HALF);
	}
}

#endif
