#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The farm counts joins right: what a capture of SYNs contains, retransmissions once."""

import os
import struct
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.environ["MPTCPLB_SOURCE_DIR"], "examples/farm"))

import joins  # noqa: E402
from namespaces import FarmError  # noqa: E402

JOIN = bytes([30, 12, 0x10, 1]) + bytes(8)
CAPABLE = bytes([30, 4, 0x01, 0x81])
MSS = bytes([2, 4, 5, 0xb4])
NOP = bytes([1])
SYN, ACK = 0x02, 0x10


def frame(options, port=1000, number=7, flags=SYN, ip_options=b"", protocol=6):
    """An Ethernet frame with a TCP segment."""
    options += bytes(-len(options) % 4)
    tcp = struct.pack("!HHIIBBHHH", port, 443, number, 0, (20 + len(options)) << 2, flags, 0, 0, 0)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45 + len(ip_options) // 4, 0,
                     20 + len(ip_options) + len(tcp + options), 0, 0, 64, protocol, 0,
                     bytes([203, 0, 113, 6]), bytes([198, 51, 100, 1]))
    return bytes(12) + b"\x08\x00" + ip + ip_options + tcp + options


def frame_ipv6(options, protocol=6):
    """The same over IPv6."""
    segment = frame(options)[34:]
    ip = struct.pack("!IHBB", 6 << 28, len(segment), protocol, 64) + b"c" * 16 + b"s" * 16
    return bytes(12) + b"\x86\xdd" + ip + segment


def pcap(*frames, order="<", linktype=1):
    """A pcap file."""
    head = struct.pack(order + "IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, linktype)
    return head + b"".join(struct.pack(order + "IIII", 0, 0, len(f), len(f)) + f for f in frames)


class JoinsTried(unittest.TestCase):
    """joins_tried() over captures that are made by hand."""

    def count(self, *frames):
        return len(joins.joins_tried(pcap(*frames)))

    def test_identity(self):
        self.assertEqual(
            joins.joins_tried(pcap(frame(MSS + JOIN, port=4242, number=0xfedcba98))),
            {(bytes([203, 0, 113, 6]), 4242, bytes([198, 51, 100, 1]), 443, 0xfedcba98)})

    def test_a_retransmission_counts_once(self):
        self.assertEqual(self.count(frame(JOIN), frame(JOIN), frame(JOIN)), 1)

    def test_another_port_or_sequence_number_is_another_join(self):
        self.assertEqual(self.count(frame(JOIN), frame(JOIN, port=1001), frame(JOIN, number=8)), 3)

    def test_only_syns_with_a_join_count(self):
        self.assertEqual(self.count(frame(b""), frame(CAPABLE), frame(MSS + NOP + CAPABLE),
                                    frame(JOIN, flags=ACK), frame(JOIN, flags=SYN | ACK),
                                    frame(JOIN, protocol=17)), 0)

    def test_options_of_ip(self):
        self.assertEqual(self.count(frame(JOIN, ip_options=bytes([1, 1, 1, 0]))), 1)

    def test_ipv6(self):
        self.assertEqual(joins.joins_tried(pcap(frame_ipv6(JOIN))),
                         {(b"c" * 16, 1000, b"s" * 16, 443, 7)})
        self.assertEqual(self.count(frame_ipv6(CAPABLE), frame_ipv6(JOIN, protocol=17)), 0)

    def test_broken_options(self):
        for broken in (bytes([30, 0]), bytes([30, 1]), bytes([5, 0]), bytes([5, 1]),
                       bytes([30, 41]), bytes([0])):
            with self.subTest(broken=broken.hex()):
                self.assertEqual(self.count(frame(broken + JOIN)), 0)

    def test_truncated_frames(self):
        for whole in (frame(JOIN), frame_ipv6(JOIN)):
            self.assertEqual(self.count(whole), 1)
            for size in range(len(whole)):
                self.assertEqual(self.count(whole[:size]), 0, f"{size} bytes")

    def test_either_byte_order(self):
        self.assertEqual(len(joins.joins_tried(pcap(frame(JOIN), order=">"))), 1)

    def test_what_is_no_capture(self):
        for bad in (b"", b"\xd4\xc3\xb2\xa1", bytes(24), pcap(frame(JOIN))[:-1],
                    pcap(frame(JOIN), linktype=113)):
            with self.assertRaises(FarmError):
                joins.joins_tried(bad)


if __name__ == "__main__":
    unittest.main()
