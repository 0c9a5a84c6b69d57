#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""What mptcplb-server never does (docs/server.md), tried on a real kernel: with keys that it must
refuse, and clients that make up their own segments; and with many services and listeners."""

import contextlib
import glob
import hashlib
import itertools
import json
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
import unittest

from server_network import (EPOCH_BITS, FARM, IDS, IPPROTO_MPTCP, PATHS, PORT, SECRET,
                            SERVER_ID_BITS, SERVICE, Echo, Network, RawClient, is_mptcp, model,
                            wait_for)

ACK = 0x10
# Found by trying 6.5 thousand million of them.
KEY_OF_TOKEN_ZERO = bytes.fromhex("75ae94fd81b1a1d4")
# Of the kernel's token table, which has four places in each.
BUCKETS_MAX = 65536
# Offsets in struct server_slot.
SLOT_SIZE, SLOT_TOKEN, SLOT_FIRST_SHOWN = 64, 48, 24


def key_token(key):
    """The token of a key."""
    return int.from_bytes(hashlib.sha256(key).digest()[:4], "big")


class Slot:
    """The only slot of an agent that was started with --slots 1."""

    def __init__(self, agent):
        for path in glob.glob(f"/proc/{agent.pid}/fdinfo/*"):
            with contextlib.suppress(FileNotFoundError), open(path, encoding="ascii") as file:
                lines = file.read().splitlines()
            values = dict(line.split(":", 1) for line in lines if ":" in line)
            if values.get("map_type", "").strip() == "2" and \
                    values["value_size"].strip() == str(SLOT_SIZE):
                self._map = values["map_id"].strip()

    def _bpftool(self, *argv):
        return subprocess.run(["bpftool", "--json", "map", *argv], check=True, capture_output=True,
                              text=True).stdout

    def read(self):
        """The slot's bytes."""
        found = json.loads(self._bpftool("lookup", "id", self._map, "key", "hex", *["00"] * 4))
        return bytes(int(byte, 16) for byte in found["value"])

    def write(self, value):
        """Set the slot's bytes."""
        self._bpftool("update", "id", self._map, "key", "hex", *["00"] * 4,
                      "value", "hex", *(f"{byte:02x}" for byte in value))

    def offer(self, key):
        """Put a key into the slot, shown to nobody."""
        value = bytearray(SLOT_SIZE)
        value[:8] = key
        half = int.from_bytes(key, sys.byteorder) >> 32 << 32
        struct.pack_into("=Q", value, SLOT_TOKEN, half | key_token(key))
        self.write(value)

    def make_old(self):
        """Let the key look as if it had been shown first long ago."""
        value = bytearray(self.read())
        struct.pack_into("=Q", value, SLOT_FIRST_SHOWN, 1)
        self.write(value)


class Keys(unittest.TestCase):
    """Keys that the kernel would refuse without a word: the connection is plain TCP at once."""

    def setUp(self):
        self.network = self.enterContext(Network())
        self.network.run("client", "ip", "mptcp", "endpoint", "flush")
        self.agent = self.network.start_agent("--slots", "1")
        self.echo = self.enterContext(Echo(self.network))
        self.slot = Slot(self.agent)
        self.agent.signal(signal.SIGSTOP)
        self.addCleanup(self.agent.signal, signal.SIGCONT)

    def connect_with(self, key):
        """Connect to a server that offers a key; whether that becomes MPTCP."""
        self.slot.offer(key)
        client, = self.echo.connect()
        self.echo.exchange([client])
        return is_mptcp(client)

    def counters(self):
        self.agent.signal(signal.SIGCONT)
        return self.network.counters()

    def test_token_zero(self):
        self.assertEqual(key_token(KEY_OF_TOKEN_ZERO), 0)
        self.assertFalse(self.connect_with(KEY_OF_TOKEN_ZERO))
        self.assertEqual(self.counters()["ack_blanked_token_zero"], 1)

    def test_key_of_a_live_connection(self):
        key = time.time_ns().to_bytes(8, "big")
        self.assertTrue(self.connect_with(key))
        self.assertFalse(self.connect_with(key))
        self.assertEqual(self.counters()["ack_blanked_duplicate"], 1)

    def test_full_bucket(self):
        start = time.time_ns()
        tries = ((start + i).to_bytes(8, "big") for i in itertools.count())
        # They share a bucket in a table of any size.
        keys = itertools.islice((key for key in tries if key_token(key) % BUCKETS_MAX == 7), 5)
        self.assertEqual(list(map(self.connect_with, keys)), [True] * 4 + [False])
        self.assertEqual(self.counters()["ack_blanked_bucket_full"], 1)

    def test_keys_found_in_bpf_name_the_server(self):
        for _ in range(5):  # the first key is the agent's own
            self.echo.exchange(self.echo.connect())
        self.assertTrue(all(map(is_mptcp, self.echo.clients)))
        counters = self.counters()
        self.assertEqual(counters.get("search_found"), 4, counters)
        self.assertEqual(counters["keys_consumed"], 5)
        wait_for(lambda: self.network.status()["live_tokens"] == 5, "the list of tokens")
        tokens = [struct.unpack_from("I", client.getsockopt(284, 1, 64), 12)[0]
                  for client in self.echo.accepted]
        owners = {model.token_decode(bytes.fromhex(SECRET), EPOCH_BITS, SERVER_ID_BITS, token)[:2]
                  for token in tokens}
        self.assertLessEqual(owners, {(1, server_id) for server_id in IDS})


