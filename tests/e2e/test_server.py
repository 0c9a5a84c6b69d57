#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""mptcplb-server on a real kernel: a client with two addresses, and one server, without a balancer."""

import contextlib
import ctypes
import json
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
import unittest

sys.dont_write_bytecode = True
SOURCE, BUILD = os.environ["MPTCPLB_SOURCE_DIR"], os.environ["MPTCPLB_BUILD_DIR"]
sys.path[:0] = [os.path.join(SOURCE, "examples/farm"), os.path.join(SOURCE, "tests/vectors")]

import joins  # noqa: E402
import model  # noqa: E402
from namespaces import Sandbox  # noqa: E402

SERVER = os.path.join(BUILD, "examples/server/mptcplb-server")
RELAY = os.path.join(BUILD, "examples/farm/mptcplb-farm-relay")
SERVICE, PORT = "198.51.100.1", 4430
PATHS = {"path1": ("203.0.113.2", "203.0.113.1"), "path2": ("203.0.113.6", "203.0.113.5")}
SERVICE6, PATHS6 = "2001:db8::1", {"path1": "2001:db8:1::", "path2": "2001:db8:2::"}
SECRET, SERVER_ID_BITS, EPOCH_BITS, IDS = "df6af1d8303e61cdc4bb86c3d1c42710", 8, 1, (17, 201)
FARM = f"""\
token:
  server_id_bits: {SERVER_ID_BITS}
  epoch_bits: {EPOCH_BITS}
  active: 1
  epochs:
    - {{epoch: 1, secret: "{SECRET}"}}
servers:
  - {{name: web-1, address: 192.0.2.11, ids: [{IDS[0]}, {IDS[1]}]}}
services:
  - {{address: {SERVICE}, port: {PORT}}}
  - {{address: "{SERVICE6}", port: {PORT}}}
"""
IPPROTO_MPTCP, SOL_MPTCP, MPTCP_INFO, INFO_FALLBACK = 262, 284, 1, 1
CLONE_NEWNET = 0x40000000
ONE_WAY_US = 10000
# Guards against waiting for ever, not promises of speed.
GUARD_SECONDS = 30


def wait_for(condition, what):
    """Wait until condition() is true; return its value."""
    end = time.monotonic() + GUARD_SECONDS
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"waited for {what} in vain")
        time.sleep(0.02)
    return value


def is_mptcp(connection):
    """Whether a connection is MPTCP to this day, and not plain TCP."""
    try:
        info = connection.getsockopt(SOL_MPTCP, MPTCP_INFO, 64)
    except OSError:  # what accept() returns for a plain TCP client
        return False
    return not struct.unpack_from("I", info, 8)[0] & INFO_FALLBACK


def options_of(segment):
    """The options of a TCP segment, as (kind, bytes)."""
    left = segment[20:(segment[12] >> 4) * 4]
    while left and left[0] != 0:
        size = 1 if left[0] == 1 else left[1]
        yield left[0], left[:size]
        left = left[size:]


class Agent:
    """A running agent."""

    def __init__(self, process):
        self._process = process
        self.stop, self.errors = process.stop, process.errors

    def signal(self, number):
        """Send it a signal."""
        self._process.signal(number)

    def code(self):
        """Its exit code."""
        return self._process.exit_code()


