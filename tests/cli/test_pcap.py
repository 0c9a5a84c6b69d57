#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""mptcplb-tool pcap and option decode. Needs the environment that test_tool.py needs."""

import glob
import gzip
import hashlib
import json
import os
import struct
import subprocess
import unittest

from frames import (ACK, COOKED, PSH, RAW, SYN, capable, handshake, join, join_answer, packet,
                    pcap, pcapng)
import file_modes
from test_tool import SECRET_0, SOURCE, TOOL, ToolTest, model, token_section

CAPTURES = os.path.join(SOURCE, "tests", "captures")
CLIENT = ("192.0.2.77", 40001)
CLIENT_2 = ("192.0.2.78", 40002)
SERVICE = ("198.51.100.1", 443)
CLIENT_KEY = bytes.fromhex("0011223344556677")
SERVER_KEY = bytes.fromhex("8899aabbccddeeff")


def token_of(key):
    return hashlib.sha256(key).hexdigest()[:8]


def idsn_of(key):
    return hashlib.sha256(key).hexdigest()[-16:]


class PcapTest(ToolTest):
    def pcap(self, packets, *arguments, **options):
        """What is printed as JSON of a capture of these packets."""
        path = self.write("test.pcap", pcap(packets, **options))
        return self.rows("pcap", path, *arguments)

    def run_pcap(self, path, *arguments, **options):
        return subprocess.run([TOOL, "pcap", *arguments, path], capture_output=True, text=True,
                              **options)


