# SPDX-License-Identifier: Apache-2.0
"""What starts the root: the initial RAM disk with `init` of this directory, and the signed kernel image around it."""
import os
import re
import shutil

from steps import HERE, Failure, digest_file, own_digest, run, words
from root import needed

# The installer's beside them; it makes partitions and mounts the boot partition.
INSTALLER_PROGRAMS = ["sfdisk", "mkfs.vfat", "openssl"]
INSTALLER_APPLETS = ["base64", "blockdev", "sha256sum", "wc"]
INSTALLER_MODULES = ["vfat", "nls_cp437", "nls_ascii"]
PROGRAMS = ["modprobe", "veritysetup", "cryptsetup", "mkfs.ext4", "e2fsck", "systemd-cryptsetup", "systemd-cryptenroll",
            "systemd-pcrextend"]
# Opened by name while they run.
LIBRARIES = ["libtss2-esys.so.0", "libtss2-mu.so.0", "libtss2-rc.so.0", "libtss2-tctildr.so.0", "libtss2-tcti-device.so.0",
             "libcryptsetup.so.12", "libkmod.so.2", "libgcc_s.so.1"]
APPLETS = """sh [ awk basename cat chmod cmp cp cut dd dirname echo grep head hexdump ls mkdir mount mv printf reboot rm sed seq sleep
sort switch_root sync tail test tr umount""".split()
# Hardening: ANSSI-BP-028 v2.0, R8. Credentials of the firmware would be a second way in beside the signature.
COMMAND_LINE = """console=ttyS0,115200 panic=10 oops=panic quiet loglevel=4 lockdown=integrity module.sig_enforce=1 slab_nomerge
init_on_alloc=1 page_alloc.shuffle=1 randomize_kstack_offset=1 vsyscall=none debugfs=off audit=0 efi_pstore.pstore_disable=1
systemd.import_credentials=no systemd.show_status=error systemd.crash_action=reboot systemd.gpt_auto=no""".split()


def initrd(cache, tools, kernel, installer=None):
    """A cpio archive, sorted, all of one date and of root. Its first program is `init`, or `install` where `installer` has
    the files that this one reads: names under /etc and contents."""
    modules = words("modules.initrd") + (INSTALLER_MODULES if installer else [])
    programs = PROGRAMS + (INSTALLER_PROGRAMS if installer else [])
    applets = APPLETS + (INSTALLER_APPLETS if installer else [])
    script = "install" if installer else "init"

    def make(work):
        tree = os.path.join(work, "tree")
        for name in ("dev", "proc", "sys", "run", "sysroot", "tmp", "etc", "usr/bin", "usr/sbin", "usr/lib/systemd",
                     "usr/lib/x86_64-linux-gnu"):
            os.makedirs(os.path.join(tree, name))
        for name, target in [("bin", "usr/bin"), ("sbin", "usr/sbin"), ("lib", "usr/lib"), ("lib64", "usr/lib64")]:
            os.symlink(target, os.path.join(tree, name))
        os.makedirs(os.path.join(tree, "usr/lib64"))
        os.symlink("../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", os.path.join(tree, "usr/lib64/ld-linux-x86-64.so.2"))
        libraries, waiting = set(), ["ld-linux-x86-64.so.2", *LIBRARIES]
        for name in ["busybox", *programs]:
            source = tools.program(name)
            place = os.path.join(tree, os.path.relpath(source, tools.tree))
            source = os.path.join(tools.tree, os.path.relpath(os.path.realpath(source), tools.tree))
            shutil.copyfile(source, place)
            os.chmod(place, 0o755)
            waiting += needed(source)
        while waiting:
            name = waiting.pop()
            if name in libraries:
                continue
            libraries.add(name)
            source = next((path for path in (os.path.join(tools.tree, "usr/lib/x86_64-linux-gnu", place, name)
                                             for place in ("", "systemd")) if os.path.exists(path)), None)
            if source is None:
                raise Failure(f"library {name}", "none in the tools", "it for the initial RAM disk")
            shutil.copyfile(source, os.path.join(tree, "usr/lib/x86_64-linux-gnu", name))
            os.chmod(os.path.join(tree, "usr/lib/x86_64-linux-gnu", name), 0o755)
            waiting += needed(source)
        for name in applets:
            os.symlink("busybox", os.path.join(tree, "usr/bin", name))
        shutil.copyfile(os.path.join(tools.tree, "etc/mke2fs.conf"), os.path.join(tree, "etc/mke2fs.conf"))
        shutil.copyfile(os.path.join(HERE, script), os.path.join(tree, "init"))
        os.makedirs(os.path.join(tree, "usr/lib/drimbox"))
        shutil.copyfile(os.path.join(HERE, "functions"), os.path.join(tree, "usr/lib/drimbox/functions"))
        os.chmod(os.path.join(tree, "init"), 0o755)
        always = modules[:modules.index("found:")] + (INSTALLER_MODULES if installer else [])
        kernel.copy_modules(tools, [name for name in modules if name != "found:"], tree)
        with open(os.path.join(tree, "etc/modules"), "w", encoding="utf-8") as file:
            file.write("\n".join(always) + "\n")
        for name, content in (installer or {}).items():
            with open(os.path.join(tree, "etc", name), "w", encoding="utf-8") as file:
                file.write(content)
        for name in ("etc/passwd", "etc/group"):
            with open(os.path.join(tree, name), "w", encoding="utf-8") as file:
                file.write("root:x:0:0:root:/:/bin/sh\n" if name.endswith("passwd") else "root:x:0:\n")
        with open(os.path.join(tree, "etc/initrd-release"), "w", encoding="utf-8") as file:
            file.write("ID=drimbox\n")
        names = []
        for directory, inner, files in os.walk(tree):
            for name in [*inner, *files]:
                path = os.path.join(directory, name)
                os.utime(path, (cache.date, cache.date), follow_symlinks=False)
                names.append(os.path.relpath(path, tree))
        archive = os.path.join(work, "initrd.cpio")
        run(tools.command("cpio", "-o", "--quiet", "--null", "-H", "newc", "--reproducible", "-R", "+0:+0", "-F", archive), "initrd",
            input=b"\0".join(name.encode() for name in sorted(names)), cwd=tree)
        tools.run("zstd", "-q", "-19", "--rm", "-T1", archive, "-o", os.path.join(work, "initrd.zst"))
        shutil.rmtree(tree)

    inputs = [tools.step, kernel.step, modules, programs, LIBRARIES, applets, installer,
              own_digest(script, "functions", "boot.py", "trees.py")]
    return cache.step("installer" if installer else "initrd", inputs, make)


