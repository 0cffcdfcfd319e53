#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A release from the vendor's tool to a box of files: image/release makes and signs it, a web server or a medium brings it,
drimbox-update installs it, and what a boot loader and a firmware would do is done here.

    update_scenario.py DRIMBOX_UPDATE

Prints a line for each thing that was seen; exit status 1, and why, at the first that was not.
"""
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

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

    def __init__(self, directory, *more):
        """`more` goes to `image/release build`."""
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
                   "--hw", "drimbox-1", *patch, *more, "--out", directory / "made" / version)
            vendor("publish", self.repository, directory / "made" / version)
        self.rollout()

    def rollout(self, *more, cohorts=1000):
        vendor("rollout", self.repository, "stable", "--release", NEW, "--cohorts", cohorts, *more)

    def file(self, name):
        return self.repository / "targets" / "releases" / NEW / name


class Box:
    """Two slots, a boot partition and a system that says what runs: files below a directory."""

    def __init__(self, program, made, directory, url, hardware="drimbox-1", server=None, place=(), more=None):
        self.place = place
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
            "server": {"url": url, "events": True, **(server or {})}, "bootPartition": "%s/efi" % directory, "slots": slots,
            "checks": [{"name": "gateway", "command": ["/bin/true"], "required": True}], **(more or {})}))
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

    def command(self, *arguments):
        return [*self.place, self.program, *arguments, "--config", str(self.directory / "update.json"),
                "--system-root", str(self.directory / "system")]

    def run(self, *arguments):
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=120)
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
    """`tls` is its certificate and key, `clients` those whom it lets in: pairs of paths. `place` and `host` are where it is."""

    def __init__(self, directory, tls=None, clients=None, place=(), host="127.0.0.1"):
        more = ["--tls", *tls, "--clients", clients[0]] if tls else []
        self.process = subprocess.Popen([*place, sys.executable, HERE / "update_server.py", directory, "--host", host, *more],
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])
        self.url = "http%s://%s:%d" % ("s" if tls else "", host, self.port)
        self.curl = [*place, "curl", "-sS", "--fail", "--max-time", "10"]
        if tls:
            self.curl += ["--cacert", tls[0], "--cert", clients[0], "--key", clients[1]]

    def control(self, wish=None):
        """Tells the server something; without a wish, what it has seen."""
        body = ["--data", json.dumps(wish)] if wish else []
        content = subprocess.run([*self.curl, *body, self.url + "/control"], capture_output=True, check=True).stdout
        return json.loads(content) if content else None

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Proxy:
    def __init__(self):
        self.process = subprocess.Popen([sys.executable, HERE / "loopback_proxy.py", "0"], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])

    def stop(self):
        self.process.terminate()
        self.process.wait()


def certificate(path, names):
    """One that vouches for itself, and its key."""
    paths = "%s.pem" % path, "%s.key" % path
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=update", "-addext", "subjectAltName=" + names, "-keyout", paths[1], "-out", paths[0]],
                   check=True, capture_output=True)
    return paths


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
    running = subprocess.Popen(box.command("run", "--interval", "1"), stderr=subprocess.PIPE, text=True)
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


def push(new_box, made, server, way=""):
    made.rollout("--paused")
    box = new_box()
    before = len(server.control()["connections"])
    running = subprocess.Popen(box.command("run", "--interval", "1"), stderr=subprocess.DEVNULL)

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
               "a box that runs listens to the server%s, and waits for a paused rollout" % way)
        made.rollout()
        begin = time.monotonic()
        server.control({"event": "look"})
        offered = eventually(lambda: "rollout to go on" not in box.run("status")[1])
        expect(offered and time.monotonic() - begin < 5,
               "what the server says makes it look at once: offered after %.1f s" % (time.monotonic() - begin))
        expect(eventually(lambda: CONSENT in box.run("status")[1]),
               "and all installed after %.1f s" % (time.monotonic() - begin))
        told = eventually(lambda: any(CONSENT in state["state"] for state in server.control()["states"]))
        expect(told, "the server is told how far the box is")
    finally:
        running.kill()
        running.wait()


def behind_proxy(new_box, made):
    """A server that only the proxy reaches, and that lets nobody in but the box."""
    own = certificate(made.directory / "server", "DNS:update.invalid,IP:127.0.0.1")
    clients = certificate(made.directory / "box", "DNS:box")
    stranger = certificate(made.directory / "stranger", "DNS:box")
    server, proxy = Server(made.repository, own, clients), Proxy()

    def settings(identity):
        return {"authorities": own[0], "certificate": identity[0], "privateKey": identity[1],
                "proxy": "127.0.0.1:%d" % proxy.port}

    url = "https://update.invalid:%d" % server.port
    try:
        status, words = new_box(url=url, server=settings(stranger)).run("check")
        expect(status == 1 and "does not take the box's certificate %s" % stranger[0] in words,
               "another's certificate is refused by name", words)
        push(lambda: new_box(url=url, server=settings(clients)), made, server, " through a proxy, with its certificate")
    finally:
        server.stop()
        proxy.stop()


class Nat:
    """Three network namespaces: the server's, the box's, and between them a router that hides the box's addresses."""

    OUTSIDE, ROUTER, INSIDE = "203.0.113.1", "203.0.113.2", "192.168.77.2"
    RULES = """table ip drimbox {
        chain after {
            type nat hook postrouting priority 100;
            oifname "wan" masquerade
        }
        chain through {
            type filter hook forward priority 0; policy drop;
            iifname "lan" accept
            ct state established accept
        }
    }"""

    def __init__(self):
        self.names = ["drimbox-%d-%s" % (os.getpid(), end) for end in ("out", "nat", "in")]
        out, router, inside = self.names
        try:
            for name in self.names:
                self.ip("netns", "add", name)
                self.ip("-n", name, "link", "set", "lo", "up")
            for (one, link, address), (other, peer, second) in (
                    ((out, "server", self.OUTSIDE), (router, "wan", self.ROUTER)),
                    ((router, "lan", "192.168.77.1"), (inside, "box", self.INSIDE))):
                self.ip("-n", one, "link", "add", link, "type", "veth", "peer", "name", peer, "netns", other)
                for name, device, own in ((one, link, address), (other, peer, second)):
                    self.ip("-n", name, "address", "add", own + "/24", "dev", device)
                    self.ip("-n", name, "link", "set", "dev", device, "up")
            self.ip("-n", inside, "route", "add", "default", "via", "192.168.77.1")
            self.run([*self.place(router), "sysctl", "-qw", "net.ipv4.ip_forward=1"])
            self.run([*self.place(router), "nft", "-f", "-"], self.RULES)
        except Exception:
            self.end()
            raise
        self.outside, self.inside = self.place(out), self.place(inside)

    @staticmethod
    def place(name):
        return ["nsenter", "--net=/run/netns/" + name]

    @staticmethod
    def run(command, content=None):
        subprocess.run(command, input=content, text=True, check=True, capture_output=True)

    def ip(self, *words):
        self.run(["ip", *words])

    def end(self):
        for name in self.names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)


