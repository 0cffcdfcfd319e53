# SPDX-License-Identifier: Apache-2.0
"""The commands of image/release."""
import argparse
import json
import os
import shutil
import sys

import common
import manifest as manifests
import payload
from ceremony import REPOSITORIES, Ceremony
from common import Refusal, days, json_bytes, parse_time, parse_version
from repository import Repository, ceremony_of, locked
from walk import verify

ROOT_LEFT = 365
CHANNEL_CHARACTERS = set("abcdefghijklmnopqrstuvwxyz0123456789-")


def say(text):
    print(text, flush=True)


def offline_path(path):
    return os.path.join(path, "offline")


def open_repository(arguments, kind="online"):
    path = arguments.repository if kind == "online" else offline_path(arguments.repository)
    return Repository.load(path, ceremony_of(arguments.repository, arguments.ceremony), kind)


def holder_values(pairs, option):
    """HOLDER=VALUE or HOLDER.offline=VALUE."""
    found = {}
    for pair in pairs or []:
        name, separator, value = pair.partition("=")
        holder, _, repository = name.partition(".")
        repository = repository or "online"
        if not separator or not value or repository not in REPOSITORIES:
            raise Refusal(option, pair, "HOLDER=VALUE or HOLDER.offline=VALUE")
        found[(holder, repository)] = value
    return found


def keys(arguments):
    uris = holder_values(arguments.uri, "--uri")
    publics = holder_values(arguments.public, "--public")
    for name in publics:
        if name not in uris:
            raise Refusal("--public", ".".join(name), "a holder with --uri")
    ceremony = Ceremony.create(arguments.directory, {name: (uri, publics.get(name)) for name, uri in uris.items()})
    for name in REPOSITORIES:
        for role, value in ceremony.repositories[name].items():
            say(f"{name:<8} {role:<10} {value['threshold']} of {len(value['holders'])}   {' '.join(value['holders'])}")
    say(f"keys in {arguments.directory}/holders, ceremony in {ceremony.path}")


def init(arguments):
    ceremony = Ceremony.load(arguments.ceremony)
    os.makedirs(arguments.repository, exist_ok=True)
    with locked(arguments.repository):
        online = Repository.create(arguments.repository, ceremony, "online")
        Repository.create(offline_path(arguments.repository), ceremony, "offline")
        common.write_whole(os.path.join(arguments.repository, "ceremony"), f"{ceremony.path}\n".encode())
    for role in ("root", "targets", "rollout", "snapshot", "timestamp"):
        say(f"{role:<10} version 1   expires {online.roles[role].signed.expires:%Y-%m-%d}")
    say("boxes trust metadata/1.root.json, and for USB media offline/metadata/1.root.json")


def verity(arguments):
    value = payload.format_verity(arguments.image, arguments.out, arguments.salt, arguments.uuid)
    sys.stdout.write(json_bytes(value).decode())


def build(arguments):
    custom = {"hw": arguments.hw, "rollback_index": arguments.rollback_index}
    if arguments.min_from:
        custom["min_from"] = arguments.min_from
    options = {"salt": arguments.salt, "uuid": arguments.uuid, "deadline": arguments.health_deadline,
               "schema": arguments.data_schema, "downgradable": not arguments.not_downgradable,
               "floor_key": arguments.floor_key, "floor_signature": arguments.floor_signature}
    made = payload.build(arguments.out, arguments.version, arguments.root, arguments.uki, custom, arguments.patch_from or [],
                         arguments.level, arguments.jobs, options)
    root = made["root"]
    say(f"root       {root['size']} bytes, {len(root['seg_sha256'])} segments, hash {made['verity']['roothash']}")
    say(f"root.pack  {root['pack']['len']} bytes")
    for patch in made["patches"]:
        share = 100 * patch["pack"]["len"] / root["pack"]["len"]
        say(f"patch-{patch['from_roothash'][:8]}.pack  {patch['pack']['len']} bytes, {share:.1f} % of root.pack")


