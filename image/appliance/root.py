# SPDX-License-Identifier: Apache-2.0
"""The root's tree: Debian's packages without what a box never needs, our executables, units and settings."""
import base64
import glob
import json
import os
import re
import shutil
import stat

from steps import HERE, Failure, digest_file, digest_tree, own_digest, run, words

EXECUTABLES = ["drimbox", "drimbox-codec"]
# The names that the first one is started by.
LINKS = {"usr/bin/drimboxctl": "../libexec/drimbox"} | {
    "usr/libexec/" + name: "drimbox"
    for name in ["drimboxd", "drimbox-gateway", "drimbox-probe", "drimbox-netgen", "drimbox-update", "drimbox-shell"]}
# SubjectPublicKeyInfo up to the key's 32 bytes (RFC 8410, 4).
ED25519 = bytes.fromhex("302a300506032b6570032100")
REPOSITORY = os.path.join(HERE, "../..")
# Package management, documents, Perl; tables of hardware's names; boot loaders; what asks or heals at a terminal; accounts'
# programs; traffic control and other fabrics; libraries that no program here is linked with, and those that only they were.
SUPERFLUOUS = """
boot/* dev/* run/* tmp/* var/* etc/apt etc/dpkg etc/cron.d etc/cron.daily etc/init.d etc/rc?.d etc/logrotate.d etc/machine-id
etc/hostname etc/resolv.conf etc/ssh etc/.pwd.lock etc/passwd- etc/shadow- etc/group- etc/gshadow- etc/udev/hwdb.d etc/update-motd.d
usr/share/doc usr/share/man usr/share/info usr/share/locale usr/share/i18n usr/share/bash-completion usr/share/zsh usr/share/lintian
usr/share/menu usr/share/bug usr/share/perl* usr/share/debconf usr/share/dpkg usr/share/keyrings usr/share/pam-configs
usr/share/zoneinfo/right usr/share/zoneinfo/posix usr/share/common-licenses usr/share/initramfs-tools usr/share/icons
usr/share/pixmaps usr/share/applications usr/share/systemd/kbd-model-map usr/share/factory usr/share/gcc
usr/lib/apt usr/lib/dpkg usr/lib/init usr/lib/initramfs-tools usr/lib/kernel usr/lib/mime usr/lib/systemd/boot
usr/lib/udev/hwdb.d usr/lib/udev/hwdb.bin usr/lib/x86_64-linux-gnu/perl* usr/lib/x86_64-linux-gnu/gconv usr/lib/x86_64-linux-gnu/audit
usr/bin/perl* usr/bin/dpkg* usr/bin/apt* usr/bin/debconf* usr/bin/deb-* usr/bin/update-alternatives usr/sbin/update-*
usr/sbin/dpkg-* usr/sbin/debootstrap usr/sbin/adduser usr/sbin/addgroup usr/sbin/deluser usr/sbin/delgroup usr/bin/chage
usr/lib/systemd/system/apt-* usr/lib/systemd/system/dpkg-* usr/lib/systemd/system/e2scrub* usr/lib/systemd/system/fstrim*
usr/lib/systemd/system/ldconfig.service usr/lib/systemd/system/systemd-hwdb-update.service usr/lib/systemd/system/smart*
usr/lib/systemd/system/systemd-firstboot.service usr/lib/systemd/system/debug-shell.service
usr/lib/systemd/system-generators/systemd-gpt-auto-generator
usr/sbin/user* usr/sbin/group* usr/sbin/newusers usr/sbin/chpasswd usr/sbin/chgpasswd usr/sbin/vi* usr/sbin/pw* usr/sbin/grp*
usr/bin/gpasswd usr/bin/passwd usr/bin/chfn usr/bin/chsh usr/bin/newgrp usr/bin/expiry usr/bin/localedef
usr/lib/x86_64-linux-gnu/libsemanage* usr/lib/x86_64-linux-gnu/libsepol*
usr/sbin/tc usr/sbin/arpd usr/sbin/devlink usr/sbin/rdma usr/bin/rdma usr/sbin/tipc usr/sbin/dcb usr/sbin/smartd usr/sbin/debugfs
usr/lib/x86_64-linux-gnu/libdb-* usr/lib/x86_64-linux-gnu/security/pam_userdb.so usr/lib/x86_64-linux-gnu/libmvec.so*
usr/lib/x86_64-linux-gnu/libexslt* usr/lib/x86_64-linux-gnu/libgcrypt* usr/lib/x86_64-linux-gnu/libgpg-error*
usr/lib/x86_64-linux-gnu/libexpatw* usr/lib/x86_64-linux-gnu/libnsl* usr/lib/x86_64-linux-gnu/lib*_malloc_debug*
""".split()
# What presets do not reach: an alias that others need, an instance.
ENABLED = ["dbus-broker.service", "drimbox-console@ttyS0.service"]
MASKED = ["getty@.service", "serial-getty@.service", "console-getty.service", "ctrl-alt-del.target", "kexec.target",
          "systemd-update-done.service", "systemd-sysusers.service", "systemd-boot-update.service", "systemd-bless-boot.service",
          "systemd-networkd-wait-online.service", "sys-kernel-debug.mount"]


