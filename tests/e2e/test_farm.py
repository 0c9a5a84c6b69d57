#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The farm, small: all joins reach their owner, failures are told, nothing is left behind."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
import unittest
from unittest import mock

sys.dont_write_bytecode = True
FARM_DIR = os.path.join(os.environ["MPTCPLB_SOURCE_DIR"], "examples/farm")
sys.path.insert(0, FARM_DIR)

import farm  # noqa: E402
import members  # noqa: E402
import namespaces  # noqa: E402

SERVERS, CONNECTIONS, BYTES = 4, 60, 65536
# A guard against waiting for ever, not a promise of speed.
GUARD_SECONDS = 120


def farm_arguments(*more):
    return ["--build", os.environ["MPTCPLB_BUILD_DIR"], "--servers", str(SERVERS),
            "--connections", str(CONNECTIONS), "--bytes", str(BYTES), *more]


def start_farm(*more):
    return subprocess.Popen(
        [sys.executable, os.path.join(FARM_DIR, "farm.py"), *farm_arguments(*more)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def traces(pid):
    """Namespaces and directories of the run with a process id."""
    names = os.listdir("/run/netns") + os.listdir(namespaces.STATE_ROOT)
    return [name for name in names if (name + "-").startswith(f"{namespaces.PREFIX}{pid}-")]


def processes(pid):
    """Process ids in the namespaces of a run."""
    return [int(inside) for name in os.listdir("/run/netns")
            if name.startswith(f"{namespaces.PREFIX}{pid}-")
            for inside in subprocess.run(["ip", "netns", "pids", name], check=True, text=True,
                                         stdout=subprocess.PIPE).stdout.split()]


def alive(pid):
    """Whether a process runs; one that nobody has waited for yet does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition, what):
    """Wait until condition() is true; return its value."""
    end = time.monotonic() + GUARD_SECONDS
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"waited for {what} in vain")
        time.sleep(0.05)
    return value


def call_main(*arguments):
    """farm.main() in this process: exit code, stdout, stderr."""
    out, err = io.StringIO(), io.StringIO()
    before = signal.getsignal(signal.SIGTERM)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            return farm.main(list(arguments)), out.getvalue(), err.getvalue()
    finally:
        signal.signal(signal.SIGTERM, before)


class Run(unittest.TestCase):
    """One whole run, looked at from all sides."""

    @classmethod
    def setUpClass(cls):
        process = start_farm("--json")
        cls.output, cls.errors = process.communicate()
        cls.pid, cls.code = process.pid, process.returncode
        cls.result = json.loads(cls.output)

    def test_says_that_all_is_well(self):
        self.assertEqual((self.code, self.errors), (0, ""))

    def test_prints_one_object_with_the_promised_keys(self):
        self.assertEqual(list(self.result), ["servers", "balancers", "connections", "plain",
                                             "mptcplb", "bytes_wrong"])
        self.assertEqual((self.result["servers"], self.result["balancers"],
                          self.result["connections"]), (SERVERS, 2, CONNECTIONS))

    def test_with_tokens_every_join_reaches_its_owner(self):
        run = self.result["mptcplb"]
        self.assertEqual((run["joins"], run["joins_at_owner"]), (CONNECTIONS, CONNECTIONS))

    def test_without_tokens_about_one_in_four_does(self):
        run = self.result["plain"]
        self.assertEqual(run["joins"], CONNECTIONS)
        self.assertGreater(run["joins_at_owner"], 0)
        self.assertLess(run["joins_at_owner"], CONNECTIONS / 2)

    def test_every_byte_comes_back_right(self):
        self.assertEqual(self.result["bytes_wrong"], 0)
        for name in farm.DEFAULT_RUNS:
            with self.subTest(run=name):
                self.assertEqual(self.result[name]["connections_completed"], CONNECTIONS)
                self.assertEqual(self.result[name]["bytes"], CONNECTIONS * BYTES)

    def test_data_moves_on_the_joined_subflow_both_ways(self):
        run = self.result["mptcplb"]
        self.assertEqual((run["mptcp"], run["joined_both_ways"]), (CONNECTIONS, CONNECTIONS))

    def test_leaves_nothing_behind(self):
        self.assertEqual(traces(self.pid), [])


class EveryRole(unittest.TestCase):
    """All joins reach their owner in other roles too, and over IPv6."""

    def check(self, runs, *more):
        code, out, err = call_main(*farm_arguments("--json", "--runs", ",".join(runs), *more))
        self.assertEqual((code, err), (0, ""))
        for name in runs:
            with self.subTest(run=name):
                run = json.loads(out)[name]
                self.assertEqual((run["joins"], run["joins_at_owner"], run["joined_both_ways"]),
                                 (CONNECTIONS, CONNECTIONS, CONNECTIONS))

    def test_redirectors_behind_a_balancer_and_behind_a_router_alone(self):
        self.check(["redirector", "ecmp"])

    def test_ipv6(self):
        self.check(["mptcplb", "redirector", "ecmp"], "--ip", "6")

    def test_an_ipv6_service_on_ipv4_servers(self):
        self.check(["mptcplb", "redirector"], "--ip", "6", "--member-ip", "4")

    def test_an_ipv4_service_on_ipv6_servers(self):
        self.check(["mptcplb"], "--member-ip", "6")


class Failure(unittest.TestCase):
    """What is wrong is told, and the exit code says so."""

    def test_joins_that_miss_their_owner(self):
        # The agents mint tokens, but the balancers do not look at them.
        sabotage = {"mptcplb": members.Roles(["--no-tokens"], members.ROLES["mptcplb"].server)}
        with mock.patch.object(farm, "ROLES", sabotage):
            code, out, err = call_main(*farm_arguments("--json", "--runs", "mptcplb"))
        run = json.loads(out)["mptcplb"]
        self.assertEqual(code, 1)
        self.assertLess(run["joins_at_owner"], CONNECTIONS / 2)
        self.assertIn(f"mptcplb: {run['joins_at_owner']} of {CONNECTIONS} joins reached their "
                      "owner", err)

    def test_every_complaint(self):
        good = {"connections_completed": 5, "joins": 5, "joins_at_owner": 5, "frames_lost": 3,
                "cookies_refused": 7}
        fine = {"connections": 5, "bytes_wrong": 0, "plain": good | {"joins_at_owner": 1},
                "mptcplb": good}
        self.assertEqual(list(farm.complaints(fine)), [])
        for name, bad in (("bytes", fine | {"bytes_wrong": 1}),
                          ("lost join", fine | {"mptcplb": good | {"joins_at_owner": 4}}),
                          ("no join tried", fine | {"plain": good | {"joins": 4}}),
                          ("failed", fine | {"plain": good | {"connections_completed": 4}}),
                          ("hung", fine | {"mptcplb": good | {"connections_completed": 4}})):
            with self.subTest(name):
                self.assertEqual(len(list(farm.complaints(bad))), 1)
        lost = fine | {"plain": good | {"connections_completed": 4}}
        self.assertEqual(list(farm.complaints(lost)),
                         ["plain: 4 of 5 connections were completed; the relay lost 3 frames, and "
                          "servers refused 7 cookies"])

    def test_a_program_that_does_not_start(self):
        wrong = {"plain": members.Roles(["--no-such-option"], [])}
        with mock.patch.object(farm, "ROLES", wrong):
            code, _, err = call_main(*farm_arguments("--runs", "plain"))
        self.assertEqual(code, 1)
        self.assertIn("the balancer lb-1 did not start", err)
        self.assertEqual(traces(os.getpid()), [])

    def test_programs_not_built(self):
        code, _, err = call_main("--build", "/nonexistent")
        self.assertEqual(code, 1)
        self.assertIn("/nonexistent/examples/balancer/mptcplb-balancer: not built", err)

    def test_not_root(self):
        with mock.patch.object(os, "geteuid", return_value=1000):
            code, _, err = call_main(*farm_arguments())
        self.assertEqual(code, 1)
        self.assertIn("needs root", err)

    def test_usage(self):
        for wrong in (["--servers", "0"], ["--servers", "201"], ["--balancers", "11"],
                      ["--connections", "x"], ["--connections", "-1"], ["--unknown"], ["argument"]):
            with self.subTest(wrong), self.assertRaises(SystemExit) as exit_:
                call_main(*wrong)
            self.assertEqual(exit_.exception.code, 2)


class End(unittest.TestCase):
    """However a run ends, namespaces, processes and secrets go."""

    def start_and_end(self, number):
        """Send a signal to a run that is in the middle of its traffic; return its processes."""
        run = start_farm("--connections", "1000")
        self.addCleanup(run.communicate)
        self.addCleanup(run.kill)
        capture = os.path.join(namespaces.STATE_ROOT, f"{namespaces.PREFIX}{run.pid}", "path2.pcap")
        wait_for(lambda: os.path.exists(capture) and os.path.getsize(capture) > 1000, "traffic")
        inside = processes(run.pid)
        self.assertGreater(len(inside), 2 * SERVERS)
        run.send_signal(number)
        run.wait()
        return run, inside

    def test_interrupted_or_terminated(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number.name):
                run, inside = self.start_and_end(number)
                self.assertEqual(run.returncode, 1)
                self.assertIn("interrupted", run.stderr.read())
                self.assertEqual(traces(run.pid), [])
                self.assertEqual([pid for pid in inside if alive(pid)], [])

    def test_killed(self):
        run, inside = self.start_and_end(signal.SIGKILL)
        wait_for(lambda: not any(map(alive, inside)), "the end of its processes")
        self.assertNotEqual(traces(run.pid), [])
        namespaces.remove_leftovers()
        self.assertEqual(traces(run.pid), [])

    def test_leftovers_of_a_living_run_stay(self):
        with namespaces.Sandbox() as sandbox:
            sandbox.add_namespace("client")
            namespaces.remove_leftovers()
            self.assertEqual(len(traces(os.getpid())), 2)
        self.assertEqual(traces(os.getpid()), [])


if __name__ == "__main__":
    unittest.main()
