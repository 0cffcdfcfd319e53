# SPDX-License-Identifier: Apache-2.0
"""What the checks of image/release share: its commands called in this process, images, ceremonies, repositories."""
import contextlib
import datetime
import glob
import hashlib
import http.server
import io
import json
import os
import random
import re
import shutil
import sys
import threading

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
RELEASE = os.path.join(TOP, "image", "release")
SEGMENT = 4 << 20
sys.path.insert(0, os.path.join(TOP, "image", "vendor"))
os.environ["PATH"] += ":/usr/sbin:/sbin"

import common
import release

clock = common.now


class Failure(Exception):
    pass


def expect(condition, what):
    if not condition:
        raise Failure(what)


def call(*words):
    """A command of image/release in this process: exit code, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = release.main([str(word) for word in words])
    return code, out.getvalue(), err.getvalue()


def do(*words):
    code, out, err = call(*words)
    expect(code == 0, f"{' '.join(map(str, words))}: {err}")
    return out


def refused(pattern, *words):
    """The command ends with 1 and one line that says what, found, expected."""
    code, _, err = call(*words)
    expect(code == 1, f"{' '.join(map(str, words))}: not refused")
    lines = err.splitlines()
    expect(len(lines) == 1 and re.search("found .*expected", lines[0]), f"not one line with found and expected: {err!r}")
    expect(re.search(pattern, lines[0]), f"{lines[0]!r} does not match {pattern!r}")


@contextlib.contextmanager
def in_days(count):
    """The vendor's clock, so many days from now."""
    common.now = lambda: clock() + datetime.timedelta(days=count)
    try:
        yield
    finally:
        common.now = clock


@contextlib.contextmanager
def away(place, *holders):
    """Holders who are not here with their keys."""
    directory = os.path.join(place.keys, "holders")
    for holder in holders:
        os.rename(os.path.join(directory, holder), os.path.join(directory, f".{holder}"))
    try:
        yield
    finally:
        for holder in holders:
            os.rename(os.path.join(directory, f".{holder}"), os.path.join(directory, holder))


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files(directory):
    return {os.path.relpath(path, directory): digest(path)
            for path in glob.glob(os.path.join(directory, "**"), recursive=True) if os.path.isfile(path)}


def load(*path):
    with open(os.path.join(*path), "rb") as file:
        return json.load(file)


def edit(path, change):
    """Changes a JSON file."""
    value = load(path)
    change(value)
    with open(path, "w") as file:
        json.dump(value, file)


def flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        value = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([value ^ 1]))


class Fixtures:
    """Two images, the second with content that moved, was changed and is new; two releases of them."""

    def __init__(self, directory):
        self.directory = directory
        numbers = random.Random(7)
        words = b"".join(numbers.randbytes(12) * 40 for _ in range(7000))
        old = numbers.randbytes(5 << 20) + words[:3 << 20] + numbers.randbytes(1 << 20)
        new = bytearray(old[:1 << 20] + numbers.randbytes(200 * 4096) + old[1 << 20:])
        for _ in range(50):
            place = numbers.randrange(len(new))
            new[place] ^= 0xFF
        self.old, self.new, self.uki = (os.path.join(directory, name) for name in ("old.img", "new.img", "uki"))
        for path, content in ((self.old, old), (self.new, new), (self.uki, numbers.randbytes(70_001))):
            with open(path, "wb") as file:
                file.write(content)
        self.first, self.second = self.path("first"), self.path("second")
        self.build(self.first, "2026.9.0", self.old, 3)
        self.build(self.second, "2026.10.0", self.new, 4, "--min-from", "2026.9", "--patch-from", self.first)
        small = self.path("small.img")
        with open(small, "wb") as file:
            file.write(old[:5 * 4096])
        self.tiny, self.tiny_second = self.path("tiny"), self.path("tiny-second")
        self.build(self.tiny, "2026.9.0", small, 3)
        self.build(self.tiny_second, "2026.10.0", small, 4)
        self.keys = self.path("keys")
        do("keys", self.keys)
        self.count = 0

    def path(self, name):
        return os.path.join(self.directory, name)

    def build(self, out, version, root, index, *more):
        return do("build", "--version", version, "--root", root, "--uki", self.uki, "--rollback-index", index, "--hw",
                  "drimbox-1", "--level", 3, "--out", out, *more)

    def copy(self, directory):
        self.count += 1
        path = self.path(f"copy-{self.count}")
        shutil.copytree(directory, path)
        return path


class Place:
    """A ceremony of its own and a repository signed by it."""

    def __init__(self, fixtures, *releases, keys=None):
        fixtures.count += 1
        self.fixtures = fixtures
        self.directory = fixtures.path(f"place-{fixtures.count}")
        os.mkdir(self.directory)
        self.keys, self.repository = (os.path.join(self.directory, name) for name in ("keys", "repository"))
        shutil.copytree(keys or fixtures.keys, self.keys)
        do("init", self.repository, "--ceremony", os.path.join(self.keys, "ceremony.json"))
        self.root = os.path.join(self.directory, "root.json")
        shutil.copy(os.path.join(self.repository, "metadata", "1.root.json"), self.root)
        for directory in releases:
            do("publish", self.repository, directory)

    def verify(self):
        return do("verify", self.repository, "--root", self.root)

    def metadata(self, name):
        return os.path.join(self.repository, "metadata", name)

    def replace(self, *holders):
        return do("rotate-root", self.repository, *(word for holder in holders for word in ("--replace", holder)))


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextlib.contextmanager
def served(directory):
    handler = lambda *values: Quiet(*values, directory=directory)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()
