# SPDX-License-Identifier: Apache-2.0
"""What a release consists of: the root image in segments, packs, patches, the hash tree, the manifest (UPDATES 4.3).

Everything is computed from the content of the files alone: the same files give the same bytes, on one thread or on many.
"""
import base64
import concurrent.futures
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import uuid

import zstandard
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from common import HARDWARE, Refusal, digest_file, json_bytes, parse_version, read_file, write_whole

BLOCK = 4096
SEGMENT = 4 << 20
WINDOW = 16 << 20
WINDOW_LOG = 25
LEVELS = range(1, 20)
# The program sizes its tables by the segment; these see the whole window, and a last short segment finds what it has there.
TABLES = "--zstd=hashLog=22,chainLog=22,ldmHashLog=20,ldmHashRateLog=4"
ROOT_HASH = re.compile(rb"roothash=([0-9a-f]{64})")


class Image:
    """A root image, by segments."""

    def __init__(self, path, what="root image"):
        self.path = path
        try:
            self.descriptor = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise Refusal(what, f"{path}: {error.strerror}", "a readable file") from None
        self.size = os.lseek(self.descriptor, 0, os.SEEK_END)
        if self.size == 0 or self.size % BLOCK != 0:
            raise Refusal(f"{what} {path}", f"{self.size} bytes", f"a multiple of {BLOCK}, and not nothing")
        self.segments = -(-self.size // SEGMENT)

    def read(self, offset, count):
        content = os.pread(self.descriptor, count, offset)
        if len(content) != min(count, self.size - offset):
            raise Refusal(self.path, f"{len(content)} bytes at {offset}", f"{min(count, self.size - offset)}")
        return content

    def segment(self, index):
        return self.read(index * SEGMENT, SEGMENT)

    def digest(self):
        return digest_file(self.path)[0]

    def close(self):
        os.close(self.descriptor)


def run(command, what):
    """A Debian tool, whose complaint becomes ours."""
    if shutil.which(command[0]) is None and not os.path.exists(f"/usr/sbin/{command[0]}"):
        package = {"veritysetup": "cryptsetup-bin"}.get(command[0], command[0])
        raise Refusal(what, f"no {command[0]}", f"the Debian package {package}")
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    done = subprocess.run(command, capture_output=True, env={"PATH": path, "LC_ALL": "C"}, check=False)
    if done.returncode != 0:
        complaint = " ".join((done.stderr or done.stdout).decode(errors="replace").split())
        raise Refusal(what, f"{command[0]}: {complaint or done.returncode}", "exit code 0")
    return done.stdout


def format_verity(image_path, tree_path, salt=None, identifier=None):
    """The hash tree of dm-verity, format 1, in a file that begins with its superblock, and what opens it.

    Salt and UUID follow from the content unless they are given, so whoever formats the same image gets the same tree.
    """
    content = Image(image_path)
    digest = content.digest()
    content.close()
    if salt is None:
        salt = hashlib.sha256(b"drimbox verity salt\0" + bytes.fromhex(digest)).hexdigest()
    if identifier is None:
        seed = hashlib.sha256(b"drimbox verity uuid\0" + bytes.fromhex(digest)).digest()
        identifier = str(uuid.UUID(bytes=seed[:16], version=4))
    if not re.fullmatch(r"([0-9a-f]{2}){1,256}", salt):
        raise Refusal("--salt", salt, "1 to 256 bytes as lower-case hexadecimal digits")
    try:
        identifier = str(uuid.UUID(identifier))
    except ValueError:
        raise Refusal("--uuid", identifier, "a UUID, 8-4-4-4-12 hexadecimal digits") from None
    with tempfile.TemporaryDirectory(dir=os.path.dirname(tree_path) or ".", prefix=".verity-") as work:
        tree, root_hash = os.path.join(work, "tree"), os.path.join(work, "roothash")
        run(["veritysetup", "format", image_path, tree, "--format=1", "--hash=sha256", f"--data-block-size={BLOCK}",
             f"--hash-block-size={BLOCK}", f"--salt={salt}", f"--uuid={identifier}", f"--root-hash-file={root_hash}"],
            "hash tree")
        value = read_file(root_hash, "root hash").decode().strip()
        os.chmod(tree, 0o644)
        os.replace(tree, tree_path)
    return {"roothash": value, "salt": salt, "uuid": identifier, "alg": "sha256"}


def frames_in_order(frames, path):
    """Writes frames one after the other; where each lies, and what the file is. An empty frame is [0, 0]."""
    places, offset, digest = [], 0, hashlib.sha256()
    with open(path, "wb") as file:
        for frame in frames:
            places.append([offset, len(frame)] if frame else [0, 0])
            file.write(frame)
            digest.update(frame)
            offset += len(frame)
    return {"sha256": digest.hexdigest(), "len": offset, "frames": places}


def pack_frame(content, level):
    return zstandard.ZstdCompressor(level=level, write_checksum=True, write_content_size=True).compress(content)


def block_places(image):
    """Where each block of an image is found first, by hash."""
    places = {}
    for offset in range(0, image.size, SEGMENT):
        content = memoryview(image.read(offset, SEGMENT))
        for start in range(0, len(content), BLOCK):
            places.setdefault(hashlib.sha256(content[start:start + BLOCK]).digest(), offset + start)
    return places


def source_window(places, old_size, offset, content):
    """The 16 MiB of the old root in which most blocks of a segment are found, or those around its own place.

    Blocks vote for how far the content moved, in steps of 1 MiB.
    """
    votes = {}
    view = memoryview(content)
    for start in range(0, len(content), BLOCK):
        place = places.get(hashlib.sha256(view[start:start + BLOCK]).digest())
        if place is not None:
            moved = (place - offset - start) >> 20
            votes[moved] = votes.get(moved, 0) + 1
    moved = max(votes, key=lambda step: (votes[step], -abs(step), step)) << 20 if votes else 0
    start = offset + moved + SEGMENT // 2 - WINDOW // 2
    start = max(0, min(start, old_size - WINDOW)) // BLOCK * BLOCK
    return start, min(WINDOW, old_size - start)


def patch_frame(content, window, level, directory):
    """One frame made by `zstd --patch-from`; the library's own binding has no prefixes, and its dictionaries
    give frames several times as large."""
    with tempfile.TemporaryDirectory(dir=directory) as work:
        source, segment = os.path.join(work, "window"), os.path.join(work, "segment")
        for path, bytes_of in ((source, window), (segment, content)):
            with open(path, "wb") as file:
                file.write(bytes_of)
        return run(["zstd", "-q", "-c", "-T1", "--check", f"-{level}", f"--long={WINDOW_LOG}", TABLES,
                    f"--patch-from={source}", segment], "patch")


def make_pack(image, path, level, workers):
    def frame(index):
        content = image.segment(index)
        return hashlib.sha256(content).hexdigest(), pack_frame(content, level)

    digests = []

    def frames():
        for digest, content in in_order(workers, frame, image.segments):
            digests.append(digest)
            yield content

    pack = frames_in_order(frames(), path)
    return digests, pack


def make_patch(old, new, path, level, workers, pack_frames):
    """Patch frames for the segments where one spares at least a sixteenth of the pack's frame."""
    places = block_places(old)
    windows = []
    with tempfile.TemporaryDirectory(dir=os.path.dirname(path) or ".", prefix=".patch-") as work:
        def frame(index):
            content = new.segment(index)
            window = source_window(places, old.size, index * SEGMENT, content)
            made = patch_frame(content, old.read(*window), level, work)
            return (made, list(window)) if 16 * len(made) <= 15 * pack_frames[index][1] else (b"", [0, 0])

        def frames():
            for made, window in in_order(workers, frame, new.segments):
                windows.append(window)
                yield made

        pack = frames_in_order(frames(), path)
    return pack, windows


def in_order(workers, function, count):
    """Results in the order of their indices, a few at a time in memory."""
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        waiting = []
        for index in range(count):
            waiting.append(pool.submit(function, index))
            if len(waiting) > 2 * workers:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()


def floor_signature(value, key_path):
    """The vendor's signature of the TPM policy that raises the floor to a value (UPDATES 4.6)."""
    pem = read_file(key_path, "--floor-key")
    try:
        import floor_policy
    except ImportError:
        raise Refusal("--floor-key", "no image/vendor/floor_policy.py", "the module that computes the TPM's policy") from None
    try:
        return base64.b64encode(floor_policy.sign(value, pem)).decode()
    except (ValueError, TypeError) as error:
        raise Refusal("--floor-key", f"{key_path}: {error}", "the vendor's key of floors, an ECDSA P-256 key in PEM") from None


def read_floor_signature(path):
    """A signature that was made where the key is: `floor_policy.py message` writes what is to be signed."""
    signature = read_file(path, "--floor-signature")
    try:
        decode_dss_signature(signature)
    except ValueError as error:
        raise Refusal("--floor-signature", f"{path}: {error}", "an ECDSA signature in DER") from None
    return base64.b64encode(signature).decode()


def check_custom(custom, what):
    hardware, index, minimum = custom.get("hw"), custom.get("rollback_index"), custom.get("min_from")
    if not isinstance(hardware, list) or not hardware or not all(
            isinstance(name, str) and HARDWARE.fullmatch(name) for name in hardware):
        raise Refusal(f"{what}: hw", hardware, "one or more names of hardware, such as drimbox-1")
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < 1 << 53:
        raise Refusal(f"{what}: rollback_index", index, "a whole number from 0")
    if minimum is not None:
        parse_version(minimum, f"{what}: min_from")


def old_root(path, work):
    """The image to patch from, and its root hash: a directory that `build` wrote, `IMAGE=ROOTHASH`, or an image whose
    tree was made with salt and UUID of its content."""
    if os.path.isdir(path):
        import manifest

        old, _, _ = manifest.read_release(path)
        image = os.path.join(work, "image")
        with open(image, "wb") as sink:
            manifest.unpack(old, path, sink)
        return Image(image), old["verity"]["roothash"]
    image, separator, digest = path.rpartition("=")
    if separator and re.fullmatch("[0-9a-f]{64}", digest):
        return Image(image, "--patch-from"), digest
    old = Image(path, "--patch-from")
    return old, format_verity(path, os.path.join(work, "tree"))["roothash"]


def build(out, version, root_path, uki_path, custom, old_paths, level, workers, options):
    """Writes a release to a new directory; its manifest."""
    release = parse_version(version, "--version")
    check_custom(custom, "release")
    if custom.get("min_from") and parse_version(custom["min_from"], "--min-from") >= release:
        raise Refusal("--min-from", custom["min_from"], f"a release before {version}")
    if level not in LEVELS:
        raise Refusal("--level", level, f"{LEVELS[0]} to {LEVELS[-1]}")
    if os.path.exists(out) and (not os.path.isdir(out) or os.listdir(out)):
        raise Refusal("--out", f"{out}, which is not empty", "a new or empty directory")
    parent = os.path.dirname(os.path.abspath(out))
    os.makedirs(parent, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix=".release-") as work:
        made = os.path.join(work, "made")
        os.mkdir(made)
        manifest = build_in(made, version, root_path, uki_path, custom, old_paths, level, workers, options)
        os.replace(made, out)
    return manifest


def build_in(out, version, root_path, uki_path, custom, old_paths, level, workers, options):
    floor, signature = custom["rollback_index"], None
    if options.get("floor_key"):
        signature = floor_signature(floor, options["floor_key"])
    elif options.get("floor_signature"):
        signature = read_floor_signature(options["floor_signature"])
    new = Image(root_path)
    uki = read_file(uki_path, "--uki")
    verity = format_verity(root_path, os.path.join(out, "root.verity"), options.get("salt"), options.get("uuid"))
    named = {digest.decode() for digest in ROOT_HASH.findall(uki)}
    if named - {verity["roothash"]}:
        raise Refusal(f"kernel image {uki_path}", f"roothash={min(named)}", f"roothash={verity['roothash']}")
    digests, pack = make_pack(new, os.path.join(out, "root.pack"), level, workers)
    patches = []
    for old_path in old_paths:
        with tempfile.TemporaryDirectory(dir=out, prefix=".old-") as work:
            old, old_verity = old_root(old_path, work)
        if old_verity == verity["roothash"] or any(patch["from_roothash"][:8] == old_verity[:8] for patch in patches):
            raise Refusal("--patch-from", f"{old_path}, whose root hash is {old_verity}", "another root for each")
        path = os.path.join(out, f"patch-{old_verity[:8]}.pack")
        patch, windows = make_patch(old, new, path, level, workers, pack["frames"])
        patches.append({"from_roothash": old_verity, "pack": patch, "src_windows": windows})
        old.close()
    manifest = {
        "format": 1,
        "release": version,
        "root": {"size": new.size, "segment": SEGMENT, "seg_sha256": digests, "pack": pack},
        "verity": verity,
        "uki": {"sha256": hashlib.sha256(uki).hexdigest(), "len": len(uki)},
        "patches": patches,
        "health": {"deadline_s": options.get("deadline", 900)},
        "data": {"schema": options.get("schema", 1), "downgradable": options.get("downgradable", True)},
    }
    if signature is not None:
        manifest["floor"] = {"value": floor, "signature": signature}
    new.close()
    write_whole(os.path.join(out, "uki.efi"), uki)
    write_whole(os.path.join(out, "custom.json"), json_bytes(custom))
    write_whole(os.path.join(out, "manifest.json"), json_bytes(manifest, indent=None))
    return manifest
