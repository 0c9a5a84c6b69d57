/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a capture's connections come to, for people and for programs. */
#ifndef MPTCPLB_TOOLS_CONNECTIONS_REPORT_H
#define MPTCPLB_TOOLS_CONNECTIONS_REPORT_H

#include <mptcplb/farm.h>

#include "connections.h"

/* An object for each connection, then one for each join that belongs to none. @farm may be NULL. */
void connections_print_json(const struct connections *connections, const struct mptcplb_farm *farm);

/* The same as text, and a summary. */
void connections_print_text(const struct connections *connections, const struct mptcplb_farm *farm);

#endif
