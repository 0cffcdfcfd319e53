# SPDX-License-Identifier: Apache-2.0
"""Cases for tuf_conformance.py: keys, delegations, downloads, odd names and limits."""
import hashlib
import json
import pathlib
import time
import urllib.parse

from securesystemslib.formats import encode_canonical
from tuf_harness import TOP, ready, refused, test
from tuf_simulator import Repository

# --- keys


@test("ed25519", "ecdsa", "rsa")
def key_type(client, repository, kind):
    other = Repository(kind)
    client.repository = other
    client.url = client.url + "x"
    client.server.repositories[client.url.rsplit("/", 1)[1]] = other
    ready(client)
    other.publish("root")
    other.refresh("targets")
    assert client.refresh() == 0, client.complaint
    assert [client.version(role) for role in TOP] == [2, 2, 2, 2]


@test()
def threshold_without_enough_keys(client, repository):
    ready(client)
    repository.add_key("snapshot")
    repository.root.roles["snapshot"].threshold = 3
    repository.publish("root")
    repository.publish("snapshot", "timestamp")
    refused(client, "5.5.3")
    assert client.version("root") == 2 and client.version("snapshot") == 1


@test()
def one_key_under_many_keyids(client, repository):
    ready(client)
    signer = repository.signers["snapshot"][0]
    for index in range(5):
        key = type(signer.public_key).from_dict(f"{index}" * 64, signer.public_key.to_dict())
        repository.root.add_key(key, "snapshot")
    repository.root.roles["snapshot"].threshold = 2
    repository.publish("root")
    repository.publish("snapshot")
    snapshot = json.loads(repository.published["snapshot"][2])
    for index in range(5):
        snapshot["signatures"].append({**snapshot["signatures"][0], "keyid": f"{index}" * 64})
    repository.put("snapshot", json.dumps(snapshot).encode())
    repository.publish("timestamp")
    refused(client, "5.5.3")
    assert client.version("snapshot") == 1


@test()
def one_keyid_many_times(client, repository):
    ready(client)
    repository.add_key("snapshot")
    repository.signers["snapshot"].pop()
    repository.root.roles["snapshot"].threshold = 2
    repository.publish("root")
    repository.publish("snapshot")
    snapshot = json.loads(repository.published["snapshot"][2])
    snapshot["signatures"] *= 3
    repository.put("snapshot", json.dumps(snapshot).encode())
    repository.publish("timestamp")
    refused(client, "5.5.1")
    assert client.version("snapshot") == 1


@test()
def keyids_are_opaque(client, repository):
    signer = repository.new_signer()
    signer.public_key.keyid = "any name will do"
    repository.add_key("timestamp", signer)
    repository.publish("root", "timestamp")
    ready(client)
    assert client.version("root") == 2


@test()
def keys_of_no_known_kind(client, repository):
    ready(client)
    key = repository.new_signer().public_key
    repository.add_key("snapshot", repository.new_signer())
    unknown = type(key)("f" * 64, "future", "future-512", {"public": "?"})
    repository.root.add_key(unknown, "snapshot")
    repository.publish("root")
    repository.publish("snapshot", "timestamp")
    assert client.refresh() == 0, client.complaint


# --- delegations: (delegator, role, paths, terminating), the path asked for, and the roles asked, in order

