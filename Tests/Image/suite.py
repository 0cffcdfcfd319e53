# SPDX-License-Identifier: Apache-2.0
"""The appliance as an image: started, broken, recovered. Each test is a box of its own; `--short` takes the first."""
import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import traceback

import exchange
import faults
import port
import shell
import state
import study
import update
# First of ours that needs image/appliance, which it adds to where modules are looked for.
from box import OUT, ROOT, Box, cost, machine, say, spent
from guest import Guest, Silence
from steps import Failure
from trees import examine_mirror

EXECUTABLES = os.environ.get("IMAGE_EXECUTABLES", os.path.join(ROOT, ".build/release"))
# The firmware's entries (image/appliance/functions); a disk for the installer, MiB.
ENTRIES, DISK = [0xD120, 0xD121, 0xD122, 0xD123, 0xD124], 4096
# What systemd-boot says of an entry whose signature is not that of what it holds.
REFUSED = r"(?i)Error loading[^\n]*(security violation|access denied)"
# Their rollback indexes, too.
FIRST, SECOND = ("2026.11.0", 1), ("2026.12.0", 2)
INSTANCES = 20


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


@contextlib.contextmanager
def starts_in_a(box, *signs):
    """A start of a box whose slot B, or whose entries, are of no use: the console says so, and A comes up."""
    with box.start() as guest:
        for sign in signs:
            try:
                guest.console.wait(sign, Guest.LOST, 600)
            except Silence:
                # QEMU 7.2 without KVM, on a host with a load of 5: seen once in some hundred resets.
                if not guest.stands_still_after_reset:
                    raise
                box.note("QEMU stands still after a reset: the power is switched off and on")
                print("        QEMU stood still after a reset: its power was switched off and on", flush=True)
                guest.power_cycle()
                guest.console.wait(sign, Guest.LOST, 900)
            box.note(f"{sign}: after {guest.figures()}")
        state.running(box, guest, "a")
        yield guest
        guest.power_off()


def start_and_fall_back(box, releases):
    """The first start, in slot B on trial; then a flipped byte in B: A starts instead, with all data."""
    with box.stage("a first start, of B on trial: all is up, sealed, read-only and shut"):
        with box.start(image=releases.trial) as guest:
            box.expect("entries", box.entries, ["A.efi", "B+3.efi"])
            guest.console.wait(r"FACTORY", guest.BAD, 1800)
            box.note(f"console's factory screen after {guest.figures()}")
            state.running(box, guest, "b")
            box.expect("drimbox-update.service", guest.do("systemctl is-active drimbox-update.service")[1], "active")
            # On a slow host this start takes the three minutes after which B would be committed.
            guest.do("systemctl stop drimbox-update.socket drimbox-update.service")
            state.sealed_and_shut(box, guest)
            machine_id = guest.do("cat /etc/machine-id")[1]
            box.expect("digits of the machine's identifier", len(machine_id), 32)
            guest.do("touch /var/lib/kept; journalctl --sync")
            guest.power_off()
        box.expect("entries", box.entries, ["A.efi", "B+2-1.efi"])
    with box.stage("one byte of B's root flipped: two tries in vain, then A with all data"):
        box.corrupt("root-b")
        with starts_in_a(box, *["slot b on vda does not verify", "FAILED: no slot has the root"] * 2) as guest:
            box.expect("release", guest.do("grep IMAGE_VERSION= /etc/os-release")[1], f"IMAGE_VERSION={FIRST[0]}")
            box.expect("machine's identifier, kept", guest.do("cat /etc/machine-id")[1], machine_id)
            box.expect("data, kept", guest.do("test -e /var/lib/kept")[0], 0)
            box.expect("journals of starts", guest.do("journalctl --list-boots --no-pager -q | wc -l")[1], "2")
        box.expect("entries", box.entries, ["A.efi", "B+0-3.efi"])


