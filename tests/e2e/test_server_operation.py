#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""mptcplb-server as a program: starting, stopping, and what can be wrong."""

import contextlib
import errno
import os
import signal
import socket
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True

from server_network import (AF_NETLINK, BPF, BPF_LINK_CREATE, FARM, GUARD_SECONDS,  # noqa: E402
                            NETLINK_SOCK_DIAG, SECRET, SERVER, SOCKET, Echo, Network, is_mptcp,
                            wait_for, without)
from namespaces import FarmError  # noqa: E402


class Operation(unittest.TestCase):
    """Starting, stopping, and what can be wrong."""

    @classmethod
    def setUpClass(cls):
        cls.network = cls.enterClassContext(Network())

    def refused(self, argv, *texts, code=1, inside="server", lines=None):
        """Run a command that must fail, and say so in these words, and in so many lines."""
        done = subprocess.run(self.network.inside(inside, *argv), capture_output=True, text=True,
                              timeout=GUARD_SECONDS, check=False)
        self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)
        for text in texts:
            self.assertIn(text, done.stderr)
        if lines is not None:
            self.assertEqual(done.stderr.count("\n"), lines, done.stderr)
        self.assertNotIn(SECRET, done.stderr)

    def tc(self, *words):
        return self.network.run("server", "tc", *words)

    def test_what_was_changed_is_put_back(self):
        agent = self.network.start_agent("--cookies-for-all", "--set-syncookies", "--attach",
                                         "clsact")
        self.assertEqual(self.network.syncookies(), 2)
        self.assertIn("server_egress", self.tc("filter", "show", "dev", "path2", "egress"))
        agent.stop()
        self.assertEqual(agent.code(), 0, agent.errors())
        self.assertEqual(self.network.syncookies(), 1)
        self.assertNotIn("clsact", self.tc("qdisc", "show"))

    def test_filters_of_others_are_left_alone(self):
        self.addCleanup(self.tc, "qdisc", "del", "dev", "path1", "clsact")
        for qdisc_before in (True, False):
            if qdisc_before:
                self.tc("qdisc", "add", "dev", "path1", "clsact")
            agent = self.network.start_agent("--attach", "clsact")
            self.tc("filter", "replace", "dev", "path1", "egress", "prio", "7", "u32", "match",
                    "u32", "0", "0", "flowid", "1:1")
            agent.stop()
            left = self.tc("filter", "show", "dev", "path1", "egress")
            self.assertIn("pref 7 u32", left)
            self.assertNotIn("server_", left)
            self.assertNotIn("clsact", self.tc("qdisc", "show", "dev", "path2"))
            if qdisc_before:
                self.tc("qdisc", "del", "dev", "path1", "clsact")

    def test_filter_that_ends_the_chain(self):
        # Before us on clsact it hides packets from us: connections work, with the kernel's keys.
        self.tc("qdisc", "add", "dev", "path1", "clsact")
        self.addCleanup(self.tc, "qdisc", "del", "dev", "path1", "clsact")
        self.tc("filter", "add", "dev", "path1", "ingress", "prio", "7", "u32", "match", "u32",
                "0", "0", "flowid", "1:1")
        for way, seen in (("clsact", None), ("tcx", 1)):
            agent = self.network.start_agent("--attach", way)
            with Echo(self.network) as echo:
                echo.exchange(echo.connect())
                self.assertTrue(is_mptcp(echo.clients[0]))
                self.assertEqual(self.network.counters().get("syn_handed_over"), seen)
            agent.stop()

    def test_kernel_without_tcx(self):
        prefix = without(BPF, errno.EINVAL, (0, BPF_LINK_CREATE))
        self.refused([*prefix, *self.network.agent_argv("--attach", "tcx")], "path1", "Linux 6.6")
        agent = self.network.start_agent_as(prefix)
        self.assertEqual([interface["attached"] for interface in
                          self.network.status()["interfaces"]], ["clsact", "clsact"])
        self.assertIn("server_ingress", self.tc("filter", "show", "dev", "path1", "ingress"))
        agent.stop()
        self.assertNotIn("clsact", self.tc("qdisc", "show"))

    def test_place_that_is_taken(self):
        self.tc("qdisc", "add", "dev", "path1", "clsact")
        self.addCleanup(self.tc, "qdisc", "del", "dev", "path1", "clsact")
        self.tc("filter", "add", "dev", "path1", "ingress", "prio", "1000", "u32", "match", "u32",
                "0", "0", "flowid", "1:1")
        self.refused(self.network.agent_argv("--slots", "1", "--attach", "clsact"), '"path1"',
                     "tc", "1000")
        self.assertEqual(self.network.syncookies(), 1)
        self.assertIn("u32", self.tc("filter", "show", "dev", "path1", "ingress"))

    def test_kernel_without_a_list_of_connections(self):
        self.refused([*without(SOCKET, errno.EPROTONOSUPPORT, (0, AF_NETLINK),
                               (2, NETLINK_SOCK_DIAG)), *self.network.agent_argv("--slots", "1")],
                     "cannot follow the kernel's MPTCP connections", "CONFIG_INET_MPTCP_DIAG")
        self.assertNotIn("clsact", self.tc("qdisc", "show"))

    def test_reload_before_it_is_ready(self):
        path = os.path.join(self.network.directory, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
            notified.bind(path)
            notified.setblocking(False)
            agent = self.network.start("server", ["env", f"NOTIFY_SOCKET={path}",
                                                  *self.network.agent_argv("--slots", "1048576")],
                                       "agent", ready=False)
            self.wait_for_answers()
            agent.signal(signal.SIGHUP)
            wait_for(lambda: "reloaded" in agent.errors(), "the reload")
            self.assertLess(self.network.status()["slots_filled"], 1048576)
            with self.assertRaises(BlockingIOError):
                notified.recv(100)
            agent.stop()
            self.assertEqual(notified.recv(100), b"STOPPING=1")

    def wait_for_answers(self):
        def answers():
            with contextlib.suppress(FarmError):
                return self.network.status()

        wait_for(answers, "an answer")

    def test_second_agent(self):
        agent = self.network.start_agent("--slots", "1")
        self.refused(self.network.agent_argv("--slots", "1"), 'server "web-1"', "in use")
        agent.stop()

    def test_decapsulate_only(self):
        agent = self.network.start("server", self.network.agent_argv("--decapsulate-only", "--attach", "clsact"), "agent")
        self.assertEqual(self.network.syncookies(), 1)
        self.assertEqual(self.network.status()["slots_filled"], 0)
        self.assertIn("server_ingress", self.tc("filter", "show", "dev", "path1", "ingress"))
        self.assertNotIn("server_", self.tc("filter", "show", "dev", "path1", "egress"))
        agent.stop()

    def test_syncookies_are_not_on(self):
        self.refused(self.network.agent_argv("--cookies-for-all"), "tcp_syncookies is 1",
                     "must be 2", "--set-syncookies")
        self.assertEqual(self.network.syncookies(), 1)
        self.network.sysctl("server", {"net.ipv4.tcp_syncookies": 0})
        self.addCleanup(self.network.sysctl, "server", {"net.ipv4.tcp_syncookies": 1})
        self.refused(self.network.agent_argv(), "tcp_syncookies is 0", "must be 1")

    def test_mptcp_is_off(self):
        self.network.sysctl("server", {"net.mptcp.enabled": 0})
        self.addCleanup(self.network.sysctl, "server", {"net.mptcp.enabled": 1})
        self.refused(self.network.agent_argv(), "net.mptcp.enabled=1")
        self.assertEqual(self.network.syncookies(), 1)

    def test_kernel_without_mptcp(self):
        self.refused(["unshare", "--mount", "sh", "-c",
                      'mount -t tmpfs none /proc/sys/net/mptcp && exec "$@"', "sh",
                      *self.network.agent_argv()], "no MPTCP", "CONFIG_MPTCP")
        self.assertEqual(self.network.syncookies(), 1)

    def test_missing_capabilities(self):
        for lost, named in (("-net_admin", "CAP_NET_ADMIN"), ("-bpf,-sys_admin", "CAP_BPF")):
            with self.subTest(lost=lost):
                self.refused(["setpriv", f"--bounding-set={lost}", f"--inh-caps={lost}", "--",
                              *self.network.agent_argv()], f"{named} is missing")

    def test_unknown_names(self):
        self.refused(self.network.agent_argv(interfaces=["nowhere"]), '"nowhere"', "No such device")
        self.refused([*self.network.agent_argv(), "--server", "web-9"], '"web-9"', "farm.yaml")
        self.refused([*self.network.agent_argv(), "--config", "/nonexistent.yaml"],
                     "/nonexistent.yaml")
        self.refused([SERVER, "status", "--server", "web-1"], '"web-1"')

    def test_pins_outside_a_bpf_file_system(self):
        pin = os.path.join(self.network.directory, "pin")
        self.refused(self.network.agent_argv("--pin", pin), "is not in a BPF file system",
                     lines=1)
        self.assertFalse(os.path.exists(pin))

    def test_broken_farm_file(self):
        broken = os.path.join(self.network.directory, "broken.yaml")
        with open(broken, "w", encoding="utf-8", opener=lambda *a: os.open(*a, 0o600)) as file:
            file.write(FARM.replace("ids:", "idz:"))
        self.refused([*self.network.agent_argv(), "--config", broken], "broken.yaml:9")

    def test_wrong_command_lines(self):
        self.refused([SERVER], "--help", code=2)
        self.refused([SERVER, "walk"], '"walk"', "--help", code=2)
        self.refused([SERVER, "run", "--server", "web-1"], "--config", code=2)
        self.refused([SERVER, "status"], "--server", code=2)
        self.refused(self.network.agent_argv("--set-syncookies"), "--cookies-for-all", code=2)
        self.refused(self.network.agent_argv("--cookies-for-all", "--decapsulate-only"),
                     "--cookies-for-all", code=2)
        self.refused(self.network.agent_argv("--attach", "xdp"), "--attach", "clsact", code=2)
        self.refused(self.network.agent_argv("--joins-per-token", "-1"), "--joins-per-token",
                     code=2)
        for number in ("0", "-1", "x", "1048577", ""):
            self.refused([*self.network.agent_argv(), "--slots", number], "--slots", code=2)


if __name__ == "__main__":
    unittest.main()
