# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""A client with two addresses and one server with an agent, without a balancer: for test_server*.py."""

import contextlib
import json
import os
import selectors
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True
SOURCE, BUILD = os.environ["MPTCPLB_SOURCE_DIR"], os.environ["MPTCPLB_BUILD_DIR"]
sys.path[:0] = [os.path.join(SOURCE, "examples/farm"), os.path.join(SOURCE, "tests/vectors")]

import joins  # noqa: E402, F401
import model  # noqa: E402
from namespaces import Sandbox  # noqa: E402

SERVER = os.path.join(BUILD, "examples/server/mptcplb-server")
RELAY = os.path.join(BUILD, "examples/farm/mptcplb-farm-relay")
SERVICE, PORT = "198.51.100.1", 4430
ADDRESS, BALANCER = "192.0.2.11", "192.0.2.1"
PATHS = {"path1": ("203.0.113.2", "203.0.113.1"), "path2": ("203.0.113.6", "203.0.113.5")}
SERVICE6, PATHS6 = "2001:db8::1", {"path1": "2001:db8:1::", "path2": "2001:db8:2::"}
SECRET, OTHER_SECRET = "df6af1d8303e61cdc4bb86c3d1c42710", "5c0e9a6b7d21f48833b1c6ef0a94d27e"
SERVER_ID_BITS, EPOCH_BITS, IDS = 8, 1, (17, 201)
FARM = f"""\
token:
  server_id_bits: {SERVER_ID_BITS}
  epoch_bits: {EPOCH_BITS}
  active: 1
  epochs:
    - {{epoch: 1, secret: "{SECRET}"}}
    - {{epoch: 0, secret: "{OTHER_SECRET}"}}
servers:
  - {{name: web-1, address: {ADDRESS}, ids: [{IDS[0]}, {IDS[1]}]}}
balancers:
  - {{name: lb-1, address: {BALANCER}}}
services:
  - {{address: {SERVICE}, port: {PORT}}}
  - {{address: "{SERVICE6}", port: {PORT}}}
"""
IPPROTO_MPTCP, SOL_MPTCP, MPTCP_INFO, INFO_FALLBACK = 262, 284, 1, 1
ONE_WAY_US = 10000
# Guards against waiting for ever, not promises of speed.
GUARD_SECONDS = 30


def without(system_call, errno, *arguments):
    """A command that runs another one where a system call with such arguments gives an error.

    The system call is given by its numbers on x86_64 and aarch64, an argument by place and value.
    """
    tests = [(0, dict(zip(("x86_64", "aarch64"), system_call))[os.uname().machine])]
    tests += [(16 + 8 * place, value) for place, value in arguments]
    left = 2 * len(tests)
    code = b""
    for offset, value in tests:
        left -= 2
        code += struct.pack("HBBI", 0x20, 0, 0, offset)
        code += struct.pack("HBBI", 0x15, 0, left + 1, value)
    code += struct.pack("HBBI", 0x06, 0, 0, 0x50000 | errno)
    code += struct.pack("HBBI", 0x06, 0, 0, 0x7fff0000)
    return [sys.executable, "-c", f"""
import ctypes, os, struct, sys
buffer = ctypes.create_string_buffer({code!r})
program = struct.pack("HxxxxxxQ", {len(code) // 8}, ctypes.addressof(buffer))
if ctypes.CDLL(None).prctl(22, 2, program, 0, 0):
    sys.exit("no seccomp")
os.execv(sys.argv[1], sys.argv[1:])"""]


# The numbers of socket() and bpf(), and what some arguments mean.
SOCKET, BPF = (41, 198), (321, 280)
AF_NETLINK, NETLINK_SOCK_DIAG, NETLINK_GENERIC, BPF_LINK_CREATE = 16, 4, 16, 28


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


def token_of(connection):
    """The token of an MPTCP connection on its own side, decoded: epoch, server id, nonce."""
    token, = struct.unpack_from("I", connection.getsockopt(SOL_MPTCP, MPTCP_INFO, 64), 12)
    secret = SECRET if token >> (32 - EPOCH_BITS) else OTHER_SECRET
    return model.token_decode(bytes.fromhex(secret), EPOCH_BITS, SERVER_ID_BITS, token)


def options_of(segment):
    """The options of a TCP segment, as (kind, bytes)."""
    left = segment[20:(segment[12] >> 4) * 4]
    while left and left[0] != 0:
        size = 1 if left[0] == 1 else left[1]
        yield left[0], left[:size]
        left = left[size:]


def mp_capable_of(segment):
    """The MP_CAPABLE options of a segment."""
    return [option for kind, option in options_of(segment) if kind == 30 and option[2] >> 4 == 0]


