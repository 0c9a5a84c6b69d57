#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The relay carries every frame, late, but for those that it was told to lose or to bring early."""

import json
import os
import socket
import subprocess
import sys
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.environ["MPTCPLB_SOURCE_DIR"], "examples/farm"))

from namespaces import Sandbox  # noqa: E402

RELAY = os.path.join(os.environ["MPTCPLB_BUILD_DIR"], "examples/farm/mptcplb-farm-relay")
FRAMES, DELAY_MS = 2000, 30
MARK, MARK_EVERY_SECONDS = 1 << 20, 0.2
# A protocol of our own, to tell frames from what the kernel sends (RFC 5342).
PROTOCOL = 0x88b5
GUARD_SECONDS = 30
SO_RCVBUFFORCE = 33


class Relay(unittest.TestCase):
    """Numbered frames through a relay."""

    @staticmethod
    def send(end, number):
        """Send a numbered frame."""
        end.send(b"\xff" * 6 + bytes(6) + PROTOCOL.to_bytes(2, "big") + number.to_bytes(46, "big"))

    def read_until_mark(self, ends, mark):
        """The numbers that arrive until a frame with the number `mark`, which may be lost, does."""
        arrived, guard = [], time.monotonic() + GUARD_SECONDS
        self.send(ends[0], mark)
        while time.monotonic() < guard:
            try:
                number = int.from_bytes(ends[1].recv(2048)[14:], "big")
            except TimeoutError:
                self.send(ends[0], mark)
                continue
            if number == mark:
                return arrived
            if number < MARK:
                arrived.append(number)
        raise AssertionError("no mark has arrived")

    def carry(self, *options):
        """The numbers of the frames in the order of their arrival, the milliseconds until a frame
        that was sent after them arrived, and what the relay reports."""
        with Sandbox() as sandbox:
            sandbox.add_namespace("relay")
            # The kernel's own frames would be lost by the same seed in the place of ours.
            sandbox.sysctl("relay", {"net.ipv6.conf.default.disable_ipv6": 1})
            for end in ("near", "far"):
                sandbox.ip("relay", f"link add {end}0 type veth peer name {end}1",
                           f"link set {end}0 up", f"link set {end}1 up")
            relay = sandbox.start("relay", [RELAY, *options, str(DELAY_MS * 1000), "near1", "far1"],
                                  "relay")
            ends = [sandbox.packet_socket("relay", f"{end}0", PROTOCOL)
                    for end in ("near", "far")]
            ends[1].setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
            sent_at = time.monotonic()
            for number in range(FRAMES):
                self.send(ends[0], number)
            ends[1].settimeout(MARK_EVERY_SECONDS)
            first = self.read_until_mark(ends, MARK)
            took_ms = (time.monotonic() - sent_at) * 1000
            # What the first mark may have overtaken is there before one that comes so much later.
            time.sleep(DELAY_MS / 1000)
            arrived = first + self.read_until_mark(ends, MARK + 1)
            for end in ends:
                end.close()
            relay.terminate()
            return arrived, took_ms, json.loads(relay.finish(GUARD_SECONDS))

    def test_every_frame_in_order_and_late(self):
        arrived, took_ms, report = self.carry()
        self.assertEqual(arrived, list(range(FRAMES)))
        self.assertGreaterEqual(took_ms, DELAY_MS)
        self.assertEqual((report["lost"], report["overtaking"], report["overflowed"]), (0, 0, 0))

    def test_the_seed_says_which_are_lost(self):
        first, second, other = (self.carry("--loss=20", f"--seed={seed}")[0] for seed in (1, 1, 2))
        self.assertEqual(first, sorted(first))
        # Five standard deviations.
        self.assertAlmostEqual(len(first), 0.8 * FRAMES, delta=5 * (FRAMES * 0.16) ** 0.5)
        self.assertEqual(first, second)
        self.assertNotEqual(first, other)

    def test_some_overtake_others_and_none_is_lost(self):
        arrived, _took_ms, report = self.carry("--reorder=10")
        self.assertEqual(sorted(arrived), list(range(FRAMES)))
        self.assertNotEqual(arrived, sorted(arrived))
        self.assertAlmostEqual(report["overtaking"], 0.1 * FRAMES, delta=5 * (FRAMES * 0.09) ** 0.5)

    def test_wrong_command_lines(self):
        for words in ([], ["1"], ["1", "lo"], ["x", "lo", "lo"], ["--loss=101", "1", "lo", "lo"],
                      ["--loss=-1", "1", "lo", "lo"], ["--seed=x", "1", "lo", "lo"],
                      ["--lose=1", "1", "lo", "lo"]):
            done = subprocess.run([RELAY, *words], capture_output=True, text=True, check=False,
                                  timeout=GUARD_SECONDS)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn("Usage", done.stderr)


if __name__ == "__main__":
    unittest.main()