class Connections(PcapTest):
    def check_handshake(self, connection):
        for side, key in (("client", CLIENT_KEY), ("server", SERVER_KEY)):
            self.assertEqual(connection[f"{side}_key"], key.hex())
            self.assertEqual(connection[f"{side}_token"], token_of(key))
            self.assertEqual(connection[f"{side}_idsn"], idsn_of(key))
        self.assertEqual(connection["version"], 1)

    def test_a_connection_and_its_join(self):
        token = int(token_of(SERVER_KEY), 16)
        rows = self.pcap(handshake(CLIENT, SERVICE, CLIENT_KEY, SERVER_KEY) + [
            packet(CLIENT_2, SERVICE, SYN, join(token, 7, backup=True), 77),
            packet(SERVICE, CLIENT_2, SYN | ACK, join_answer(), 99, 78)])
        self.assertEqual(len(rows), 1)
        self.check_handshake(rows[0])
        first, second = rows[0]["subflows"]
        self.assertEqual(first, {
            "frame": 1, "src": "192.0.2.77", "sport": 40001, "dst": "198.51.100.1", "dport": 443,
            "join": False, "token": None, "backup": False, "address_id": None, "answered": True})
        self.assertEqual(second, {
            "frame": 4, "src": "192.0.2.78", "sport": 40002, "dst": "198.51.100.1", "dport": 443,
            "join": True, "token": token_of(SERVER_KEY), "backup": True, "address_id": 7,
            "answered": True})

    def test_ipv6(self):
        client, service = ("2001:db8::1", 40001), ("2001:db8:1::443", 443)
        (row,) = self.pcap(handshake(client, service, CLIENT_KEY, SERVER_KEY))
        self.check_handshake(row)
        self.assertEqual((row["subflows"][0]["src"], row["subflows"][0]["dst"]),
                         (client[0], service[0]))

    def test_each_segment_of_the_handshake_alone(self):
        syn, synack, ack = handshake(CLIENT, SERVICE, CLIENT_KEY, SERVER_KEY)
        (row,) = self.pcap([ack])
        self.check_handshake(row)
        self.assertEqual(row["subflows"][0]["src"], CLIENT[0])
        (row,) = self.pcap([synack])
        self.assertEqual((row["client_key"], row["server_key"]), (None, SERVER_KEY.hex()))
        self.assertEqual(row["subflows"][0]["src"], CLIENT[0])
        (row,) = self.pcap([syn])
        self.assertEqual((row["client_key"], row["server_key"]), (None, None))
        self.assertFalse(row["subflows"][0]["answered"])

    def test_retransmissions_count_once(self):
        packets = handshake(CLIENT, SERVICE, CLIENT_KEY, SERVER_KEY)
        packets.append(packet(CLIENT_2, SERVICE, SYN, join(int(token_of(SERVER_KEY), 16))))
        (row,) = self.pcap([one for one in packets for _ in range(3)])
        self.assertEqual(len(row["subflows"]), 2)

    def test_ports_used_again_are_another_connection(self):
        other = bytes.fromhex("0102030405060708")
        rows = self.pcap(handshake(CLIENT, SERVICE, CLIENT_KEY, SERVER_KEY, isn=1000) +
                         handshake(CLIENT, SERVICE, CLIENT_KEY, other, isn=9000))
        self.assertEqual([row["server_key"] for row in rows], [SERVER_KEY.hex(), other.hex()])

    def test_the_key_that_the_client_echoes_counts(self):
        syn, _, ack = handshake(CLIENT, SERVICE, CLIENT_KEY, SERVER_KEY)
        synack = packet(SERVICE, CLIENT, SYN | ACK, capable(1, bytes(range(1, 9))), 5000, 1001)
        (row,) = self.pcap([syn, synack, ack])
        self.check_handshake(row)

    def test_sequence_numbers_wrap(self):
        (row,) = self.pcap(handshake(CLIENT, SERVICE, CLIENT_KEY, SERVER_KEY, isn=2 ** 32 - 2))
        self.assertEqual(row["server_key"], SERVER_KEY.hex())
        self.assertEqual(len(row["subflows"]), 1)

    def test_orphan_joins(self):
        rows = self.pcap([packet(CLIENT, SERVICE, SYN, join(0xdeadbeef, 3))])
        self.assertEqual(rows, [{
            "frame": 1, "src": "192.0.2.77", "sport": 40001, "dst": "198.51.100.1", "dport": 443,
            "join": True, "token": "deadbeef", "backup": False, "address_id": 3,
            "answered": False, "orphan": True, "server_id": None, "server": None}])

    def test_a_join_that_the_server_opens(self):
        (row,) = self.pcap(handshake(CLIENT, SERVICE, CLIENT_KEY, SERVER_KEY) + [
            packet(SERVICE, CLIENT_2, SYN, join(int(token_of(CLIENT_KEY), 16)))])
        self.assertEqual(row["subflows"][1]["src"], SERVICE[0])

    def test_the_newest_connection_of_a_token_gets_the_join(self):
        rows = self.pcap(handshake(CLIENT, SERVICE, CLIENT_KEY, SERVER_KEY) +
                         handshake(CLIENT_2, SERVICE, CLIENT_KEY, SERVER_KEY) +
                         [packet(("192.0.2.79", 1), SERVICE, SYN,
                                 join(int(token_of(SERVER_KEY), 16)))])
        self.assertEqual([len(row["subflows"]) for row in rows], [1, 2])

    def test_what_is_no_join(self):
        token = int(token_of(SERVER_KEY), 16)
        short = b"\x1e\x0b" + join(token)[2:11]
        for options, flags in ((capable() + join(token), SYN),  # both
                               (short, SYN), (join(token), ACK), (join(token), PSH)):
            with self.subTest(options=options, flags=flags):
                rows = self.pcap(handshake(CLIENT, SERVICE, CLIENT_KEY, SERVER_KEY) +
                                 [packet(CLIENT_2, SERVICE, flags, options)])
                joins = [subflow for row in rows for subflow in row.get("subflows", [row])
                         if subflow["join"]]
                self.assertEqual(joins, [])

    def test_packets_of_no_interest(self):
        udp = bytearray(packet(CLIENT, SERVICE, SYN, capable()))
        udp[9] = 17
        self.assertEqual(self.pcap([bytes(udp), packet(CLIENT, SERVICE, SYN),
                                    packet(CLIENT, SERVICE, ACK, data=b"x" * 1000),
                                    packet(CLIENT, SERVICE, ACK, capable()), b"", b"\x45"]), [])

    def test_joins_find_connections_of_long_ago(self):
        packets, keys = [], [hashlib.md5(b"%d" % i).digest() for i in range(1000)]
        for i, key in enumerate(keys):
            packets += handshake(("10.0.0.1", 1024 + i), SERVICE, key[:8], key[8:])
        packets += [packet(("10.0.0.2", 1024 + i), SERVICE, SYN, join(int(token_of(key[8:]), 16)))
                    for i, key in enumerate(keys)]
        rows = self.pcap(packets + packets[:3000:3])  # and the SYNs once more
        self.assertEqual([[subflow["sport"] for subflow in row["subflows"]] for row in rows],
                         [[1024 + i] * 2 for i in range(1000)])

    def test_broken_options_are_counted(self):
        packets = [packet(CLIENT, SERVICE, SYN, b"\x1e\x05\x01\x01\x00"),  # no such length
                   packet(CLIENT, SERVICE, ACK, b"\x1e\x40\x01\x01"),  # past the end
                   packet(CLIENT, SERVICE, ACK, b"\x01\x01\x08\x01")]  # length below 2
        path = self.write("broken.pcap", pcap(packets))
        text = self.tool("pcap", path).stdout
        self.assertIn("3 packets with TCP options that are broken or cut", text)
        self.assertEqual(self.rows("pcap", path), [])

    def test_many_connections(self):
        packets, expected = [], []
        for i in range(3000):
            client = (f"10.{i % 7}.{i // 250}.{i % 250 + 1}", 1024 + i)
            keys = hashlib.md5(b"%d" % i).digest()
            packets += handshake(client, SERVICE, keys[:8], keys[8:])
            packets.append(packet((client[0], 60000), SERVICE, SYN,
                                  join(int(token_of(keys[8:]), 16), i % 256, i)))
            expected.append((keys[8:].hex(), client[0], i % 256))
        rows = self.pcap(packets)
        self.assertEqual([(row["server_key"], row["subflows"][1]["src"],
                           row["subflows"][1]["address_id"]) for row in rows], expected)


