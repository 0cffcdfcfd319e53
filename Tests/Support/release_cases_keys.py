# SPDX-License-Identifier: Apache-2.0
"""Keys: where they are, how they are replaced, what their loss means; power cuts while they sign."""
import glob
import os
import shutil
import subprocess

import ceremony
import repository as repositories
from release_fixtures import RELEASE, Failure, Place, away, do, edit, expect, load, refused


def keys_are_private_and_never_overwritten(fixtures):
    expect(all(os.stat(path).st_mode & 0o777 == 0o600 for path in glob.glob(f"{fixtures.keys}/holders/*/*.pem")), "modes")
    expect(len(glob.glob(f"{fixtures.keys}/holders/*/*.pem")) == 21, "21 keys")
    expect(len(os.listdir(f"{fixtures.keys}/holders")) == 13, "a directory for each of 13 holders")
    expect("PRIVATE" not in open(f"{fixtures.keys}/ceremony.json").read(), "a private key in ceremony.json")
    refused("not empty", "keys", fixtures.keys)
    place = Place(fixtures)
    refused("a repository in", "init", place.repository, "--ceremony", f"{place.keys}/ceremony.json")
    path, = glob.glob(f"{place.keys}/holders/timestamp-1/*.pem")
    os.chmod(path, 0o640)
    refused("mode 0640, expected 0600", "refresh", place.repository)
    refused("ceremony.*No such file", "init", fixtures.path("nowhere"), "--ceremony", "/none")
    refused("--uri: found nobody.online", "keys", fixtures.path("k"), "--uri", "nobody=hsm:2")
    refused("key URI: found awskms:x", "keys", fixtures.path("k2"), "--uri", "timestamp-1=awskms:x")
    refused("holder of the online", "rotate-root", place.repository, "--replace", "nobody")


def a_box_walks_every_root_from_the_first(fixtures):
    place = Place(fixtures, fixtures.tiny)
    do("rollout", place.repository, "stable", "--release", "2026.9.0", "--cohorts", 1000)
    holders = [f"root-{index}" for index in range(1, 6)] + ["targets-1", "targets-2", "targets-3", "snapshot-1", "timestamp-1"]
    keyids = set(load(place.root)["signed"]["keys"])
    for holder in holders:
        place.replace(holder)
        place.verify()
    expect("targets.json" in place.replace("rollout-1"), "the key of rollout is named by targets")
    expect("root 1 -> 11" in place.verify(), "a box does not come to root 11")
    expect(not keyids & set(load(place.metadata("11.root.json"))["signed"]["keys"]), "a key of before is still there")
    do("publish", place.repository, fixtures.tiny_second)
    do("renew", place.repository, "root")
    expect("root 1 -> 12" in place.verify(), "a box does not come to root 12")
    for middle in (2, 7):
        do("verify", place.repository, "--root", place.metadata(f"{middle}.root.json"))


def lost_root_keys_are_replaced_up_to_the_threshold(fixtures):
    place = Place(fixtures)
    directory = os.path.join(place.keys, "holders")
    for holder in ("root-1", "root-5"):
        shutil.rmtree(os.path.join(directory, holder))
    place.replace("root-1", "root-5")
    place.verify()
    for holder in ("root-2", "root-3", "root-4"):
        for path in glob.glob(os.path.join(directory, holder, "online-*.pem")):
            os.unlink(path)
    refused("signatures of root: found [0-9] of 5 holders", "rotate-root", place.repository, "--replace", "root-2")
    expect("root 1 -> 3" in place.verify(), "another root")


def three_holders_of_the_root_before_sign_the_one_after(fixtures):
    place = Place(fixtures)
    with away(place, "root-4", "root-5"):
        place.replace("root-1")
        expect("root 1 -> 2" in place.verify(), "root 2")
        path, = (path for path in glob.glob(f"{place.keys}/holders/root-2/online-*.pem"))
        os.unlink(path)
        # The new key makes three of after, and there are two of before.
        refused("signatures of root: found 2 of 5 holders", "rotate-root", place.repository, "--replace", "root-2")
    expect("root 1 -> 2" in place.verify(), "another root")


