# SPDX-License-Identifier: Apache-2.0
"""Releases, rollouts, refreshes, bundles: what a box accepts, and what image/release refuses to sign."""
import datetime
import glob
import os
import re
import shutil
import subprocess
import tempfile

from release_fixtures import (
    Place,
    away,
    call,
    clock,
    do,
    edit,
    expect,
    files,
    flip,
    in_days,
    load,
    refused,
    served,
)
from tuf.api.metadata import Metadata
from tuf.ngclient import Updater


def a_box_finds_both_releases(fixtures):
    place = Place(fixtures, fixtures.first, fixtures.second)
    do("rollout", place.repository, "stable", "--release", "2026.10.0", "--cohorts", 10, "--urgent", "--not-before",
       "2026-12-01T04:00:00Z", "--block", "2026.9.1", "--block", "2026.8")
    lines = place.verify()
    expect(re.search(r"release 2026\.10\.0: index 4; .*patch from 2026\.9\.0: 3 frames", lines), lines)
    with served(place.repository) as url, tempfile.TemporaryDirectory() as work:
        with open(place.root, "rb") as file:
            client = Updater(work, f"{url}metadata/", work, f"{url}targets/", bootstrap=file.read())
        target = client.get_targetinfo("releases/2026.10.0/manifest.json")
        expect(target.custom == {"hw": ["drimbox-1"], "rollback_index": 4, "min_from": "2026.9"}, f"custom {target.custom}")
        with open(client.download_target(target), "rb") as file:
            expect(file.read() == open(os.path.join(fixtures.second, "manifest.json"), "rb").read(), "another manifest")
        rollout = load(client.download_target(client.get_targetinfo("rollout/stable.json")))
        expect(client.get_targetinfo("rollout/other.json") is None, "a rollout nobody made")
    expect(rollout == {"release": "2026.10.0", "cohorts_permille": 10, "not_before": "2026-12-01T04:00:00Z", "paused": False,
                       "urgent": True, "blocked": ["2026.8", "2026.9.1"]}, f"rollout {rollout}")
    expect(load(place.metadata("1.root.json"))["signed"]["roles"]["root"]["threshold"] == 3, "threshold of root")
    kinds = {key["keytype"] for key in load(place.metadata("1.root.json"))["signed"]["keys"].values()}
    expect(kinds == {"ecdsa", "ed25519"}, f"kinds of keys {kinds}")
    role, = load(place.metadata("1.targets.json"))["signed"]["delegations"]["roles"]
    found = (role["name"], role["paths"], role["terminating"], role["threshold"])
    expect(found == ("rollout", ["rollout/*"], True, 1), f"{role}")


def expiries_are_those_of_the_calendar(fixtures):
    place = Place(fixtures)
    for name, days in (("1.root", 730), ("1.targets", 400), ("1.rollout", 30), ("1.snapshot", 30), ("timestamp", 7)):
        expires = Metadata.from_file(place.metadata(f"{name}.json")).signed.expires
        expect(abs(expires - clock() - datetime.timedelta(days=days)) < datetime.timedelta(minutes=5), f"{name}: {expires}")
    with in_days(1):
        expect(do("refresh", place.repository) == "signed timestamp.json\n", "more than the timestamp is signed after a day")
    with in_days(16):
        out = do("refresh", place.repository)
        expect(out == "signed 2.rollout.json, 2.snapshot.json, timestamp.json\n", out)
    place.verify()
    with in_days(370.5):
        expect("root expires in 359 days: renew" in do("refresh", place.repository), "nothing is said about root")
        expect("targets expires in 29 days: renew" in do("refresh", place.repository), "nothing is said about targets")
        refused("root metadata: found 359 days", "publish", place.repository, fixtures.tiny)
        do("renew", place.repository, "root")
        do("renew", place.repository, "targets")
        do("publish", place.repository, fixtures.tiny)
        expect("renew" not in do("refresh", place.repository), "renewed, and still said to expire")
    place.verify()