class Versions(PcapTest):
    def test_implicit(self):
        key = bytes.fromhex("d7408048e66cb0e4")
        (row,) = self.pcap(handshake(CLIENT, SERVICE, CLIENT_KEY, key, version=14))
        self.assertEqual((row["version"], row["server_token"]), (14, "30946fa6"))
        self.assertEqual(row["server_idsn"], idsn_of(key))

    def test_extended(self):
        token_a, token_b = bytes.fromhex("aabbccdd"), bytes.fromhex("11223344")
        syn = packet(CLIENT, SERVICE, SYN, capable(15))
        synack = packet(SERVICE, CLIENT, SYN | ACK, capable(15, SERVER_KEY, token_b), 5000, 1001)
        ack = packet(CLIENT, SERVICE, ACK, capable(15, CLIENT_KEY, SERVER_KEY, token_a), 1001)
        (row,) = self.pcap([syn, synack, ack,
                            packet(CLIENT_2, SERVICE, SYN, join(0x11223344))])
        self.assertEqual((row["client_token"], row["server_token"]), ("aabbccdd", "11223344"))
        self.assertEqual((row["client_key"], row["server_key"]),
                         (CLIENT_KEY.hex(), SERVER_KEY.hex()))
        self.assertEqual(len(row["subflows"]), 2)

    def test_compact_reads_a_length_by_what_the_syn_had(self):
        token_a, token_b = bytes.fromhex("aabbccdd"), bytes.fromhex("11223344")
        key_a, key_b = bytes(range(12)), b"KeyB"
        synack = packet(SERVICE, CLIENT, SYN | ACK, capable(13, token_b, key_b), 5000, 1001)
        ours = capable(13, key_a, key_b, token_a)
        drafts = capable(13, key_a, key_b, b"\0\5", b"\xab\xcd")
        self.assertEqual(len(ours), len(drafts))
        for syn, ack in ((capable(13), ours), (capable(13, token_a), drafts)):
            (row,) = self.pcap([packet(CLIENT, SERVICE, SYN, syn), synack,
                                packet(CLIENT, SERVICE, ACK, ack, 1001)])
            self.assertEqual((row["client_token"], row["server_token"]), ("aabbccdd", "11223344"))
            self.assertEqual((row["client_key"], row["server_key"]), (key_a.hex(), key_b.hex()))
            self.assertEqual(row["client_idsn"], idsn_of(key_a))

    def test_version_0_has_keys_only(self):
        syn = packet(CLIENT, SERVICE, SYN, capable(0, CLIENT_KEY))
        (row,) = self.pcap([syn])
        self.assertEqual((row["version"], row["client_key"], row["client_token"]),
                         (0, CLIENT_KEY.hex(), None))

    def test_the_servers_version_counts(self):
        syn = packet(CLIENT, SERVICE, SYN, capable(14))
        rest = handshake(CLIENT, SERVICE, CLIENT_KEY, SERVER_KEY)[1:]
        (row,) = self.pcap([syn, *rest])
        self.assertEqual((row["version"], row["server_token"]), (1, token_of(SERVER_KEY)))


