# SPDX-License-Identifier: Apache-2.0
"""Cases for tuf_conformance.py: the top-level roles, their rotation, rollback, mixtures and expiry."""
import datetime
import json
import time

from tuf_harness import TOP, ready, refused, test
from tuf_simulator import now

# --- basic


@test()
def init_and_refresh(client, repository):
    ready(client)
    assert client.roles() == TOP
    wanted = [("root", 2), ("timestamp", None), ("snapshot", 1), ("targets", 1)]
    assert repository.metadata_requests() == wanted
    repository.requests.clear()
    assert client.refresh() == 0
    assert repository.metadata_requests() == wanted[:2]


@test()
def bytes_are_kept_as_received(client, repository):
    content = repository.roles["targets"].to_dict()
    spaced = json.dumps(content, indent=7).encode() + b"\n \n"
    repository.put("targets", spaced)
    repository.publish("snapshot", "timestamp")
    ready(client)
    for role in TOP:
        assert client.bytes(role) == repository.published[role][None], role


@test()
def download_refreshes_first(client, repository):
    assert client.init() == 0
    refused(client, "5.7.2", client.download("nonexistent target"))
    assert client.roles() == TOP


@test("version", "expires", "roles", "keys", "_type", "spec_version")
def trusted_root_without(client, repository, member):
    root = json.loads(repository.published["root"][1])
    del root["signed"][member]
    client.init(json.dumps(root).encode())
    assert client.refresh() == 1
    assert repository.requests == []


@test()
def trusted_root_not_signed(client, repository):
    root = json.loads(repository.published["root"][1])
    root["signatures"][0]["sig"] = "00" * 64
    client.init(json.dumps(root).encode())
    assert client.refresh() == 1
    assert repository.requests == []


@test(*TOP)
def metadata_that_is_not_json(client, repository, role):
    ready(client)
    if role == "root":
        repository.root.version += 1
    repository.roles[role].signed.version += 0 if role == "root" else 1
    repository.put(role, b"{\"signed\": ")
    if role == "targets":
        repository.publish("snapshot", "timestamp")
    elif role == "snapshot":
        repository.publish("timestamp")
    step = {"root": "5.3.3", "timestamp": "5.4.1", "snapshot": "5.5.1", "targets": "5.6.1"}[role]
    refused(client, step)
    assert client.version(role) == 1


@test()
def same_timestamp_version_with_other_content(client, repository):
    ready(client)
    before = client.bytes("timestamp")
    repository.timestamp.snapshot_meta.version = 100
    repository.publish("timestamp", bump=False)
    assert client.refresh() == 0
    assert client.bytes("timestamp") == before


@test(*TOP)
def unknown_fields_are_signed_too(client, repository, role):
    ready(client)
    repository.roles[role].signed.unrecognized_fields["x-drimbox"] = {"b": [1, None, True], "a": "\"\\\n\té"}
    if role == "root":
        for key in repository.root.keys.values():
            key.unrecognized_fields["keyid_hash_algorithms"] = ["md5"]
        repository.root.roles["root"].unrecognized_fields["x-role"] = 3
    repository.publish("root") if role == "root" else repository.refresh("targets")
    assert client.refresh() == 0, client.complaint
    assert client.version(role) == 2


@test(*TOP)
def tampered_after_signing(client, repository, role):
    ready(client)
    repository.publish("root") if role == "root" else repository.refresh("targets")
    document = json.loads(repository.published[role][None])
    document["signed"]["x-added"] = 1
    repository.put(role, json.dumps(document).encode())
    step = {"root": "5.3.4", "timestamp": "5.4.2", "snapshot": "5.5.3", "targets": "5.6.3"}[role]
    refused(client, step)
    assert client.version(role) == 1


@test(*TOP)
def signature_by_nobody_known(client, repository, role):
    ready(client)
    repository.signers[role] = [repository.new_signer()]
    repository.publish("root") if role == "root" else repository.refresh("targets")
    step = {"root": "5.3.4", "timestamp": "5.4.2", "snapshot": "5.5.3", "targets": "5.6.3"}[role]
    refused(client, step)
    assert client.version(role) == 1