def releases_that_may_not_be_published_are_refused(fixtures):
    place = Place(fixtures, fixtures.second)
    before = files(place.repository)
    refused("published before as 2026.10.0", "publish", place.repository, fixtures.second)
    fixtures.build(fixtures.path("same"), "2026.10", fixtures.new, 4)
    refused("published before as 2026.10.0", "publish", place.repository, fixtures.path("same"))
    refused("rollback index: found 3, expected 4", "publish", place.repository, fixtures.first)
    refused("release.*No such file", "publish", place.repository, fixtures.path("none"))
    for name, offset in (("root.pack", 100), ("uki.efi", 0), ("patch-*.pack", 9)):
        directory = fixtures.copy(fixtures.second)
        path, = glob.glob(os.path.join(directory, name))
        flip(path, offset)
        refused(os.path.basename(path), "publish", place.repository, directory)

    def manifest_with(change, pattern):
        directory = fixtures.copy(fixtures.second)
        edit(os.path.join(directory, "manifest.json"), change)
        refused(pattern, "publish", place.repository, directory)

    manifest_with(lambda value: value.update(format=2), "format: found 2")
    manifest_with(lambda value: value["root"].pop("size"), "root.size: found nothing")
    manifest_with(lambda value: value["root"].update(size=True), "root.size")
    manifest_with(lambda value: value["root"]["seg_sha256"].pop(), "root.seg_sha256: found 2")
    manifest_with(lambda value: value["root"]["seg_sha256"].__setitem__(1, "0" * 64), "root.pack, frame 1")
    manifest_with(lambda value: value["root"]["pack"]["frames"][1].__setitem__(0, 5), "root.pack.frames.1")
    manifest_with(lambda value: value["patches"][0]["src_windows"].pop(), "src_windows")
    manifest_with(lambda value: value["verity"].update(roothash="0" * 64), "verity.roothash")
    manifest_with(lambda value: value["verity"].update(salt="00"), "verity.roothash")
    manifest_with(lambda value: value["verity"].pop("uuid"), "verity.uuid: found nothing")
    directory = fixtures.copy(fixtures.second)
    edit(os.path.join(directory, "custom.json"), lambda value: value.update(hw=[]))
    refused("custom.json: hw", "publish", place.repository, directory)
    expect(files(place.repository) == before, "a refusal changed the repository")


def rollouts_that_may_not_be_are_refused(fixtures):
    place = Place(fixtures, fixtures.tiny, fixtures.tiny_second)

    def rollout(*words, channel="stable", release="2026.9.0", cohorts=1):
        return ["rollout", place.repository, channel, "--release", release, "--cohorts", cohorts, *words]

    refused("--release: found 2027.1", *rollout(release="2027.1"))
    refused("--cohorts: found 1001", *rollout(cohorts=1001))
    refused("--cohorts: found -1", *rollout(cohorts=-1))
    refused("--not-before", *rollout("--not-before", "tomorrow"))
    refused("channel", *rollout(channel="../x"))
    refused("--block", *rollout("--block", "x"))
    refused("which is blocked", *rollout("--block", "2026.9.0"))
    do(*rollout("--block", "2026.10.0"))
    refused("which is blocked", *rollout(release="2026.10.0"))
    do(*rollout("--unblock", "2026.10.0", release="2026.10.0", cohorts=0), "--paused")
    expect("2026.10.0 for 0 of 1000 devices, paused" in place.verify(), "not paused")