def behind_nat(new_box, made):
    if os.geteuid() != 0 or not all(shutil.which(tool, path="/usr/sbin:/usr/bin:/sbin:/bin") for tool in ("ip", "nft", "sysctl")):
        print("--  behind a router that hides it: needs root, iproute2, nftables and procps")
        return
    nat = Nat()
    server = None
    try:
        own = certificate(made.directory / "outside", "IP:" + nat.OUTSIDE)
        clients = certificate(made.directory / "inside", "DNS:box")
        settings = {"authorities": own[0], "certificate": clients[0], "privateKey": clients[1]}
        server = Server(made.repository, own, clients, nat.outside, nat.OUTSIDE)
        push(lambda: new_box(url=server.url, server=settings, place=nat.inside), made, server,
             " through a router that hides it")
        expect(set(server.control()["peers"]) == {nat.ROUTER, nat.OUTSIDE}, "the server has seen the router's address only",
               server.control()["peers"])
    finally:
        if server:
            server.stop()
        nat.end()


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

        def new_box(url=server.url, hardware="drimbox-1", server=None, place=()):
            return Box(program, made, directory / ("box-%d" % next(boxes)), url, hardware, server, place)

        for scenario in (whole_path, trial, refusals, medium):
            scenario(new_box, made)
        push(new_box, made, server)
        behind_proxy(new_box, made)
        behind_nat(new_box, made)
    except Failed as failure:
        print("FAILED  %s" % failure)
        sys.exit(1)
    finally:
        if server:
            server.stop()
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
