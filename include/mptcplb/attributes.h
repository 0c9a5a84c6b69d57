/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/**
 * @file attributes.h
 * @brief How the public functions are declared. Nothing here is for callers.
 */
#ifndef MPTCPLB_ATTRIBUTES_H
#define MPTCPLB_ATTRIBUTES_H

/** Exported from the shared library. */
#if defined(__GNUC__)
#define MPTCPLB_API __attribute__((visibility("default")))
#else
#define MPTCPLB_API
#endif

/** The result says whether the call worked, so it must be looked at. */
#if defined(__GNUC__)
#define MPTCPLB_MUST_CHECK __attribute__((warn_unused_result))
#else
#define MPTCPLB_MUST_CHECK
#endif

/**
 * These pointer arguments must not be NULL. For callers only: inside the library it would make
 * the compiler delete the checks.
 */
#if defined(__GNUC__) && !defined(MPTCPLB_BUILD)
#define MPTCPLB_NONNULL(...) __attribute__((nonnull(__VA_ARGS__)))
#else
#define MPTCPLB_NONNULL(...)
#endif

#endif