GRAPHS = [
    ("one", [("targets", "A")], ["A"]),
    ("two", [("targets", "A"), ("targets", "B")], ["A", "B"]),
    ("two levels", [("targets", "A"), ("targets", "B"), ("B", "C")], ["A", "B", "C"]),
    ("depth first", [("targets", "A"), ("targets", "B"), ("A", "C"), ("A", "D")], ["A", "C", "D", "B"]),
    ("three levels", [("targets", "A"), ("targets", "B"), ("A", "C"), ("C", "D")], ["A", "C", "D", "B"]),
    (
        "terminating",
        [("targets", "A"), ("targets", "B"), ("A", "C", ["*"], True), ("A", "D")],
        ["A", "C"],
    ),
    (
        "below a terminating one",
        [("targets", "A"), ("targets", "B"), ("A", "C", ["*"], True), ("C", "D")],
        ["A", "C", "D"],
    ),
    ("paths that do not match", [("targets", "A", ["*.py"]), ("targets", "B"), ("A", "C")], ["B"]),
    ("a terminating one that does not match", [("targets", "A", ["*.py"], True), ("targets", "B")], ["B"]),
    (
        "paths below",
        [("targets", "A"), ("targets", "B"), ("A", "C", ["*.py"]), ("C", "D")],
        ["A", "B"],
    ),
    (
        "a cycle",
        [("targets", "A"), ("targets", "B"), ("B", "C"), ("C", "D"), ("D", "B")],
        ["A", "B", "C", "D"],
    ),
    ("itself", [("targets", "A"), ("A", "A"), ("targets", "B")], ["A", "B"]),
    ("two delegators", [("targets", "A"), ("targets", "B"), ("B", "C"), ("A", "C")], ["A", "C", "B"]),
    (
        "two delegators, other paths",
        [("targets", "A"), ("targets", "B"), ("B", "C"), ("A", "C", ["*.py"])],
        ["A", "B", "C"],
    ),
]


def build(repository, graph):
    names = []
    for delegator, name, *rest in graph:
        # A role that several delegate to is signed by the keys that each of them names.
        repository.delegate(delegator, name, *rest)
        names += [name] if name not in names else []
    repository.refresh(*names, "targets")


@test(*GRAPHS)
def traversal(client, repository, case):
    _, graph, order = case
    build(repository, graph)
    assert client.init() == 0
    refused(client, "5.7.2", client.download("missingpath"))
    assert [name for name, _ in repository.metadata_requests()[4:]] == order
    repository.requests.clear()
    refused(client, "5.7.2", client.download("missingpath"))
    assert [name for name, _ in repository.metadata_requests()] == ["root", "timestamp"]


TREE = [
    ("targets", "A", ["*.doc", "*.md"]),
    ("targets", "B", ["releases/*/*"]),
    ("B", "C", ["releases/x/*"]),
    ("B", "D", ["releases/y/*.zip"]),
]
SEARCHES = [
    ("targetfile", "targets", [], True),
    ("README.md", "A", ["A"], True),
    ("releases/x/x_v1", "C", ["B", "C"], True),
    ("releases/y/y_v1.zip", "D", ["B", "D"], True),
    ("releases/z/z_v1.zip", "D", ["B"], False),
    ("deep/README.md", "A", [], False),
]


@test(*SEARCHES)
def search(client, repository, case):
    path, role, order, is_found = case
    for delegation in TREE:
        repository.delegate(*delegation)
    repository.add_artifact(path, path.encode(), role)
    repository.refresh("A", "B", "C", "D", "targets")
    assert client.init() == 0
    status = client.download(path)
    assert status == (0 if is_found else 1), client.complaint
    assert client.downloads() == ([path.encode()] if is_found else [])
    assert [name for name, _ in repository.metadata_requests()[4:]] == order


@test()
def hash_prefixes(client, repository):
    digest = hashlib.sha256(b"file").hexdigest()
    others = [f"{index:x}" for index in range(16) if f"{index:x}" != digest[0]]
    repository.delegate("targets", "A", prefixes=others)
    repository.delegate("targets", "B", prefixes=[digest[:5]])
    repository.add_artifact("file", b"content", "B")
    repository.refresh("A", "B", "targets")
    assert client.init() == 0
    assert client.download("file") == 0, client.complaint
    assert [name for name, _ in repository.metadata_requests()[4:]] == ["B"]


@test(1, 5, 8)
def succinct_roles(client, repository, bit_length):
    names = repository.delegate_bins(bit_length, "bin")
    bins = repository.targets.delegations.succinct_roles
    for path in ("one", "two", "three/four"):
        repository.add_artifact(path, path.encode(), bins.get_role_for_target(path))
    repository.refresh(*names, "targets")
    assert client.init() == 0
    assert client.download("one", "two", "three/four") == 0, client.complaint
    assert client.downloads() == [b"one", b"two", b"three/four"]


@test()
def delegated_role_not_in_the_snapshot(client, repository):
    repository.delegate("targets", "role")
    repository.refresh("targets")
    assert client.init() == 0
    refused(client, "5.6.1", client.download("file"))