class Release:
    """What os-release says of an image; what it trusts."""

    def __init__(self, version, rollback_index, date, trust, answer_key="", shell_key=""):
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)*", version):
            raise Failure("--version", version, "numbers between dots")
        self.version, self.trust, self.answer_key, self.shell_key = version, trust, answer_key, shell_key
        self.lines = [f"IMAGE_ID=drimbox\nIMAGE_VERSION={version}\n",
                      f"DRIMBOX_ROLLBACK_INDEX={rollback_index}\nDRIMBOX_BUILT={date}\n"]


def trusted_roots(repository):
    """The first roots of a repository of releases, by the names that the box has for them."""
    if repository is None:
        return {}
    found = {"root.json": os.path.join(repository, "metadata/1.root.json"),
             "root-offline.json": os.path.join(repository, "offline/metadata/1.root.json")}
    for path in found.values():
        if not os.path.exists(path):
            raise Failure("--trust", f"no {path}", "a repository that image/release made")
    return found


def public_key(option, path):
    """A public key of Ed25519 in PEM; nothing where no file is named."""
    if path is None:
        return ""
    text = run(["openssl", "pkey", "-pubin", "-in", path, "-pubout"], option)
    if not key_information(text).startswith(ED25519):
        raise Failure(option, "another key", "one of Ed25519")
    return text


def key_information(text):
    """SubjectPublicKeyInfo, of PEM."""
    return base64.b64decode("".join(line for line in text.splitlines() if not line.startswith("-----")))


def needed(path):
    return re.findall(r"NEEDED\s+(\S+)", run(["objdump", "-p", path], "executables"))


def executables(cache, tools, directory, base):
    """Stripped, with the libraries of the host that the image's Debian has by no such name (DCMTK's)."""
    sources = {name: os.path.join(directory, name) for name in EXECUTABLES}
    for name, path in sources.items():
        if not os.path.exists(path):
            raise Failure("--executables", f"no {path}", "what image/compile makes")

    def make(work):
        os.makedirs(os.path.join(work, "lib"))
        libraries = {os.path.basename(path) for path in glob.glob(base.path("tree/usr/lib/x86_64-linux-gnu/*.so*"))}
        waiting, copied, packages = [], set(), set()
        for name, path in sources.items():
            run(["strip", "-o", os.path.join(work, name), path], "executables")
            waiting += needed(path)
        while waiting:
            name = waiting.pop()
            if name in libraries or name in copied:
                continue
            copied.add(name)
            source = os.path.realpath(os.path.join("/usr/lib/x86_64-linux-gnu", name))
            if not os.path.exists(source):
                raise Failure(f"library {name}", "none on this host", "the one that the executables were linked with")
            run(["strip", "--strip-unneeded", "-o", os.path.join(work, "lib", name), source], "libraries")
            packages.add(run(["dpkg", "-S", source], "libraries").split(": ")[0].split(":")[0])
            waiting += needed(source)
        with open(os.path.join(work, "packages"), "w", encoding="utf-8") as file:
            file.write(run(["dpkg-query", "-W", "-f", "${Package}\t${Version}\t${source:Package}\n", *sorted(packages)], "libraries")
                       if packages else "")

    inputs = [{name: digest_file(path) for name, path in sources.items()}, base, own_digest("root.py")]
    return cache.step("executables", inputs, make)


def assemble(cache, tools, base, kernel, programs, release):
    """The tree that the root is made from."""
    modules = words("modules.root")
    ours = [os.path.join(HERE, "overlay"), os.path.join(REPOSITORY, "etc"), os.path.join(REPOSITORY, "README.md"),
            os.path.join(REPOSITORY, "docs/updates.md")]
    viewer = os.path.join(REPOSITORY, "web/viewer")

    def make(work):
        tree = os.path.join(work, "tree")
        run(["cp", "-a", "--reflink=auto", base.path("tree"), tree], "root tree")
        for pattern in SUPERFLUOUS:
            for path in glob.glob(os.path.join(tree, pattern)):
                shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
        for source, target in [(ours[0], ""), (ours[1], "etc")]:
            run(["cp", "-r", "--no-preserve=ownership", f"{source}/.", os.path.join(tree, target)], "overlay")
        documents = os.path.join(tree, "usr/share/doc/drimbox")
        os.makedirs(documents)
        for path in ours[2:]:
            shutil.copyfile(path, os.path.join(documents, os.path.basename(path)))
        shutil.copytree(viewer, os.path.join(tree, "usr/share/drimbox/viewer"), copy_function=shutil.copyfile)
        install(programs, tree)
        for name, path in release.trust.items():
            shutil.copyfile(path, os.path.join(tree, "usr/share/drimbox", name))
        for key, section, member in [(release.answer_key, "provisioning", "answerKeys"), (release.shell_key, "admin", "shellKeys")]:
            if key:
                name_key(os.path.join(tree, "etc/drimbox/drimbox.json"), key, section, member)
        kernel.copy_modules(tools, modules, tree)
        settle(tree, release)
        clamp(tree, cache.date)

    inputs = [base, kernel.step, programs, modules, SUPERFLUOUS, ENABLED, MASKED, [digest_tree(path) for path in (*ours, viewer)],
              release.lines, {name: digest_file(path) for name, path in release.trust.items()}, release.answer_key,
              release.shell_key, own_digest("root.py", "trees.py")]
    return cache.step("tree", inputs, make)


