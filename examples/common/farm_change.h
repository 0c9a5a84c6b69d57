/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a farm file may not change while tokens of before are live. */
#ifndef MPTCPLB_EXAMPLES_FARM_CHANGE_H
#define MPTCPLB_EXAMPLES_FARM_CHANGE_H

#include <stdbool.h>

#include <mptcplb/core.h>

/*
 * Whether tokens of @before decode to what they did, or not at all, when the keyring of the file
 * @path takes its place. False after an error message.
 */
bool farm_change_allowed(const char *path, const struct mptcplb_keyring *before,
			 const struct mptcplb_keyring *next);

#endif
