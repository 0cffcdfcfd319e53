# SPDX-License-Identifier: Apache-2.0
"""A signed release from the vendor's server into a box, as its technician orders it."""
import json
import os
import shutil
import sys

import state
import study
from box import OUT, ROOT

sys.path.insert(0, os.path.join(ROOT, "Tests/Support"))

from update_scenario import Server, certificate, vendor  # noqa: E402

SETTINGS = "/var/lib/drimbox-update"
# Exit statuses of drimboxctl (docs/updates.md).
NOTHING, THERE, HELD = 0, 90, 99
INSTANCES = 5
# Of an unhealthy release's trial, seconds: long enough for it to be up in QEMU.
DEADLINE = 120


def trusted_repository():
    """The vendor of the tests: the first roots are in the images. Made once into the output directory, as the lab's keys are."""
    directory = os.path.join(OUT, "vendor")
    repository = os.path.join(directory, "repository")
    if not os.path.exists(os.path.join(repository, "ceremony")):
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory, mode=0o700)
        ceremony = os.path.join(directory, "ceremony")
        vendor("keys", ceremony)
        vendor("init", repository, "--ceremony", os.path.join(ceremony, "ceremony.json"))
    return repository


class Repository:
    """A copy of the vendor's in which the second release is published, as a patch of the first, too; and its web server."""

    def __init__(self, box, trusted, first, second, deadline=900):
        """`deadline` in seconds: how long a trial of the second release may take."""
        self.path = box.path("repository")
        shutil.copytree(trusted, self.path)
        directory, self.release, index = second
        made = box.path("release")
        box.note(vendor("build", "--version", self.release, "--root", os.path.join(directory, "root.img"),
                        "--uki", os.path.join(directory, "uki.efi"), "--rollback-index", index, "--hw", "drimbox-1", "--level", 3,
                        "--patch-from", os.path.join(first[0], "root.img"), "--health-deadline", deadline, "--out", made))
        box.note(vendor("publish", self.path, made))
        shutil.rmtree(made)
        self.rollout("--paused")
        self.own = certificate(box.path("server"), f"IP:{study.HOST},IP:127.0.0.1")
        self.client = certificate(box.path("client"), "DNS:box")
        self.server = Server(self.path, self.own, self.client)
        self.url = f"https://{study.HOST}:{self.server.port}"

    def rollout(self, *more):
        vendor("rollout", self.path, "stable", "--release", self.release, "--cohorts", 1000, *more)


def order(box, guest, words, statuses, *expected):
    """`drimboxctl update`, its exit status and what it says."""
    status, text = guest.do(f"drimboxctl update {words}", 1200)
    box.note(f"$ drimboxctl update {words}\n{text}\nexit status {status}")
    box.expect(f"exit status of {words}", status in statuses, True)
    for part in expected:
        box.expect(f"{part!r} in its words", part in text, True)


def follow(guest, repository, *checks):
    """The box is told of its vendor's server, with certificates for it, as its installer does; and by root more to judge a release by,
    which the image alone may say."""
    document = json.loads(guest.do("drimboxctl config get -o json")[1])
    document["updates"] = {"server": {"url": repository.url, "authorities": "update-ca.pem", "certificate": "box.pem",
                                      "privateKey": "box.key", "events": True}}
    files = {"updates.json": json.dumps(document)}
    for name, path in (("update-ca.pem", repository.own[0]), ("box.pem", repository.client[0]), ("box.key", repository.client[1])):
        with open(path, encoding="ascii") as file:
            files[name] = file.read()
    settings = json.loads(guest.do(f"cat {SETTINGS}/update.json")[1])
    settings["checks"].append({"name": "gateway", "command": ["/usr/bin/systemctl", "is-active", "drimbox-gateway.service"]})
    settings["checks"] += checks
    guest.put(f"{SETTINGS}/update.json", json.dumps(settings))
    for name, content in files.items():
        guest.put(f"/tmp/{name}", content)
    credentials = " && ".join(f"drimboxctl credential put /tmp/{name}" for name in files if name != "updates.json")
    status, said = guest.do(f"{credentials} && drimboxctl config apply /tmp/updates.json --confirm none --reason 'test of the image'", 300)
    guest.do(f"rm {' '.join('/tmp/' + name for name in files)}; systemctl restart drimbox-update")
    if status != 0:
        raise AssertionError(f"config apply: found {status}: {said[-1500:]}, expected 0")


def confirm(box, guest):
    """The technician's consent, at which the box reboots by itself: B has its tries, and is as it was written."""
    guest.shell.send("drimboxctl update confirm\n")
    box.wait_for_entries(["A.efi", "B+3.efi"], 300)


def went_back(box, guest, reason):
    """A is up again, and its journal says why."""
    state.running(box, guest, "a")
    journal = "journalctl -b -u drimbox-update -o cat --no-pager"
    guest.do(f"for n in $(seq 30); do {journal} | grep -q 'went back' && break; sleep 2; done")
    said = guest.do(journal)[1]
    box.note(said)
    box.expect("the reason in the journal", f"went back from: {reason}" in said, True)


def set_up(box, guest, ports, repository, *checks):
    """A configured, a study in it, the server known. What has to be kept: the study's UID, the machine's identifier."""
    study.bring_up(box, guest, ports[0])
    identifier = study.send(box.directory, ports[0], INSTANCES)
    follow(guest, repository, *checks)
    return identifier, guest.do("cat /etc/machine-id")[1]


