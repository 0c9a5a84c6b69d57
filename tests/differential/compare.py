#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Compare mptcplb-tool with tshark, MPTCP option by option and field by field.

    compare.py [--mutants N] [--seed N] [CAPTURE…]

The captures are those of tests/captures unless named, and mutants of their packets. What both
accept must agree. README.md lists where tshark differs from the RFC; those cases are counted here
under their name and are no failures. Needs MPTCPLB_TOOL in the environment.
"""

import argparse
import collections
import glob
import ipaddress
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

HERE = os.path.dirname(os.path.abspath(__file__))
CAPTURES = os.path.join(HERE, "..", "captures")
TOOL = os.environ["MPTCPLB_TOOL"]
MPTCP = 30
NOP = 1
OPTIONS_MAX = 40
REPORTED = 20
NAMES = {"MP_CAPABLE", "MP_JOIN", "DSS", "ADD_ADDR", "REMOVE_ADDR", "MP_PRIO", "MP_FAIL",
         "MP_FASTCLOSE", "MP_TCPRST"}
# What tshark shows beside the field that holds it, and (reserved) not in every option.
DETAILS = {"checksumreq.flags", "extensibility.flag", "nomoresubflows.flag", "sha1.flag",
           "sha256.flag", "reserved.flag", "reserved", "dseqn8.flag", "dseqnpresent.flag",
           "dataack8.flag", "dataackpresent.flag", "flag_U.flag", "flag_V.flag", "flag_W.flag",
           # it is the first byte's low nibble and no count (RFC 8684, section 3.4.2)
           "mptcp.rm_addr.count"}


def read_pcap(path):
    """The frames of an Ethernet capture in little-endian pcap."""
    with open(path, "rb") as file:
        data = file.read()
    frames, at = [], 24
    while at < len(data):
        size, = struct.unpack_from("<I", data, at + 8)
        frames.append(data[at + 16:at + 16 + size])
        at += 16 + size
    return frames


def write_pcap(path, frames):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for number, frame in enumerate(frames):
            file.write(struct.pack("<IIII", number // 1000, number % 1000, len(frame), len(frame)))
            file.write(frame)


class Packet:
    """A frame, cut where its TCP options are."""

    def __init__(self, frame):
        self.is_ipv4 = frame[12:14] == b"\x08\x00"
        tcp = 14 + (4 * (frame[14] & 15) if self.is_ipv4 else 40)
        end = tcp + 4 * (frame[tcp + 12] >> 4)
        self.ip = bytearray(frame[:tcp])
        self.tcp = bytearray(frame[tcp:tcp + 20])
        self.options = bytearray(frame[tcp + 20:end])
        self.data = frame[end:]

    def mptcp_options(self):
        """Where the MPTCP options start."""
        at, found = 0, []
        while at + 1 < len(self.options) and self.options[at]:
            if self.options[at] == NOP:
                at += 1
                continue
            if self.options[at] == MPTCP:
                found.append(at)
            if self.options[at + 1] < 2:
                break
            at += self.options[at + 1]
        return found

    def frame(self):
        self.tcp[12] = (20 + len(self.options)) // 4 << 4 | self.tcp[12] & 15
        size = len(self.tcp) + len(self.options) + len(self.data)
        if self.is_ipv4:
            struct.pack_into("!H", self.ip, 16, len(self.ip) - 14 + size)
        else:
            struct.pack_into("!H", self.ip, 18, size)
        return bytes(self.ip + self.tcp + self.options) + self.data


def mutate_in_place(generator, packet, start):
    """Change a few bits or bytes of one MPTCP option."""
    length = max(packet.options[start + 1], 3)
    for _ in range(generator.randint(1, 3)):
        at = min(start + generator.randrange(1, length), len(packet.options) - 1)
        if generator.random() < 0.5:
            packet.options[at] ^= 1 << generator.randrange(8)
        else:
            packet.options[at] = generator.randrange(256)


def mutate_length(generator, packet, start):
    """Make one MPTCP option longer or shorter, with what follows moved or overrun."""
    before = packet.options[:start]
    old = packet.options[start:start + packet.options[start + 1]]
    new = bytes(old) + generator.randbytes(OPTIONS_MAX)
    length = generator.randint(2, OPTIONS_MAX - start)
    packet.options = before + bytearray(new[:length])
    packet.options[start + 1] = length


def mutate_whole(generator, packet, _start):
    """Put another MPTCP option in place of all options."""
    length = generator.randint(3, OPTIONS_MAX)
    packet.options = bytearray(generator.randbytes(length))
    packet.options[0:2] = bytes((MPTCP, length))
    if generator.random() < 0.8:  # a subtype that has a name, and in MP_CAPABLE a known version
        subtype = generator.randrange(9)
        packet.options[2] = subtype << 4 | generator.choice((0, 1, generator.randrange(16)))


def mutants(generator, packets, count):
    """Mutants, each on a connection of its own so that what tshark remembers is of no matter."""
    sources = [packet for packet in packets if Packet(packet).mptcp_options()]
    for number in range(count):
        packet = Packet(generator.choice(sources))
        start = generator.choice(packet.mptcp_options())
        generator.choice((mutate_in_place, mutate_length, mutate_whole))(generator, packet, start)
        packet.options += bytes((NOP,)) * (-len(packet.options) % 4)
        packet.options = packet.options[:OPTIONS_MAX]
        packet.tcp[0:2] = struct.pack("!H", 1024 + number % 60000)
        packet.ip[-1] = number // 60000 + 1
        yield packet.frame()


def run_tool(path):
    """Per frame, what the tool says of each MPTCP option."""
    lines = subprocess.run([TOOL, "pcap", "--options", "--json", path], check=True,
                           stdout=subprocess.PIPE, text=True).stdout.splitlines()
    frames = collections.defaultdict(list)
    for line in lines:
        option = json.loads(line)
        frames[option["frame"]].append(option)
    return frames


def run_tshark(path):
    """Per frame, what tshark says of each MPTCP option: lists of numbers by field."""
    process = subprocess.Popen(
        ["tshark", "-n", "-r", path, "-T", "pdml", "-J", "tcp", "-o", "mptcp.analyze_mptcp:FALSE"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    frames, number = collections.defaultdict(list), 0
    for _, element in xml.iterparse(process.stdout):
        if element.tag == "packet":
            number += 1
            for proto in element.iterfind(".//proto[@name='mptcp']"):
                if proto.find("field[@name='tcp.option_kind']") is not None:
                    frames[number].append(read_proto(proto))
            element.clear()
    if process.wait():
        raise RuntimeError("tshark failed")
    return frames


def read_proto(proto):
    fields = collections.defaultdict(list)
    for field in proto.iter("field"):
        if field.get("value") and field.get("size") != "0":
            fields[field.get("name").replace("tcp.options.mptcp.", "")].append(
                int(field.get("value"), 16))
    return dict(fields)


class Expectation:
    """What tshark should say of an option, made from what the tool says."""

    def __init__(self, option):
        self.option = option
        self.fields = {"tcp.option_kind": [MPTCP], "tcp.option_len": [option["length"]],
                       "subtype": [option["subtype"]]}
        getattr(self, (option["name"] or "unnamed").lower(), lambda: None)()

    def put(self, **names):
        """Numbers, by tshark's names and ours."""
        for name, key in names.items():
            if key in self.option:
                self.fields[name] = [int(self.option[key])]

    def put_hex(self, **names):
        for name, key in names.items():
            if key in self.option:
                self.fields[name] = [int(self.option[key], 16)]

    def put_whole_byte(self):
        """Where there are four flags, tshark shows the byte that they share with the subtype."""
        self.fields["flags"] = [self.option["subtype"] << 4 | self.option["flags"]]

    def mp_capable(self):
        self.put(version="version", flags="flags", datalvllen="data_level_length",
                 checksum="checksum")
        self.put_hex(sendkey="sender_key", recvkey="receiver_key")

    def mp_join(self):
        self.put(addrid="address_id", sendrand="random")
        self.put_hex(recvtok="token")
        if self.option["form"] == "ACK":
            self.put_hex(sendhmac="hmac")
        else:
            self.put_hex(sendtrunchmac="hmac")
            self.put_whole_byte()
            self.fields["backup.flag"] = [int(self.option["backup"])]

    def dss(self):
        self.put(subflowseqno="subflow_sequence_number", datalvllen="data_level_length",
                 checksum="checksum")
        self.put_hex(rawdataack="data_ack", rawdataseqno="data_sequence_number")
        self.fields["flags"] = [self.option["flags"] & 0xff]
        self.fields["datafin.flag"] = [int(self.option["data_fin"])]

    def add_addr(self):
        if self.option["version"] == 0:
            self.put(ipver="flags")
        else:
            self.put(echo="echo")
        self.put(addrid="address_id", port="port")
        self.put_hex(addaddrtrunchmac="hmac")
        address = ipaddress.ip_address(self.option["address"])
        self.fields[f"ipv{address.version}"] = [int(address)]

    def remove_addr(self):
        self.fields["addrid"] = self.option["address_ids"]

    def mp_prio(self):
        self.put(addrid="address_id")
        self.put_whole_byte()
        self.fields["backup.flag"] = [int(self.option["backup"])]

    def mp_fail(self):
        self.put_hex(rawdataseqno="data_sequence_number")

    def mp_fastclose(self):
        self.put_hex(recvkey="receiver_key")

    def mp_tcprst(self):
        self.put(rst_reason="reason")
        self.put_whole_byte()
        self.fields["flag_T.flag"] = [int(self.option["transient"])]


