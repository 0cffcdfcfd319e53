#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a rejection note (IHE RAD IOCM) for some instances of one study.

    rejection_note.py NOTE INSTANCE...

Title 113001, Rejected for Quality Reasons. Needs pydicom.
"""
import sys

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

KEY_OBJECT = "1.2.840.10008.5.1.4.1.1.88.59"


def item(**attributes):
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def note(instances):
    series = {}
    for instance in instances:
        reference = item(ReferencedSOPClassUID=instance.SOPClassUID, ReferencedSOPInstanceUID=instance.SOPInstanceUID)
        series.setdefault(instance.SeriesInstanceUID, []).append(reference)
    study = item(
        StudyInstanceUID=instances[0].StudyInstanceUID,
        ReferencedSeriesSequence=[
            item(SeriesInstanceUID=uid, ReferencedSOPSequence=references) for uid, references in series.items()
        ],
    )
    title = item(CodeValue="113001", CodingSchemeDesignator="DCM", CodeMeaning="Rejected for Quality Reasons")
    document = item(
        SOPClassUID=KEY_OBJECT,
        SOPInstanceUID=generate_uid(),
        PatientID=instances[0].PatientID,
        PatientName="",
        StudyInstanceUID=instances[0].StudyInstanceUID,
        SeriesInstanceUID=generate_uid(),
        Modality="KO",
        ValueType="CONTAINER",
        ConceptNameCodeSequence=[title],
        CurrentRequestedProcedureEvidenceSequence=[study],
    )
    document.file_meta = FileMetaDataset()
    document.file_meta.MediaStorageSOPClassUID = KEY_OBJECT
    document.file_meta.MediaStorageSOPInstanceUID = document.SOPInstanceUID
    document.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return document


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    note([pydicom.dcmread(path, stop_before_pixels=True) for path in sys.argv[2:]]).save_as(
        sys.argv[1], enforce_file_format=True
    )
