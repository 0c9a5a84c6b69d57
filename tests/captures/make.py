#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Make the captures of this folder: the kernel's MPTCP stack between two network namespaces.

    make.py DIRECTORY [NAME…]

As root. README.md says what each capture shows. A run makes its own namespaces, named after its
process id, and removes them.
"""

import contextlib
import ctypes
import os
import select
import socket
import struct
import subprocess
import sys
import threading
import time

IPPROTO_MPTCP = 262
ETH_P_ALL = 3
CLONE_NEWNET = 0x40000000
SOL_PACKET = 263
PACKET_IGNORE_OUTGOING = 23
PORT = 4433
OTHER_PORT = 4434
PAUSE = 0.3  # for what the kernel's path manager does in the background
PATIENCE = 10
LIBC = ctypes.CDLL(None, use_errno=True)

CLIENT = ("10.55.1.2", "10.55.2.2", "fd55:1::2", "fd55:2::2")
SERVER = ("10.55.1.1", "10.55.2.1", "fd55:1::1", "fd55:2::1")


class Host:
    """A network namespace."""

    def __init__(self, name):
        self.name = f"cap-{os.getpid()}-{name}"
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        # data and its acknowledgment take different links
        self.sysctl(ipv4__conf__all__rp_filter=0, ipv4__conf__default__rp_filter=0)

    def remove(self):
        subprocess.run(["ip", "netns", "delete", self.name], check=True)

    @contextlib.contextmanager
    def inside(self):
        """This thread is in the namespace; what it opens stays there."""
        with open("/proc/thread-self/ns/net", "rb") as home, \
                open(f"/run/netns/{self.name}", "rb") as target:
            enter(target)
            try:
                yield
            finally:
                enter(home)

    def ip(self, *lines):
        subprocess.run(["ip", "-n", self.name, "-batch", "-"], input="\n".join(lines) + "\n",
                       text=True, check=True)

    def sysctl(self, **values):
        with self.inside():
            for name, value in values.items():
                with open("/proc/sys/net/" + name.replace("__", "/"), "w",
                          encoding="ascii") as file:
                    file.write(str(value))

    def no_offload(self, device):
        """Frames leave as they would on a wire: checksums filled in, no longer than the MTU."""
        subprocess.run(["nsenter", f"--net=/run/netns/{self.name}", "ethtool", "-K", device, "tx",
                        "off", "tso", "off", "gso", "off", "gro", "off"],
                       check=True, stdout=subprocess.DEVNULL)

    def socket(self, *arguments):
        with self.inside():
            return socket.socket(*arguments)


def enter(namespace):
    if LIBC.setns(namespace.fileno(), CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


class Thread(threading.Thread):
    """A loop over what sockets bring, until it is stopped."""

    def __init__(self, sockets):
        super().__init__(daemon=True)
        self.sockets = sockets
        self.wanted = True
        self.start()

    def run(self):
        while self.wanted or select.select(self.sockets, [], [], 0)[0]:
            for ready in select.select(self.sockets, [], [], 0.05)[0]:
                self.receive(ready)

    def stop(self):
        self.wanted = False
        self.join()
        for each in self.sockets:
            each.close()


class Recorder(Thread):
    """Writes the TCP packets that a host sends and receives into a pcap file."""

    def __init__(self, host, path):
        self.file = open(path, "wb")
        self.file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        super().__init__([host.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))])

    def receive(self, ready):
        frame = ready.recv(65535)
        is_tcp = (frame[12:14] == b"\x08\x00" and frame[23] == socket.IPPROTO_TCP or
                  frame[12:14] == b"\x86\xdd" and frame[20] == socket.IPPROTO_TCP)
        if is_tcp:
            now = time.time()
            self.file.write(struct.pack("<IIII", int(now), int(now % 1 * 1e6), len(frame),
                                        len(frame)) + frame)

    def stop(self):
        super().stop()
        self.file.close()


class Spoiler(Thread):
    """A middlebox that once changes a byte of data on its way to the server and mends the checksum
    of TCP, as one that rewrites addresses in FTP does."""

    MARK = b"spoil me"
    done = False

    def __init__(self, host, devices):
        sockets = []
        for device in devices:
            one = host.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            one.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            one.bind((device, ETH_P_ALL))
            sockets.append(one)
        super().__init__(sockets)

    def receive(self, ready):
        frame = bytearray(ready.recv(65535))
        at = frame.find(self.MARK)
        if at >= 0 and not self.done:
            self.done = True
            frame[at] ^= 0x20
            header = 14 + 4 * (frame[14] & 15)
            frame[header + 16:header + 18] = bytes(2)
            segment = frame[header:14 + int.from_bytes(frame[16:18], "big")]
            pseudo = frame[26:34] + struct.pack("!HH", socket.IPPROTO_TCP, len(segment))
            struct.pack_into("!H", frame, header + 16, checksum(pseudo + segment))
        self.sockets[1 - self.sockets.index(ready)].send(frame)


def checksum(data):
    """The Internet checksum (RFC 1071)."""
    data = bytes(data) + bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Lab:
    """A client and a server, with two links between them."""

    def __init__(self, middlebox=False):
        self.hosts = []
        self.client = self.add("client")
        self.server = self.add("server")
        self.spoiler = None
        for link in (1, 2):
            spoilt = middlebox and link == 1
            self.connect(link, self.add("middle") if spoilt else None)
        for host in (self.client, self.server):
            host.ip("mptcp limits set subflow 4 add_addr_accepted 4")
        for pair in zip(CLIENT, SERVER):
            self.meet(*pair)

    def add(self, name):
        self.hosts.append(Host(name))
        return self.hosts[-1]

    def connect(self, link, middle):
        ends = ((self.client, CLIENT), (self.server, SERVER))
        if middle:
            for index, (host, _) in enumerate(ends):
                middle.ip(f"link add m{index} type veth peer name eth{link} netns {host.name}",
                          f"link set m{index} up")
                middle.no_offload(f"m{index}")
        else:
            self.client.ip(f"link add eth{link} type veth peer name eth{link} "
                           f"netns {self.server.name}")
        for host, addresses in ends:
            host.ip(f"address add {addresses[link - 1]}/24 dev eth{link}",
                    f"address add {addresses[link + 1]}/64 dev eth{link} nodad",
                    f"link set eth{link} up")
            host.no_offload(f"eth{link}")
        if middle:
            self.spoiler = Spoiler(middle, ("m0", "m1"))

    def meet(self, client_address, server_address):
        """Wait until packets pass: IPv6 takes a while to find its neighbours."""
        family = socket.AF_INET6 if ":" in client_address else socket.AF_INET
        with self.client.socket(family, socket.SOCK_DGRAM) as client, \
                self.server.socket(family, socket.SOCK_DGRAM) as server:
            client.bind((client_address, PORT))
            server.bind((server_address, PORT))
            for sender, receiver in ((client, server), (server, client)):
                for _ in range(100):
                    with contextlib.suppress(OSError):
                        sender.sendto(b"", receiver.getsockname()[:2])
                    if select.select([receiver], [], [], 0.1)[0]:
                        break
                else:
                    raise RuntimeError(f"no packet from {client_address} to {server_address}")

    def close(self):
        if self.spoiler:
            self.spoiler.stop()
        for host in self.hosts:
            host.remove()

    def open(self, server_address=SERVER[0], server_protocol=IPPROTO_MPTCP):
        """A connection: the client's socket and the server's, with data sent both ways."""
        family = socket.AF_INET6 if ":" in server_address else socket.AF_INET
        with self.server.socket(family, socket.SOCK_STREAM, server_protocol) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("", PORT))
            listener.listen()
            client = self.client.socket(family, socket.SOCK_STREAM, IPPROTO_MPTCP)
            client.settimeout(PATIENCE)
            client.connect((server_address, PORT))
            talk(client, b"hello")
            server, _ = listener.accept()
            server.settimeout(PATIENCE)
            hear(server, b"hello")
            talk(server, b"good day")
            hear(client, b"good day")
            # joins need the listener, and come as soon as the connection is established
            time.sleep(PAUSE)
        return client, server


def talk(sender, data):
    sender.sendall(data)


def hear(receiver, expected):
    data = b""
    while len(data) < len(expected):
        data += receiver.recv(len(expected) - len(data)) or b"?"
    if data != expected:
        raise RuntimeError(f"received {data!r}, not {expected!r}")


def finish(client, server):
    """Close as programs do, with DATA_FIN."""
    talk(client, b"bye")
    hear(server, b"bye")
    client.close()
    time.sleep(PAUSE)
    server.close()
    time.sleep(PAUSE)


def join_ipv4(lab):
    lab.client.ip(f"mptcp endpoint add {CLIENT[1]} subflow")
    finish(*lab.open())


def join_ipv6(lab):
    lab.client.ip(f"mptcp endpoint add {CLIENT[3]} subflow")
    finish(*lab.open(SERVER[2]))


def join_backup_then_priority(lab):
    lab.client.ip(f"mptcp endpoint add {CLIENT[1]} subflow backup")
    client, server = lab.open()
    lab.client.ip(f"mptcp endpoint change {CLIENT[1]} nobackup")
    time.sleep(PAUSE)
    lab.client.ip(f"mptcp endpoint change {CLIENT[1]} backup")
    time.sleep(PAUSE)
    finish(client, server)


def checksums(lab):
    for host in (lab.client, lab.server):
        host.sysctl(mptcp__checksum_enabled=1)
    lab.client.ip(f"mptcp endpoint add {CLIENT[1]} subflow")
    finish(*lab.open())


def no_join_to_initial_address(lab):
    lab.server.sysctl(mptcp__allow_join_initial_addr_port=0)
    lab.client.ip(f"mptcp endpoint add {CLIENT[1]} subflow")
    finish(*lab.open())


def add_addr_ipv4(lab):
    lab.server.ip(f"mptcp endpoint add {SERVER[1]} signal")
    finish(*lab.open())


def add_addr_ipv4_port(lab):
    lab.server.ip(f"mptcp endpoint add {SERVER[1]} signal port {OTHER_PORT}")
    finish(*lab.open())


def add_addr_ipv6(lab):
    lab.server.ip(f"mptcp endpoint add {SERVER[3]} signal")
    finish(*lab.open(SERVER[2]))


def add_addr_ipv6_port(lab):
    # 12 bytes of timestamps would leave too little room
    for host in (lab.client, lab.server):
        host.sysctl(ipv4__tcp_timestamps=0)
    lab.server.ip(f"mptcp endpoint add {SERVER[3]} signal port {OTHER_PORT}")
    finish(*lab.open(SERVER[2]))


def remove_addr(lab):
    lab.server.ip(f"mptcp endpoint add {SERVER[1]} id 7 signal")
    lab.client.ip(f"mptcp endpoint add {CLIENT[1]} id 9 subflow")
    client, server = lab.open()
    lab.server.ip("mptcp endpoint delete id 7")
    time.sleep(PAUSE)
    lab.client.ip("mptcp endpoint delete id 9")
    time.sleep(PAUSE)
    finish(client, server)


def remove_addr_list(lab):
    lab.server.ip(f"mptcp endpoint add {SERVER[1]} signal", f"mptcp endpoint add {SERVER[3]} signal")
    client, server = lab.open()
    lab.server.ip("mptcp endpoint flush")
    time.sleep(PAUSE)
    finish(client, server)


def fastclose(lab):
    lab.client.ip(f"mptcp endpoint add {CLIENT[1]} subflow")
    client, server = lab.open()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    time.sleep(PAUSE)
    server.close()


def join_of_unknown_token(lab):
    """A join that nobody asked for: the kernel resets it and says why."""
    client, server = lab.open()
    source, target = (socket.inet_aton(address) for address in (CLIENT[0], SERVER[0]))
    options = struct.pack("!BBBBII", 30, 12, 0x10, 3, 0x0badcafe, 0x12345678)
    tcp = struct.pack("!HHIIBBHHH", 40000, PORT, 1000, 0, 8 << 4, 2, 65535, 0, 0) + options
    pseudo = source + target + struct.pack("!HH", socket.IPPROTO_TCP, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    with lab.server.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((SERVER[0], PORT))
        listener.listen()
        with lab.client.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
            raw.sendto(tcp, (SERVER[0], 0))
            time.sleep(PAUSE)
    finish(client, server)


def fail_with_one_subflow(lab):
    """A middlebox changes data: MP_FAIL, and the connection goes on as TCP."""
    for host in (lab.client, lab.server):
        host.sysctl(mptcp__checksum_enabled=1)
    client, server = lab.open()
    talk(client, Spoiler.MARK)
    hear(server, bytes([Spoiler.MARK[0] ^ 0x20]) + Spoiler.MARK[1:])
    finish(client, server)


def fail_with_two_subflows(lab):
    """The same with a second subflow: the first is reset, and the data is sent again."""
    lab.client.ip(f"mptcp endpoint add {CLIENT[1]} subflow backup")
    for host in (lab.client, lab.server):
        host.sysctl(mptcp__checksum_enabled=1)
    client, server = lab.open()
    talk(client, Spoiler.MARK)
    time.sleep(PAUSE)
    server.close()
    client.close()
    time.sleep(PAUSE)


def plain_tcp_server(lab):
    finish(*lab.open(server_protocol=socket.IPPROTO_TCP))


CAPTURES = {
    "join-ipv4": join_ipv4,
    "join-ipv6": join_ipv6,
    "join-backup-then-priority": join_backup_then_priority,
    "checksums": checksums,
    "no-join-to-initial-address": no_join_to_initial_address,
    "add-addr-ipv4": add_addr_ipv4,
    "add-addr-ipv4-port": add_addr_ipv4_port,
    "add-addr-ipv6": add_addr_ipv6,
    "add-addr-ipv6-port": add_addr_ipv6_port,
    "remove-addr": remove_addr,
    "remove-addr-list": remove_addr_list,
    "fastclose": fastclose,
    "join-of-unknown-token": join_of_unknown_token,
    "fail-with-one-subflow": fail_with_one_subflow,
    "fail-with-two-subflows": fail_with_two_subflows,
    "plain-tcp-server": plain_tcp_server,
}
WITH_MIDDLEBOX = {"fail-with-one-subflow", "fail-with-two-subflows"}


def make(name, directory):
    lab = Lab(name in WITH_MIDDLEBOX)
    try:
        recorder = Recorder(lab.client, os.path.join(directory, name + ".pcap"))
        try:
            CAPTURES[name](lab)
        finally:
            recorder.stop()
    finally:
        lab.close()


def main():
    if len(sys.argv) < 2 or not set(sys.argv[2:]) <= set(CAPTURES):
        sys.exit(f"usage: make.py DIRECTORY [NAME…]\nnames: {' '.join(CAPTURES)}")
    for name in sys.argv[2:] or CAPTURES:
        make(name, sys.argv[1])


if __name__ == "__main__":
    main()
