# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Frames and captures for tests, made byte by byte."""

import ipaddress
import struct

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
ETHERNET, RAW, COOKED = 1, 101, 113


def capable(version=1, *fields, flags=0x01):
    """An MP_CAPABLE option; the fields are bytes."""
    data = b"".join(fields)
    return bytes((30, 4 + len(data), version, flags)) + data


def join(token, address_id=1, random=0x01020304, backup=False):
    """The MP_JOIN option of a SYN."""
    return struct.pack("!BBBBII", 30, 12, 0x10 | backup, address_id, token, random)


def join_answer(address_id=0):
    """The MP_JOIN option of a SYN/ACK."""
    return struct.pack("!BBBB8sI", 30, 16, 0x10, address_id, b"truncmac", 0x05060708)


def packet(source, destination, flags, options=b"", sequence=1000, acknowledgment=0, data=b""):
    """An IP packet; source and destination are an address and a port."""
    (source_ip, source_port), (destination_ip, destination_port) = source, destination
    options += b"\x01" * (-len(options) % 4)
    tcp = struct.pack("!HHIIBBHHH", source_port, destination_port, sequence, acknowledgment,
                      (20 + len(options)) // 4 << 4, flags, 65535, 0, 0) + options + data
    addresses = ipaddress.ip_address(source_ip).packed + ipaddress.ip_address(destination_ip).packed
    if len(addresses) == 8:
        return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + addresses + tcp
    return struct.pack("!IHBB", 6 << 28, len(tcp), 6, 64) + addresses + tcp


def frame(ip, link_type=ETHERNET):
    """A packet as a link carries it."""
    ethertype = b"\x86\xdd" if ip[:1] == b"\x60" else b"\x08\x00"
    if link_type == ETHERNET:
        return bytes(12) + ethertype + ip
    if link_type == COOKED:
        return bytes(14) + ethertype + ip
    return ip


def pcap(packets, link_type=ETHERNET, snaplen=65535):
    """A capture."""
    data = [struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, snaplen, link_type)]
    for number, ip in enumerate(packets):
        one = frame(ip, link_type)
        data += [struct.pack("<IIII", number, 0, len(one), len(one)), one]
    return b"".join(data)


def pcapng(packets, link_type=ETHERNET):
    """The same in the newer format."""
    def block(kind, body):
        body += bytes(-len(body) % 4)
        size = struct.pack("<I", len(body) + 12)
        return struct.pack("<I", kind) + size + body + size

    data = block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1))
    data += block(1, struct.pack("<HHI", link_type, 0, 65535))
    for number, ip in enumerate(packets):
        one = frame(ip, link_type)
        data += block(6, struct.pack("<IIIII", 0, 0, number, len(one), len(one)) + one)
    return data


def handshake(client, server, client_key, server_key, version=1, isn=1000):
    """The packets that open a connection; keys are bytes."""
    return [
        packet(client, server, SYN, capable(version), isn),
        packet(server, client, SYN | ACK, capable(version, server_key), 5000, isn + 1),
        packet(client, server, ACK, capable(version, client_key, server_key), isn + 1, 5001),
    ]
