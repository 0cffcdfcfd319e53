# SPDX-License-Identifier: Apache-2.0
"""Reads a manifest back, and compares the files beside it with what it fixes."""
import hashlib
import json
import os
import re
import tempfile

import zstandard

from common import Refusal, digest_file, parse_version, read_file, read_json
from payload import BLOCK, SEGMENT, WINDOW_LOG, check_custom, format_verity

HEX = re.compile(r"[0-9a-f]{64}")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def field(value, path, kind, where):
    """The value at a dotted path, which is of a kind; numbers in the path are indices."""
    for part in path.split("."):
        try:
            value = value[int(part)] if part.isdecimal() else value[part]
        except (KeyError, IndexError, TypeError):
            raise Refusal(f"{where}: {path}", "nothing", kind.__name__) from None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise Refusal(f"{where}: {path}", repr(value)[:80], kind.__name__)
    return value


def check_pack(manifest, path, segments, where, may_lack):
    """Frames lie one after the other and fill the pack."""
    length = field(manifest, f"{path}.len", int, where)
    digest = field(manifest, f"{path}.sha256", str, where)
    if not HEX.fullmatch(digest):
        raise Refusal(f"{where}: {path}.sha256", digest, "64 hexadecimal digits")
    frames = field(manifest, f"{path}.frames", list, where)
    if len(frames) != segments:
        raise Refusal(f"{where}: {path}.frames", len(frames), f"{segments}, one per segment")
    end = 0
    for index, frame in enumerate(frames):
        if may_lack and frame == [0, 0]:
            continue
        if not (isinstance(frame, list) and len(frame) == 2 and all(type(number) is int for number in frame)
                and frame[0] == end and frame[1] > 0):
            raise Refusal(f"{where}: {path}.frames.{index}", frame, f"[{end}, length]")
        end += frame[1]
    if end != length:
        raise Refusal(f"{where}: {path}.len", length, f"{end}, the end of the last frame")
    return frames


