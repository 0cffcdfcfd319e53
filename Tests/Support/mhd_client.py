#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks an MHD Document Responder as another maker's Document Consumer would, validates what it says (R4), and reads what it
gives with pydicom.

    mhd_client.py BASE --patient SYSTEM|VALUE --study UID [--accession SYSTEM|VALUE]

Prints a JSON object: what was found, form by form, and what is wrong with it ("problems", empty where nothing is)."""
import argparse
import base64
import hashlib
import io
import json
import urllib.error
import urllib.parse
import urllib.request

import fhirkit
import pydicom

KOS = ("urn:oid:1.2.840.10008.2.6.1", "1.2.840.10008.5.1.4.1.1.88.59")
FHIR_FORM = "urn:ihe:rad:MADO:fhir-manifest:2026"


class Client:
    def __init__(self, base):
        self.base = base
        self.problems = []

    def expect(self, holds, words):
        if not holds:
            self.problems.append(words)

    def ask(self, url, form=None, accept=None):
        """Status, media type and body."""
        if "://" not in url:
            url = "%s/%s" % (self.base, url)
        request = urllib.request.Request(url, data=urllib.parse.urlencode(form).encode() if form is not None else None)
        if accept:
            request.add_header("Accept", accept)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers.get_content_type(), answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers.get_content_type(), error.read()

    def resource(self, url, form=None):
        status, media, body = self.ask(url, form)
        self.expect(media == "application/fhir+json", "%s: media type %s" % (url, media))
        for issue in fhirkit.validate(body.decode()):
            self.expect(False, "%s: R4: %s: %s" % (url.split("?")[0], issue.path, issue.message))
        return status, json.loads(body)

    def search(self, **form):
        status, bundle = self.resource("DocumentReference/_search", form)
        self.expect(status == 200 and bundle.get("type") == "searchset", "search: %s %s" % (status, bundle))
        return [entry["resource"] for entry in bundle.get("entry", [])]

    def refused(self, url, code, form=None):
        status, outcome = self.resource(url, form)
        found = [issue["code"] for issue in outcome.get("issue", [])]
        self.expect(outcome.get("resourceType") == "OperationOutcome" and found == [code] and status >= 400,
                    "%s: %s %s, expected %s" % (url.split("?")[0], status, found, code))


def codes(concept):
    return {(c.get("system"), c.get("code")) for c in concept.get("coding", [])}


def read(client, reference):
    """The manifest of a DocumentReference, as its own attachment says it is."""
    content = reference["content"][0]
    attachment = content["attachment"]
    media = attachment["contentType"]
    status, got, body = client.ask(attachment["url"], accept=media)
    client.expect(status == 200 and got == media, "%s: %s %s" % (attachment["url"], status, got))
    found = {"id": reference["id"], "format": content["format"]["code"], "media": got, "bytes": len(body)}
    if media == "application/dicom":
        client.expect(len(body) == attachment["size"], "size of %s" % reference["id"])
        client.expect(base64.b64encode(hashlib.sha1(body).digest()).decode() == attachment["hash"],
                      "hash of %s" % reference["id"])
        data = pydicom.dcmread(io.BytesIO(body))
        title = data.ConceptNameCodeSequence[0]
        found["title"] = "%s %s" % (title.CodingSchemeDesignator, title.CodeValue)
        client.expect(data.SOPInstanceUID == reference["masterIdentifier"]["value"].removeprefix("urn:oid:"),
                      "masterIdentifier of %s" % reference["id"])
        evidence = data.CurrentRequestedProcedureEvidenceSequence[0]
        found["study"] = evidence.StudyInstanceUID
        series = evidence.ReferencedSeriesSequence
        found["instances"] = sum(len(item.ReferencedSOPSequence) for item in series)
        found["urls"] = sorted({item.RetrieveURL for item in series})
    else:
        bundle = json.loads(body)
        types = [entry["resource"]["resourceType"] for entry in bundle.get("entry", [])]
        client.expect(bundle.get("resourceType") == "Bundle", "%s is no Bundle" % reference["id"])
        client.expect("ImagingStudy" in types, "no ImagingStudy in %s" % types)
        found["title"] = "Bundle " + bundle.get("type", "")
        study = [entry["resource"] for entry in bundle["entry"]
                 if entry["resource"]["resourceType"] == "ImagingStudy"][0]
        found["study"] = [identifier["value"].removeprefix("urn:oid:") for identifier in study["identifier"]
                          if identifier.get("system") == "urn:dicom:uid"][0]
        found["instances"] = sum(len(series.get("instance", [])) for series in study["series"])
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("base")
    parser.add_argument("--patient", required=True)
    parser.add_argument("--study", required=True)
    parser.add_argument("--accession")
    options = parser.parse_args()
    client = Client(options.base)

    status, capability = client.resource("metadata")
    client.expect(status == 200 and capability["resourceType"] == "CapabilityStatement", "metadata")
    offered = {resource["type"] for resource in capability["rest"][0]["resource"]}
    client.expect(offered == {"DocumentReference", "Binary"}, "metadata offers %s" % offered)

    study = "urn:dicom:uid|urn:oid:" + options.study
    found = client.search(**{"patient.identifier": options.patient, "related:identifier": study})
    for narrower in ({"event": "http://dicom.nema.org/resources/ontology/DCM|CT"}, {"type": "http://loinc.org|18748-4"},
                     {"status": "current"}, {"date": "ge2020-01-01"}, {"related:identifier": options.accession or study}):
        again = client.search(**{"patient.identifier": options.patient, **narrower})
        client.expect([r["id"] for r in again] == [r["id"] for r in found], "by %s" % narrower)
    for none in ({"event": "MR"}, {"date": "lt2020-01-01"}, {"related:identifier": "urn:dicom:uid|urn:oid:1.2.3"}):
        client.expect(client.search(**{"patient.identifier": options.patient, **none}) == [], "not by %s" % none)
    for reference in found:
        client.expect(("http://loinc.org", "18748-4") in codes(reference["type"]), "type of %s" % reference["id"])
        status, same = client.resource("DocumentReference/" + reference["id"])
        client.expect(same == reference, "%s is not what was found" % reference["id"])
    client.refused("DocumentReference?" + urllib.parse.urlencode({"patient.identifier": options.patient}), "security")
    client.refused("DocumentReference?event=CT", "required")
    client.refused("Binary/1.2.3", "not-found")
    print(json.dumps({"found": [read(client, reference) for reference in found], "problems": client.problems}))


if __name__ == "__main__":
    main()