def install(programs, tree):
    os.makedirs(os.path.join(tree, "usr/libexec"), exist_ok=True)
    for name in EXECUTABLES:
        shutil.copyfile(programs.path(name), os.path.join(tree, "usr/libexec", name))
        os.chmod(os.path.join(tree, "usr/libexec", name), 0o755)
    for name, target in LINKS.items():
        os.symlink(target, os.path.join(tree, name))
    private = os.path.join(tree, "usr/lib/drimbox")
    os.makedirs(private)
    for name in os.listdir(programs.path("lib")):
        shutil.copyfile(programs.path("lib", name), os.path.join(private, name))
    write(tree, "etc/ld.so.conf.d/drimbox.conf", "/usr/lib/drimbox\n")


def name_key(path, key, section, member):
    """The box's own document says whose answer files count, and who opens its break-glass shell."""
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    bare = base64.b64encode(key_information(key)[len(ED25519):]).decode()
    document.setdefault(section, {})[member] = [bare]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=2)


def write(tree, name, content):
    with open(os.path.join(tree, name), "w", encoding="utf-8") as file:
        file.write(content)


def settle(tree, release):
    """Mount points, users, units, the linker's cache: what first starts do elsewhere is done here, for /etc stays as it is."""
    for name in ("efi", "var", "usr/lib/modules"):
        os.makedirs(os.path.join(tree, name), exist_ok=True)
    write(tree, "etc/machine-id", "")
    write(tree, "etc/hostname", "drimbox\n")
    os.symlink("../run/systemd/resolve/stub-resolv.conf", os.path.join(tree, "etc/resolv.conf"))
    os.symlink("/var/lib/drimbox-update/update.json", os.path.join(tree, "etc/drimbox/update.json"))
    path = os.path.join(tree, "usr/lib/os-release")
    with open(path, encoding="utf-8") as file:
        lines = [line for line in file if not line.startswith(("IMAGE_", "DRIMBOX_"))]
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(lines + release.lines)
    run(["chroot", tree, "/usr/bin/systemd-sysusers"], "users")
    for name in glob.glob(os.path.join(tree, "etc/*-")):
        os.unlink(name)
    # No account has a password, and none may be given one: no line with anything but a lock.
    with open(os.path.join(tree, "etc/shadow"), encoding="utf-8") as file:
        accounts = [line.split(":") for line in file]
    write(tree, "etc/shadow", "".join(":".join([name, "!*", "20000", *rest]) for name, _, _, *rest in accounts))
    run(["chroot", tree, "/usr/bin/systemctl", "preset-all", "--preset-mode=full"], "units")
    run(["chroot", tree, "/usr/bin/systemctl", "enable", *ENABLED], "units")
    units = os.path.join(tree, "etc/systemd/system")
    for directory, _, names in os.walk(units):
        for name in names:
            path = os.path.join(directory, name)
            target = os.readlink(path) if os.path.islink(path) else ""
            if target.startswith("/") and not os.path.lexists(tree + target):
                os.unlink(path)
    for name in MASKED:
        place = os.path.join(units, name)
        if os.path.lexists(place):
            os.unlink(place)
        os.symlink("/dev/null", place)
    default = os.path.join(units, "default.target")
    if os.path.lexists(default):
        os.unlink(default)
    os.symlink("/usr/lib/systemd/system/multi-user.target", default)
    run(["chroot", tree, "/sbin/ldconfig"], "libraries")
    os.unlink(os.path.join(tree, "usr/sbin/ldconfig"))
    for name in ("var", "run", "tmp"):
        for path in glob.glob(os.path.join(tree, name, "*")):
            shutil.rmtree(path)
    # A program that changes who runs it is a way up; on a box nobody logs in.
    for directory, _, files in os.walk(tree):
        for name in files:
            path = os.path.join(directory, name)
            mode = os.lstat(path).st_mode
            if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
                os.chmod(path, stat.S_IMODE(mode) & ~(stat.S_ISUID | stat.S_ISGID))


def clamp(tree, date):
    """No time later than the image's own."""
    for directory, names, files in os.walk(tree, topdown=False):
        for name in [*names, *files]:
            path = os.path.join(directory, name)
            if os.lstat(path).st_mtime != date:
                os.utime(path, (date, date), follow_symlinks=False)
    os.utime(tree, (date, date))
