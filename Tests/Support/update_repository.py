#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what the tests of the update channel read, made by image/release.

    update_repository.py DIRECTORY

`root.json` and `offline.json` are the roots that a box has; `1/tree` is the repository with one release, `2/tree` after four
more roots, one of which has another timestamp key; `old/tree` was last signed 20 days ago; `stick/drimbox-update` is a USB tree.
"""
import os
import shutil
import sys

from release_fixtures import Place, do, in_days


class Small:
    """One tiny release, and keys."""

    def __init__(self, directory):
        self.directory, self.count = directory, 0
        image, kernel = self.path("image"), self.path("kernel")
        for path, size in ((image, 5 * 4096), (kernel, 70_001)):
            with open(path, "wb") as file:
                file.write(bytes(index * index % 251 for index in range(size)))
        self.release, self.keys = self.path("release"), self.path("keys")
        do("build", "--version", "2026.10.0", "--root", image, "--uki", kernel, "--rollback-index", 4, "--hw",
           "drimbox-1", "--level", 3, "--out", self.release)
        do("keys", self.keys)

    def path(self, name):
        return os.path.join(self.directory, name)


def show(place, directory):
    for name in ("metadata", "targets"):
        shutil.copytree(os.path.join(place.repository, name), os.path.join(directory, "tree", name))


small = Small(sys.argv[1])
place = Place(small, small.release)
do("rollout", place.repository, "stable", "--release", "2026.10.0", "--cohorts", 1000)
shutil.copy(place.root, small.path("root.json"))
shutil.copy(os.path.join(place.repository, "offline", "metadata", "1.root.json"), small.path("offline.json"))
do("usb", place.repository, "--release", "2026.10.0", "--out", small.path("stick"))
show(place, small.path("1"))
place.replace("root-1", "timestamp-1")
place.replace("root-2", "root-3")
show(place, small.path("2"))
with in_days(-20):
    old = Place(small, small.release)
show(old, small.path("old"))
shutil.copy(old.root, small.path("old/root.json"))