def a_root_that_the_former_did_not_sign_is_refused(fixtures):
    place, other = Place(fixtures), fixtures.path("other-keys")
    do("keys", other)
    ours = repositories.Repository.load(place.repository, ceremony.Ceremony.load(f"{place.keys}/ceremony.json"), "online")
    theirs = repositories.Repository.create(fixtures.path("other"), ceremony.Ceremony.load(f"{other}/ceremony.json"), "online")
    root = theirs.roles["root"]
    ours.write(theirs.sign_root(root, None))
    refused("root was signed by 0/3", "verify", place.repository, "--root", place.root)


def lost_online_keys_are_replaced(fixtures):
    place = Place(fixtures, fixtures.tiny)
    for holder in ("snapshot-1", "timestamp-1", "rollout-1"):
        with away(place, holder):
            refused("found 0 of 1", "rollout", place.repository, "stable", "--release", "2026.9.0", "--cohorts", 1)
        shutil.rmtree(os.path.join(place.keys, "holders", holder))
        place.replace(holder)
        place.verify()
    do("rollout", place.repository, "stable", "--release", "2026.9.0", "--cohorts", 1)
    place.verify()


def both_roots_can_read_while_an_online_key_is_replaced(fixtures):
    place = Place(fixtures, fixtures.tiny)
    place.replace("timestamp-1")
    os.rename(place.metadata("2.root.json"), place.metadata("hidden"))
    expect("root 1 -> 1" in place.verify(), "a box with the old root cannot read")
    os.rename(place.metadata("hidden"), place.metadata("2.root.json"))
    expect("root 1 -> 2" in place.verify(), "a box with the new root cannot read")
    do("refresh", place.repository)
    os.rename(place.metadata("2.root.json"), place.metadata("hidden"))
    refused("timestamp", "verify", place.repository)


def a_key_in_a_token_signs(fixtures):
    libraries = glob.glob("/usr/lib/softhsm/libsofthsm2.so") + glob.glob("/usr/lib/*/softhsm/libsofthsm2.so")
    if not libraries or not shutil.which("softhsm2-util") or not shutil.which("pkcs11-tool"):
        return "skipped: no softhsm2, opensc"
    os.mkdir(fixtures.path("tokens"))
    with open(fixtures.path("softhsm.conf"), "w") as file:
        file.write(f"directories.tokendir = {fixtures.path('tokens')}\n")
    os.environ.update(SOFTHSM2_CONF=fixtures.path("softhsm.conf"), PYKCS11LIB=libraries[0], TOKEN_PIN="123456")
    subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", "root one", "--pin", "123456", "--so-pin", "0000"],
                   check=True, capture_output=True)
    for number in ("02", "03"):
        subprocess.run(["pkcs11-tool", "--module", libraries[0], "--login", "--pin", "123456", "--token-label", "root one",
                        "--keypairgen", "--key-type", "EC:prime256v1", "--id", number], check=True, capture_output=True)
    keys, repository = fixtures.path("token-keys"), fixtures.path("token-repository")
    refused("hsm:9", "keys", fixtures.path("no-keys"), "--uri", "root-1=hsm:9?label=root+one")
    do("keys", keys, "--uri", "root-1=hsm:2?label=root+one", "--uri", "root-1.offline=hsm:3?label=root+one")
    expect(not os.path.exists(f"{keys}/holders/root-1"), "a key in a file as well")

    def pins(value):
        for entry in value["keys"]:
            if entry["uri"].startswith("hsm:"):
                entry["pin_env"] = "TOKEN_PIN"

    edit(f"{keys}/ceremony.json", pins)
    do("init", repository, "--ceremony", f"{keys}/ceremony.json")
    entry = next(entry for entry in load(keys, "ceremony.json")["keys"] if entry["uri"].startswith("hsm:2"))
    signed = {value["keyid"]: value["sig"] for value in load(repository, "metadata", "1.root.json")["signatures"]}
    expect(signed.get(entry["keyid"]), "no signature of the token")
    do("verify", repository)
    os.environ["TOKEN_PIN"] = "654321"
    do("renew", repository, "root")
    signed = {value["keyid"] for value in load(repository, "metadata", "2.root.json")["signatures"]}
    expect(len(signed) == 4 and entry["keyid"] not in signed, "a wrong PIN signs")
    return None


