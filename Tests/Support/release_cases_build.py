# SPDX-License-Identifier: Apache-2.0
"""What image/release builds, read back by other programs."""
import base64
import hashlib
import importlib.util
import json
import os
import random
import shutil
import subprocess

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from release_fixtures import SEGMENT, expect, do, files, flip, load, refused


def two_builds_are_identical(fixtures):
    again = fixtures.path("again")
    fixtures.build(again, "2026.10.0", fixtures.new, 4, "--min-from", "2026.9", "--patch-from", fixtures.first, "--jobs", 1)
    expect(files(again) == files(fixtures.second), "another build of the same files differs")
    expect(set(files(again)) >= {"manifest.json", "custom.json", "root.pack", "uki.efi", "root.verity"}, "files are missing")
    fixtures.build(fixtures.path("third"), "2026.10.0", fixtures.new, 4, "--min-from", "2026.9", "--patch-from", fixtures.old)
    expect(files(fixtures.path("third")) == files(fixtures.second), "a patch from the image differs from one from its release")


def the_zstd_program_decodes_packs_and_patches(fixtures):
    manifest = load(fixtures.second, "manifest.json")
    with open(fixtures.old, "rb") as file:
        old = file.read()
    with open(fixtures.new, "rb") as file:
        new = file.read()
    with open(os.path.join(fixtures.second, "root.pack"), "rb") as file:
        pack = file.read()
    command = ["zstd", "-d", "-q", "-c", os.path.join(fixtures.second, "root.pack")]
    whole = subprocess.run(command, capture_output=True, check=True)
    expect(whole.stdout == new, "the pack as a whole is not the image")
    patch = manifest["patches"][0]
    expect(patch["from_roothash"] == load(fixtures.first, "manifest.json")["verity"]["roothash"], "from another root")
    with open(os.path.join(fixtures.second, f"patch-{patch['from_roothash'][:8]}.pack"), "rb") as file:
        patches = file.read()
    expect(len(patches) == patch["pack"]["len"] < manifest["root"]["pack"]["len"] / 3, "the patch is not small")
    work = fixtures.path("decode")
    for index, sha in enumerate(manifest["root"]["seg_sha256"]):
        segment = new[index * SEGMENT:(index + 1) * SEGMENT]
        expect(hashlib.sha256(segment).hexdigest() == sha, f"hash of segment {index}")
        for content, (offset, length), window in ((pack, manifest["root"]["pack"]["frames"][index], None),
                                                  (patches, patch["pack"]["frames"][index], patch["src_windows"][index])):
            with open(work, "wb") as file:
                file.write(content[offset:offset + length])
            listed = subprocess.run(["zstd", "-l", "-v", work], capture_output=True, check=True).stdout.decode()
            expect("Check: XXH64" in listed and f"({len(segment)} B)" in listed, f"frame {index}: {listed}")
            command = ["zstd", "-d", "-q", "-c", "--long=25"]
            if window is not None:
                with open(f"{work}.window", "wb") as file:
                    file.write(old[window[0]:window[0] + window[1]])
                command.append(f"--patch-from={work}.window")
            decoded = subprocess.run([*command, work], capture_output=True, check=True).stdout
            expect(decoded == segment, f"frame {index} is not the segment")
    with open(f"{work}.window", "wb") as file:
        file.write(bytes(16 << 20))
    wrong = subprocess.run([*command[:-1], f"--patch-from={work}.window", work], capture_output=True, check=False)
    expect(wrong.returncode != 0, "a patch frame decodes without its window")


def windows_follow_content_that_moved(fixtures):
    numbers = random.Random(11)
    old = numbers.randbytes(24 << 20)
    new = numbers.randbytes(13 << 20) + old[:8 << 20]
    paths = []
    for name, content in (("still.img", old), ("moved.img", new)):
        paths.append(fixtures.path(name))
        with open(paths[-1], "wb") as file:
            file.write(content)
    fixtures.build(fixtures.path("moved"), "1", paths[1], 1, "--patch-from", paths[0], "--level", 1)
    manifest = load(fixtures.path("moved"), "manifest.json")
    patch = manifest["patches"][0]
    frames, windows = patch["pack"]["frames"], patch["src_windows"]
    expect(frames[0] == windows[0] == [0, 0], "a frame for content that is not in the old root")
    expect(all(0 < length < 10_000 for _, length in frames[4:]), f"moved segments cost {frames[4:]}")
    expect(all(offset % 4096 == 0 and length == 16 << 20 for offset, length in windows[4:]), f"windows {windows[4:]}")


