# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Servers that a client reaches without balancers, by two paths each, in network namespaces.

                 path 1
    client ===== relay ===== server        198.51.100.1, 2001:db8::1
                 path 2
"""

import json
import os

from namespaces import FarmError, Sandbox, command

PORT = 443
PATHS = (1, 2)
PROGRAMS = {"agent": "examples/server/mptcplb-server",
            "empty_hooks": "bench/empty_hooks",
            "relay": "examples/farm/mptcplb-farm-relay",
            "syn_flood": "bench/syn_flood",
            "traffic": "examples/farm/mptcplb-farm-traffic",
            "tool": "tools/mptcplb-tool"}
SERVER_IDS = (17, 201, 33, 90, 150, 64)


class Server:
    """A server's name and addresses, by IP version."""

    def __init__(self, name, number):
        self.name, self._number = name, number
        self.service = {4: f"198.51.100.{number}", 6: f"2001:db8::{number}"}

    def device(self, path):
        """What both ends call the link of a path."""
        return f"{self.name}-{path}"

    def table(self, path):
        """The client's routing table for a path."""
        return 10 * self._number + path

    def ends(self, version, path):
        """The client's and the server's address on a path, with their prefix length."""
        prefix, length = {4: (f"198.18.{10 * self._number + path}.", 24),
                          6: (f"2001:db8:{self._number}:{path}::", 64)}[version]
        return f"{prefix}2", f"{prefix}1", length