def deviation(option, field):
    """The name of the listed case that explains a difference, or None."""
    behind_the_flags = field in ("sendkey", "recvkey", "datalvllen", "checksum")
    if option["name"] == "MP_CAPABLE" and 2 <= option["version"] <= 12 and behind_the_flags:
        return "unknown version"
    if option["name"] == "MP_CAPABLE" and option["version"] in (13, 15) and behind_the_flags:
        return "version 13 or 15"
    if option["name"] == "MP_FASTCLOSE" and option["length"] in (8, 16) and field == "recvkey":
        return "compact MP_FASTCLOSE"
    if option["name"] == "DSS" and field == "checksum":
        return "DSS checksum"
    if option["name"] == "ADD_ADDR" and option["version"] == 1 and option["flags"] in (4, 6) and \
            field in ("echo", "ipver"):
        return "ADD_ADDR with reserved bits"
    return None


class Comparison:
    """Counts what was compared, and keeps what differs."""

    def __init__(self):
        self.compared = collections.Counter()
        self.listed = collections.Counter()
        self.refused = 0
        self.differences = []

    def frame(self, place, frame, ours, theirs):
        gave_up = len(theirs) < len(ours) and theirs and "error" in ours[len(theirs) - 1]
        if len(ours) != len(theirs) and not gave_up:
            self.differences.append(f"{place}: {len(ours)} MPTCP options, in tshark {len(theirs)}")
        for number, (option, fields) in enumerate(zip(ours, theirs), 1):
            if "error" in option:
                self.refused += 1
            else:
                self.option(f"{place} option {number}", option, fields)
                self.dss_checksum(f"{place} option {number}", frame, number - 1, option)

    def option(self, place, option, theirs):
        ours = Expectation(option).fields
        self.compared[option["name"]] += 1
        for field in sorted(set(ours) | set(theirs) - DETAILS):
            if ours.get(field) == theirs.get(field):
                continue
            case = deviation(option, field)
            if case:
                self.listed[case] += 1
            else:
                self.differences.append(f"{place}: {field}: {ours.get(field)}, in tshark "
                                        f"{theirs.get(field)}: {option}")

    def dss_checksum(self, place, frame, index, option):
        """tshark does not show it: it is the option's last two bytes."""
        if option["name"] != "DSS" or "checksum" not in option:
            return
        packet = Packet(frame)
        end = packet.mptcp_options()[index] + option["length"]
        found = int.from_bytes(packet.options[end - 2:end], "big")
        if found != option["checksum"]:
            self.differences.append(f"{place}: checksum: {option['checksum']}, in the frame {found}")

    def files(self, title, path):
        ours, theirs = run_tool(path), run_tshark(path)
        for number, frame in enumerate(read_pcap(path), 1):
            self.frame(f"{title} frame {number}", frame, ours[number], theirs[number])


