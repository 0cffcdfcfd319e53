# SPDX-License-Identifier: Apache-2.0
"""Walks a repository as a box does, with python-tuf's own client, and checks every file that a manifest fixes."""
import json
import os
import tempfile

from tuf.api.exceptions import DownloadError, DownloadHTTPError, RepositoryError
from tuf.api.metadata import Metadata
from tuf.ngclient import Updater
from tuf.ngclient.fetcher import FetcherInterface

import common
from common import Refusal, parse_version, read_file
from manifest import check_files, check_manifest, check_patch, check_tree, unpack
from payload import check_custom


class Files(FetcherInterface):
    """Fetches from a directory, which is what a web server would show."""

    def __init__(self, directory):
        self.directory = os.path.abspath(directory)

    def _fetch(self, url):
        path = os.path.join(self.directory, url.removeprefix("file:///"))
        try:
            with open(path, "rb") as file:
                yield file.read()
        except OSError:
            raise DownloadHTTPError(f"{path}: not found", 404) from None


class Walk:
    def __init__(self, path, root_path=None):
        self.path = path
        first = root_path or os.path.join(path, "metadata", "1.root.json")
        self.bootstrap = read_file(first, "root")
        self.work = tempfile.TemporaryDirectory(prefix="drimbox-walk-")
        self.cache = os.path.join(self.work.name, "metadata")
        self.downloads = os.path.join(self.work.name, "targets")
        for directory in (self.cache, self.downloads):
            os.mkdir(directory)

    def __enter__(self):
        try:
            self.client = Updater(self.cache, "file:///metadata/", self.downloads, "file:///targets/", fetcher=Files(self.path),
                                  bootstrap=self.bootstrap)
            self.client.refresh()
            # The delegated roles too: the client keeps what it verified.
            self.client.get_targetinfo("rollout/none.json")
        except (RepositoryError, DownloadError, ValueError) as error:
            self.work.cleanup()
            raise Refusal(self.path, " ".join(str(error).split()), "a repository that a box accepts") from None
        return self

    def __exit__(self, *_):
        self.work.cleanup()

    def verified(self, role):
        """A role's metadata as the client verified and kept it."""
        path = os.path.join(self.cache, f"{role}.json")
        return Metadata.from_file(path).signed if os.path.exists(path) else None

    def download(self, path):
        try:
            target = self.client.get_targetinfo(path)
            if target is None:
                raise Refusal(self.path, f"no target {path}", "a signed one")
            with open(self.client.download_target(target), "rb") as file:
                return target, file.read()
        except (RepositoryError, DownloadError) as error:
            raise Refusal(path, " ".join(str(error).split()), "the content that was signed") from None


def verify(path, root_path=None):
    """Lines about what is in a repository; refuses what a box would refuse."""
    lines = []
    with Walk(path, root_path) as walk:
        first = json.loads(walk.bootstrap)["signed"]["version"]
        root = walk.verified("root")
        lines.append(f"root {first} -> {root.version}")
        for role in ("root", "targets", "rollout", "snapshot", "timestamp"):
            signed = walk.verified(role)
            if signed is not None:
                left = signed.expires - common.now()
                lines.append(f"{role:<10} version {signed.version:<4} expires {signed.expires:%Y-%m-%d}, in {left.days} days")
        targets = walk.verified("targets").targets
        releases = {}
        for target_path in sorted(targets):
            parts = target_path.split("/")
            if len(parts) == 3 and parts[0] == "releases" and parts[2] == "manifest.json":
                releases[parts[1]] = read_signed(walk, target_path, parts[1])
        for version in sorted(releases, key=lambda text: parse_version(text, "release")):
            lines.append(check_release(path, version, releases))
        rollout = walk.verified("rollout")
        for target_path in sorted(rollout.targets if rollout else ()):
            lines.append(check_rollout(walk, target_path, releases))
    return lines


def read_signed(walk, path, version):
    target, content = walk.download(path)
    try:
        manifest = json.loads(content)
    except ValueError as error:
        raise Refusal(path, str(error), "JSON") from None
    check_manifest(manifest, version, path)
    check_custom(target.custom or {}, path)
    return manifest, target.custom


def directory_of(path, version):
    return os.path.join(path, "targets", "releases", version)


def check_release(path, version, releases):
    manifest, custom = releases[version]
    directory = directory_of(path, version)
    check_files(manifest, directory)
    with tempfile.NamedTemporaryFile(prefix="drimbox-root-") as image:
        unpack(manifest, directory, image)
        image.flush()
        check_tree(manifest, image.name, version)
    from_roots = []
    for patch in manifest["patches"]:
        old = next((name for name, (other, _) in releases.items()
                    if other["verity"]["roothash"] == patch["from_roothash"]), None)
        if old is None:
            from_roots.append(f"patch from {patch['from_roothash'][:8]}: not decoded, its release is not here")
            continue
        with tempfile.TemporaryFile(prefix="drimbox-root-") as image:
            unpack(releases[old][0], directory_of(path, old), image)
            image.flush()
            count = check_patch(manifest, patch, directory, image)
        from_roots.append(f"patch from {old}: {count} frames, {patch['pack']['len']} bytes")
    root = manifest["root"]
    facts = [f"index {custom['rollback_index']}", f"hw {' '.join(custom['hw'])}",
             f"pack of {len(root['seg_sha256'])} segments, {root['pack']['len']} bytes", *from_roots]
    return f"release {version}: {'; '.join(facts)}"


def check_rollout(walk, path, releases):
    _, content = walk.download(path)
    try:
        value = json.loads(content)
        version, cohorts, paused = value["release"], value["cohorts_permille"], value["paused"]
    except (ValueError, KeyError, TypeError) as error:
        raise Refusal(path, str(error), "release, cohorts_permille, paused") from None
    if version not in releases:
        raise Refusal(path, f"release {version}", "a published one")
    return f"{path}: {version} for {cohorts} of 1000 devices{', paused' if paused else ''}"
