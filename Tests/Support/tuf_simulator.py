# SPDX-License-Identifier: Apache-2.0
"""A TUF repository that lives in memory, is signed by python-tuf and can be made to misbehave.

Used by tuf_conformance.py (served over HTTP) and tuf_repository.py (written to a directory).
"""
import copy
import datetime
import hashlib
import http.server
import threading
import urllib.parse

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    SuccinctRoles,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization.json import JSONSerializer

MAKERS = {
    "ed25519": CryptoSigner.generate_ed25519,
    "ecdsa": CryptoSigner.generate_ecdsa,
    "rsa": CryptoSigner.generate_rsa,
}


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


class Repository:
    """`roles` is what the holders of the keys work on; `published` is what a client can fetch."""

    def __init__(self, key_type="ed25519", consistent=True):
        self.key_type = key_type
        self.expiry = now() + datetime.timedelta(days=30)
        self.roles = {}
        self.signers = {}
        self.published = {}
        self.artifacts = {}
        self.requests = []
        self.with_hashes = False
        root = Root(expires=self.expiry, consistent_snapshot=consistent)
        self.roles["root"] = Metadata(root)
        self.roles["timestamp"] = Metadata(Timestamp(expires=self.expiry))
        self.roles["snapshot"] = Metadata(Snapshot(expires=self.expiry))
        self.roles["targets"] = Metadata(Targets(expires=self.expiry))
        for role in ("root", "timestamp", "snapshot", "targets"):
            self.add_key(role)
        self.publish("targets", "snapshot", "timestamp", "root", bump=False)

    def __getattr__(self, name):
        roles = self.__dict__.get("roles", {})
        if name not in roles:
            raise AttributeError(name)
        return roles[name].signed

    def new_signer(self):
        return MAKERS[self.key_type]()

    def add_key(self, role, signer=None):
        signer = signer or self.new_signer()
        self.root.add_key(signer.public_key, role)
        self.signers.setdefault(role, []).append(signer)
        return signer

    def rotate(self, role):
        """New keys in place of all old ones."""
        self.root.roles[role].keyids.clear()
        self.signers[role] = []
        for _ in range(self.root.roles[role].threshold):
            self.add_key(role)

    def publish(self, *names, bump=True):
        for name in names:
            metadata = self.roles[name]
            if bump:
                metadata.signed.version += 1
            metadata.signatures.clear()
            for signer in self.signers[name]:
                metadata.sign(signer, append=True)
            self.put(name, metadata.to_bytes(JSONSerializer(compact=False)))

    def put(self, name, content):
        """Makes the bytes available as the newest of the role, and known to the role that lists it."""
        version = self.roles[name].signed.version
        self.published.setdefault(name, {})[version] = content
        self.published[name][None] = content
        hashes = {"sha256": hashlib.sha256(content).hexdigest()} if self.with_hashes else None
        meta = MetaFile(version, len(content) if self.with_hashes else None, hashes)
        if name == "snapshot":
            self.timestamp.snapshot_meta = meta
        elif name not in ("root", "timestamp"):
            self.snapshot.meta[f"{name}.json"] = meta

    def refresh(self, *names):
        """Publishes targets roles with the snapshot and the timestamp that belong to them."""
        self.publish(*names, "snapshot", "timestamp")

    def add_artifact(self, path, content, role="targets", algorithms=("sha256",)):
        target = TargetFile.from_data(path, content, list(algorithms))
        self.roles[role].signed.targets[path] = target
        self.artifacts[path] = content
        return target

    def delegate(self, delegator, name, paths=("*",), terminating=False, prefixes=None, signer=None):
        parent = self.roles[delegator].signed
        if parent.delegations is None:
            parent.delegations = Delegations({}, roles={})
        patterns = None if prefixes else list(paths)
        parent.delegations.roles[name] = DelegatedRole(name, [], 1, terminating, patterns, prefixes)
        signer = signer or self.new_signer()
        parent.add_key(signer.public_key, name)
        self.signers.setdefault(name, []).append(signer)
        if name not in self.roles:
            self.roles[name] = Metadata(Targets(expires=self.expiry))

    def delegate_bins(self, bit_length, prefix):
        signer = self.new_signer()
        bins = SuccinctRoles([], 1, bit_length, prefix)
        self.targets.delegations = Delegations({}, None, bins)
        self.targets.add_key(signer.public_key)
        for name in bins.get_roles():
            self.roles[name] = Metadata(Targets(expires=self.expiry))
            self.signers[name] = [signer]
        return list(bins.get_roles())

    # What a web server would answer: bytes, or None for 404.

    def fetch(self, path):
        kind, _, name = path.partition("/")
        if kind == "metadata":
            return self.fetch_metadata(name)
        if kind == "targets":
            self.requests.append(("target", name))
            directory, separator, file = urllib.parse.unquote(name).rpartition("/")
            if self.root.consistent_snapshot:
                digest, _, file = file.partition(".")
                content = self.artifacts.get(directory + separator + file)
                target = self.find(directory + separator + file)
                return content if target and digest in target.hashes.values() else None
            return self.artifacts.get(directory + separator + file)
        return None

    def find(self, path):
        for metadata in self.roles.values():
            if isinstance(metadata.signed, Targets) and path in metadata.signed.targets:
                return metadata.signed.targets[path]
        return None

    def fetch_metadata(self, name):
        name = name.removesuffix(".json")
        version = None
        head, _, rest = name.partition(".")
        if rest == "root" or (self.root.consistent_snapshot and name != "timestamp"):
            version, name = int(head), rest
        self.requests.append((name, version))
        return self.published.get(urllib.parse.unquote(name), {}).get(version)

    def metadata_requests(self):
        return [request for request in self.requests if request[0] != "target"]

    def fork(self):
        """Keys and metadata as they are now, for a history that goes another way."""
        twin = copy.copy(self)
        twin.roles = copy.deepcopy(self.roles)
        twin.published = {name: dict(versions) for name, versions in self.published.items()}
        twin.signers = {name: list(signers) for name, signers in self.signers.items()}
        return twin


class Server:
    """Serves repositories by name until it is closed."""

    def __init__(self):
        self.repositories = {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802
                name, _, path = self.path.lstrip("/").partition("/")
                repository = outer.repositories.get(name)
                content = repository.fetch(path) if repository else None
                if callable(content):
                    content(self)
                elif content is None:
                    self.send_error(404)
                else:
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
