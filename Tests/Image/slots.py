# SPDX-License-Identifier: Apache-2.0
"""Which slot starts: a release on trial, one that rots, one that cannot be loaded or that nobody signed."""
import contextlib
import os

import state
# First of ours that needs image/appliance, which it adds to where modules are looked for.
from box import OUT, machine
from guest import Guest, Silence
from releases import FIRST, openssl

# The firmware's entries (image/appliance/functions).
ENTRIES = [0xD120, 0xD121, 0xD122, 0xD123, 0xD124]
# What systemd-boot says of an entry whose signature is not that of what it holds.
REFUSED = r"(?i)Error loading[^\n]*(security violation|access denied)"


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
            box.expect("updates", guest.do("systemctl is-active drimbox-update.service drimbox-update.socket")[1].split(), ["active"] * 2)
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


def deadline(box, releases):
    """A trial that nobody judges, for drimbox-update does not run: the timer starts the box anew, and leaves a release that is committed."""
    sooner = "[Timer]\nOnBootSec=\nOnActiveSec=2s\n"
    with box.start(image=releases.trial) as guest:
        with box.stage("B on trial, not judged: the timer ends the trial"):
            state.running(box, guest, "b")
            guest.do("systemctl stop drimbox-update.socket drimbox-update.service")
            box.expect("the timer's moment after the start", guest.do("systemctl cat drimbox-deadline.timer | grep OnBootSec")[1],
                       "OnBootSec=20min")
            guest.do("mkdir -p /run/systemd/system/drimbox-deadline.timer.d")
            guest.put("/run/systemd/system/drimbox-deadline.timer.d/sooner.conf", sooner)
            guest.shell.send("systemctl daemon-reload; systemctl restart drimbox-deadline.timer\n")
            guest.console.wait("reboot: Restarting system", guest.LOST, 120)
            guest.console.wait("slot b on vda, verified", guest.LOST, 600)
            box.expect("entries", box.entries, ["A.efi", "B+1-2.efi"])
        with box.stage("B, committed: the timer's service leaves it alone"):
            state.running(box, guest, "b")
            guest.do("systemctl stop drimbox-update.socket drimbox-update.service; journalctl --sync")
            box.expect("reason in the journal", "is not committed: reboot" in guest.do("journalctl -b -1 -u drimbox-deadline -o cat")[1], True)
            # drimbox-update, which this start had, may have given the trial its tries again.
            box.expect("renamed", guest.do("mv /efi/EFI/Linux/B+*.efi /efi/EFI/Linux/B.efi")[0], 0)
            box.expect("its service", guest.do("systemctl start drimbox-deadline.service; systemctl is-system-running")[1], "running")
            guest.power_off()


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
