# SPDX-License-Identifier: Apache-2.0
"""Small Key Object Selection documents for submissions of the lab's own."""
import io

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from .names import KOS_CLASS

CT = "1.2.840.10008.5.1.4.1.1.2"


def code(value, scheme, meaning):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def make(uid, study, ins, accession, time, instances=10, base="https://db1.lab.mesimagesmedicales.fr/drimbox"):
    """A manifest of one CT series as a Part 10 file; `time` is YYYYMMDDhhmmss, UIDs derive from the study."""
    series = generate_uid(entropy_srcs=[study, "series"])
    data = Dataset()
    data.SpecificCharacterSet = "ISO_IR 100"
    data.SOPClassUID, data.SOPInstanceUID = KOS_CLASS, uid
    data.InstanceCreationDate = data.SeriesDate = data.ContentDate = time[:8]
    data.InstanceCreationTime = data.SeriesTime = data.ContentTime = time[8:]
    data.StudyDate, data.StudyTime, data.AccessionNumber = time[:8], time[8:], ""
    data.Modality, data.Manufacturer, data.ReferringPhysicianName = "KO", "LAB", ""
    data.PatientName, data.PatientID, data.PatientBirthDate, data.PatientSex = "PAT-TROIS^DOMINIQUE", ins, "19790328", "F"
    data.StudyInstanceUID, data.SeriesInstanceUID = study, generate_uid(entropy_srcs=[uid])
    data.StudyID, data.SeriesNumber, data.InstanceNumber = "", 59, 1
    data.ValueType, data.ContinuityOfContent = "CONTAINER", "SEPARATE"
    data.ConceptNameCodeSequence = Sequence([code("113030", "DCM", "MANIFEST")])
    request = Dataset()
    request.AccessionNumber, request.StudyInstanceUID, request.RequestedProcedureDescription = accession, study, ""
    data.ReferencedRequestSequence = Sequence([request])
    images, content = [], []
    for number in range(instances):
        image = Dataset()
        image.ReferencedSOPClassUID = CT
        image.ReferencedSOPInstanceUID = generate_uid(entropy_srcs=[study, str(number)])
        images.append(image)
        item = Dataset()
        item.ReferencedSOPSequence = Sequence([image])
        item.RelationshipType, item.ValueType = "CONTAINS", "IMAGE"
        content.append(item)
    listed = Dataset()
    listed.RetrieveURL = "%s/studies/%s/series/%s" % (base, study, series)
    listed.ReferencedSOPSequence, listed.SeriesInstanceUID = Sequence(images), series
    evidence = Dataset()
    evidence.ReferencedSeriesSequence, evidence.StudyInstanceUID = Sequence([listed]), study
    data.CurrentRequestedProcedureEvidenceSequence = Sequence([evidence])
    data.ContentSequence = Sequence(content)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = KOS_CLASS, uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta = meta
    out = io.BytesIO()
    pydicom.dcmwrite(out, data, enforce_file_format=True)
    return out.getvalue()
