# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The programs of a farm: balancers, agents, redirectors, the service, and who uses it."""

import os
from typing import NamedTuple

from addresses import PATHS, PORT
from farm_file import FarmFile
from namespaces import FarmError
from topology import Topology


class Roles(NamedTuple):
    """What balancers, agents and redirectors are told beyond their names."""

    balancer: list  # None: no balancers, the router spreads over the servers
    server: list
    redirector: list = None  # None: no redirectors


ROLES = {
    "plain": Roles(["--no-tokens"], ["--decapsulate-only"]),
    "mptcplb": Roles([], []),
    "redirector": Roles(["--no-tokens"], [], []),
    "ecmp": Roles(None, [], []),
}


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


class Farm:
    """A network, a farm file, and the programs that run."""

    def __init__(self, sandbox, programs, size, roles):
        self.sandbox = sandbox
        self.topology = Topology(sandbox, size)
        self.file = FarmFile(sandbox.directory, programs.tool, self.topology, size)
        self._programs = programs
        self._roles = roles

    def build(self, rtt_ms):
        """Make the network, with a round trip between client and farm, and the farm file."""
        self.topology.build()
        for epoch in (0, 1):
            self.file.add_epoch(epoch)
        self.file.write()
        ports = [f"{end}-{path}" for path in PATHS for end in ("client", "router")]
        self.sandbox.start("relay", [self._programs.relay, str(round(rtt_ms * 500)), *ports],
                           "the relay")

    def start(self):
        """Start everything, and send the service's packets to it."""
        balancers = [] if self._roles.balancer is None else self.topology.balancers
        for name in balancers:
            self.start_balancer(name)
        # An agent that finds the service at its start is ready for it at once.
        for name in self.topology.servers:
            self.start_service(name)
        if self._roles.redirector is not None:
            for name in self.topology.servers:
                self.start_redirector(name)
        for agent in [self.start_agent(name, ready=False) for name in self.topology.servers]:
            agent.wait_ready()
        self.topology.spread_over(balancers or self.topology.servers)

    def start_balancer(self, name):
        """Start a balancer."""
        return self._start_balancer(name, f"the balancer {name}", self._roles.balancer)

    def start_redirector(self, name):
        """Start a server's redirector."""
        return self._start_balancer(name, f"the redirector of {name}",
                                    ["--role", "redirector", *self._roles.redirector])

    def _start_balancer(self, name, title, options):
        return self.sandbox.start(name, [
            self._programs.balancer, "run", "--config", self.file.path, "--interface", "eth0",
            "--name", name, *options], title)

    def start_service(self, name):
        """Start what answers clients on a server."""
        return self.sandbox.start(name, [
            self._programs.traffic, "serve", "--address", self.topology.plan.service,
            "--port", str(PORT)], f"the service on {name}")

    def start_agent(self, name, ready=True):
        """Start a server's agent."""
        return self.sandbox.start(name, [
            self._programs.server, "run", "--config", self.file.path, "--server", name,
            "--interface", "eth0", *self._roles.server], f"the agent of {name}", ready)

    def start_client(self, options):
        """Start the client's connections."""
        address, _ = self.topology.plan.paths[PATHS[0]]
        return self.sandbox.start("client", [
            self._programs.traffic, "connect", "--address", self.topology.plan.service,
            "--port", str(PORT), "--bind", address,
            *(f"--{name}={value}" for name, value in options.items())], "the client", ready=False)