def the_hash_tree_is_what_veritysetup_accepts(fixtures):
    verity = load(fixtures.second, "manifest.json")["verity"]
    tree = os.path.join(fixtures.second, "root.verity")
    verify = ["veritysetup", "verify", fixtures.new, tree, verity["roothash"]]
    expect(subprocess.run(verify, capture_output=True, check=False).returncode == 0, "veritysetup refuses the tree")
    dump = subprocess.run(["veritysetup", "dump", tree], capture_output=True, check=True).stdout.decode()
    for text in (verity["uuid"], verity["salt"], "Hash type:       \t1", "sha256"):
        expect(text in dump, f"{text!r} not in the superblock: {dump}")
    for path, offset in ((fixtures.new, 5_000_001), (tree, 4096 + 17)):
        flip(path, offset)
        code = subprocess.run(verify, capture_output=True, check=False).returncode
        flip(path, offset)
        expect(code != 0, f"veritysetup accepts a flipped byte in {path}")
    chosen = ("--salt", "00ff", "--uuid", "0A0B0C0D-0000-4000-8000-000000000001")
    value = json.loads(do("verity", fixtures.new, "--out", fixtures.path("tree"), *chosen))
    expect((value["salt"], value["uuid"]) == ("00ff", chosen[3].lower()), f"not what was asked for: {value}")
    expect(value["roothash"] != verity["roothash"], "the salt does not count")


def a_build_refuses_what_cannot_be(fixtures):
    short = fixtures.path("short.img")
    with open(short, "wb") as file:
        file.write(bytes(4097))
    bound = fixtures.path("bound")
    with open(bound, "wb") as file:
        file.write(b"MZ\0 ro roothash=" + b"a" * 64 + b" panic=10\0")

    def build(**changes):
        values = {"version": "1.0", "root": fixtures.new, "uki": fixtures.uki, "rollback-index": 1, "hw": "drimbox-1", "level": 1,
                  "out": fixtures.path("refused")} | changes
        shutil.rmtree(fixtures.path("refused"), ignore_errors=True)
        return ["build", *(word for name, value in values.items() for word in (f"--{name.replace('_', '-')}", value))]

    for version in ("", "1.2.3.4.5", "1.02", "v1", "1..2", "1.-2"):
        refused("--version", *build(version=version))
    refused("root image .*4097 bytes", *build(root=short))
    refused("root image.*No such file", *build(root=fixtures.path("none")))
    refused("--uki.*No such file", *build(uki=fixtures.path("none")))
    refused("roothash=aaaa", *build(uki=bound))
    refused("rollback_index", *build(rollback_index=-1))
    refused("hw", *build(hw="Drim Box"))
    refused("--min-from", *build(min_from="1.0.0"))
    refused("--level", *build(level=20))
    refused("--salt", *build(salt="xy"))
    refused("--uuid", *build(uuid="7"))
    refused("--patch-from.*another root", *build(patch_from=fixtures.new))
    refused("--patch-from.*another root", *build(patch_from=fixtures.old), "--patch-from", fixtures.first)
    refused("not empty", *build(out=fixtures.first))


def the_floor_is_signed_or_the_module_named(fixtures):
    key = ec.generate_private_key(ec.SECP256R1())
    path = fixtures.path("floor.pem")
    with open(path, "wb") as file:
        file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    words = ["build", "--version", "1.0", "--root", fixtures.old, "--uki", fixtures.uki, "--rollback-index", 9,
             "--hw", "drimbox-1", "--floor-key", path, "--level", 1, "--out", fixtures.path("floor")]
    made = fixtures.path("floor.signature")
    with open(made, "wb") as file:
        file.write(key.sign(b"what a token signed", ec.ECDSA(hashes.SHA256())))
    elsewhere = [word if word != "--floor-key" else "--floor-signature" for word in words]
    elsewhere[elsewhere.index(path)], elsewhere[-1] = made, fixtures.path("floor-elsewhere")
    do(*elsewhere)
    floor = load(fixtures.path("floor-elsewhere"), "manifest.json")["floor"]
    with open(made, "rb") as file:
        expect(floor == {"value": 9, "signature": base64.b64encode(file.read()).decode()}, f"floor {floor}")
    refused("--floor-signature", *elsewhere[:-2], "--floor-signature", fixtures.uki, "--out", fixtures.path("no-floor"))
    if importlib.util.find_spec("floor_policy") is None:
        refused("floor_policy.py", *words)
        return "floor_policy.py is not here: refused by name"
    import floor_policy

    do(*words)
    floor = load(fixtures.path("floor"), "manifest.json")["floor"]
    expect(floor["value"] == 9, f"floor {floor}")
    signature = base64.b64decode(floor["signature"])
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    key.public_key().verify(signature, floor_policy.message(9, public), ec.ECDSA(hashes.SHA256()))
    refused("--floor-key", *words[:-4], "--floor-key", fixtures.uki, "--out", fixtures.path("no-floor"))
    return None
