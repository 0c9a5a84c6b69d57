/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The indices of a farm's servers and services. Flows are remembered by them, so whoever was
 * there before a change of the farm keeps its own, whatever its place in the file.
 */
#ifndef MPTCPLB_BALANCER_INDICES_H
#define MPTCPLB_BALANCER_INDICES_H

#include <stdint.h>

#include <mptcplb/farm.h>

#include "balancer_kern_user.h"
#include "dataplane.h"

struct indices {
	uint16_t *servers; /* index of the farm's servers[i] */
	uint16_t *services; /* index of the farm's services[i] */
	uint32_t table_count; /* one more than the largest of these */
	uint16_t *before; /* index of the table that services[i] had, or BALANCER_NO_SERVER */
};

/*
 * Give each server and service an index; one that was not there before gets none that was in use
 * then. @before may be NULL. Returns 0, or -1 after an error message; indices_free() in any case.
 */
int indices_assign(struct indices *indices, const struct mptcplb_farm *farm,
		   const struct dataplane_maps *before);

void indices_free(struct indices *indices);

/* An address as the data plane has it, and that as text. */
void indices_address(struct balancer_address *to, const struct mptcplb_farm_address *from);
#define INDICES_TEXT_SIZE MPTCPLB_FARM_ADDRESS_TEXT_SIZE
const char *indices_address_text(const struct balancer_address *address,
				 char text[INDICES_TEXT_SIZE]);

#endif
