# SPDX-License-Identifier: Apache-2.0
"""A test's box, and what the run says: a line for each stage, and all that was seen in the box's log."""
import contextlib
import os
import shutil
import subprocess
import sys
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
sys.path.insert(0, os.path.join(ROOT, "image/appliance"))

import machine  # noqa: E402
from guest import Guest  # noqa: E402

OUT = os.path.realpath(os.environ.get("IMAGE_OUT", os.path.join(ROOT, ".build/image")))


def spent():
    """CPU seconds of this process and of all it started, and the time."""
    return sum(os.times()[:4]) + sum(guest.machine.processor_seconds() for guest in Guest.running), time.monotonic()


def cost(begin):
    """What has been used since `begin`, which `spent` gave."""
    now = spent()
    return f"{now[0] - begin[0]:.0f} CPU s, {now[1] - begin[1]:.0f} s"


def say(mark, words, begin):
    print(f"{mark:<7} {words:<90} {cost(begin)}", flush=True)


class Box:
    """A directory with disk, firmware's variables and TPM. Begins without any."""

    def __init__(self, name):
        self.directory = os.path.join(OUT, "boxes", name)
        shutil.rmtree(self.directory, ignore_errors=True)
        os.makedirs(self.directory)
        self.disk, self.log = self.path("disk.img"), self.path("log")

    def path(self, name):
        return os.path.join(self.directory, name)

    def start(self, **options):
        return Guest(self.directory, **options)

    def note(self, words):
        with open(self.log, "a", encoding="utf-8") as file:
            file.write(f"{words}\n")

    def expect(self, what, found, expected):
        self.note(f"{what}: found {found!r}, expected {expected!r}")
        if found != expected:
            raise AssertionError(f"{what}: found {found!r}, expected {expected!r}")

    @contextlib.contextmanager
    def stage(self, words):
        """Its line, whatever comes of it."""
        begin = spent()
        self.note(f"== {words}")
        try:
            yield
        except Exception:
            say("FAILED", words, begin)
            raise
        self.note(cost(begin))
        say("ok", words, begin)

    def mtools(self, name, *arguments, disk=None, partition="esp"):
        """A command of mtools, out of the image's own tools, on the boot partition of a box that may be running."""
        disk = disk or self.disk
        return self.mtools_at(machine.partition_offset(disk, partition), disk, name, *arguments)

    @staticmethod
    def mtools_at(offset, disk, name, *arguments):
        cache = os.path.join(OUT, "cache")
        tools = next(os.path.join(cache, name, "tree") for name in sorted(os.listdir(cache))
                     if name.startswith("tools-") and not name.endswith(".work"))
        libraries = os.path.join(tools, "usr/lib/x86_64-linux-gnu")
        done = subprocess.run([os.path.join(tools, "usr/lib64/ld-linux-x86-64.so.2"), "--library-path", libraries,
                               os.path.join(tools, "usr/bin/mtools"), "-c", name, "-i", f"{disk}@@{offset}", *arguments],
                              stdout=subprocess.PIPE, text=True, check=True, env=os.environ | {"MTOOLS_SKIP_CHECK": "1"})
        return done.stdout

    def stick(self, name, directory, size=64):
        """A USB stick as one is bought, of `size` MiB: a table of one partition (FAT), which gets what is in `directory`."""
        image, start, sectors = self.path(name), 2048, (size - 1) << 11
        machine.empty_disk(image, size)
        with open(image, "r+b") as file:
            file.seek(446)
            file.write(bytes([0, 0, 0, 0, 0x0C, 0, 0, 0]) + start.to_bytes(4, "little") + sectors.to_bytes(4, "little"))
            file.seek(510)
            file.write(b"\x55\xaa")
        self.mtools_at(start * 512, image, "mformat", "-F", "-T", str(sectors), "-h", "64", "-s", "32", "::")
        self.mtools_at(start * 512, image, "mcopy", "-s", *(os.path.join(directory, part) for part in os.listdir(directory)), "::")
        return image

    @property
    def entries(self):
        """The boot entries' names."""
        return sorted(os.path.basename(line) for line in self.mtools("mdir", "-b", "::EFI/Linux").split())

    def wait_for_entries(self, expected, seconds):
        end = time.monotonic() + seconds
        while (found := self.entries) != expected:
            if time.monotonic() > end:
                raise AssertionError(f"entries: found {found} for {seconds} s, expected {expected}")
            time.sleep(2)
        self.note(f"entries: {found}")

    def corrupt(self, partition):
        """Flips one byte, 20 MiB behind the partition's beginning."""
        machine.corrupt(self.disk, machine.partition_offset(self.disk, partition), 20 << 20)