@test("timestamp", "snapshot", "targets")
def missing_on_the_server(client, repository, role):
    ready(client)
    repository.refresh("targets")
    repository.published[role] = {}
    step = {"timestamp": "5.4.1", "snapshot": "5.5.1", "targets": "5.6.1"}[role]
    refused(client, step)


@test()
def lost_files_are_fetched_again(client, repository):
    ready(client)
    for role in ("timestamp", "snapshot", "targets"):
        (client.metadata / f"{role}.json").unlink()
    assert client.refresh() == 0
    assert client.roles() == TOP


@test("timestamp", "snapshot", "targets")
def damaged_files_are_fetched_again(client, repository, role):
    ready(client)
    (client.metadata / f"{role}.json").write_bytes(b"\0\0\0")
    assert client.refresh() == 0
    assert client.bytes(role) == repository.published[role][None]


@test()
def without_consistent_snapshots(client, repository):
    repository.root.consistent_snapshot = False
    repository.publish("root")
    repository.add_artifact("a/b.bin", b"content")
    repository.refresh("targets")
    assert client.init() == 0
    assert client.download("a/b.bin") == 0, client.complaint
    assert client.downloads() == [b"content"]
    assert ("snapshot", None) in repository.requests and ("target", "a/b.bin") in repository.requests


# --- rotations: a version is its keys, its threshold, and who signs

ROOTS = [
    ("one key by another", [([1], 1, [1]), ([2], 1, [2, 1]), ([2], 1, [2])], True),
    ("with signatures nobody needs", [([1], 1, [3, 1, 4]), ([2], 1, [3, 2, 1, 4]), ([2], 1, [3, 2])], True),
    ("3 of 5, various signers", [([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 2, 3, 4], 3, [0, 4, 1])], True),
    ("3 of 5, one key", [([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 4, 1])], True),
    (
        "3 of 5, all keys",
        [
            ([0, 1, 2, 3, 4], 3, [0, 2, 4]),
            ([5, 6, 7, 8, 9], 3, [0, 2, 4, 5, 6, 7]),
            ([5, 6, 7, 8, 9], 3, [5, 6, 7]),
        ],
        True,
    ),
    ("higher threshold", [([1, 2, 3], 1, [1]), ([1, 2, 3], 2, [1, 2])], True),
    ("lower threshold", [([1, 2, 3], 2, [1, 2]), ([1, 2, 3], 1, [1, 2]), ([1, 2, 3], 1, [1])], True),
    ("one key more", [([1], 1, [1]), ([1, 2], 2, [1, 2])], True),
    ("there and back", [([1], 1, [1]), ([2], 1, [1, 2]), ([1], 1, [2, 1]), ([1], 1, [1])], True),
    ("not signed by the old key", [([1], 1, [1]), ([2], 1, [2, 3])], False),
    ("not signed by the new key", [([1], 1, [1]), ([2], 1, [1, 3])], False),
    ("2 of 3 new keys", [([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 2, 4])], False),
    ("2 of 3 old keys", [([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 4, 5])], False),
    ("higher threshold not met", [([1, 2, 3], 1, [1]), ([1, 2, 3], 2, [2])], False),
    ("old threshold not met", [([1, 2, 3], 2, [1, 2]), ([1, 2, 3], 1, [1])], False),
]


@test(*ROOTS)
def root_rotation(client, repository, case):
    _, versions, is_good = case
    signers = [repository.new_signer() for _ in range(10)]
    repository.published["root"].clear()
    repository.root.version = 0
    for keys, threshold, by in versions:
        repository.root.roles["root"].keyids.clear()
        repository.root.roles["root"].threshold = threshold
        for index in keys:
            repository.root.add_key(signers[index].public_key, "root")
        repository.signers["root"] = [signers[index] for index in by]
        repository.publish("root")
    assert client.init() == 0
    if is_good:
        assert client.refresh() == 0, client.complaint
        assert client.bytes("root") == repository.published["root"][len(versions)]
    else:
        refused(client, "5.3.4")
        assert client.bytes("root") == repository.published["root"][len(versions) - 1]


