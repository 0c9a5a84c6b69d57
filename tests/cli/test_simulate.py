#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""mptcplb-tool simulate. Needs the environment that test_tool.py needs."""

import math
import unittest

from test_tool import ToolTest

SIGMAS = 5  # less than once in a million runs by chance; and a seed always gives the same
TOKENS = 2 ** 32


class Simulate(ToolTest):
    def simulate(self, **options):
        arguments = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        head, *rows = self.rows("simulate", *arguments)
        return head, rows

    def near(self, count, mean, variance):
        self.assertLess(abs(count - mean), SIGMAS * math.sqrt(variance), (count, mean))

    def test_random_tokens_collide_as_often_as_they_should(self):
        connections = 1000000
        counts = []
        for seed in range(1, 5):
            _, rows = self.simulate(connections=connections, seed=seed)
            counts.append(rows[0]["collisions"])
            # later holders of a token: all pairs, unless three share one
            self.assertLessEqual(rows[2]["misrouted"], rows[0]["collisions"])
            self.assertGreater(rows[2]["misrouted"], 0.9 * rows[0]["collisions"])
        mean = len(counts) * connections * (connections - 1) / 2 / TOKENS
        self.assertTrue(465 < mean < 466)
        self.near(sum(counts), mean, mean)
        self.assertGreater(len(set(counts)), 1)

    def test_where_joins_go(self):
        servers, balancers, connections = 16, 4, 100000
        head, rows = self.simulate(servers=servers, balancers=balancers, connections=connections)
        self.assertEqual([(row["tokens"], row["routing"]) for row in rows],
                         [("rfc8684", "hash"), ("rfc8684", "learned"), ("rfc8684", "shared"),
                          ("mptcplb", "decode")])
        self.assertEqual((head["server_id_bits"], head["epoch_bits"]), (4, 1))
        for row, share in zip(rows, (15 / 16, 15 / 16 * 3 / 4)):
            self.near(row["misrouted"], connections * share, connections * share * (1 - share))
            self.assertAlmostEqual(row["misrouted_expected"], connections * share)
        self.assertEqual((rows[3]["misrouted"], rows[3]["collisions"]), (0, 0))
        self.assertEqual({row["joins"] for row in rows}, {connections})

    def test_churn(self):
        connections = 100000
        _, rows = self.simulate(servers=10, connections=connections, rounds=3, churn=30)
        for tokens, per_round in (("rfc8684", 3), ("mptcplb", 1)):
            ours = [row for row in rows if row["tokens"] == tokens]
            self.assertEqual([row["round"] for row in ours],
                             [n for n in (1, 2, 3) for _ in range(per_round)])
            self.assertEqual(ours[0]["opened"], connections)
            for row in ours[per_round:]:
                self.near(row["opened"], connections * 0.3, connections * 0.3 * 0.7)
        self.assertEqual({(row["collisions"], row["misrouted"]) for row in rows
                          if row["tokens"] == "mptcplb"}, {(0, 0)})
        _, rows = self.simulate(servers=10, connections=1000, rounds=2, churn=0)
        self.assertEqual([row["opened"] for row in rows if row["routing"] == "decode"], [1000, 0])
        _, rows = self.simulate(servers=10, connections=1000, rounds=2, churn=100)
        self.assertEqual([row["opened"] for row in rows if row["routing"] == "decode"],
                         [1000, 1000])

    def test_a_seed_gives_the_same_again(self):
        first = self.simulate(connections=200000, seed=7, rounds=2)
        self.assertEqual(self.simulate(connections=200000, seed=7, rounds=2), first)
        self.assertNotEqual(self.simulate(connections=200000, seed=8, rounds=2)[1], first[1])

    def test_one_server_misroutes_nothing_by_hash(self):
        _, rows = self.simulate(servers=1, connections=1000)
        self.assertEqual(rows[0]["misrouted"], 0)

    def test_thousands_of_servers(self):
        head, rows = self.simulate(servers=5000, connections=20000)
        self.assertEqual(head["server_id_bits"], 13)
        self.assertEqual((rows[3]["misrouted"], rows[3]["collisions"]), (0, 0))

    def test_more_connections_than_nonces(self):
        error = self.tool("simulate", "--servers", "1000", "--connections", "300000000",
                          code=1).stderr
        self.assertIn("1000 servers have nonces for 262144000 connections", error)

    def test_command_lines(self):
        for arguments in (["--servers", "0"], ["--servers", "1048577"], ["--churn", "101"],
                          ["--churn", "-1"], ["--connections", "x"], ["--balancers", "0"],
                          ["--rounds", "0"], ["--seed", "4294967296"], ["x"],
                          ["--config", self.config]):
            with self.subTest(arguments=arguments):
                self.tool("simulate", *arguments, code=2)

    def test_the_table_tells_the_same(self):
        _, rows = self.simulate(servers=50, connections=50000)
        lines = self.tool("simulate", "--servers", "50", "--connections",
                          "50000").stdout.splitlines()
        self.assertIn("50 servers, 50000 connections, 4 balancers", lines[0])
        for line, row in zip(lines[-4:], rows):
            words = line.split()
            self.assertEqual(words[1:3], [row["tokens"], row["routing"]])
            self.assertEqual((int(words[4]), int(words[6])), (row["collisions"], row["misrouted"]))


if __name__ == "__main__":
    unittest.main()
