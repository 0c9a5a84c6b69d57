# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The farm's addresses, from the blocks that are set aside for documentation."""

from typing import NamedTuple

MAX_BALANCERS = 10
MAX_SERVERS = 200


class Plan(NamedTuple):
    """Who has which address of one IP version."""

    version: int
    host_bits: int  # the prefix length of a single address
    service: str
    router: str
    member_format: str
    balancer_net: str
    # The client's two addresses, each with the router's address on that path.
    paths: dict
    path_bits: int

    def host(self, address):
        """An address as the prefix that holds nothing else."""
        return f"{address}/{self.host_bits}"

    def member(self, name):
        """The address of lb-1, lb-2, ... or web-1, web-2, ..."""
        kind, _, number = name.partition("-")
        return self.member_format.format(int(number) + (MAX_BALANCERS if kind == "web" else 0))


PLANS = {
    4: Plan(4, 32, "198.51.100.1", "192.0.2.254", "192.0.2.{}", "192.0.2.0/28",
            {"path1": ("203.0.113.2", "203.0.113.1"), "path2": ("203.0.113.6", "203.0.113.5")}, 30),
    6: Plan(6, 128, "2001:db8:1::1", "2001:db8:2::fffe", "2001:db8:2::{:x}", "2001:db8:2::/124",
            {"path1": ("2001:db8:3:1::2", "2001:db8:3:1::1"),
             "path2": ("2001:db8:3:2::2", "2001:db8:3:2::1")}, 64),
}
PATHS = ("path1", "path2")
PORT = 443
