#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads a ZIP as a DICOM file-set with pydicom and DCMTK: its DICOMDIR leads to each file, each is one of the originals.

    file_set.py ZIP DIRECTORY     exit status 1, and why, where it is not so
"""
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

import pydicom
from pydicom.fileset import FileSet


def main():
    archive, originals = sys.argv[1:]
    wanted = {}
    for path in pathlib.Path(originals).rglob("*"):
        if path.is_file():
            data = pydicom.dcmread(path)
            wanted[data.SOPInstanceUID] = data
    with tempfile.TemporaryDirectory() as directory, zipfile.ZipFile(archive) as bundle:
        assert bundle.testzip() is None, "a file is damaged"
        names = bundle.namelist()
        assert names[0] == "DICOMDIR", names[0]
        for name in names:
            assert all(re.fullmatch("[A-Z0-9_]{1,8}", part) for part in name.split("/")), name
        bundle.extractall(directory)
        dicomdir = pathlib.Path(directory, "DICOMDIR")
        dumped = subprocess.run(["dcmdump", "-q", dicomdir], capture_output=True, check=True).stdout
        assert dumped.count(b"DirectoryRecordType") >= 3 + len(wanted), dumped
        found = FileSet(dicomdir)
        assert len(found) == len(wanted) == len(names) - 1, (len(found), len(wanted), len(names))
        for instance in found:
            data, original = instance.load(), wanted[instance.SOPInstanceUID]
            assert data == original, "%s is another data set" % instance.path
            assert instance.SOPClassUID == original.SOPClassUID
            assert instance.StudyInstanceUID == original.StudyInstanceUID
            assert instance.SeriesInstanceUID == original.SeriesInstanceUID
            assert instance.InstanceNumber == original.InstanceNumber
        assert len(found.find_values("SeriesInstanceUID")) == len({d.SeriesInstanceUID for d in wanted.values()})
        assert found.find_values("PatientID") == list({d.PatientID for d in wanted.values()})
    print("%d instances" % len(wanted))


main()
