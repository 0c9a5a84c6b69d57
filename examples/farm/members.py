# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The programs of a farm: balancers, agents, redirectors, the service, and who uses it."""

import contextlib
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from addresses import PATHS, PORT
from farm_file import FarmFile
from namespaces import FarmError, command
from routing import ROUTING
from topology import Topology

RELOADS_AT_ONCE = 2
NEW_KEYS_SECONDS = 60
RELAY_SECONDS = 10


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

    def __init__(self, sandbox, programs, size, roles, routing="static"):
        self.sandbox = sandbox
        self.topology = Topology(sandbox, size)
        self.file = FarmFile(sandbox.directory, programs.tool, self.topology)
        self._programs = programs
        self._roles = roles
        self._routing = routing
        self.routing = None
        self._relay = None
        # What runs, by the name of its machine.
        self.balancers = {}
        self.agents = {}
        self.redirectors = {}
        self.services = {}

    def build(self, rtt_ms):
        """Make the network, with a round trip between client and farm, and the farm file."""
        self.topology.build()
        for epoch in (0, 1):
            self.file.add_epoch(epoch)
        self.file.write()
        ports = [f"{end}-{path}" for path in PATHS for end in ("client", "router")]
        self._relay = self.sandbox.start(
            "relay", [self._programs.relay, str(round(rtt_ms * 500)), *ports], "the relay")

    def start(self):
        """Start everything that the farm file names, and send the service's packets to it."""
        balancers = [] if self._roles.balancer is None else self.file.balancers
        for name in balancers:
            self.start_balancer(name)
        # An agent that finds the service at its start is ready for it at once.
        for name in self.topology.servers:
            self._start_service(name)
            if self._roles.redirector is not None:
                self._start_redirector(name)
        self._start_agents()
        self.routing = ROUTING[self._routing](self)
        self.routing.announce(*(balancers or self.topology.servers))

    def frames_lost(self):
        """End the relay; how many frames it had no time for."""
        self._relay.terminate()
        return json.loads(self._relay.finish(RELAY_SECONDS))["overflowed"]

    def start_balancer(self, name):
        """Start a balancer."""
        self.balancers[name] = self._start_balancer(name, f"the balancer {name}",
                                                    self._roles.balancer)

    def _start_redirector(self, name):
        self.redirectors[name] = self._start_balancer(
            name, f"the redirector of {name}", ["--role", "redirector", *self._roles.redirector])

    def _start_balancer(self, name, title, options):
        return self.sandbox.start(name, [
            self._programs.balancer, "run", "--config", self.file.path, "--interface", "eth0",
            "--name", name, *options], title)

    def _start_service(self, name):
        self.services[name] = self.sandbox.start(name, [
            self._programs.traffic, "serve", "--address", self.topology.plan.service,
            "--port", str(PORT)], f"the service on {name}")

    def _start_agents(self):
        for name in self.services:
            self.agents[name] = self.sandbox.start(name, [
                self._programs.server, "run", "--config", self.file.path, "--server", name,
                "--interface", "eth0", *self._roles.server], f"the agent of {name}", ready=False)
        for agent in self.agents.values():
            agent.wait_ready()

    def reload_balancers(self, names=None):
        """Have balancers and redirectors read the farm file again; all, or those of these names."""
        with ThreadPoolExecutor(RELOADS_AT_ONCE) as pool:
            list(pool.map(self._reload_balancer, names or [*self.balancers, *self.redirectors]))

    def _reload_balancer(self, name):
        self.ask_balancer(name, "reload")

    def ask_balancer(self, name, question, *options):
        """What a balancer or redirector answers to one of mptcplb-balancer's commands."""
        return self.sandbox.run(name, self._programs.balancer, question, "--interface", "eth0",
                                *options)

    def all_refuse_reload(self):
        """Whether all balancers and redirectors refuse to read the farm file."""
        for name in [*self.balancers, *self.redirectors]:
            with contextlib.suppress(FarmError):
                self._reload_balancer(name)
                return False
        return True

    def reload_agents(self):
        """Have the agents read it again."""
        with ThreadPoolExecutor(RELOADS_AT_ONCE) as pool:
            list(pool.map(self._reload_agent, self.agents))

    def _reload_agent(self, name):
        self._ask_agent(name, "reload")

    def _ask_agent(self, name, question, *options):
        return self.sandbox.run(name, self._programs.server, question, "--server", name, *options)

    def wait_new_keys(self):
        """Wait until no agent has keys left of before the last reload."""
        end = time.monotonic() + NEW_KEYS_SECONDS
        for name in self.agents:
            while json.loads(self._ask_agent(name, "status", "--json"))["slots_unchecked"]:
                if time.monotonic() > end:
                    raise FarmError(f"the agent of {name} still has old keys after "
                                    f"{NEW_KEYS_SECONDS} s")
                time.sleep(0.2)

    def token_of(self, name):
        """A token that decodes to a server."""
        return json.loads(command(self._programs.tool, "token", "generate", "--config",
                                  self.file.path, "--server", name, "--json"))["token"]

    def kill_server(self, name):
        """Cut a server off, and end all that runs on it."""
        self.sandbox.ip("router", f"link set {name} down")
        for processes in (self.agents, self.redirectors, self.services):
            if name in processes:
                processes.pop(name).kill()

    def start_client(self, options, *flags):
        """Start the client's connections."""
        address, _ = self.topology.plan.paths[PATHS[0]]
        return self.sandbox.start("client", [
            self._programs.traffic, "connect", "--address", self.topology.plan.service,
            "--port", str(PORT), "--bind", address, *flags,
            *(f"--{name}={value}" for name, value in options.items())], "the client", ready=False)
