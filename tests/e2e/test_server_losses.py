#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Segments of a handshake that are lost, or come in another order: with mptcplb-server a connection
gets over that as it does with SYN cookies and no agent."""

import contextlib
import selectors
import socket
import threading
import time
import unittest

from server_network import PATHS, Echo, Network, RawClient, is_mptcp, mp_capable_of, wait_for

SOL_PACKET, PACKET_IGNORE_OUTGOING, ETH_P_ALL = 263, 23, 3
SYN, ACK = 0x02, 0x10


class Relay(threading.Thread):
    """Carries IPv4 frames between a client and a server, but for those that it is told to keep."""

    def __init__(self, network):
        super().__init__(daemon=True)
        self._selector, self._ends = selectors.DefaultSelector(), []
        self._ended, self._lock = threading.Event(), threading.Lock()
        self._catch, self.caught, self.synack_keys = None, [], []
        for path in PATHS:
            pair = [network.packet_socket("relay", path + end, ETH_P_ALL) for end in "cs"]
            for end in pair:
                end.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            self._ends += pair
            self._selector.register(pair[0], selectors.EVENT_READ, (pair[1], True))
            self._selector.register(pair[1], selectors.EVENT_READ, (pair[0], False))

    def catch(self, match):
        """Keep the first segment back for which match(segment, whether it is the client's)."""
        with self._lock:
            self._catch, self.caught = match, []

    def let_go(self):
        """Send what was kept back."""
        with self._lock:
            for end, frame in self.caught:
                end.send(frame)

    def _take(self, frame, onwards, from_client):
        segment = frame[34:14 + int.from_bytes(frame[16:18], "big")]
        if frame[12:14] == b"\x08\0" and frame[23] == socket.IPPROTO_TCP:
            if segment[13] & (SYN | ACK) == SYN | ACK:
                self.synack_keys += [option[4:] for option in mp_capable_of(segment)]
            if self._catch and self._catch(segment, from_client):
                self._catch = None
                self.caught.append((onwards, frame))
                return
        onwards.send(frame)

    def run(self):
        while not self._ended.is_set():
            for key, _events in self._selector.select(0.1):
                with self._lock:
                    self._take(key.fileobj.recv(65536), *key.data)

    def close(self):
        """End it."""
        self._ended.set()
        self.join()
        for end in self._ends:
            end.close()


class RelayedNetwork(Network):
    """With a relay that can keep single segments back."""

    def __init__(self):
        super().__init__(delay_us=1)
        self.relay = None

    def _start_relay(self):
        self.relay = Relay(self)
        self.relay.start()

    def __exit__(self, *exception):
        self.relay.close()
        super().__exit__(*exception)


def is_synack(segment, from_client):
    """Whether a segment is a SYN/ACK of the server's."""
    return not from_client and segment[13] & (SYN | ACK) == SYN | ACK


def is_third_ack(segment, from_client):
    """Whether a segment is the ACK that ends a handshake, without data."""
    return (from_client and segment[13] == ACK and len(segment) == (segment[12] >> 4) * 4
            and any(len(option) == 20 for option in mp_capable_of(segment)))


class Doubting(RawClient):
    """A client that takes a late SYN/ACK for a lost one, and asks again without MPTCP."""

    def ask_again(self, port):
        """Send the same SYN as plain TCP, and wait for its answer."""
        self._send(port, self.ISN, 0, SYN, bytes([2, 4, 5, 0xb4]))
        self._receive_synack(port)


class Losses(unittest.TestCase):
    """Each with the agent, and with cookies and no agent: what helps there must help here."""

    @contextlib.contextmanager
    def case(self, with_agent):
        """A relay, an application, and the agent's counters; None without an agent."""
        with self.subTest(agent=with_agent), RelayedNetwork() as network:
            if with_agent:
                network.start_agent()
            else:
                network.sysctl("server", {"net.ipv4.tcp_syncookies": 2})
            with Echo(network) as echo:
                yield network.relay, echo, network.counters if with_agent else None

    def test_lost_synack(self):
        for with_agent in (True, False):
            with self.case(with_agent) as (relay, echo, counters):
                relay.catch(is_synack)
                echo.exchange(echo.connect())
                self.assertTrue(is_mptcp(echo.clients[0]))
                self.assertEqual(len(relay.caught), 1)
                if counters:  # who sends its SYN again sees its key again
                    self.assertEqual(relay.synack_keys[0], relay.synack_keys[1])
                    self.assertEqual(counters()["synack_rewritten"], 2)
                    self.assertEqual(counters()["keys_consumed"], 1)

    def test_lost_third_ack_of_a_client_that_speaks_first(self):
        for with_agent in (True, False):
            with self.case(with_agent) as (relay, echo, counters):
                relay.catch(is_third_ack)
                echo.exchange(echo.connect())
                self.assertEqual(len(relay.caught), 1)
                self.assertTrue(is_mptcp(echo.clients[0]))
                self.assertTrue(is_mptcp(echo.accepted[0]))
                if counters:
                    self.assertEqual(counters()["ack_verified"], 1)

    def test_data_before_the_third_ack(self):
        for with_agent in (True, False):
            with self.case(with_agent) as (relay, echo, counters):
                relay.catch(is_third_ack)
                client, = echo.connect()
                wait_for(lambda r=relay: r.caught, "the third ACK")
                client.send(b"data")
                wait_for(lambda e=echo: e.step() and e.accepted, "the connection")
                relay.let_go()
                wait_for(lambda e=echo, c=client: e.step() and self.received(c, b"data"),
                         "the echo")
                echo.exchange([client])
                self.assertTrue(is_mptcp(client))
                if counters:
                    self.assertEqual(counters()["ack_verified"], 1)
                    self.assertEqual(counters()["keys_consumed"], 1)

    def test_late_synack_of_a_client_that_has_given_mptcp_up(self):
        with Network() as network:
            network.start_agent()
            with Echo(network) as echo, Doubting(network) as client:
                key, acknowledged = client.begin(50000)
                client.ask_again(50000)
                client.end(50000, acknowledged, client.echo_of(key))
                wait_for(lambda: echo.step() and echo.accepted, "the connection")
                self.assertTrue(is_mptcp(echo.accepted[0]))
                self.assertEqual(network.counters()["syn_handed_over"], 2)

    @staticmethod
    def received(client, text):
        """Whether a client has read a text."""
        with contextlib.suppress(BlockingIOError):
            return client.recv(len(text)) == text
        return False

    def test_lost_third_ack_of_a_client_that_waits(self):
        for with_agent in (True, False):
            with self.case(with_agent) as (relay, echo, _counters):
                relay.catch(is_third_ack)
                client, = echo.connect()
                wait_for(lambda r=relay: r.caught, "the third ACK")
                # The server knows nothing of the connection, until the client says something.
                end = time.monotonic() + 2
                while time.monotonic() < end:
                    echo.step()
                self.assertEqual(echo.accepted, [])
                echo.exchange([client])
                self.assertTrue(is_mptcp(client))


if __name__ == "__main__":
    unittest.main()