def a_threshold_of_holders_signs(fixtures):
    place = Place(fixtures)
    with away(place, "targets-3"):
        do("publish", place.repository, fixtures.tiny)
        expect(len(load(place.metadata("2.targets.json"))["signatures"]) == 2, "not two signatures")
    place.verify()
    before = files(place.repository)
    with away(place, "targets-1", "targets-2"):
        refused("signatures of targets: found 1 of 3 holders; targets-1: .*expected 2",
                "publish", place.repository, fixtures.tiny_second)
    with away(place, "timestamp-1"):
        refused("signatures of timestamp: found 0 of 1", "refresh", place.repository)
    after = {name: value for name, value in files(place.repository).items() if not name.startswith("targets/releases/2026.10.0/")}
    expect(after == before, "without a threshold something was written")
    do("publish", place.repository, fixtures.tiny_second)
    # A signature too few is what a box refuses too.
    path = place.metadata("3.targets.json")
    edit(path, lambda value: value.update(signatures=value["signatures"][:1]))
    refused("", "verify", place.repository)
    refused("targets", "refresh", place.repository)


def targets_are_signed_where_online_keys_are_not(fixtures):
    place = Place(fixtures, fixtures.tiny)
    with away(place, "snapshot-1", "timestamp-1", "rollout-1"):
        do("publish", place.repository, fixtures.tiny_second, "--targets-only")
    expect("2026.10.0" not in place.verify(), "a box sees what the online keys have not signed")
    with away(place, "targets-1", "targets-2", "targets-3", *(f"root-{index}" for index in range(1, 6))):
        expect(do("refresh", place.repository) == "signed 3.snapshot.json, timestamp.json\n", "other files are signed")
    expect("2026.10.0" in place.verify(), "a box does not see the release")
    # What somebody else puts there is not taken up.
    do("keys", fixtures.path("somebody"))
    other = Place(fixtures, fixtures.tiny, keys=fixtures.path("somebody"))
    path = place.metadata("4.targets.json")
    for name in ("2.targets.json", "4.targets.json"):
        while not os.path.exists(other.metadata(name)):
            do("renew", other.repository, "targets")
        shutil.copy(other.metadata(name), path)
        do("refresh", place.repository)
        expect("targets    version 3" in place.verify(), f"{name} of another repository was taken up")
    do("renew", place.repository, "targets")
    expect("2026.10.0" in place.verify(), "the release went away")


def what_was_changed_on_the_server_is_not_signed_again(fixtures):
    place = Place(fixtures, fixtures.tiny)
    for name in ("1.root.json", "2.targets.json", "1.rollout.json", "2.snapshot.json", "timestamp.json"):
        path = place.metadata(name)
        with open(path, "rb") as file:
            content = file.read()
        edit(path, lambda value: value["signed"].update(expires="2036-01-01T00:00:00Z"))
        refused("found", "publish", place.repository, fixtures.tiny_second)
        refused("found", "verify", place.repository)
        with open(path, "wb") as file:
            file.write(content)
    flip(os.path.join(place.repository, "targets", "releases", "2026.9.0", "root.pack"), 1000)
    refused("root.pack: found .*SHA-256", "verify", place.repository)


def a_server_that_stands_still_is_noticed(fixtures):
    place = Place(fixtures, fixtures.tiny)
    with in_days(-8):
        do("refresh", place.repository)
    refused("expired", "verify", place.repository)
    do("refresh", place.repository)
    place.verify()


