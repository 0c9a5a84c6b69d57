/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* TCP options in words: as JSON, and as lines for people. */
#ifndef MPTCPLB_TOOLS_OPTION_JSON_H
#define MPTCPLB_TOOLS_OPTION_JSON_H

#include <jansson.h>

#include <mptcplb/option.h>

/*
 * The fields of an MPTCP option, by the RFC's names, in the order of the wire; numbers of 32 bits
 * and less as numbers, longer ones and byte strings as hex digits. With "error" when it is broken.
 */
json_t *option_json(const struct mptcplb_tcp_option *option);

/* Print such an object as a line for people: its name, then "field value" for each field. */
void option_print_fields(json_t *object);

#endif
