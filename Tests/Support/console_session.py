#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plays a session on a command that runs on a pseudo-terminal of 80 columns and 24 rows; prints the transcript.

    console_session.py [--timeout S] [--pause S] SCRIPT COMMAND [ARGUMENT...]

SCRIPT is a file (`-`: standard input) of lines; empty ones and those that begin with # are skipped:

    expect TEXT    waits until TEXT appears after what was matched before
    send TEXT      types TEXT and Enter; without TEXT Enter alone
    type TEXT      types TEXT alone; \\xNN is a byte
    sleep S        waits, and goes on reading
    absent TEXT    fails where TEXT was ever shown
    hangup         closes the line and waits for the command to end

Exit status: 0 when every line was played, 1 with the line on standard error when one was not.
"""
import argparse
import codecs
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time


class Failure(Exception):
    pass


class Session:
    def __init__(self, command, timeout, pause):
        self.timeout = timeout
        self.pause = pause
        self.shown = b""
        self.matched = 0
        self.child, self.line = pty.fork()
        if self.child == 0:
            os.environ["TERM"] = "vt100"
            os.execvp(command[0], command)
        fcntl.ioctl(self.line, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))

    def read(self, seconds):
        """Takes what comes within `seconds`; false where the line is closed."""
        if not select.select([self.line], [], [], max(0, seconds))[0]:
            return True
        try:
            data = os.read(self.line, 4096)
        except OSError:
            return False
        if not data:
            return False
        self.shown += data
        sys.stdout.write(data.decode("ascii", "backslashreplace").replace("\r", ""))
        sys.stdout.flush()
        return True

    def expect(self, text):
        end = time.monotonic() + self.timeout
        while True:
            place = self.shown.find(text.encode(), self.matched)
            if place >= 0:
                self.matched = place + len(text)
                return
            rest = end - time.monotonic()
            if rest <= 0 or not self.read(rest):
                raise Failure(f"{text!r} did not appear in {self.timeout} s")

    def type(self, data):
        self.wait(self.pause)
        while data:
            data = data[os.write(self.line, data):]

    def wait(self, seconds):
        end = time.monotonic() + seconds
        while (rest := end - time.monotonic()) > 0:
            if not self.read(rest):
                return

    def absent(self, text):
        if text.encode() in self.shown:
            raise Failure(f"{text!r} was shown")

    def hangup(self):
        os.close(self.line)
        self.line = None
        end = time.monotonic() + self.timeout
        while time.monotonic() < end:
            if os.waitpid(self.child, os.WNOHANG)[0]:
                self.child = None
                return
            time.sleep(0.02)
        raise Failure(f"the command did not end in {self.timeout} s after a hang-up")

    def end(self):
        if self.line is not None:
            os.close(self.line)
        if self.child:
            os.kill(self.child, signal.SIGKILL)
            os.waitpid(self.child, 0)

    def play(self, line):
        word, _, text = line.partition(" ")
        if word == "expect":
            self.expect(text)
        elif word == "send":
            self.type(text.encode() + b"\r")
        elif word == "type":
            self.type(codecs.escape_decode(text.encode())[0])
        elif word == "sleep":
            self.wait(float(text))
        elif word == "absent":
            self.absent(text)
        elif word == "hangup":
            self.hangup()
        else:
            raise Failure(f"unknown word {word!r}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--timeout", type=float, default=30)
    parser.add_argument("--pause", type=float, default=0.05, help="before each key, as a person makes one")
    parser.add_argument("script")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    with sys.stdin if arguments.script == "-" else open(arguments.script) as file:
        lines = file.read().splitlines()
    session = Session(arguments.command, arguments.timeout, arguments.pause)
    try:
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.startswith("#"):
                continue
            try:
                session.play(line)
            except Failure as failure:
                print(f"\n{arguments.script}:{number}: {line}: {failure}", file=sys.stderr)
                return 1
    finally:
        session.end()
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
