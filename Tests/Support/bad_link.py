#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two network namespaces and a bad link between them: IP packets are late, are lost, or wait for a slow line.

    bad_link.py [--delay MS] [--loss PERCENT] [--rate BYTES/S] [--queue BYTES] [--seed N] [--congestion NAME]
                [--receive-window BYTES] [--send-window BYTES]

Prints one line of JSON: its PID, and of each side (`a`, `b`) the address and a path that nsenter(1) takes
(`nsenter --net=PATH COMMAND`). Then it carries packets until its standard input ends. A line there of JSON, such as
{"delay": 100, "loss": 1}, sets what it names and is answered with what was carried, lost and left unread since the last one.

The delay (milliseconds) and the loss (each packet by itself, seeded) are of each way. A rate is of each way too: what would
wait in more than `queue` bytes is lost. The namespaces have no names and end with the processes in them; each has a loopback
and one TUN device of 1500 bytes, so that a packet on the link is one of the internet. TCP is set as Debian has it (cubic,
windows of 6 MiB to receive and 4 MiB to send), whatever the machine has. One core carries some 30 MB/s. Needs root and
/dev/net/tun.
"""
import argparse
import collections
import contextlib
import ctypes
import fcntl
import json
import os
import random
import select
import struct
import subprocess
import sys
import time

ADDRESSES = {"a": "198.51.100.1", "b": "203.0.113.1"}
DEVICE = "link0"
MTU = 1500
# Packets that the kernel keeps for who reads the device; a window of TCP is fewer.
UNREAD = 16384
BATCH = 64
CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000

libc = ctypes.CDLL(None, use_errno=True)


def checked(result, what):
    if result:
        raise OSError(ctypes.get_errno(), what)


@contextlib.contextmanager
def inside(namespace):
    """What this thread opens and starts is in the namespace at that path."""
    with open("/proc/thread-self/ns/net", "rb") as home, open(namespace, "rb") as there:
        checked(libc.setns(there.fileno(), CLONE_NEWNET), "setns")
        try:
            yield
        finally:
            checked(libc.setns(home.fileno(), CLONE_NEWNET), "setns")


class Side:
    """A namespace, its end of the link, and the packets on their way out of it."""

    def __init__(self, name, settings):
        self.address, peer = ADDRESSES[name], ADDRESSES["b" if name == "a" else "a"]
        with open("/proc/thread-self/ns/net", "rb") as home:
            checked(libc.unshare(CLONE_NEWNET), "unshare")
            try:
                self.namespace = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
                self.device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
                fcntl.ioctl(self.device, TUNSETIFF, struct.pack("16sH22x", DEVICE.encode(), IFF_TUN | IFF_NO_PI))
                for command in (
                    "link set lo up",
                    "link set %s mtu %d txqueuelen %d up" % (DEVICE, MTU, UNREAD),
                    "address add %s/32 dev %s" % (self.address, DEVICE),
                    # A route may name what the machine's list for unprivileged processes does not.
                    "route add %s dev %s congctl %s" % (peer, DEVICE, settings.congestion),
                ):
                    subprocess.run(["ip", *command.split()], check=True)
                for key, value in (
                    ("tcp_rmem", "4096 131072 %d" % settings.receive_window),
                    ("tcp_wmem", "4096 16384 %d" % settings.send_window),
                ):
                    with open("/proc/sys/net/ipv4/" + key, "w") as file:
                        file.write(value)
            finally:
                checked(libc.setns(home.fileno(), CLONE_NEWNET), "setns")
        self.path = "/proc/%d/fd/%d" % (os.getpid(), self.namespace)
        self.waiting = collections.deque()
        self.free = 0.0
        self.counts = collections.Counter()
        self.unread_before = 0

    def unread(self):
        """Packets that were not read in time: losses that nobody asked for."""
        with inside(self.path):
            shown = subprocess.run(["ip", "-s", "-j", "link", "show", DEVICE], check=True, capture_output=True).stdout
        total = json.loads(shown)[0]["stats64"]["tx"]["dropped"]
        total, self.unread_before = total - self.unread_before, total
        return total


class Link:
    def __init__(self, settings):
        self.delay, self.loss = settings.delay, settings.loss
        self.rate, self.queue = settings.rate, settings.queue
        self.random = random.Random(settings.seed).random
        self.sides = {name: Side(name, settings) for name in ADDRESSES}

    def set(self, values):
        for key, value in values.items():
            if key not in ("delay", "loss", "rate", "queue"):
                raise SystemExit("found %r, expected delay, loss, rate or queue" % key)
            setattr(self, key, value)

    def report(self):
        answer = {}
        for name, side in self.sides.items():
            answer[name] = {**side.counts, "unread": side.unread()}
            side.counts.clear()
        return answer

    def take(self, side):
        """Reads what lies at a side's device, and says when each packet is to arrive."""
        now, delay, loss = time.monotonic(), self.delay / 1000, self.loss / 100
        read, put, device, packets, size = os.read, side.waiting.append, side.device, 0, 0
        try:
            for _ in range(BATCH):
                packet = read(device, MTU)
                packets += 1
                size += len(packet)
                if loss and self.random() < loss:
                    side.counts["lost"] += 1
                elif not self.rate:
                    put((now + delay, packet))
                elif (side.free - now) * self.rate > self.queue:
                    side.counts["overflowed"] += 1
                else:
                    side.free = max(side.free, now) + len(packet) / self.rate
                    put((side.free + delay, packet))
        except BlockingIOError:
            pass
        side.counts["packets"] += packets
        side.counts["bytes"] += size

    @staticmethod
    def deliver(waiting, device):
        """Writes what is due; seconds until the next is, None where nothing waits."""
        write, now = os.write, time.monotonic()
        while waiting:
            due, packet = waiting[0]
            if due > now:
                now = time.monotonic()
                if due > now:
                    return due - now
            waiting.popleft()
            write(device, packet)
        return None

    def carry(self):
        a, b = self.sides["a"], self.sides["b"]
        ways = ((a, b.device), (b, a.device))
        devices, commands = [a.device, b.device], sys.stdin.fileno()
        timeout, text = None, b""
        while True:
            ready = select.select([*devices, commands], [], [], timeout)[0]
            timeout = None
            for side, far in ways:
                if side.device in ready:
                    self.take(side)
                wait = self.deliver(side.waiting, far)
                if wait is not None and (timeout is None or wait < timeout):
                    timeout = wait
            if commands in ready:
                piece = os.read(commands, 4096)
                if not piece:
                    return
                text += piece
                while b"\n" in text:
                    line, text = text.split(b"\n", 1)
                    self.set(json.loads(line))
                    print(json.dumps(self.report()), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--delay", type=float, default=0, help="milliseconds, each way")
    parser.add_argument("--loss", type=float, default=0, help="percent of the packets, each way")
    parser.add_argument("--rate", type=float, default=0, help="bytes per second, each way; 0: no limit")
    parser.add_argument("--queue", type=float, default=256 << 10, help="bytes that wait where there is a rate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--congestion", default="cubic", help="TCP's congestion control on both sides")
    parser.add_argument("--receive-window", type=int, default=6 << 20, help="largest of a TCP connection, bytes")
    parser.add_argument("--send-window", type=int, default=4 << 20, help="largest of a TCP connection, bytes")
    link = Link(parser.parse_args())
    sides = {name: {"address": side.address, "namespace": side.path} for name, side in link.sides.items()}
    print(json.dumps({"pid": os.getpid(), **sides}), flush=True)
    link.carry()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
