#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares instances as another hospital has them with what the site's archive was given of them.

    imported_study.py THERE HERE --patient IPP --namespace NS --oid OID --ins INS --accession NUMBER

Prints one line for each difference that should not be; exit status 0 only if there is none. What is not named by a
rule of the import has the same value, pixel data the same bytes.
"""
import argparse
import pathlib
import sys

from pydicom import dcmread

# What an import may change, by keyword.
CHANGED = {"PatientID", "IssuerOfPatientID", "IssuerOfPatientIDQualifiersSequence", "OtherPatientIDsSequence",
           "AccessionNumber", "IssuerOfAccessionNumberSequence", "RequestAttributesSequence",
           "OriginalAttributesSequence", "ContributingEquipmentSequence", "SpecificCharacterSet", "PatientName",
           "PatientBirthDate", "PatientSex"}


def read(folder):
    found = (dcmread(path) for path in sorted(pathlib.Path(folder).rglob("*")) if path.is_file())
    return {str(data.SOPInstanceUID): data for data in found}


def check(there, here, arguments):
    """What is wrong with one instance."""
    expected = {"PatientID": arguments.patient, "IssuerOfPatientID": arguments.namespace, "AccessionNumber": ""}
    for keyword, value in expected.items():
        if str(here.get(keyword, "absent")) != value:
            yield "%s: found %r, expected %r" % (keyword, here.get(keyword), value)
    issuers = [(i.get("UniversalEntityID"), i.get("UniversalEntityIDType"))
               for i in here.get("IssuerOfPatientIDQualifiersSequence", [])]
    if issuers != [(arguments.oid, "ISO")]:
        yield "IssuerOfPatientIDQualifiersSequence: found %r" % issuers
    others = [str(item.PatientID) for item in here.get("OtherPatientIDsSequence", [])]
    if others.count(arguments.ins) != 1:
        yield "OtherPatientIDsSequence: found %r, expected the national identifier once" % others
    former = [item.ModifiedAttributesSequence[0] for item in here.get("OriginalAttributesSequence", [])
              if item.ReasonForTheAttributeModification == "COERCE"]
    if not any(str(values.get("PatientID", "")) == str(there.PatientID) for values in former):
        yield "OriginalAttributesSequence: found no item with the former PatientID"
    requests = [str(item.get("AccessionNumber", "")) for item in here.get("RequestAttributesSequence", [])]
    if arguments.accession not in requests:
        yield "RequestAttributesSequence: found %r, expected the former accession number" % requests
    equipment = [(item.Manufacturer, item.PurposeOfReferenceCodeSequence[0].CodeValue)
                 for item in here.get("ContributingEquipmentSequence", [])]
    if ("DRIMbox", "109103") not in equipment:
        yield "ContributingEquipmentSequence: found %r" % equipment
    if there.PixelData != here.PixelData:
        yield "PixelData: found other bytes"
    if there.file_meta.TransferSyntaxUID != here.file_meta.TransferSyntaxUID:
        yield "TransferSyntaxUID: found %s" % here.file_meta.TransferSyntaxUID
    for element in there:
        if element.keyword not in CHANGED and here.get(element.tag) != element:
            yield "%s: found %r, expected %r" % (element.keyword or element.tag, here.get(element.tag), element)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("there")
    parser.add_argument("here")
    for name in ("patient", "namespace", "oid", "ins", "accession"):
        parser.add_argument("--" + name, required=True)
    arguments = parser.parse_args()
    there, here = read(arguments.there), read(arguments.here)
    problems = []
    if not there or there.keys() != here.keys():
        problems.append("instances: found %d, expected the same %d" % (len(here), len(there)))
    for uid in there.keys() & here.keys():
        problems += ["%s: %s" % (uid, words) for words in check(there[uid], here[uid], arguments)]
    print("\n".join(problems[:20]) or "%d instances" % len(here))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