def kernel_image(cache, tools, kernel, initrd_step, image, release, lab):
    """One file that firmware loads, whose command line names its root by content. Signed for Secure Boot; with it goes
    the signature of the PCR 11 that it makes, so that what it seals is opened by every release of the same signer."""
    line = command_line(image)

    def make(work):
        with Signing(cache, tools, lab) as signing:
            signing.kernel_image(kernel, initrd_step, line, release, os.path.join(work, "uki.efi"), policy=True)
            signing.sign("/usr/lib/systemd/boot/efi/systemd-bootx64.efi", os.path.join(work, "systemd-boot.efi"))

    inputs = [tools.step, kernel.step, initrd_step, line, release.lines, lab.digests(), own_digest("boot.py")]
    return cache.step("uki", inputs, make)


def installer_image(cache, tools, kernel, initrd_step, image, uki, release, lab):
    """The same kernel around the installer. It names what it installs by content, too, and has no signature for PCR 11:
    the installer opens nobody's data."""
    line = " ".join([command_line(image), f"drimbox.version={release.version}", f"drimbox.kernel={digest_file(uki.path('uki.efi'))}",
                     f"drimbox.loader={digest_file(uki.path('systemd-boot.efi'))}"])

    def make(work):
        with Signing(cache, tools, lab) as signing:
            signing.kernel_image(kernel, initrd_step, line, release, os.path.join(work, "installer.efi"), policy=False)

    inputs = [tools.step, kernel.step, initrd_step, line, release.lines, lab.digests(), own_digest("boot.py")]
    return cache.step("installer-uki", inputs, make)


def command_line(image):
    verity = image.json("verity.json")
    return " ".join([*COMMAND_LINE, f"drimbox.tree={verity['uuid']}", f"roothash={verity['roothash']}"])


class Signing:
    """The lab's keys in the tree of tools for as long as something is signed."""

    def __init__(self, cache, tools, lab):
        self.tools, self.lab, self.directory = tools, lab, os.path.join(tools.tree, "uki")
        # A signature has its time in it: the image's, and the same bytes each time.
        self.clock = ["LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "FAKETIME_FMT=%s", f"FAKETIME={cache.date}",
                      "FAKETIME_DONT_FAKE_MONOTONIC=1"]

    def __enter__(self):
        shutil.rmtree(self.directory, ignore_errors=True)
        os.makedirs(self.directory, mode=0o700)
        for source, name in [(self.lab.boot_key, "boot.key"), (self.lab.boot_certificate, "boot.pem"),
                             (self.lab.policy_key, "pcr.key"), (self.lab.policy_public, "pcr.pem")]:
            shutil.copyfile(source, os.path.join(self.directory, name))
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.directory)

    def kernel_image(self, kernel, initrd_step, line, release, target, policy):
        for source, name in [(kernel.image, "linux"), (initrd_step.path("initrd.zst"), "initrd")]:
            shutil.copyfile(source, os.path.join(self.directory, name))
        texts = [("os-release", "ID=drimbox\nNAME=DRIMbox\n" + f'PRETTY_NAME="DRIMbox {release.version}"\n' + "".join(release.lines)),
                 ("line", line)]
        for name, text in texts:
            with open(os.path.join(self.directory, name), "w", encoding="utf-8") as file:
                file.write(text)
        measured = ["--pcr-private-key=/uki/pcr.key", "--pcr-public-key=/uki/pcr.pem", "--phases=enter-initrd",
                    "--pcr-banks=sha256"] if policy else []
        self.tools.run_inside(
            *self.clock, "/usr/bin/ukify", "build", "--linux=/uki/linux", "--initrd=/uki/initrd", "--cmdline=@/uki/line",
            "--os-release=@/uki/os-release", f"--uname={kernel.release}", "--stub=/usr/lib/systemd/boot/efi/linuxx64.efi.stub",
            *measured, "--signtool=sbsign", "--secureboot-private-key=/uki/boot.key", "--secureboot-certificate=/uki/boot.pem",
            "--output=/uki/result.efi")
        shutil.move(os.path.join(self.directory, "result.efi"), target)

    def sign(self, source, target):
        self.tools.run_inside(*self.clock, "/usr/bin/sbsign", "--key", "/uki/boot.key", "--cert", "/uki/boot.pem",
                              "--output", "/uki/result.efi", source)
        shutil.move(os.path.join(self.directory, "result.efi"), target)
