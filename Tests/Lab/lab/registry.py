# SPDX-License-Identifier: Apache-2.0
"""The registry and repository: what a submission does to them, and the files of each that was accepted."""
import hashlib
import io
import json
import os
import re
import uuid

import pydicom
from lxml import etree
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from .ebrim import DocumentEntry, Problem
from .names import APPROVED, ARCHIVED, DELETED, DEPRECATED, REPLACE
from .names import CLASS_CODE, EVENT_CODE, FACILITY_TYPE, FORMAT_CODE, PRACTICE_SETTING, TYPE_CODE
from .state import State, now

STATUS_NAMES = {APPROVED: "Approved", DEPRECATED: "Deprecated", ARCHIVED: "Archived", DELETED: "Deleted"}
# What every version of a manifest has anew: instance and series, their dates and numbers.
VOLATILE = (0x00080012, 0x00080013, 0x00080018, 0x00080021, 0x00080031, 0x00080023, 0x00080033, 0x00080201,
            0x0020000E, 0x00200013)
EXTENSIONS = {"application/dicom": "dcm", "text/xml": "xml"}


def fingerprint(entry, content):
    """Of content and metadata, less what changes in every version (EX_GEN-1060)."""
    if entry.mime_type == "application/dicom":
        content = _lasting(content)
    return hashlib.sha256(content + entry.comparable().encode()).hexdigest()


def _lasting(content):
    """A DICOM file's data set without VOLATILE elements, in Explicit VR Little Endian; other content as it is."""
    try:
        data_set = pydicom.dcmread(io.BytesIO(content))
        for element in VOLATILE:
            data_set.pop(element, None)
        plain = DicomBytesIO()
        plain.is_little_endian, plain.is_implicit_VR = True, False
        write_dataset(plain, data_set)
        return plain.getvalue()
    except Exception:  # a damaged file may raise anything
        return content


