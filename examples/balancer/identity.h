/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Which of a farm's balancers this one is. */
#ifndef MPTCPLB_BALANCER_IDENTITY_H
#define MPTCPLB_BALANCER_IDENTITY_H

#include <mptcplb/farm.h>

/*
 * The balancer called @name; without a name (NULL) the only one, or else the one with an address
 * of @interface. NULL after an error message.
 */
const struct mptcplb_farm_balancer *identity_find(const struct mptcplb_farm *farm, const char *name,
						  const char *interface);

#endif
