#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes repositories made by python-tuf, for tests that read them from the disk.

    tuf_repository.py DIRECTORY

Each scenario is DIRECTORY/NAME with `root.json`, which the client trusts, and `1`, `2` and so on: the whole
repository (`metadata`, `targets`) as it is after each release. `targets.txt` of a release lists the targets to be
found in it, `reference.txt` what python-tuf's own client found: a line "PATH SHA256", or "PATH -" for none.
"""
import hashlib
import pathlib
import shutil
import sys
import tempfile
import urllib.parse

from tuf.ngclient import Updater
from tuf.ngclient.fetcher import FetcherInterface
from tuf.api.exceptions import DownloadHTTPError
from tuf_simulator import Repository


class Scenario:
    def __init__(self, directory, name, repository):
        self.directory = pathlib.Path(directory, name)
        self.repository = repository
        self.release = 0
        self.directory.mkdir(parents=True)
        (self.directory / "root.json").write_bytes(repository.published["root"][1])

    def write(self, *paths):
        """Writes the repository as it is now, and what the reference client finds of the paths in it."""
        self.release += 1
        here = self.directory / str(self.release)
        metadata, targets = here / "metadata", here / "targets"
        metadata.mkdir(parents=True)
        targets.mkdir()
        consistent = self.repository.root.consistent_snapshot
        for role, versions in self.repository.published.items():
            name = urllib.parse.quote(role, "")
            for version, content in versions.items():
                is_versioned = version is not None
                if is_versioned == (role == "root" or (consistent and role != "timestamp")):
                    prefix = f"{version}." if is_versioned else ""
                    (metadata / f"{prefix}{name}.json").write_bytes(content)
        for path, content in self.repository.artifacts.items():
            digests = self.repository.find(path).hashes.values() if consistent else [None]
            for digest in digests:
                parent, _, name = path.rpartition("/")
                file = targets / parent / (f"{digest}.{name}" if digest else name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
        (here / "targets.txt").write_text("".join(f"{path}\n" for path in paths))
        (here / "reference.txt").write_text("".join(f"{line}\n" for line in self.reference(here, paths)))

    def reference(self, here, paths):
        class Files(FetcherInterface):
            def _fetch(self, url):
                path = here / url.removeprefix("test:///")
                if not path.exists():
                    raise DownloadHTTPError("not found", 404)
                yield path.read_bytes()

        with tempfile.TemporaryDirectory() as cache:
            root = (self.directory / "root.json").read_bytes()
            client = Updater(cache, "test:///metadata/", fetcher=Files(), bootstrap=root)
            for path in paths:
                target = client.get_targetinfo(path)
                yield f"{path} {target.hashes['sha256']}" if target else f"{path} -"


def rotations(directory, kind):
    """A release, new keys for all roles, and the old ones back."""
    repository = Repository(kind)
    scenario = Scenario(directory, f"rotations-{kind}", repository)
    repository.add_artifact("releases/1/manifest.json", b"{\"release\": 1}")
    repository.refresh("targets")
    scenario.write("releases/1/manifest.json", "releases/2/manifest.json")
    first = {role: list(signers) for role, signers in repository.signers.items()}
    for step in (2, 3):
        signing = list(repository.signers["root"])
        for role in ("root", "timestamp", "snapshot", "targets"):
            if step == 2:
                repository.rotate(role)
            else:
                repository.root.roles[role].keyids.clear()
                repository.signers[role] = []
                for signer in first[role]:
                    repository.add_key(role, signer)
        new = repository.signers["root"]
        repository.signers["root"] = signing + new
        repository.publish("root")
        repository.signers["root"] = new
        repository.publish("root")
        repository.add_artifact(f"releases/{step}/manifest.json", f"release {step}".encode())
        repository.refresh("targets")
        scenario.write("releases/1/manifest.json", "releases/2/manifest.json")


def thresholds(directory):
    """Root 3 of 5 and targets 2 of 3, of all kinds of keys, as UPDATES 4.2 asks for."""
    repository = Repository("ecdsa")
    for role, threshold, count in (("root", 3, 5), ("targets", 2, 3)):
        for index in range(1, count):
            repository.key_type = ("ecdsa", "ed25519", "rsa")[index % 3]
            repository.add_key(role)
        repository.root.roles[role].threshold = threshold
    repository.published["root"].clear()
    repository.root.version = 0
    repository.publish("root")
    scenario = Scenario(directory, "thresholds", repository)
    repository.signers["root"] = repository.signers["root"][2:]
    repository.signers["targets"] = repository.signers["targets"][1:]
    repository.publish("root")
    repository.add_artifact("file", b"content", algorithms=("sha256", "sha512"))
    repository.targets.targets["file"].unrecognized_fields["custom"] = {"hw": ["a"], "rollback_index": 7}
    repository.refresh("targets")
    scenario.write("file")


def delegations(directory, consistent):
    """A terminating online role, hash prefixes, odd names, with lengths and hashes in the lists."""
    repository = Repository(consistent=consistent)
    repository.with_hashes = True
    scenario = Scenario(directory, f"delegations-{'consistent' if consistent else 'plain'}", repository)
    repository.delegate("targets", "rollout", ["rollout/*"], terminating=True)
    repository.delegate("targets", "../ü?#", ["odd/*"])
    repository.delegate("targets", "bins", ["*/*", "*"])
    digest = hashlib.sha256(b"hashed").hexdigest()
    repository.delegate("bins", "half", prefixes=[digest[:2], "zz"])
    repository.add_artifact("rollout/stable.json", b"{}", "rollout")
    repository.add_artifact("odd/name with space", b"odd", "../ü?#")
    repository.add_artifact("hashed", b"by its hash", "half")
    repository.add_artifact("rollout/hidden", b"never found", "bins")
    repository.refresh("rollout", "../ü?#", "bins", "half", "targets")
    paths = ["rollout/stable.json", "odd/name with space", "hashed", "rollout/hidden", "nothing", "a/b/c"]
    scenario.write(*paths)
    repository.add_artifact("rollout/stable.json", b"{\"release\": \"2\"}", "rollout")
    repository.refresh("rollout")
    scenario.write(*paths)


def bins(directory):
    repository = Repository()
    scenario = Scenario(directory, "bins", repository)
    names = repository.delegate_bins(5, "bin")
    roles = repository.targets.delegations.succinct_roles
    paths = [f"packages/{index}" for index in range(20)]
    for path in paths:
        repository.add_artifact(path, path.encode(), roles.get_role_for_target(path))
    repository.refresh(*names, "targets")
    scenario.write(*paths, "packages/none")


def canonical(directory):
    """Unknown fields of every kind that canonical JSON writes in its own way."""
    repository = Repository("rsa")
    scenario = Scenario(directory, "canonical", repository)
    odd = {"\U0001f600": 1, "\ufffd": 2, "": [None, True, -5, {}], "\"\\/\n\t\x01é": "\u2028\"\\\x7f"}
    for role in ("root", "timestamp", "snapshot", "targets"):
        repository.roles[role].signed.unrecognized_fields["x"] = odd
    repository.publish("root")
    repository.add_artifact("ü/\U0001f600", b"content")
    repository.refresh("targets")
    scenario.write("ü/\U0001f600", "u\u0308/\U0001f600")


def main():
    directory = sys.argv[1]
    shutil.rmtree(directory, ignore_errors=True)
    for kind in ("ed25519", "ecdsa", "rsa"):
        rotations(directory, kind)
    thresholds(directory)
    for consistent in (True, False):
        delegations(directory, consistent)
    bins(directory)
    canonical(directory)


if __name__ == "__main__":
    main()