OTHERS = [
    ("another key", ([2], 1, [2]), True),
    ("with signatures nobody needs", ([1], 1, [3, 1, 4]), True),
    ("3 of 5", ([0, 1, 2, 3, 4], 3, [0, 2, 4]), True),
    ("3 of 5, others", ([0, 1, 2, 3, 4], 3, [1, 2, 3]), True),
    ("5 of 5", ([0, 1, 2, 3, 4], 5, [4, 3, 2, 1, 0]), True),
    ("not signed by the new key", ([2], 1, [1, 3, 4]), False),
    ("2 of 3 and a stranger", ([0, 1, 3, 4, 5], 3, [0, 2, 4]), False),
    ("2 of 3", ([0, 1, 3, 4, 5], 3, [0, 4]), False),
]


@test(*OTHERS)
def other_rotation(client, repository, case):
    _, (keys, threshold, by), is_good = case
    steps = {"timestamp": "5.4.2", "snapshot": "5.5.3", "targets": "5.6.3"}
    signers = [repository.new_signer() for _ in range(10)]
    ready(client)
    for role, step in steps.items():
        repository.root.roles[role].keyids.clear()
        repository.root.roles[role].threshold = threshold
        for index in keys:
            repository.root.add_key(signers[index].public_key, role)
        repository.signers[role] = [signers[index] for index in by]
        repository.publish("root")
        repository.publish(role, bump=False)
        if not is_good:
            refused(client, step)
            return
        assert client.refresh() == 0, client.complaint
        assert client.bytes(role) == repository.published[role][None], role


@test()
def root_chain_with_a_gap(client, repository):
    for _ in range(3):
        repository.publish("root")
    del repository.published["root"][3]
    ready(client)
    assert client.version("root") == 2


@test((1, "5.3.5"), (3, "5.3.5"))
def root_version_is_not_the_next(client, repository, case):
    ready(client)
    repository.root.version = case[0]
    repository.publish("root", bump=False)
    repository.published["root"][2] = repository.published["root"][None]
    refused(client, case[1])
    assert client.version("root") == 1


# --- rollback


@test()
def timestamp_rollback(client, repository):
    repository.publish("timestamp")
    ready(client)
    repository.timestamp.version = 1
    repository.publish("timestamp", bump=False)
    refused(client, "5.4.3.1")
    assert client.version("timestamp") == 2


@test("plain", "with hashes")
def snapshot_rollback(client, repository, kind):
    repository.with_hashes = kind == "with hashes"
    repository.publish("snapshot", "timestamp")
    ready(client)
    repository.snapshot.version = 1
    repository.publish("snapshot", bump=False)
    repository.publish("timestamp")
    refused(client, "5.4.3.2")
    assert client.version("snapshot") == 2 and client.version("timestamp") == 2


@test("plain", "with hashes")
def targets_rollback(client, repository, kind):
    repository.with_hashes = kind == "with hashes"
    repository.refresh("targets")
    ready(client)
    repository.targets.version = 1
    repository.publish("targets", bump=False)
    repository.publish("snapshot", "timestamp")
    refused(client, "5.5.5")
    assert client.version("targets") == 2 and client.version("snapshot") == 2


@test()
def delegated_rollback(client, repository):
    repository.delegate("targets", "role")
    repository.add_artifact("file", b"old", "role")
    repository.publish("role")
    repository.refresh("targets", "role")
    assert client.init() == 0
    assert client.download("file") == 0, client.complaint
    repository.roles["role"].signed.version = 1
    repository.publish("role", bump=False)
    repository.publish("snapshot", "timestamp")
    refused(client, "5.5.5")


@test()
def role_no_longer_listed(client, repository):
    repository.delegate("targets", "role")
    repository.refresh("role", "targets")
    ready(client)
    del repository.snapshot.meta["role.json"]
    repository.publish("snapshot", "timestamp")
    refused(client, "5.5.5")


@test("timestamp", "snapshot")
def recovery_from_fast_forward(client, repository, role):
    repository.roles[role].signed.version = 9999
    repository.publish("snapshot", "timestamp")
    ready(client)
    for rotated in {"timestamp": ["timestamp"], "snapshot": ["snapshot"]}[role]:
        repository.rotate(rotated)
    repository.publish("root")
    repository.snapshot.version = repository.timestamp.version = 1
    repository.publish("snapshot", "timestamp", bump=False)
    assert client.refresh() == 0, client.complaint
    assert client.version("timestamp") == client.version("snapshot") == 1


