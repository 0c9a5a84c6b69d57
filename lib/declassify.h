/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * For the test that runs under valgrind with all secrets marked undefined: a value that was made
 * of a secret but goes over the wire, so that branches on it tell nothing. Otherwise it is
 * nothing at all.
 */
#ifndef MPTCPLB_LIB_DECLASSIFY_H
#define MPTCPLB_LIB_DECLASSIFY_H

#ifdef MPTCPLB_CHECK_SECRETS
#include <valgrind/memcheck.h>
#define declassify(pointer, size) ((void)VALGRIND_MAKE_MEM_DEFINED(pointer, size))
#else
#define declassify(pointer, size) ((void)(pointer), (void)(size))
#endif

#endif