class Direct(Sandbox):
    """The network, and the programs in it. A context manager."""

    def __init__(self, build, names=("server",), relay=None):
        """`relay`: the relay's options and delay; None: links without one."""
        super().__init__()
        self._build, self._relay_arguments = build, relay
        self.servers = {name: Server(name, i) for i, name in enumerate(names, start=1)}
        self.relay = None

    def __enter__(self):
        super().__enter__()
        for name in ("client", "relay", *self.servers):
            self.add_namespace(name)
        # Else the client stops using MPTCP after what looks like a blackhole. And reno,
        # whatever the machine uses: BBR paces, and is lost at a round trip of zero.
        self.sysctl("client", {"net.core.txrehash": 0, "net.mptcp.blackhole_timeout": 0,
                               "net.ipv4.tcp_congestion_control": "reno"}, optional=True)
        self.ip("client", "mptcp limits set subflow 4")
        for server in self.servers.values():
            self._add_server(server)
        if self._relay_arguments:
            ports = [f"{server.device(path)}{end}" for server in self.servers.values()
                     for path in PATHS for end in "cs"]
            self.relay = self.start("relay", [self.program("relay"), *self._relay_arguments,
                                              *ports], "the relay")
        self._write_farm()
        return self

    def program(self, name):
        """Where the build has put a program."""
        path = os.path.join(self._build, PROGRAMS[name])
        if not os.access(path, os.X_OK):
            raise FarmError(f"{path}: not built")
        return path

    def _add_server(self, server):
        self.sysctl(server.name, {"net.ipv4.tcp_congestion_control": "reno"}, optional=True)
        self.ip(server.name, f"address add {server.service[4]}/32 dev lo",
                f"address add {server.service[6]}/128 dev lo")
        for path in PATHS:
            device, table = server.device(path), server.table(path)
            self._link(server.name, device)
            for version in (4, 6):
                near, far, length = server.ends(version, path)
                flags = " nodad" if version == 6 else ""
                self.ip("client", f"address add {near}/{length} dev {device}{flags}")
                self.ip(server.name, f"address add {far}/{length} dev {device}{flags}")
                route = f"route add {server.service[version]} via {far} dev {device}"
                self.ip("client", f"{route} metric {path}", f"{route} table {table}")
        self._warm_up(server)

    def _link(self, name, device):
        """A link between client and server; by the relay when there is one."""
        if not self._relay_arguments:
            self.ip("client", f"link add {device} type veth peer name {device} "
                    f"netns {self.namespace(name)}")
        for end in ("client", name):
            if self._relay_arguments:
                near = f"{device}{'c' if end == 'client' else 's'}"
                self.ip("relay", f"link add {near} type veth peer name {device} "
                        f"netns {self.namespace(end)}", f"link set {near} up")
                # The relay carries frames as they will be on the wire.
                self.run("relay", "ethtool", "-K", near, "gro", "off")
                self.run(end, "ethtool", "-K", device, "tx", "off", "tso", "off", "gso", "off")
            self.ip(end, f"link set {device} up")

    def _warm_up(self, server):
        """Have both ends know each other's link address, for good: else first packets wait."""
        addresses = {}
        for name in ("client", server.name):
            links = json.loads(self.run(name, "ip", "-j", "link", "show"))
            addresses[name] = {link["ifname"]: link["address"] for link in links}
        for path in PATHS:
            device = server.device(path)
            for version in (4, 6):
                near, far, _length = server.ends(version, path)
                self.ip("client", f"neigh replace {far} dev {device} nud permanent "
                        f"lladdr {addresses[server.name][device]}")
                self.ip(server.name, f"neigh replace {near} dev {device} nud permanent "
                        f"lladdr {addresses['client'][device]}")

    def join_by_second_path(self, server):
        """Have the client's kernel join each connection from the address of its second path."""
        for version in (4, 6):
            for path in PATHS:
                # The batch mode of ip knows no -6.
                command("ip", "-n", self.namespace("client"), f"-{version}", "rule", "add", "from",
                        server.ends(version, path)[0], "table", str(server.table(path)))
            address = server.ends(version, 2)[0]
            self.ip("client", f"mptcp endpoint add {address} dev {server.device(2)} subflow")

    def _write_farm(self):
        self.farm = os.path.join(self.directory, "farm.yaml")
        secret = command(self.program("tool"), "genkey").strip()
        servers = "".join(f"  - {{name: {name}, address: 192.0.2.{i}, ids: [{id_}]}}\n"
                          for i, (name, id_) in enumerate(zip(self.servers, SERVER_IDS), start=1))
        services = "".join(f"  - {{address: \"{address}\", port: {PORT}}}\n"
                           for server in self.servers.values()
                           for address in server.service.values())
        descriptor = os.open(self.farm, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write("token:\n  server_id_bits: 8\n  epoch_bits: 1\n  active: 0\n  epochs:\n"
                       f"    - {{epoch: 0, secret: \"{secret}\"}}\n"
                       f"servers:\n{servers}services:\n{services}")

    def start_service(self, server, version):
        """Start the application on a server."""
        return self.start(server.name, [self.program("traffic"), "serve", "--address",
                                        server.service[version], "--port", str(PORT)],
                          f"the service of {server.name}")

    def start_agent(self, server, *more):
        """Start a server's agent and wait until it is ready."""
        interfaces = [word for path in PATHS for word in ("--interface", server.device(path))]
        return self.start(server.name, [self.program("agent"), "run", "--config", self.farm,
                                        "--server", server.name, *interfaces, *more],
                          f"the agent of {server.name}")

    def start_empty_hooks(self, server):
        """Start programs that do nothing where a server's agent would have its own."""
        return self.start(server.name, [self.program("empty_hooks"),
                                        *(server.device(path) for path in PATHS)],
                          f"the empty programs of {server.name}")

    def agent_status(self, server):
        """What a server's agent says of itself."""
        return json.loads(self.run(server.name, self.program("agent"), "status", "--server",
                                   server.name, "--json"))

    def start_client(self, server, version, **options):
        """Start connections to a server; what they report is `finish_client`'s."""
        near = server.ends(version, 1)[0]
        return self.start("client", [
            self.program("traffic"), "connect", "--address", server.service[version], "--port",
            str(PORT), "--bind", near, *(f"--{name}={value}" for name, value in options.items())],
            f"the client over IPv{version}", ready=False)
