# SPDX-License-Identifier: Apache-2.0
"""Debian 13 from the mirror that the host's apt has: a tree of tools, the kernel, the packages of the root."""
import glob
import os
import re
import shutil

from steps import Failure, run, words

SUITE = "trixie"
EXCLUDED = ["man/*", "locale/*", "info/*", "bash-completion/*", "zsh/*", "lintian/*"]


def mirrors():
    """The host's mirror of Debian and of its security updates, from either form of apt's sources."""
    found = {}
    for path in ["/etc/apt/sources.list", *sorted(glob.glob("/etc/apt/sources.list.d/*"))]:
        if not os.path.isfile(path):
            continue
        with open(path, encoding="utf-8", errors="replace") as file:
            text = "\n".join(line for line in file.read().split("\n") if not line.startswith("#"))
        for kind, address in re.findall(r"\b(?:URIs:|deb(?: \[[^]]*\])?)\s+(?=\S*?/debian(-security)?/?(?:\s|$))(\S+)", text):
            found.setdefault(kind, address.rstrip("/"))
    if "" not in found:
        raise Failure("apt's sources", "no mirror of Debian", "an address that ends with /debian")
    main = found[""]
    lines = [f"deb {main} {SUITE} main", f"deb {main} {SUITE}-updates main"]
    if security := found.get("-security"):
        lines.append(f"deb {security} {SUITE}-security main")
    return lines


def examine_mirror():
    """Raises a Failure where the host's mirror cannot be reached, or has no such Debian."""
    run(["mmdebstrap", "--quiet", "--simulate", "--variant=extract", "--include=base-files", SUITE, "/dev/null", *mirrors()], "the mirror")


def bootstrap(variant, packages, directory, documents):
    if shutil.which("mmdebstrap") is None:
        raise Failure("image/build", "no mmdebstrap", "the Debian package mmdebstrap")
    options = ["--quiet", "--mode=root", f"--variant={variant}", f"--include={','.join(packages)}",
               "--aptopt=APT::Install-Recommends \"false\"", "--dpkgopt=path-exclude=/usr/share/doc/*"]
    options += [f"--dpkgopt=path-exclude=/usr/share/{name}" for name in EXCLUDED]
    if documents:
        options.append("--dpkgopt=path-include=/usr/share/doc/*/copyright")
    run(["mmdebstrap", *options, SUITE, directory, *mirrors()], "packages from the mirror")


def tools(cache):
    """Programs of the image's own Debian. They run without chroot, by their own dynamic linker."""
    packages = words("packages.tools")

    def make(work):
        bootstrap("minbase", packages, os.path.join(work, "tree"), documents=False)

    return Tools(cache.step("tools", [packages, SUITE], make))


class Tools:
    def __init__(self, step):
        self.step, self.tree = step, step.path("tree")

    def program(self, name):
        for directory in ("usr/bin", "usr/sbin", "usr/lib/systemd"):
            path = os.path.join(self.tree, directory, name)
            if os.path.lexists(path):
                return path
        raise Failure("tools", f"no {name}", "it among the packages of packages.tools")

    def command(self, name, *arguments):
        libraries = os.path.join(self.tree, "usr/lib/x86_64-linux-gnu")
        return [os.path.join(self.tree, "usr/lib64/ld-linux-x86-64.so.2"), "--library-path", f"{libraries}:{libraries}/systemd",
                "--argv0", name, self.program(name), *arguments]

    def run(self, name, *arguments, **options):
        return run(self.command(name, *arguments), name, **options)

    def run_inside(self, *command):
        """For what is no program of its own: Python, apt."""
        return run(["chroot", self.tree, "/usr/bin/env", "-i", "PATH=/usr/bin:/usr/sbin", "LC_ALL=C.UTF-8",
                    f"SOURCE_DATE_EPOCH={os.environ['SOURCE_DATE_EPOCH']}", *command], command[0])


def kernel(cache, tools_tree):
    """Debian's signed kernel and its modules, unpacked: installing it would make an initial RAM disk."""

    def make(work):
        tree = tools_tree.tree
        names = os.path.join(tree, "etc/resolv.conf")
        # mmdebstrap takes it away again.
        shutil.copyfile("/etc/resolv.conf", names)
        inside = os.path.join(tree, "kernel")
        shutil.rmtree(inside, ignore_errors=True)
        os.makedirs(inside)
        tools_tree.run_inside("apt-get", "update", "-q")
        depends = tools_tree.run_inside("apt-cache", "depends", "linux-image-amd64")
        package = re.search(r"Depends: (linux-image-[0-9]\S+)", depends)
        if package is None:
            raise Failure("linux-image-amd64", depends, "a package that it depends on")
        tools_tree.run_inside("sh", "-c", f"cd /kernel && apt-get download -q -o APT::Sandbox::User=root {package[1]}")
        os.unlink(names)
        archives = os.listdir(inside)
        run(["dpkg-deb", "-x", os.path.join(inside, archives[0]), work], "kernel package")
        fields = run(["dpkg-deb", "-f", os.path.join(inside, archives[0]), "Package", "Version"], "kernel package")
        with open(os.path.join(work, "package"), "w", encoding="utf-8") as file:
            file.write(fields)
        shutil.rmtree(inside)
        release = os.listdir(os.path.join(work, "usr/lib/modules"))[0]
        with open(os.path.join(work, "release"), "w", encoding="utf-8") as file:
            file.write(release)
        tools_tree.run("depmod", "-b", os.path.join(work, "usr"), release)

    return Kernel(cache.step("kernel", [tools_tree.step, SUITE], make))


class Kernel:
    def __init__(self, step):
        self.step = step
        with open(step.path("release"), encoding="utf-8") as file:
            self.release = file.read()
        with open(step.path("package"), encoding="utf-8") as file:
            self.package = dict(line.split(": ", 1) for line in file.read().splitlines())
        self.image = step.path("boot", f"vmlinuz-{self.release}")
        self.modules = step.path("usr/lib/modules", self.release)

    def copy_modules(self, tools_tree, names, target):
        """Modules by name with what they depend on, and depmod's tables, to a root's /usr/lib/modules."""
        index = {}
        with open(os.path.join(self.modules, "modules.dep"), encoding="utf-8") as file:
            for line in file:
                path, needed = line.rstrip("\n").split(":", 1)
                index[os.path.basename(path).split(".ko")[0].replace("-", "_")] = [path, *needed.split()]
        with open(os.path.join(self.modules, "modules.builtin"), encoding="utf-8") as file:
            builtin = {os.path.basename(line.strip()).split(".ko")[0].replace("-", "_") for line in file}
        paths = set()
        for name in names:
            if name in index:
                paths.update(index[name])
            elif name not in builtin:
                raise Failure(f"kernel module {name}", "none", f"it in {self.release}")
        directory = os.path.join(target, "usr/lib/modules", self.release)
        for path in sorted(paths):
            place = os.path.join(directory, path)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            shutil.copyfile(os.path.join(self.modules, path), place)
        for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
            shutil.copyfile(os.path.join(self.modules, name), os.path.join(directory, name))
        tools_tree.run("depmod", "-b", os.path.join(target, "usr"), self.release)


def base(cache):
    """The packages of the root, with dpkg's database and the copyright files still in it."""
    packages = words("packages.root")

    def make(work):
        bootstrap("essential", packages, os.path.join(work, "tree"), documents=True)

    return cache.step("base", [packages, SUITE], make)