def unloadable_kernel(box, releases):
    """B on trial has half a kernel image: the boot loader gives up, the firmware's next entry tries again, and then A starts."""
    with box.stage("a first start, of A: the firmware has our entries"):
        with box.start(image=releases.alone) as guest:
            state.running(box, guest, "a")
            box.expect("firmware's entries, first in the order", state.boot_order(guest)[:5], ENTRIES)
            guest.power_off()
    with box.stage("half a kernel image in B: three tries in vain, then A"):
        with open(os.path.join(releases.second, "uki.efi"), "rb") as file:
            content = file.read()
        with open(box.path("half.efi"), "wb") as file:
            file.write(content[:len(content) // 2])
        box.mtools("mcopy", box.path("half.efi"), "::EFI/Linux/B+3.efi")
        with starts_in_a(box, *["Error loading"] * 3):
            pass
        box.expect("entries", box.entries, ["A.efi", "B+0-3.efi"])


def unloadable_after_commit(box, releases):
    """No kernel image that the boot loader knows can be loaded: the firmware starts the previous one itself."""
    with box.stage("a first start, cut while the data partition is made"):
        with box.start(image=releases.alone) as guest:
            guest.console.wait("making the data partition", guest.BAD, 600)
    with box.stage("an empty kernel image: the firmware starts prev.efi, and the data partition is made anew"):
        with open(box.path("empty.efi"), "wb"):
            pass
        box.mtools("mcopy", "-o", box.path("empty.efi"), "::EFI/Linux/A.efi")
        with starts_in_a(box) as guest:
            box.expect("data", guest.do("findmnt -no FSTYPE /var")[1], "ext4")


def secure_boot(box, releases):
    """Secure Boot on, and our key alone in the firmware: what we signed starts, and nothing else does."""
    ours = os.path.join(OUT, "keys", "boot.pem")

    def factory_screen(guest):
        guest.console.wait("slot a on vda, verified", guest.BAD, 900)
        guest.console.wait("FACTORY", guest.BAD, 1800)
        box.note(f"console's factory screen after {guest.figures()}")

    # The shell of tests comes by a command line that nobody signed: here, there is none.
    with box.stage("a first start, all signatures checked"):
        with box.start(image=releases.alone, secure_boot=ours) as guest:
            factory_screen(guest)
    with box.stage("one byte changed in a kernel image in B: three times refused, then A"):
        with open(os.path.join(releases.second, "uki.efi"), "rb") as file:
            content = bytearray(file.read())
        # In the last quarter is the initial RAM disk.
        content[len(content) * 3 // 4] ^= 0xFF
        with open(box.path("changed.efi"), "wb") as file:
            file.write(content)
        box.mtools("mcopy", box.path("changed.efi"), "::EFI/Linux/B+3.efi")
        with box.start(secure_boot=ours) as guest:
            for _ in range(3):
                guest.console.wait(REFUSED, guest.LOST, 900)
                box.note(f"refused after {guest.figures()}")
            factory_screen(guest)
        box.expect("entries", box.entries, ["A.efi", "B+0-3.efi"])
    with box.stage("a firmware that has another's key alone starts nothing of ours"):
        os.unlink(box.path("variables.fd"))
        openssl("req", "-new", "-x509", "-newkey", "rsa:2048", "-noenc", "-subj", "/CN=another", "-keyout", box.path("another.key"),
                "-out", box.path("another.pem"))
        with box.start(secure_boot=box.path("another.pem")) as guest:
            guest.console.wait("failed to load Boot[^\n]*: Access Denied", "slot . on vda", 600)


def rotten_after_commit(box, releases):
    """B, committed, rots: no counter runs down, so the box itself takes A, once."""
    with box.stage("one byte flipped of B, which was committed: A, once"):
        machine.sparse_copy(releases.trial, box.disk)
        # `mren` of mtools would write the short name in capitals.
        box.mtools("mdel", "::EFI/Linux/B+3.efi")
        box.mtools("mcopy", os.path.join(releases.second, "uki.efi"), "::EFI/Linux/B.efi")
        box.expect("entries", box.entries, ["A.efi", "B.efi"])
        box.corrupt("root-b")
        with starts_in_a(box, "the next start is a.efi, once"):
            pass


def choose_disk(guest, word):
    """The installer's screen: the first disk, and the word that agrees to its erasure."""
    guest.console.wait(r" 1  vda .*DRX-0001  4 GB/Go", guest.BAD, 600)
    guest.console.wait("Number of the disk", guest.BAD, 60)
    guest.console.send("1\n")
    guest.console.wait("type ERASE", guest.BAD, 60)
    guest.console.send(word + "\n")


def install_from_stick(box, releases):
    """An empty disk, the installer on a USB stick that stays in: chosen, erased, written, started from the disk."""
    machine.empty_disk(box.disk, DISK)
    with box.start(stick=releases.stick) as guest:
        with box.stage("installed from a USB stick"):
            choose_disk(guest, "EFFACER")
            guest.console.wait(r"\[6/6\]", guest.BAD + "|ECHEC", 900)
            guest.console.wait("DONE", guest.BAD + "|ECHEC|keeps none", 60)
        with box.stage("started from the disk, with the stick still in"):
            guest.console.wait("slot a on vda, verified", guest.BAD + "|INSTALLATION", 600)
            guest.console.wait("FACTORY", guest.BAD, 900)
            state.running(box, guest, "a")
            box.expect("firmware's entries, first in the order", state.boot_order(guest)[:5], ENTRIES)
            box.expect("data", guest.do("findmnt -no FSTYPE /var")[1], "ext4")
            guest.power_off()
            box.expect("entries", box.entries, ["A.efi"])
            for name in ("esp", "root-a", "verity-a", "root-b", "verity-b", "data"):
                box.expect(f"offset of {name}", machine.partition_offset(box.disk, name),
                           machine.partition_offset(releases.alone, name))


def install_from_damaged_stick(box, releases):
    """One byte of the stick's root is not the release's: it is refused, and the disk is as it was."""
    with box.stage("a damaged stick is refused, and nothing written"):
        stick = box.path("stick.img")
        machine.sparse_copy(releases.stick, stick)
        machine.corrupt(stick, machine.partition_offset(stick, "install-root"), 100 << 20)
        machine.empty_disk(box.disk, DISK)
        with box.start(stick=stick) as guest:
            choose_disk(guest, "ERASE")
            guest.console.wait("FAILED: the stick is damaged; nothing was erased", r"\[2/6\]|Kernel panic", 600)
        box.expect("bytes of the disk that were written", os.stat(box.disk).st_blocks, 0)


def install_unattended(box, releases):
    """Signed answers on the stick: an empty disk is taken without a person, and the box configured at its first start."""
    ports = study.free_ports(2)
    stick, answers = box.path("stick.img"), box.path("answers.json")
    machine.sparse_copy(releases.stick, stick)
    with open(os.path.join(ROOT, "etc/drimbox/drimbox.json"), encoding="utf-8") as file:
        document = study.answers(json.load(file)["gateway"], "enp0s3")
    with open(answers, "w", encoding="utf-8") as file:
        json.dump(document, file)
    openssl("pkeyutl", "-sign", "-inkey", releases.answer_key, "-rawin", "-in", answers, "-out", answers + ".sig")
    with box.stage("answers changed after they were signed: a person is asked"):
        machine.empty_disk(box.disk, DISK)
        box.mtools("mcopy", answers + ".sig", "::drimbox/", disk=stick, partition="install-esp")
        with open(box.path("changed.json"), "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
        box.mtools("mcopy", box.path("changed.json"), "::drimbox/answers.json", disk=stick, partition="install-esp")
        with box.start(stick=stick) as guest:
            guest.console.wait("their signature is wrong", guest.BAD + r"|\[1/6\]", 600)
            guest.console.wait("Number of the disk", guest.BAD + r"|\[1/6\]", 60)
    with box.stage("the answers as they were signed: installed"):
        box.mtools("mcopy", "-o", answers, "::drimbox/answers.json", disk=stick, partition="install-esp")
        with box.start(stick=stick, forwards=list(zip(ports, (11112, 8080)))) as guest:
            guest.console.wait("WITHOUT A PERSON", guest.BAD + "|Number of the disk", 600)
            guest.console.wait("DONE", guest.BAD + "|ECHEC|keeps none", 900)
            guest.console.wait("slot a on vda, verified", guest.BAD + "|INSTALLATION", 600)
            state.running(box, guest, "a")
            box.note(guest.do("journalctl -b -u drimbox-answers -o cat --no-pager")[1])
            study.wait_for_echo(ports[0])
            for place in ("/efi/EFI/drimbox", "/var/lib/drimbox-answers"):
                box.expect(f"answers left in {place}", guest.do(f"ls {place} | grep answers")[1], "")
            guest.power_off()


def study_through_the_box(box, releases):
    """A configured box: the host's storescu sends a study, WADO-RS gives the same data sets back; nothing else listens."""
    ports = study.free_ports(2)
    with box.start(image=releases.alone, forwards=list(zip(ports, (11112, 8080)))) as guest:
        with box.stage("configured"):
            state.running(box, guest, "a")
            state.gateway_up(guest)
            box.note(study.configure(guest))
            study.wait_for_echo(ports[0])
        with box.stage(f"{INSTANCES} instances in by C-STORE and out by WADO-RS: the same bytes"):
            identifier = study.send(box.directory, ports[0], INSTANCES)
            box.expect("data sets with the same bytes", study.read(box.directory, ports[1], identifier), INSTANCES)
            box.expect("listening", state.listening(guest),
                       state.LISTENING_FOR_ITSELF | {f"tcp {study.BOX}:11112", f"tcp {study.BOX}:8080"})
            box.expect("failed units", state.failed(guest), "")
            guest.power_off()


def other_machine(box, releases):
    """The disk in a machine with another TPM: its data stay shut."""
    with box.stage("a first start, of A"):
        with box.start(image=releases.alone) as guest:
            state.running(box, guest, "a")
            guest.power_off()
    with box.stage("the disk in another machine: its data stay shut"):
        shutil.rmtree(box.path("tpm"))
        with box.start() as guest:
            guest.console.wait("FAILED: the TPM does not open the data partition", guest.LOST + "|FACTORY", 600)


def cut_first_starts(box, releases):
    """The power cut in each of the first starts, later each time: the next one goes on, and the last comes up."""
    with box.stage(f"{len(faults.CUTS)} first starts cut after {faults.CUTS[0]} to {faults.CUTS[-1]} CPU s, then one that comes up"):
        faults.cut_while_it_starts(box, releases.alone)


def watchdog(box, releases):
    """What stands still is reset by the chip set's watchdog, and comes back with all data."""
    with box.start(image=releases.alone) as guest:
        with box.stage("a first start: the watchdog is set to 30 s"):
            state.running(box, guest, "a")
            box.expect("watchdog", guest.do("cat /sys/class/watchdog/watchdog0/identity")[1], "iTCO_wdt")
            box.expect("timeout", guest.do("systemctl show -p RuntimeWatchdogUSec --value")[1], "30s")
        for what in faults.HANGS:
            with box.stage(f"{what} stands still: a reset by the watchdog, and all data"):
                faults.stand_still(box, guest, what)
        guest.power_off()


def nvme_fault(box, releases):
    """Started from NVMe, which then reports that it is not to be relied upon: the box says so as long as the disk does."""
    with box.start(image=releases.alone, disk_device="nvme") as guest:
        with box.stage("a first start from NVMe"):
            guest.console.wait("slot a on nvme0n1, verified", guest.BAD, 900)
            state.running(box, guest, "a")
            faults.wait_for_issue(box, guest, "DISK-", False)
        with box.stage("a critical warning of the disk: told, and gone with it"):
            faults.warn(guest, faults.UNRELIABLE)
            faults.wait_for_issue(box, guest, "E-DISK-01:nvme0", True)
            box.note(guest.do("drimboxctl issues; drimboxctl disk; udevadm info -q path -n /dev/nvme0n1")[1])
            box.expect("disk", guest.do("drimboxctl disk")[0], 1)
            faults.warn(guest, 0)
            faults.wait_for_issue(box, guest, "E-DISK-01:nvme0", False)
            box.expect("failed units", state.failed(guest), "")
            guest.power_off()


def disk_refuses_writes(box, releases):
    """A SCSI disk that takes no writes any more: told, and nothing acknowledged that is not kept; all that was is there afterwards."""
    ports = study.free_ports(2)
    with box.start(image=releases.alone, disk_device="scsi-hd", forwards=list(zip(ports, (11112, 8080)))) as guest:
        with box.stage("a first start from SCSI, configured, a study in it"):
            guest.console.wait("slot a on sda, verified", guest.BAD, 900)
            state.running(box, guest, "a")
            state.gateway_up(guest)
            box.note(study.configure(guest))
            study.wait_for_echo(ports[0])
            identifier = study.send(box.directory, ports[0], INSTANCES)
        with box.stage("each write fails: no instance is acknowledged, what is there is served, the reason told"):
            node = faults.refuse_writes(guest)
            second, acknowledged, said = study.send_in_vain(box.path("second"), ports[0], INSTANCES)
            box.note(said[-3000:])
            box.expect("instances acknowledged", acknowledged, 0)
            box.expect("data sets with the same bytes", study.read(box.directory, ports[1], identifier), INSTANCES)
            faults.wait_for_issue(box, guest, "E-FS-", True)
            box.note(guest.do("drimboxctl status; drimboxctl issues; dmesg | tail -n 30; findmnt -o TARGET,OPTIONS /var; systemctl --failed")[1])
        with box.stage("the disk takes writes again, a reset: all that was acknowledged"):
            faults.set_drive(guest, node)
            guest.machine.order("system_reset")
            guest.console.wait("slot a on sda, verified", guest.LOST, 600)
            state.running(box, guest, "a")
            study.wait_for_echo(ports[0])
            box.expect("data sets with the same bytes", study.read(box.directory, ports[1], identifier), INSTANCES)
            box.expect("instances of the second study", study.count(ports[1], second), 0)
            box.expect("another study", study.read(box.directory, ports[1], study.send(box.directory, ports[0], INSTANCES)), INSTANCES)
            guest.power_off()


def change_over_a_reset(box, releases):
    """A reset while a change of the network waits for its confirmation: what was confirmed is in force."""
    ports = study.free_ports(2)
    with box.start(image=releases.alone, forwards=list(zip(ports, (11112, 8080)))) as guest:
        with box.stage("configured, and another address on trial"):
            state.running(box, guest, "a")
            state.gateway_up(guest)
            box.note(study.configure(guest))
            study.wait_for_echo(ports[0])
            confirmed = guest.do("drimboxctl config get -o json")[1]
            card = faults.try_other_address(box, guest)
        with box.stage("a reset: the address that was confirmed, and the reason told"):
            guest.machine.order("system_reset")
            guest.console.wait("slot a on vda, verified", guest.LOST, 600)
            state.running(box, guest, "a")
            study.wait_for_echo(ports[0])
            faults.confirmed_again(box, guest, card, confirmed)
            guest.power_off()


def two_boxes(box, releases):
    """Two hospitals: a report at one, its images in the other's archive, by TLS all the way; each box configured from a USB stick."""
    with exchange.Surroundings(box) as surroundings, contextlib.ExitStack() as running:
        guests = {site: running.enter_context(Guest(box.path(site), image=releases.alone, taps=surroundings.taps(site),
                                                    extra=["-device", "qemu-xhci"])) for site in "ab"}
        with box.stage("two first starts; one box configured at the console from its stick, one by command"):
            for site, guest in guests.items():
                state.running(box, guest, "a")
                state.gateway_up(guest)
                exchange.plug_in(box, guest, surroundings, site, releases.answer_key)
            exchange.import_at_console(box, guests["a"])
            exchange.import_by_command(box, guests["b"])
            for site, guest in guests.items():
                exchange.is_configured(box, guest, surroundings, site)
        with box.stage(f"a report at the first: {INSTANCES} images found in its archive, their manifest in the record"):
            surroundings.report(INSTANCES)
        with box.stage("a doctor at the second: the images from box to box, and in its archive under its own identifier"):
            box.note(exchange.Browser(surroundings).import_exam())
            for guest in guests.values():
                box.note(guest.do("journalctl -b -u drimbox-gateway -o cat --no-pager | tail -n 30")[1])
            box.expect("images with the pixels that were sent", len(exchange.compare(surroundings)), INSTANCES)
            for guest in guests.values():
                box.expect("failed units", state.failed(guest), "")
                guest.power_off()
    for site in "ab":
        os.unlink(box.path(f"{site}/disk.img"))


def unhealthy_release(box, releases):
    """B starts, but what worked under A does not work any more: back to A at the deadline, twice, and then no more."""
    update.unhealthy(box, releases.alone, releases.vendor, (releases.first, *FIRST), (releases.second, *SECOND))


def update_from_server(box, releases):
    """A signed release from a server, into B: with a flipped byte it goes, mended it is committed, with all data."""
    update.from_server(box, releases.alone, releases.vendor, (releases.first, *FIRST), (releases.second, *SECOND))


def break_glass(box, releases):
    """Root's shell on the serial line: not for who has the supervisor's rights, once for the vendor's signature."""
    with box.start(image=releases.alone) as guest:
        with box.stage("configured, with an identity in its TPM"):
            state.running(box, guest, "a")
            state.gateway_up(guest)
            password = shell.prepare(guest)
        with box.stage("the supervisor's rights alone: no go-ahead, no challenge, no replay gives a shell"):
            shell.forgeries(box, guest, releases.shell_key)
        with box.stage("a person at the console, the vendor's response: root's shell, once"):
            shell.opens(box, guest, releases.shell_key, password)
            guest.power_off()


def authenticated_port(box, releases):
    """IEEE 802.1X on the box's card, which nobody answers: its unit runs, and the issue is told."""
    with box.start(image=releases.alone) as guest:
        with box.stage("configured with 802.1X on its card: asked for, refused by nobody, told"):
            state.running(box, guest, "a")
            state.gateway_up(guest)
            card = port.configure(box, guest)
            port.stays_shut(box, guest, card)
            guest.power_off()


TESTS = [start_and_fall_back, unloadable_kernel, unloadable_after_commit, install_from_stick, install_from_damaged_stick,
         install_unattended, study_through_the_box, secure_boot, break_glass, authenticated_port, rotten_after_commit, other_machine,
         cut_first_starts, watchdog, nvme_fault, disk_refuses_writes, change_over_a_reset, two_boxes, unhealthy_release, update_from_server]
SHORT = 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    tests = [test for test in (TESTS[:SHORT] if options.short else TESTS) if options.only in test.__name__]
    if not tests:
        parser.error(f"--only: found {options.only}, expected a part of {', '.join(test.__name__ for test in TESTS)}")
    if options.short:
        try:
            examine_mirror()
        except Failure as failure:
            print(f"Tests/Image: skipped: {failure}")
            return 0
    # Whoever ends the run ends its guests.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Tests/Image: ended"))
    whole = spent()
    failures = []
    releases = Releases()
    say("built", "two releases, and the disk images", whole)
    for test in tests:
        print(f"== {test.__name__}: {test.__doc__.splitlines()[0]}", flush=True)
        box = Box(test.__name__)
        try:
            test(box, releases)
            if os.path.exists(box.disk):
                os.unlink(box.disk)
        except Exception:
            failures.append(test.__name__)
            traceback.print_exc()
            print(f"        what was seen: {box.directory}", flush=True)
    words = f"failed: {', '.join(failures)}" if failures else "all passed"
    print(f"Tests/Image: {len(tests)} test{'' if len(tests) == 1 else 's'}, {words}, {cost(whole)}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
