/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/**
 * @file random.h
 * @brief Where random bytes come from.
 * @defgroup random Randomness
 *
 * Functions that need random bytes take a `const struct mptcplb_random *`; NULL means libsodium's
 * generator, which asks the operating system. Another source is for stacks that have their own
 * and for tests that want the same bytes each run.
 *
 * The first call in a process that asks libsodium, or that searches a key, starts it, for which
 * libsodium takes a lock; from then on nothing is locked. A program with threads that forks makes
 * one such call first, e.g. mptcplb_random_bytes() with a length of 0, or its child may find that
 * lock held for ever.
 * @{
 */
#ifndef MPTCPLB_RANDOM_H
#define MPTCPLB_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include <mptcplb/attributes.h>
#include <mptcplb/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A source of random bytes. */
struct mptcplb_random {
	/** sizeof(struct mptcplb_random), so that the struct can grow. */
	size_t size;
	/**
	 * Fill @p buffer with @p length unpredictable bytes.
	 *
	 * @return 0, or anything else when it failed: the call that asked then returns
	 *         MPTCPLB_ERR_RANDOM.
	 *
	 * Called from whatever threads call the library: it must be as thread-safe as they need.
	 */
	int (*fill)(void *context, uint8_t *buffer, size_t length);
	/** Handed to @c fill. */
	void *context;
};

/**
 * Fill a buffer with random bytes.
 *
 * @param random       the source, or NULL for libsodium's.
 * @param[out] buffer  @p length bytes; all zero on error.
 * @param length       0 or more.
 * @retval MPTCPLB_OK
 * @retval MPTCPLB_ERR_ARGUMENT  @p random has a wrong size or no fill function.
 * @retval MPTCPLB_ERR_RANDOM    the source failed, or libsodium could not be started.
 *
 * Thread-safe when the source is.
 */
MPTCPLB_API int mptcplb_random_bytes(const struct mptcplb_random *random, uint8_t *buffer,
				     size_t length) MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(2);

/**
 * Overwrite memory that held a secret, in a way that the compiler keeps.
 *
 * @param[out] buffer  @p length bytes.
 * @param length       0 or more.
 */
MPTCPLB_API void mptcplb_wipe(void *buffer, size_t length) MPTCPLB_NONNULL(1);

#ifdef __cplusplus
}
#endif

/** @} */
#endif
