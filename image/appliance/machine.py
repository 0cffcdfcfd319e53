# SPDX-License-Identifier: Apache-2.0
"""A box in QEMU: OVMF, a TPM by swtpm, two network cards, its serial lines."""
import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import time

from steps import Failure, run

FIRMWARE = "/usr/share/OVMF/OVMF_CODE_4M.fd"
VARIABLES = "/usr/share/OVMF/OVMF_VARS_4M.fd"
# The same with Secure Boot; the variables are then the firmware's alone, by System Management Mode.
SECURE_FIRMWARE = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd"
# Whose the keys in the firmware are, for its lists have owners.
OWNER = "d12b0000-0000-4000-8000-000000000002"
# For tests: a shell on the second serial line. It is no part of the image: QEMU hands the unit over as a credential of the
# firmware, which the image's own command line refuses; the words that allow it are measured into PCR 12.
TEST_UNIT = """[Unit]
DefaultDependencies=no
[Service]
ExecStart=/bin/sh -c 'stty raw -echo; echo "@@ready"; while IFS= read -r line; do eval "$line" </dev/null 2>&1; echo "@@status=$?"; done'
StandardInput=tty-force
StandardOutput=tty
TTYPath=/dev/ttyS1
Environment=PATH=/usr/sbin:/usr/bin SYSTEMD_PAGER= SYSTEMD_COLORS=0
Restart=always
RestartSec=1s
"""
TEST_LINE = "systemd.import_credentials=yes systemd.wants=drimbox-test.service"


def empty_disk(path, size):
    """`size` in MiB."""
    with open(path, "wb") as file:
        file.truncate(size << 20)


def sparse_copy(source, target):
    run(["cp", "--reflink=auto", "--sparse=always", source, target], "disk")


class Taps:
    """The other ends of a machine's two cards: devices of a network namespace, in which QEMU then runs. `box` are two digits of the
    cards' addresses."""

    def __init__(self, namespace, names, box):
        self.prefix, self.names, self.box = ["ip", "netns", "exec", namespace], names, box