def check_tokens(path):
    """Keys, tokens and IDSNs: the tool's connections against tshark's expectations."""
    lines = subprocess.run([TOOL, "pcap", "--json", path], check=True, stdout=subprocess.PIPE,
                           text=True).stdout.splitlines()
    ours = set()
    for connection in map(json.loads, lines):
        for side in ("client", "server"):
            if connection.get(f"{side}_key"):
                ours.add(tuple(int(connection[f"{side}_{what}"], 16) for what in ("token", "idsn")))
    shown = subprocess.run(
        ["tshark", "-n", "-r", path, "-T", "fields", "-E", "occurrence=f",
         "-e", "mptcp.expected_token", "-e", "mptcp.expected_idsn", "-Y", "mptcp.expected_token"],
        check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    theirs = {tuple(map(int, line.split("\t"))) for line in shown.splitlines()}
    return [] if ours == theirs else [f"{path}: tokens and IDSNs {ours}, in tshark {theirs}"]


def report(comparison, wanted):
    for name, count in sorted(comparison.compared.items(), key=str):
        print(f"{count:7} {name}")
    for name, count in sorted(comparison.listed.items()):
        print(f"{count:7} differences of the listed case: {name}")
    print(f"{comparison.refused:7} options that the tool refuses")
    for name in sorted(wanted - set(comparison.compared)):
        comparison.differences.append(f"no {name} was compared")
    for difference in comparison.differences[:REPORTED]:
        print(difference)
    print(f"{sum(comparison.compared.values())} options compared, "
          f"{len(comparison.differences)} differences")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mutants", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("captures", nargs="*")
    arguments = parser.parse_args()
    paths = arguments.captures or sorted(glob.glob(os.path.join(CAPTURES, "*.pcap")))
    comparison = Comparison()
    packets = []
    for path in paths:
        comparison.files(os.path.basename(path), path)
        comparison.differences += check_tokens(path)
        packets += read_pcap(path)
    report(comparison, NAMES)
    if arguments.mutants:
        frames = list(mutants(random.Random(arguments.seed), packets, arguments.mutants))
        changed = Comparison()
        with tempfile.TemporaryDirectory(prefix="mptcplb-differential-") as directory:
            path = os.path.join(directory, "mutants.pcap")
            write_pcap(path, frames)
            changed.files("mutant", path)
        print(f"\n{len(frames)} mutants")
        report(changed, NAMES)
        comparison.differences += changed.differences
    return 1 if comparison.differences else 0


if __name__ == "__main__":
    sys.exit(main())
