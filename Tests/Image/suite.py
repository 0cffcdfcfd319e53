# SPDX-License-Identifier: Apache-2.0
"""The appliance as an image: started, broken, recovered. Each test is a box of its own; `--short` takes the first."""
import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "../..")
sys.path.insert(0, os.path.join(ROOT, "image/appliance"))

import machine  # noqa: E402
import study  # noqa: E402
from guest import Guest  # noqa: E402

OUT = os.path.realpath(os.environ.get("IMAGE_OUT", os.path.join(ROOT, ".build/image")))
EXECUTABLES = os.environ.get("IMAGE_EXECUTABLES", os.path.join(ROOT, ".build/release"))
# The firmware's entries (image/appliance/functions); a disk for the installer, MiB.
ENTRIES, DISK = [0xD120, 0xD121, 0xD122, 0xD123, 0xD124], 4096
FIRST, SECOND = "2026.11.0", "2026.12.0"
# What listens on a box that nobody has configured, for itself alone: the resolver's stub, the gateway.
LISTENING_FOR_ITSELF = {"udp 127.0.0.53:53", "udp 127.0.0.54:53", "tcp 127.0.0.53:53", "tcp 127.0.0.54:53"}
LISTENING = LISTENING_FOR_ITSELF | {"tcp 127.0.0.1:11112", "tcp 127.0.0.1:8080"}
INSTANCES = 20
# As systemd 257 counts; some tenths more than 252 for the same unit.
SCORES = {"drimboxd.service": 1.5, "drimbox-gateway.service": 1.2, "drimbox-probe@1.service": 2.0, "chrony.service": 3.7,
          "systemd-networkd.service": 3.0}


