# SPDX-License-Identifier: Apache-2.0
"""Validates FHIR documents: R4 (fhirkit), documents in general, IHE MADO's profiles (guide 1.0.0).

    fhir_bundle.py FILE...

Prints "FILE: where: what" for every problem; exit status 1 if there is one.
"""
import json
import sys
import xml.etree.ElementTree

import fhirkit

MADO = "https://profiles.ihe.net/RAD/MADO/"
EXTENSIONS = {
    "ImagingStudy": {"MadoAnatomicalRegionExtension"},
    "Endpoint": {"MadoRetrieveLocationUIDExtension"},
    "instance": {"MadoNumberOfFrames", "MadoKeyObjectDocumentTitle"},
}
DCM = "http://dicom.nema.org/resources/ontology/DCM"
TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"


# Codes of required bindings (R4) that a manifest has.
CODES = {
    "Composition.status": {"preliminary", "final", "amended", "entered-in-error"},
    "ImagingStudy.status": {"registered", "available", "cancelled", "entered-in-error", "unknown"},
    "Patient.gender": {"male", "female", "other", "unknown"},
    "ServiceRequest.status": {"draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"},
    "ServiceRequest.intent": {"proposal", "plan", "directive", "order", "original-order", "instance-order"},
    "Endpoint.status": {"active", "suspended", "error", "off", "entered-in-error", "test"},
    "HumanName.use": {"usual", "official", "temp", "nickname", "anonymous", "old", "maiden"},
}


