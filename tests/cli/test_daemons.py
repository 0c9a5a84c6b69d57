#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The manual pages of mptcplb-balancer and mptcplb-server, and their completion in bash, against
what the programs say with --help.

Needs MPTCPLB_BALANCER and MPTCPLB_SERVER (the programs) and MPTCPLB_SOURCE (this project's folder)
in the environment.
"""

import os
import re
import subprocess
import tempfile
import unittest

SOURCE = os.environ["MPTCPLB_SOURCE"]
PROGRAMS = {"mptcplb-balancer": os.environ["MPTCPLB_BALANCER"],
            "mptcplb-server": os.environ["MPTCPLB_SERVER"]}
OPTION = r"--[a-z]+(?:-[a-z]+)*"


def commands_of(program):
    """The commands of a program, and the options of each."""
    text = subprocess.run([PROGRAMS[program], "--help"], check=True, capture_output=True,
                          text=True).stdout
    parts = re.split(rf"^  {program} ([a-z]+) ", text.split("Usage:")[1], flags=re.MULTILINE)
    commands = dict(zip(parts[1::2], parts[2::2]))
    options = {name: set(re.findall(OPTION, part.split(f"  {program} --help")[0]))
               for name, part in commands.items()}
    if "[the options of run]" in commands.get("check", ""):
        options["check"] = options["run"]
    return options


def headings_of(program, section):
    """The first lines of the paragraphs with a tag in a section of a manual."""
    with open(os.path.join(SOURCE, "docs", program + ".8"), encoding="utf-8") as file:
        manual = file.read().replace("\\-", "-").replace("\\ ", " ")
    text = manual.split(f".SH {section}\n")[1].split(".SH ")[0]
    return re.findall(r"^\.TP\n\.BI? \"?(.*)", text, re.MULTILINE)


class Manuals(unittest.TestCase):
    def test_help_of_each_command(self):
        for program, path in PROGRAMS.items():
            whole = subprocess.run([path, "--help"], check=True, capture_output=True,
                                   text=True).stdout
            for command in commands_of(program):
                for argv in ([command, "--help"], [command, "--json", "-h"]):
                    said = subprocess.run([path, *argv], check=True, capture_output=True,
                                          text=True).stdout
                    self.assertTrue(said.startswith(f"Usage: {program} {command} "), said)
                    self.assertIn(said.removeprefix("Usage: "), whole)

    def test_commands_and_options_are_those_of_the_help(self):
        for program in PROGRAMS:
            with self.subTest(program):
                commands = commands_of(program)
                self.assertGreater(len(commands), 5)
                described = {heading.split()[0]: heading
                             for heading in headings_of(program, "COMMANDS")}
                self.assertEqual(list(described), list(commands))
                for name in set(commands) - {"run", "check"}:  # of which not all are in a heading
                    self.assertEqual(set(re.findall(OPTION, described[name])), commands[name])
                options = [heading.split()[0] for heading in headings_of(program, "OPTIONS")]
                self.assertEqual(len(options), len(set(options)))
                self.assertEqual(set(options),
                                 set.union({"--help", "--version"}, *commands.values()))


class Completion(unittest.TestCase):
    def complete(self, program, *words):
        """What bash would offer for the last word."""
        script = (f". {SOURCE}/examples/common/mptcplb-daemon.bash; COMP_WORDS=(\"$@\"); "
                  "COMP_CWORD=$(($# - 1)); _mptcplb_daemon; printf '%s\\n' \"${COMPREPLY[@]}\"")
        with tempfile.TemporaryDirectory(prefix="mptcplb-complete-") as directory:
            with open(os.path.join(directory, "farm.yaml"), "w", encoding="utf-8"):
                pass
            return set(subprocess.run(["bash", "-c", script, "bash", PROGRAMS[program], *words],
                                      check=True, capture_output=True, text=True,
                                      cwd=directory).stdout.split())

    def test_it_offers_what_there_is(self):
        for program in PROGRAMS:
            commands = commands_of(program)
            self.assertEqual(self.complete(program, ""), {*commands, "--help", "--version"})
            for command, options in commands.items():
                with self.subTest(program, command=command):
                    self.assertEqual(self.complete(program, command, "--"), options)
            self.assertEqual(self.complete(program, "run", "--config", "fa"), {"farm.yaml"})
            self.assertIn("lo", self.complete(program, "run", "--interface", ""))
        self.assertEqual(self.complete("mptcplb-balancer", "run", "--role", "r"), {"redirector"})
        self.assertEqual(self.complete("mptcplb-balancer", "run", "--flows", ""), set())
        self.assertEqual(self.complete("mptcplb-balancer", "run", "--no-tokens", "--fl"),
                         {"--flows"})
        self.assertEqual(self.complete("mptcplb-server", "run", "--attach", "c"), {"clsact"})


if __name__ == "__main__":
    unittest.main()
