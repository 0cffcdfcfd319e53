# SPDX-License-Identifier: Apache-2.0
"""The checks of a submission that need no other one: metadata (ITI TF-3 4.2, CI-SIS) and documents."""
import hashlib
import re

from .ebrim import Problem
from .names import (ACCESSION, AUTHOR, CLASS_CODE, CONFIDENTIALITY, CONTENT_TYPE, DMP_CONFIDENTIALITY,
                    DOCUMENT_ENTRY, EVENT_CODE, FACILITY_TYPE, FORMAT_CODE, HAS_MEMBER, HL7_CONFIDENTIALITY,
                    INS_AUTHORITIES, KOS_CLASS, MODALITY, PATIENT_ID, PRACTICE_SETTING, REPLACE, SIGNS, STUDY,
                    SUBMISSION_SET_AUTHOR, SUBMISSION_SET_NODE, SUBMISSION_SET_PATIENT_ID, SUBMISSION_SET_SOURCE_ID,
                    SUBMISSION_SET_UNIQUE_ID, TYPE_CODE, UNIQUE_ID, UPDATE_STATUS)

METADATA, REPOSITORY = "XDSRegistryMetadataError", "XDSRepositoryMetadataError"
OID = re.compile(r"(?=.{1,64}\Z)[0-2](\.(0|[1-9]\d*))+")
DTM = re.compile(r"\d{4}(\d\d){0,5}")
INS = re.compile(r"(\d[0-9AB]{14})\^\^\^&([0-9.]+)&ISO\^NH")
CX = re.compile(r"[^^&]+\^\^\^(&[0-9.]+&ISO)?\^(PI|NH)")
CXI = re.compile(r"[^^&]+\^\^\^(&[0-9.]+&ISO)?\^urn:[^^]+(\^.*)?")
XCN = re.compile(r"[^^]+\^[^^]+\^[^^]*\^\^\^\^\^\^&1\.2\.250\.1\.71\.4\.2\.1&ISO\^[DU]\^\^\^(IDNPS|EI|RPPS)")
XON = re.compile(r"[^^]+\^\^\^\^\^&1\.2\.250\.1\.71\.4\.2\.2&ISO\^(IDNST|FINEG|FINEJ)\^\^\^\S+")
# Slot of a document entry: form of its single value. CI-SIS, Partage de documents, metadata of a document.
SLOTS = {
    "creationTime": DTM, "serviceStartTime": DTM, "serviceStopTime": DTM,
    "languageCode": re.compile(r"[a-z]{2}(-[A-Z]{2})?|art"),
    "hash": re.compile(r"[0-9a-f]{40}"), "size": re.compile(r"\d+"),
    "sourcePatientId": CX, "legalAuthenticator": XCN,
}
OPTIONAL_SLOTS = ("serviceStopTime",)
ONE_CODE = {"class": CLASS_CODE, "type": TYPE_CODE, "format": FORMAT_CODE, "facility": FACILITY_TYPE,
            "practiceSetting": PRACTICE_SETTING}
VISIBILITY = ("MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX")
ASSOCIATIONS = (HAS_MEMBER, REPLACE, SIGNS)


def ins_is_valid(patient_id):
    """A CX with an INS authority and the right key (97 - number modulo 97)."""
    match = INS.fullmatch(patient_id)
    if not match or match.group(2) not in INS_AUTHORITIES:
        return False
    digits = match.group(1)
    number = digits[:13].replace("2A", "19", 1).replace("2B", "18", 1)
    return number.isdigit() and int(digits[13:]) == 97 - int(number) % 97


