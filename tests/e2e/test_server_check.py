#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""mptcplb-server check: each thing that it can find, with its remedy."""

import contextlib
import ctypes
import os
import socket
import struct
import subprocess
import sys
import threading
import unittest

sys.dont_write_bytecode = True

from server_network import (FARM, GUARD_SECONDS, IPPROTO_MPTCP, PATHS, PATHS6, PORT, SECRET,  # noqa: E402
                            SERVER, SERVICE, Echo, Network)


BPF_SYSCALL = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
BPF_PROG_LOAD, BPF_LINK_CREATE = 5, 28
BPF_PROG_TYPE_SCHED_CLS, BPF_TCX_INGRESS, TCX_NEXT = 3, 46, -1
BPF_PROG_TYPE_XDP, BPF_XDP, XDP_PASS = 6, 37, 2


def bpf(command, attributes):
    """The system call: a file descriptor."""
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(attributes, 160)
    descriptor = libc.syscall(BPF_SYSCALL, command, buffer, len(buffer))
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "bpf")
    return descriptor


@contextlib.contextmanager
def program_on(network, interface, kind, place, verdict, name=b""):
    """Somebody else's program, which returns a verdict, on an interface of the server."""
    code = ctypes.create_string_buffer(struct.pack("<BBhiBBhi", 0xb7, 0, 0, verdict,
                                                   0x95, 0, 0, 0))
    text = ctypes.create_string_buffer(b"GPL")
    program = bpf(BPF_PROG_LOAD, struct.pack("IIQQIIQII16s", kind, 2, ctypes.addressof(code),
                                             ctypes.addressof(text), 0, 0, 0, 0, 0, name))
    with network.inside_of("server"):
        link = bpf(BPF_LINK_CREATE, struct.pack("IIII", program, socket.if_nametoindex(interface),
                                                place, 0))
    yield
    os.close(link)
    os.close(program)


def tcx_program(network, interface):
    """One on the TCX ingress."""
    return program_on(network, interface, BPF_PROG_TYPE_SCHED_CLS, BPF_TCX_INGRESS, TCX_NEXT)


def xdp_program(network, interface, name):
    """One on XDP."""
    return program_on(network, interface, BPF_PROG_TYPE_XDP, BPF_XDP, XDP_PASS, name)


