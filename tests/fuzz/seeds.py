#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Write the seeds of the fuzz targets to corpus/TARGET/NAME.

Options and frames come from the captures of the kernel's stack in tests/captures (one of each kind
of MPTCP option, by subtype and length); what no kernel sends is written down here.
"""

import pathlib
import shutil
import struct

HERE = pathlib.Path(__file__).parent
CAPTURES = HERE.parent / "captures"
CORPUS = HERE / "corpus"

SUBTYPES = ("mp_capable", "mp_join", "dss", "add_addr", "remove_addr", "mp_prio", "mp_fail",
            "mp_fastclose", "mp_tcprst")
NO_CONTEXT = 0x80  # see fuzz_option.c
TOKEN_IN_SYN = 0x40
KEY_A = "0102030405060708"
KEY_B = "1112131415161718"
KEY_A12 = KEY_A + "090a0b0c"
TOKEN = "9740eacc"

# What is behind kind and length; with a context where one matters.
OPTIONS = {
    "mp_capable_v0_syn": ("0081" + KEY_A, 0),
    "mp_capable_v0_ack": ("0001" + KEY_A + KEY_B, 0),
    "mp_capable_unknown_version": ("0501a1a2a3", NO_CONTEXT),
    "mp_capable_implicit_synack": ("0e01d7408048e66cb0e4", 14),
    "mp_capable_extended_draft_syn": ("0f01" + TOKEN, 15),
    "mp_capable_extended_synack": ("0f01" + KEY_B + TOKEN, 15),
    "mp_capable_extended_ack": ("0f01" + KEY_A + KEY_B + TOKEN, 15),
    "mp_capable_extended_data_checksum": ("0f81" + KEY_A + KEY_B + TOKEN + "0201abcd", 15),
    "mp_capable_compact_synack": ("0d01" + TOKEN + "11121314", 13),
    "mp_capable_compact_ack": ("0d01" + KEY_A12 + "11121314" + TOKEN, 13),
    "mp_capable_compact_data": ("0d01" + KEY_A12 + "11121314" + TOKEN + "0201", 13),
    "mp_capable_compact_draft_ack": ("0d01" + KEY_A12 + "11121314", 13 | TOKEN_IN_SYN),
    "mp_capable_compact_draft_data_checksum":
        ("0d81" + KEY_A12 + "11121314" + "0201abcd", 13 | TOKEN_IN_SYN),
    "dss_4_byte_mapping": ("200491929394a1a2a3a4b1b2", NO_CONTEXT),
    "dss_everything": ("201f" + KEY_A + KEY_B + "a1a2a3a4b1b2c1c2", NO_CONTEXT),
    "add_addr_v0_ipv4": ("3405c0000201", 0),
    "add_addr_v0_ipv6_port": ("360520010db80000000000000000000000011f90", 0),
    "mp_prio_v0": ("5109", 0),
    "mp_fastclose_compact_to_server": ("700011121314", 13),
    "mp_fastclose_compact_to_client": ("7000" + KEY_A12, 13),
    "mp_experimental": ("f0a1a2a3", NO_CONTEXT),
    "unknown_subtype": ("9a", NO_CONTEXT),
}

TCP = bytes.fromhex("c00101bb111213142122232480023132000000001e0c1000" + TOKEN + "0badcafe")
LINK_NULL, LINK_ETHERNET, LINK_RAW, LINK_LOOP, LINK_SLL, LINK_SLL2 = range(6)  # fuzz_packet.c
LINKTYPE_RAW = 101

FARM = """\
token:
  server_id_bits: 8
  epoch_bits: 1
  active: 0
  epochs:
    - {epoch: 0, secret: "df6af1d8303e61cdc4bb86c3d1c42710"}
servers:
  - {name: web-1, address: 192.0.2.11, ids: [17], weight: 200}
"""
FARM_REST = """\
  - {name: web-2, address: 192.0.2.12, ids: [18, 19], state: draining, peak_connections: 9000}
balancers:
  - {name: lb-1, address: 192.0.2.1}
services:
  - {address: 198.51.100.1, port: 443}
  - {address: 198.51.100.1, port: 80, servers: [web-1]}
  - {address: "2001:db8::1", port: 5000, port_last: 5999}
