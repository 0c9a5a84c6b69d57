// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The variants for x86: the shared hot path, compiled for AVX-512 and AVX2, and SHA-NI. */
#include "lanes_private.h"

#if LANES_X86

#include <cpuid.h>
#include <immintrin.h>

#include "lanes_inline.h"

#define FOR_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#define FOR_AVX2 __attribute__((target("avx2")))
#define FOR_SHA_NI __attribute__((target("sha,sse4.1")))

static int has_avx512(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

static int has_avx2(void)
{
	return __builtin_cpu_supports("avx2");
}

static int has_avx2_and_sha_ni(void)
{
	unsigned int eax, ebx, ecx, edx;

	/* not every compiler's __builtin_cpu_supports() knows this one */
	return has_avx2() && __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ebx & bit_SHA);
}

FOR_AVX512 static void key_tokens_avx512(uint32_t *tokens, const uint8_t (*keys)[MPTCPLB_KEY_SIZE],
					 size_t count)
{
	lanes_key_tokens(tokens, keys, count);
}

FOR_AVX512 static size_t decode_avx512(const struct mptcplb_keyring *keyring,
				       struct mptcplb_token_parts *parts, int *errors,
				       const uint32_t *tokens, size_t count)
{
	return lanes_decode(keyring, parts, errors, tokens, count);
}

FOR_AVX2 static void key_tokens_avx2(uint32_t *tokens, const uint8_t (*keys)[MPTCPLB_KEY_SIZE],
				     size_t count)
{
	lanes_key_tokens(tokens, keys, count);
}

FOR_AVX2 static size_t decode_avx2(const struct mptcplb_keyring *keyring,
				   struct mptcplb_token_parts *parts, int *errors,
				   const uint32_t *tokens, size_t count)
{
	return lanes_decode(keyring, parts, errors, tokens, count);
}

/* Four words of a table or of the schedule, the first in the low bits. */
#define SHA_NI_WORDS 4

/*
 * As key_token(), in the instructions' terms: they keep the state as the vectors ABEF and CDGH
 * and do two rounds at a time.
 */
FOR_SHA_NI static uint32_t key_token_sha_ni(uint32_t high, uint32_t low)
{
	const uint32_t *s = sha256_start;
	__m128i abef = _mm_setr_epi32((int)s[5], (int)s[4], (int)s[1], (int)s[0]);
	__m128i cdgh = _mm_setr_epi32((int)s[7], (int)s[6], (int)s[3], (int)s[2]);
	__m128i ring[SHA256_BLOCK_WORDS / SHA_NI_WORDS] = {
		_mm_setr_epi32((int)high, (int)low, (int)SHA256_KEY_PADDING, 0),
		_mm_setzero_si128(),
		_mm_setzero_si128(),
		_mm_setr_epi32(0, 0, 0, SHA256_KEY_BITS),
	};

#pragma GCC unroll 16
	for (int i = 0; i < SHA256_ROUNDS / SHA_NI_WORDS; i++) {
		__m128i *w = &ring[i % 4];
		__m128i k_and_w;

		if (i >= 4) {
			__m128i w7 = _mm_alignr_epi8(ring[(i + 3) % 4], ring[(i + 2) % 4], 4);

			*w = _mm_add_epi32(_mm_sha256msg1_epu32(*w, ring[(i + 1) % 4]), w7);
			*w = _mm_sha256msg2_epu32(*w, ring[(i + 3) % 4]);
		}
		k_and_w = _mm_add_epi32(
			*w, _mm_loadu_si128((const __m128i *)&sha256_k[SHA_NI_WORDS * i]));
		cdgh = _mm_sha256rnds2_epu32(cdgh, abef, k_and_w);
		abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(k_and_w, 0x0e));
	}
	return (uint32_t)_mm_extract_epi32(abef, 3) + s[0];
}

FOR_SHA_NI static void key_tokens_sha_ni(uint32_t *tokens, const uint8_t (*keys)[MPTCPLB_KEY_SIZE],
					 size_t count)
{
	for (size_t i = 0; i < count; i++)
		tokens[i] = key_token_sha_ni(mptcplb_core_be32(keys[i]),
					     mptcplb_core_be32(keys[i] + 4));
}

const struct lanes lanes_avx512 = { "AVX-512", has_avx512, key_tokens_avx512, decode_avx512 };
const struct lanes lanes_sha_ni = { "SHA-NI", has_avx2_and_sha_ni, key_tokens_sha_ni, decode_avx2 };
const struct lanes lanes_avx2 = { "AVX2", has_avx2, key_tokens_avx2, decode_avx2 };

#endif
