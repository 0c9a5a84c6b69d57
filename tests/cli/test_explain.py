#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""mptcplb-balancer explain --config: where the farm file alone sends packets, without a balancer
that runs and without any capability.

Needs MPTCPLB_BALANCER (the program) and MPTCPLB_SOURCE (this project's folder) in the environment.
That its hash is the one of the data plane is shown in tests/bpf.
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.environ["MPTCPLB_SOURCE"], "tests", "vectors"))
import frames  # noqa: E402
import model  # noqa: E402

SECRET = "3f1c7a52e0d94b8896a5c10b7e2d6f43"
B, E, EPOCH = 8, 1, 0
SERVERS = [
    "{name: web-1, address: 192.0.2.11, ids: [17]}",
    "{name: web-2, address: 192.0.2.12, ids: [18, 19]}",
    "{name: web-3, address: 192.0.2.13, ids: [20], state: draining}",
    "{name: web-4, address: 192.0.2.14, ids: [21], state: down}",
    "{name: web-5, address: 192.0.2.15, ids: [22], weight: 300}",
]
SERVICES = """services:
  - {address: 198.51.100.1, port: 443, servers: [web-1, web-2, web-3, web-4]}
  - {address: "2001:db8::1", port: 5000, port_last: 5999}
"""
CLIENT, SERVICE = ("203.0.113.5", 40001), ("198.51.100.1", 443)


def farm(servers):
    return (f"token:\n  server_id_bits: {B}\n  epoch_bits: {E}\n  active: {EPOCH}\n  epochs:\n"
            f'    - {{epoch: {EPOCH}, secret: "{SECRET}"}}\nservers:\n' +
            "".join(f"  - {server}\n" for server in servers) + SERVICES)


def token_of(server_id, epoch=EPOCH):
    return model.token_encode(bytes.fromhex(SECRET), E, B, epoch, server_id, 4711)


class Explain(unittest.TestCase):
    def setUp(self):
        self.directory = self.enterContext(tempfile.TemporaryDirectory(prefix="mptcplb-explain-"))
        self.config = self.write(farm(SERVERS))

    def write(self, text):
        path = os.path.join(self.directory, "farm.yaml")
        with open(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w",
                  encoding="utf-8") as file:
            file.write(text)
        return path

    def explain(self, *arguments, code=0):
        done = subprocess.run(
            ["setpriv", "--bounding-set=-all", "--inh-caps=-all", os.environ["MPTCPLB_BALANCER"],
             "explain", "--config", self.config, *map(str, arguments)],
            capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertNotIn(SECRET, done.stdout + done.stderr)
        return done.stderr if code else done.stdout

    def answers(self, *arguments):
        return json.loads(self.explain("--json", *arguments))

    def server_of(self, *arguments):
        """Of the first answer."""
        return self.answers(*arguments)[0]["server"]

    def test_tokens(self):
        for name, server_id in (("web-1", 17), ("web-2", 18), ("web-2", 19), ("web-3", 20),
                                ("web-5", 22)):
            self.assertEqual(self.server_of(f"{token_of(server_id):08x}"), name)
        for words, token in (("the token 0 is nobody's", 0),
                             ("is of epoch 1, which has no secret", token_of(17, epoch=1)),
                             ("server id 23 has no owner", token_of(23)),
                             ("server id 21 is web-4's, which is down", token_of(21))):
            said = self.explain(f"{token:08x}")
            self.assertTrue(said.startswith("a join with this token: hashed like any SYN\n"), said)
            self.assertIn(words, said)

    def test_joins(self):
        def packet(server_id, service=SERVICE, client=CLIENT):
            return frames.packet(client, service, frames.SYN, frames.join(token_of(server_id)))

        self.assertEqual(self.server_of(packet(19).hex()), "web-2")
        self.assertEqual(self.server_of(frames.frame(packet(19)).hex()), "web-2")
        self.assertEqual(self.server_of(packet(20).hex()), "web-3")
        answer, = self.answers(packet(22).hex())
        self.assertIn("it does not answer on this service", answer["steps"])
        self.assertIn(answer["server"], ("web-1", "web-2"))
        ipv6 = packet(22, ("2001:db8::1", 5999), ("2001:db8::c", 40001))
        self.assertEqual(self.server_of(ipv6.hex()), "web-5")

    def test_4_tuples(self):
        fresh, later = self.answers(*CLIENT, *SERVICE)
        self.assertEqual(fresh["packet"], "a SYN without MP_JOIN")
        self.assertIn(fresh["server"], ("web-1", "web-2"))
        self.assertEqual(later["packet"], "any other packet")
        self.assertIn("what a balancer remembers of this flow comes first: the file does not tell",
                      later["steps"])
        said = self.explain(*CLIENT, "198.51.100.1", 80)
        self.assertIn("no service is on this address and port: left to the local stack", said)

    def test_new_flows_are_spread_by_weight_and_not_by_the_order_of_the_file(self):
        def spread():
            return [self.server_of("2001:db8::c", port, "2001:db8::1", 5000)
                    for port in range(1000, 1040)]

        before = spread()
        self.write(farm(reversed(SERVERS)))
        self.assertEqual(spread(), before)
        self.assertEqual(set(before), {"web-1", "web-2", "web-5"})
        self.assertGreater(before.count("web-5"), 16)

    def test_what_is_wrong_is_told(self):
        self.write(farm(SERVERS).replace("ids: [22]", "ids: [300]"))
        self.assertIn(f"{self.config}:12: ", self.explain("0", code=1))
        os.unlink(self.config)
        self.assertIn(f"{self.config}: No such file", self.explain("0", code=1))
        self.assertIn("either --config or --interface",
                      self.explain("--interface", "lo", "0", code=2))


if __name__ == "__main__":
    unittest.main()