"""
FARMS = {
    "smallest": FARM,
    "whole": FARM + FARM_REST,
    "secret_file": FARM.replace('secret: "df6af1d8303e61cdc4bb86c3d1c42710"',
                                "secret_file: /dev/null"),
    "two_epochs": FARM.replace("servers:", '    - {epoch: 1, secret: "'
                               + "3f1c7a52e0d94b8896a5c10b7e2d6f43" + '"}\nservers:'),
    "anchor": FARM.replace("ids: [17]", "ids: &a [17]") + "  - {name: b, ids: *a}\n",
    "duplicate_id": FARM + FARM_REST.replace("18", "17"),
    "overlapping_ports": FARM + FARM_REST + "  - {address: 2001:db8::1, port: 5500}\n",
    "wrong_type": FARM.replace("[17]", "17"),
    "not_yaml": "token: [",
    "unknown_field": FARM + "frob: 1\n",
    "missing_field": FARM.replace("  active: 0\n", ""),
    "field_twice": FARM + FARM,
    "key_no_text": FARM + "? [a]\n: b\n",
    "empty_list": FARM.replace("[17]", "[]"),
    "unknown_state": FARM + FARM_REST.replace("draining", "away"),
    "octal": FARM.replace("200", "0200"),
    "number_too_large": FARM.replace("200", "4294967296"),
    "second_document": FARM + "---\n" + FARM,
    "nested_deeply": "[" * 10,
    "bits_out_of_range": FARM.replace("bits: 8", "bits: 25"),
    "epoch_out_of_range": FARM.replace("epoch: 0,", "epoch: 2,"),
    "epoch_without_secret": FARM.replace("active: 0", "active: 1"),
    "secret_too_short": FARM.replace("df6a", ""),
    "secret_no_hex": FARM.replace("df6a", "xyz "),
    "secret_and_file": FARM.replace("secret:", "secret_file: a, secret:"),
    "secret_hidden": FARM.replace("200", "df6af1d8303e61cdc4bb86c3d1c42710"),
    "name_of_other_characters": FARM.replace("web-1", '"web\\t1"'),
    "name_twice": FARM + FARM_REST.replace("web-2", "web-1"),
    "address_twice": FARM + FARM_REST.replace("192.0.2.1}", "192.0.2.11}"),
    "addresses_of_both_versions": FARM + FARM_REST.replace("192.0.2.12", '"2001:db8::12"'),
    "address_of_many": FARM.replace("192.0.2.11", "224.0.0.1"),
    "id_too_large": FARM.replace("[17]", "[256]"),
    "weight_0": FARM.replace("200", "0"),
    "too_many_connections": FARM + FARM_REST.replace("9000", "4194304"),
    "port_0": FARM + FARM_REST.replace("443", "0"),
    "ports_backwards": FARM + FARM_REST.replace("5999", "4999"),
    "no_such_server": FARM + FARM_REST.replace("[web-1]", "[lb-1]"),
    "server_twice": FARM + FARM_REST.replace("[web-1]", "[web-1, web-1]"),
    "other_servers": FARM + FARM_REST.replace("[web-1]", "[web-2, web-1]"),
}

TEXTS = {
    "token_text": {"token": TOKEN, "prefix": "0x" + TOKEN.upper(), "number": "4294967295",
                   "too_large": "4294967296", "small": "7", "no_hex": "9740eacg", "empty": ""},
    "key_text": {"key": "d7408048e66cb0e4", "prefix": "0XD7408048E66CB0E4", "short": "d7408048",
                 "zero": "0" * 16, "mode": "implicit", "empty": ""},
}


def option(body):
    body = bytes.fromhex(body)
    return bytes([30, 2 + len(body)]) + body


def ipv4(payload, protocol, options=b"", fragment=0):
    return struct.pack(">BBHHHBBHII", 0x45 + len(options) // 4, 0, 20 + len(options) + len(payload),
                       0, fragment, 64, protocol, 0, 0xc0000201, 0xc6336401) + options + payload


def ipv6(payload, protocol):
    return struct.pack(">IHBB", 6 << 28, len(payload), protocol, 64) + bytes(range(32)) + payload


def extension(payload, following):
    return bytes([following, 0, 1, 4, 0, 0, 0, 0]) + payload


def frames():
    """What is in no capture: (name, link, frame, how many times 16 bytes were cut)."""
    ethernet = bytes(range(12))
    authentication = bytes([6, 4]) + bytes(22)
    cooked = bytes([0, 0, 0, 1, 0, 6]) + bytes(8)
    yield "vlan", LINK_ETHERNET, ethernet + b"\x81\0\0\x64\x08\0" + ipv4(TCP, 6), 0
    yield "qinq", LINK_ETHERNET, ethernet + b"\x88\xa8\0\7\x81\0\0\x64\x86\xdd" + ipv6(TCP, 6), 0
    yield "linux_sll", LINK_SLL, cooked + b"\x08\0" + ipv4(TCP, 6), 0
    yield "linux_sll2", LINK_SLL2, b"\x86\xdd" + bytes(18) + ipv6(TCP, 6), 0
    yield "null", LINK_NULL, b"\2\0\0\0" + ipv4(TCP, 6), 0
    yield "loop", LINK_LOOP, b"\0\0\0\x18" + ipv6(TCP, 6), 0
    yield "ipv4_options", LINK_RAW, ipv4(TCP, 6, bytes([7, 7, 4, 0, 0, 0, 0, 0])), 0
    yield "ipv4_first_fragment", LINK_RAW, ipv4(TCP, 6, fragment=0x2000), 0
    yield "ipv4_later_fragment", LINK_RAW, ipv4(TCP, 6, fragment=0x2001), 0
    yield "ipv4_length_0", LINK_RAW, ipv4(TCP, 6)[:2] + bytes(2) + ipv4(TCP, 6)[4:], 9
    yield "ipv6_fragment", LINK_RAW, ipv6(b"\6\0\0\1\0\0\0\1" + TCP, 44), 0
    yield "ipv6_extensions", LINK_RAW, \
        ipv6(extension(extension(extension(TCP, 6), 43), 60), 0), 0
    yield "authentication", LINK_RAW, ipv4(authentication + TCP, 51), 0
    yield "4in4", LINK_RAW, ipv4(ipv4(TCP, 6), 4), 0
    yield "6in4", LINK_RAW, ipv4(ipv6(TCP, 6), 41), 0
    yield "4in6", LINK_RAW, ipv6(ipv4(TCP, 6), 4), 0
    yield "6in6in6in6", LINK_RAW, ipv6(ipv6(ipv6(ipv6(TCP, 6), 41), 41), 41), 0
    yield "cut_in_the_options", LINK_RAW, ipv4(TCP, 6)[:46], 1


def captured(path):
    """The Ethernet frames of a capture in pcap format with little-endian headers."""
    data = path.read_bytes()
    magic, link = struct.unpack_from("<I16xI", data)
    if magic not in (0xa1b2c3d4, 0xa1b23c4d) or link != 1:
        raise SystemExit(f"{path}: expected little-endian pcap with Ethernet frames")
    offset = 24
    while offset < len(data):
        (size,) = struct.unpack_from("<8xI", data, offset)
        yield data[offset + 16:offset + 16 + size]
        offset += 16 + size


def tcp_options(frame):
    ip = frame[14:]
    if frame[12:14] == b"\x08\0":
        tcp = ip[(ip[0] & 15) * 4:]
    elif frame[12:14] == b"\x86\xdd" and ip[6] == 6:
        tcp = ip[40:]
    else:
        return b""
    return tcp[20:(tcp[12] >> 4) * 4]


def mptcp_names(options):
    """The kinds of MPTCP option among the options, e.g. mp_join_12."""
    names = []
    while options and options[0] != 0:
        size = 1 if options[0] == 1 else options[1]
        if options[0] == 30:
            names.append(f"{SUBTYPES[options[2] >> 4]}_{size}")
        options = options[size:]
    return names


def write(target, name, data):
    (CORPUS / target).mkdir(parents=True, exist_ok=True)
    (CORPUS / target / name).write_bytes(data)


def write_captured():
    seen = set()
    for path in sorted(CAPTURES.glob("*.pcap")):
        for frame in captured(path):
            options = tcp_options(frame)
            names = tuple(mptcp_names(options))
            if not names or names in seen:
                continue
            seen.add(names)
            name = f"{path.stem}.{'+'.join(names)}"
            write("option", name, bytes([NO_CONTEXT]) + options)
            write("packet", name, bytes([LINK_ETHERNET, 0]) + frame)


def write_captures():
    for name in ("join-ipv4", "join-ipv6", "join-of-unknown-token", "plain-tcp-server"):
        data = (CAPTURES / f"{name}.pcap").read_bytes()
        write("capture", name, data)
    write("capture", "cut", data[:len(data) - 7])
    section = struct.pack("<IIIHHqI", 0x0a0d0d0a, 28, 0x1a2b3c4d, 1, 0, -1, 28)
    interface = struct.pack("<IIHHII", 1, 20, LINKTYPE_RAW, 0, 65535, 20)
    packet = ipv4(TCP, 6)
    size = 32 + len(packet)
    write("capture", "pcapng", section + interface + struct.pack(
        "<IIIIIII", 6, size, 0, 0, 0, len(packet), len(packet)) + packet + struct.pack("<I", size))


def main():
    for target in ("option", "packet", "capture", "farm", *TEXTS):
        shutil.rmtree(CORPUS / target, ignore_errors=True)
    write_captured()
    write_captures()
    for name, (body, context) in OPTIONS.items():
        write("option", name, bytes([context]) + option(body))
    write("option", "no_length", bytes([NO_CONTEXT, 1, 30]))
    write("option", "length_1", bytes([NO_CONTEXT, 1, 30, 1, 0]))
    for name, link, frame, cut in frames():
        write("packet", name, bytes([link, cut]) + frame)
    for name, text in FARMS.items():
        write("farm", name, text.encode())
    for target, texts in TEXTS.items():
        for name, text in texts.items():
            write(target, name, text.encode())


if __name__ == "__main__":
    main()
