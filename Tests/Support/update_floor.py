#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The floor below which nothing is installed, in a software TPM: image/release signs it, drimbox-update has drimbox-probe raise it
once a release has proven itself. The trial's minutes and the soak's days pass by fast_clock.c.

    update_floor.py DRIMBOX_UPDATE

Prints a line for each thing that was seen; exit status 1, and why, at the first that was not.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from update_scenario import CONSENT, HERE, NEW, Box, Failed, Server, Vendor, expect

ROOT = HERE.parent.parent
POLICY = ROOT / "image" / "vendor" / "floor_policy.py"
PYTHON = ROOT / ".build" / "release-python" / "bin" / "python"
SOAK = 72 * 3600


class Chip:
    """A TPM of its own, and drimbox-probe as the box calls it."""

    def __init__(self, directory, probe):
        self.program = directory.with_suffix(".probe")
        self.program.write_text('#!/bin/sh\nexec "%s" --tcti "swtpm:path=%s/srv" "$@"\n' % (probe, directory))
        self.program.chmod(0o755)
        self.process = subprocess.Popen([HERE / "swtpm", directory, "--bare"], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while not (directory / "srv.ctrl").exists():
            if time.monotonic() > end or self.process.poll() is not None:
                raise Failed("swtpm does not start")
            time.sleep(0.05)

    def ask(self, request):
        done = subprocess.run([self.program, "--request", json.dumps(request)], capture_output=True, text=True, timeout=60)
        return json.loads(done.stdout)

    def stop(self):
        self.process.terminate()
        self.process.wait()


class FloorKey:
    """The vendor's, and what it signs."""

    def __init__(self, directory):
        self.private, self.public = directory / "floor.pem", directory / "floor.der"
        for command in (["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.private],
                        ["pkey", "-in", self.private, "-pubout", "-outform", "DER", "-out", self.public]):
            subprocess.run(["openssl", *command], check=True, capture_output=True)

    def request(self, name, purpose, value):
        signed = subprocess.run([PYTHON, "-B", POLICY, "sign", purpose, str(value), "--key", self.private],
                                check=True, capture_output=True).stdout
        return {name: {"value": value, "signature": list(signed), "vendorKey": list(self.public.read_bytes())}}


def running(box, clock, ahead, factor=20):
    """The agent, for whom the boot's clock runs ahead; its words go to a file."""
    environment = {**os.environ, "LD_PRELOAD": str(clock), "FAST_CLOCK_FACTOR": str(factor), "FAST_CLOCK_AHEAD": str(ahead)}
    return subprocess.Popen(box.command("run", "--interval", "1"), stderr=subprocess.DEVNULL, env=environment)


def until(box, agent, words):
    """What the status says once it has `words` in it."""
    end = time.monotonic() + 90
    told = ""
    while time.monotonic() < end and words not in told and agent.poll() is None:
        time.sleep(0.3)
        told = box.run("status")[1]
    return told


def stopped(agent):
    agent.kill()
    agent.wait()


def scenario(made, key, chip, other, clock, new_box):
    box = new_box(chip)
    status, words = box.run("status")
    expect(status == 0 and "unknown: TPM: floor: found" in words, "a TPM without a floor is told of", words)
    status, words = box.run("install")
    expect(status == 1 and "TPM: floor: found" in words and box.entries == ["A.efi"], "and nothing is installed on its word", words)

    answer = chip.ask(key.request("defineFloor", "define", 3))
    expect("floor" in answer, "the factory defines the floor by the vendor's signature", answer)
    status, words = box.run("status")
    expect("floor      3 (TPM)" in words, "it is the TPM's", words)

    status, words = box.run("install")
    expect(status == 99 and words.startswith(CONSENT), "a release at or above it is installed", words)
    box.run("confirm")
    (box.directory / "efi/EFI/Linux/B+3.efi").rename(box.directory / "efi/EFI/Linux/B+2-1.efi")
    box.boot("b", NEW, "B+2-1.efi", "2")
    agent = running(box, clock, 0)
    try:
        words = until(box, agent, "committed: ")
        expect("committed: %s" % NEW in words and "floor      3 (TPM)" in words,
               "three good minutes commit it; the floor stays, for somebody may want the older one back", words)
        expect(box.entries == ["A.efi", "B.efi"], "its entry is not counted any more", box.entries)
    finally:
        stopped(agent)

    box.boot("b", NEW, "B.efi", "3")
    agent = running(box, clock, 0)
    try:
        time.sleep(12)
        words = box.run("status")[1]
        expect("floor      3 (TPM)" in words and agent.poll() is None, "a second good start is not enough", words)
    finally:
        stopped(agent)
    agent = running(box, clock, SOAK)
    try:
        words = until(box, agent, "nothing older is taken")
        expect("floor      4 (TPM)" in words, "after 72 hours the TPM's floor is the release's", words)
    finally:
        stopped(agent)
    held = chip.ask({"floor": {"vendorKey": list(key.public.read_bytes())}})
    expect(held["floor"]["_0"].get("value") == 4, "the TPM says so itself", held)
    lower = chip.ask(key.request("raiseFloor", "raise", 3))
    expect(lower.get("floorRaise", {}).get("_0") == {"outcome": "higher", "requested": 3, "floor": 4},
           "and takes no lower one, though the vendor has signed it", lower)

    settings = json.loads((box.directory / "update.json").read_text())
    settings["probe"] = str(other.program)
    (box.directory / "update.json").write_text(json.dumps(settings))
    status, words = box.run("check")
    expect(status == 1 and "TPM: floor: found" in words, "a box whose TPM was replaced takes nothing", words)


def main():
    program = pathlib.Path(sys.argv[1])
    directory = pathlib.Path(tempfile.mkdtemp(prefix="drimbox-floor-"))
    opened = []
    try:
        clock = directory / "fast_clock.so"
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", clock, HERE / "fast_clock.c"], check=True)
        key = FloorKey(directory)
        made = Vendor(directory, "--floor-key", key.private)
        server = Server(made.repository)
        opened.append(server)
        chips = []
        for name in ("chip", "other"):
            chips.append(Chip(directory / name, program.with_name("drimbox-probe")))
            opened.append(chips[-1])

        def new_box(chip):
            return Box(program, made, directory / "box", server.url,
                       more={"probe": str(chip.program), "vendorKey": str(key.public)})

        scenario(made, key, *chips, clock, new_box)
    except Failed as failure:
        print("FAILED  %s" % failure)
        sys.exit(1)
    finally:
        for each in opened:
            each.stop()
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