def build(version, *options):
    done = subprocess.run([os.path.join(ROOT, "image/build"), "--out", OUT, "--executables", EXECUTABLES, "--version", version, *options],
                          stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def expect(what, found, expected):
    if found != expected:
        raise AssertionError(f"{what}: found {found!r}, expected {expected!r}")
    print(f"    {what}: {found!r}" if len(repr(found)) < 90 else f"    {what}: as expected", flush=True)


def box(name):
    directory = os.path.join(OUT, "boxes", name)
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    return directory


def mtools(disk, name, *arguments):
    """A command of mtools, out of the image's own tools, on the boot partition of a box that may be running."""
    tools = next(os.path.join(OUT, "cache", name, "tree") for name in sorted(os.listdir(os.path.join(OUT, "cache")))
                 if name.startswith("tools-") and not name.endswith(".work"))
    libraries = os.path.join(tools, "usr/lib/x86_64-linux-gnu")
    place = f"{disk}@@{machine.partition_offset(disk, 'esp')}"
    done = subprocess.run([os.path.join(tools, "usr/lib64/ld-linux-x86-64.so.2"), "--library-path", libraries,
                           os.path.join(tools, "usr/bin/mtools"), "-c", name, "-i", place, *arguments],
                          stdout=subprocess.PIPE, text=True, check=True, env=os.environ | {"MTOOLS_SKIP_CHECK": "1"})
    return done.stdout


def entries(disk):
    """The boot entries' names."""
    return sorted(os.path.basename(line) for line in mtools(disk, "mdir", "-b", "::EFI/Linux").split())


def running(guest):
    """Waits for the end of the start; the state that systemd names."""
    guest.shell_ready()
    _, state = guest.do("systemctl is-system-running --wait", 900)
    return state


def listening(guest):
    return {" ".join([words[0], words[4].replace("%lo", "")]) for words in
            (line.split() for line in guest.do("ss -Hlntu")[1].splitlines()) if len(words) > 4}


def check_system(guest, slot):
    """Everything is up, sealed, read-only and shut."""
    state = running(guest)
    expect("failed units", guest.do("systemctl --failed --no-legend --plain")[1], "")
    expect("system", state, "running")
    print(f"    READY after {guest.figures()}", flush=True)
    expect("slot", guest.do("cat /run/drimbox/slot")[1], slot)
    # The supervisor starts it when it is up itself.
    guest.do("for n in $(seq 60); do systemctl -q is-active drimbox-gateway && break; sleep 5; done", 600)
    for unit in ("drimboxd.service", "drimbox-gateway.service", "drimbox-console@ttyS0.service", "drimbox-probe.socket",
                 "drimbox-netgen.service", "drimbox-deadline.timer", "systemd-networkd.service", "systemd-resolved.service",
                 "chrony.service", "polkit.service"):
        expect(unit, guest.do(f"systemctl is-active {unit}")[1], "active")
    expect("write to /usr", "Read-only file system" in guest.do("touch /usr/x")[1], True)
    expect("root", guest.do("findmnt -no FSTYPE,OPTIONS / | cut -d, -f1")[1].split(), ["erofs", "ro"])
    for place in ("/var", "/tmp", "/efi"):
        expect(place, {"nodev", "nosuid", "noexec"} - set(guest.do(f"findmnt -no OPTIONS {place}")[1].split(",")), set())
    expect("encryption", guest.do("cut -d- -f1-2 /sys/class/block/dm-1/dm/uuid; cat /sys/class/block/dm-1/dm/name")[1].split(),
           ["CRYPT-LUKS2", "data"])
    expect("listening", listening(guest), LISTENING)
    expect("passwords", guest.do("grep -v ':!\\*:' /etc/shadow")[1], "")
    expect("programs with another's rights", guest.do("find / -xdev -perm /6000 -type f")[1], "")
    for name, value in [("net/ipv4/tcp_congestion_control", "bbr"), ("kernel/kptr_restrict", "2"), ("kernel/sysrq", "0"),
                        ("kernel/unprivileged_bpf_disabled", "1"), ("kernel/yama/ptrace_scope", "2"),
                        ("kernel/kexec_load_disabled", "1"), ("kernel/panic", "10")]:
        expect(name, guest.do(f"cat /proc/sys/{name}")[1], value)
    expect("lockdown", "[integrity]" in guest.do("cat /sys/kernel/security/lockdown")[1], True)
    expect("module signatures", guest.do("cat /sys/module/module/parameters/sig_enforce")[1], "Y")
    expect("watchdog, fed", guest.do("systemctl show -p WatchdogLastPingTimestampMonotonic --value")[1] != "0", True)
    for unit, limit in SCORES.items():
        line = guest.do(f"systemd-analyze security --no-pager {unit} 2>/dev/null | tail -n 1")[1]
        score = float(line.split(": ")[-1].split()[0])
        expect(f"exposure of {unit}, {score}, at most {limit}", score <= limit, True)


def start_and_fall_back(images):
    """The first start, in slot B on trial; then a flipped byte in B: A starts instead, with all data."""
    directory = box("fall-back")
    with Guest(directory, image=images[1]) as guest:
        expect("entries", entries(guest.machine.disk), ["A.efi", "B+3.efi"])
        guest.console.wait(r"FACTORY", guest.BAD, 1800)
        print(f"    console's factory screen after {guest.figures()}", flush=True)
        check_system(guest, "b")
        machine_id = guest.do("cat /etc/machine-id")[1]
        expect("digits of the machine's identifier", len(machine_id), 32)
        guest.do("touch /var/lib/kept; journalctl --sync")
        guest.power_off()
    disk = os.path.join(directory, "disk.img")
    expect("entries", entries(disk), ["A.efi", "B+2-1.efi"])
    machine.corrupt(disk, machine.partition_offset(disk, "root-b"), 20 << 20)
    with Guest(directory) as guest:
        for _ in range(2):
            guest.console.wait("slot b on vda does not verify", "Kernel panic|Interactive Shell", 900)
            guest.console.wait("FAILED: no slot has the root", "the next start is|Kernel panic|Interactive Shell", 60)
        expect("system", running(guest), "running")
        print(f"    READY in A after {guest.figures()}", flush=True)
        expect("slot", guest.do("cat /run/drimbox/slot")[1], "a")
        expect("release", guest.do("grep IMAGE_VERSION= /etc/os-release")[1], f"IMAGE_VERSION={FIRST}")
        expect("machine's identifier, kept", guest.do("cat /etc/machine-id")[1], machine_id)
        expect("data, kept", guest.do("test -e /var/lib/kept")[0], 0)
        expect("journals of starts", guest.do("journalctl --list-boots --no-pager -q | wc -l")[1], "2")
        guest.power_off()
    expect("entries", entries(disk), ["A.efi", "B+0-3.efi"])


def unloadable_kernel(images):
    """B on trial has half a kernel image: the boot loader gives up, the firmware's next entry tries again, and then A starts."""
    directory = box("unloadable")
    disk = os.path.join(directory, "disk.img")
    with Guest(directory, image=images[0]) as guest:
        guest.console.wait("slot a on vda, verified", guest.BAD, 600)
        state = running(guest)
        expect("system", state, "running")
        expect("firmware's entries, first in the order", boot_order(guest)[:5], ENTRIES)
        guest.power_off()
    half = os.path.join(directory, "half.efi")
    with open(os.path.join(OUT, SECOND, "uki.efi"), "rb") as file:
        content = file.read()
    with open(half, "wb") as file:
        file.write(content[:len(content) // 2])
    mtools(disk, "mcopy", half, "::EFI/Linux/B+3.efi")
    with Guest(directory) as guest:
        for failed in range(1, 4):
            guest.console.wait("Error loading", "Kernel panic|Interactive Shell|FAILED", 300)
            print(f"    {failed}: not loaded after {guest.figures()}", flush=True)
        expect("system", running(guest), "running")
        print(f"    READY in A after {guest.figures()}", flush=True)
        expect("slot", guest.do("cat /run/drimbox/slot")[1], "a")
        guest.power_off()
    expect("entries", entries(disk), ["A.efi", "B+0-3.efi"])


def unloadable_after_commit(images):
    """No kernel image that the boot loader knows can be loaded: the firmware starts the previous one itself."""
    directory = box("previous")
    disk = os.path.join(directory, "disk.img")
    with Guest(directory, image=images[0]) as guest:
        guest.console.wait("slot a on vda, verified", guest.BAD, 600)
        guest.console.wait("making the data partition", guest.BAD, 60)
    with open(os.path.join(directory, "empty.efi"), "wb"):
        pass
    mtools(disk, "mcopy", "-o", os.path.join(directory, "empty.efi"), "::EFI/Linux/A.efi")
    with Guest(directory) as guest:
        expect("system", running(guest), "running")
        print(f"    READY by prev.efi after {guest.figures()}", flush=True)
        guest.power_off()


def install_from_stick(images):
    """An empty disk, the installer on a USB stick that stays in: chosen, erased, written, started from the disk."""
    directory = box("install")
    machine.empty_disk(os.path.join(directory, "disk.img"), DISK)
    with Guest(directory, stick=os.path.join(OUT, FIRST, "installer.img")) as guest:
        guest.console.wait(r" 1  vda .*DRX-0001  4 GB/Go", guest.BAD, 600)
        guest.console.wait("Number of the disk", guest.BAD, 60)
        guest.console.send("1\n")
        guest.console.wait("type ERASE", guest.BAD, 60)
        guest.console.send("EFFACER\n")
        guest.console.wait(r"\[6/6\]", guest.BAD + "|ECHEC", 900)
        guest.console.wait("DONE", guest.BAD + "|ECHEC|keeps none", 60)
        print(f"    installed after {guest.figures()}", flush=True)
        guest.console.wait("slot a on vda, verified", guest.BAD + "|INSTALLATION", 600)
        guest.console.wait("FACTORY", guest.BAD, 900)
        expect("system", running(guest), "running")
        print(f"    READY from the disk after {guest.figures()}", flush=True)
        expect("firmware's entries, first in the order", boot_order(guest)[:5], ENTRIES)
        expect("data", guest.do("findmnt -no FSTYPE /var")[1], "ext4")
        guest.power_off()
    disk = os.path.join(directory, "disk.img")
    expect("entries", entries(disk), ["A.efi"])
    for name in ("esp", "root-a", "verity-a", "root-b", "verity-b", "data"):
        expect(f"offset of {name}", machine.partition_offset(disk, name), machine.partition_offset(images[0], name))


def install_from_damaged_stick(images):
    """One byte of the stick's root is not the release's: it is refused, and the disk is as it was."""
    directory = box("damaged-stick")
    disk, stick = os.path.join(directory, "disk.img"), os.path.join(directory, "stick.img")
    machine.sparse_copy(os.path.join(OUT, FIRST, "installer.img"), stick)
    machine.corrupt(stick, machine.partition_offset(stick, "install-root"), 200 << 20)
    machine.empty_disk(disk, DISK)
    with Guest(directory, stick=stick) as guest:
        guest.console.wait("Number of the disk", guest.BAD, 600)
        guest.console.send("1\n")
        guest.console.wait("type ERASE", guest.BAD, 60)
        guest.console.send("ERASE\n")
        guest.console.wait("FAILED: the stick is damaged; nothing was erased", r"\[2/6\]|Kernel panic", 600)
        print(f"    refused after {guest.figures()}", flush=True)
    expect("bytes of the disk that were written", os.stat(disk).st_blocks, 0)


def study_through_the_box(images):
    """A configured box: the host's storescu sends a study, WADO-RS gives the same data sets back; nothing else listens."""
    directory = box("study")
    ports = study.free_ports(2)
    with Guest(directory, image=images[0], forwards=list(zip(ports, (11112, 8080)))) as guest:
        expect("system", running(guest), "running")
        guest.do("for n in $(seq 60); do systemctl -q is-active drimbox-gateway && break; sleep 5; done", 600)
        study.configure(guest)
        study.wait_for_echo(ports[0])
        print(f"    configured after {guest.figures()}", flush=True)
        found = study.send_and_read(directory, *ports, instances=INSTANCES)
        print(f"    {found}", flush=True)
        expect("data sets that came back with the same bytes", found["equal"], INSTANCES)
        expect("listening", listening(guest), LISTENING_FOR_ITSELF | {f"tcp {study.BOX}:11112", f"tcp {study.BOX}:8080"})
        expect("failed units", guest.do("systemctl --failed --no-legend --plain")[1], "")
        guest.power_off()


def boot_order(guest):
    """The numbers of the firmware's entries, in the order of trying."""
    variable = "/sys/firmware/efi/efivars/BootOrder-8be4df61-93ca-11d2-aa0d-00e098032b8c"
    words = guest.do(f"od -An -v -tx2 -j4 {variable}")[1].split()
    return [int(word, 16) for word in words]


def rotten_after_commit(images):
    """B, committed, rots: no counter runs down, so the box itself takes A, once."""
    directory = box("rotten")
    disk = os.path.join(directory, "disk.img")
    machine.sparse_copy(images[1], disk)
    mtools(disk, "mren", "::EFI/Linux/B+3.efi", "::EFI/Linux/B.efi")
    expect("entries", entries(disk), ["A.efi", "B.efi"])
    machine.corrupt(disk, machine.partition_offset(disk, "root-b"), 20 << 20)
    with Guest(directory) as guest:
        guest.console.wait("the next start is a.efi, once", "Kernel panic|Interactive Shell", 900)
        expect("system", running(guest), "running")
        expect("slot", guest.do("cat /run/drimbox/slot")[1], "a")
        guest.power_off()


def other_machine(images):
    """The disk in a machine with another TPM: its data stay shut."""
    directory = box("other-machine")
    with Guest(directory, image=images[0]) as guest:
        expect("system", running(guest), "running")
        guest.power_off()
    shutil.rmtree(os.path.join(directory, "tpm"))
    with Guest(directory) as guest:
        guest.console.wait("FAILED: the TPM does not open the data partition", "FACTORY|Kernel panic|Interactive Shell", 600)
        print(f"    refused after {guest.figures()}", flush=True)


TESTS = [start_and_fall_back, unloadable_kernel, unloadable_after_commit, install_from_stick, install_from_damaged_stick,
         study_through_the_box, rotten_after_commit, other_machine]
SHORT = 1


def cost(begin):
    """The counters as they are, for another `cost`; what has been used since `begin`, by this process and all it started."""
    now = [sum(os.times()[:4]), time.monotonic()]
    return now, f"{now[0] - begin[0]:.0f} CPU s, {now[1] - begin[1]:.0f} s" if begin else ""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    tests = [test for test in (TESTS[:SHORT] if options.short else TESTS) if options.only in test.__name__]
    if not tests:
        parser.error(f"--only: found {options.only}, expected a part of {', '.join(test.__name__ for test in TESTS)}")
    whole, _ = cost(None)
    print("== two releases", flush=True)
    first = build(FIRST)["directory"]
    second = build(SECOND)["directory"]
    build(FIRST, "--slot-b", second, "--disk", "disk-ab.img")
    images = [os.path.join(first, "disk.img"), os.path.join(first, "disk-ab.img")]
    print(f"   built, {cost(whole)[1]}", flush=True)
    failures = 0
    for test in tests:
        print(f"== {test.__name__}: {test.__doc__.splitlines()[0]}", flush=True)
        begin, _ = cost(None)
        try:
            test(images)
            print(f"   passed, {cost(begin)[1]}", flush=True)
        except Exception:
            failures += 1
            traceback.print_exc()
            print(f"   FAILED after {cost(begin)[1]}; logs in {os.path.join(OUT, 'boxes')}", flush=True)
    print(f"{'all passed' if failures == 0 else f'{failures} failed'}: {len(tests)} tests, {cost(whole)[1]}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
