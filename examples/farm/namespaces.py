# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Network namespaces and the processes in them, all of which end with the run that made them.

What a run makes (its namespaces and one private directory) carries the run's process id in its
name. So a later run can tell what a killed one has left behind, and removes it.
"""

import contextlib
import ctypes
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile

PREFIX = "mptcplb-farm-"
STATE_ROOT = "/run"
NAMESPACES = "/run/netns"
START_SECONDS = 60
STOP_SECONDS = 10
ERRORS_SIZE = 65536
CLONE_NEWNET = 0x40000000


class FarmError(Exception):
    """The farm cannot be built or measured; the text says why."""


def command(*argv, stdin=None):
    """Run a command to its end and return what it printed."""
    done = subprocess.run(argv, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False)
    if done.returncode != 0:
        raise FarmError(f"{' '.join(argv)}: {done.stderr.strip() or 'failed'}")
    return done.stdout


class Process:
    """A program that runs in a namespace until it is stopped."""

    def __init__(self, sandbox, name, namespace, argv):
        self.name = name
        self.stopped = False  # told to end, or waited for
        self._errors = tempfile.TemporaryFile(dir=sandbox.directory)
        # Should this program be killed, the kernel ends its children; ^C at a terminal reaches
        # this program alone, which then stops them in order.
        self._popen = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *sandbox.inside(namespace, *argv)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._errors, text=True,
            start_new_session=True)
        self.pid = self._popen.pid

    def errors(self):
        """What it has written to stderr so far."""
        if self._errors.closed:
            return self._last_errors
        # Not by seek() and read(): the program writes at the same file offset.
        return os.pread(self._errors.fileno(), ERRORS_SIZE, 0).decode(errors="replace").strip()

    def wait_ready(self):
        """Wait for the line `ready`."""
        line = self._read_line()
        if line != "ready":
            self._popen.wait(STOP_SECONDS)
            raise FarmError(f"{self.name} did not start: {self.errors() or line}")

    def ask(self, number):
        """Send it a signal; return the line that it prints upon it."""
        self._popen.send_signal(number)
        return self._read_line()

    def _read_line(self):
        if not select.select([self._popen.stdout], [], [], START_SECONDS)[0]:
            raise FarmError(f"{self.name} said nothing for {START_SECONDS} s: {self.errors()}")
        return self._popen.stdout.readline().strip()

    def finish(self, seconds):
        """Wait until it ends by itself; return its output."""
        self.stopped = True
        try:
            return self._popen.communicate(timeout=seconds)[0]
        except subprocess.TimeoutExpired:
            raise FarmError(f"{self.name} did not end within {seconds} s") from None

    def running(self):
        """Whether it has not ended yet."""
        return self._popen.poll() is None

    def signal(self, number):
        """Send it a signal."""
        self._popen.send_signal(number)

    def exit_code(self):
        """What it ended with; None while it runs."""
        return self._popen.poll()

    def terminate(self):
        """Tell it to end."""
        self.stopped = True
        if self.running():
            self._popen.terminate()

    def kill(self):
        """End it without a warning."""
        self.stopped = True
        self._popen.kill()
        self._popen.wait()

    def stop(self):
        """End it, by force when it does not obey."""
        self.terminate()
        try:
            self._popen.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        self._popen.stdout.close()
        self._last_errors = self.errors()
        self._errors.close()


class Sandbox:
    """The namespaces, processes and private directory of one run. A context manager."""

    def __init__(self):
        self._prefix = f"{PREFIX}{os.getpid()}-"
        self._processes = []
        self.directory = os.path.join(STATE_ROOT, f"{PREFIX}{os.getpid()}")

    def __enter__(self):
        remove_leftovers()
        os.mkdir(self.directory, 0o700)
        return self

    def __exit__(self, *_exception):
        # A second ^C must not leave half of it behind.
        before = {number: signal.signal(number, signal.SIG_IGN)
                  for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            for process in reversed(self._processes):
                process.terminate()
            for process in reversed(self._processes):
                process.stop()
            remove_traces(os.getpid())
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def add_namespace(self, name):
        """Make a namespace; `name` is what the other methods call it."""
        command("ip", "netns", "add", self._prefix + name)
        # Strict reverse-path filters break direct server return, and looking for duplicates of an
        # IPv6 address takes a second. A link takes over the defaults of the time when it was made,
        # so this comes before all links.
        self.sysctl(name, {f"net.{key}": 0 for family in ("all", "default") for key in
                           (f"ipv4.conf.{family}.rp_filter", f"ipv6.conf.{family}.accept_dad")})
        self.ip(name, "link set lo up")

    def namespace(self, name):
        """The system's name of a namespace."""
        return self._prefix + name

    def inside(self, name, *argv):
        """The command line that runs `argv` in a namespace.

        Not `ip netns exec`, which mounts another /sys and so hides the BPF file system.
        """
        return ["nsenter", f"--net={NAMESPACES}/{self._prefix}{name}", "--", *argv]

    def run(self, name, *argv):
        """Run a command in a namespace to its end and return what it printed."""
        return command(*self.inside(name, *argv))

    @contextlib.contextmanager
    def inside_of(self, name):
        """Sockets that are made in here belong to a namespace."""
        setns = ctypes.CDLL(None, use_errno=True).setns
        with open("/proc/thread-self/ns/net", "rb") as old, \
                open(f"{NAMESPACES}/{self._prefix}{name}", "rb") as new:
            if setns(new.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            try:
                yield
            finally:
                setns(old.fileno(), CLONE_NEWNET)

    def packet_socket(self, name, interface, protocol):
        """A socket for the frames of a protocol on an interface in a namespace."""
        with self.inside_of(name):
            result = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
        result.bind((interface, protocol))
        return result

    def kernel_counters(self, name):
        """The counters of a namespace's kernel: {"TcpExtSyncookiesSent": 3, …}."""
        values = {}
        for file in ("netstat", "snmp"):
            lines = self.run(name, "cat", f"/proc/net/{file}").splitlines()
            for names, numbers in zip(lines[::2], lines[1::2]):
                group = names.split(":")[0]
                values |= {group + key: int(number) for key, number in
                           zip(names.split()[1:], numbers.split()[1:])}
        return values

    def ip(self, name, *lines):
        """Carry out `ip` commands in a namespace."""
        command("ip", "-n", self._prefix + name, "-batch", "-", stdin="\n".join(lines) + "\n")

    def sysctl(self, name, values, optional=False):
        """Set sysctls; optional ones are passed over on kernels that lack them."""
        self.run(name, "sysctl", "-q", *(["-e"] if optional else []), "-w",
                 *(f"{key}={value}" for key, value in values.items()))

    def check_running(self):
        """Raise FarmError when a program has ended before it was told to."""
        for process in self._processes:
            if not process.stopped and not process.running():
                raise FarmError(f"{process.name} has ended: {process.errors()}")

    def start(self, name, argv, title, ready=True):
        """Start a program in a namespace and, when it says so, wait until it is ready."""
        process = Process(self, title, name, argv)
        self._processes.append(process)
        if ready:
            process.wait_ready()
        return process


def remove_leftovers():
    """Remove what runs that are no more have left behind."""
    for name in _namespaces() + os.listdir(STATE_ROOT):
        match = re.match(PREFIX + r"(\d+)(-|$)", name)
        if match and not os.path.exists(f"/proc/{match[1]}"):
            remove_traces(match[1])


def remove_traces(run):
    """Remove the namespaces of a run, whatever still runs in them, and its directory."""
    for name in _namespaces():
        if name.startswith(f"{PREFIX}{run}-"):
            for pid in command("ip", "netns", "pids", name).split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            command("ip", "netns", "delete", name)
    directory = os.path.join(STATE_ROOT, f"{PREFIX}{run}")
    if os.path.isdir(directory):
        shutil.rmtree(directory)


def _namespaces():
    return os.listdir(NAMESPACES) if os.path.isdir(NAMESPACES) else []
