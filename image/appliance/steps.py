# SPDX-License-Identifier: Apache-2.0
"""Steps of the build, kept by the content of what goes into them."""
import hashlib
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


class Failure(Exception):
    """What, found, expected."""

    def __init__(self, what, found, expected):
        super().__init__(f"{what}: found {found}, expected {expected}")


def say(step, words):
    print(f"{step:<12} {words}", file=sys.stderr, flush=True)


def digest_file(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def digest_tree(path):
    """Names, modes and contents of a directory's files; a file's own."""
    if not os.path.isdir(path):
        return digest_file(path)
    digest = hashlib.sha256()
    for directory, names, files in os.walk(path):
        names.sort()
        for name in sorted(files) + [name for name in names if os.path.islink(os.path.join(directory, name))]:
            file = os.path.join(directory, name)
            content = os.readlink(file) if os.path.islink(file) else digest_file(file)
            mode = os.lstat(file).st_mode
            digest.update(f"{os.path.relpath(file, path)}\0{mode:o}\0{content}\n".encode())
    return digest.hexdigest()


def words(name):
    """The words of a list beside this file, without its comments."""
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return [word for line in file if not line.startswith("#") for word in line.split()]


def run(command, what, **options):
    """A program's output; its complaint becomes ours."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **options)
    if done.returncode != 0:
        complaint = " ".join((done.stderr or done.stdout).decode(errors="replace").split())[-1200:]
        raise Failure(what, f"{os.path.basename(command[0])}: {complaint or done.returncode}", "exit code 0")
    return done.stdout.decode(errors="replace")


class Step:
    """A finished step's directory, and the key that it is kept under."""

    def __init__(self, directory, key):
        self.directory, self.key = directory, key

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def json(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return json.load(file)


class Cache:
    """One directory for each step and key. A step is finished when its directory has its name."""

    def __init__(self, directory, date, fresh):
        self.directory, self.date, self.fresh = directory, date, fresh
        os.makedirs(directory, exist_ok=True)

    def step(self, name, inputs, make):
        """`make` fills a directory; the inputs are steps and values that tell all that it depends on."""
        parts = [part.key if isinstance(part, Step) else part for part in inputs]
        key = hashlib.sha256(json.dumps([name, self.date, parts], sort_keys=True).encode()).hexdigest()[:24]
        directory = os.path.join(self.directory, f"{name}-{key}")
        if self.fresh and os.path.isdir(directory):
            remove(directory)
        if not os.path.isdir(directory):
            work = f"{directory}.work"
            remove(work)
            os.makedirs(work)
            before = sum(os.times()[:4])
            make(work)
            os.rename(work, directory)
            say(name, f"{sum(os.times()[:4]) - before:.1f} CPU s")
        else:
            say(name, "kept")
        return Step(directory, key)


def remove(directory):
    if os.path.isdir(directory):
        shutil.rmtree(directory)


def own_digest(*modules):
    """Of the files beside this one that a step's result depends on."""
    return [digest_tree(os.path.join(HERE, name)) for name in modules]