class Agent:
    """A running agent; its process id is its own: setpriv and nsenter have become the agent."""

    def __init__(self, process):
        self._process = process
        self.stop, self.errors, self.pid = process.stop, process.errors, process.pid

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
        self.write_farm(FARM)
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

    def write_farm(self, text):
        """Put another farm into the file that the agent reads."""
        with open(self.farm, "w", encoding="utf-8", opener=self._private) as file:
            file.write(text)

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

    def agent_argv(self, *more, interfaces=tuple(PATHS), program=SERVER):
        """The command line of an agent."""
        return [program, "run", "--config", self.farm, "--server", "web-1",
                *(word for name in interfaces for word in ("--interface", name)), *more]

    def start_agent(self, *more):
        """Start an agent and wait until it is ready."""
        return self.start_agent_as([], *more)

    def start_agent_as(self, prefix, *more, **options):
        """The same, with a command that starts it."""
        agent = Agent(self.start("server", [*prefix, *self.agent_argv(*more, **options)], "agent"))
        self.hands_over = "--cookies-for-all" not in more
        return agent

    def ask(self, command, *more):
        """Run a command that asks the running agent, and return what it prints."""
        return self.run("server", SERVER, command, "--server", "web-1", *more)

    def status(self):
        """What the running agent says of itself."""
        return json.loads(self.ask("status", "--json"))

    def counters(self):
        """The running agent's counters that are not zero."""
        return {name: value for name, value in self.status()["counters"].items() if value}

    def cookies_sent(self, name):
        """SYN cookies that a namespace's kernel has sent."""
        text = self.run(name, "nstat", "-saz", "TcpExtSyncookiesSent")
        return int(text.split("TcpExtSyncookiesSent")[1].split()[0])

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
    """A client of our own making, at an address that no kernel owns. A context manager.

    With `tunnel` its packets come in IP-in-IP, as from a balancer.
    """

    CLIENT_ADDRESS, OWN_KEY, ISN = "203.0.113.7", b"ownkey!!", 0x01020304

    def __init__(self, network, tunnel=False):
        self._network, self._tunnel = network, tunnel

    def __enter__(self):
        network = self._network
        macs = [json.loads(network.run(name, "ip", "-j", "link", "show", "path2"))[0]["address"]
                for name in ("server", "client")]
        self._ethernet = b"".join(bytes.fromhex(mac.replace(":", "")) for mac in macs) + b"\x08\0"
        network.ip("server", f"neigh add {self.CLIENT_ADDRESS} lladdr {macs[1]} dev path2",
                   f"route add {self.CLIENT_ADDRESS} dev path2")
        self._socket = network.packet_socket("client", "path2", 0x0800)
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

    def _frame(self, port, sequence, acknowledged, flags, option, payload=b""):
        addresses = socket.inet_aton(self.CLIENT_ADDRESS) + socket.inet_aton(SERVICE)
        segment = bytearray(struct.pack("!HHIIBBHHH", port, PORT, sequence, acknowledged,
                                        (20 + len(option)) // 4 << 4, flags, 65535, 0, 0)
                            + option + payload)
        pseudo = addresses + struct.pack("!HH", socket.IPPROTO_TCP, len(segment))
        struct.pack_into("!H", segment, 16, self._checksum(pseudo + segment))
        packet = self._ip_header(addresses, socket.IPPROTO_TCP, len(segment)) + segment
        if self._tunnel:
            outer = socket.inet_aton(BALANCER) + socket.inet_aton(ADDRESS)
            packet = self._ip_header(outer, socket.IPPROTO_IPIP, len(packet)) + packet
        return self._ethernet + packet

    def _send(self, *segment):
        self._socket.send(self._frame(*segment))

    def _ip_header(self, addresses, protocol, size):
        header = bytearray(struct.pack("!BBHHHBBH", 0x45, 0, 20 + size, 0, 0, 64, protocol, 0)
                           + addresses)
        struct.pack_into("!H", header, 10, self._checksum(header))
        return bytes(header)

    def _receive_synack(self, port):
        while True:
            segment = self._socket.recv(2048)[34:]
            if segment[2:4] == port.to_bytes(2, "big") and segment[13] & 0x12 == 0x12:
                return segment

    def begin(self, port):
        """Send a SYN; returns the server's key and the rest of what an ACK needs."""
        self._send(port, self.ISN, 0, 0x02, bytes([30, 4, 1, 1]))
        synack = self._receive_synack(port)
        return mp_capable_of(synack)[0][4:], int.from_bytes(synack[4:8], "big") + 1

    def end(self, port, acknowledged, options):
        """Send the third ACK."""
        self._send(port, self.ISN + 1, acknowledged, 0x10, options)

    def echo_of(self, key):
        """The MP_CAPABLE that an honest client would send."""
        return bytes([30, 20, 1, 1]) + self.OWN_KEY + key

    def handshake(self, port, change):
        """Connect, and echo what change() makes of the server's key."""
        key, acknowledged = self.begin(port)
        self.end(port, acknowledged, self.echo_of(change(key)))
