#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""A farm in network namespaces on this machine: do the joins of stock clients reach their server?

Builds the same farm twice. In the run "plain" the balancers know nothing of tokens and the servers
keep the keys that their kernel draws; in the run "mptcplb" tokens name their server. Sends real
MPTCP traffic of this machine's kernel and counts joins. docs/demo.md tells more.
"""

import argparse
import json
import os
import shutil
import signal
import sys
import time

from addresses import MAX_BALANCERS, MAX_SERVERS, PATHS
from joins import Capture, joins_accepted
from members import ROLES, Farm, Programs
from namespaces import FarmError, Sandbox
from topology import Size

TOOLS = ("ip", "nsenter", "setpriv", "sysctl", "ethtool", "tcpdump")
DEFAULT_BUILD = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../build/release")
# Time for the last connections, beyond the time in which all are started.
SLACK_SECONDS = 30
DEFAULT_RUNS = ["plain", "mptcplb"]


def progress(text):
    """Tell a person at a terminal what goes on."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def measure(name, options):
    """Build a farm, send traffic through it, take it down; return what was counted."""
    start = time.monotonic()
    with Sandbox() as sandbox:
        progress(f"{name}: building the network")
        size = Size(options.servers, options.balancers, options.ip, options.member_ip or options.ip)
        farm = Farm(sandbox, Programs(options.build), size, ROLES[name])
        farm.build(options.rtt)
        progress(f"{name}: starting the farm")
        farm.start()
        capture = Capture(sandbox, "router", PATHS)
        progress(f"{name}: {options.connections} connections")
        before = joins_at_owner(farm)
        outcome = traffic(farm, options)
        joins = capture.stop()
        sandbox.check_running()
        return {
            "joins": len(joins),
            "joins_at_owner": joins_at_owner(farm) - before,
            "connections_completed": outcome["completed"],
            "mptcp": outcome["mptcp"],
            "joined_both_ways": outcome["joined_both_ways"],
            "bytes": outcome["bytes"],
            "bytes_wrong": outcome["bytes_wrong"],
            "cookies_refused": sum(sandbox.kernel_counters(server)["TcpExtSyncookiesFailed"]
                                   for server in farm.topology.servers),
            "frames_lost": farm.frames_lost(),
            "seconds": round(time.monotonic() - start, 1),
        }


def joins_at_owner(farm):
    """Joins that the servers' kernels have accepted, which only the owner of the token does."""
    return sum(joins_accepted(farm.sandbox, server) for server in farm.topology.servers)


def traffic(farm, options):
    """Let the client do its work; return what it reports."""
    seconds = options.connections * options.interval // 1000 + SLACK_SECONDS
    client = farm.start_client({
        "connections": options.connections, "parallel": options.parallel, "bytes": options.bytes,
        "interval": options.interval, "hold": options.hold, "timeout": seconds})
    output = client.finish(seconds + SLACK_SECONDS)
    if client.errors():
        progress("")
        print(client.errors(), file=sys.stderr)
    try:
        return json.loads(output)
    except ValueError:
        raise FarmError(f"{client.name} reported nothing: {client.errors()}") from None


def losses(run):
    """What may have kept connections from being completed, as a clause.

    A client is reset when its third ACK and its first segment are lost and a later one is not: the
    server has kept nothing of the handshake, and the cookie was made for the first.
    """
    return (f"the relay lost {run['frames_lost']} frames, and servers refused "
            f"{run['cookies_refused']} cookies")


def complaints(result):
    """What is not as it must be, as sentences."""
    runs = {name: result[name] for name in ROLES if name in result}
    for name, run in runs.items():
        if run["connections_completed"] != result["connections"]:
            yield (f"{name}: {run['connections_completed']} of {result['connections']} connections "
                   f"were completed; {losses(run)}")
        if run["joins"] != result["connections"]:
            yield f"{name}: {run['joins']} joins were tried, not one a connection"
    if result["bytes_wrong"]:
        yield f"{result['bytes_wrong']} bytes were wrong"
    for name, run in runs.items():
        if name != "plain" and run["joins_at_owner"] != run["joins"]:
            yield f"{name}: {run['joins_at_owner']} of {run['joins']} joins reached their owner"