def publish(arguments):
    manifest, content, custom = manifests.read_release(arguments.directory)
    version = manifest["release"]
    number = parse_version(version, "release")
    with locked(arguments.repository):
        repository = open_repository(arguments)
        left = repository.roles["root"].signed.expires - common.now()
        if left < days(ROOT_LEFT):
            raise Refusal("root metadata", f"{left.days} days before it expires",
                          f"{ROOT_LEFT} or more (renew it: renew REPO root)")
        published = repository.releases()
        for other in published:
            if parse_version(other, "release") == number:
                raise Refusal("release", f"{version}, published before as {other}", "a new version")
        highest = max((value["rollback_index"] for value in published.values()), default=0)
        if custom["rollback_index"] < highest:
            raise Refusal("rollback index", custom["rollback_index"], f"{highest}, the highest published, or more")
        destination = os.path.join(repository.targets, "releases", version)
        # What lies there was never signed: a former `publish` that did not end.
        shutil.rmtree(destination, ignore_errors=True)
        os.makedirs(destination)
        for name, _, _ in manifests.files_of(manifest):
            copy_durably(os.path.join(arguments.directory, name), os.path.join(destination, name))
        for directory in (destination, os.path.dirname(destination), repository.targets):
            common.synchronise_directory(directory)
        manifests.check_files(manifest, destination)
        repository.add_target("targets", f"releases/{version}/manifest.json", content, custom)
        if arguments.targets_only:
            repository.commit_targets_only()
        else:
            repository.commit("targets")
    say(f"{'signed' if arguments.targets_only else 'published'} {version}, "
        f"targets version {repository.roles['targets'].signed.version}; "
        + ("`refresh` publishes it" if arguments.targets_only else "no box is offered it before `rollout`"))


def copy_durably(source, destination):
    with open(source, "rb") as read, open(destination, "wb") as written:
        shutil.copyfileobj(read, written, 1 << 20)
        written.flush()
        os.fsync(written.fileno())


def rollout(arguments):
    channel = arguments.channel
    if not channel or len(channel) > 32 or not set(channel) <= CHANNEL_CHARACTERS:
        raise Refusal("channel", channel, "up to 32 of a-z 0-9 -")
    if not 0 <= arguments.cohorts <= 1000:
        raise Refusal("--cohorts", arguments.cohorts, "0 to 1000 of 1000 devices")
    if arguments.not_before is not None:
        parse_time(arguments.not_before, "--not-before")
    path = f"rollout/{channel}.json"
    with locked(arguments.repository):
        repository = open_repository(arguments)
        releases = repository.releases()
        if arguments.release not in releases:
            raise Refusal("--release", arguments.release, f"one of {', '.join(sorted(releases)) or 'none: publish one first'}")
        blocked = set()
        if path in repository.roles["rollout"].signed.targets:
            _, content = repository.target("rollout", path)
            blocked = set(json.loads(content).get("blocked", []))
        for version in arguments.block or []:
            parse_version(version, "--block")
            blocked.add(version)
        blocked -= set(arguments.unblock or [])
        if arguments.release in blocked:
            raise Refusal("--release", f"{arguments.release}, which is blocked", "a release that is not blocked")
        value = {"release": arguments.release, "cohorts_permille": arguments.cohorts, "paused": arguments.paused,
                 "urgent": arguments.urgent,
                 "blocked": sorted(blocked, key=lambda version: parse_version(version, "blocked"))}
        if arguments.not_before:
            value["not_before"] = arguments.not_before
        repository.add_target("rollout", path, json_bytes(value))
        repository.commit("rollout")
    say(f"{channel}: {arguments.release} for {arguments.cohorts} of 1000 devices"
        + (", paused" if arguments.paused else "") + (", urgent" if arguments.urgent else "")
        + (f", from {arguments.not_before}" if arguments.not_before else "")
        + (f"; blocked {', '.join(value['blocked'])}" if blocked else ""))


def refresh(arguments):
    with locked(arguments.repository):
        repository = open_repository(arguments)
        names = repository.refresh()
    say(f"signed {', '.join(names)}")
    for role, least in (("root", ROOT_LEFT), ("targets", 60)):
        left = (repository.roles[role].signed.expires - common.now()).days
        if left < least:
            say(f"{role} expires in {left} days: renew {arguments.repository} {role}")


