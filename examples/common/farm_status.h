/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What `status` says of a farm file, so that those of all machines can be compared. */
#ifndef MPTCPLB_EXAMPLES_FARM_STATUS_H
#define MPTCPLB_EXAMPLES_FARM_STATUS_H

#include <jansson.h>

#include <mptcplb/farm.h>

/* The format of tokens, epochs that have a secret, the active one, and the digest of it all. */
json_t *farm_status(const struct mptcplb_farm *farm);

/* A server's ids. */
json_t *farm_status_ids(const struct mptcplb_farm_server *server);

#endif