def table(result):
    """The result for a person."""
    lines = [f"{result['connections']} connections to {result['servers']} servers behind "
             f"{result['balancers']} balancers, {result['bytes_wrong']} wrong bytes", "",
             f"{'run':<10}{'connections':>12}{'joins tried':>14}{'at their owner':>17}{'share':>9}"]
    for name in (name for name in ROLES if name in result):
        run = result[name]
        share = 100 * run["joins_at_owner"] / run["joins"] if run["joins"] else 0
        lines.append(f"{name:<10}{run['connections_completed']:>12}{run['joins']:>14}"
                     f"{run['joins_at_owner']:>17}{share:>7.1f} %")
    lines += ["", "A join is a connection's second path. The same balancers send it to any server",
              "in the run \"plain\", and to the server that has the connection in \"mptcplb\"."]
    return "\n".join(lines)


def number(low, high):
    """An argparse type: an integer in a range."""
    def parse(text):
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text}: expected a number from {low} to {high}")
        return int(text)
    return parse


def arguments(argv):
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--servers", type=number(1, MAX_SERVERS), default=8, metavar="N")
    parser.add_argument("--balancers", type=number(1, MAX_BALANCERS), default=2, metavar="N")
    parser.add_argument("--ip", type=int, choices=(4, 6), default=4,
                        help="IP version of clients and service (default %(default)s)")
    parser.add_argument("--member-ip", type=int, choices=(4, 6),
                        help="IP version of balancers and servers (default: that of --ip)")
    parser.add_argument("--connections", type=number(1, 100000), default=400, metavar="N")
    parser.add_argument("--parallel", type=number(1, 10000), default=100, metavar="N",
                        help="connections open at once, at most (default %(default)s)")
    parser.add_argument("--rtt", type=number(0, 1000), default=20, metavar="MS",
                        help="round trip between client and farm (default %(default)s)")
    parser.add_argument("--interval", type=number(0, 60000), default=5, metavar="MS",
                        help="from the start of one connection to the next (default %(default)s)")
    parser.add_argument("--bytes", type=number(4, 1 << 30), default=65536, metavar="N",
                        help="that each connection sends and gets back (default %(default)s)")
    parser.add_argument("--hold", type=number(1, 3600000), default=2500, metavar="MS",
                        help="pause in each connection for its join (default %(default)s)")
    parser.add_argument("--runs", type=run_names, default=DEFAULT_RUNS, metavar="RUN,...",
                        help=f"of {', '.join(ROLES)} (default {','.join(DEFAULT_RUNS)})")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--build", default=DEFAULT_BUILD, metavar="DIR",
                        help="build directory of the programs (default build/release)")
    return parser.parse_args(argv)


def run_names(text):
    """An argparse type: names of runs with commas between them."""
    names = text.split(",")
    if not all(name in ROLES for name in names):
        raise argparse.ArgumentTypeError(f"{text}: expected some of {','.join(ROLES)}")
    return names


def check_machine():
    """Raise FarmError when this machine cannot have a farm."""
    if os.geteuid() != 0:
        raise FarmError("needs root: it makes network namespaces and loads BPF programs")
    for tool in TOOLS:
        if not shutil.which(tool):
            raise FarmError(f"`{tool}` is missing; `scripts/install-packages farm` installs it")
    if not os.path.exists("/proc/sys/net/mptcp/enabled"):
        raise FarmError("this kernel has no MPTCP (CONFIG_MPTCP)")


def main(argv):
    """The program; returns its exit code."""
    options = arguments(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        check_machine()
        result = {"servers": options.servers, "balancers": options.balancers,
                  "connections": options.connections}
        for name in options.runs:
            result[name] = measure(name, options)
    except FarmError as error:
        progress("")
        print(f"farm: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        progress("")
        print("farm: interrupted; everything is taken down", file=sys.stderr)
        return 1
    progress("")
    result["bytes_wrong"] = sum(result[name]["bytes_wrong"] for name in options.runs)
    print(json.dumps(result) if options.json else table(result))
    wrong = list(complaints(result))
    for complaint in wrong:
        print(f"farm: {complaint}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
