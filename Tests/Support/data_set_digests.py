#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""data_set_digests.py DIR: prints "SOPInstanceUID SHA256" of the data set of each Part 10 file in DIR."""
import hashlib
import pathlib
import sys

from part10 import read_file_meta

for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    content = path.read_bytes()
    meta = read_file_meta(content)
    print(meta.sop_instance_uid, hashlib.sha256(content[meta.data_set_offset:]).hexdigest())
