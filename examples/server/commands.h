/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The subcommands. Each gets the arguments behind its name and returns an enum exit_code. */
#ifndef MPTCPLB_SERVER_COMMANDS_H
#define MPTCPLB_SERVER_COMMANDS_H

/* Its name on the control socket and in messages; the instance is the server's name. */
#define AGENT_PROGRAM "server"

/* How the commands that ask find it: struct ask_options. */
#define AGENT_ASK .program = AGENT_PROGRAM, .instance_option = "server"

int command_run(int argc, char **argv);
int command_check(int argc, char **argv);
int command_status(int argc, char **argv);
int command_stats(int argc, char **argv);
int command_metrics(int argc, char **argv);
int command_reload(int argc, char **argv);
int command_stop(int argc, char **argv);

#endif