def all_kept(box, guest, ports, identifier, machine_id):
    box.expect("machine's identifier, kept", guest.do("cat /etc/machine-id")[1], machine_id)
    study.wait_for_echo(ports[0])
    box.expect("data sets with the same bytes", study.read(box.directory, ports[1], identifier), INSTANCES)


def unhealthy(box, image, trusted, first, second):
    with box.stage(f"a repository with the second release, which has {DEADLINE} s to prove itself"):
        repository = Repository(box, trusted, first, second, DEADLINE)
    try:
        repository.rollout()
        ports = study.free_ports(2)
        with box.start(image=image, forwards=list(zip(ports, (11112, 8080)))) as guest:
            with box.stage("A configured, a study in it, the server known"):
                kept = set_up(box, guest, ports, repository, {
                    "name": "PACS", "command": ["/usr/bin/grep", "-q", f"^IMAGE_VERSION={first[1]}$", "/etc/os-release"]})
            for failure in (1, 2):
                with box.stage(f"B starts, and a check that A passes fails: back to A at the deadline, failure {failure}"):
                    order(box, guest, "install", [HELD], "waits for consent", second[1])
                    confirm(box, guest)
                    state.running(box, guest, "b")
                    order(box, guest, "status", [NOTHING], "on trial")
                    went_back(box, guest, f"{second[1]} deadline: PACS")
                    box.note(f"back after {guest.figures()}")
                    all_kept(box, guest, ports, *kept)
            with box.stage("after two failures nothing but a person's word brings it again"):
                order(box, guest, "install", [HELD], "has failed, waits for a retry", f"{second[1]}   2x")
                box.expect("entries that can start B", [name for name in box.entries if name.startswith("B") and "+0" not in name], [])
                guest.power_off()
    finally:
        repository.server.stop()


def from_server(box, image, trusted, first, second):
    with box.stage("a repository with the second release, signed"):
        repository = Repository(box, trusted, first, second)
    try:
        ports = study.free_ports(2)
        with box.start(image=image, forwards=list(zip(ports, (11112, 8080)))) as guest:
            with box.stage("A configured, a study in it, the server known"):
                kept = set_up(box, guest, ports, repository)
            with box.stage("what the rollout holds is not installed; what it offers is, while A runs"):
                order(box, guest, "check", [HELD], "paused by the vendor")
                repository.rollout()
                order(box, guest, "check", [THERE])
                order(box, guest, "install", [HELD], "waits for consent", second[1])
                box.expect("entries", box.entries, ["A.efi"])
            with box.stage("one byte of B flipped behind its back: three tries in vain, then A, which says so"):
                confirm(box, guest)
                box.corrupt("root-b")
                for _ in range(3):
                    guest.console.wait("slot b on vda does not verify", guest.LOST, 900)
                    box.note(f"a try in vain after {guest.figures()}")
                went_back(box, guest, f"{second[1]} all tries were in vain")
            with box.stage("tried once more: the slot is mended, B starts, is judged for three minutes, and is committed"):
                order(box, guest, "install", [HELD], "waits for consent", second[1], "1x")
                confirm(box, guest)
                state.running(box, guest, "b")
                order(box, guest, "status", [NOTHING], "on trial")
                box.wait_for_entries(["A.efi", "B.efi"], 1200)
                order(box, guest, "status", [NOTHING], "committed")
                box.note(f"committed after {guest.figures()}")
            with box.stage("B has A's configuration, identifier and study; the server knows; prev.efi is A's"):
                box.expect("release", guest.do("grep IMAGE_VERSION= /etc/os-release")[1], f"IMAGE_VERSION={second[1]}")
                all_kept(box, guest, ports, *kept)
                told = [one["state"] for one in repository.server.control()["states"] if one["running"] == second[1]]
                box.note(f"states that the server has got from B: {told}")
                box.expect("the server is told of the commit", any("committed" in words for words in told), True)
                box.expect("prev.efi is A.efi", guest.do("cmp /efi/EFI/drimbox/prev.efi /efi/EFI/Linux/A.efi")[0], 0)
                guest.power_off()
    finally:
        repository.server.stop()


def from_stick(box, image, trusted, first, second):
    with box.stage("the second release on a USB stick, signed for media"):
        repository = Repository(box, trusted, first, second)
        repository.server.stop()
        box.note(vendor("usb", repository.path, "--release", repository.release, "--out", box.path("usb")))
        stick = box.stick("stick.img", box.path("usb"), 1024)
    with box.start(image=image, extra=["-device", "qemu-xhci"]) as guest:
        with box.stage("the stick is seen, and B written from it, while A runs"):
            state.running(box, guest, "a")
            state.gateway_up(guest)
            guest.plug_in(stick)
            guest.do("for n in $(seq 60); do drimboxctl update list | grep -q sd && break; sleep 2; done")
            order(box, guest, "list", [NOTHING], "sda1")
            order(box, guest, "install --medium sda1", [HELD], "waits for consent", repository.release)
        with box.stage("consent: B starts, is judged for three minutes, and is committed"):
            confirm(box, guest)
            state.running(box, guest, "b")
            box.wait_for_entries(["A.efi", "B.efi"], 600)
            order(box, guest, "status", [NOTHING], repository.release)
            guest.power_off()