class Network(Sandbox):
    """A client and a server with two links between them, with or without a relay on the way."""

    def __init__(self, delay_us=0):
        super().__init__()
        self._delay = delay_us
        self.hands_over = False  # an agent with an auxiliary listener runs

    def __enter__(self):
        super().__enter__()
        self.farm = os.path.join(self.directory, "farm.yaml")
        with open(self.farm, "w", encoding="utf-8", opener=self._private) as file:
            file.write(FARM)
        for name in ("client", "relay", "server"):
            self.add_namespace(name)
        self.sysctl("client", {"net.mptcp.blackhole_timeout": 0}, optional=True)
        self.sysctl("server", {"net.core.somaxconn": 4096})
        self.ip("server", f"address add {SERVICE}/32 dev lo")
        for number, (path, ends) in enumerate(PATHS.items(), 1):
            self._connect(path, number, *ends)
        if self._delay:
            self._start_relay()
        self.run("client", "ip", "mptcp", "limits", "set", "subflow", "4")
        self.run("client", "ip", "mptcp", "endpoint", "add", PATHS["path2"][0], "dev", "path2",
                 "subflow")
        return self

    @staticmethod
    def _private(path, flags):
        return os.open(path, flags, 0o600)

    def _connect(self, path, number, client, server):
        if self._delay:
            for name in ("client", "server"):
                self.ip("relay", f"link add {path}{name[0]} type veth peer name {path} "
                        f"netns {self.namespace(name)}", f"link set {path}{name[0]} up")
                self.run("relay", "ethtool", "-K", f"{path}{name[0]}", "gro", "off")
                self.run(name, "ethtool", "-K", path, "tx", "off", "tso", "off", "gso", "off")
        else:
            self.ip("client", f"link add {path} type veth peer name {path} "
                    f"netns {self.namespace('server')}")
        self.ip("server", f"link set {path} up", f"address add {server}/30 dev {path}")
        self.ip("client", f"link set {path} up", f"address add {client}/30 dev {path}",
                f"route add {SERVICE} via {server} dev {path} metric {number}",
                f"route add {SERVICE} via {server} dev {path} table {number}",
                f"rule add from {client} table {number}")

    def add_ipv6(self):
        """Give all of it IPv6 addresses too."""
        self.ip("server", f"address add {SERVICE6}/128 dev lo")
        for number, (path, prefix) in enumerate(PATHS6.items(), 1):
            self.ip("server", f"address add {prefix}1/64 dev {path} nodad")
            self.ip("client", f"address add {prefix}2/64 dev {path} nodad",
                    f"route add {SERVICE6} via {prefix}1 dev {path} metric {number}",
                    f"route add {SERVICE6} via {prefix}1 dev {path} table {number}")
            self.run("client", "ip", "-6", "rule", "add", "from", f"{prefix}2", "table",
                     str(number))
        self.run("client", "ip", "mptcp", "endpoint", "add", f"{PATHS6['path2']}2", "dev", "path2",
                 "subflow")

    def _start_relay(self):
        pairs = [argument for path in PATHS for argument in (f"{path}c", f"{path}s")]
        self.start("relay", [RELAY, str(self._delay), *pairs], "relay")

    @contextlib.contextmanager
    def inside_of(self, name):
        """Sockets that are made in here belong to a namespace."""
        setns = ctypes.CDLL(None, use_errno=True).setns
        with open("/proc/thread-self/ns/net", "rb") as old, \
                open(f"/run/netns/{self.namespace(name)}", "rb") as new:
            if setns(new.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            try:
                yield
            finally:
                setns(old.fileno(), CLONE_NEWNET)

    def agent_argv(self, *more, interfaces=tuple(PATHS)):
        """The command line of an agent."""
        return [SERVER, "run", "--config", self.farm, "--server", "web-1",
                *(word for name in interfaces for word in ("--interface", name)), *more]

    def start_agent(self, *more):
        """Start an agent and wait until it is ready."""
        agent = Agent(self.start("server", self.agent_argv(*more), "agent"))
        self.hands_over = "--cookies-for-all" not in more
        return agent

    def status(self):
        """What the running agent says of itself."""
        return json.loads(self.run("server", SERVER, "status", "--server", "web-1", "--json"))

    def counters(self):
        """The running agent's counters that are not zero."""
        return {name: value for name, value in self.status()["counters"].items() if value}

    def syncookies(self):
        """The server's sysctl."""
        return int(self.run("server", "cat", "/proc/sys/net/ipv4/tcp_syncookies"))


class Echo:
    """Connections to the service, and the application that answers them. A context manager."""

    def __init__(self, network, family=socket.AF_INET):
        self._network, self._family = network, family
        self._service = SERVICE if family == socket.AF_INET else SERVICE6
        self._source = PATHS["path1"][0] if family == socket.AF_INET else f"{PATHS6['path1']}2"
        self.clients, self.accepted = [], []
        self._selector = selectors.DefaultSelector()

    def __enter__(self):
        with self._network.inside_of("server"):
            self._listener = socket.socket(self._family, socket.SOCK_STREAM, IPPROTO_MPTCP)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((self._service, PORT))
        self._listener.listen(1024)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        if self._network.hands_over:
            wait_for(lambda: self._network.status()["services_ready"] == 1, "the listener's mark")
        return self

    def __exit__(self, *_exception):
        for connection in [*self.clients, *self.accepted, self._listener]:
            connection.close()
        self._selector.close()

    def set_receive_buffer(self, size):
        """What an application may do to its listener."""
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)

    def connect(self, count=1, port=0):
        """Start clients; all at once. They are connected when their echoes are there."""
        started = []
        with self._network.inside_of("client"):
            for _ in range(count):
                client = socket.socket(self._family, socket.SOCK_STREAM, IPPROTO_MPTCP)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                client.setblocking(False)
                client.bind((self._source, port))
                with contextlib.suppress(BlockingIOError):
                    client.connect((self._service, PORT))
                started.append(client)
        self.clients += started
        return started

    def _accept(self, listener):
        connection, _peer = listener.accept()
        connection.setblocking(False)
        self.accepted.append(connection)
        self._selector.register(connection, selectors.EVENT_READ, self._answer)

    def _answer(self, connection):
        data = connection.recv(65536)
        if data:
            connection.send(data)
        else:
            self._selector.unregister(connection)

    def step(self):
        """Do what the application has to do."""
        for key, _events in self._selector.select(0.02):
            key.data(key.fileobj)
        return True

    def exchange(self, clients):
        """Have each client send a text of its own and wait until all have it back."""
        waiting = {client: (b"%d:" % client.fileno()) * 300 for client in clients}
        unsent, received = set(clients), {client: b"" for client in clients}

        def progress():
            self.step()
            for client in list(unsent):
                with contextlib.suppress(BlockingIOError):
                    client.send(waiting[client])
                    unsent.discard(client)
            for client in list(waiting):
                with contextlib.suppress(BlockingIOError):
                    received[client] += client.recv(65536)
                if len(received[client]) >= len(waiting[client]):
                    if received[client] != waiting.pop(client):
                        raise AssertionError("the echo is another text")
            return not waiting

        wait_for(progress, "echoes")


