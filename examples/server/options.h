/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The command line of `run` and `check`. */
#ifndef MPTCPLB_SERVER_OPTIONS_H
#define MPTCPLB_SERVER_OPTIONS_H

#include "agent.h"

/* Fill @options, defaults included. @command is for messages. False after an error message. */
bool options_parse(struct agent_options *options, const char *command, int argc, char **argv);

#endif
