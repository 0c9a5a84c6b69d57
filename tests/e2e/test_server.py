#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""mptcplb-server on a real kernel: what becomes of connections."""

import os
import signal
import socket
import sys
import unittest

sys.dont_write_bytecode = True

from server_network import (EPOCH_BITS, IDS, ONE_WAY_US, PATHS, SECRET, SERVER_ID_BITS, Echo,  # noqa: E402
                            Network, RawClient, first_is_closed, is_mptcp, joins, model,
                            options_of, wait_for)


class Traffic(unittest.TestCase):
    """Connections through the agent."""

    def network(self, delay_us=ONE_WAY_US):
        return self.enterContext(Network(delay_us))

    def join_tokens(self, capture_directory):
        """The tokens of the captured MP_JOIN SYNs, each join once."""
        tokens = {}
        for path in PATHS:
            with open(os.path.join(capture_directory, f"{path}.pcap"), "rb") as file:
                for frame in joins.frames(file.read()):
                    segment = frame[34:]
                    for kind, option in options_of(segment):
                        if kind == 30 and option[2] >> 4 == 1 and len(option) == 12:
                            tokens[frame[26:34] + segment[:8]] = int.from_bytes(option[4:8], "big")
        return list(tokens.values())

    def check_joins(self, network, count, *more):
        """Connect, and see that each connection's join names the server and arrives there."""
        network.start_agent(*more)
        capture = joins.Capture(network, "server", list(PATHS))
        with Echo(network) as echo:
            # One after the other: with cookies for all, joins that wait share 1,024 places.
            for number in range(1, count + 1):
                echo.exchange(echo.connect())
                wait_for(lambda n=number: echo.step() and
                         joins.joins_accepted(network, "server") == n, "the join")
            clients = echo.clients
            self.assertTrue(all(map(is_mptcp, clients)))
            echo.exchange(clients)
            wait_for(lambda: network.status()["live_tokens"] == count, "the list of tokens")
        capture.stop()
        tokens = self.join_tokens(network.directory)
        self.assertEqual(joins.joins_accepted(network, "server"), count)
        self.assertEqual(len(set(tokens)), count)
        owners = [model.token_decode(bytes.fromhex(SECRET), EPOCH_BITS, SERVER_ID_BITS, token)
                  for token in tokens]
        self.assertEqual({owner[0] for owner in owners}, {1})
        self.assertLessEqual({owner[1] for owner in owners}, set(IDS))
        self.assertEqual(network.counters()["keys_consumed"], count)
        wait_for(lambda: network.status()["slots_filled"] == network.status()["slots"], "refills")

    def test_tokens_of_joins_name_the_server(self):
        self.check_joins(self.network(), 30)

    def test_cookies_for_all(self):
        network = self.network()
        self.check_joins(network, 8, "--cookies-for-all", "--set-syncookies")
        self.assertEqual(network.syncookies(), 2)
        self.assertNotIn("syn_handed_over", network.counters())

    def test_ipv6(self):
        network = self.network()
        network.add_ipv6()
        network.start_agent()
        with Echo(network, socket.AF_INET6) as echo:
            for number in range(1, 11):
                echo.exchange(echo.connect())
                wait_for(lambda n=number: echo.step() and
                         joins.joins_accepted(network, "server") == n, "the join")
            self.assertTrue(all(map(is_mptcp, echo.clients)))
            wait_for(lambda: network.status()["live_tokens"] == 10, "the list of tokens")
        counters = network.counters()
        for name in ("syn_handed_over", "synack_rewritten", "ack_verified", "join_passed"):
            self.assertEqual(counters[name], 10, name)

    def test_checksums_with_and_without_offload(self):
        for state in ("on", "off"):
            with self.subTest(tx=state), Network() as network:
                for name in ("client", "server"):
                    for path in PATHS:
                        network.run(name, "ethtool", "-K", path, "tx", state)
                self.check_joins(network, 8)
                for name in ("client", "server"):
                    self.assertRegex(network.run(name, "nstat", "-saz", "TcpInCsumErrors"),
                                     r"TcpInCsumErrors\s+0\s")

    def test_one_key_for_ten_clients(self):
        network = self.network()
        agent = network.start_agent("--slots", "1")
        with Echo(network) as echo:
            agent.signal(signal.SIGSTOP)  # no refill in between
            clients = echo.connect(10)
            echo.exchange(clients)
            self.assertEqual(sum(map(is_mptcp, clients)), 1)
            agent.signal(signal.SIGCONT)
            counters = network.counters()
        self.assertEqual(counters["keys_consumed"], 1)
        self.assertEqual(counters["ack_blanked_duplicate"], 9)

    def test_empty_slots_are_filled_without_the_agent(self):
        network = self.network()
        agent = network.start_agent("--slots", "1")
        with Echo(network) as echo:
            agent.signal(signal.SIGSTOP)
            for _ in range(3):
                echo.exchange(echo.connect())
            self.assertTrue(all(map(is_mptcp, echo.clients)))
            agent.signal(signal.SIGCONT)
            counters = network.counters()
        self.assertEqual(counters["search_found"], 2)
        self.assertEqual(counters["keys_consumed"], 3)
        self.assertNotIn("ack_blanked_unknown_key", counters)

    def test_time_wait_entry_that_is_used_again(self):
        network = self.network()
        network.run("client", "ip", "mptcp", "endpoint", "flush")
        network.start_agent()
        with Echo(network) as echo:
            first, = echo.connect(port=40000)
            echo.exchange([first])
            echo.accepted[0].shutdown(socket.SHUT_RDWR)
            wait_for(lambda: first_is_closed(first), "the end of the connection")
            first.close()
            wait_for(lambda: "TIME-WAIT" in network.run("server", "ss", "-tan"), "TIME_WAIT")
            wait_for(lambda: ":40000" not in network.run("client", "ss", "-tan"), "the free port")
            second, = echo.connect(port=40000)
            echo.exchange([second])
            self.assertTrue(is_mptcp(second))
        counters = network.counters()
        self.assertEqual(counters["syn_left_socket"], 1)
        self.assertEqual(counters["synack_left_socket"], 1)
        self.assertEqual(counters["keys_consumed"], 1)

    def test_keys_that_were_not_offered(self):
        network = self.network(0)
        network.start_agent()
        with Echo(network) as echo, RawClient(network) as raw:
            for number, change in enumerate((
                    lambda key: key, lambda key: b"\x17" * 8, lambda key: bytes(8),
                    lambda key: bytes([key[0] ^ 1]) + key[1:])):
                raw.handshake(50000 + number, change)
                wait_for(lambda count=number + 1: echo.step() and len(echo.accepted) == count,
                         "the connection")
            self.assertEqual(list(map(is_mptcp, echo.accepted)), [True, False, False, False])
        counters = network.counters()
        self.assertEqual(counters["ack_verified"], 1)
        self.assertEqual(counters["ack_blanked_unknown_key"], 3)

    def test_dead_agent_harms_nobody(self):
        network = self.network(0)
        agent = network.start_agent("--slots", "4", "--attach", "clsact")
        with Echo(network) as echo:
            agent.signal(signal.SIGKILL)
            for _ in range(12):
                echo.exchange(echo.connect())
            self.assertTrue(all(map(is_mptcp, echo.clients)))
            agent = network.start_agent("--slots", "4", "--attach", "clsact")
            wait_for(lambda: network.status()["services_ready"] == 1, "the listener's mark")
            echo.exchange(echo.connect())
        self.assertEqual(network.counters()["keys_consumed"], 1)
        agent.stop()
        self.assertNotIn("server_", network.run("server", "tc", "filter", "show", "dev", "path1",
                                                "ingress"))


if __name__ == "__main__":
    unittest.main()