def first_is_closed(client):
    """Whether a client has read the end of its connection."""
    with contextlib.suppress(BlockingIOError):
        return client.recv(1) == b""
    return False


class RawClient:
    """A client of our own making, at an address that no kernel owns. A context manager."""

    CLIENT_ADDRESS, OWN_KEY, ISN = "203.0.113.7", b"ownkey!!", 0x01020304

    def __init__(self, network):
        self._network = network

    def __enter__(self):
        network = self._network
        macs = [json.loads(network.run(name, "ip", "-j", "link", "show", "path2"))[0]["address"]
                for name in ("server", "client")]
        self._ethernet = b"".join(bytes.fromhex(mac.replace(":", "")) for mac in macs) + b"\x08\0"
        network.ip("server", f"neigh add {self.CLIENT_ADDRESS} lladdr {macs[1]} dev path2",
                   f"route add {self.CLIENT_ADDRESS} dev path2")
        with network.inside_of("client"):
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        self._socket.bind(("path2", 0x0800))
        self._socket.settimeout(GUARD_SECONDS)
        return self

    def __exit__(self, *_exception):
        self._socket.close()

    @staticmethod
    def _checksum(data):
        total = sum(struct.unpack(f"!{len(data) // 2}H", data))
        while total >> 16:
            total = (total & 0xffff) + (total >> 16)
        return total ^ 0xffff

    def _send(self, port, sequence, acknowledged, flags, option):
        addresses = socket.inet_aton(self.CLIENT_ADDRESS) + socket.inet_aton(SERVICE)
        segment = bytearray(struct.pack("!HHIIBBHHH", port, PORT, sequence, acknowledged,
                                        (20 + len(option)) // 4 << 4, flags, 65535, 0, 0) + option)
        pseudo = addresses + struct.pack("!HH", socket.IPPROTO_TCP, len(segment))
        struct.pack_into("!H", segment, 16, self._checksum(pseudo + segment))
        packet = bytearray(struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0, 64,
                                       socket.IPPROTO_TCP, 0) + addresses)
        struct.pack_into("!H", packet, 10, self._checksum(packet))
        self._socket.send(self._ethernet + packet + segment)

    def _receive_synack(self, port):
        while True:
            segment = self._socket.recv(2048)[34:]
            if segment[2:4] == port.to_bytes(2, "big") and segment[13] & 0x12 == 0x12:
                return segment

    def handshake(self, port, change):
        """Connect, and echo what change() makes of the server's key."""
        self._send(port, self.ISN, 0, 0x02, bytes([30, 4, 1, 1]))
        synack = self._receive_synack(port)
        key, = (option[4:] for kind, option in options_of(synack) if kind == 30)
        self._send(port, self.ISN + 1, int.from_bytes(synack[4:8], "big") + 1, 0x10,
                   bytes([30, 20, 1, 1]) + self.OWN_KEY + change(key))


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

    def test_empty_slots_leave_the_key_of_the_kernel(self):
        network = self.network()
        agent = network.start_agent("--slots", "1")
        with Echo(network) as echo:
            agent.signal(signal.SIGSTOP)
            for _ in range(3):
                echo.exchange(echo.connect())
            self.assertTrue(all(map(is_mptcp, echo.clients)))
            agent.signal(signal.SIGCONT)
            counters = network.counters()
        self.assertEqual(counters["synack_left_empty_slot"], 2)
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
        agent = network.start_agent("--slots", "4")
        with Echo(network) as echo:
            agent.signal(signal.SIGKILL)
            for _ in range(12):
                echo.exchange(echo.connect())
            self.assertTrue(all(map(is_mptcp, echo.clients)))
            agent = network.start_agent("--slots", "4")
            wait_for(lambda: network.status()["services_ready"] == 1, "the listener's mark")
            echo.exchange(echo.connect())
        self.assertEqual(network.counters()["keys_consumed"], 1)
        agent.stop()
        self.assertNotIn("server_", network.run("server", "tc", "filter", "show", "dev", "path1",
                                                "ingress"))


class FailSafe(unittest.TestCase):
    """What may break, and must leave connections working: with the kernel's own keys."""

    def setUp(self):
        self.network = self.enterContext(Network(ONE_WAY_US))
        self.agent = self.network.start_agent()

    def cookies_sent(self):
        """SYN cookies that the server's kernel has sent."""
        text = self.network.run("server", "nstat", "-saz", "TcpExtSyncookiesSent")
        return int(text.split("TcpExtSyncookiesSent")[1].split()[0])

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
            sent = self.cookies_sent()
            for _ in range(5):
                self.plain_client(echo)
            self.assertEqual(self.cookies_sent(), sent)
            echo.exchange(echo.connect(5))
            self.assertEqual(self.cookies_sent(), sent + 5)
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


class Operation(unittest.TestCase):
    """Starting, stopping, and what can be wrong."""

    @classmethod
    def setUpClass(cls):
        cls.network = cls.enterClassContext(Network())

    def refused(self, argv, *texts, code=1, inside="server"):
        """Run a command that must fail, and say so in these words."""
        done = subprocess.run(self.network.inside(inside, *argv), capture_output=True, text=True,
                              timeout=GUARD_SECONDS, check=False)
        self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)
        for text in texts:
            self.assertIn(text, done.stderr)
        self.assertNotIn(SECRET, done.stderr)

    def tc(self, *words):
        return self.network.run("server", "tc", *words)

    def test_what_was_changed_is_put_back(self):
        agent = self.network.start_agent("--cookies-for-all", "--set-syncookies")
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
            agent = self.network.start_agent()
            self.tc("filter", "replace", "dev", "path1", "egress", "prio", "7", "u32", "match",
                    "u32", "0", "0", "flowid", "1:1")
            agent.stop()
            left = self.tc("filter", "show", "dev", "path1", "egress")
            self.assertIn("pref 7 u32", left)
            self.assertNotIn("server_", left)
            self.assertNotIn("clsact", self.tc("qdisc", "show", "dev", "path2"))
            if qdisc_before:
                self.tc("qdisc", "del", "dev", "path1", "clsact")

    def test_place_that_is_taken(self):
        self.tc("qdisc", "add", "dev", "path1", "clsact")
        self.addCleanup(self.tc, "qdisc", "del", "dev", "path1", "clsact")
        self.tc("filter", "add", "dev", "path1", "ingress", "prio", "1000", "u32", "match", "u32",
                "0", "0", "flowid", "1:1")
        self.refused(self.network.agent_argv("--slots", "1"), '"path1"', "tc",
                     "1000")
        self.assertEqual(self.network.syncookies(), 1)
        self.assertIn("u32", self.tc("filter", "show", "dev", "path1", "ingress"))

    def test_second_agent(self):
        agent = self.network.start_agent("--slots", "1")
        self.refused(self.network.agent_argv("--slots", "1"), 'server "web-1"', "in use")
        agent.stop()

    def test_decapsulate_only(self):
        agent = self.network.start("server", self.network.agent_argv("--decapsulate-only"), "agent")
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

    def test_broken_farm_file(self):
        broken = os.path.join(self.network.directory, "broken.yaml")
        with open(broken, "w", encoding="utf-8", opener=lambda *a: os.open(*a, 0o600)) as file:
            file.write(FARM.replace("ids:", "idz:"))
        self.refused([*self.network.agent_argv(), "--config", broken], "broken.yaml:8")

    def test_wrong_command_lines(self):
        self.refused([SERVER], "usage", code=2)
        self.refused([SERVER, "walk"], "usage", code=2)
        self.refused([SERVER, "run", "--server", "web-1"], "usage", code=2)
        self.refused([SERVER, "status"], "usage", code=2)
        self.refused(self.network.agent_argv("--set-syncookies"), "usage", code=2)
        self.refused(self.network.agent_argv("--cookies-for-all", "--decapsulate-only"), "usage",
                     code=2)
        self.refused(self.network.agent_argv("--joins-per-token", "-1"), "--joins-per-token",
                     code=2)
        for number in ("0", "-1", "x", "1048577", ""):
            self.refused([*self.network.agent_argv(), "--slots", number], "--slots", code=2)


if __name__ == "__main__":
    unittest.main()