def renew(arguments):
    kind = "offline" if arguments.offline else "online"
    with locked(arguments.repository):
        repository = open_repository(arguments, kind)
        if arguments.role == "root":
            repository.renew_root()
        else:
            repository.commit("targets")
        signed = repository.roles[arguments.role].signed
    say(f"{kind} {arguments.role} version {signed.version}, expires {signed.expires:%Y-%m-%d}")


def rotate_root(arguments):
    kind = "offline" if arguments.offline else "online"
    uris, publics = holder_values(arguments.uri, "--uri"), holder_values(arguments.public, "--public")
    for holder, _ in [*uris, *publics]:
        if holder not in arguments.replace:
            raise Refusal("--uri", holder, "a holder named with --replace")
    with locked(arguments.repository):
        repository = open_repository(arguments, kind)
        for holder in arguments.replace:
            name = (holder, kind)
            role, old, new, file = repository.replace_key(holder, uris.get(name), publics.get(name))
            say(f"{holder} ({kind} {role}): {old[:8]} -> {new[:8]} by {file}")


def check(arguments):
    for line in verify(arguments.repository, arguments.root):
        say(line)


def usb(arguments):
    """An own repository, with keys of its own of the same holders, that has one release (UPDATES 4.9)."""
    version = arguments.release
    out = os.path.join(arguments.out, "drimbox-update")
    if os.path.exists(out):
        raise Refusal("--out", f"{out} exists", "a directory without drimbox-update")
    with locked(arguments.repository):
        online = open_repository(arguments)
        path = f"releases/{version}/manifest.json"
        if version not in online.releases():
            raise Refusal("--release", version, f"one of {', '.join(sorted(online.releases())) or 'none: publish one first'}")
        target, content = online.target("targets", path)
        manifest = json.loads(content)
        source = os.path.join(online.targets, "releases", version)
        manifests.check_files(manifest, source)
        repository = open_repository(arguments, "offline")
        end = common.now() + days(repository.lifetimes["timestamp"])
        expires = repository.roles["root"].signed.expires
        if expires <= end:
            raise Refusal("offline root", f"expiry on {expires:%Y-%m-%d}",
                          f"one after the bundle's, {end:%Y-%m-%d} (renew REPO root --offline)")
        repository.roles["targets"].signed.targets.clear()
        shutil.rmtree(repository.targets)
        repository.add_target("targets", path, content, target.custom)
        repository.commit("targets")
        os.makedirs(out)
        shutil.copytree(repository.targets, os.path.join(out, "targets"))
        os.makedirs(os.path.join(out, "metadata"))
        wanted = {"timestamp.json"} | {f"{repository.roles[role].signed.version}.{role}.json" for role in ("snapshot", "targets")}
        for name in os.listdir(repository.metadata):
            if name in wanted or name.endswith(".root.json"):
                copy_durably(os.path.join(repository.metadata, name), os.path.join(out, "metadata", name))
        for name, _, _ in manifests.files_of(manifest):
            copy_durably(os.path.join(source, name), os.path.join(out, "targets", "releases", version, name))
    for line in verify(out):
        say(line)
    say(f"{out}: good until {end:%Y-%m-%d}")


