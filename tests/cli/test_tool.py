#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""mptcplb-tool as its users meet it: command lines, exit codes, output.

Needs MPTCPLB_TOOL (the program) and MPTCPLB_SOURCE (this project's folder) in the environment.
What the tool says of tokens and keys is compared with tests/vectors/model.py and hashlib.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

TOOL = os.environ["MPTCPLB_TOOL"]
SOURCE = os.environ["MPTCPLB_SOURCE"]
sys.path.insert(0, os.path.join(SOURCE, "tests", "vectors"))
import file_modes  # noqa: E402
import model  # noqa: E402

SECRET_0 = "df6af1d8303e61cdc4bb86c3d1c42710"
SECRET_1 = "3f1c7a52e0d94b8896a5c10b7e2d6f43"

SERVERS = """servers:
  - {name: web-1, address: 192.0.2.11, ids: [17]}
  - {name: web-2, address: 192.0.2.12, ids: [18, 19], state: draining}
  - {name: web-3, address: 192.0.2.13, ids: [20], state: down}
balancers:
  - {name: lb-1, address: 192.0.2.1}
services:
  - {address: 198.51.100.1, port: 443}
  - {address: "2001:db8::1", port: 5000, port_last: 5999, servers: [web-1, web-3]}
"""


def token_section(b=8, e=1, active=0, epochs=((0, SECRET_0),)):
    lines = [f"token:\n  server_id_bits: {b}\n  epoch_bits: {e}\n  active: {active}\n  epochs:\n"]
    lines += [f'    - {{epoch: {epoch}, secret: "{secret}"}}\n' for epoch, secret in epochs]
    return "".join(lines)


def one_server(b, e, epoch, secret, server_id):
    """A farm that owns one id."""
    return (token_section(b, e, epoch, [(epoch, secret)]) +
            f"servers:\n  - {{name: s, address: 192.0.2.1, ids: [{server_id}]}}\n")


class ToolTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory(prefix="mptcplb-cli-")
        self.addCleanup(self.directory.cleanup)
        self.config = self.write("farm.yaml", token_section() + SERVERS)

    def write(self, name, text, mode=0o600):
        path = os.path.join(self.directory.name, name)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        os.chmod(path, mode)
        return path

    def tool(self, *arguments, code=0, **options):
        result = subprocess.run([TOOL, *arguments], capture_output=True, text=True,
                                errors="surrogateescape", stdin=subprocess.DEVNULL, **options)
        self.assertEqual(result.returncode, code, f"{arguments}: {result.stderr}{result.stdout}")
        # an error is told on stderr, and a success is not
        self.assertEqual(bool(result.stderr), code != 0, result.stderr)
        if code:
            self.assertEqual(result.stdout, "")
        return result

    def rows(self, *arguments):
        """The objects that a command prints with --json."""
        lines = self.tool(*arguments, "--json").stdout.splitlines()
        return [json.loads(line) for line in lines]

    def refuse(self, line, words, text, **options):
        """A farm file is refused with an error at this line."""
        path = self.write("broken.yaml", text)
        error = self.tool("check", "--config", path, code=1, **options).stderr
        self.assertIn(f"mptcplb-tool: {path}:{line}: ", error)
        self.assertIn(words, error)
        self.assertEqual(error.count("\n"), 1, error)
        self.assertNotIn(SECRET_0[:8], error)
        return error


class Commands(ToolTest):
    COMMANDS = ("genkey", "check", "token decode", "token generate", "key derive", "key generate",
                "option decode", "pcap", "simulate")

    def test_version_and_help(self):
        self.assertRegex(self.tool("--version").stdout, r"^mptcplb-tool \d+\.\d+\.\d+\n$")
        overview = self.tool("--help").stdout
        for command in self.COMMANDS:
            self.assertIn(f"  {command} ", overview)
            self.assertIn(f"Usage: mptcplb-tool {command}",
                          self.tool(*command.split(), "--help").stdout)

    def test_help_of_the_first_word_of_two(self):
        said = self.tool("token", "--help").stdout
        self.assertIn("Usage: mptcplb-tool token decode", said)
        self.assertIn("Usage: mptcplb-tool token generate", said)
        self.assertNotIn("key", said)
        self.assertIn("no command 'tok'", self.tool("tok", "--help", code=2).stderr)
        self.assertIn("COMMAND --help", self.tool("token", code=2).stderr)

    def test_the_manual_names_everything(self):
        overview = self.tool("--help").stdout.split("Commands:")[1].split("mptcplb-tool COMMAND")[0]
        names = [line[2:18].strip() for line in overview.splitlines() if line]
        self.assertEqual(sorted(names), sorted(self.COMMANDS))
        with open(os.path.join(SOURCE, "docs", "mptcplb-tool.1"), encoding="utf-8") as file:
            manual = file.read().replace("\\-", "-")
        for command in names:
            self.assertRegex(manual, rf"\n\.BI? [\"]?{command}")
            for option in re.findall(r"--[a-z]+", self.tool(*command.split(), "--help").stdout):
                self.assertIn(option, manual)

    def complete(self, *words):
        """What bash would offer for the last word."""
        script = (f". {SOURCE}/tools/mptcplb-tool.bash; COMP_WORDS=(\"$@\"); "
                  "COMP_CWORD=$(($# - 1)); _mptcplb_tool; printf '%s\\n' \"${COMPREPLY[@]}\"")
        return set(subprocess.run(["bash", "-c", script, "bash", "mptcplb-tool", *words],
                                  check=True, capture_output=True, text=True,
                                  cwd=self.directory.name).stdout.split())

    def test_completion_offers_what_there_is(self):
        self.assertEqual(self.complete("") - {"--help", "--version"},
                         {command.split()[0] for command in self.COMMANDS})
        for command in self.COMMANDS:
            words = command.split()
            if len(words) == 2:
                self.assertIn(words[1], self.complete(words[0], ""))
            options = set(re.findall(r"--[a-z]+", self.tool(*words, "--help").stdout))
            self.assertEqual(self.complete(*words, "--") - {"--help"}, options)
        self.assertEqual(self.complete("key", "derive", "--mode", "r"), {"rfc8684"})
        self.assertEqual(self.complete("pcap", "farm"), {"farm.yaml"})
        self.assertEqual(self.complete("check", "--config", "fa"), {"farm.yaml"})

    def test_wrong_command_lines(self):
        config = ["--config", self.config]
        generate = ["token", "generate", *config, "--server", "web-1"]
        for arguments in (
                [], ["frob"], ["token"], ["token", "frob"], ["--frob"], ["genkey", "x"],
                ["genkey", "--json"], ["check"], ["check", "--config"],
                ["check", *config, self.config], ["check", *config, *config],
                ["token", "decode", *config], ["token", "decode", "00000001"],
                ["token", "decode", *config, "0000001"],
                ["token", "decode", *config, "000000001"],
                ["token", "decode", *config, "0x"],
                ["token", "decode", *config, "00000001", "0000000g"],
                ["token", "decode", *config, " 0000001"],
                ["token", "decode", *config, ""],
                ["token", "generate", *config],
                [*generate, "--count", "0"], [*generate, "--count", "-1"],
                [*generate, "--count", "1000001"], [*generate, "--count", "1x"],
                [*generate, "--count", ""], [*generate, "--nonce", "4294967296"],
                [*generate, "--nonce", "x"], [*generate, "--mode", "rfc8684"],
                ["key", "derive", "0011223344556677"],
                ["key", "derive", "--mode", "frob", "0011223344556677"],
                ["key", "derive", "--mode", "rfc8684"],
                ["key", "derive", "--mode", "rfc8684", "00112233445566"],
                ["key", "derive", "--mode", "rfc8684", "00112233445566778"],
                ["key", "generate", *config, "--server", "web-1"],
                ["key", "generate", "--mode", "rfc8684", "--server", "web-1"]):
            with self.subTest(arguments=arguments):
                self.tool(*arguments, code=2)

    def test_an_unknown_command_is_named(self):
        for word, told in (("tokn", "no command 'tokn': did you mean token decode, token generate?"),
                           ("key", "no command 'key': did you mean key derive, key generate?"),
                           ("pcaps", "no command 'pcaps': did you mean pcap?"),
                           ("frob", "no command 'frob'\n"), (SECRET_0, "no command '…'\n")):
            with self.subTest(word=word):
                self.assertIn(told, self.tool(word, code=2).stderr)

    def test_a_malformed_operand_stops_before_any_output(self):
        result = self.tool("token", "decode", "--config", self.config, "00000001", "xyz", code=2)
        self.assertIn("'xyz' is not a token: expected 8 hex digits", result.stderr)

    def test_a_full_disk_is_a_failure(self):
        with open("/dev/full", "w") as full:
            result = subprocess.run([TOOL, "genkey"], stdout=full, stderr=subprocess.PIPE,
                                    text=True)
        self.assertEqual(result.returncode, 1)
        self.assertIn("cannot write", result.stderr)


class Genkey(ToolTest):
    def test_secrets_are_32_hex_digits_and_differ(self):
        secrets = {self.tool("genkey").stdout for _ in range(20)}
        self.assertEqual(len(secrets), 20)
        for secret in secrets:
            self.assertRegex(secret, r"^[0-9a-f]{32}\n$")

    def test_a_secret_is_a_secret_file(self):
        self.write("epoch0.key", self.tool("genkey").stdout)
        text = token_section(epochs=()) + "    - {epoch: 0, secret_file: epoch0.key}\n" + SERVERS
        path = self.write("files.yaml", text, 0o644)
        self.tool("check", "--config", path)

    def test_a_file_that_others_can_read_gets_a_warning(self):
        for mode, warned in ((0o644, True), (0o602, True), (0o640, False), (0o600, False)):
            with self.subTest(mode=oct(mode)):
                with open(self.write("key", "", mode), "w") as file:
                    result = subprocess.run([TOOL, "genkey"], stdout=file,
                                            stderr=subprocess.PIPE, text=True)
                self.assertEqual(result.returncode, 0)
                self.assertEqual("others can access" in result.stderr, warned, result.stderr)


class Check(ToolTest):
    def test_the_summary_names_everything(self):
        text = self.tool("check", "--config", self.config).stdout
        for words in ("web-1", "192.0.2.12", "draining", "down", "lb-1", "198.51.100.1 port 443",
                      "2001:db8::1 ports 5000-5999  2 of 3 servers", "18-19", "0 (active)", "8388608", "warning: web-2 is draining",
                      "warning: web-3 is down"):
            self.assertIn(words, text)
        self.assertNotIn(SECRET_0, text)

    def test_json(self):
        (farm,) = self.rows("check", "--config", self.config)
        self.assertEqual((farm["server_id_bits"], farm["epoch_bits"], farm["active"]), (8, 1, 0))
        self.assertEqual(farm["epochs"], [0])
        self.assertEqual(farm["nonces_per_id"], 2 ** 23)
        self.assertEqual((farm["ids"], farm["ids_owned"]), (256, 4))
        self.assertEqual([server["ids"] for server in farm["servers"]], [[17], [18, 19], [20]])
        self.assertEqual([server["key_tries"] for server in farm["servers"]], [512, 256, 512])
        self.assertEqual(farm["servers"][1]["id_share"], 2 / 256)
        self.assertEqual(farm["balancers"], [{"name": "lb-1", "address": "192.0.2.1"}])
        self.assertEqual(farm["services"][0]["servers"], ["web-1", "web-2", "web-3"])
        self.assertEqual([(service["port"], service["port_last"]) for service in farm["services"]],
                         [(443, 443), (5000, 5999)])
        self.assertEqual(len(farm["warnings"]), 2)

    def test_warnings(self):
        def warnings(text):
            (farm,) = self.rows("check", "--config", self.write("w.yaml", text))
            return " ".join(farm["warnings"])

        self.assertIn("epoch_bits is 0", warnings(one_server(8, 0, 0, SECRET_0, 1)))
        self.assertIn("tries for a key", warnings(one_server(24, 1, 0, SECRET_0, 1)))
        text = token_section(b=1) + "servers: [{name: a, address: 192.0.2.1, ids: [0, 1]}]\n"
        self.assertIn("every id has an owner", warnings(text))
        text = token_section() + SERVERS + ("  - {address: 198.51.100.2, port: 80, "
                                            "servers: [web-3]}\n")
        self.assertIn("service 198.51.100.2 port 80 has no server that is up", warnings(text))
        text = token_section() + SERVERS + ("  - {address: 198.51.100.2, port: 80, port_last: 90, "
                                            "servers: [web-3]}\n")
        self.assertIn("service 198.51.100.2 ports 80-90 has no server that is up", warnings(text))
        self.assertEqual("", warnings(one_server(8, 1, 0, SECRET_0, 1)))


class FarmFile(ToolTest):
    """One of each kind of broken file; tests/unit/test_farm.c has them all."""

    def test_broken_yaml(self):
        good = token_section() + SERVERS
        self.refuse(1, "the file is empty", "")
        self.refuse(8, "not valid YAML", token_section() + "servers:\n\t- {}\n")
        self.refuse(16, "not valid YAML", good + "  - {address: [")
        self.refuse(1, "not valid YAML", b"\x7fELF\x02\x01\x01\0\0\0")
        self.refuse(1, "not valid YAML", b"token: \xff\xfe\n")
        self.refuse(1, "nested deeper", "[" * 100000)
        self.refuse(1, "alias", "a: &a [*a, *a]\n")
        self.refuse(16, "second YAML document", good + "---\n" + good)
        self.refuse(16, "already on line 1", good + "token: 1\n")
        self.refuse(16, "unknown field 'frob'", good + "frob: 1\n")
        self.refuse(7, "expected a list", token_section() + "servers: 1\n")

    def test_tokens_and_secrets(self):
        self.refuse(6, "has 31 hex digits: expected 32",
                    token_section(epochs=[(0, SECRET_1[:31])]) + SERVERS)
        self.refuse(6, "has 33 hex digits", token_section(epochs=[(0, SECRET_1 + "0")]) + SERVERS)
        self.refuse(6, "the secret is all zero",
                    token_section(epochs=[(0, "0" * 32)]) + SERVERS)
        self.refuse(6, "epoch: 2 is out of range", token_section(epochs=[(2, SECRET_1)]) + SERVERS)
        self.refuse(4, "epoch 1 has no secret", token_section(active=1) + SERVERS)
        self.refuse(7, "same secret",
                    token_section(epochs=[(0, SECRET_0), (1, SECRET_0)]) + SERVERS)

    def test_duplicate_ids(self):
        error = self.refuse(9, "19 of b is already owned by a on line 8", token_section() +
                            "servers:\n  - {name: a, address: 192.0.2.1, ids: [19]}\n"
                            "  - {name: b, address: 192.0.2.2, ids: [18, 19]}\n")
        self.assertIn("expected another", error)

    def test_a_world_readable_secret(self):
        path = self.write("open.yaml", token_section() + SERVERS, 0o644)
        error = self.tool("check", "--config", path, code=1).stderr
        self.assertIn(f"{path}:6: ", error)
        self.assertIn(f"(mode 0644): chmod o-rwx {path}", error)
        key = self.write("open.key", SECRET_0, 0o604)
        error = self.refuse(6, f"chmod o-rwx {key}", token_section(epochs=()) +
                            "    - {epoch: 0, secret_file: open.key}\n" + SERVERS)
        self.assertIn("mode 0604", error)

    def test_an_unreadable_secret(self):
        key = self.write("mine.key", SECRET_0)
        path = self.write("shared.yaml", token_section(epochs=()) +
                          "    - {epoch: 0, secret_file: mine.key}\n" + SERVERS, 0o644)
        self.tool("check", "--config", path)
        options = {"preexec_fn": file_modes.obey}
        os.chmod(key, 0)
        os.chmod(self.config, 0)
        error = self.tool("check", "--config", path, code=1, **options).stderr
        self.assertIn(f"{path}:6: ", error)
        self.assertIn("mine.key: Permission denied", error)
        error = self.tool("check", "--config", self.config, code=1, **options).stderr
        self.assertIn(f"{self.config}: Permission denied", error)

    def test_what_is_no_file(self):
        missing = os.path.join(self.directory.name, "missing")
        fifo = os.path.join(self.directory.name, "fifo")
        os.mkfifo(fifo)
        for path, words in ((missing, "No such file"), (self.directory.name, "not a regular file"),
                            (fifo, "not a regular file"), ("/dev/zero", "not a regular file")):
            with self.subTest(path=path):
                error = self.tool("check", "--config", path, code=1).stderr
                self.assertEqual(error.count("\n"), 1)
                self.assertIn(f"{path}: ", error)
                self.assertIn(words, error)

    def test_each_command_refuses_a_broken_file(self):
        path = self.write("broken.yaml", "token: 1\n")
        for arguments in (["token", "decode", "00000001"], ["token", "generate", "--server", "1"],
                          ["key", "generate", "--server", "1", "--mode", "rfc8684"],
                          ["key", "derive", "--mode", "rfc8684", "0011223344556677"]):
            with self.subTest(arguments=arguments):
                self.tool(*arguments, "--config", path, code=1)


class Token(ToolTest):
    # e, b, secret, epoch, server, nonce, token: the examples of docs/token-format.md
    EXAMPLES = (
        (0, 19, "df6af1d8303e61cdc4bb86c3d1c42710", 0, 123646, 8117, "1b8a96b3"),
        (1, 10, "3f1c7a52e0d94b8896a5c10b7e2d6f43", 1, 700, 1234567, "9740eacc"),
        (2, 14, "760e819b85c924c3597164c4a6058a00", 3, 8727, 29984, "d72cc3a4"),
        (2, 16, "1bcccea696762e6116c6e9c92d99bf35", 0, 63944, 928, "30946fa6"),
    )

    def test_examples(self):
        for e, b, secret, epoch, server_id, nonce, token in self.EXAMPLES:
            with self.subTest(token=token):
                path = self.write("e.yaml", one_server(b, e, epoch, secret, server_id))
                expected = {"token": token, "epoch": epoch, "server_id": server_id,
                            "nonce": nonce, "routable": True, "server": "s"}
                decode = ("token", "decode", "--config", path)
                generate = ("token", "generate", "--config", path, "--nonce", str(nonce))
                self.assertEqual(self.rows(*decode, token), [expected])
                self.assertEqual(self.rows(*decode, "0x" + token.upper()), [expected])
                self.assertEqual(self.rows(*generate, "--server", "s"), [expected])
                self.assertEqual(self.rows(*generate, "--server", str(server_id)), [expected])

    def test_decode_agrees_with_the_model(self):
        tokens = [f"{(i * 2654435761 + 12345) % 2 ** 31:08x}" for i in range(200)]
        rows = self.rows("token", "decode", "--config", self.config, *tokens)
        self.assertEqual([row["token"] for row in rows], tokens)
        for row in rows:
            self.assertEqual(model.token_decode(bytes.fromhex(SECRET_0), 1, 8,
                                                int(row["token"], 16)),
                             (row["epoch"], row["server_id"], row["nonce"]))

    def decode(self, token):
        (row,) = self.rows("token", "decode", "--config", self.config, token)
        return row

    def encode(self, server_id, nonce=5):
        return f"{model.token_encode(bytes.fromhex(SECRET_0), 1, 8, 0, server_id, nonce):08x}"

    def test_routable(self):
        for server_id, server, reason in ((17, "web-1", None), (19, "web-2", None),
                                          (20, "web-3", "owner is down"),
                                          (21, None, "id without owner")):
            row = self.decode(self.encode(server_id))
            self.assertEqual((row["server_id"], row["server"]), (server_id, server))
            self.assertEqual(row["routable"], reason is None)
            self.assertEqual(row.get("reason"), reason)

    def test_what_cannot_be_decoded_is_an_answer(self):
        for token, reason in (("00000000", "token is 0"), ("80000001", "unknown epoch"),
                              ("ffffffff", "unknown epoch")):
            self.assertEqual(self.decode(token), {
                "token": token, "epoch": None, "server_id": None, "nonce": None,
                "routable": False, "server": None, "reason": reason})

    def test_tables_tell_the_same(self):
        tokens = [self.encode(18), self.encode(21), "80000001"]
        lines = self.tool("token", "decode", "--config", self.config, *tokens).stdout.splitlines()
        self.assertEqual(lines[0].split(),
                         ["TOKEN", "EPOCH", "ID", "NONCE", "ROUTABLE", "SERVER"])
        self.assertEqual(lines[1].split(), [tokens[0], "0", "18", "5", "yes", "web-2"])
        self.assertEqual(lines[2].split()[:6], [tokens[1], "0", "21", "5", "no", "-"])
        self.assertIn("(id without owner)", lines[2])
        self.assertIn("(unknown epoch)", lines[3])
        self.assertEqual(len({line.index("  ", 9) for line in lines[1:3]}), 1)

    def generate(self, *arguments):
        return self.rows("token", "generate", "--config", self.config, *arguments)

    def test_generate_count(self):
        rows = self.generate("--server", "web-2", "--count", "200")
        self.assertEqual(len(rows), 200)
        self.assertEqual({row["server_id"] for row in rows}, {18, 19})
        self.assertEqual({row["server"] for row in rows}, {"web-2"})
        self.assertGreater(len({row["nonce"] for row in rows}), 190)
        for row in rows:
            self.assertEqual(self.encode(row["server_id"], row["nonce"]), row["token"])
        self.assertEqual({row["server_id"] for row in
                          self.generate("--server", "19", "--count", "20")}, {19})

    def test_generate_consecutive_nonces(self):
        rows = self.generate("--server", "web-2", "--nonce", "7", "--count", "3")
        self.assertEqual([(row["server_id"], row["nonce"]) for row in rows],
                         [(18, 7), (18, 8), (18, 9)])
        last = 2 ** 23 - 1
        self.assertEqual(len(self.generate("--server", "17", "--nonce", str(last))), 1)
        for nonce, count in ((last, 2), (last + 1, 1), (2 ** 32 - 1, 2)):
            error = self.tool("token", "generate", "--config", self.config, "--server", "17",
                              "--nonce", str(nonce), "--count", str(count), code=1).stderr
            self.assertIn(f"expected at most {last}", error)

    def test_generate_for_whom(self):
        self.assertEqual(self.generate("--server", "99")[0]["reason"], "id without owner")
        for server, words in (("frob", "no server 'frob'"), ("lb-1", "no server 'lb-1'"),
                              ("256", "expected 0 to 255"), ("-1", "no server '-1'")):
            error = self.tool("token", "generate", "--config", self.config, "--server", server,
                              code=1).stderr
            self.assertIn(words, error)

    def test_generate_in_the_active_epoch(self):
        path = self.write("two.yaml", token_section(
            active=1, epochs=[(0, SECRET_0), (1, SECRET_1)]) + SERVERS)
        for row in self.rows("token", "generate", "--config", path, "--server", "web-1",
                             "--count", "20"):
            self.assertEqual(row["epoch"], 1)
            self.assertEqual(model.token_decode(bytes.fromhex(SECRET_1), 1, 8,
                                                int(row["token"], 16)),
                             (1, 17, row["nonce"]))


class Key(ToolTest):
    FIELDS = {"token", "epoch", "server_id", "nonce", "routable", "server", "key", "idsn", "mode",
              "tries"}

    def check_key(self, row):
        """What follows from a key does, by hashlib and the model."""
        key = bytes.fromhex(row["key"])
        digest = hashlib.sha256(key).hexdigest()
        self.assertEqual(len(key), 8)
        self.assertEqual(row["idsn"], digest[-16:])
        token = digest[:8] if row["mode"] == "rfc8684" else f"{model.implicit_token(key):08x}"
        self.assertEqual(row["token"], token)
        self.assertEqual(model.token_decode(bytes.fromhex(SECRET_0), 1, 8, int(token, 16)),
                         (row["epoch"], row["server_id"], row["nonce"]))

    def generate(self, server, mode, count):
        rows = self.rows("key", "generate", "--config", self.config, "--server", server,
                         "--mode", mode, "--count", str(count))
        self.assertEqual(len(rows), count)
        self.assertEqual(len({row["key"] for row in rows}), count)
        for row in rows:
            self.assertEqual(set(row), self.FIELDS)
            self.assertEqual((row["mode"], row["routable"]), (mode, True))
            self.check_key(row)
        return rows

    def test_generate_rfc8684(self):
        rows = self.generate("web-2", "rfc8684", 100)
        self.assertEqual({row["server_id"] for row in rows}, {18, 19})
        # the mean of 256 has a standard error of 26 here
        mean = sum(row["tries"] for row in rows) / len(rows)
        self.assertTrue(80 < mean < 520, mean)
        self.assertEqual({row["server"] for row in self.generate("17", "rfc8684", 5)}, {"web-1"})

    def test_generate_implicit(self):
        rows = self.generate("web-2", "implicit", 100)
        self.assertEqual({row["server_id"] for row in rows}, {18, 19})
        self.assertEqual({row["tries"] for row in rows}, {1})

    def test_generate_for_an_id_without_owner(self):
        (row,) = self.rows("key", "generate", "--config", self.config, "--server", "99",
                           "--mode", "rfc8684")
        self.assertEqual((row["server_id"], row["routable"]), (99, False))
        self.check_key(row)

    def test_derive_the_implicit_example(self):
        (row,) = self.rows("key", "derive", "--mode", "implicit", "d7408048e66cb0e4")
        self.assertEqual(row["token"], "30946fa6")
        path = self.write("e.yaml", one_server(16, 2, 0, "1bcccea696762e6116c6e9c92d99bf35",
                                               63944))
        (row,) = self.rows("key", "derive", "--mode", "implicit", "--config", path,
                           "d7408048e66cb0e4")
        self.assertEqual((row["server_id"], row["nonce"], row["server"], row["tries"]),
                         (63944, 928, "s", None))

    def test_derive_rfc8684(self):
        keys = [hashlib.md5(bytes([i])).hexdigest()[:16] for i in range(50)]
        rows = self.rows("key", "derive", "--mode", "rfc8684", *keys)
        self.assertEqual([row["key"] for row in rows], keys)
        for row in rows:
            digest = hashlib.sha256(bytes.fromhex(row["key"])).hexdigest()
            self.assertEqual((row["token"], row["idsn"]), (digest[:8], digest[-16:]))
            self.assertEqual((row["epoch"], row["server"]), (None, None))

    def test_derive_and_generate_agree(self):
        for mode in ("rfc8684", "implicit"):
            (made,) = self.generate("web-1", mode, 1)
            (derived,) = self.rows("key", "derive", "--mode", mode, "--config", self.config,
                                   made["key"])
            self.assertEqual(derived, {**made, "tries": None})

    def test_tables_tell_the_same(self):
        lines = self.tool("key", "derive", "--mode", "rfc8684", "--config", self.config,
                          "0011223344556677").stdout.splitlines()
        digest = hashlib.sha256(bytes.fromhex("0011223344556677")).hexdigest()
        self.assertEqual(lines[0].split()[:4], ["KEY", "IDSN", "TRIES", "TOKEN"])
        self.assertEqual(lines[1].split()[:4],
                         ["0011223344556677", digest[-16:], "-", digest[:8]])


if __name__ == "__main__":
    unittest.main()
