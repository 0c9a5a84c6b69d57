# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The farm's network.

                       path1                              +- lb-1 -+
    client --+---------------------- relay --+            |  ...   |
             |                               +-- router --+- lb-n -+
             +---------------------- relay --+            |
                       path2                              +- web-1, web-2, ... web-m

The router spreads packets to the service over the balancers by 4-tuple (ECMP). A balancer sends a
packet to a server as IP-in-IP, through the router; servers answer the client directly.
"""

from typing import NamedTuple

from addresses import PLANS

# Room for the outer IP header around a full packet of 1500 bytes.
INNER_MTU = 1600


class Size(NamedTuple):
    """How large a farm is, and the IP versions of its service and of its members."""

    servers: int
    balancers: int
    ip: int = 4
    member_ip: int = 4


class Topology:
    """The namespaces of a farm, and all that connects them."""

    def __init__(self, sandbox, size):
        self._sandbox = sandbox
        # The addresses of service and clients, and those of balancers and servers.
        self.plan = PLANS[size.ip]
        self.members = PLANS[size.member_ip]
        self.servers = [f"web-{i}" for i in range(1, size.servers + 1)]
        self.balancers = [f"lb-{i}" for i in range(1, size.balancers + 1)]

    def build(self):
        """Make it."""
        sandbox = self._sandbox
        for name in ["client", "relay", "router", *self.balancers, *self.servers]:
            sandbox.add_namespace(name)
        sandbox.sysctl("router", {
            "net.ipv4.ip_forward": 1, "net.ipv4.fib_multipath_hash_policy": 1,
            "net.ipv6.conf.all.forwarding": 1, "net.ipv6.fib_multipath_hash_policy": 1})
        self._build_paths()
        for name in self.balancers + self.servers:
            self._attach(name)
        for name in self.servers:
            sandbox.ip(name, f"address add {self.plan.host(self.plan.service)} dev lo")
            sandbox.sysctl(name, {"net.core.somaxconn": 65535})

    def spread_over(self, names):
        """Have the router send packets for the service to these members, by their 4-tuple."""
        hops = " ".join(f"nexthop via {self.plan.member(name)} dev {name}" for name in names)
        self._sandbox.ip("router", f"route replace {self.plan.service} {hops}")

    def _build_paths(self):
        sandbox = self._sandbox
        # The kernel would remember the flow's hash, and a retransmission change it and so the
        # balancer; and it would stop using MPTCP after what looks like a blackhole.
        sandbox.sysctl("client", {"net.core.txrehash": 0, "net.mptcp.blackhole_timeout": 0},
                       optional=True)
        sandbox.ip("client", "mptcp limits set subflow 4")
        for table, (path, (address, gateway)) in enumerate(self.plan.paths.items(), start=1):
            for end in ("client", "router"):
                sandbox.ip(end, f"link add {path} type veth peer name {end}-{path} "
                                f"netns {sandbox.namespace('relay')}")
                # The relay carries frames as they will be on the wire: no longer than the MTU,
                # and with their checksum.
                sandbox.run(end, "ethtool", "-K", path, "tx", "off", "gso", "off", "gro", "off")
                sandbox.ip("relay", f"link set {end}-{path} up")
            bits = self.plan.path_bits
            sandbox.ip("client", f"address add {address}/{bits} dev {path}", f"link set {path} up",
                       f"route add default via {gateway} dev {path} table {table}")
            sandbox.run("client", "ip", f"-{self.plan.version}", "rule", "add", "from", address,
                        "table", str(table))
            sandbox.ip("router", f"address add {gateway}/{bits} dev {path}", f"link set {path} up")
        first, second = self.plan.paths.items()
        sandbox.ip("client", f"mptcp endpoint add {second[1][0]} dev {second[0]} subflow",
                   f"route add default via {first[1][1]}")

    def _attach(self, name):
        """Connect a balancer or a server to the router."""
        sandbox = self._sandbox
        sandbox.ip("router", f"link add {name} mtu {INNER_MTU} type veth peer name eth0 "
                             f"mtu {INNER_MTU} netns {sandbox.namespace(name)}",
                   f"link set {name} up")
        sandbox.ip(name, "link set eth0 up")
        # What XDP on a veth needs of the other end: checksums that are complete, since XDP sees no
        # promise to compute them later; and GRO, without which a veth takes no frames from XDP.
        sandbox.run("router", "ethtool", "-K", name, "tx", "off", "gro", "on")
        for plan in {plan.version: plan for plan in (self.plan, self.members)}.values():
            address = plan.member(name)
            sandbox.ip("router", f"address add {plan.router} peer {address} dev {name}")
            sandbox.ip(name, f"address add {address} peer {plan.router} dev eth0",
                       # Of an IPv6 peer the kernel learns somewhat later.
                       f"route add default via {plan.router} dev eth0 onlink")
