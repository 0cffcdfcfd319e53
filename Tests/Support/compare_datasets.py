#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the data set bytes (all after the File Meta Information) of two folders of Part 10 files.

    compare_datasets.py DIR_A DIR_B [--list]

Files are matched by the SOP Instance UID of their data sets, their names do not matter. Where several
files hold one instance, one match is enough, as a receiver keeps one of them. What is no Part 10 file is
skipped and counted. Prints JSON: counts of equal, different (bytes or transfer syntax), only in A, only in B;
--list adds the paths. Exit code 0 when every instance of A is in B with equal bytes and B has no
other, 1 when not. Python standard library only.
"""
import argparse
import json
import mmap
import os
import pathlib
import sys

from part10 import NotPart10, read_file_meta, read_sop_instance_uid


def mapped(path):
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def instances(directory):
    """SOP Instance UID -> [(path, meta)] for the Part 10 files below `directory`, and the other paths."""
    found, others = {}, []
    for folder, _, names in sorted(os.walk(directory)):
        for name in sorted(names):
            path = pathlib.Path(folder, name)
            if path.stat().st_size == 0:
                others.append(str(path))
                continue
            with mapped(path) as content:
                try:
                    meta = read_file_meta(content)
                    uid = read_sop_instance_uid(content, meta)
                except (NotPart10, UnicodeDecodeError):
                    others.append(str(path))
                    continue
            found.setdefault(uid, []).append((path, meta))
    return found, others


def difference(a, b):
    """Why two files of one instance are not the same; None when they are."""
    (path_a, meta_a), (path_b, meta_b) = a, b
    if meta_a.transfer_syntax_uid != meta_b.transfer_syntax_uid:
        return "transfer syntax %s, then %s" % (meta_a.transfer_syntax_uid, meta_b.transfer_syntax_uid)
    with mapped(path_a) as content_a, mapped(path_b) as content_b:
        start_a, start_b = meta_a.data_set_offset, meta_b.data_set_offset
        if content_a[start_a:] == content_b[start_b:]:
            return None
        size = min(len(content_a) - start_a, len(content_b) - start_b)
        for k in range(size):
            if content_a[start_a + k] != content_b[start_b + k]:
                return "data set differs at byte %d" % k
        return "data set of %d bytes, then %d" % (len(content_a) - start_a, len(content_b) - start_b)


def compare(directory_a, directory_b):
    """{equal, different, only_a, only_b, skipped}: lists; `different` holds {instance, a, b, why}."""
    a, others_a = instances(directory_a)
    b, others_b = instances(directory_b)
    result = {"equal": [], "different": [], "only_a": [], "only_b": [], "skipped": others_a + others_b}
    for uid in sorted(a):
        if uid not in b:
            result["only_a"].append(str(a[uid][0][0]))
            continue
        reasons = [difference(x, y) for x in a[uid] for y in b[uid]]
        if None in reasons:
            result["equal"].append(uid)
        else:
            paths = {"a": str(a[uid][0][0]), "b": str(b[uid][0][0])}
            result["different"].append({"instance": uid, **paths, "why": reasons[0]})
    result["only_b"] = [str(b[uid][0][0]) for uid in sorted(b) if uid not in a]
    return result


def main():
    parser = argparse.ArgumentParser(description="Compares the data set bytes of two folders.")
    parser.add_argument("a", metavar="DIR_A", type=pathlib.Path)
    parser.add_argument("b", metavar="DIR_B", type=pathlib.Path)
    parser.add_argument("--list", action="store_true", help="print paths, not only counts")
    options = parser.parse_args()
    for directory in (options.a, options.b):
        if not directory.is_dir():
            parser.error("%s is no directory" % directory)
    result = compare(options.a, options.b)
    counts = {key: len(value) for key, value in result.items()}
    print(json.dumps(result if options.list else counts, indent=2 if options.list else None))
    whole = counts["equal"] > 0 and not (counts["different"] or counts["only_a"] or counts["only_b"])
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