class WithFarm(PcapTest):
    SERVERS = 8

    def setUp(self):
        super().setUp()
        lines = [f"  - {{name: s{i}, address: 192.0.2.{i + 1}, ids: [{i}]}}\n"
                 for i in range(self.SERVERS)]
        self.farm = self.write("eight.yaml", token_section(b=8, e=1) + "servers:\n" +
                               "".join(lines))

    def keys(self, server, count):
        rows = self.rows("key", "generate", "--config", self.farm, "--server", server,
                         "--mode", "rfc8684", "--count", str(count))
        return [bytes.fromhex(row["key"]) for row in rows]

    def test_whose_token_it_is(self):
        (key,) = self.keys("s5", 1)
        token = int(token_of(key), 16)
        expected = model.token_decode(bytes.fromhex(SECRET_0), 1, 8, token)
        packets = handshake(CLIENT, SERVICE, CLIENT_KEY, key) + [
            packet(CLIENT_2, SERVICE, SYN, join(token)),
            packet(CLIENT_2, SERVICE, SYN, join(token ^ 0x80000000), 5)]
        connection, orphan = self.pcap(packets, "--config", self.farm)
        self.assertEqual((connection["server"], connection["server_id"]), ("s5", expected[1]))
        self.assertTrue(connection["routable"])
        self.assertEqual((orphan["server"], orphan["routable"], orphan["reason"]),
                         (None, False, "unknown epoch"))
        text = self.tool("pcap", self.write("t.pcap", pcap(packets)), "--config",
                         self.farm).stdout
        self.assertIn(f"token {token:08x} (s5)", text)
        self.assertIn("(unknown epoch)", text)
        self.assertNotIn(SECRET_0, text)

    def many_joins(self):
        packets = []
        for i, key in enumerate(self.keys("s3", 800)):
            packets += handshake(("10.0.0.1", 10000 + i), SERVICE, CLIENT_KEY, key)
            packets.append(packet(("10.0.1.1", 20000 + i), SERVICE, SYN,
                                  join(int(token_of(key), 16))))
        return packets

    def test_where_a_plain_hash_sends_joins(self):
        rows = self.pcap(self.many_joins(), "--config", self.farm)
        joins = [row["subflows"][1] for row in rows]
        share = sum(join["hash_elsewhere"] for join in joins) / len(joins)
        # 7/8 with a standard deviation of 0.0117
        self.assertTrue(abs(share - 7 / 8) < 0.06, share)
        servers = [join["hash_server"] for join in joins]
        for i in range(self.SERVERS):  # 100 each with a standard deviation of 9.4
            self.assertTrue(50 < servers.count(f"s{i}") < 150, servers.count(f"s{i}"))

    def test_the_summary_counts_the_same(self):
        path = self.write("many.pcap", pcap(self.many_joins()))
        rows = self.rows("pcap", path, "--config", self.farm)
        elsewhere = sum(row["subflows"][1]["hash_elsewhere"] for row in rows)
        text = self.tool("pcap", path, "--config", self.farm).stdout
        self.assertIn("800 connections, 800 joins, 0 of them of unseen connections", text)
        self.assertIn(f"would have sent {elsewhere} of 800 joins", text)
        self.assertEqual(text.count(", elsewhere"), elsewhere)

    def test_the_hash_keeps_to_servers_that_are_up_and_serve(self):
        farm = self.write("some.yaml", token_section() + "servers:\n"
                          "  - {name: a, address: 192.0.2.1, ids: [1]}\n"
                          "  - {name: b, address: 192.0.2.2, ids: [2]}\n"
                          "  - {name: c, address: 192.0.2.3, ids: [3], state: draining}\n"
                          "services:\n  - {address: 198.51.100.1, port: 443, servers: [b, c]}\n")
        packets = [packet((f"10.0.0.{i}", 1), SERVICE, SYN, join(i)) for i in range(1, 100)]
        servers = {row["hash_server"] for row in self.pcap(packets, "--config", farm)}
        self.assertEqual(servers, {"b"})