@test()
def delegated_role_signed_by_others(client, repository):
    repository.delegate("targets", "role")
    repository.add_artifact("file", b"content", "role")
    repository.signers["role"] = [repository.new_signer()]
    repository.refresh("role", "targets")
    assert client.init() == 0
    refused(client, "5.6.3", client.download("file"))
    assert client.downloads() == []


@test()
def stored_role_is_verified_for_its_delegator_of_now(client, repository):
    repository.delegate("targets", "role")
    repository.add_artifact("file", b"content", "role")
    repository.refresh("role", "targets")
    assert client.init() == 0
    assert client.download("file") == 0, client.complaint
    repository.targets.delegations = None
    repository.delegate("targets", "role")
    repository.refresh("targets")
    refused(client, "5.6.3", client.download("file"))


@test()
def role_reached_through_another_delegator(client, repository):
    repository.delegate("targets", "A", ["a"])
    repository.delegate("targets", "B", ["b"])
    repository.delegate("A", "C", ["*"])
    repository.refresh("A", "B", "C", "targets")
    repository.delegate("B", "C", ["*"])
    repository.add_artifact("a", b"a", "C")
    repository.add_artifact("b", b"b", "C")
    # C is signed for A only.
    repository.signers["C"].pop()
    repository.refresh("A", "B", "C", "targets")
    assert client.init() == 0
    refused(client, "5.6.3", client.download("a", "b"))
    assert client.downloads() == [b"a"]


@test()
def too_many_roles(client, repository):
    delegator = "targets"
    for index in range(40):
        repository.delegate(delegator, f"r{index}")
        delegator = f"r{index}"
    repository.add_artifact("file", b"content", delegator)
    repository.refresh(*[f"r{index}" for index in range(40)], "targets")
    assert client.init() == 0
    refused(client, "5.7.2", client.download("file"))
    assert len(repository.metadata_requests()[4:]) == 32


# --- downloads


@test("file.txt", "path/to/a/file.txt", "with space", "ünï", "per%cent", "que?ry", "frag#ment", "a+b&c")
def target_path(client, repository, path):
    repository.add_artifact(path, path.encode())
    repository.refresh("targets")
    assert client.init() == 0
    assert client.download(path) == 0, client.complaint
    assert client.downloads() == [path.encode()]


@test("../escape", "/etc/escape", "a/../../escape", "..", ".", "a/..", "escape/")
def target_path_that_points_elsewhere(client, repository, path):
    repository.add_artifact(path, b"content")
    repository.refresh("targets")
    assert client.init() == 0
    client.download(path)
    outside = [
        found
        for found in pathlib.Path(client.directory.name).rglob("*")
        if found.is_file() and found.parent not in (client.targets, client.metadata)
    ]
    assert [found.name for found in outside] == ["trusted.json"]


@test("shorter", "longer", "other")
def target_content(client, repository, kind):
    repository.add_artifact("file", b"content")
    repository.refresh("targets")
    repository.artifacts["file"] = {"shorter": b"conten", "longer": b"contents", "other": b"CONTENT"}[kind]
    assert client.init() == 0
    refused(client, "5.7.3", client.download("file"))
    assert client.downloads() == []


@test(("sha512",), ("sha256", "sha512"))
def target_hashes(client, repository, algorithms):
    repository.add_artifact("file", b"content", algorithms=algorithms)
    repository.refresh("targets")
    assert client.init() == 0
    assert client.download("file") == 0, client.complaint
    assert client.downloads() == [b"content"]


@test()
def kept_target_is_not_fetched_again(client, repository):
    repository.add_artifact("file", b"content")
    repository.refresh("targets")
    assert client.init() == 0
    assert client.download("file") == 0
    assert client.download("file", "file") == 0
    assert sum(request[0] == "target" for request in repository.requests) == 1


@test()
def changed_target_replaces_the_kept_one(client, repository):
    assert client.init() == 0
    for index in range(3):
        repository.add_artifact("file", f"content {index}".encode())
        repository.refresh("targets")
        assert client.download("file") == 0, client.complaint
        assert client.downloads() == [f"content {index}".encode()]
    repository.add_artifact("file", b"new content")
    repository.refresh("targets")
    repository.artifacts["file"] = b"bad content"
    refused(client, "5.7.3", client.download("file"))
    assert client.downloads() == [b"content 2"]


