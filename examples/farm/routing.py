# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""How the router knows the balancers: it is told, or they announce themselves with BIRD."""

import os
import re
import shutil
import signal
import time

from addresses import PLANS
from namespaces import FarmError

# What a router or a health check needs to see that somebody is gone, where BFD does not tell it.
DETECTION_SECONDS = 1
WAIT_SECONDS = 30
TEMPLATES = os.path.join(os.path.dirname(os.path.realpath(__file__)), "bird")


class Static:
    """Somebody tells the router."""

    def __init__(self, farm):
        self._farm = farm
        self._names = []

    def announce(self, *names):
        """Packets go to these balancers too from now on."""
        self._names += names
        self._farm.topology.spread_over(self._names)

    def withdraw(self, name):
        """They do not go to this one any more."""
        self._names.remove(name)
        self._farm.topology.spread_over(self._names)

    def lose(self, name):
        """This one is gone, and somebody will notice."""
        time.sleep(DETECTION_SECONDS)
        self.withdraw(name)


class Bgp:
    """Each balancer announces the service by BGP, and BFD tells the router when one is gone."""

    def __init__(self, farm):
        self._sandbox = farm.sandbox
        self._plan = farm.topology.plan
        if farm.topology.members != self._plan:
            raise FarmError("BIRD's configuration here is for a farm of one IP version")
        if not shutil.which("bird"):
            raise FarmError("`bird` is missing; `scripts/install-packages bird` installs it")
        self._birds = {}
        self._start("router", "router.conf", {
            "balancer_net": self._plan.balancer_net, "router_address": self._plan.router})

    def announce(self, *names):
        """Start BIRD on these balancers; come back when the router sends packets to all of them."""
        for name in names:
            self._start(name, "balancer.conf", {
                "balancer_id": PLANS[4].member(name), "balancer_address": self._plan.member(name),
                "router_address": self._plan.router})
        for name in names:
            self._wait(name, True)

    def withdraw(self, name):
        """Have this one say that it wants no packets; come back when it gets none."""
        self._sandbox.run(name, "birdc", "-s", self._path(name, "ctl"), "disable", "service")
        self._wait(name, False)

    def lose(self, name):
        """This one is gone without a word; come back when the router has noticed."""
        self._birds[name].signal(signal.SIGSTOP)
        self._wait(name, False)
        self._birds[name].kill()

    def _path(self, name, kind):
        return os.path.join(self._sandbox.directory, f"bird-{name}.{kind}")

    def _start(self, name, template, definitions):
        with open(os.path.join(TEMPLATES, template), encoding="utf-8") as file:
            text = file.read()
        for key, value in {**definitions, "service_address": self._plan.host(self._plan.service)}.items():
            text = re.sub(rf"(?m)^define {key} = [^;]*;", f"define {key} = {value};", text)
        text = re.sub(r"\bipv4\b", f"ipv{self._plan.version}", text)
        with open(self._path(name, "conf"), "w", encoding="utf-8") as file:
            file.write(text)
        self._birds[name] = self._sandbox.start(name, [
            "bird", "-f", "-c", self._path(name, "conf"), "-s", self._path(name, "ctl"),
            "-P", self._path(name, "pid")], f"BIRD on {name}", ready=False)

    def _wait(self, name, wanted):
        """Wait until the router's kernel sends packets to a balancer, or does not."""
        end = time.monotonic() + WAIT_SECONDS
        while self._is_used(name) != wanted:
            self._sandbox.check_running()
            if time.monotonic() > end:
                raise FarmError(f"after {WAIT_SECONDS} s the router does "
                                f"{'not' if wanted else 'still'} send packets to {name}: "
                                f"{self._birds['router'].errors()}")
            time.sleep(0.02)

    def _is_used(self, name):
        route = self._sandbox.run("router", "ip", f"-{self._plan.version}", "route", "show",
                                  self._plan.service)
        return re.search(rf"\bdev {name}\b", route) is not None


ROUTING = {"static": Static, "bgp": Bgp}
