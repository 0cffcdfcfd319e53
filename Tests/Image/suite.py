# SPDX-License-Identifier: Apache-2.0
"""The appliance as an image: started, broken, recovered. Each test is a box of its own; `--short` takes the first."""
import argparse
import contextlib
import os
import shutil
import signal
import sys
import traceback

import exchange
import faults
import installer
import port
import shell
import slots
import state
import study
import update
# First of ours that needs image/appliance, which it adds to where modules are looked for.
from box import Box, cost, say, spent
from guest import Guest
from releases import FIRST, SECOND, Releases
from steps import Failure
from trees import examine_mirror

INSTANCES = 20


def study_through_the_box(box, releases):
    """A configured box: the host's storescu sends a study, WADO-RS gives the same data sets back; nothing else listens."""
    ports = study.free_ports(2)
    with box.start(image=releases.alone, forwards=list(zip(ports, (11112, 8080)))) as guest:
        with box.stage("configured"):
            study.bring_up(box, guest, ports[0])
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


def recovery_key(box, releases):
    """The key that an administrator has written down: it opens the data where another TPM is, and where none is."""
    with box.stage("a first start: the key is shown until it is written down, and then nowhere on the box"):
        with box.start(image=releases.alone) as guest:
            state.running(box, guest, "a")
            state.gateway_up(guest)
            key = faults.write_down(box, guest)
            guest.do("touch /var/lib/kept")
            guest.power_off()
    with box.stage("another TPM: the key from the paper opens the data, and so does this TPM from then on"):
        shutil.rmtree(box.path("tpm"))
        with box.start() as guest:
            faults.type_recovery_key(guest, key)
            state.running(box, guest, "a")
            box.expect("data, kept", guest.do("test -e /var/lib/kept; ls /run/key 2>/dev/null")[1], "")
            guest.power_off()
        with box.start() as guest:
            guest.console.wait("slot a on vda, verified", guest.BAD, 600)
            guest.console.wait("login: |refresh: ", guest.BAD + "|Recovery key", 900)
            state.running(box, guest, "a")
            box.expect("data, kept", guest.do("test -e /var/lib/kept")[0], 0)
            guest.power_off()
    with box.stage("no TPM at all: the key opens the data"):
        with box.start(tpm=False) as guest:
            faults.type_recovery_key(guest, key)
            state.running(box, guest, "a")
            box.expect("data, kept", guest.do("test -e /var/lib/kept")[0], 0)
            faults.wait_for_issue(box, guest, "E-TPM-0", True)
            guest.power_off()


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
            study.bring_up(box, guest, ports[0])
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
            study.bring_up(box, guest, ports[0])
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


def update_from_stick(box, releases):
    """A signed release on a USB stick, for a box without a network: into B, judged, committed."""
    update.from_stick(box, releases.alone, releases.vendor, (releases.first, *FIRST), (releases.second, *SECOND))


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


TESTS = [slots.start_and_fall_back, slots.deadline, slots.unloadable_kernel, slots.unloadable_after_commit,
         installer.install_from_stick, installer.install_from_damaged_stick, installer.install_unattended, study_through_the_box,
         slots.secure_boot, break_glass, authenticated_port, slots.rotten_after_commit, other_machine, recovery_key,
         cut_first_starts, watchdog, nvme_fault, disk_refuses_writes, change_over_a_reset, two_boxes, unhealthy_release,
         update_from_server, update_from_stick]
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
