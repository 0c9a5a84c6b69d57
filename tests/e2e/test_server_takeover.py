#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""mptcplb-server, pinned: one agent takes over from another, and what is reloaded while it runs."""

import json
import os
import shutil
import signal
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True

from server_network import (BUILD, FARM, GUARD_SECONDS, IDS, OTHER_SECRET, PORT,  # noqa: E402
                            SECRET, SERVER, Echo, Network, RawClient, is_mptcp, token_of, wait_for)

PIN = f"/sys/fs/bpf/mptcplb-test-{os.getpid()}"
NOBODY = 65534


def bpftool(*words):
    """Run bpftool; None when it fails, for what it is asked for is not there."""
    done = subprocess.run(["bpftool", "-j", *words], capture_output=True, text=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 and done.stdout else None


def programs_with(map_id):
    """The ids of the BPF programs that use a map."""
    return [program["id"] for program in bpftool("prog", "show")
            if map_id in program.get("map_ids", [])]


class Base(unittest.TestCase):
    """A network and a pinned agent in it."""

    def setUp(self):
        self.network = self.enterContext(Network())
        self.addCleanup(self.remove)

    def remove(self):
        if os.path.exists(f"{PIN}/state"):
            self.network.ask("stop", "--pin", PIN)

    def start(self, *more):
        return self.network.start_agent("--pin", PIN, *more)

    def kill(self, agent):
        agent.signal(signal.SIGKILL)
        wait_for(lambda: agent.code() is not None, "its end")

    def new_connection(self, echo):
        """Connect; return the server's side of it, which is MPTCP."""
        client, = echo.connect()
        echo.exchange([client])
        self.assertTrue(is_mptcp(client))
        return echo.accepted[-1]


class TakeOver(Base):
    """No agent for a while, or another one."""

    def test_killed_agent(self):
        agent = self.start()
        with Echo(self.network) as echo:
            self.new_connection(echo)
            wait_for(lambda: self.network.status()["slots_filled"] == 4096, "the refill")
            self.kill(agent)
            self.new_connection(echo)
            echo.exchange(echo.clients)
            self.start()
            status = self.network.status()
            self.assertTrue(status["taken_over"])
            # What was counted while nobody was there, and before.
            self.assertEqual(status["counters"]["syn_left_auxiliary"], 1)
            self.assertEqual(status["counters"]["keys_consumed"], 1)
            self.assertEqual(status["counters"]["keys_refilled"], 0)
            wait_for(lambda: self.network.status()["slots_unchecked"] == 0, "a look at all keys")
            self.assertEqual(self.network.counters().get("keys_renewed", 0), 0)
            wait_for(lambda: self.network.status()["services_ready"] == 1, "the mark")
            echo.exchange(echo.clients)
            self.assertIn(token_of(self.new_connection(echo))[1], IDS)

    def test_key_that_the_agent_before_has_shown(self):
        agents = [self.start()]

        def restart(key):
            self.kill(agents[0])
            agents.append(self.start())
            return key

        with Echo(self.network) as echo, RawClient(self.network) as raw:
            raw.handshake(50000, restart)
            wait_for(lambda: echo.step() and echo.accepted, "the connection")
            self.assertTrue(is_mptcp(echo.accepted[0]))
        self.assertEqual(self.network.counters()["ack_verified"], 1)

    def test_balancers_are_served_without_an_agent(self):
        agent = self.start()
        with Echo(self.network) as echo, RawClient(self.network, tunnel=True) as raw:
            raw.handshake(50000, lambda key: self.kill(agent) or key)
            wait_for(lambda: echo.step() and echo.accepted, "the connection")
            raw.handshake(50001, lambda key: key)
            wait_for(lambda: echo.step() and len(echo.accepted) == 2, "the connection")
            self.assertTrue(all(map(is_mptcp, echo.accepted)))
            self.start()
        counters = self.network.counters()
        self.assertEqual(counters["decapsulated"], 4)
        self.assertEqual(counters["ack_verified"], 1)

    def test_agent_that_is_ended(self):
        agent = self.start()
        with Echo(self.network) as echo:
            self.new_connection(echo)
            wait_for(lambda: self.network.status()["slots_filled"] == 4096, "the refill")
            agent.stop()
            self.assertEqual(agent.code(), 0)
            self.new_connection(echo)
            self.start()
            self.assertTrue(self.network.status()["taken_over"])
            self.assertEqual(self.network.status()["counters"]["keys_refilled"], 0)
            echo.exchange(echo.clients)

    def test_fewer_interfaces(self):
        for way in ("tcx", "clsact"):
            self.kill(self.start("--attach", way))
            agent = self.network.start(
                "server", self.network.agent_argv("--pin", PIN, "--attach", way,
                                                  interfaces=["path1"]), "agent")
            filters = {path: self.network.run("server", "tc", "filter", "show", "dev", path,
                                              "egress") for path in ("path1", "path2")}
            self.assertEqual("server_egress" in filters["path1"], way == "clsact")
            self.assertNotIn("server_egress", filters["path2"])
            self.assertEqual(sum("gress-" in name for name in os.listdir(PIN)),
                             2 if way == "tcx" else 0)
            agent.stop()

    def test_another_layout(self):
        agent = self.start()
        with Echo(self.network) as echo:
            self.new_connection(echo)
            self.kill(agent)
            key = ["key", "hex", "00", "00", "00", "00"]
            value = bpftool("map", "lookup", "pinned", f"{PIN}/state", *key)["value"]
            self.assertIsNotNone(value)
            old = bpftool("map", "show", "pinned", f"{PIN}/slots")["id"]
            subprocess.run(["bpftool", "map", "update", "pinned", f"{PIN}/state", *key, "value",
                            "hex", "ff", *(byte[2:] for byte in value[1:])], check=True)
            agent = self.start()
            self.assertIn("another version", agent.errors())
            self.assertFalse(self.network.status()["taken_over"])
            wait_for(lambda: self.network.status()["services_ready"] == 1, "the mark")
            self.assertIn(token_of(self.new_connection(echo))[1], IDS)
            echo.exchange(echo.clients)
            wait_for(lambda: not programs_with(old), "the end of the programs before")
            self.assertNotEqual(bpftool("map", "show", "pinned", f"{PIN}/slots")["id"], old)

    def test_other_maps(self):
        self.kill(self.start())
        os.unlink(f"{PIN}/wake")
        agent = self.start()
        self.assertIn("another version", agent.errors())
        self.assertFalse(self.network.status()["taken_over"])
        agent.stop()

    def test_other_size_and_way(self):
        agent = self.start("--attach", "clsact")
        with Echo(self.network) as echo:
            for more in (["--slots", "64"], ["--attach", "clsact", "--slots", "64"],
                         ["--slots", "4096"]):
                self.new_connection(echo)
                self.kill(agent)
                agent = self.start(*more)
                wait_for(lambda: self.network.status()["services_ready"] == 1, "the mark")
                way = "clsact" if "clsact" in more else "tcx"
                self.assertEqual({interface["attached"] for interface in
                                  self.network.status()["interfaces"]}, {way})
                filters = self.network.run("server", "tc", "filter", "show", "dev", "path1",
                                           "ingress")
                self.assertEqual("server_ingress" in filters, way == "clsact")
                self.assertEqual(sum("gress-" in name for name in os.listdir(PIN)),
                                 0 if way == "clsact" else 4)
            self.new_connection(echo)
            echo.exchange(echo.clients)

    def test_stop_leaves_nothing(self):
        for way in ("tcx", "clsact"):
            for killed in (False, True):
                with self.subTest(way=way, killed=killed):
                    agent = self.start("--attach", way)
                    slots = bpftool("map", "show", "pinned", f"{PIN}/slots")["id"]
                    self.assertTrue(programs_with(slots))
                    if killed:
                        self.kill(agent)
                    self.network.ask("stop", *(["--pin", PIN] if killed else []))
                    wait_for(lambda: agent.code() is not None, "its end")
                    self.assertFalse(os.path.exists(PIN))
                    self.assertNotIn("clsact", self.network.run("server", "tc", "qdisc", "show"))
                    wait_for(lambda: not programs_with(slots), "the end of its programs")
                    wait_for(lambda: not bpftool("map", "show", "id", str(slots)),
                             "the end of its maps")

    def test_stop_removes_what_another_agent_has_left(self):
        self.kill(self.start())
        other = f"{PIN}-2"
        agent = self.network.start_agent("--pin", other)
        self.addCleanup(lambda: os.path.exists(other) and self.network.ask("stop", "--pin", other))
        self.network.ask("stop", "--pin", PIN)
        wait_for(lambda: agent.code() is not None, "its end")
        self.assertFalse(os.path.exists(PIN) or os.path.exists(other))

    def test_stop_removes_nothing_but_pins_of_agents(self):
        agent = self.start()
        strange = f"{PIN}-strange"
        os.mkdir(strange)
        self.addCleanup(shutil.rmtree, strange)
        subprocess.run(["bpftool", "map", "pin", "pinned", f"{PIN}/slots", f"{strange}/link"],
                       check=True)
        for directory, left in ((strange, "link"), (self.network.directory, "farm.yaml")):
            before = sorted(os.listdir(directory))
            self.assertIn(left, before)
            done = subprocess.run(self.network.inside("server", SERVER, "stop", "--server", "web-1",
                                                      "--pin", directory), capture_output=True,
                                  text=True, timeout=GUARD_SECONDS, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"{directory} has no pins of an agent", done.stderr)
            self.assertEqual(sorted(os.listdir(directory)), before)
        self.assertIsNone(agent.code())

    def test_first_start_that_fails_half_way(self):
        # Its first interface is attached by then, and what is pinned would stay.
        self.network.run("server", "tc", "qdisc", "add", "dev", "path2", "clsact")
        self.network.run("server", "tc", "filter", "add", "dev", "path2", "ingress", "prio", "1000",
                         "u32", "match", "u32", "0", "0", "flowid", "1:1")
        argv = self.network.agent_argv("--pin", PIN, "--slots", "1", "--attach", "clsact")
        done = subprocess.run(self.network.inside("server", *argv), capture_output=True, text=True,
                              timeout=GUARD_SECONDS, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn('"path2"', done.stderr)
        self.assertNotIn("clsact", self.network.run("server", "tc", "qdisc", "show", "dev", "path1"))
        self.assertFalse(os.path.exists(PIN))

    def test_stop_tells_what_is_left(self):
        self.start()
        os.mkdir(f"{PIN}/of-somebody")
        self.addCleanup(os.rmdir, PIN)
        self.addCleanup(os.rmdir, f"{PIN}/of-somebody")
        done = subprocess.run(self.network.inside("server", SERVER, "stop", "--server", "web-1"),
                              capture_output=True, text=True, timeout=GUARD_SECONDS, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("its pins are not removed", done.stderr)
        self.assertEqual(os.listdir(PIN), ["of-somebody"])

    def test_pins_that_are_in_use(self):
        self.start()
        argv = self.network.agent_argv("--pin", PIN)
        argv[argv.index("web-1")] = "web-2"
        done = subprocess.run(self.network.inside("client", *argv), capture_output=True, text=True,
                              timeout=GUARD_SECONDS, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("another process uses it", done.stderr)
        self.assertTrue(os.path.exists(f"{PIN}/slots"))

    def test_interface_that_comes_and_goes(self):
        self.start()
        with Echo(self.network) as echo:
            self.new_connection(echo)
            self.network.ip("server", "link delete path2")
            wait_for(lambda: self.network.status()["interfaces"][1]["attached"] == "not attached",
                     "the loss")
            self.assertEqual(sum("gress-" in name for name in os.listdir(PIN)), 2)
            self.network.ip("server", "link add path2 type veth peer name other")
            wait_for(lambda: self.network.status()["interfaces"][1]["attached"] == "tcx",
                     "the return")
            self.new_connection(echo)
            echo.exchange(echo.clients)

    def test_without_root(self):
        # As in the systemd unit: pins lie in a folder that was bound to where the user can go. So is
        # what was built, as it may lie below a folder of root's own.
        bound, built = (os.path.join(self.network.directory, name) for name in ("bpf", "build"))
        for directory in (PIN, bound, built):
            os.mkdir(directory)
            os.chown(directory, NOBODY, NOBODY)
        self.addCleanup(os.rmdir, PIN)
        os.chown(self.network.farm, NOBODY, NOBODY)
        os.chmod(self.network.directory, 0o755)
        capabilities = "+bpf,+net_admin,+perfmon"
        prefix = ["unshare", "--mount", "sh", "-c",
                  'mount --bind "$1" "$2" && mount --bind "$3" "$4" && shift 4 && exec "$@"',
                  "sh", PIN, bound, BUILD, built, "setpriv", f"--reuid={NOBODY}",
                  f"--regid={NOBODY}", "--clear-groups", f"--inh-caps=-all,{capabilities}",
                  f"--ambient-caps=-all,{capabilities}", f"--bounding-set=-all,{capabilities}",
                  "--no-new-privs", "--", "env", f"LD_LIBRARY_PATH={built}/lib"]

        def start():
            return self.network.start_agent_as(prefix, "--pin", f"{bound}/server",
                                               program=SERVER.replace(BUILD, built))

        with Echo(self.network) as echo:
            for _ in range(2):
                agent = start()
                wait_for(lambda: self.network.status()["services_ready"] == 1, "the mark")
                self.assertIn(token_of(self.new_connection(echo))[1], IDS)
                agent.signal(signal.SIGTERM)
                wait_for(lambda a=agent: a.code() is not None, "its end")
                self.assertEqual((agent.code(), agent.errors()), (0, ""))
            start()
            self.assertEqual(self.network.counters()["keys_consumed"], 2)
            self.network.ask("stop")
        self.assertEqual(os.listdir(PIN), [])


class Reload(Base):
    """Another farm file while the agent runs."""

    def setUp(self):
        super().setUp()
        self.agent = self.start("--slots", "512")

    def reload(self, text, code=0):
        """Put another farm into effect, or see it refused; what the command says."""
        self.network.write_farm(text)
        done = subprocess.run(self.network.inside("server", SERVER, "reload", "--server", "web-1"),
                              capture_output=True, text=True, timeout=GUARD_SECONDS, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr

    def digest(self):
        """The tool's digest of the farm file."""
        tool = os.path.join(BUILD, "tools/mptcplb-tool")
        return json.loads(self.network.run("server", tool, "check", "--json", "--config",
                                           self.network.farm))["digest"]

    def renewed(self):
        wait_for(lambda: self.network.status()["slots_unchecked"] == 0, "other keys")

    def test_epochs_roll_over(self):
        with Echo(self.network) as echo:
            self.assertEqual(token_of(self.new_connection(echo))[0], 1)
            self.reload(FARM.replace("active: 1", "active: 0"))
            status = self.network.status()
            self.assertEqual((status["epoch"], status["active"], status["epochs"]), (0, 0, [0, 1]))
            self.assertEqual(status["digest"], self.digest())
            self.new_connection(echo)
            self.renewed()
            for _ in range(5):
                self.assertEqual(token_of(self.new_connection(echo))[0], 0)
            # The epoch before is retired while its connections live.
            self.reload("".join(line for line in FARM.replace("active: 1", "active: 0")
                                .splitlines(True) if SECRET not in line))
            self.assertEqual(token_of(self.new_connection(echo))[0], 0)
            self.assertEqual(self.network.status()["epochs"], [0])
            echo.exchange(echo.clients)
        # All but those that were consumed, and made anew, in between.
        self.assertGreater(self.network.status()["counters"]["keys_renewed"], 500)

    def test_other_ids(self):
        with Echo(self.network) as echo:
            self.assertIn(token_of(self.new_connection(echo))[1], IDS)
            self.reload(FARM.replace(f"ids: [{IDS[0]}, {IDS[1]}]", "ids: [5]"))
            self.renewed()
            for _ in range(5):
                self.assertEqual(token_of(self.new_connection(echo))[1], 5)

    def test_states(self):
        with Echo(self.network) as echo:
            for state in ("draining", "down", "up"):
                self.reload(FARM.replace("ids:", f"state: {state}, ids:"))
                self.assertEqual(self.network.status()["state"], state)
                self.assertIn(token_of(self.new_connection(echo))[1], IDS)
            self.assertEqual(self.network.counters()["syn_handed_over"], 3)

    def test_services(self):
        self.reload(FARM.replace(f"port: {PORT}}}", f"port: {PORT - 5}, port_last: {PORT + 5}}}"))
        self.assertEqual(self.network.status()["services"], 22)
        with Echo(self.network) as echo:
            self.assertIn(token_of(self.new_connection(echo))[1], IDS)
            self.reload(FARM.replace(f"port: {PORT}}}", f"port: {PORT + 1}}}"))
            self.new_connection(echo)
            self.assertEqual(self.network.counters()["syn_handed_over"], 1)
            self.reload(FARM)
            wait_for(lambda: self.network.status()["services_ready"] == 1, "the mark")
            self.new_connection(echo)
            self.assertEqual(self.network.counters()["syn_handed_over"], 2)

    def test_nothing_is_lost(self):
        with Echo(self.network) as echo:
            sent = self.network.cookies_sent("server")
            for count in range(1, 11):
                self.reload(FARM)
                self.new_connection(echo)
                self.assertEqual(self.network.counters()["syn_handed_over"], count)
            echo.exchange(echo.clients)
            # The listener's mark stays too, so it is not made to send a cookie each time.
            self.assertLess(self.network.cookies_sent("server") - sent, 10 + 10)
        self.assertEqual(self.network.status()["reloads"], 10)
        wait_for(lambda: self.network.status()["slots_filled"] == 512, "refills")

    def test_bad_files_change_nothing(self):
        with Echo(self.network) as echo:
            for text, words in ((FARM.replace("ids:", "idz:"), "farm.yaml:9"),
                                (FARM.replace("active: 1", "active: 3"), "epoch 3"),
                                (FARM.replace("id_bits: 8", "id_bits: 9"),
                                 "farm.yaml: token.server_id_bits is 9 and was 8"),
                                (FARM.replace("epoch_bits: 1", "epoch_bits: 2"),
                                 "token.epoch_bits is 2 and was 1"),
                                (FARM.replace(OTHER_SECRET, OTHER_SECRET[::-1]),
                                 "epoch 0 has another secret than it had"),
                                (FARM.replace("web-1", "web-7"), 'no server "web-1"'), ("", "")):
                before = self.network.status()
                self.assertIn(words, self.reload(text, code=1))
                after = self.network.status()
                self.assertEqual(after["reloads_refused"], before["reloads_refused"] + 1)
                for name in ("epoch", "ids", "services", "reloads"):
                    self.assertEqual(after[name], before[name])
                self.assertIn(token_of(self.new_connection(echo))[1], IDS)

    def test_maps_that_do_not_fit_any_more(self):
        # Somebody has written to them: what a reload cannot share it must not replace either.
        key = ["key", "hex", "00", "00", "00", "00"]
        value = bpftool("map", "lookup", "pinned", f"{PIN}/state", *key)["value"]
        subprocess.run(["bpftool", "map", "update", "pinned", f"{PIN}/state", *key, "value", "hex",
                        "ff", *(byte[2:] for byte in value[1:])], check=True)
        slots = bpftool("map", "show", "pinned", f"{PIN}/slots")["id"]
        self.assertIn("cannot be taken over: they are of another version",
                      self.reload(FARM.replace("active: 1", "active: 0"), code=1))
        self.assertIn("cannot be taken over", self.agent.errors())
        self.assertEqual(self.network.status()["epoch"], 1)
        self.assertEqual(bpftool("map", "show", "pinned", f"{PIN}/slots")["id"], slots)
        with Echo(self.network) as echo:
            self.assertIn(token_of(self.new_connection(echo))[1], IDS)

    def test_hangup(self):
        self.network.write_farm(FARM.replace("active: 1", "active: 0"))
        self.agent.signal(signal.SIGHUP)
        wait_for(lambda: self.network.status()["epoch"] == 0, "the other epoch")

    def test_what_it_tells(self):
        with Echo(self.network) as echo:
            self.new_connection(echo)
        self.assertRegex(self.network.ask("stats"), r"(?m)^ +1  syn_handed_over  +SYNs with ")
        self.assertEqual(json.loads(self.network.ask("stats", "--json"))["keys_consumed"], 1)
        metrics = self.network.ask("metrics")
        self.assertIn("\nmptcplb_agent_keys_consumed_total 1\n", metrics)
        self.assertRegex(metrics, r"\n# TYPE mptcplb_agent_slots gauge\nmptcplb_agent_slots 512\n")
        for line in metrics.splitlines():
            self.assertRegex(line, r"^(# (HELP|TYPE) |)mptcplb_[a-z_]+( .*|)$")
        self.assertIn('server            "web-1"', self.network.ask("status"))


if __name__ == "__main__":
    unittest.main()
