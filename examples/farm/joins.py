# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Counting joins: those tried on the wire, those that reached their owner in the kernels."""

import os
import re
import struct
import time

from namespaces import FarmError

START_SECONDS = 20
ETHERNET = 1
ETHERTYPE_IPV4 = 0x0800
ETHERTYPE_IPV6 = 0x86dd
IPV6_HEADER = 40
PROTOCOL_TCP = 6
OPTION_END, OPTION_NOP, OPTION_MPTCP = 0, 1, 30
MP_JOIN = 1
# Link header, longest IPv4 header, longest TCP header.
SNAPLEN = 14 + 60 + 60
# tcpdump's tcp[] is of IPv4 only, and it knows the name of TCP in IPv6 from /etc/protocols alone.
SYNS = ("tcp[tcpflags] & (tcp-syn | tcp-ack) == tcp-syn or "
        f"(ip6 proto {PROTOCOL_TCP} and ip6[{IPV6_HEADER + 13}] & (tcp-syn | tcp-ack) == tcp-syn)")


class Capture:
    """The client's SYNs, captured where they come in to the router."""

    def __init__(self, sandbox, namespace, interfaces):
        self._files = {name: os.path.join(sandbox.directory, f"{name}.pcap")
                       for name in interfaces}
        self._tcpdumps = [
            sandbox.start(namespace, [
                "tcpdump", "-n", "-i", name, "-Q", "in", "-s", str(SNAPLEN), "-B", "16384",
                "--immediate-mode", "-U", "-Z", "root", "-w", file, SYNS],
                f"tcpdump on {name}", ready=False)
            for name, file in self._files.items()]
        for tcpdump in self._tcpdumps:
            _wait_listening(tcpdump)

    def stop(self):
        """End the capture and return the joins tried."""
        for tcpdump in self._tcpdumps:
            tcpdump.stop()
            dropped = re.search(r"^(\d+) packets? dropped by kernel", tcpdump.errors(), re.M)
            if not dropped or int(dropped[1]):
                raise FarmError(f"{tcpdump.name} missed packets: {tcpdump.errors()}")
        joins = set()
        for file in self._files.values():
            with open(file, "rb") as pcap:
                joins |= joins_tried(pcap.read())
        return joins


def _wait_listening(tcpdump):
    end = time.monotonic() + START_SECONDS
    while "listening on" not in tcpdump.errors():
        if time.monotonic() > end:
            raise FarmError(f"{tcpdump.name} does not listen: {tcpdump.errors()}")
        time.sleep(0.02)


def joins_tried(pcap):
    """The joins in a capture: (source, port, destination, port, initial sequence number).

    A SYN that was sent again has the same five, and so counts once.
    """
    return {join for join in map(join_of_frame, frames(pcap)) if join}


def frames(pcap):
    """The frames of a pcap file in the byte order of its magic number."""
    order = {0xa1b2c3d4: "<", 0xd4c3b2a1: ">"}.get(int.from_bytes(pcap[:4], "little"))
    if not order or len(pcap) < 24 or struct.unpack_from(order + "I", pcap, 20)[0] != ETHERNET:
        raise FarmError("the capture is not a pcap file of Ethernet frames")
    offset = 24
    while offset + 16 <= len(pcap):
        size = struct.unpack_from(order + "I", pcap, offset + 8)[0]
        yield pcap[offset + 16:offset + 16 + size]
        offset += 16 + size
    if offset != len(pcap):
        raise FarmError("the capture ends in the middle of a frame")


def join_of_frame(frame):
    """What identifies the join whose SYN this frame is; None when it is none."""
    source, destination, segment = tcp_of_frame(frame)
    if len(segment) < 20 or segment[13] & 0x12 != 0x02:
        return None
    if not has_join(segment[20:(segment[12] >> 4) * 4]):
        return None
    source_port, destination_port, number = struct.unpack_from("!HHI", segment)
    return source, source_port, destination, destination_port, number


def tcp_of_frame(frame):
    """Source, destination and TCP segment of a frame; an empty segment when it has none."""
    ethertype, packet = int.from_bytes(frame[12:14], "big"), frame[14:]
    if ethertype == ETHERTYPE_IPV4 and len(packet) >= 20 and packet[9] == PROTOCOL_TCP:
        return packet[12:16], packet[16:20], packet[(packet[0] & 15) * 4:]
    if ethertype == ETHERTYPE_IPV6 and len(packet) >= IPV6_HEADER and packet[6] == PROTOCOL_TCP:
        return packet[8:24], packet[24:40], packet[IPV6_HEADER:]
    return b"", b"", b""


def has_join(options):
    """Whether TCP options contain an MP_JOIN."""
    while options and options[0] != OPTION_END:
        size = 1 if options[0] == OPTION_NOP else options[1] if len(options) > 1 else 0
        if size < (1 if options[0] == OPTION_NOP else 2) or size > len(options):
            return False
        if options[0] == OPTION_MPTCP and size > 2 and options[2] >> 4 == MP_JOIN:
            return True
        options = options[size:]
    return False


def joins_accepted(sandbox, namespace):
    """The joins whose third ACK the kernel of a namespace has accepted, ever."""
    return sandbox.kernel_counters(namespace)["MPTcpExtMPJoinAckRx"]
