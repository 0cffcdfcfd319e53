# SPDX-License-Identifier: Apache-2.0
"""A box that a test drives: its console's line, and a shell that only tests have (image/appliance/machine.py)."""
import base64
import os
import re
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../image/appliance"))

from machine import Machine  # noqa: E402

CONTROLS = re.compile(r"\x1b[\[\]()][0-9;?]*[A-Za-z]?|\r|\x00")


class Silence(AssertionError):
    """Nothing of what was waited for came in time, and nothing that speaks against it."""


class Line:
    """A serial line. Everything that came is kept, and written to a log."""

    def __init__(self, socket, log):
        self.socket, self.text, self.changed = socket, "", threading.Condition()
        self.log = open(log, "ab")
        self.is_open, self.seen = True, 0
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            try:
                content = self.socket.recv(65536)
            except OSError:
                content = b""
            with self.changed:
                if not content:
                    self.is_open = False
                    self.log.close()
                    self.changed.notify_all()
                    return
                self.log.write(content)
                self.log.flush()
                self.text += CONTROLS.sub("", content.decode(errors="replace"))
                self.changed.notify_all()

    def send(self, text):
        self.socket.sendall(text.encode())

    def wait(self, pattern, bad, seconds):
        """The match of `pattern` in what has not been looked at. What ends the wait otherwise is said."""
        wanted, unwanted = re.compile(pattern), re.compile(bad) if bad else None
        end = time.monotonic() + seconds
        with self.changed:
            while True:
                if found := wanted.search(self.text, self.seen):
                    self.seen = found.end()
                    return found
                if unwanted and (found := unwanted.search(self.text, self.seen)):
                    self.seen = found.end()
                    raise AssertionError(f"found {found[0]!r}, expected {pattern!r}; before it:\n{self.text[-1500:]}")
                left = end - time.monotonic()
                if left <= 0 or not self.is_open:
                    why = f"nothing for {seconds} s" if self.is_open else "the end of the line"
                    error = Silence if self.is_open else AssertionError
                    raise error(f"found {why}, expected {pattern!r}; the last was:\n{self.text[-1500:]}")
                self.changed.wait(min(left, 5))


class Guest:
    """Started by `with`; ended by it, whatever state it is in."""

    LOST = "Kernel panic|Interactive Shell"
    BAD = LOST + r"|FAILED: [^\n]*|emergency mode"
    running = []

    def __init__(self, directory, **options):
        self.machine = Machine(directory, test=True, **options)

    def __enter__(self):
        self.begin = time.monotonic()
        self.power_on()
        Guest.running.append(self)
        return self

    def power_on(self):
        console, shell = self.machine.start()
        self.console = Line(console, self.machine.path("console.log"))
        self.shell = Line(shell, self.machine.path("shell.log"))

    @property
    def stands_still_after_reset(self):
        """Whether the last word is the kernel's before it resets: the firmware's first comes two seconds of the processor later."""
        return self.console.text.rstrip().endswith("reboot: Restarting system")

    @classmethod
    def damage(cls, text):
        """What a console says that speaks against a start; nothing is None."""
        found = re.search(cls.BAD, text)
        return found and found[0]

    def power_cycle(self):
        self.machine.stop()
        self.power_on()

    def __exit__(self, *_):
        self.machine.stop()
        Guest.running.remove(self)

    def figures(self):
        return f"{self.machine.processor_seconds():.0f} CPU s, {time.monotonic() - self.begin:.0f} s"

    def shell_ready(self, seconds=900):
        self.shell.wait("@@ready\n", None, seconds)

    def do(self, command, seconds=300):
        """Exit status and output of a command in the guest."""
        self.shell.seen = len(self.shell.text)
        self.shell.send(command + "\n")
        found = self.shell.wait(r"(?s)(.*?)@@status=(\d+)\n", None, seconds)
        return int(found[2]), found[1].strip()

    def put(self, path, content):
        """A small file in the guest, root's alone."""
        encoded = base64.b64encode(content.encode()).decode()
        status, text = self.do(f"(umask 077; echo {encoded} | base64 -d >{path})")
        if status != 0:
            raise AssertionError(f"{path}: found {status}: {text}, expected 0")

    def plug_in(self, image):
        """A USB stick, while the machine runs; it needs a controller (`extra`)."""
        self.machine.order("blockdev-add", driver="raw", **{"node-name": "stick", "read-only": True,
                                                            "file": {"driver": "file", "filename": image}})
        self.machine.order("device_add", driver="usb-storage", drive="stick", id="stick", removable=True)

    def power_off(self, seconds=240):
        self.shell.send("systemctl poweroff\n")
        self.machine.qemu.wait(seconds)
