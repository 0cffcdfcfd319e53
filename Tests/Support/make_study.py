#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a synthetic CT study of a fictional patient as DICOM Part 10 files.

Explicit VR Little Endian, 16 bits allocated, 12 stored; no sequences and no group lengths, so that a
sender that decodes and encodes again writes the same data set bytes. The same options give the same
bytes. Python standard library only.

    make_study.py OUT [--instances 200] [--series 2] [--rows 512] [--seed 1]
"""
import argparse
import math
import pathlib
import random
import struct
import sys
import uuid

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
# UUID-derived (PS3.5 B.2), of this program.
IMPLEMENTATION_CLASS_UID = "2.25.121040209058459780507811776585874156561"
DISTINCT_SLICES = 8
LONG_FORM = ("OB", "OW", "UN", "SQ", "UT")  # PS3.5 table 7.1-1: two reserved bytes, 32-bit length


def element(group, number, vr, value):
    """One data element in Explicit VR Little Endian, padded to an even length."""
    if isinstance(value, str):
        value = value.encode("latin-1")
    if len(value) % 2:
        value += b"\0" if vr in ("UI", "OB") else b" "
    head = struct.pack("<HH2s", group, number, vr.encode())
    if vr in LONG_FORM:
        return head + struct.pack("<HI", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def unsigned(value):
    return struct.pack("<H", value)


def uid(generator):
    return "2.25.%d" % uuid.UUID(int=generator.getrandbits(128), version=4).int


def phantom(index, rows, generator, noise=0x1F):
    """A slice of a body with lungs, spine and table; stored values are Hounsfield units + 1024.

    `noise` has the bits that are random, at most 8.
    """
    turn = 2 * math.pi * index / DISTINCT_SLICES
    air, tissue, lung, bone, table = (unsigned(v) for v in (24, 1064, 200, 1700, 260))

    def half_width(y, center, height, width):
        """Half the width in pixels of an ellipse at row y; lengths are in fractions of the image."""
        t = (y / rows - center) / height
        return int(rows * width * math.sqrt(1 - t * t)) if abs(t) < 1 else 0

    def fill(line, center, half, value):
        first = int(rows * center) - half
        line[2 * first:2 * (first + 2 * half)] = value * (2 * half)

    lines = []
    for y in range(rows):
        line = bytearray(air * rows)
        if 0.86 < y / rows < 0.885:
            fill(line, 0.5, int(rows * 0.45), table)
        body = half_width(y, 0.5, 0.30 + 0.02 * math.cos(turn), 0.40 + 0.02 * math.sin(turn))
        fill(line, 0.5, body, tissue)
        for side in (-1, 1):
            fill(line, 0.5 + side * 0.18, half_width(y, 0.47, 0.16, 0.11 + 0.02 * math.sin(turn)), lung)
        fill(line, 0.5, half_width(y, 0.69, 0.05, 0.045), bone)
        lines.append(bytes(line))
    # Added in every 16-bit lane at once; no lane can carry into its neighbour.
    size = 2 * rows * rows
    added = generator.getrandbits(8 * size) & int.from_bytes(bytes((noise, 0)) * (rows * rows), "little")
    return (int.from_bytes(b"".join(lines), "little") + added).to_bytes(size, "little")


def data_set(study, series, position, instance, rows, pixels):
    z = "%.1f" % (-300 + 0.6 * position)
    return b"".join((
        element(0x0008, 0x0005, "CS", "ISO_IR 100"),
        element(0x0008, 0x0008, "CS", "ORIGINAL\\PRIMARY\\AXIAL"),
        element(0x0008, 0x0016, "UI", CT_IMAGE_STORAGE),
        element(0x0008, 0x0018, "UI", instance),
        element(0x0008, 0x0020, "DA", "20260115"),
        element(0x0008, 0x0021, "DA", "20260115"),
        element(0x0008, 0x0030, "TM", "101500"),
        element(0x0008, 0x0050, "SH", study["accession"]),
        element(0x0008, 0x0060, "CS", "CT"),
        element(0x0008, 0x0070, "LO", "SYNTHETIC"),
        element(0x0008, 0x0080, "LO", "Clinique fictive de l'Étoile"),
        element(0x0008, 0x0090, "PN", ""),
        element(0x0008, 0x1030, "LO", "Thorax synthétique"),
        element(0x0008, 0x103E, "LO", series["description"]),
        element(0x0010, 0x0010, "PN", "FICTIF^Zoé"),
        element(0x0010, 0x0020, "LO", study["patient"]),
        element(0x0010, 0x0030, "DA", "19700101"),
        element(0x0010, 0x0040, "CS", "O"),
        element(0x0018, 0x0050, "DS", "0.6"),
        element(0x0018, 0x5100, "CS", "HFS"),
        element(0x0020, 0x000D, "UI", study["uid"]),
        element(0x0020, 0x000E, "UI", series["uid"]),
        element(0x0020, 0x0010, "SH", "1"),
        element(0x0020, 0x0011, "IS", str(series["number"])),
        element(0x0020, 0x0013, "IS", str(position + 1)),
        element(0x0020, 0x0032, "DS", "-179.2\\-179.2\\" + z),
        element(0x0020, 0x0037, "DS", "1\\0\\0\\0\\1\\0"),
        element(0x0020, 0x0052, "UI", study["frame"]),
        element(0x0020, 0x1041, "DS", z),
        element(0x0028, 0x0002, "US", unsigned(1)),
        element(0x0028, 0x0004, "CS", "MONOCHROME2"),
        element(0x0028, 0x0010, "US", unsigned(rows)),
        element(0x0028, 0x0011, "US", unsigned(rows)),
        element(0x0028, 0x0030, "DS", "0.7\\0.7"),
        element(0x0028, 0x0100, "US", unsigned(16)),
        element(0x0028, 0x0101, "US", unsigned(12)),
        element(0x0028, 0x0102, "US", unsigned(11)),
        element(0x0028, 0x0103, "US", unsigned(0)),
        element(0x0028, 0x1050, "DS", "40"),
        element(0x0028, 0x1051, "DS", "400"),
        element(0x0028, 0x1052, "DS", "-1024"),
        element(0x0028, 0x1053, "DS", "1"),
        element(0x7FE0, 0x0010, "OW", pixels),
    ))


def file_meta(instance):
    group = b"".join((
        element(0x0002, 0x0001, "OB", b"\0\1"),
        element(0x0002, 0x0002, "UI", CT_IMAGE_STORAGE),
        element(0x0002, 0x0003, "UI", instance),
        element(0x0002, 0x0010, "UI", EXPLICIT_VR_LITTLE_ENDIAN),
        element(0x0002, 0x0012, "UI", IMPLEMENTATION_CLASS_UID),
    ))
    return bytes(128) + b"DICM" + element(0x0002, 0x0000, "UL", struct.pack("<I", len(group))) + group


def main():
    parser = argparse.ArgumentParser(description="Writes a synthetic CT study as DICOM Part 10 files.")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--instances", type=int, default=200, help="instances in the study (200)")
    parser.add_argument("--series", type=int, default=2, help="series they are spread over (2)")
    parser.add_argument("--rows", type=int, default=512, help="rows and columns of a slice (512)")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other UIDs and noise (1)")
    options = parser.parse_args()
    if not 1 <= options.series <= options.instances or not 64 <= options.rows <= 4096:
        parser.error("1 <= series <= instances, 64 <= rows <= 4096")

    generator = random.Random("%(seed)d %(instances)d %(series)d %(rows)d" % vars(options))
    study = {"uid": uid(generator), "frame": uid(generator),
             "patient": "FICTIF-%04d" % (options.seed % 10000),
             "accession": "SYN%05d" % (options.seed % 100000)}
    series = [{"uid": uid(generator), "number": n + 1, "description": "Série %d" % (n + 1)}
              for n in range(options.series)]
    slices = [phantom(k, options.rows, generator) for k in range(min(DISTINCT_SLICES, options.instances))]

    options.out.mkdir(parents=True, exist_ok=True)
    written = 0
    for k in range(options.instances):
        instance = uid(generator)
        content = file_meta(instance) + data_set(
            study, series[k % options.series], k // options.series, instance, options.rows,
            slices[k % len(slices)])
        (options.out / ("IM%06d" % (k + 1))).write_bytes(content)
        written += len(content)
    print("study %s: %d instances, %d series, %.1f MB"
          % (study["uid"], options.instances, options.series, written / 1e6))
    return 0


if __name__ == "__main__":
    sys.exit(main())
