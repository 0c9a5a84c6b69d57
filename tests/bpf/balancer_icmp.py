#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""An ICMP error that a redirector knows no flow for reaches the other servers: PROGRAM."""
import ctypes
import socket
import struct
import subprocess
import sys
import tempfile

FARM = """
token:
  server_id_bits: 8
  epoch_bits: 1
  active: 0
  epochs:
    - {epoch: 0, secret: "3f1c7a52e0d94b8896a5c10b7e2d6f43"}
servers:
  - {name: web-1, address: 192.0.2.11, ids: [17]}
  - {name: web-2, address: 192.0.2.12, ids: [18]}
  - {name: web-3, address: 192.0.2.13, ids: [19], state: down}
services:
  - {address: 198.51.100.1, port: 443}
"""
SETUP = """
link add near address 02:00:00:00:00:01 type veth peer name far address 02:00:00:00:00:02
link set near up
link set far up
address add 192.0.2.11/24 dev near
neighbour add 192.0.2.12 lladdr 02:00:00:00:00:02 dev near
neighbour add 192.0.2.13 lladdr 02:00:00:00:00:02 dev near
"""
CLONE_NEWNET = 0x40000000


def ip_header(protocol, source, destination, length):
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + length, 0, 0, 64, protocol, 0,
                         socket.inet_aton(source), socket.inet_aton(destination))
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xffff) + (total >> 16)
    return header[:10] + struct.pack("!H", ~(total + (total >> 16)) & 0xffff) + header[12:]


def icmp_error():
    """Fragmentation needed, about a segment from the service to a client."""
    quoted = ip_header(6, "198.51.100.1", "203.0.113.5", 20) + struct.pack("!HHI", 443, 40001, 1)
    message = struct.pack("!BBHHH", 3, 4, 0, 0, 1400) + quoted
    return ip_header(1, "203.0.113.99", "198.51.100.1", len(message)) + message


def main():
    # of this process alone, and gone with it; os.unshare() is there from Python 3.12 on
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["ip", "-batch", "-"], input=SETUP, text=True, check=True)
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as farm:
        farm.write(FARM)
        farm.flush()
        program = subprocess.Popen(
            [sys.argv[1], "run", "--role", "redirector", "--name", "web-1", "--config", farm.name,
             "--interface", "near"], stdout=subprocess.PIPE, text=True)
        try:
            if program.stdout.readline() != "ready\n":
                return "the redirector did not become ready"
            return run()
        finally:
            program.terminate()
            program.wait()


def run():
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
    wire.bind(("far", 0x0003))
    wire.settimeout(5)
    error = icmp_error()
    wire.send(bytes.fromhex("020000000001020000000002" "0800") + error)
    copies = []
    try:
        while True:
            frame, address = wire.recvfrom(2048)
            if address[2] != socket.PACKET_OUTGOING and frame[12:14] == b"\x08\x00" and frame[23] == 4:
                copies.append(frame)
                wire.settimeout(0.5)
    except TimeoutError:
        pass
    if len(copies) != 1:
        return f"{len(copies)} copies came: expected one, for the one other server that is up"
    outer, inner = copies[0][14:34], copies[0][34:]
    if outer[12:20] != socket.inet_aton("192.0.2.11") + socket.inet_aton("192.0.2.12"):
        return f"the copy went from {socket.inet_ntoa(outer[12:16])} to {socket.inet_ntoa(outer[16:20])}"
    if inner != error:
        return "the copy is not what came"
    print("as expected")
    return 0


if __name__ == "__main__":
    sys.exit(main())
