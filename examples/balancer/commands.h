/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The subcommands. Each gets the arguments behind its name and returns an enum exit_code. */
#ifndef MPTCPLB_BALANCER_COMMANDS_H
#define MPTCPLB_BALANCER_COMMANDS_H

/* Its name on the control socket and in messages. */
#define BALANCER_PROGRAM "balancer"

/* How the commands that ask find it: struct ask_options. */
#define BALANCER_ASK .program = BALANCER_PROGRAM, .instance_option = "interface"

int command_run(int argc, char **argv);
int command_reload(int argc, char **argv);
int command_detach(int argc, char **argv);
int command_status(int argc, char **argv);
int command_stats(int argc, char **argv);
int command_flows(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_metrics(int argc, char **argv);

#endif
