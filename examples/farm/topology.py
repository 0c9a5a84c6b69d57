# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The farm's network, and its programs.

                       path1                              +- lb-1 -+
    client --+---------------------- relay --+            |  ...   |
             |                               +-- router --+- lb-n -+
             +---------------------- relay --+            |
                       path2                              +- web-1, web-2, ... web-m

The router spreads packets to the service over the balancers by 4-tuple (ECMP). A balancer sends a
packet to a server as IP-in-IP, through the router; servers answer the client directly.
"""

import os

from namespaces import FarmError, command

SERVICE = "198.51.100.1"
PORT = 443
ROUTER = "192.0.2.254"
# The client's two addresses, each with the router's address on that path.
PATHS = {"path1": ("203.0.113.2", "203.0.113.1"), "path2": ("203.0.113.6", "203.0.113.5")}
# Room for the outer IP header around a full packet of 1500 bytes.
INNER_MTU = 1600
MAX_BALANCERS = 10
MAX_SERVERS = 200


class Topology:
    """A farm of so many balancers and servers, built in a sandbox."""

    def __init__(self, sandbox, programs, servers, balancers):
        self._sandbox = sandbox
        self._programs = programs
        self.servers = {f"web-{i}": f"192.0.2.{MAX_BALANCERS + i}" for i in range(1, servers + 1)}
        self.balancers = {f"lb-{i}": f"192.0.2.{i}" for i in range(1, balancers + 1)}
        self.config = os.path.join(sandbox.directory, "farm.yaml")

    def build(self):
        """Make the namespaces and all that connects them."""
        sandbox = self._sandbox
        for name in ["client", "relay", "router", *self.balancers, *self.servers]:
            sandbox.add_namespace(name)
        sandbox.sysctl("router", {"net.ipv4.ip_forward": 1,
                                  "net.ipv4.fib_multipath_hash_policy": 1})
        self._build_paths()
        for name, address in {**self.balancers, **self.servers}.items():
            self._attach(name, address)
            self._prepare_xdp(name)
        for name in self.servers:
            sandbox.ip(name, f"address add {SERVICE}/32 dev lo")
            sandbox.sysctl(name, {"net.core.somaxconn": 65535})

    def _spread_over(self, members):
        """Have the router send packets for the service to these, by their 4-tuple."""
        hops = " ".join(f"nexthop via {address} dev {name}"
                        for name, address in members.items())
        self._sandbox.ip("router", f"route replace {SERVICE} {hops}")

    def _build_paths(self):
        sandbox = self._sandbox
        # The kernel would remember the flow's hash, and a retransmission change it and so the
        # balancer; and it would stop using MPTCP after what looks like a blackhole.
        sandbox.sysctl("client", {"net.core.txrehash": 0, "net.mptcp.blackhole_timeout": 0},
                       optional=True)
        sandbox.ip("client", "mptcp limits set subflow 4")
        for table, (path, (address, gateway)) in enumerate(PATHS.items(), start=1):
            for end in ("client", "router"):
                sandbox.ip(end, f"link add {path} type veth peer name {end}-{path} "
                                f"netns {sandbox.namespace('relay')}")
                # The relay carries frames as they will be on the wire: no longer than the MTU,
                # and with their checksum.
                sandbox.run(end, "ethtool", "-K", path, "tx", "off", "gso", "off", "gro", "off")
                sandbox.ip("relay", f"link set {end}-{path} up")
            sandbox.ip("client", f"address add {address}/30 dev {path}", f"link set {path} up",
                       f"route add default via {gateway} dev {path} table {table}",
                       f"rule add from {address} table {table}")
            sandbox.ip("router", f"address add {gateway}/30 dev {path}", f"link set {path} up")
        path, (address, _) = list(PATHS.items())[1]
        sandbox.ip("client", f"mptcp endpoint add {address} dev {path} subflow",
                   f"route add default via {list(PATHS.values())[0][1]}")

    def _attach(self, name, address):
        """Connect a balancer or a server to the router."""
        sandbox = self._sandbox
        sandbox.ip("router", f"link add {name} mtu {INNER_MTU} type veth peer name eth0 "
                             f"mtu {INNER_MTU} netns {sandbox.namespace(name)}",
                   f"address add {ROUTER} peer {address} dev {name}", f"link set {name} up")
        sandbox.ip(name, f"address add {address} peer {ROUTER} dev eth0", "link set eth0 up",
                   f"route add default via {ROUTER}")

    def _prepare_xdp(self, name):
        """What XDP on a veth needs of the router's end.

        Checksums that are complete, since XDP sees no promise to compute them later; and GRO,
        without which a veth takes no frames from an XDP program at its other end.
        """
        self._sandbox.run("router", "ethtool", "-K", name, "tx", "off", "gro", "on")

    def write_config(self):
        """Write the farm file and its secrets, which nobody but the owner of the run can read."""
        for epoch in (0, 1):
            self._write(f"epoch{epoch}.key", command(self._programs.tool, "genkey"))
        servers = "".join(f"  - {{name: {name}, address: {address}, ids: [{id_}]}}\n"
                          for id_, (name, address) in enumerate(self.servers.items(), start=16))
        balancers = "".join(f"  - {{name: {name}, address: {address}}}\n"
                            for name, address in self.balancers.items())
        self._write("farm.yaml",
                    "token:\n  server_id_bits: 8\n  epoch_bits: 1\n  active: 0\n  epochs:\n"
                    "    - {epoch: 0, secret_file: epoch0.key}\n"
                    "    - {epoch: 1, secret_file: epoch1.key}\n"
                    f"servers:\n{servers}balancers:\n{balancers}"
                    f"services:\n  - {{address: {SERVICE}, port: {PORT}}}\n")

    def _write(self, name, text):
        path = os.path.join(self._sandbox.directory, name)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)

    def start_relay(self, one_way_ms):
        """Start what carries frames between client and router, each after a delay."""
        ports = [f"{end}-{path}" for path in PATHS for end in ("client", "router")]
        self._sandbox.start("relay", [self._programs.relay, str(round(one_way_ms * 1000)), *ports],
                            "the relay")

    def start_farm(self, roles):
        """Start balancers, redirectors, agents and the service."""
        self._spread_over(self.servers if roles.balancer is None else self.balancers)
        for name in self.balancers if roles.balancer is not None else []:
            self._start_balancer(name, f"the balancer {name}", roles.balancer)
        for name in self.servers if roles.redirector is not None else []:
            self._start_balancer(name, f"the redirector of {name}",
                                 ["--role", "redirector", *roles.redirector])
        # An agent that finds the service at its start is ready for it at once.
        for name in self.servers:
            self._sandbox.start(name, [self._programs.traffic, "serve", "--address", SERVICE,
                                       "--port", str(PORT)], f"the service on {name}")
        agents = [self._sandbox.start(name, [self._programs.server, "run", "--config", self.config,
                                             "--server", name, "--interface", "eth0",
                                             *roles.server],
                                      f"the agent of {name}", ready=False)
                  for name in self.servers]
        for agent in agents:
            agent.wait_ready()

    def _start_balancer(self, name, title, options):
        self._sandbox.start(name, [self._programs.balancer, "run", "--config", self.config,
                                   "--interface", "eth0", "--name", name, *options], title)

    def start_client(self, options):
        """Start the client's connections."""
        address, _ = PATHS["path1"]
        return self._sandbox.start("client", [
            self._programs.traffic, "connect", "--address", SERVICE, "--port", str(PORT),
            "--bind", address, *(f"--{name}={value}" for name, value in options.items())],
            "the client", ready=False)


class Programs:
    """Where the build has put the programs."""

    def __init__(self, build):
        self.balancer = os.path.join(build, "examples/balancer/mptcplb-balancer")
        self.server = os.path.join(build, "examples/server/mptcplb-server")
        self.traffic = os.path.join(build, "examples/farm/mptcplb-farm-traffic")
        self.relay = os.path.join(build, "examples/farm/mptcplb-farm-relay")
        self.tool = os.path.join(build, "tools/mptcplb-tool")
        for program in vars(self).values():
            if not os.access(program, os.X_OK):
                raise FarmError(f"{program}: not built; `scripts/demo` builds everything")