class Machine:
    """One box: its directory keeps the disk, the firmware's variables and the TPM from one start to the next."""

    def __init__(self, directory, image=None, memory=2048, processors=1, accelerator="tcg", forwards=(), test=False,
                 extra=(), stick=None, secure_boot=None, disk_device="virtio-blk-pci", taps=None, tpm=True):
        """`secure_boot` is a certificate, PEM: the firmware starts nothing but what its key signed. `disk_device` is QEMU's word for
        what the disk is. `taps` are the cards' other ends (`Taps`), in place of QEMU's own network. Without `tpm` the machine has
        none."""
        for program, package in [("qemu-system-x86_64", "qemu-system-x86"), ("swtpm", "swtpm"), ("swtpm_setup", "swtpm-tools")]:
            if shutil.which(program) is None:
                raise Failure("image/boot", f"no {program}", f"the Debian package {package}")
        if not os.path.exists(FIRMWARE):
            raise Failure("image/boot", f"no {FIRMWARE}", "the Debian package ovmf")
        self.directory = os.path.realpath(directory)
        self.disk = os.path.join(self.directory, "disk.img")
        self.tpm = os.path.join(self.directory, "tpm")
        os.makedirs(self.directory, exist_ok=True)
        if image is not None:
            sparse_copy(image, self.disk)
        self.secure_boot = secure_boot
        if not os.path.exists(self.path("variables.fd")):
            if secure_boot is None:
                shutil.copyfile(VARIABLES, self.path("variables.fd"))
            else:
                self.enrol(secure_boot)
        self.memory, self.processors, self.accelerator = memory, processors, accelerator
        self.disk_device, self.taps, self.has_tpm = disk_device, taps, tpm
        self.forwards, self.test, self.extra = forwards, test, list(extra)
        if stick is not None:
            self.extra += ["-drive", f"if=none,id=stick,format=raw,file={stick},snapshot=on", "-device", "qemu-xhci",
                           "-device", "usb-storage,drive=stick,removable=on"]
        self.qemu = self.swtpm = None

    def path(self, name):
        return os.path.join(self.directory, name)

    def enrol(self, certificate):
        """The variables of a firmware that has this certificate alone, as platform key, exchange key and signature database."""
        run([virtual_firmware(), "--input", VARIABLES, "--output", self.path("variables.fd"), "--set-pk", OWNER, certificate,
             "--add-kek", OWNER, certificate, "--add-db", OWNER, certificate, "--secure-boot"], "Secure Boot")

    def start_tpm(self):
        if not os.path.isdir(self.tpm):
            os.makedirs(self.tpm)
            run(["swtpm_setup", "--tpm2", "--tpmstate", self.tpm, "--pcr-banks", "sha256"], "TPM")
        address = self.path("tpm.sock")
        if os.path.exists(address):
            os.unlink(address)
        self.swtpm = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.tpm}", "--ctrl", f"type=unixio,path={address}", "--terminate"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(address)
        return address

    def command(self, serial):
        """`serial` has QEMU's words for each serial line."""
        cards = []
        for number in (0, 1):
            rules = "".join(f",hostfwd=tcp:127.0.0.1:{host}-:{guest}" for host, guest in self.forwards) if number == 0 else ",restrict=on"
            network, box = f"user,id=net{number}{rules}", "2b"
            if self.taps is not None:
                network, box = f"tap,id=net{number},ifname={self.taps.names[number]},script=no,downscript=no", self.taps.box
            cards += ["-netdev", network, "-device", f"virtio-net-pci,netdev=net{number},mac=52:54:00:d1:{box}:0{number},romfile="]
        # Emulated, strings go byte by byte where the processor calls that fast, and tables have a level more.
        processor = "max,-erms,-fsrm,-la57" if self.accelerator == "tcg" else "host"
        accelerator = f"{self.accelerator},tb-size=512" if self.accelerator == "tcg" else self.accelerator
        firmware = FIRMWARE if self.secure_boot is None else SECURE_FIRMWARE
        guarded = [] if self.secure_boot is None else ["-global", "driver=cfi.pflash01,property=secure,value=on"]
        command = [
            *(self.taps.prefix if self.taps is not None else []), "qemu-system-x86_64", "-machine", "q35,smm=on" if guarded else "q35", *guarded, "-accel", accelerator, "-cpu", processor, "-m", str(self.memory),
            "-smp", str(self.processors), "-nodefaults", "-display", "none",
            # The watchdog of the chip set resets.
            "-global", "ICH9-LPC.noreboot=false",
            "-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={firmware}",
            "-drive", f"if=pflash,format=raw,unit=1,file={self.path('variables.fd')}",
            "-drive", f"if=none,id=disk,format=raw,file={self.disk},cache=unsafe,discard=unmap",
            *(["-device", "virtio-scsi-pci"] if self.disk_device.startswith("scsi-") else []),
            "-device", f"{self.disk_device},id=disk,drive=disk,serial=DRX-0001",
            "-device", "virtio-rng-pci", *cards,
        ]
        if self.has_tpm:
            command += ["-chardev", f"socket,id=tpm,path={self.start_tpm()}", "-tpmdev", "emulator,id=tpm0,chardev=tpm",
                        "-device", "tpm-crb,tpmdev=tpm0"]
        for words in serial:
            command += ["-serial", words]
        if self.test:
            unit = base64.b64encode(TEST_UNIT.encode()).decode()
            command += ["-smbios", f"type=11,value=io.systemd.stub.kernel-cmdline-extra={TEST_LINE}",
                        "-smbios", f"type=11,value=io.systemd.credential.binary:systemd.extra-unit.drimbox-test.service={unit}"]
        return command + self.extra

    def run(self):
        """In the foreground, the first serial line on this terminal. Ctrl-A X ends it."""
        try:
            return subprocess.call(self.command(["mon:stdio"]))
        finally:
            self.stop()

    def start(self):
        """In the background; both serial lines are sockets."""
        places = [self.path(f"serial{number}.sock") for number in (0, 1)]
        for place in places:
            if os.path.exists(place):
                os.unlink(place)
        monitor = ["-qmp", f"unix:{self.path('monitor.sock')},server=on,wait=off"]
        with open(self.path("qemu.log"), "ab") as log:
            self.qemu = subprocess.Popen(self.command([f"unix:{place},server=on,wait=off" for place in places]) + monitor,
                                         stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        lines = []
        for place in places:
            wait_for(place)
            line = socket.socket(socket.AF_UNIX)
            line.connect(place)
            lines.append(line)
        return lines

    def order(self, command, **arguments):
        """A command of QEMU's monitor (QMP) for a machine in the background, and what it returns."""
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.connect(self.path("monitor.sock"))
            with monitor.makefile("rw", encoding="utf-8") as lines:
                lines.readline()
                for words in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments}):
                    lines.write(json.dumps(words) + "\n")
                    lines.flush()
                    while "event" in (answer := json.loads(lines.readline())):
                        pass
        if "error" in answer:
            raise Failure(command, answer["error"]["desc"], "an answer of QEMU's monitor")
        return answer["return"]

    def processor_seconds(self):
        try:
            with open(f"/proc/{self.qemu.pid}/stat", encoding="ascii") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, AttributeError):
            return 0.0

    def stop(self):
        for process in (self.qemu, self.swtpm):
            if process is None:
                continue
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.qemu = self.swtpm = None


def virtual_firmware():
    """The program that writes the firmware's variables (Python package virt-firmware)."""
    place = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../.build/python/bin/virt-fw-vars")
    found = place if os.path.exists(place) else shutil.which("virt-fw-vars")
    if found is None:
        raise Failure("Secure Boot", "no virt-fw-vars", "what Tests/Support/python-environment installs")
    return found


def wait_for(path):
    for _ in range(200):
        if os.path.exists(path):
            return
        time.sleep(0.05)
    raise Failure(path, "nothing after 10 s", "a socket")


def corrupt(disk, partition_offset, byte):
    """Flips one byte of a disk image."""
    with open(disk, "r+b") as file:
        file.seek(partition_offset + byte)
        old = file.read(1)
        file.seek(partition_offset + byte)
        file.write(bytes([old[0] ^ 0xFF]))


def partition_offset(disk, name):
    """Where a partition begins, in bytes: read from the GPT (UEFI 2.10, 5.3)."""
    with open(disk, "rb") as file:
        file.seek(512)
        header = file.read(92)
        if header[:8] != b"EFI PART":
            raise Failure(disk, header[:8], "a GPT header")
        file.seek(512 * int.from_bytes(header[72:80], "little"))
        for _ in range(int.from_bytes(header[80:84], "little")):
            entry = file.read(int.from_bytes(header[84:88], "little"))
            if entry[56:128].decode("utf-16-le").rstrip("\0") == name:
                return 512 * int.from_bytes(entry[32:40], "little")
    raise Failure(disk, "no such partition", name)
