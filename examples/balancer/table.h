/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The table of a service: who answers it, where its new flows go and where its old ones are. */
#ifndef MPTCPLB_BALANCER_TABLE_H
#define MPTCPLB_BALANCER_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include <mptcplb/farm.h>

#include "balancer_kern_user.h"

/*
 * Fill @table for a service of the farm; @servers are the indices of the farm's servers.
 * @before: the table that the service had so far, or NULL. @settle: all that is not remembered goes
 * where new flows go. Returns 0 or -ENOMEM.
 */
int table_fill(struct balancer_table *table, const struct mptcplb_farm *farm,
	       const struct mptcplb_farm_service *service, const uint16_t *servers,
	       const struct balancer_table *before, bool settle);

#endif
