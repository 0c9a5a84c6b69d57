/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The variants, for lanes.c to choose from. */
#ifndef MPTCPLB_LIB_LANES_PRIVATE_H
#define MPTCPLB_LIB_LANES_PRIVATE_H

#include "lanes.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define LANES_X86 1
extern const struct lanes lanes_avx512;
extern const struct lanes lanes_sha_ni;
extern const struct lanes lanes_avx2;
#else
#define LANES_X86 0
#endif

#endif
