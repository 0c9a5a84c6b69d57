/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * For the tests that run with all secrets marked as undefined, under valgrind or MemorySanitizer,
 * and complain of what depends on one. classify() marks a secret; declassify() says of a value
 * that was made of a secret that it is public, or that it tells nothing. Otherwise they are
 * nothing at all.
 */
#ifndef MPTCPLB_LIB_DECLASSIFY_H
#define MPTCPLB_LIB_DECLASSIFY_H

#if defined(MPTCPLB_CHECK_WITH_VALGRIND)
#include <valgrind/memcheck.h>
#define classify(pointer, size) ((void)VALGRIND_MAKE_MEM_UNDEFINED(pointer, size))
#define declassify(pointer, size) ((void)VALGRIND_MAKE_MEM_DEFINED(pointer, size))
#elif defined(MPTCPLB_CHECK_WITH_MSAN)
#include <sanitizer/msan_interface.h>
#define classify(pointer, size) __msan_poison(pointer, size)
#define declassify(pointer, size) __msan_unpoison(pointer, size)
#else
#define declassify(pointer, size) ((void)(pointer), (void)(size))
#endif

#endif
