# SPDX-License-Identifier: Apache-2.0
"""The two releases that the tests start, and the keys that count in them."""
import json
import os
import subprocess

import update
from box import OUT, ROOT

EXECUTABLES = os.environ.get("IMAGE_EXECUTABLES", os.path.join(ROOT, ".build/release"))
# Their rollback indexes, too.
FIRST, SECOND = ("2026.11.0", 1), ("2026.12.0", 2)


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True)


class Releases:
    """What the tests start: disk images of the first release, alone and with the second on trial; the installer."""

    def __init__(self):
        self.vendor = update.trusted_repository()
        os.makedirs(os.path.join(OUT, "keys"), mode=0o700, exist_ok=True)
        self.answer_key, self.answer_public = self.pair("answers")
        self.shell_key, self.shell_public = self.pair("shell")
        self.second = self.build(SECOND)
        self.first = self.build(FIRST, "--slot-b", self.second)
        self.alone, self.trial, self.stick = (os.path.join(self.first, name) for name in
                                              ("disk.img", "disk-trial.img", "installer.img"))

    @staticmethod
    def pair(name):
        """A key of Ed25519 and its public half, made once."""
        private, public = (os.path.join(OUT, "keys", name + suffix) for suffix in (".key", ".pem"))
        if not os.path.exists(public):
            openssl("genpkey", "-algorithm", "ed25519", "-out", private)
            openssl("pkey", "-in", private, "-pubout", "-out", public)
        return private, public

    def build(self, release, *options):
        """The directory that `image/build` made of it."""
        done = subprocess.run(
            [os.path.join(ROOT, "image/build"), "--out", OUT, "--executables", EXECUTABLES, "--trust", self.vendor,
             "--answer-key", self.answer_public, "--shell-key", self.shell_public, "--version", release[0],
             "--rollback-index", str(release[1]), *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        with open(os.path.join(OUT, "build.log"), "a", encoding="utf-8") as log:
            log.write(done.stderr)
        if done.returncode != 0:
            raise AssertionError(f"image/build: found {done.returncode}: {done.stderr[-1500:]}, expected 0")
        return json.loads(done.stdout.splitlines()[-1])["directory"]
