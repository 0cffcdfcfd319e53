#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A release from the vendor's tool to a box of files: image/release makes and signs it, a web server or a medium brings it,
drimbox-update installs it, and what a boot loader and a firmware would do is done here.

    update_scenario.py DRIMBOX_UPDATE

Prints a line for each thing that was seen; exit status 1, and why, at the first that was not.
"""
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
RELEASE = HERE.parent.parent / "image" / "release"
OLD, NEW = "2026.9.0", "2026.10.0"
CONSENT = "installed, waits for consent:"


class Failed(Exception):
    """Something was not as it should be."""


def expect(condition, words, evidence=""):
    if not condition:
        raise Failed("%s\n%s" % (words, evidence))
    print("ok  " + words)


def vendor(*arguments):
    done = subprocess.run([RELEASE, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise Failed("image/release %s: %s" % (arguments[0], done.stderr.strip()))
    return done.stdout


class Vendor:
    """A repository with two releases, the second made as a patch of the first."""

    def __init__(self, directory):
        self.directory, self.repository = directory, directory / "repository"
        noise = random.Random(5)
        old = bytearray(noise.randbytes(9 << 20))
        new = bytearray(old)
        new[5 << 20:(5 << 20) + 20_000] = noise.randbytes(20_000)
        self.images = {OLD: bytes(old), NEW: bytes(new + noise.randbytes(8192))}
        self.verity, self.trees, self.kernels = {}, {}, {}
        vendor("keys", directory / "ceremony")
        vendor("init", self.repository, "--ceremony", directory / "ceremony" / "ceremony.json")
        for version, index in ((OLD, 3), (NEW, 4)):
            image, tree, kernel = (directory / ("%s.%s" % (version, end)) for end in ("img", "verity", "efi"))
            image.write_bytes(self.images[version])
            self.verity[version] = json.loads(vendor("verity", image, "--out", tree))
            self.trees[version] = tree.read_bytes()
            self.kernels[version] = (b"MZ %s roothash=%s " % (version.encode(), self.verity[version]["roothash"].encode())
                                     + bytes(100_000))
            kernel.write_bytes(self.kernels[version])
            patch = ["--patch-from", directory / "made" / OLD] if version == NEW else []
            vendor("build", "--version", version, "--root", image, "--uki", kernel, "--rollback-index", index,
                   "--hw", "drimbox-1", *patch, "--out", directory / "made" / version)
            vendor("publish", self.repository, directory / "made" / version)
        self.rollout()

    def rollout(self, *more, cohorts=1000):
        vendor("rollout", self.repository, "stable", "--release", NEW, "--cohorts", cohorts, *more)

    def file(self, name):
        return self.repository / "targets" / "releases" / NEW / name


class Box:
    """Two slots, a boot partition and a system that says what runs: files below a directory."""

    def __init__(self, program, made, directory, url, hardware="drimbox-1"):
        self.program, self.vendor, self.directory = program, made, directory
        for path in ("efi/EFI/Linux", "efi/EFI/drimbox", "system/proc/sys/kernel/random", "system/run/drimbox", "system/etc",
                     "system/sys/firmware/efi/efivars"):
            (directory / path).mkdir(parents=True)
        for slot in "ab":
            for part in ("data", "hashes"):
                with open(directory / ("%s.%s" % (slot, part)), "wb") as file:
                    file.truncate(12 << 20)
        self.fill("a", OLD)
        (directory / "efi/EFI/Linux/A.efi").write_bytes(made.kernels[OLD])
        slots = {slot: {"data": "%s/%s.data" % (directory, slot), "hashes": "%s/%s.hashes" % (directory, slot)}
                 for slot in "ab"}
        offline = made.repository / "offline" / "metadata" / "1.root.json"
        (directory / "update.json").write_text(json.dumps({
            "hardware": hardware, "device": "SN-0001", "directory": "%s/updates" % directory,
            "root": str(made.repository / "metadata" / "1.root.json"), "offlineRoot": str(offline),
            "server": {"url": url, "events": True}, "bootPartition": "%s/efi" % directory, "slots": slots,
            "checks": [{"name": "gateway", "command": ["/bin/true"], "required": True}]}))
        self.boot("a", OLD, "A.efi", "1")

    def fill(self, slot, version):
        for part, content in (("data", self.vendor.images[version]), ("hashes", self.vendor.trees[version])):
            with open(self.directory / ("%s.%s" % (slot, part)), "r+b") as file:
                file.write(content)

    def boot(self, slot, version, entry, boot_id):
        system = self.directory / "system"
        (system / "proc/cmdline").write_text("quiet roothash=%s\n" % self.vendor.verity[version]["roothash"])
        (system / "run/drimbox/slot").write_text(slot + "\n")
        (system / "proc/sys/kernel/random/boot_id").write_text(boot_id + "\n")
        (system / "etc/os-release").write_text(
            'IMAGE_VERSION="%s"\nDRIMBOX_ROLLBACK_INDEX=%d\nDRIMBOX_BUILT=1790000000\n' % (version, 3 if version == OLD else 4))
        variable = system / "sys/firmware/efi/efivars/LoaderEntrySelected-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
        variable.write_bytes(bytes([6, 0, 0, 0]) + (entry + "\0").encode("utf-16-le"))

    def run(self, *arguments):
        done = subprocess.run([self.program, *arguments, "--config", str(self.directory / "update.json"),
                               "--system-root", str(self.directory / "system")], capture_output=True, text=True, timeout=120)
        return done.returncode, (done.stdout + done.stderr).strip()

    @property
    def entries(self):
        return sorted(path.name for path in (self.directory / "efi/EFI/Linux").iterdir())

    def holds(self, slot, version):
        data = (self.directory / ("%s.data" % slot)).read_bytes()
        image = self.vendor.images[version]
        verified = subprocess.run(
            ["/usr/sbin/veritysetup", "verify", str(self.directory / ("%s.data" % slot)),
             str(self.directory / ("%s.hashes" % slot)), self.vendor.verity[version]["roothash"]], capture_output=True)
        return data[:len(image)] == image and verified.returncode == 0


class Server:
    def __init__(self, directory):
        self.process = subprocess.Popen([sys.executable, HERE / "update_server.py", directory], stdout=subprocess.PIPE, text=True)
        self.url = "http://127.0.0.1:%s" % self.process.stdout.readline().split()[1]

    def control(self, wish=None):
        """Tells the server something; without a wish, what it has seen."""
        body = json.dumps(wish).encode() if wish else None
        with urllib.request.urlopen(self.url + "/control", body, timeout=10) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def stop(self):
        self.process.terminate()
        self.process.wait()


def whole_path(new_box, made):
    box = new_box()
    status, words = box.run("check")
    expect(status == 90 and NEW in words, "a release that is there is told, with exit status 90", words)
    status, words = box.run("install")
    expect(status == 99 and words.startswith(CONSENT), "it is installed, and waits for consent", words)
    expect(box.holds("b", NEW), "the slot is the release, byte by byte; veritysetup verifies it")
    expect(box.holds("a", OLD) and box.entries == ["A.efi"], "what runs was not touched, and nothing starts the release yet")
    status, words = box.run("confirm")
    expect(status == 100 and box.entries == ["A.efi", "B+3.efi"], "with the consent it has three tries", words)
    status, words = box.run("status")
    expect(status == 0 and "A.efi B+3.efi" in words and "floor      0 (software)" in words, "the status says so", words)

    # Three starts in vain, and the old system runs again.
    (box.directory / "efi/EFI/Linux/B+3.efi").rename(box.directory / "efi/EFI/Linux/B+0-3.efi")
    box.boot("a", OLD, "A.efi", "2")
    status, words = box.run("run", "--once", "--interval", "1")
    expect(status == 0 and "went back from" in words, "a release that could not be started is told of", words)
    status, words = box.run("status")
    expect("failed     %s, 1 times" % NEW in words, "and counted", words)
    status, words = box.run("abort")
    expect(status == 0, "nothing is left to abort", words)


def trial(new_box, _):
    box = new_box()
    box.run("install")
    box.run("confirm")
    (box.directory / "efi/EFI/Linux/B+3.efi").rename(box.directory / "efi/EFI/Linux/B+2-1.efi")
    box.boot("b", NEW, "B+2-1.efi", "2")
    running = subprocess.Popen([box.program, "run", "--interval", "1", "--config", str(box.directory / "update.json"),
                                "--system-root", str(box.directory / "system")], stderr=subprocess.PIPE, text=True)
    try:
        status, words = (0, "")
        for _ in range(100):
            status, words = box.run("status")
            if "on trial" in words:
                break
        expect("on trial: %s" % NEW in words, "the release that was started is on trial", words)
        status, words = box.run("abort")
        expect(status == 1 and "another at work" in words, "one agent works at a time", words)
    finally:
        running.kill()
        running.wait()
    # The trial goes wrong while nobody watches: the next start of the agent knows what it was.
    status, words = box.run("status")
    expect("on trial: %s" % NEW in words, "a killed agent leaves the trial as it was", words)


def refusals(new_box, made):
    box = new_box(hardware="drimbox-9")
    status, words = box.run("check")
    expect(status == 0 and "hardware: found drimbox-9" in words, "a release for other hardware is none", words)
    status, words = box.run("install")
    expect(box.entries == ["A.efi"] and "nothing under way" in words, "and is not installed", words)

    made.rollout("--paused")
    box = new_box()
    status, words = box.run("install")
    expect(status == 99 and "waits for the rollout to go on" in words, "a paused rollout is waited for", words)
    made.rollout()

    box = new_box()
    settings = box.directory / "update.json"
    right = settings.read_text()
    broken = json.loads(right)
    broken["server"].update(url="https://127.0.0.1:1", authorities="/nowhere/ca.pem")
    settings.write_text(json.dumps(broken))
    status, words = box.run("check")
    expect(status == 1 and "/nowhere/ca.pem" in words, "an authority's file that is not there is named", words)
    status, words = box.run("status")
    expect(status == 0 and "nothing under way" in words, "and the status is told all the same", words)
    status, words = box.run("run", "--once")
    expect(status == 0, "and a trial would be judged", words)
    settings.write_text(right)
    floor = box.directory / "updates" / "floor"
    floor.write_text("x")
    status, words = box.run("check")
    expect(status == 1 and "found no number, expected the floor" in words, "a floor that cannot be read is not taken for none",
           words)
    status, words = box.run("status")
    expect(status == 0 and "unknown: " in words, "and is told as unknown, with its reason", words)
    floor.unlink()

    timestamp = made.repository / "metadata" / "timestamp.json"
    kept = timestamp.read_bytes()
    older = json.loads(kept)
    older["signed"]["version"] -= 1
    timestamp.write_text(json.dumps(older))
    status, words = box.run("check")
    expect(status == 1 and "timestamp" in words, "metadata that nobody signed is refused by its step: " + words)
    timestamp.write_bytes(kept)

    kernel = made.file("uki.efi")
    right = kernel.read_bytes()
    kernel.write_bytes(right[:-1] + b"x")
    box = new_box()
    status, words = box.run("install")
    expect(status == 99 and "kernel image" in words and box.entries == ["A.efi"], "another kernel image is refused", words)
    kernel.write_bytes(right)
    patch = next(made.repository.glob("targets/releases/%s/patch-*.pack" % NEW))
    right = patch.read_bytes()
    patch.write_bytes(bytes(len(right)))
    box = new_box()
    status, words = box.run("install")
    expect(status == 99 and words.startswith(CONSENT) and box.holds("b", NEW), "where a patch is wrong, the pack is taken", words)
    patch.write_bytes(right)


def push(new_box, made, server):
    made.rollout("--paused")
    box = new_box()
    before = len(server.control()["connections"])
    running = subprocess.Popen([box.program, "run", "--interval", "1", "--config", str(box.directory / "update.json"),
                                "--system-root", str(box.directory / "system")], stderr=subprocess.DEVNULL)

    def eventually(condition):
        end = time.monotonic() + 40
        while time.monotonic() < end:
            if condition():
                return True
            time.sleep(0.1)
        return False

    try:
        waits = eventually(lambda: "rollout to go on" in box.run("status")[1])
        expect(waits and eventually(lambda: len(server.control()["connections"]) > before),
               "a box that runs listens to the server, and waits for a paused rollout")
        made.rollout()
        begin = time.monotonic()
        server.control({"event": "look"})
        expect(eventually(lambda: CONSENT in box.run("status")[1]),
               "what the server says makes it look at once; all installed after %.1f s" % (time.monotonic() - begin))
        told = eventually(lambda: any(CONSENT in state["state"] for state in server.control()["states"]))
        expect(told, "the server is told how far the box is")
    finally:
        running.kill()
        running.wait()


def medium(new_box, made):
    vendor("usb", made.repository, "--release", NEW, "--out", made.directory / "stick")
    box = new_box(url="http://127.0.0.1:1")
    status, words = box.run("install", "--media", str(made.directory / "stick" / "drimbox-update"))
    expect(status == 99 and words.startswith(CONSENT) and box.holds("b", NEW), "a medium brings a release without a network", words)
    status, words = box.run("check")
    expect(status == 1, "the server that is not there is an error", words)


def main():
    program = sys.argv[1]
    directory = pathlib.Path(tempfile.mkdtemp(prefix="drimbox-update-"))
    server = None
    try:
        made = Vendor(directory)
        server = Server(made.repository)
        boxes = iter(range(100))

        def new_box(url=server.url, hardware="drimbox-1"):
            return Box(program, made, directory / ("box-%d" % next(boxes)), url, hardware)

        for scenario in (whole_path, trial, refusals, medium):
            scenario(new_box, made)
        push(new_box, made, server)
    except Failed as failure:
        print("FAILED  %s" % failure)
        sys.exit(1)
    finally:
        if server:
            server.stop()
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
