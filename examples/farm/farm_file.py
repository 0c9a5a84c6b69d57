# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The farm file of a farm in namespaces, and its secrets."""

import os

from addresses import PORT
from namespaces import command

FIRST_ID = 16


class FarmFile:
    """What the file says; change it, then write() it again."""

    def __init__(self, directory, tool, topology):
        self.path = os.path.join(directory, "farm.yaml")
        self._directory = directory
        self._tool = tool
        self._topology = topology
        self.active = 0
        self.epochs = {}  # which epoch has its secret in which file
        self.balancers = list(topology.balancers)
        self.states = {}  # of servers that are not up

    def add_epoch(self, epoch):
        """Give an epoch a new secret."""
        name = f"epoch{epoch}.key"
        self._write(name, command(self._tool, "genkey"))
        self.epochs[epoch] = name

    def write(self):
        """Put the file in the place of the one before, in one step."""
        self._write("farm.yaml", self._text())

    def _text(self):
        members = self._topology.members
        lines = ["token:", "  server_id_bits: 8", "  epoch_bits: 1", f"  active: {self.active}",
                 "  epochs:"]
        lines += [f"    - {{epoch: {epoch}, secret_file: {file}}}"
                  for epoch, file in sorted(self.epochs.items())]
        lines.append("servers:")
        lines += [f"  - {{name: {name}, address: {members.member(name)}, ids: [{id_}], "
                  f"state: {self.states.get(name, 'up')}}}"
                  for id_, name in enumerate(self._topology.servers, start=FIRST_ID)]
        lines.append("balancers:")
        lines += [f"  - {{name: {name}, address: {members.member(name)}}}"
                  for name in self.balancers]
        lines += ["services:", f"  - {{address: {self._topology.plan.service}, port: {PORT}}}"]
        return "\n".join(lines) + "\n"

    def _write(self, name, text):
        """Nobody but the owner of the run can read it."""
        new = os.path.join(self._directory, f"{name}.new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
        os.replace(new, os.path.join(self._directory, name))
