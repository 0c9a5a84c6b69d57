// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "command.h"
#include "commands.h"
#include "daemon.h"

static const struct command commands[] = {
	{ "run", command_run,
	  "run --config FILE --interface IF [options]\n"
	  "      balance what arrives on IF until SIGINT or SIGTERM\n"
	  "      --role ROLE             balancer (default), or redirector: on a server, forward the\n"
	  "                              joins of other servers and leave all else to this one\n"
	  "      --name NAME             which of the farm's balancers this is, or, a redirector,\n"
	  "                              which of its servers (found by itself where it is clear)\n"
	  "      --no-tokens             hash joins like any SYN\n"
	  "      --on-unroutable POLICY  joins that no server can take: hash (default) or drop\n"
	  "      --flows N               how many flows to remember (default 262144)\n"
	  "      --idle SECONDS          forget flows without packets for so long (default 0: never)\n"
	  "      --pin DIRECTORY         go on without this process: the next one takes over\n"
	  "      SIGHUP                  read FILE again, as reload does\n" },
	{ "reload", command_reload,
	  "reload --interface IF [--settle]\n"
	  "      have the farm file read again; a bad one changes nothing\n"
	  "      --settle                all flows but remembered ones go where new ones go\n" },
	{ "detach", command_detach,
	  "detach --pin DIRECTORY\n"
	  "      end what runs on without its process\n" },
	{ "status", command_status,
	  "status --interface IF [--json]\n"
	  "      what the balancer on IF is set to\n" },
	{ "stats", command_stats,
	  "stats --interface IF [--json]\n"
	  "      what it has done, by service and by server\n" },
	{ "flows", command_flows,
	  "flows --interface IF [--limit N] [--json]\n"
	  "      how many flows it remembers, and N of them (default 100)\n" },
	{ "explain", command_explain,
	  "explain --interface IF | --config FILE [--json] TOKEN | PACKET | CLIENT PORT SERVICE PORT\n"
	  "      which server it would send that to, and why: the balancer on IF, or, without root,\n"
	  "      any balancer of the farm in FILE, as far as it remembers nothing of the flow\n" },
	{ "metrics", command_metrics,
	  "metrics --interface IF\n"
	  "      its counters, for Prometheus\n" },
};

int main(int argc, char **argv)
{
	daemon_start("mptcplb-balancer");
	return command_main("mptcplb-balancer",
			    "an XDP balancer that sends MPTCP joins to their server", commands,
			    sizeof(commands) / sizeof(commands[0]), argc, argv);
}