class Cut(BaseException):
    pass


def cut_at(number, action):
    """Ends an action before its so-manyth file is put in place; whether it came so far."""
    count = 0
    replace = os.replace

    def counting(source, destination):
        nonlocal count
        count += 1
        if count == number:
            raise Cut
        replace(source, destination)

    os.replace = counting
    try:
        action()
    except Cut:
        return True
    finally:
        os.replace = replace
    return False


def a_cut_at_every_write_leaves_what_a_box_can_read(fixtures):
    total = 0
    actions = {
        "publish": lambda place: do("publish", place.repository, fixtures.tiny_second),
        "rollout": lambda place: do("rollout", place.repository, "stable", "--release", "2026.9.0", "--cohorts", 5),
        "timestamp-1": lambda place: place.replace("timestamp-1"),
        "snapshot-1": lambda place: place.replace("snapshot-1"),
        "targets-1": lambda place: place.replace("targets-1"),
        "rollout-1": lambda place: place.replace("rollout-1"),
        "root-1": lambda place: place.replace("root-1"),
    }
    wanted = dict.fromkeys(actions, "release 2026.9.0") | {"publish": "release 2026.10.0", "rollout": "for 5 of 1000"}
    pristine = Place(fixtures, fixtures.tiny)
    do("rollout", pristine.repository, "stable", "--release", "2026.9.0", "--cohorts", 1)
    for name, action in actions.items():
        number = 1
        while True:
            place = copy_of(pristine)
            if not cut_at(number, lambda: action(place)):
                break
            lines = place.verify()
            expect("release 2026.9.0" in lines, f"{name} cut at {number}: {lines}")
            do("refresh", place.repository)
            try:
                action(place)
            except Failure as error:
                # What `publish` had signed when the power went, `refresh` has shown.
                expect("published before" in str(error), f"{name} cut at {number}, again: {error}")
            expect(wanted[name] in place.verify(), f"{name} cut at {number}: not done in the end")
            number += 1
            total += 1
            shutil.rmtree(place.directory)
    expect(total >= 25, f"only {total} cuts")
    return f"{total} cuts"


def copy_of(place):
    copy = Place.__new__(Place)
    place.fixtures.count += 1
    copy.fixtures, copy.directory = place.fixtures, place.fixtures.path(f"place-{place.fixtures.count}")
    shutil.copytree(place.directory, copy.directory)
    copy.keys, copy.repository, copy.root = (os.path.join(copy.directory, name) for name in ("keys", "repository", "root.json"))
    with open(os.path.join(copy.repository, "ceremony"), "w") as file:
        file.write(f"{copy.keys}/ceremony.json\n")
    return copy


def one_command_at_a_time(fixtures):
    place = Place(fixtures)
    with repositories.locked(place.repository):
        refused("another image/release", "refresh", place.repository)
    do("refresh", place.repository)


def the_program_ends_with_one_line(fixtures):
    for words, code in ((["verify", "/none"], 1), (["publish", "/none", fixtures.tiny], 1), (["verify"], 2), ([], 2)):
        done = subprocess.run([RELEASE, *words], capture_output=True, check=False)
        expect(done.returncode == code and b"Traceback" not in done.stderr, f"{words}: {done}")
        expect(code == 2 or len(done.stderr.splitlines()) == 1, f"{words}: {done.stderr}")