class Report:
    def __init__(self, bundle):
        self.problems = [f"{issue.path}: {issue.message}" for issue in fhirkit.validate(json.dumps(bundle))]
        self.bundle = bundle
        self.entries = {}
        self.codes()
        self.document()
        self.profiles()

    def check(self, holds, where, what):
        if not holds:
            self.problems.append(f"{where}: {what}")

    def of(self, kind):
        return [e["resource"] for e in self.bundle["entry"] if e["resource"]["resourceType"] == kind]

    def codes(self):
        for path, codes in CODES.items():
            kind, name = path.split(".")
            found = self.of(kind)
            if kind == "HumanName":
                found = [item for patient in self.of("Patient") for item in patient.get("name", [])]
            for resource in found:
                self.check(resource.get(name) is None or resource[name] in codes, path, "no code of the binding")

    def only(self, kind):
        found = self.of(kind)
        self.check(len(found) == 1, kind, f"{len(found)} resources, expected 1")
        return found[0] if found else {}

    # Documents (R4 3.3, bdl-7, bdl-9 to bdl-11)

    def document(self):
        bundle = self.bundle
        self.check(bundle.get("type") == "document", "type", "expected document")
        self.check(bundle["identifier"].get("system") and bundle["identifier"].get("value"), "bdl-9", "fails")
        self.check("timestamp" in bundle, "bdl-10", "fails")
        self.check("total" not in bundle, "total", "expected none")
        first = bundle["entry"][0]["resource"]["resourceType"]
        self.check(first == "Composition", "bdl-11", "fails")
        for entry in bundle["entry"]:
            self.check(entry["fullUrl"] not in self.entries, entry["fullUrl"], "twice (bdl-7)")
            self.entries[entry["fullUrl"]] = entry["resource"]
        reached, waiting = set(), [bundle["entry"][0]["fullUrl"]]
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting += self.references(self.entries[name], name)
        self.check(reached == set(self.entries), "entry", "one is not reached from the Composition")
        div = self.only("Composition").get("text", {}).get("div", "")
        root = xml.etree.ElementTree.fromstring(div)
        self.check(root.tag == "{http://www.w3.org/1999/xhtml}div", "text.div", "expected XHTML")

    def references(self, value, where):
        found = []
        if isinstance(value, list):
            for item in value:
                found += self.references(item, where)
        elif isinstance(value, dict):
            name = value.get("reference")
            if isinstance(name, str):
                target = self.entries.get(name)
                self.check(target is not None, where, f"{name} is no entry")
                if target is not None:
                    self.check(value.get("type") == target["resourceType"], where, f"{name} is no {value.get('type')}")
                    found.append(name)
            for item in value.values():
                found += self.references(item, where)
        return found

    # MADO

    def profiles(self):
        for resource in (entry["resource"] for entry in self.bundle["entry"]):
            if resource["resourceType"] in ("ImagingStudy", "Endpoint"):
                self.extensions(resource, resource["resourceType"])
        self.composition(self.only("Composition"))
        self.study(self.only("ImagingStudy"))
        self.only("Patient")
        types = self.only("Device")["type"]["coding"]
        wanted = [(MADO + "CodeSystem/MadoDeviceType", "mado-creator")]
        self.check([(t.get("system"), t.get("code")) for t in types] == wanted, "Device.type", "not mado-creator")
        self.check(self.only("Organization").get("name"), "Organization.name", "none")
        for request in self.of("ServiceRequest"):
            numbers = [i for i in request["identifier"] if self.is_accession(i)]
            self.check(len(numbers) == 1, "ServiceRequest", "expected one accession number")
        retrieving = [e for e in self.of("Endpoint") if e["connectionType"]["code"] == "dicom-wado-rs"]
        self.check(retrieving, "Endpoint", "none of DICOM WADO-RS")
        for endpoint in self.of("Endpoint"):
            payload = endpoint["payloadType"]
            self.check(len(payload) == 1 and payload[0]["coding"][0]["code"] == "none", "payloadType", "not none")
            if endpoint in retrieving:
                self.check(len(endpoint.get("extension", [])) == 1, "Endpoint", "expected a Retrieve Location UID")
                self.check(payload[0].get("text") == "DICOM WADO-RS", "payloadType.text", "not DICOM WADO-RS")
                unknown = endpoint["address"] == "http://notspecified"
                self.check(unknown == ("_address" in endpoint), "Endpoint.address", "unknown, or not")
            else:
                code = (MADO + "CodeSystem/MadoEndpointConnectionTypes", "web-viewer")
                found = endpoint["connectionType"]
                self.check((found["system"], found["code"]) == code, "Endpoint", "of an unknown type")
                self.check(endpoint.get("payloadMimeType") == ["text/html"], "payloadMimeType", "not HTML")

    def extensions(self, element, kind):
        urls = [extension["url"] for extension in element.get("extension", [])]
        known = {MADO + "StructureDefinition/" + name for name in EXTENSIONS[kind]}
        self.check(set(urls) <= known, kind, f"unknown extension among {urls}")
        if kind == "instance":
            self.check(len(urls) == len(set(urls)), kind, "an extension twice")

    def is_accession(self, identifier):
        codes = {(c.get("system"), c.get("code")) for c in identifier.get("type", {}).get("coding", [])}
        whole = identifier.get("system") and identifier.get("value")
        return bool(whole) and {(DCM, "121022"), (TYPES, "ACSN")} <= codes

    def composition(self, composition):
        self.check(composition["text"]["status"] in ("generated", "additional"), "text.status", "is empty")
        self.check(composition["identifier"] == self.bundle["identifier"], "identifier", "differs")
        authors = sorted(author["type"] for author in composition["author"])
        self.check(authors == ["Device", "Organization"], "author", f"found {authors}")
        details = [detail["type"] for event in composition["event"] for detail in event["detail"]]
        self.check(details == ["ImagingStudy"], "event.detail", f"found {details}")

    def study(self, study):
        own = [i for i in study["identifier"] if i.get("system") == "urn:dicom:uid"]
        self.check(len(own) == 1 and own[0]["value"].startswith("urn:oid:"), "identifier", "expected one UID")
        code = own[0]["type"]["coding"][0]
        self.check((code["system"], code["code"]) == (DCM, "110180"), "identifier.type", "not 110180")
        for order in study["basedOn"]:
            self.check(self.is_accession(order.get("identifier", {})), "basedOn", "expected an accession number")
        # mado-reqproc-1
        shown = [p for p in study["procedureCode"] if "text" in p or "_text" in p]
        self.check(shown, "procedureCode", "no text")
        self.check(study["numberOfSeries"] == len(study["series"]), "numberOfSeries", "differs")
        total = sum(len(series["instance"]) for series in study["series"])
        self.check(study["numberOfInstances"] == total, "numberOfInstances", "differs")
        for series in study["series"]:
            where = f"series {series['uid']}"
            self.check(series["numberOfInstances"] == len(series["instance"]), where, "numberOfInstances differs")
            kinds = [self.entries[e["reference"]]["connectionType"]["code"] for e in series["endpoint"]]
            self.check("dicom-wado-rs" in kinds, where, "no endpoint of DICOM WADO-RS")
            for instance in series["instance"]:
                self.check(instance["sopClass"]["code"].startswith("urn:oid:"), where, "SOP class is no URN")
                self.extensions(instance, "instance")


def main(files):
    count = 0
    for file in files:
        with open(file, encoding="utf-8") as stream:
            for problem in Report(json.load(stream)).problems:
                print(f"{file}: {problem}")
                count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