class Registry(State):
    # MARK: submissions

    def publish(self, submission, contents, vihf, request, warnings):
        """Stores a submission that is otherwise right; the Problems that the registry's state makes, else []."""
        with self._lock:
            problems = self._judge(submission, contents)
            if problems:
                return problems
            number = self._next
            self._next += 1
            prefix = self._dump(number, submission, contents, request)
            assigned = {d.id: "urn:uuid:%s" % uuid.uuid4() for d in submission.documents}
            replaced = {a.source: a.target for a in submission.of_type(REPLACE)}
            self._sql.execute("BEGIN IMMEDIATE")
            try:
                self._insert_submission(number, submission, "publish", prefix, vihf, request, warnings)
                for entry in submission.documents:
                    self._sql.execute("INSERT INTO entries VALUES (?,?,?,?,?,?,?,?,?,?,NULL)", (
                        assigned[entry.id], entry.unique_id, number, entry.patient_id, APPROVED,
                        json.dumps(self._metadata(entry), ensure_ascii=False), etree.tostring(entry.element, with_tail=False),
                        prefix + self._file_name(entry), hashlib.sha1(contents[entry.id]).hexdigest(),
                        replaced.get(entry.id)))
                for source, target in replaced.items():
                    self._sql.execute("UPDATE entries SET status = ?, replaced_by = ? WHERE entry_uuid = ?",
                                      (DEPRECATED, assigned[source], target))
                self._sql.execute("COMMIT")
            except BaseException:
                self._sql.execute("ROLLBACK")
                raise
        return []

    def _insert_submission(self, number, submission, kind, prefix, vihf, request, warnings):
        found = submission.submission_set
        self._sql.execute("INSERT INTO submissions VALUES (?,?,?,?,?,?,?,?,?,?)", (
            number, found.unique_id, "urn:uuid:%s" % uuid.uuid4(), kind, found.patient_id, now(), request.client,
            prefix + "request.mime", json.dumps(warnings), json.dumps(vihf.summary(), ensure_ascii=False)))

    def _known_patient(self, patient_id):
        state = self.patient(patient_id)
        if not state["exists"]:
            return [Problem("XDSUnknownPatientId", "the patient has no record")]
        if state["status"] != "active":
            return [Problem("XDSUnknownPatientId", "the patient's record is closed")]
        return []

    def _judge(self, submission, contents):
        problems = self._known_patient(submission.submission_set.patient_id)
        objects = [submission.submission_set, *submission.documents]
        unique_ids = [o.unique_id for o in objects]
        for obj in objects:
            if unique_ids.count(obj.unique_id) > 1:
                problems.append(Problem("XDSRegistryDuplicateUniqueIdInMessage", "uniqueId occurs twice", obj.id))
            if self._is_used(obj.unique_id):
                problems.append(Problem("XDSDuplicateUniqueIdInRegistry",
                                        "uniqueId %s was used before" % obj.unique_id, obj.id))
        replacements = submission.of_type(REPLACE)
        for association in replacements:
            if sum(a.target == association.target or a.source == association.source for a in replacements) > 1:
                problems.append(Problem("XDSRegistryMetadataError", "RPLC occurs twice", association.id))
            entry = next(d for d in submission.documents if d.id == association.source)
            problems += self._judge_replacement(association, entry, contents[entry.id])
        return problems

    def _is_used(self, unique_id):
        return bool(self.rows("SELECT 1 FROM entries WHERE unique_id = ? UNION SELECT 1 FROM submissions "
                              "WHERE unique_id = ?", unique_id, unique_id))

    def _judge_replacement(self, association, entry, content):
        found = self.rows("SELECT * FROM entries WHERE entry_uuid = ?", association.target)
        if not found:
            return [Problem("UnresolvedReferenceException", "RPLC: %s is not known" % association.target, entry.id)]
        target, problems = found[0], []
        if target["status"] != APPROVED:
            problems.append(Problem("XDSRegistryDeprecatedDocumentError", "RPLC: %s is %s"
                                    % (association.target, STATUS_NAMES[target["status"]]), entry.id))
        if target["patient_id"] != entry.patient_id:
            problems.append(Problem("XDSPatientIdDoesNotMatch", "RPLC: of another patient", entry.id))
        elif not self.options.allow_unchanged and fingerprint(entry, content) == fingerprint(
                DocumentEntry(etree.fromstring(target["xml"])), self.content(target)):
            problems.append(Problem("XDSRegistryMetadataError",
                                    "EX_GEN-1060: neither content nor metadata have changed", entry.id))
        return problems

    def update(self, submission, vihf, request, warnings):
        """UpdateAvailabilityStatus of each association; the Problems, else []."""
        with self._lock:
            problems = self._known_patient(submission.submission_set.patient_id)
            if self._is_used(submission.submission_set.unique_id):
                problems.append(Problem("XDSDuplicateUniqueIdInRegistry", "uniqueId of the submission set"))
            for association in submission.associations:
                problems += self._judge_update(association, submission.submission_set.patient_id)
            if problems:
                return problems
            number = self._next
            self._next += 1
            prefix = self._dump(number, submission, {}, request)
            self._sql.execute("BEGIN IMMEDIATE")
            try:
                self._insert_submission(number, submission, "update", prefix, vihf, request, warnings)
                for association in submission.associations:
                    self._sql.execute("UPDATE entries SET status = ? WHERE entry_uuid = ?",
                                      (association.slot("NewStatus"), association.target))
                self._sql.execute("COMMIT")
            except BaseException:
                self._sql.execute("ROLLBACK")
                raise
        return []

    def _judge_update(self, association, patient_id):
        found = self.rows("SELECT status, patient_id FROM entries WHERE entry_uuid = ?", association.target)
        if not found or found[0]["status"] == DELETED and self.options.deleted == "hidden":
            return [Problem("UnresolvedReferenceException", "%s is not known" % association.target, association.id)]
        if found[0]["patient_id"] != patient_id:
            return [Problem("XDSPatientIdDoesNotMatch", "the entry is of another patient", association.id)]
        original, new = association.slot("OriginalStatus"), association.slot("NewStatus")
        if found[0]["status"] != original or original == DELETED:
            return [Problem("XDSMetadataUpdateError", "OriginalStatus: found %s, the entry is %s"
                            % (original, STATUS_NAMES[found[0]["status"]]), association.id)]
        if new not in (DELETED, ARCHIVED, APPROVED) or new == original:
            return [Problem("XDSMetadataUpdateError", "NewStatus: found %s" % new, association.id)]
        return []

    # MARK: what is kept

    def _file_name(self, entry):
        return "%s.%s" % (re.sub(r"[^A-Za-z0-9.-]", "_", entry.id), EXTENSIONS.get(entry.mime_type, "bin"))

    def _dump(self, number, submission, contents, request):
        """Writes request and documents; what their names below the state's folder begin with."""
        prefix = "submissions/%06d-" % number
        head = "MIME-Version: 1.0\r\nContent-Type: %s\r\n\r\n" % request.content_type
        self._write(prefix + "request.mime", head.encode("latin-1") + request.body)
        for entry in submission.documents:
            self._write(prefix + self._file_name(entry), contents[entry.id])
        return prefix

    def _write(self, name, content):
        descriptor = os.open("%s/%s" % (self.directory, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        with open(descriptor, "wb", buffering=0) as file:
            file.write(content)

    def _metadata(self, entry):
        codes = {"classCode": CLASS_CODE, "typeCode": TYPE_CODE, "formatCode": FORMAT_CODE,
                 "healthcareFacilityTypeCode": FACILITY_TYPE, "practiceSettingCode": PRACTICE_SETTING}
        return {"id": entry.id, "mimeType": entry.mime_type, "title": entry.title, "size": int(entry.slot("size") or 0),
                **{called: list(entry.code(scheme)) for called, scheme in codes.items()},
                **{slot: entry.slot(slot) for slot in ("creationTime", "serviceStartTime", "serviceStopTime")},
                "confidentialityCodes": entry.confidentiality, "referenceIds": entry.reference_ids,
                "eventCodes": [list(c) for c in entry.codes(EVENT_CODE)], "signature": entry.is_signature}

    def content(self, row):
        return (self.directory / row["file"]).read_bytes()