def parser():
    top = argparse.ArgumentParser(prog="release", description="The vendor's side of signed updates; see docs/releases.md.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(name, function, text, repository=True, ceremony=True):
        found = commands.add_parser(name, help=text, description=text)
        found.set_defaults(function=function)
        if repository:
            found.add_argument("repository", metavar="REPO")
        if repository and ceremony:
            found.add_argument("--ceremony", metavar="FILE", help="the ceremony file, if not the one given to init")
        return found

    def key_options(found):
        found.add_argument("--uri", action="append", metavar="HOLDER=URI",
                           help="a key that exists: hsm:ID?label=TOKEN, or another securesystemslib URI; "
                           "HOLDER.offline for USB media")
        found.add_argument("--public", action="append", metavar="HOLDER=PEM", help="the public key of a URI that cannot be asked")

    found = command("keys", keys, "make the keys of a lab, and the ceremony file", repository=False)
    found.add_argument("directory", metavar="DIR")
    key_options(found)

    found = command("init", init, "make a new repository", ceremony=False)
    found.add_argument("--ceremony", required=True, metavar="FILE")

    found = command("verity", verity, "make the hash tree of a root image, print its root hash", repository=False)
    found.add_argument("image", metavar="ROOT_IMAGE")
    found.add_argument("--out", required=True, metavar="FILE")
    found.add_argument("--salt", metavar="HEX")
    found.add_argument("--uuid")

    found = command("build", build, "make a release of a root image and a kernel image", repository=False)
    found.add_argument("--version", required=True)
    found.add_argument("--root", required=True, metavar="ROOT_IMAGE")
    found.add_argument("--uki", required=True)
    found.add_argument("--rollback-index", required=True, type=int, metavar="N")
    found.add_argument("--hw", required=True, nargs="+")
    found.add_argument("--min-from", metavar="VERSION")
    found.add_argument("--patch-from", action="append", metavar="OLD",
                       help="a directory that build wrote, a root image, or IMAGE=ROOTHASH; repeatable")
    floor = found.add_mutually_exclusive_group()
    floor.add_argument("--floor-key", metavar="PEM", help="sign the TPM policy that raises the floor to the rollback index")
    floor.add_argument("--floor-signature", metavar="FILE", help="that signature, in DER, made where the key is")
    found.add_argument("--out", required=True, metavar="DIR")
    found.add_argument("--level", type=int, default=9, help="of zstd, 1 to 19 (default 9)")
    found.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="threads; the bytes do not depend on it")
    found.add_argument("--salt", metavar="HEX", help="of the hash tree; by default it follows from the content")
    found.add_argument("--uuid", help="of the hash tree; by default it follows from the content")
    found.add_argument("--health-deadline", type=int, default=900, metavar="SECONDS")
    found.add_argument("--data-schema", type=int, default=1, metavar="N")
    found.add_argument("--not-downgradable", action="store_true", help="the release before cannot read this one's data")

    found = command("publish", publish, "sign a release and put it into the repository")
    found.add_argument("directory", metavar="DIR")
    found.add_argument("--targets-only", action="store_true", help="sign targets where the online keys are not; then `refresh`")

    found = command("rollout", rollout, "say which devices of a channel are offered which release")
    found.add_argument("channel", metavar="CHANNEL")
    found.add_argument("--release", required=True, metavar="VERSION")
    found.add_argument("--cohorts", required=True, type=int, metavar="PERMILLE")
    found.add_argument("--paused", action="store_true")
    found.add_argument("--urgent", action="store_true")
    found.add_argument("--not-before", metavar="TIME")
    found.add_argument("--block", action="append", metavar="VERSION")
    found.add_argument("--unblock", action="append", metavar="VERSION")

    command("refresh", refresh, "sign the timestamp, and what else has less than half its life")

    found = command("renew", renew, "sign root or targets with a new expiry")
    found.add_argument("role", choices=["root", "targets"])
    found.add_argument("--offline", action="store_true", help="those of USB media")

    found = command("rotate-root", rotate_root, "replace the keys of holders, each by a root (or targets) of its own")
    found.add_argument("--replace", action="append", required=True, metavar="HOLDER")
    found.add_argument("--offline", action="store_true", help="the holder's key for USB media")
    key_options(found)

    found = command("verify", check, "walk the repository as a box does, check every file", ceremony=False)
    found.add_argument("--root", metavar="FILE", help="the root that the box trusts (default metadata/1.root.json)")

    found = command("usb", usb, "write a tree for USB media that has one release")
    found.add_argument("--release", required=True, metavar="VERSION")
    found.add_argument("--out", required=True, metavar="DIR")
    return top


def main(words=None):
    arguments = parser().parse_args(words)
    try:
        arguments.function(arguments)
    except Refusal as refusal:
        print(f"release: {refusal}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"release: {error.filename or 'file'}: found {error.strerror}, expected success", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
