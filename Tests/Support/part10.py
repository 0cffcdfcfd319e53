# SPDX-License-Identifier: Apache-2.0
"""Reads the File Meta Information of DICOM Part 10 files (PS3.10 section 7). Standard library only."""
import struct
import zlib
from collections import namedtuple

FileMeta = namedtuple("FileMeta", "sop_class_uid sop_instance_uid transfer_syntax_uid data_set_offset")

LONG_FORM = (b"OB", b"OW", b"UN", b"UT", b"OF", b"OD", b"OL", b"OV", b"UC", b"UR", b"SQ")


class NotPart10(ValueError):
    """The bytes are no Part 10 file; the message says what was found where."""


def read_file_meta(content):
    """The File Meta Information of `content` (bytes or mmap), always Explicit VR Little Endian."""
    if bytes(content[128:132]) != b"DICM":
        raise NotPart10("no DICM prefix at offset 128")
    offset = 132
    found = {}
    while offset + 8 <= len(content):
        group, number, vr = struct.unpack_from("<HH2s", content, offset)
        if group != 0x0002:
            break
        if vr in LONG_FORM:
            if offset + 12 > len(content):
                raise NotPart10("file meta information cut at offset %d" % offset)
            length, head = struct.unpack_from("<I", content, offset + 8)[0], 12
        else:
            length, head = struct.unpack_from("<H", content, offset + 6)[0], 8
        if offset + head + length > len(content):
            raise NotPart10("(0002,%04x): length %d ends behind the file" % (number, length))
        if vr == b"UI":
            found[number] = bytes(content[offset + head:offset + head + length]).decode("ascii").rstrip("\0 ")
        offset += head + length
    for number in (0x0002, 0x0003, 0x0010):
        if number not in found:
            raise NotPart10("(0002,%04x) is missing" % number)
    return FileMeta(found[0x0002], found[0x0003], found[0x0010], offset)


IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
HEAD = 16384  # bytes in which (0008,0018) has to lie; groups 0008 and below are short


def read_sop_instance_uid(content, meta):
    """(0008,0018) of the data set; files in the field name another UID in their meta information.

    Falls back to the meta information where the data set cannot be read.
    """
    head = bytes(content[meta.data_set_offset:meta.data_set_offset + HEAD])
    if meta.transfer_syntax_uid == DEFLATED:
        try:
            head = zlib.decompressobj(-15).decompress(head, HEAD)
        except zlib.error:
            return meta.sop_instance_uid
    order = ">" if meta.transfer_syntax_uid == BIG_ENDIAN else "<"
    explicit = meta.transfer_syntax_uid != IMPLICIT_LITTLE_ENDIAN
    offset = 0
    while offset + 12 <= len(head):
        group, number = struct.unpack_from(order + "HH", head, offset)
        if (group, number) > (0x0008, 0x0018):
            break
        vr = head[offset + 4:offset + 6]
        if not explicit:
            length, size = struct.unpack_from(order + "I", head, offset + 4)[0], 8
        elif vr in LONG_FORM:
            length, size = struct.unpack_from(order + "I", head, offset + 8)[0], 12
        else:
            length, size = struct.unpack_from(order + "H", head, offset + 6)[0], 8
        if (group, number) == (0x0008, 0x0018):
            uid = head[offset + size:offset + size + length].decode("latin-1").rstrip("\0 ")
            return uid or meta.sop_instance_uid
        offset += size + length
    return meta.sop_instance_uid
