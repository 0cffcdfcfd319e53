# SPDX-License-Identifier: Apache-2.0
"""A TUF repository in a directory: `metadata` and `targets` are what a web server shows, `ceremony` says who signs.

Everything is signed in memory before the first file is written, and timestamp.json is written last: whoever reads
meanwhile, or after a power cut, sees the former state or the new one. (TUF 1.0.34, sections 5 and 6.)
"""
import contextlib
import copy
import fcntl
import os

from tuf.api.exceptions import RepositoryError, UnsignedMetadataError
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Role,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization import DeserializationError

import common
from ceremony import Absent, Ceremony
from common import Refusal, days, read_file, write_whole

# Days (UPDATES 4.2 and 4.9).
LIFETIMES = {
    "online": {"root": 730, "targets": 400, "rollout": 30, "snapshot": 30, "timestamp": 7},
    "offline": {"root": 730, "targets": 400, "snapshot": 90, "timestamp": 90},
}
ORDER = ("targets", "rollout", "snapshot", "timestamp")


class Repository:
    def __init__(self, path, ceremony, kind):
        self.path, self.ceremony, self.kind = path, ceremony, kind
        self.lifetimes = LIFETIMES[kind]
        self.metadata = os.path.join(path, "metadata")
        self.targets = os.path.join(path, "targets")
        self.roles = {}
        self.adopted = []

    @classmethod
    def create(cls, path, ceremony, kind):
        if os.path.exists(os.path.join(path, "metadata")):
            raise Refusal("init", f"a repository in {path}", "a directory without one")
        repository = cls(path, ceremony, kind)
        os.makedirs(repository.metadata)
        os.makedirs(repository.targets)
        root = Root(expires=common.now(), consistent_snapshot=True)
        for role in ("root", "targets", "snapshot", "timestamp"):
            threshold, keys = ceremony.keys(kind, role)
            for key in keys:
                root.add_key(key, role)
            root.roles[role].threshold = threshold
        targets = Targets()
        repository.roles = {
            "root": Metadata(root),
            "targets": Metadata(targets),
            "snapshot": Metadata(Snapshot()),
            "timestamp": Metadata(Timestamp()),
        }
        if "rollout" in repository.lifetimes:
            threshold, keys = ceremony.keys(kind, "rollout")
            role = DelegatedRole("rollout", [], threshold, terminating=True, paths=["rollout/*"])
            targets.delegations = Delegations({}, {"rollout": role})
            for key in keys:
                targets.add_key(key, "rollout")
            repository.roles["rollout"] = Metadata(Targets())
        for metadata in repository.roles.values():
            metadata.signed.version = 0
        files = repository.sign_root(repository.roles["root"], None)
        files += repository.sign(ORDER)
        repository.write(files)
        return repository

    @classmethod
    def load(cls, path, ceremony, kind):
        """What is signed today. It is verified: what somebody changed on the web server is not signed again."""
        repository = cls(path, ceremony, kind)
        if not os.path.isdir(repository.metadata):
            raise Refusal("repository", f"no metadata in {path}", "what `init` made")
        for name in os.listdir(repository.metadata):
            if name.startswith(common.UNFINISHED):
                os.unlink(os.path.join(repository.metadata, name))
        version = max((int(name.removesuffix(".root.json")) for name in os.listdir(repository.metadata)
                       if name.endswith(".root.json") and name.removesuffix(".root.json").isdecimal()), default=0)
        if version == 0:
            raise Refusal("repository", f"no root in {repository.metadata}", "1.root.json")
        root = repository.read(f"{version}.root.json", "root")
        for keyid in root.signed.roles["root"].keyids:
            if ceremony.entry(keyid) is None:
                raise Refusal(f"{version}.root.json", f"root key {keyid[:8]}", f"keys of {ceremony.path}")
        repository.roles["root"] = root
        repository.check("root", root.signed)
        repository.roles["timestamp"] = repository.read("timestamp.json", "timestamp")
        repository.check("timestamp", root.signed)
        found = repository.roles["timestamp"].signed.snapshot_meta
        repository.roles["snapshot"] = repository.read(f"{found.version}.snapshot.json", "snapshot", found)
        repository.check("snapshot", root.signed)
        meta = repository.roles["snapshot"].signed.meta
        for role in ("targets", "rollout"):
            found = meta.get(f"{role}.json")
            if found is None:
                if role in repository.lifetimes:
                    raise Refusal("snapshot", f"no {role}.json", f"one in {repository.metadata}")
                continue
            repository.roles[role] = repository.read(f"{found.version}.{role}.json", role, found)
            repository.check(role, repository.delegator(role))
        repository.adopt()
        return repository

    def adopt(self):
        """Takes up what was signed after the last snapshot: where the online keys are elsewhere, or after a power cut."""
        before = dict(self.roles)
        adopted = {}
        try:
            for role in ("targets", "rollout"):
                if role not in self.roles:
                    continue
                version = self.roles[role].signed.version + 1
                name = f"{version}.{role}.json"
                if os.path.exists(os.path.join(self.metadata, name)):
                    self.roles[role] = self.read(name, role)
                    if self.roles[role].signed.version != version:
                        raise Refusal(name, self.roles[role].signed.version, version)
                    content = read_file(os.path.join(self.metadata, name), "metadata")
                    adopted[f"{role}.json"] = MetaFile.from_data(version, content, ["sha256"])
                self.check(role, self.delegator(role))
        except Refusal:
            # Not signed by the roles of today: never part of the repository, and overwritten by the next version.
            self.roles = before
            return
        self.roles["snapshot"].signed.meta.update(adopted)
        self.adopted = list(adopted)

    def read(self, name, role, described=None):
        path = os.path.join(self.metadata, name)
        content = read_file(path, "metadata")
        try:
            if described is not None:
                described.verify_length_and_hashes(content)
            metadata = Metadata.from_bytes(content)
        except (DeserializationError, RepositoryError, ValueError) as error:
            raise Refusal(path, " ".join(str(error).split()), f"metadata of {role} as it was signed") from None
        wanted = "targets" if role == "rollout" else role
        if metadata.signed.type != wanted:
            raise Refusal(path, metadata.signed.type, wanted)
        return metadata

    def check(self, role, delegator):
        metadata = self.roles[role]
        try:
            delegator.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
        except (UnsignedMetadataError, ValueError) as error:
            raise Refusal(f"{role} in {self.metadata}", " ".join(str(error).split()), "the role's signatures") from None

    # Signing

    def delegator(self, role):
        return self.roles["targets" if role == "rollout" else "root"].signed

    def sign(self, roles, besides=None):
        """New versions of roles, as (name, bytes), in the order in which they are to be written.

        `besides` are delegators of before or after: their keys sign too where they are here, so that clients of
        either root find what they need.
        """
        files = []
        for role in ORDER:
            if role not in roles or role not in self.roles:
                continue
            metadata = self.roles[role]
            signed = metadata.signed
            signed.version += 1
            signed.expires = common.now() + days(self.lifetimes[role])
            delegator = self.delegator(role)
            delegators = [delegator] + [other for other in (besides or []) if role != "rollout"]
            self.gather(metadata, role, delegators, [delegator])
            content = metadata.to_bytes()
            files.append((f"{role}.json" if role == "timestamp" else f"{signed.version}.{role}.json", content))
            described = MetaFile.from_data(signed.version, content, ["sha256"])
            if role == "snapshot":
                self.roles["timestamp"].signed.snapshot_meta = described
            elif role != "timestamp":
                self.roles["snapshot"].signed.meta[f"{role}.json"] = described
        return files

    def sign_root(self, root, former):
        """Signed by the thresholds of the root before and of this one (TUF 5.3.4)."""
        root.signed.version += 1
        root.signed.expires = common.now() + days(self.lifetimes["root"])
        delegators = [root.signed] + ([former.signed] if former else [])
        self.gather(root, "root", delegators, delegators)
        return [(f"{root.signed.version}.root.json", root.to_bytes())]

    def gather(self, metadata, role, delegators, required):
        metadata.signatures.clear()
        absent = []
        keyids = dict.fromkeys(keyid for delegator in delegators for keyid in role_of(delegator, role).keyids)
        for keyid in keyids:
            try:
                self.ceremony.sign(metadata, keyid)
            except Absent as reason:
                absent.append(str(reason))
        for delegator in required:
            wanted = role_of(delegator, role)
            result = delegator.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
            if not result:
                found = f"{len(result.signed)} of {len(wanted.keyids)} holders"
                raise Refusal(f"signatures of {role}", "; ".join([found, *absent]), f"{wanted.threshold}")

    def write(self, files):
        for name, content in files:
            path = os.path.join(self.metadata, name)
            if name.endswith(".root.json") and os.path.exists(path):
                raise Refusal("root", path, "no such version: a root is never replaced")
            write_whole(path, content)

    # Changes

    def commit(self, *roles):
        self.write(self.sign((*roles, "snapshot", "timestamp")))

    def commit_targets_only(self):
        """Signs targets, and leaves it to `refresh` to show them, where the online keys are."""
        self.write(self.sign(("targets",)))

    def refresh(self):
        """The timestamp anew; the snapshot for targets that were signed elsewhere; snapshot and rollout when less than
        half their life is left. The names of what was signed."""
        due = [role for role in ("rollout", "snapshot") if role in self.roles and self.is_half_over(role)]
        if due or self.adopted:
            due.append("snapshot")
        files = self.sign((*due, "timestamp"))
        self.write(files)
        return [name for name, _ in files]

    def is_half_over(self, role):
        return self.roles[role].signed.expires - common.now() < days(self.lifetimes[role]) / 2

    def renew_root(self):
        root = copy.deepcopy(self.roles["root"])
        self.write(self.sign_root(root, self.roles["root"]))
        self.roles["root"] = root
        return root.signed.version

    def find_role(self, holder):
        """The role and the key of a holder who signs today."""
        delegators = [(self.roles["root"].signed, ("root", "targets", "snapshot", "timestamp"))]
        if "rollout" in self.roles:
            delegators.append((self.roles["targets"].signed, ("rollout",)))
        for delegator, roles in delegators:
            for role in roles:
                for keyid in role_of(delegator, role).keyids:
                    if self.ceremony.holder(keyid) == holder:
                        return role, keyid
        raise Refusal(f"holder of the {self.kind} repository", holder, "one who has a key in force")

    def replace_key(self, holder, uri=None, public=None):
        """A new key for a holder. The root that says so, or for `rollout` the targets; what the role signs comes with it."""
        role, old = self.find_role(holder)
        kind = self.delegator(role).get_key(old).keytype
        new = self.ceremony.add(holder, self.kind, kind, uri, public)
        # Saved first: a key that no root names does no harm, a root that names a key nobody can reach does.
        self.ceremony.save()
        if role == "rollout":
            targets = self.roles["targets"].signed
            targets.revoke_key(old, role)
            targets.add_key(new, role)
            files = self.sign(ORDER)
            self.write(files)
            return role, old, new.keyid, next(name for name, _ in files)
        former = self.roles["root"]
        root = copy.deepcopy(former)
        root.signed.revoke_key(old, role)
        root.signed.add_key(new, role)
        files = self.sign_root(root, former)
        self.roles["root"] = root
        signs = {"root": (), "targets": ("targets", "snapshot", "timestamp"), "snapshot": ("snapshot", "timestamp"),
                 "timestamp": ("timestamp",)}[role]
        # Signed by the old key too, and written before the root: clients of either root can read it.
        self.write(self.sign(signs, [former.signed]) + files)
        return role, old, new.keyid, files[0][0]

    # Targets

    def add_target(self, role, path, content, custom=None):
        """Writes the target under its hash, and adds it to a role that is signed later."""
        target = TargetFile.from_data(path, content, ["sha256"])
        if custom is not None:
            target.unrecognized_fields["custom"] = custom
        parent, _, name = path.rpartition("/")
        write_whole(os.path.join(self.targets, parent, f"{target.hashes['sha256']}.{name}"), content)
        self.roles[role].signed.targets[path] = target

    def target(self, role, path):
        """The content of a target that this repository signed."""
        target = self.roles[role].signed.targets.get(path)
        if target is None:
            raise Refusal(self.path, f"no target {path}", "a published one")
        parent, _, name = path.rpartition("/")
        file = os.path.join(self.targets, parent, f"{target.hashes['sha256']}.{name}")
        content = read_file(file, "target")
        try:
            target.verify_length_and_hashes(content)
        except RepositoryError as error:
            raise Refusal(file, str(error), "the content that was signed") from None
        return target, content

    def releases(self):
        """Version and custom of each published release."""
        found = {}
        for path, target in self.roles["targets"].signed.targets.items():
            parts = path.split("/")
            if len(parts) == 3 and parts[0] == "releases" and parts[2] == "manifest.json":
                found[parts[1]] = target.custom or {}
        return found


def role_of(delegator, name) -> Role:
    return delegator.get_delegated_role(name)


def ceremony_of(path, given):
    """The ceremony file of a repository: the one given, or the one that `init` noted."""
    if given is not None:
        return Ceremony.load(given)
    noted = read_file(os.path.join(path, "ceremony"), "ceremony").decode().strip()
    return Ceremony.load(os.path.join(path, noted))


@contextlib.contextmanager
def locked(path):
    """One change at a time."""
    if not os.path.isdir(path):
        raise Refusal("repository", f"no directory {path}", "what `init` made")
    with open(os.path.join(path, "lock"), "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refusal(path, "another image/release at work", "one at a time") from None
        yield