class Files(PcapTest):
    PACKETS = handshake(CLIENT, SERVICE, CLIENT_KEY, SERVER_KEY)

    def test_formats_and_link_types(self):
        expected = self.pcap(self.PACKETS)
        self.assertEqual(len(expected), 1)
        self.assertEqual(self.rows("pcap", self.write("x", pcapng(self.PACKETS))), expected)
        for link_type in (RAW, COOKED):
            self.assertEqual(self.pcap(self.PACKETS, link_type=link_type), expected)

    def test_standard_input(self):
        result = self.run_pcap("-", "--json", input=pcap(self.PACKETS).decode("latin-1"),
                               encoding="latin-1")
        self.assertEqual(result.stderr, "")
        self.assertEqual(len(result.stdout.splitlines()), 1)

    def test_a_huge_snaplen(self):
        self.assertEqual(len(self.pcap(self.PACKETS, snaplen=2 ** 32 - 1)), 1)

    def test_what_was_read_before_the_damage_is_printed(self):
        whole = pcap(self.PACKETS + [packet(CLIENT_2, SERVICE, SYN, join(1))])
        last = len(pcap(self.PACKETS))
        for length in list(range(last + 1, last + 20)) + [len(whole) - 1]:
            with self.subTest(length=length):
                path = self.write("cut.pcap", whole[:length])
                result = self.run_pcap(path, "--json")
                self.assertEqual(result.returncode, 1)
                (row,) = map(json.loads, result.stdout.splitlines())
                self.assertEqual(row["server_key"], SERVER_KEY.hex())
                self.assertIn(f"{path}: frame 4, up to byte {length}: truncated", result.stderr)
                self.assertEqual(result.stderr.count("\n"), 1)

    def test_a_frame_of_four_gigabytes(self):
        damaged = pcap(self.PACKETS) + struct.pack("<IIII", 0, 0, 2 ** 32 - 1, 2 ** 32 - 1)
        path = self.write("huge.pcap", damaged + b"x" * 100)
        result = self.run_pcap(path)
        self.assertEqual(result.returncode, 1)
        self.assertIn("1 connections, 0 joins", result.stdout)
        self.assertIn(f"{path}: frame 4, ", result.stderr)

    def test_what_is_no_capture(self):
        good = pcap(self.PACKETS)
        for name, content, words in (
                ("empty", b"", "expected a capture in pcap or pcapng format"),
                ("header", good[:23], "truncated"),
                ("text", b"hello, world, this is no capture", "unknown file format"),
                ("gzip", gzip.compress(good), "uncompressed"),
                ("wireless", pcap([], link_type=105),
                 "its link type is 105 (IEEE802_11): expected Ethernet")):
            with self.subTest(name=name):
                path = self.write(name, content)
                result = self.run_pcap(path)
                self.assertEqual((result.returncode, result.stdout), (1, ""))
                self.assertIn(f"mptcplb-tool: {path}: ", result.stderr)
                self.assertIn(words, result.stderr)
                self.assertEqual(result.stderr.count("\n"), 1)

    def test_what_cannot_be_opened(self):
        self.assertIn("is a directory", self.run_pcap(self.directory.name).stderr)
        self.assertIn("No such file", self.run_pcap("/nonexistent").stderr)
        path = self.write("mine.pcap", pcap(self.PACKETS))
        os.chmod(path, 0)
        result = self.run_pcap(path, preexec_fn=file_modes.obey)
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"{path}: Permission denied", result.stderr)

    def test_command_lines(self):
        path = self.write("x.pcap", pcap(self.PACKETS))
        for arguments in (["pcap"], ["pcap", path, path], ["pcap", "--frob", path],
                          ["pcap", "--config"], ["option"], ["option", "decode"]):
            with self.subTest(arguments=arguments):
                self.tool(*arguments, code=2)
        self.tool("pcap", path, "--config", "/nonexistent", code=1)

    def test_memory_does_not_grow_with_packets(self):
        def memory(packets):
            """The most that the tool had in use, in KiB, once it has read these."""
            process = subprocess.Popen([TOOL, "pcap", "-"], stdin=subprocess.PIPE,
                                       stdout=subprocess.DEVNULL)
            process.stdin.write(pcap(packets))
            process.stdin.flush()
            with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
                peak = next(line for line in status if line.startswith("VmHWM"))
            process.stdin.close()
            self.assertEqual(process.wait(), 0)
            return int(peak.split()[1])

        dss = bytes.fromhex("1e0c2003") + bytes(8)
        data = packet(CLIENT, SERVICE, ACK, dss, data=b"x" * 100)
        few = memory(self.PACKETS + [data] * 10000)
        # 10 bytes for each of 100,000 more packets would show
        self.assertLess(memory(self.PACKETS + [data] * 110000) - few, 1000)