@test()
def recovery_of_targets_from_fast_forward(client, repository):
    repository.targets.version = 9999
    repository.refresh("targets")
    ready(client)
    repository.rotate("snapshot")
    repository.publish("root")
    repository.targets.version = 1
    repository.refresh("targets")
    assert client.refresh() == 0, client.complaint
    assert client.version("targets") == 2


@test()
def a_key_more_forgets_nothing(client, repository):
    repository.publish("timestamp")
    ready(client)
    repository.add_key("timestamp")
    repository.publish("root")
    repository.timestamp.version = 1
    repository.publish("timestamp", bump=False)
    refused(client, "5.4.3.1")


# --- mix and match


@test()
def snapshot_of_another_hash(client, repository):
    repository.with_hashes = True
    repository.publish("snapshot", "timestamp")
    ready(client)
    repository.publish("snapshot", "timestamp")
    # Another space: the signatures are still good.
    repository.published["snapshot"][3] = repository.published["snapshot"][3].replace(b"\n", b" ", 1)
    refused(client, "5.5.2")
    assert client.version("snapshot") == 2


@test()
def targets_of_another_hash(client, repository):
    repository.with_hashes = True
    repository.refresh("targets")
    ready(client)
    repository.refresh("targets")
    old = repository.published["targets"][2]
    repository.published["targets"][3] = old
    refused(client, "5.6.2")
    assert client.version("targets") == 2


@test("snapshot", "targets")
def metadata_of_another_length(client, repository, role):
    repository.with_hashes = True
    repository.refresh("targets")
    ready(client)
    repository.refresh("targets")
    repository.published[role][3] += b"\n" * 100_000
    refused(client, {"snapshot": "5.5.1", "targets": "5.6.1"}[role])


@test("snapshot", "targets")
def metadata_of_another_version(client, repository, role):
    ready(client)
    old = repository.published[role][1]
    repository.refresh("targets")
    repository.published[role][2] = old
    refused(client, {"snapshot": "5.5.4", "targets": "5.6.4"}[role])


@test()
def snapshot_without_targets(client, repository):
    del repository.snapshot.meta["targets.json"]
    repository.publish("snapshot", "timestamp")
    assert client.init() == 0
    refused(client, "5.6.1")


# --- expiration


@test(*TOP)
def expired(client, repository, role):
    ready(client)
    repository.roles[role].signed.expires = now() - datetime.timedelta(seconds=1)
    repository.publish("root") if role == "root" else repository.refresh("targets")
    step = {"root": "5.3.10", "timestamp": "5.4.4", "snapshot": "5.5.6", "targets": "5.6.5"}[role]
    refused(client, step)
    # The chain of roots is stored as it is walked.
    assert client.version(role) == (2 if role == "root" else 1)


@test()
def an_expired_root_on_the_way(client, repository):
    repository.root.expires = now() - datetime.timedelta(days=1)
    repository.publish("root")
    repository.root.expires = repository.expiry
    repository.publish("root")
    ready(client)
    assert client.version("root") == 3


@test("timestamp", "snapshot", "targets")
def expires_while_stored(client, repository, role):
    repository.roles[role].signed.expires = now() + datetime.timedelta(seconds=4)
    repository.refresh("targets")
    ready(client)
    time.sleep(4.5)
    refused(client, {"timestamp": "5.4.4", "snapshot": "5.5.6", "targets": "5.6.5"}[role])
    repository.roles[role].signed.expires = repository.expiry
    repository.refresh("targets")
    assert client.refresh() == 0, client.complaint


@test()
def an_expired_timestamp_still_guards_against_rollback(client, repository):
    repository.timestamp.version = 5
    repository.timestamp.expires = now() + datetime.timedelta(seconds=3)
    repository.publish("timestamp")
    ready(client)
    time.sleep(3.5)
    repository.timestamp.version = 3
    repository.timestamp.expires = repository.expiry
    repository.publish("timestamp")
    refused(client, "5.4.3.1")


@test()
def delegated_expired(client, repository):
    repository.delegate("targets", "role")
    repository.add_artifact("file", b"content", "role")
    repository.roles["role"].signed.expires = now() - datetime.timedelta(days=1)
    repository.refresh("role", "targets")
    assert client.init() == 0
    refused(client, "5.6.5", client.download("file"))
