#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the study the benchmarks send: one CT series, 1300 slices of 512 x 512 x 16 bits, JPEG-LS
lossless, 209 MB: the shape of the official DRIMbox performance set, and as there slices repeat under new
UIDs and instance numbers.

    make_jls_study.py OUT [--instances 1300] [--distinct 65]

Needs dcmcjpls (package dcmtk) and Tests/Support/make_study.py, nothing else. Deterministic. Every UID is
"2.25.1GGG..." where GGG is the generation, 000 here: `stamp` gives all files another generation in
place, so that a receiver sees instances it does not have yet.
"""
import argparse
import concurrent.futures
import pathlib
import random
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Support"))
import make_study  # noqa: E402

ROWS = 512
# Brings a slice to the size it has in the official set, 161 kB.
NOISE = 0x0F
UID_PATTERN = re.compile(rb"2\.25\.1(\d{3})\d{35}")
# Same length as what replaces them, so that nothing moves in the compressed file.
INSTANCE = "2.25.1000" + "8" * 31 + "0000"
POSITION, NUMBER = "+999.9", "9999"


def uid(kind, number=0):
    """44 characters; `kind` tells study, series, frame of reference and instances apart."""
    return "2.25.1000%031d%04d" % (kind, number)


def slice_file(index, distinct):
    """A Part 10 file with placeholders for what differs between instances of this slice."""
    pixels = make_study.phantom(
        index * make_study.DISTINCT_SLICES // distinct, ROWS, random.Random(index), NOISE)
    study = {"uid": uid(1), "frame": uid(3), "patient": "FICTIF-PERF", "accession": "PERF1300"}
    series = {"uid": uid(2), "number": 1, "description": "PERF 1300"}
    content = make_study.data_set(study, series, 0, INSTANCE, ROWS, pixels)
    # Written for position 0: instance number and position of fixed width take their place.
    content = content.replace(
        make_study.element(0x0020, 0x0013, "IS", "1"), make_study.element(0x0020, 0x0013, "IS", NUMBER), 1)
    content = content.replace(
        make_study.element(0x0020, 0x0032, "DS", "-179.2\\-179.2\\-300.0"),
        make_study.element(0x0020, 0x0032, "DS", "-179.2\\-179.2\\" + POSITION), 1)
    content = content.replace(
        make_study.element(0x0020, 0x1041, "DS", "-300.0"),
        make_study.element(0x0020, 0x1041, "DS", POSITION), 1)
    with tempfile.TemporaryDirectory() as folder:
        plain, packed = pathlib.Path(folder, "a"), pathlib.Path(folder, "b")
        plain.write_bytes(make_study.file_meta(INSTANCE) + content)
        subprocess.run(["dcmcjpls", "+el", "+un", plain, packed], check=True)
        return packed.read_bytes()


def make(out, instances=1300, distinct=65):
    """Writes the study to `out`; returns its size in bytes."""
    out.mkdir(parents=True, exist_ok=True)
    total = 0
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for index, packed in enumerate(pool.map(lambda k: slice_file(k, distinct), range(distinct))):
            for number in range(index + 1, instances + 1, distinct):
                content = packed.replace(INSTANCE.encode(), uid(8, number).encode(), 2)
                content = content.replace(NUMBER.encode(), b"%04d" % number, 1)
                content = content.replace(POSITION.encode(), b"%+06.1f" % (0.6 * number - 400), 2)
                (out / ("I%04d" % number)).write_bytes(content)
                total += len(content)
    return total


def stamp(directory, generation):
    """Gives every UID of the study in `directory` the generation 0 ... 999, in place.

    Reads every file whole: afterwards the study is in the page cache.
    """
    for path in directory.iterdir():
        with open(path, "r+b") as file:
            head = file.read()[:4096]
            file.seek(0)
            file.write(UID_PATTERN.sub(lambda uid: uid[0][:6] + b"%03d" % generation + uid[0][9:], head))


def series_path(generation):
    """The series as a DICOMweb resource."""
    study, series = (uid(kind).replace("2.25.1000", "2.25.1%03d" % generation) for kind in (1, 2))
    return "/studies/%s/series/%s" % (study, series)


def main():
    parser = argparse.ArgumentParser(description="Makes the 1300-slice JPEG-LS study of the benchmarks.")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--instances", type=int, default=1300)
    parser.add_argument("--distinct", type=int, default=65)
    options = parser.parse_args()
    if not 1 <= options.distinct <= options.instances <= 9999:
        parser.error("1 <= distinct <= instances <= 9999")
    total = make(options.out, options.instances, options.distinct)
    print("%d instances, %.1f MB" % (options.instances, total / 1e6))
    return 0


if __name__ == "__main__":
    sys.exit(main())
