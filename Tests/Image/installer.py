# SPDX-License-Identifier: Apache-2.0
"""The installer on its USB stick: chosen by a person, damaged, and without a person."""
import json
import os

import state
import study
from box import ROOT, machine
from releases import openssl
from slots import ENTRIES

# For the installer, MiB.
DISK = 4096


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
