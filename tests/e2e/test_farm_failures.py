#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Changes and failures of a small farm, with BIRD on router and balancers: nothing is lost."""

import os
import subprocess
import sys
import unittest

SCRIPT = os.path.join(os.environ["MPTCPLB_SOURCE_DIR"], "bench/farm_failures")
SMALL = ["--build", os.environ["MPTCPLB_BUILD_DIR"], "--connections", "20", "--probes", "10",
         "--servers", "4", "--balancers", "2", "--pause", "500", "--window", "3"]


def run(*options):
    """The script's exit code and what it printed."""
    done = subprocess.run([sys.executable, SCRIPT, *SMALL, *options], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


class Failures(unittest.TestCase):
    """The script itself judges: it ends with 0 only when nothing was lost that need not be."""

    def test_redirectors_lose_no_subflow(self):
        for ip, steps in ((4, "kill_balancer,add_balancer,kill_server"),
                          (6, "kill_balancer,add_balancer")):
            with self.subTest(ip=ip):
                code, output = run("--roles", "redirector", "--routing", "bgp", "--ip", str(ip),
                                   "--steps", steps)
                self.assertEqual(code, 0, output)
                for step in ("a balancer is killed", "a balancer is added"):
                    self.assertRegex(output, rf"(?m)^{step} +[0-9.]+ +20 +[0-9]+ +40 +10 +10 +0$")

    def test_balancers_lose_no_connection_to_changes_of_the_farm_file(self):
        code, output = run("--roles", "mptcplb", "--steps", "broken_files,roll_epochs,drain,settle")
        self.assertEqual(code, 0, output)


if __name__ == "__main__":
    unittest.main()
