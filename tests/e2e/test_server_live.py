#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""mptcplb-server and the connections that do not come by it: it follows the kernel's events."""

import contextlib
import errno
import resource
import signal
import socket
import sys
import time
import unittest

sys.dont_write_bytecode = True

from server_network import (AF_NETLINK, IPPROTO_MPTCP, NETLINK_GENERIC, SOCKET, Echo, Network,  # noqa: E402
                            RawClient, wait_for, without)


class Forger(RawClient):
    """A client that echoes the server's key, but with an acknowledgment of no cookie."""

    def _send(self, port, sequence, acknowledged, flags, *rest):
        super()._send(port, sequence, acknowledged ^ (0x800000 if acknowledged else 0), flags,
                      *rest)


class Live(unittest.TestCase):
    """Connections over the server's loopback: two tokens each, none of them the agent's."""

    def setUp(self):
        self.network = self.enterContext(Network())
        with self.network.inside_of("server"):
            self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
        self.addCleanup(self.listener.close)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()

    @contextlib.contextmanager
    def connections(self, count):
        """So many connections."""
        with contextlib.ExitStack() as stack:
            for _ in range(count):
                with self.network.inside_of("server"):
                    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
                stack.enter_context(client).connect(self.listener.getsockname())
                stack.enter_context(self.listener.accept()[0])
            yield

    def wait_for_tokens(self, count):
        wait_for(lambda: self.network.status()["live_tokens"] == count, f"{count} tokens")

    def lists(self):
        return self.network.counters()["live_lists"]

    def test_events_are_followed_between_lists(self):
        self.network.start_agent("--slots", "64", "--live-interval", "3600")
        with self.connections(10):
            self.wait_for_tokens(20)
        self.wait_for_tokens(0)
        counters = self.network.counters()
        self.assertEqual((counters["live_lists"], counters["live_events"]), (1, 40))
        self.assertNotIn("live_events_overruns", counters)

    def test_connections_of_before_the_start_are_listed(self):
        with self.connections(10):
            self.network.start_agent("--slots", "64", "--live-interval", "3600")
            self.assertEqual(self.network.status()["live_tokens"], 20)
        self.wait_for_tokens(0)

    def test_lists_repair_what_events_lose(self):
        agent = self.network.start_agent("--slots", "64", "--live-interval", "3600")
        agent.signal(signal.SIGSTOP)
        # More than the kernel keeps for a program that does not read.
        for _ in range(30):
            with self.connections(100):
                pass
        with self.connections(10):
            agent.signal(signal.SIGCONT)
            self.wait_for_tokens(20)
            counters = self.network.counters()
            self.assertGreaterEqual(counters["live_events_overruns"], 1)
            self.assertGreaterEqual(counters["live_lists"], 2)
            self.assertLess(counters["live_events"], 30 * 400)
        self.wait_for_tokens(0)

    def test_handshakes_that_the_kernel_refuses_are_forgotten(self):
        self.network.start_agent("--live-interval", "3600")
        with Echo(self.network) as echo:
            echo.exchange(echo.connect(300))
            time.sleep(2)
            self.assertEqual((self.network.counters()["ack_verified"], self.lists()), (300, 1))
            with Forger(self.network) as forger:
                for port in range(10000, 10300):
                    forger.handshake(port, lambda key: key)
                wait_for(lambda: self.network.counters()["ack_verified"] == 600, "forged ACKs")
            self.wait_for_tokens(300)
            self.assertEqual(len(echo.accepted), 300)

    def test_events_are_followed_when_many_tokens_are_live(self):
        self.network.start_agent("--slots", "64")
        followed = lambda: self.network.status()["events_followed"]  # noqa: E731
        tokens = self.network.status()["token_buckets"] // 16
        most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most[1], most[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, most)
        with self.connections(tokens // 2):
            self.wait_for_tokens(tokens)
            lists = self.lists()
            wait_for(lambda: self.lists() > lists + 1, "more lists")
            self.assertFalse(followed())
            with self.connections(1):
                wait_for(followed, "events are followed")
            self.wait_for_tokens(tokens)
            self.assertTrue(followed())
        self.wait_for_tokens(0)
        wait_for(lambda: not followed(), "events are not followed any more")
        # Of connections that ended before a list told that they were few.
        self.assertGreaterEqual(self.network.counters()["live_events"], 2)

    def test_nothing_is_listed_for_balancers_alone(self):
        with self.connections(10):
            self.network.start_agent("--decapsulate-only")
            time.sleep(2)
            status = self.network.status()
            self.assertEqual((status["live_tokens"], status["events_followed"]), (0, False))
        self.assertNotIn("live_lists", self.network.counters())

    def test_list_each_second(self):
        self.network.start_agent("--slots", "64")
        before = self.lists()
        wait_for(lambda: self.lists() > before + 1, "more lists")

    def test_kernel_without_events(self):
        prefix = without(SOCKET, errno.EPROTONOSUPPORT, (0, AF_NETLINK), (2, NETLINK_GENERIC))
        agent = self.network.start_agent_as(prefix, "--slots", "64", "--live-interval", "3600")
        self.assertIn("events cannot be had: Protocol not supported", agent.errors())
        with self.connections(10):
            self.wait_for_tokens(20)
        self.wait_for_tokens(0)
        self.assertNotIn("live_events", self.network.counters())


if __name__ == "__main__":
    unittest.main()