class Checker:
    def __init__(self, options):
        self.options = options
        self.problems = []

    def problem(self, code, context, location="", lenient=False):
        self.problems.append(Problem(code, context, location, lenient))

    # MARK: registry objects

    def common(self, obj, identifiers):
        """identifiers: what each is called, by its scheme; every one exactly once."""
        schemes = [scheme for scheme, _, _, _ in obj.identifiers]
        for scheme, called in identifiers.items():
            if schemes.count(scheme) != 1:
                self.problem(METADATA, "%s: found %d, expected 1" % (called, schemes.count(scheme)), obj.id)
        for scheme, value, registry_object, called in obj.identifiers:
            if registry_object != obj.id:
                self.problem(METADATA, "ExternalIdentifier registryObject: found %r" % registry_object, obj.id)
            if scheme not in identifiers:
                self.problem(METADATA, "identificationScheme %s is not known" % scheme, obj.id)
            elif called != identifiers[scheme]:
                self.problem(METADATA, "ExternalIdentifier Name: found %r, expected %r"
                             % (called, identifiers[scheme]), obj.id)
        if not ins_is_valid(obj.patient_id):
            self.problem(METADATA, "patientId is no INS: found %r" % obj.patient_id, obj.id)
        if not OID.fullmatch(obj.unique_id):
            self.problem(METADATA, "uniqueId is no OID: found %r" % obj.unique_id, obj.id)
        for classification in obj.classifications:
            if classification.classified != obj.id:
                self.problem(METADATA, "classifiedObject: found %r" % classification.classified, obj.id)
            if len(classification.slots.get("codingScheme", [])) > 1:
                self.problem(METADATA, "codingScheme: several values", obj.id)
        for slot, values in obj.slots.items():
            if not values or any(not v for v in values):
                self.problem(METADATA, "slot %s has an empty value" % slot, obj.id)

    def author(self, obj, scheme):
        authors = obj.of(scheme)
        if not authors:
            self.problem(METADATA, "author is missing", obj.id)
        for author in authors:
            for slot, form in (("authorPerson", XCN), ("authorInstitution", XON)):
                values = author.slots.get(slot, [])
                if len(values) != 1 or not form.fullmatch(values[0]):
                    self.problem(METADATA, "%s: found %r" % (slot, values), obj.id)

    def one_code(self, obj, called, scheme):
        codes = obj.of(scheme)
        if len(codes) != 1:
            self.problem(METADATA, "%sCode: found %d, expected 1" % (called, len(codes)), obj.id)
        for code in codes:
            self.coded(obj, called, code)

    def coded(self, obj, called, code):
        if not code.code or not code.coding_scheme or not code.display:
            self.problem(METADATA, "%sCode: code, codingScheme and Name are required" % called, obj.id)

    def submission_set(self, submission):
        found = submission.submission_set
        if found is None:
            self.problem(METADATA, "expected exactly one RegistryPackage")
            return
        self.common(found, {SUBMISSION_SET_PATIENT_ID: "XDSSubmissionSet.patientId",
                            SUBMISSION_SET_SOURCE_ID: "XDSSubmissionSet.sourceId",
                            SUBMISSION_SET_UNIQUE_ID: "XDSSubmissionSet.uniqueId"})
        if not OID.fullmatch(found.source_id):
            self.problem(METADATA, "sourceId is no OID: found %r" % found.source_id, found.id)
        if sum(c.node == SUBMISSION_SET_NODE for c in found.classifications) != 1:
            self.problem(METADATA, "the RegistryPackage is not classified as a submission set", found.id)
        self.author(found, SUBMISSION_SET_AUTHOR)
        self.one_code(found, "contentType", CONTENT_TYPE)
        if not DTM.fullmatch(found.slot("submissionTime")):
            self.problem(METADATA, "submissionTime: found %r" % found.slot("submissionTime"), found.id)

    def document_entry(self, entry):
        self.common(entry, {PATIENT_ID: "XDSDocumentEntry.patientId", UNIQUE_ID: "XDSDocumentEntry.uniqueId"})
        if entry.object_type != DOCUMENT_ENTRY:
            self.problem(METADATA, "objectType: found %r" % entry.object_type, entry.id)
        if not entry.mime_type or not entry.title:
            self.problem(METADATA, "mimeType and title are required", entry.id)
        for slot, form in SLOTS.items():
            values = entry.slots.get(slot, [])
            if not values and slot in OPTIONAL_SLOTS:
                continue
            if len(values) != 1 or not form.fullmatch(values[0]):
                self.problem(METADATA, "slot %s: found %r" % (slot, values), entry.id)
        self.author(entry, AUTHOR)
        for called, scheme in ONE_CODE.items():
            self.one_code(entry, called, scheme)
        for code in entry.of(EVENT_CODE):
            self.coded(entry, "event", code)
        for reference in entry.reference_ids:
            if not CXI.fullmatch(reference):
                self.problem(METADATA, "referenceIdList: found %r" % reference, entry.id)
        self.confidentiality(entry)
        if entry.code(FORMAT_CODE)[0] == KOS_CLASS:
            self.manifest(entry)

    def confidentiality(self, entry):
        base, visibility = [], []
        for code in entry.of(CONFIDENTIALITY):
            self.coded(entry, "confidentiality", code)
            if code.coding_scheme == HL7_CONFIDENTIALITY and code.code in ("N", "R", "V"):
                base.append(code.code)
            elif code.coding_scheme == DMP_CONFIDENTIALITY and code.code in VISIBILITY:
                visibility.append(code.code)
            else:
                self.problem(METADATA, "confidentialityCode %s of %s is not known"
                             % (code.code, code.coding_scheme), entry.id)
        if len(base) != 1 or len(set(visibility)) != len(visibility):
            self.problem(METADATA, "confidentialityCode: expected N, R or V once, and each visibility at most once",
                         entry.id)
        if (self.options.refuse_cumul and not entry.is_signature
                and {"MASQUE_PS", "INVISIBLE_PATIENT"} <= set(visibility)):
            self.problem(METADATA, "EX_2.1-1050: MASQUE_PS together with INVISIBLE_PATIENT is not accepted", entry.id)

    def manifest(self, entry):
        expected = {"typeCode": (entry.code(TYPE_CODE), ("IMG-KOS", "1.2.250.1.213.1.1.4.12")),
                    "classCode": (entry.code(CLASS_CODE), ("31", "1.2.250.1.213.1.1.4.1")),
                    "formatCode scheme": (entry.code(FORMAT_CODE)[1], "1.2.840.10008.2.6.1"),
                    "mimeType": (entry.mime_type, "application/dicom")}
        for called, (found, wanted) in expected.items():
            if found != wanted:
                self.problem(METADATA, "%s of a manifest: found %r, expected %r" % (called, found, wanted), entry.id)
        if MODALITY not in [scheme for _, scheme in entry.codes(EVENT_CODE)]:
            self.problem(METADATA, "eventCodeList of a manifest: no modality (%s)" % MODALITY, entry.id)
        for kind in (ACCESSION, STUDY):
            if not any(("^" + kind) in reference for reference in entry.reference_ids):
                self.problem(METADATA, "referenceIdList of a manifest: no %s" % kind, entry.id)
        patient = entry.slots.get("sourcePatientInfo", [])
        for field in ("PID-5|", "PID-7|", "PID-8|"):
            if not any(value.startswith(field) for value in patient):
                self.problem(METADATA, "sourcePatientInfo: no %s" % field[:-1], entry.id)

    def associations(self, submission):
        found = submission.submission_set
        if found is None:
            return
        entries = {d.id: d for d in submission.documents}
        identifiers = [o.id for o in (found, *submission.documents, *submission.associations)]
        if "" in identifiers or len(set(identifiers)) != len(identifiers):
            self.problem(METADATA, "ids of registry objects are missing or not unique")
        for other in submission.others:
            self.problem(METADATA, "%s is not expected" % other)
        for association in submission.associations:
            if association.type not in ASSOCIATIONS:
                self.problem(METADATA, "associationType %r is not known" % association.type, association.id)
        for entry in submission.documents:
            members = [a for a in submission.of_type(HAS_MEMBER) if a.target == entry.id and a.source == found.id]
            if len(members) != 1 or members[0].slot("SubmissionSetStatus") != "Original":
                self.problem(METADATA, "expected one HasMember with SubmissionSetStatus Original", entry.id)
        for association in submission.of_type(HAS_MEMBER):
            if association.source != found.id or association.target not in entries:
                self.problem(METADATA, "HasMember %s -> %s" % (association.source, association.target), association.id)
        for association in submission.of_type(REPLACE):
            source = entries.get(association.source)
            if source is None or source.is_signature or not association.target.startswith("urn:uuid:"):
                self.problem(METADATA, "RPLC: from a document of the submission to an entryUUID", association.id)
        signatures = submission.signatures
        if len(signatures) != 1 and self.options.require_signature:
            self.problem(METADATA, "found %d submission set signatures, expected 1" % len(signatures))
        if len(signatures) == len(submission.documents):
            self.problem(METADATA, "there is no document besides signatures")
        signs = [(a.source, a.target) for a in submission.of_type(SIGNS)]
        if signs != [(s.id, found.id) for s in signatures]:
            self.problem(METADATA, "expected an association signs from the signature to the submission set")

    def patient(self, submission, vihf):
        ids = {o.patient_id for o in [submission.submission_set, *submission.documents] if o is not None}
        if len(ids) != 1:
            self.problem("XDSPatientIdDoesNotMatch", "the patientIds differ")
        elif vihf.patient_id not in ids:
            self.problem("XDSPatientIdDoesNotMatch", "the VIHF is for another patient (resource-id)")

    # MARK: documents

    def documents(self, submission, contents):
        entries = {d.id: d for d in submission.documents}
        for identifier in entries.keys() - contents.keys():
            self.problem("XDSMissingDocument", "there is no Document with this id", identifier)
        for identifier in contents.keys() - entries.keys():
            self.problem("XDSMissingDocumentMetadata", "there is no ExtrinsicObject with this id", identifier)
        for entry in submission.documents:
            content = contents.get(entry.id)
            if content is None:
                continue
            if not content:
                self.problem("XDSInvalidDocumentContent", "EX_GEN-1060: the document is empty", entry.id)
            lenient = entry.is_signature
            if hashlib.sha1(content).hexdigest() != entry.slot("hash").lower():
                self.problem(REPOSITORY, "hash is not that of the document", entry.id, lenient)
            if str(len(content)) != entry.slot("size"):
                self.problem(REPOSITORY, "size: found %s, the document has %d bytes"
                             % (entry.slot("size"), len(content)), entry.id, lenient)


def check_submission(submission, contents, vihf, options):
    """Problems of the metadata and documents of a Provide and Register; `contents`: bytes by document id."""
    checker = Checker(options)
    checker.submission_set(submission)
    for entry in submission.documents:
        checker.document_entry(entry)
    checker.associations(submission)
    checker.patient(submission, vihf)
    checker.documents(submission, contents)
    return checker.problems


def check_update(submission, vihf, options):
    """Problems of an UpdateDocumentSet request (ITI-57 as TD3.3c uses it)."""
    checker = Checker(options)
    checker.submission_set(submission)
    checker.patient(submission, vihf)
    updates = submission.of_type(UPDATE_STATUS)
    if submission.documents or len(updates) != len(submission.associations) or not updates:
        checker.problem("XDSMetadataUpdateOperationError", "expected associations UpdateAvailabilityStatus only")
    for update in updates:
        if submission.submission_set is not None and update.source != submission.submission_set.id:
            checker.problem(METADATA, "sourceObject: found %r" % update.source, update.id)
        for slot in ("OriginalStatus", "NewStatus"):
            if len(update.slots.get(slot, [])) != 1:
                checker.problem(METADATA, "slot %s: expected one value" % slot, update.id)
    return checker.problems