class Tagged(RawClient):
    """A client whose frames have a priority tag: a VLAN tag of VLAN 0."""

    def __enter__(self):
        super().__enter__()
        self._ethernet = self._ethernet[:12] + b"\x81\0\xe0\0\x08\0"
        return self


class Fragmented(RawClient):
    """One whose third ACKs carry data and come in two IP fragments."""

    DATA = b"12345678"
    first = 48  # bytes that are in the first fragment

    def echo_of(self, key):
        return bytes([30, 22, 1, 1]) + self.OWN_KEY + key + bytes([0, len(self.DATA), 1, 1])

    def end(self, port, acknowledged, options):
        frame = self._frame(port, self.ISN + 1, acknowledged, ACK, options, self.DATA)
        for start, payload in ((0, frame[34:34 + self.first]),
                               (self.first, frame[34 + self.first:])):
            header = bytearray(frame[14:34])
            struct.pack_into("!HHH", header, 2, 20 + len(payload), 4711,
                             start // 8 | (0 if start else 0x2000))
            struct.pack_into("!H", header, 10, 0)
            struct.pack_into("!H", header, 10, self._checksum(header))
            self._socket.send(frame[:14] + header + payload)


class Clients(unittest.TestCase):
    """Clients that do not echo what they were offered."""

    def setUp(self):
        self.network = self.enterContext(Network())
        self.agent = self.network.start_agent("--slots", "1")
        self.echo = self.enterContext(Echo(self.network))
        self.ports = itertools.count(50000)

    def accepted(self, raw, make, begun=None):
        """Whether the connection is MPTCP whose third ACK has the options make(key)."""
        port = next(self.ports)
        key, acknowledged = raw.begin(port)
        if begun:
            begun()
        raw.end(port, acknowledged, make(key))
        count = len(self.echo.accepted) + 1
        wait_for(lambda: self.echo.step() and len(self.echo.accepted) == count, "the connection")
        wait_for(lambda: self.network.status()["slots_filled"] == 1, "the next key")
        return is_mptcp(self.echo.accepted[-1])

    def check(self, raw, make, mptcp, counter):
        before = self.network.counters().get(counter, 0)
        self.assertEqual(self.accepted(raw, make), mptcp)
        self.assertEqual(self.network.counters().get(counter, 0), before + 1)

    def test_keys_of_others(self):
        other = next(key for key in (i.to_bytes(8, "big") for i in itertools.count(time.time_ns()))
                     if model.token_decode(bytes.fromhex(SECRET), EPOCH_BITS, SERVER_ID_BITS,
                                           key_token(key))[:2] == (1, IDS[0] + 1))
        with RawClient(self.network) as raw:
            self.check(raw, raw.echo_of, True, "ack_verified")
            for key in (other, bytes(8), KEY_OF_TOKEN_ZERO):
                self.check(raw, lambda _key, k=key: raw.echo_of(k), False,
                           "ack_blanked_unknown_key")

    def test_malformed_options(self):
        with RawClient(self.network) as raw:
            for make in (lambda key: raw.echo_of(key) * 2,
                         lambda key: raw.echo_of(key) + bytes([8, 0, 1, 1]),
                         lambda key: raw.echo_of(key) + bytes([1, 1, 1, 8]),
                         lambda key: bytes([30, 20, 2, 1]) + raw.echo_of(key)[4:],
                         lambda key: bytes([30, 28]) + raw.echo_of(key)[2:] + bytes(8)):
                self.check(raw, make, False, "ack_blanked_malformed")
        self.assertNotIn("keys_consumed", self.network.counters())

    def test_harvested_key(self):
        with RawClient(self.network) as raw:
            def age(seconds=0):
                before = self.network.counters().get("keys_aged", 0)
                Slot(self.agent).make_old()
                wait_for(lambda: self.network.counters().get("keys_aged", 0) > before, "ageing")
                time.sleep(seconds)

            # For a while it is still good: its client may be slow.
            self.assertTrue(self.accepted(raw, raw.echo_of, age))
            self.assertEqual(self.network.counters()["ack_verified_previous"], 1)
            self.assertFalse(self.accepted(raw, raw.echo_of, lambda: age(10.5)))
            self.assertEqual(self.network.counters()["ack_blanked_unknown_key"], 1)

    def test_tagged_frames(self):
        with Tagged(self.network) as raw:
            self.check(raw, raw.echo_of, True, "ack_verified")
            self.check(raw, lambda _key: raw.echo_of(b"\x17" * 8), False,
                       "ack_blanked_unknown_key")

    def test_fragments(self):
        with Fragmented(self.network) as raw:
            self.check(raw, raw.echo_of, True, "ack_verified")
            self.check(raw, lambda _key: raw.echo_of(b"\x17" * 8), False,
                       "ack_blanked_unknown_key")
            raw.first = 40  # the TCP header has 44 bytes
            port = next(self.ports)
            _key, acknowledged = raw.begin(port)
            raw.end(port, acknowledged, raw.echo_of(b"\x17" * 8))
            wait_for(lambda: self.network.counters().get("dropped_hidden_header"), "the counter")
            self.echo.step()
            self.assertEqual(len(self.echo.accepted), 2)


class Services(unittest.TestCase):
    """More than one service, and more than one listener of a service."""

    def test_many_services(self):
        with Network() as network:
            more = "".join(f"  - {{address: {address}, port: {ports}}}\n" for address, ports in (
                (SERVICE, "8000, port_last: 8002"), ("198.51.100.2", PORT)))
            with open(network.farm, "w", encoding="utf-8") as file:
                file.write(FARM + more)
            network.ip("server", "address add 198.51.100.2/32 dev lo")
            for number, ends in enumerate(PATHS.values(), 1):
                network.ip("client", f"route add 198.51.100.2 via {ends[1]} metric {number}")
            network.start_agent()
            services = [(SERVICE, PORT), (SERVICE, 8000), (SERVICE, 8002), ("198.51.100.2", PORT)]
            with contextlib.ExitStack() as stack:
                for service in services:
                    self.listen_and_connect(network, stack, service)
                self.assertEqual(network.counters()["ack_verified"], len(services))
                # Between them, a port that is no service's.
                other = self.connect(network, stack, self.listen(network, stack, (SERVICE, 8003)))
                self.assertTrue(is_mptcp(other))
                self.assertEqual(network.counters()["syn_handed_over"], len(services))

    @staticmethod
    def listen(network, stack, service, reuse=False):
        """A listening socket in the server's namespace."""
        with network.inside_of("server"):
            listener = stack.enter_context(
                socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP))
        if reuse:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(service)
        listener.listen(64)
        return listener

    @staticmethod
    def connect(network, stack, listener):
        """A client's socket, after a message has come back."""
        with network.inside_of("client"):
            client = stack.enter_context(
                socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP))
        client.settimeout(30)
        listener.settimeout(30)
        client.connect(listener.getsockname())
        client.send(b"question")
        connection = stack.enter_context(listener.accept()[0])
        connection.send(connection.recv(8)[::-1])
        if client.recv(8) != b"noitseuq":
            raise AssertionError("the answer is another text")
        return client

    def listen_and_connect(self, network, stack, service):
        """Open a service and use it, once it has a mark."""
        ready = network.status()["services_ready"]
        listener = self.listen(network, stack, service)
        wait_for(lambda: network.status()["services_ready"] > ready, "the listener's mark")
        self.assertTrue(is_mptcp(self.connect(network, stack, listener)))

    def test_many_listeners_of_a_service(self):
        with Network() as network, contextlib.ExitStack() as stack:
            network.start_agent()
            listeners = [self.listen(network, stack, (SERVICE, PORT), True) for _ in range(4)]
            wait_for(lambda: network.status()["services_ready"] == 1, "the listeners' mark")
            clients, used = [], set()
            for _ in range(16):
                with network.inside_of("client"):
                    client = stack.enter_context(
                        socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP))
                client.settimeout(30)
                client.connect((SERVICE, PORT))
                client.send(b"question")
                clients.append(client)
            selector = stack.enter_context(selectors.DefaultSelector())
            for listener in listeners:
                selector.register(listener, selectors.EVENT_READ)
            accepted = []
            while len(accepted) < len(clients):
                ready = selector.select(30)
                self.assertTrue(ready, "waited for connections in vain")
                for key, _events in ready:
                    accepted.append(stack.enter_context(key.fileobj.accept()[0]))
                    used.add(key.fileobj)
            self.assertTrue(all(map(is_mptcp, clients + accepted)))
            self.assertGreater(len(used), 1)
            self.assertEqual(network.counters()["ack_verified"], len(clients))
            # One of them goes: the others go on, and so does their mark.
            selector.close()
            listeners.pop().close()
            self.assertEqual(network.status()["services_ready"], 1)


if __name__ == "__main__":
    unittest.main()
