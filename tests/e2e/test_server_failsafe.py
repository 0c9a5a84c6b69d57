#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""mptcplb-server on a real kernel: what may break, and must leave connections working."""

import signal
import socket
import sys
import time
import unittest

sys.dont_write_bytecode = True

from server_network import (ONE_WAY_US, PORT, SERVICE, Echo, Network, is_mptcp, wait_for)  # noqa: E402


class FailSafe(unittest.TestCase):
    """What may break, and must leave connections working: with the kernel's own keys."""

    def setUp(self):
        self.network = self.enterContext(Network(ONE_WAY_US))
        self.agent = self.network.start_agent()

    def check(self, echo, handed_over, left=None):
        """Connect by MPTCP, whether the SYN is handed over or why it is left."""
        before = self.network.counters()
        client, = echo.connect()
        echo.exchange([client])
        self.assertTrue(is_mptcp(client))
        after = self.network.counters()
        name = "syn_handed_over"
        self.assertEqual(after.get(name, 0) - before.get(name, 0), handed_over)
        if left:
            self.assertGreater(after.get(left, 0), before.get(left, 0))

    def plain_client(self, echo):
        with self.network.inside_of("client"), socket.create_connection((SERVICE, PORT)) as client:
            client.setblocking(False)
            echo.exchange([client])

    def test_cookies_go_to_mptcp_clients_only(self):
        with Echo(self.network) as echo:
            sent = self.network.cookies_sent("server")
            for _ in range(5):
                self.plain_client(echo)
            self.assertEqual(self.network.cookies_sent("server"), sent)
            echo.exchange(echo.connect(5))
            self.assertEqual(self.network.cookies_sent("server"), sent + 5)
        self.assertEqual(self.network.syncookies(), 1)

    def test_listener_that_is_restarted(self):
        with Echo(self.network) as echo:
            self.check(echo, 1)
        self.network.hands_over = False
        self.agent.signal(signal.SIGSTOP)
        with Echo(self.network) as echo:
            client, = echo.connect()
            echo.exchange([client])
            self.assertTrue(is_mptcp(client))
            self.agent.signal(signal.SIGCONT)
            counters = self.network.counters()
            self.assertEqual(counters["syn_handed_over"], 1)
            self.assertEqual(counters["syn_left_unmarked"], 1)
            wait_for(lambda: echo.exchange(echo.connect()) or
                     self.network.counters()["syn_handed_over"] > 1, "the new listener's mark")
            self.assertTrue(all(map(is_mptcp, echo.clients)))

    def test_filler_that_is_gone(self):
        with Echo(self.network) as echo:
            self.check(echo, 1)
            self.agent.signal(signal.SIGSTOP)
            self.network.run("server", "ss", "-K", "state", "syn-recv", "src", "127.0.0.1")
            client, = echo.connect()
            echo.exchange([client])
            self.assertTrue(is_mptcp(client))
            self.agent.signal(signal.SIGCONT)
            counters = self.network.counters()
        self.assertEqual(counters["syn_left_auxiliary"], 1)
        self.assertEqual(counters["syn_handed_over"], 1)

    def test_cookies_that_are_switched_off(self):
        with Echo(self.network) as echo:
            self.network.sysctl("server", {"net.ipv4.tcp_syncookies": 0})
            self.check(echo, 0, left="syn_left_auxiliary")
            self.network.sysctl("server", {"net.ipv4.tcp_syncookies": 1})
            self.check(echo, 1)

    def test_receive_buffer_of_the_application(self):
        with Echo(self.network) as echo:
            echo.set_receive_buffer(65536)
            before = self.network.counters()
            echo.exchange(echo.connect())
            self.assertEqual(self.network.counters()["syn_left_listener"],
                             before.get("syn_left_listener", 0) + 1)

    def test_ages_that_are_stale(self):
        # The filler lives for 63 seconds, and is used for 50.
        with Echo(self.network) as echo:
            self.agent.signal(signal.SIGSTOP)
            time.sleep(52)
            client, = echo.connect()
            echo.exchange([client])
            self.assertTrue(is_mptcp(client))
            self.agent.signal(signal.SIGCONT)
            wait_for(lambda: self.network.counters().get("syn_left_auxiliary") == 1, "the counter")


if __name__ == "__main__":
    unittest.main()
