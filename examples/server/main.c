// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* mptcplb-server: makes a stock Linux server a member of a farm. */
#include "command.h"
#include "commands.h"
#include "daemon.h"

static const struct command commands[] = {
	{ "run", command_run,
	  "run --config FILE --server NAME --interface IF [--interface IF]... [options]\n"
	  "      have the kernel use keys whose tokens name this server\n"
	  "      --pin DIRECTORY         go on without this process: the next one takes over\n"
	  "      --attach WAY            tcx, clsact or auto (default): tcx where the kernel has it\n"
	  "      --slots N               keys kept ready (default 4096)\n"
	  "      --joins-per-token N     MP_JOIN SYNs a second of one token (default 4; 0: no limit)\n"
	  "      --joins-in-total N      the same of all live tokens, and of all others (default 20000)\n"
	  "      --live-interval S       list connections each S seconds, events tell the rest (default 1)\n"
	  "      --cookies-for-all       without an auxiliary listener: tcp_syncookies must be 2\n"
	  "      --set-syncookies        with that: set it, and put it back at the end\n"
	  "      --decapsulate-only      no keys, only IP-in-IP\n"
	  "      SIGHUP                  read FILE again, as reload does\n" },
	{ "check", command_check,
	  "check [the options of run]\n"
	  "      what on this machine would keep the agent from working well, and what to do\n" },
	{ "status", command_status,
	  "status --server NAME [--json]\n"
	  "      what the agent is set to and how it fares\n" },
	{ "stats", command_stats,
	  "stats --server NAME [--json]\n"
	  "      its counters\n" },
	{ "metrics", command_metrics,
	  "metrics --server NAME\n"
	  "      the same for Prometheus\n" },
	{ "reload", command_reload,
	  "reload --server NAME\n"
	  "      have the farm file read again; a bad one changes nothing\n" },
	{ "stop", command_stop,
	  "stop --server NAME [--pin DIRECTORY]\n"
	  "      end it and remove all of it; with --pin also what one that is gone has left there\n" },
};

int main(int argc, char **argv)
{
	daemon_start("mptcplb-server");
	daemon_libbpf_log();
	return command_main("mptcplb-server", "makes a stock Linux server a member of a farm",
			    commands, sizeof(commands) / sizeof(commands[0]), argc, argv);
}