@test()
def several_targets_stop_at_the_first_failure(client, repository):
    for name in ("one", "two", "three"):
        repository.add_artifact(name, name.encode())
    repository.refresh("targets")
    repository.artifacts["two"] = b"bad"
    assert client.init() == 0
    refused(client, "5.7.3", client.download("one", "two", "three"))
    assert client.downloads() == [b"one"]


# --- quoting


@test("?", "#", "/delegatedrole", "../delegatedrole", "..", "a b", "1.root", "ü", "%2F", "root.json")
def role_name(client, repository, name):
    repository.delegate("targets", name)
    repository.refresh(name, "targets")
    assert client.init() == 0
    refused(client, "5.7.2", client.download("nonexistent target"))
    assert (urllib.parse.quote(name, ""), 2) in repository.requests, repository.requests
    assert len(client.files()) == 5
    assert set(TOP) < set(client.roles())
    inside = {client.metadata, client.targets, pathlib.Path(client.directory.name)}
    assert all(path.parent in inside for path in pathlib.Path(client.directory.name).rglob("*"))


@test("root", "timestamp", "snapshot")
def role_named_like_a_top_level_one(client, repository, name):
    content = repository.roles["targets"].to_dict()
    signer = repository.signers["targets"][0]
    key = signer.public_key
    content["signed"]["delegations"] = {
        "keys": {key.keyid: key.to_dict()},
        "roles": [
            {"name": name, "keyids": [key.keyid], "threshold": 1, "terminating": False, "paths": ["*"]}
        ],
    }
    content["signed"]["version"] = repository.targets.version = 2
    signature = signer.sign(encode_canonical(content["signed"]).encode())
    content["signatures"] = [signature.to_dict()]
    repository.put("targets", json.dumps(content).encode())
    repository.publish("snapshot", "timestamp")
    assert client.init() == 0
    refused(client, "5.6.1", client.download("file"))


# --- limits

LIMITS = {"root": 512 << 10, "timestamp": 16 << 10, "snapshot": 2 << 20, "targets": 5 << 20}
ENDLESS = {"root": "5.3.3", "timestamp": "5.4.1", "snapshot": "5.5.1", "targets": "5.6.1"}


@test(*LIMITS)
def endless_data(client, repository, role):
    ready(client)
    repository.publish("root") if role == "root" else repository.refresh("targets")
    sent = []

    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                sent.append(handler.wfile.write(b" " * 65536))
        except OSError:
            pass

    for version in (None, 2):
        repository.published[role][version] = endless
    refused(client, ENDLESS[role])
    # What the sockets hold comes on top.
    assert sum(sent) < LIMITS[role] + (8 << 20)


@test(*LIMITS)
def just_over_the_limit(client, repository, role):
    ready(client)
    repository.publish("root") if role == "root" else repository.refresh("targets")
    content = repository.published[role][None]
    for version in (None, 2):
        repository.published[role][version] = content + b" " * (LIMITS[role] + 1 - len(content))
    refused(client, ENDLESS[role])
    for version in (None, 2):
        repository.published[role][version] = content + b" " * (LIMITS[role] - len(content))
    assert client.refresh() == 0, client.complaint


@test()
def more_roots_than_one_update_takes(client, repository):
    for _ in range(260):
        repository.publish("root")
    ready(client)
    assert client.version("root") == 257
    assert client.refresh() == 0
    assert client.version("root") == 261


@test(500, 302)
def server_that_fails(client, repository, status):
    ready(client)

    def fail(handler):
        handler.send_response(status)
        handler.send_header("Location", "/elsewhere")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    repository.published["timestamp"][None] = fail
    assert client.refresh() == 1
    assert str(status) in client.complaint


@test()
def server_that_is_silent(client, repository):
    ready(client)
    repository.published["timestamp"][None] = lambda handler: time.sleep(20)
    started = time.monotonic()
    assert client.refresh() == 1
    assert time.monotonic() - started < 18
