# SPDX-License-Identifier: Apache-2.0
"""What every part of image/release uses: refusals, the clock, files written whole or not at all."""
import datetime
import hashlib
import json
import os
import re
import tempfile

VERSION = re.compile(r"(0|[1-9][0-9]{0,8})(\.(0|[1-9][0-9]{0,8})){0,3}")
HARDWARE = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")

UNFINISHED = ".new-"


class Refusal(Exception):
    """Something that is not done, in one line: what, what was found, what was expected."""

    def __init__(self, what, found, expected):
        super().__init__(f"{what}: found {found}, expected {expected}")


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


def days(count):
    return datetime.timedelta(days=count)


def parse_time(text, what):
    """RFC 3339 in UTC, with a Z."""
    try:
        return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
    except ValueError:
        raise Refusal(what, text, "RFC 3339 in UTC, such as 2026-12-01T04:00:00Z") from None


def parse_version(text, what):
    """A version as numbers that compare, without the zeros at its end: 2026.9 and 2026.9.0 are the same release."""
    if not isinstance(text, str) or not VERSION.fullmatch(text):
        raise Refusal(what, text, "1 to 4 decimal numbers with dots between them, without leading zeros")
    numbers = [int(number) for number in text.split(".")]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def write_whole(path, content, mode=0o644):
    """A reader sees the old file or the new one; after a power cut too."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path) or ".", prefix=UNFINISHED)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    synchronise_directory(os.path.dirname(path) or ".")


def synchronise_directory(path):
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_file(path, what):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise Refusal(what, f"{path}: {error.strerror}", "a readable file") from None


def read_json(path, what):
    try:
        return json.loads(read_file(path, what))
    except ValueError as error:
        raise Refusal(what, f"{path}: {error}", "JSON") from None


def json_bytes(value, indent=1):
    """The same value gives the same bytes; without an indent as few as there can be."""
    separators = None if indent else (",", ":")
    return (json.dumps(value, indent=indent, separators=separators, sort_keys=True, ensure_ascii=False) + "\n").encode()


def digest_file(path):
    """SHA-256 as hexadecimal digits, and the length in bytes."""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return digest, file.tell()
