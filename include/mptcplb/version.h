/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/**
 * @file version.h
 * @brief Which version of the library this is.
 * @defgroup version Version of the library
 *
 * Versions are those of https://semver.org. (MPTCPLB_VERSION_* are versions of MPTCP: option.h.)
 *
 * What a program compiled against one version can rely on from another is in docs/api.md.
 * @{
 */
#ifndef MPTCPLB_VERSION_H
#define MPTCPLB_VERSION_H

#include <stdint.h>

#include <mptcplb/attributes.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Major version: of this header, as the next two. */
#define MPTCPLB_LIBRARY_VERSION_MAJOR 0
/** Minor version. */
#define MPTCPLB_LIBRARY_VERSION_MINOR 1
/** Patch version. */
#define MPTCPLB_LIBRARY_VERSION_PATCH 0

/** The three as one number, to compare: 0x010203 for 1.2.3. */
#define MPTCPLB_LIBRARY_VERSION                                                     \
	(MPTCPLB_LIBRARY_VERSION_MAJOR << 16 | MPTCPLB_LIBRARY_VERSION_MINOR << 8 | \
	 MPTCPLB_LIBRARY_VERSION_PATCH)

/**
 * The version of the library that the program runs with.
 *
 * @return as MPTCPLB_LIBRARY_VERSION, which is the one that the program was compiled with.
 *
 * Thread-safe.
 */
MPTCPLB_API uint32_t mptcplb_library_version(void);

#ifdef __cplusplus
}
#endif

/** @} */
#endif