class Check(unittest.TestCase):
    """A server that is in order, and one thing after the other that is not."""

    @classmethod
    def setUpClass(cls):
        cls.network = cls.enterClassContext(Network())
        cls.network.add_ipv6()
        cls.enterClassContext(Echo(cls.network, socket.AF_INET6))

    def check(self, *more):
        """The exit code, and what was found."""
        argv = self.network.agent_argv(*more)
        argv[1] = "check"
        done = subprocess.run(self.network.inside("server", *argv), capture_output=True, text=True,
                              timeout=GUARD_SECONDS, check=False)
        self.assertNotIn(SECRET, done.stdout + done.stderr)
        return done.returncode, done.stdout, done.stderr

    def found(self, *texts, options=()):
        """See that there is one finding, with these words."""
        with Echo(self.network):
            code, lines, errors = self.check(*options)
        self.assertEqual((code, lines.count("\n"), errors), (1, 1, ""), lines)
        for text in texts:
            self.assertIn(text, lines)

    @contextlib.contextmanager
    def farm(self, text):
        """Another farm file for a while."""
        self.network.write_farm(text)
        yield
        self.network.write_farm(FARM)

    def server(self, *argv):
        return self.network.run("server", *argv)

    def test_nothing(self):
        with Echo(self.network):
            self.assertEqual(self.check()[::2], (0, ""))

    def test_while_an_agent_runs(self):
        agent = self.network.start_agent()
        with Echo(self.network):
            self.assertEqual(self.check()[::2], (0, ""))
        agent.stop()
        self.network.hands_over = False

    def test_sysctls(self):
        for name, good, bad in (("net.mptcp.enabled", 1, 0),
                                ("net.mptcp.allow_join_initial_addr_port", 1, 0),
                                ("net.ipv4.tcp_syncookies", 1, 0),
                                ("net.ipv4.tcp_syncookies", 1, 2),
                                ("net.ipv4.tcp_timestamps", 1, 0),
                                ("net.core.somaxconn", 4096, 128),
                                ("net.ipv4.conf.path2.rp_filter", 0, 1)):
            with self.subTest(name=name, bad=bad), Echo(self.network):
                self.network.sysctl("server", {name: bad})
                code, lines, _errors = self.check()
                self.network.sysctl("server", {name: good})
                self.assertEqual((code, lines.count("\n")), (1, 1), lines)
                self.assertIn(f"sysctl -w {name}=", lines)

    def test_syncookies_of_the_simple_way(self):
        self.found("sysctl -w net.ipv4.tcp_syncookies=2", options=["--cookies-for-all"])
        with Echo(self.network):
            self.assertEqual(self.check("--cookies-for-all", "--set-syncookies")[0], 0)

    def test_path_manager(self):
        for change, undo, remedy in (
                (["limits", "set", "subflows", "0"], ["limits", "set", "subflows", "2"],
                 "ip mptcp limits set subflows"),
                (["limits", "set", "add_addr_accepted", "3"],
                 ["limits", "set", "add_addr_accepted", "0"], "add_addr_accepted 0"),
                (["endpoint", "add", PATHS["path2"][1], "id", "7", "subflow"],
                 ["endpoint", "delete", "id", "7"], "endpoint delete id 7"),
                (["endpoint", "add", PATHS["path2"][1], "id", "9", "signal"],
                 ["endpoint", "delete", "id", "9"], "endpoint delete id 9")):
            with self.subTest(change=change):
                self.server("ip", "mptcp", *change)
                self.found(remedy)
                self.server("ip", "mptcp", *undo)

    def test_listeners(self):
        code, lines, _errors = self.check()
        self.assertEqual((code, lines.count("\n")), (1, 1), lines)
        self.assertIn(f"nobody listens on {SERVICE} port {PORT}", lines)
        with self.network.inside_of("server"), socket.create_server((SERVICE, PORT)):
            self.assertIn("IPPROTO_MPTCP", self.check()[1])
        with Echo(self.network) as echo:
            echo.set_receive_buffer(65536)
            self.assertIn("SO_RCVBUF", self.check()[1])

    def test_application_that_speaks_first(self):
        with self.network.inside_of("server"):
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
        with listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((SERVICE, PORT))
            listener.listen()
            application = threading.Thread(target=lambda: listener.accept()[0].send(b"220 mail"))
            application.start()
            code, lines, _errors = self.check()
            application.join()
        self.assertEqual((code, lines.count("\n")), (1, 1), lines)
        self.assertIn(f"{PORT} speaks before its client", lines)

    def test_address_of_no_interface(self):
        with self.farm(FARM + "  - {address: 198.51.100.9, port: 80}\n"), Echo(self.network):
            self.assertIn("ip address add 198.51.100.9/32 dev lo", self.check()[1])

    def test_buckets_and_state(self):
        with self.farm(FARM.replace("ids:", "peak_connections: 100000, ids:")):
            self.found("token buckets", "100000")
        with self.farm(FARM.replace("ids:", "state: down, ids:")):
            self.found("web-1", "down")

    def test_interfaces(self):
        self.found("nowhere", options=["--interface", "nowhere"])
        self.network.ip("server", "link add spare type veth peer name spare2")
        self.addCleanup(self.network.ip, "server", "link delete spare")
        self.found("ip link set spare up", options=["--interface", "spare"])

    def test_room_for_the_outer_header(self):
        gateway, gateway6 = PATHS["path1"][0], "2001:db8:1::2"
        members6 = FARM.replace("192.0.2.11", '"2001:db8:9::11"').replace(
            "192.0.2.1}", '"2001:db8:9::1"}')
        for version, via in (("", gateway), ("-6 ", gateway6)):
            for farm, outer in ((FARM, 20), (members6, 40)):
                advmss = 1500 - outer - (60 if version else 40)
                remedy = f"route change default via {via} dev path1 metric 7"
                with self.subTest(version=version, outer=outer), self.farm(farm):
                    self.server(*f"ip {version}route add default via {via} dev path1 metric 7"
                                .split())
                    try:
                        self.found(f"ip {version}{remedy} advmss {advmss}", "MTU of 1500")
                        self.server(*f"ip {version}{remedy} advmss {advmss + 1}".split())
                        self.found(f"ip {version}{remedy} advmss {advmss}")
                        self.server(*f"ip {version}{remedy} advmss {advmss}".split())
                        with Echo(self.network):
                            self.assertEqual(self.check()[::2], (0, ""))
                    finally:
                        self.server(*f"ip {version}route delete default metric 7".split())

    def test_room_by_several_next_hops(self):
        hops4 = " ".join(f"nexthop via {PATHS[path][0]} dev {path}" for path in PATHS)
        hops6 = " ".join(f"nexthop via {PATHS6[path]}2 dev {path}" for path in PATHS6)
        for version, hops in (("", hops4), ("-6 ", hops6)):
            advmss = 1480 - (60 if version else 40)
            with self.subTest(version=version):
                self.server(*f"ip {version}route add default metric 7 {hops}".split())
                try:
                    self.found(f"ip {version}route replace default metric 7 with all of its "
                               f"nexthops and advmss {advmss}, or", "packets of 1500 bytes")
                    self.server(*f"ip {version}route replace default metric 7 advmss {advmss} "
                                 f"{hops}".split())
                    with Echo(self.network):
                        self.assertEqual(self.check()[::2], (0, ""))
                finally:
                    self.server(*f"ip {version}route delete default metric 7 {hops}".split())
        self.set_mtu("path1", 1400)
        self.set_mtu("path2", 1450)
        self.server(*f"ip route add default {hops4}".split())
        self.addCleanup(self.server, *f"ip route delete default {hops4}".split())
        self.found("packets of 1450 bytes", "MTU of 1400", "advmss 1340")

    def set_mtu(self, path, size):
        """For a while."""
        self.server(*f"ip link set {path} mtu {size}".split())
        self.addCleanup(self.server, *f"ip link set {path} mtu 1500".split())

    def test_larger_links_have_room(self):
        self.server(*f"ip route add default via {PATHS['path1'][0]}".split())
        self.addCleanup(self.server, *"ip route delete default".split())
        for path in PATHS:
            self.set_mtu(path, 1520)
        with Echo(self.network):
            self.assertEqual(self.check()[::2], (0, ""))
        self.set_mtu("path2", 1519)
        self.found("MTU of 1519", "advmss 1459", "MTU of 1520")

    def test_tcx_program_that_comes_first(self):
        with tcx_program(self.network, "path2"):
            self.found("TCX ingress of interface path2", "TCX_NEXT")
        # It does not come before a program that was there.
        agent = self.network.start_agent()
        with tcx_program(self.network, "path2"), Echo(self.network):
            self.assertEqual(self.check()[0], 0)
        agent.stop()
        self.network.hands_over = False

    def test_xdp_program_that_comes_first(self):
        with xdp_program(self.network, "path2", b"firewall"):
            self.found("interface path2 has an XDP program (firewall, id ", "must pass IP-in-IP")
        # The redirector is meant to be there.
        with xdp_program(self.network, "path2", b"balancer"), Echo(self.network):
            self.assertEqual(self.check()[0], 0)

    def test_filter_that_comes_first(self):
        self.server("tc", "qdisc", "add", "dev", "path1", "clsact")
        self.addCleanup(self.server, "tc", "qdisc", "del", "dev", "path1", "clsact")
        self.server("tc", "filter", "add", "dev", "path1", "ingress", "prio", "7", "u32",
                    "match", "u32", "0", "0", "flowid", "1:1")
        self.found("u32", "priority 7", "path1", options=["--attach", "clsact"])


if __name__ == "__main__":
    unittest.main()