def a_bundle_has_one_release_and_its_own_roots(fixtures):
    place = Place(fixtures, fixtures.tiny, fixtures.tiny_second)
    trusted = os.path.join(place.directory, "offline-root.json")
    shutil.copy(os.path.join(place.repository, "offline", "metadata", "1.root.json"), trusted)
    sticks = [os.path.join(place.directory, name) for name in ("a", "b")]
    do("usb", place.repository, "--release", "2026.9.0", "--out", sticks[0])
    do("rotate-root", place.repository, "--replace", "root-2", "--offline")
    do("usb", place.repository, "--release", "2026.10.0", "--out", sticks[1])
    versions = []
    for stick, own, other in ((sticks[0], "2026.9.0", "2026.10.0"), (sticks[1], "2026.10.0", "2026.9.0")):
        tree = os.path.join(stick, "drimbox-update")
        lines = do("verify", tree, "--root", trusted)
        expect(f"release {own}:" in lines and f"release {other}:" not in lines, lines)
        expires = Metadata.from_file(os.path.join(tree, "metadata", "timestamp.json")).signed
        left = expires.expires - clock()
        expect(datetime.timedelta(days=89) < left <= datetime.timedelta(days=90), f"timestamp {left}")
        versions.append(expires.version)
        refused("signed by 0", "verify", tree, "--root", place.root)
        expect(not [path for path in glob.glob(f"{tree}/**", recursive=True) if os.path.islink(path)], "links")
    expect(versions[1] > versions[0], f"versions {versions}: a newer bundle would be refused")
    third = os.path.join(place.directory, "c")
    refused("exists", "usb", place.repository, "--release", "2026.9.0", "--out", sticks[0])
    refused("--release: found 1", "usb", place.repository, "--release", "1", "--out", third)
    with in_days(700):
        refused("offline root: found expiry", "usb", place.repository, "--release", "2026.9.0", "--out", third)
        do("renew", place.repository, "root", "--offline")
        call("usb", place.repository, "--release", "2026.9.0", "--out", third)
    expect("1 -> 3" in do("verify", os.path.join(third, "drimbox-update"), "--root", trusted), "root of the bundle")
    # Neither is taken for the other.
    shutil.copy(os.path.join(place.repository, "offline", "metadata", "2.root.json"), place.metadata("2.root.json"))
    refused("root", "verify", place.repository, "--root", place.root)


def another_client_finds_the_same(fixtures, binary):
    place = Place(fixtures, fixtures.first, fixtures.second)
    do("rollout", place.repository, "stable", "--release", "2026.10.0", "--cohorts", 500)
    place.replace("root-1", "root-4", "targets-2", "timestamp-1", "snapshot-1", "rollout-1")
    stick = os.path.join(place.directory, "stick")
    do("usb", place.repository, "--release", "2026.10.0", "--out", stick)
    trees = ((place.repository, place.root, ["releases/2026.9.0/manifest.json", "releases/2026.10.0/manifest.json",
                                             "rollout/stable.json"]),
             (f"{stick}/drimbox-update", f"{stick}/drimbox-update/metadata/1.root.json", ["releases/2026.10.0/manifest.json"]))
    for tree, root, paths in trees:
        with served(tree) as url, tempfile.TemporaryDirectory() as work:
            base = [binary, "--metadata-dir", f"{work}/metadata"]
            os.makedirs(f"{work}/targets")

            def run(words):
                return subprocess.run(words, capture_output=True, check=False, timeout=20)

            init = run([*base, "init", root])
            expect(init.returncode == 0, f"init: {init.stderr}")
            names = [word for path in paths for word in ("--target-name", path)]
            done = run([*base, "--metadata-url", f"{url}metadata/", *names, "--target-base-url", f"{url}targets/",
                        "--target-dir", f"{work}/targets", "download"])
            expect(done.returncode == 0, f"download: {done.stderr}")
            found = set(files(f"{work}/targets").values())
            wanted = {os.path.basename(path).split(".")[0] for path in glob.glob(f"{tree}/targets/**/*.json", recursive=True)}
            expect(found <= wanted and len(found) == len(paths), f"downloaded {found}")
            trusted = load(f"{work}/metadata", "root.json")["signed"]["version"]
            newest = max(int(name.split(".")[0]) for name in os.listdir(f"{tree}/metadata") if name.endswith(".root.json"))
            expect(trusted == newest, f"root {trusted}, not {newest}")
            none = run([*base, "--metadata-url", f"{url}metadata/", "--target-name", "releases/1/manifest.json",
                        "--target-base-url", f"{url}targets/", "--target-dir", f"{work}/targets", "download"])
            expect(none.returncode != 0, "a target that is not there was found")