def check_manifest(manifest, version, where):
    """What the boxes rely on; the segments' count."""
    if field(manifest, "format", int, where) != 1:
        raise Refusal(f"{where}: format", manifest["format"], "1")
    if field(manifest, "release", str, where) != version:
        raise Refusal(f"{where}: release", manifest["release"], version)
    parse_version(version, f"{where}: release")
    size = field(manifest, "root.size", int, where)
    if size <= 0 or size % BLOCK:
        raise Refusal(f"{where}: root.size", size, f"a multiple of {BLOCK}")
    if field(manifest, "root.segment", int, where) != SEGMENT:
        raise Refusal(f"{where}: root.segment", manifest["root"]["segment"], SEGMENT)
    segments = -(-size // SEGMENT)
    digests = field(manifest, "root.seg_sha256", list, where)
    if len(digests) != segments:
        raise Refusal(f"{where}: root.seg_sha256", len(digests), f"{segments}, one per segment")
    for index in range(segments):
        if not HEX.fullmatch(field(manifest, f"root.seg_sha256.{index}", str, where)):
            raise Refusal(f"{where}: root.seg_sha256.{index}", digests[index], "64 hexadecimal digits")
    check_pack(manifest, "root.pack", segments, where, may_lack=False)
    for path, form in (("verity.roothash", HEX), ("verity.uuid", UUID), ("verity.salt", re.compile("([0-9a-f]{2}){1,256}")),
                       ("verity.alg", re.compile("sha256")), ("uki.sha256", HEX)):
        if not form.fullmatch(field(manifest, path, str, where)):
            raise Refusal(f"{where}: {path}", field(manifest, path, str, where), f"a match of {form.pattern}")
    for path, least in (("uki.len", 1), ("health.deadline_s", 1), ("data.schema", 0)):
        if field(manifest, path, int, where) < least:
            raise Refusal(f"{where}: {path}", field(manifest, path, int, where), f"{least} or more")
    field(manifest, "data.downgradable", bool, where)
    if "floor" in manifest:
        field(manifest, "floor.value", int, where)
        field(manifest, "floor.signature", str, where)
    for index in range(len(field(manifest, "patches", list, where))):
        path = f"patches.{index}"
        if not HEX.fullmatch(field(manifest, f"{path}.from_roothash", str, where)):
            raise Refusal(f"{where}: {path}.from_roothash", manifest["patches"][index]["from_roothash"], "64 hexadecimal digits")
        frames = check_pack(manifest, f"{path}.pack", segments, where, may_lack=True)
        windows = field(manifest, f"{path}.src_windows", list, where)
        if len(windows) != segments:
            raise Refusal(f"{where}: {path}.src_windows", len(windows), f"{segments}, one per segment")
        for number, (window, frame) in enumerate(zip(windows, frames)):
            valid = isinstance(window, list) and len(window) == 2 and all(type(part) is int for part in window)
            if not valid or window[0] < 0 or not (0 < window[1] < 1 << WINDOW_LOG or frame == window == [0, 0]):
                raise Refusal(f"{where}: {path}.src_windows.{number}", window, "[offset, length]")
    return segments


def files_of(manifest):
    """Name, SHA-256 and length of each file beside a manifest."""
    yield "root.pack", manifest["root"]["pack"]["sha256"], manifest["root"]["pack"]["len"]
    yield "uki.efi", manifest["uki"]["sha256"], manifest["uki"]["len"]
    for patch in manifest["patches"]:
        yield f"patch-{patch['from_roothash'][:8]}.pack", patch["pack"]["sha256"], patch["pack"]["len"]


def check_files(manifest, directory):
    for name, digest, length in files_of(manifest):
        path = os.path.join(directory, name)
        try:
            found = digest_file(path)
        except OSError as error:
            raise Refusal(path, error.strerror, f"{length} bytes") from None
        if found != (digest, length):
            raise Refusal(path, f"{found[1]} bytes, SHA-256 {found[0]}", f"{length} bytes, SHA-256 {digest}")


def unpack(manifest, directory, sink=None):
    """Decodes each frame of the pack to its segment; writes them to a file when there is one."""
    for index, content in enumerate(decoded(manifest, manifest["root"]["pack"], os.path.join(directory, "root.pack"))):
        check_segment(manifest, index, content, "root.pack")
        if sink is not None:
            sink.write(content)


def check_patch(manifest, patch, directory, old):
    """Decodes each patch frame against the old root, an open file, to its segment; how many there are."""
    name = f"patch-{patch['from_roothash'][:8]}.pack"
    count = 0

    def window(index):
        offset, length = patch["src_windows"][index]
        return os.pread(old.fileno(), length, offset)

    for index, content in enumerate(decoded(manifest, patch["pack"], os.path.join(directory, name), window)):
        if content is not None:
            check_segment(manifest, index, content, name)
            count += 1
    return count


def decoded(manifest, pack, path, window=None):
    with open(path, "rb") as file:
        for index, (offset, length) in enumerate(pack["frames"]):
            if length == 0:
                yield None
                continue
            file.seek(offset)
            frame = file.read(length)
            size = min(SEGMENT, manifest["root"]["size"] - index * SEGMENT)
            dictionary = None
            if window is not None:
                dictionary = zstandard.ZstdCompressionDict(window(index), dict_type=zstandard.DICT_TYPE_RAWCONTENT)
            try:
                parameters = zstandard.get_frame_parameters(frame)
                if parameters.content_size != size or not parameters.has_checksum or parameters.window_size > 1 << WINDOW_LOG:
                    raise Refusal(f"{path}, frame {index}",
                                  f"content of {parameters.content_size} bytes, checksum {bool(parameters.has_checksum)}, "
                                  f"window of {parameters.window_size}",
                                  f"{size} bytes, a checksum, a window up to {1 << WINDOW_LOG}")
                decoder = zstandard.ZstdDecompressor(dict_data=dictionary, max_window_size=1 << WINDOW_LOG)
                yield decoder.decompress(frame, max_output_size=size, allow_extra_data=False)
            except zstandard.ZstdError as error:
                raise Refusal(f"{path}, frame {index}", str(error), "a zstd frame") from None


def check_segment(manifest, index, content, name):
    digest = hashlib.sha256(content).hexdigest()
    if digest != manifest["root"]["seg_sha256"][index]:
        raise Refusal(f"{name}, frame {index}", f"a segment with SHA-256 {digest}", manifest["root"]["seg_sha256"][index])


def check_tree(manifest, image, where):
    """The tree over the image, made with the manifest's salt, has the manifest's root hash."""
    verity = manifest["verity"]
    with tempfile.TemporaryDirectory(prefix="drimbox-tree-") as work:
        found = format_verity(image, os.path.join(work, "tree"), verity["salt"], verity["uuid"])["roothash"]
    if found != verity["roothash"]:
        raise Refusal(f"{where}: verity.roothash", verity["roothash"], f"{found}, that of root.pack")


def read_release(directory):
    """A directory that `build` wrote: manifest, its bytes, custom. Everything in it is checked: what is signed fits."""
    path = os.path.join(directory, "manifest.json")
    content = read_file(path, "release")
    try:
        manifest = json.loads(content)
    except ValueError as error:
        raise Refusal(path, str(error), "JSON") from None
    custom = read_json(os.path.join(directory, "custom.json"), "release")
    check_manifest(manifest, field(manifest, "release", str, path), path)
    check_custom(custom, os.path.join(directory, "custom.json"))
    check_files(manifest, directory)
    with tempfile.NamedTemporaryFile(prefix="drimbox-root-") as image:
        unpack(manifest, directory, image)
        image.flush()
        check_tree(manifest, image.name, path)
    return manifest, content, custom