class Options(PcapTest):
    def decode(self, *operands, code=0):
        result = subprocess.run([TOOL, "option", "decode", "--json", *operands],
                                capture_output=True, text=True)
        self.assertEqual(result.returncode, code, result.stderr)
        return [json.loads(line) for line in result.stdout.splitlines()], result.stderr

    def test_fields(self):
        for text, fields in (
                ("1e040181", {"name": "MP_CAPABLE", "version": 1, "flags": 0x81}),
                ("1e0c11030badcafe12345678", {
                    "name": "MP_JOIN", "form": "SYN", "backup": True, "address_id": 3,
                    "token": "0badcafe", "random": 0x12345678}),
                ("1e100002" + "0102030405060708" + "aabbccdd", None),
                ("1e101102" + "0102030405060708" + "00000009", {
                    "form": "SYN/ACK", "backup": True, "address_id": 2,
                    "hmac": "0102030405060708", "random": 9}),
                ("1e181000" + "01" * 20, {"form": "ACK", "hmac": "01" * 20}),
                ("1e082001" + "00000007", {
                    "name": "DSS", "data_ack_size": 4, "data_ack": "0000000000000007"}),
                ("1e14200d" + "fffffffe" + "0000000100000002" + "00000003" + "0004", None),
                ("1e103002" + "c0000201" + "0102030405060708", {
                    "name": "ADD_ADDR", "address_id": 2, "address": "192.0.2.1",
                    "hmac": "0102030405060708", "echo": False}),
                ("1e0a3102c000020101bb", {"echo": True, "port": 443}),
                ("1e0540010f", {"name": "REMOVE_ADDR", "address_ids": [1, 15]}),
                ("1e0351", {"name": "MP_PRIO", "backup": True}),
                ("1e0c6000" + "0102030405060708", {
                    "name": "MP_FAIL", "data_sequence_number": "0102030405060708"}),
                ("1e0c7000" + "0102030405060708", {
                    "name": "MP_FASTCLOSE", "receiver_key": "0102030405060708"}),
                ("1e048106", {"name": "MP_TCPRST", "transient": True, "reason": 6}),
                ("1e05f0beef", {"name": "MP_EXPERIMENTAL", "bytes": "beef"})):
            with self.subTest(text=text):
                rows, error = self.decode(text, code=0 if fields else 1)
                self.assertEqual(len(rows), 1)
                if fields:
                    self.assertEqual({key: rows[0][key] for key in fields}, fields)
                    self.assertEqual(rows[0]["length"], len(text) // 2)
                else:
                    self.assertIn("error", rows[0])
                    self.assertIn("argument 1: the option at byte 0", error)

    def test_a_whole_header(self):
        rows, _ = self.decode("0x020405b401011E0C1003DEADBEEF00000001")
        self.assertEqual(rows[0], {"kind": 2, "length": 4})
        self.assertEqual(rows[1]["token"], "deadbeef")

    def test_broken_lists(self):
        for text, place in (("1e", 0), ("1e01", 0), ("01011e04", 2), ("020405b41e0c10", 4)):
            _, error = self.decode(text, code=1)
            self.assertIn(f"argument 1: the option at byte {place}: ", error)

    def test_what_is_no_header(self):
        for text in ("", "1", "1e0", "xx", "00" * 41, "0x"):
            self.assertIn("expected hex digits", self.decode(text, code=2)[1])

    def test_text(self):
        text = self.tool("option", "decode", "1e0c11030badcafe12345678").stdout
        for words in ("MP_JOIN", "form SYN", "backup", "address_id 3", "token 0badcafe"):
            self.assertIn(words, text)

    def test_each_packet_of_a_capture(self):
        packets = handshake(CLIENT, SERVICE, CLIENT_KEY, SERVER_KEY) + [
            packet(SERVICE, CLIENT, ACK, bytes.fromhex("1e0c6000") + bytes(8) +
                   bytes.fromhex("1e048006"))]
        rows = self.pcap(packets, "--options")
        self.assertEqual([(row["frame"], row["name"]) for row in rows],
                         [(1, "MP_CAPABLE"), (2, "MP_CAPABLE"), (3, "MP_CAPABLE"),
                          (4, "MP_FAIL"), (4, "MP_TCPRST")])
        self.assertEqual((rows[1]["src"], rows[1]["sport"], rows[1]["dport"]),
                         (SERVICE[0], 443, 40001))
        lines = self.run_pcap(os.path.join(self.directory.name, "test.pcap"),
                              "--options").stdout.splitlines()
        self.assertEqual([line.split()[4] for line in lines], [row["name"] for row in rows])


class KernelCaptures(PcapTest):
    # connections, joins, joins that were answered, orphan joins
    EXPECTED = {
        "add-addr-ipv4": (1, 1, 1, 0), "add-addr-ipv4-port": (1, 1, 1, 0),
        "add-addr-ipv6": (1, 1, 1, 0), "add-addr-ipv6-port": (1, 1, 1, 0),
        "checksums": (1, 1, 1, 0), "fail-with-one-subflow": (1, 0, 0, 0),
        "fail-with-two-subflows": (1, 1, 1, 0), "fastclose": (1, 1, 1, 0),
        "join-backup-then-priority": (1, 1, 1, 0), "join-ipv4": (1, 1, 1, 0),
        "join-ipv6": (1, 1, 1, 0), "join-of-unknown-token": (1, 0, 0, 1),
        "no-join-to-initial-address": (1, 0, 0, 0), "plain-tcp-server": (1, 0, 0, 0),
        "remove-addr": (1, 2, 2, 0), "remove-addr-list": (1, 1, 1, 0),
    }

    def test_what_is_in_them(self):
        paths = glob.glob(os.path.join(CAPTURES, "*.pcap"))
        self.assertEqual({os.path.basename(path)[:-5] for path in paths}, set(self.EXPECTED))
        for path in paths:
            with self.subTest(path=path):
                rows = self.rows("pcap", path)
                connections = [row for row in rows if "subflows" in row]
                joins = [subflow for row in connections for subflow in row["subflows"]
                         if subflow["join"]]
                self.assertEqual((len(connections), len(joins),
                                  sum(join["answered"] for join in joins),
                                  len(rows) - len(connections)),
                                 self.EXPECTED[os.path.basename(path)[:-5]])
                for row in connections:
                    if row["server_key"]:
                        self.assertEqual(row["server_token"],
                                         token_of(bytes.fromhex(row["server_key"])))

    def test_a_capture_and_its_pieces_are_read_alike(self):
        """Cut to the first 90 bytes of each frame, the handshakes still are there."""
        path = os.path.join(CAPTURES, "join-ipv4.pcap")
        with open(path, "rb") as file:
            data = file.read()
        cut, at = data[:24], 24
        while at < len(data):
            stamp, size, real = data[at:at + 8], *struct.unpack_from("<II", data, at + 8)
            cut += stamp + struct.pack("<II", min(size, 90), real)
            cut += data[at + 16:at + 16 + min(size, 90)]
            at += 16 + size
        self.assertEqual(self.rows("pcap", self.write("cut.pcap", cut)), self.rows("pcap", path))


if __name__ == "__main__":
    unittest.main()
