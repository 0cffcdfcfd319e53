# SPDX-License-Identifier: Apache-2.0
"""RegistryStoredQuery (ITI-18): FindDocuments, FindDocumentsByReferenceId, GetDocuments."""
import json
import re
import uuid

from lxml import etree

from .ebrim import Problem
from .names import (DELETED, FAILURE, FIND_BY_REFERENCE, FIND_DOCUMENTS, GET_DOCUMENTS, QUERY, REPOSITORY_UNIQUE_ID,
                    RIM, SUCCESS, tag)
from .soap import error_list

MISSING, WRONG = "XDSStoredQueryMissingParam", "XDSStoredQueryParamNumber"
ENTRY = "$XDSDocumentEntry"
# Parameter: name in the stored metadata. Coded values are `code^^scheme`.
CODED = {"ClassCode": "classCode", "TypeCode": "typeCode", "FormatCode": "formatCode",
         "PracticeSettingCode": "practiceSettingCode", "HealthcareFacilityTypeCode": "healthcareFacilityTypeCode"}
TIMES = {"CreationTime": "creationTime", "ServiceStartTime": "serviceStartTime", "ServiceStopTime": "serviceStopTime"}
# Each slot of these has to match: AND between the slots, OR in one.
REPEATABLE = {"EventCodeList": "eventCodes", "ConfidentialityCode": "confidentialityCodes",
              "ReferenceIdList": "referenceIds"}
STABLE = "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"


class QueryError(Exception):
    def __init__(self, code, context):
        super().__init__(context)
        self.problem = Problem(code, context)


def values(text):
    """The values of a parameter (ITI TF-2 3.18.4.1.2.3.5): a number, 'text' or a list of them in parentheses."""
    text = text.strip()
    if re.fullmatch(r"\d+", text):
        return [text]
    inner = text[1:-1] if text.startswith("(") and text.endswith(")") else text
    found, rest = [], inner.strip()
    while rest:
        match = re.match(r"'((?:[^']|'')*)'\s*(?:,\s*(?=')|$)|(\d+)\s*(?:,\s*|$)", rest)
        if not match:
            raise QueryError("XDSRegistryError", "a query parameter is not quoted as it should be: %s" % text)
        found.append(match.group(2) or match.group(1).replace("''", "'"))
        rest = rest[match.end():]
    return found


class Query:
    def __init__(self, request):
        option, query = request.find(tag(QUERY, "ResponseOption")), request.find(tag(RIM, "AdhocQuery"))
        self.return_type = option.get("returnType", "") if option is not None else ""
        if query is None or self.return_type not in ("ObjectRef", "LeafClass"):
            raise QueryError("XDSRegistryError", "AdhocQuery and a returnType ObjectRef or LeafClass are required")
        self.id = query.get("id", "")
        if self.id not in (FIND_DOCUMENTS, FIND_BY_REFERENCE, GET_DOCUMENTS):
            raise QueryError("XDSUnknownStoredQuery", "stored query %s is not known" % self.id)
        self.slots = {}
        for slot in query.iterfind(tag(RIM, "Slot")):
            texts = [v.text or "" for v in slot.iter(tag(RIM, "Value"))]
            self.slots.setdefault(slot.get("name", ""), []).append([v for t in texts for v in values(t)])

    def one(self, name, required=False):
        """The values of a parameter that stands in one slot; None where it is absent."""
        found = self.slots.get(name, [])
        if len(found) > 1:
            raise QueryError(WRONG, "%s: found %d slots, expected 1" % (name, len(found)))
        if required and (not found or not found[0]):
            raise QueryError(MISSING, "%s is missing" % name)
        return found[0] if found else None


def matches(query, metadata, row):
    status = query.one(ENTRY + "Status", required=True)
    if row["status"] not in status:
        return False
    for suffix, key in CODED.items():
        wanted = query.one(ENTRY + suffix)
        if wanted is not None and "^^".join(metadata[key]) not in wanted:
            return False
    for suffix, key in TIMES.items():
        time = metadata[key].ljust(14, "0")
        start, end = query.one(ENTRY + suffix + "From"), query.one(ENTRY + suffix + "To")
        # A time to the day is that day's start; the interval is half open.
        if start and time < start[0].ljust(14, "0") or end and time >= end[0].ljust(14, "0"):
            return False
    for suffix, key in REPEATABLE.items():
        have = ["^^".join(v) if isinstance(v, list) else v for v in metadata[key]]
        for wanted in query.slots.get(ENTRY + suffix, []):
            stripped = [w.split("^^")[0] for w in wanted] if key == "confidentialityCodes" else wanted
            if not set(have) & set(stripped):
                return False
    types = query.one(ENTRY + "Type")
    return types is None or STABLE in types


def find(query, registry, vihf):
    """The rows that a query answers with; of the VIHF's patient only."""
    hidden = registry.options.deleted == "hidden"
    if query.id == GET_DOCUMENTS:
        uuids, unique_ids = query.one(ENTRY + "EntryUUID"), query.one(ENTRY + "UniqueId")
        if (uuids is None) == (unique_ids is None):
            raise QueryError(MISSING if uuids is None else WRONG, "expected either EntryUUID or UniqueId")
        column, wanted = ("entry_uuid", uuids) if uuids is not None else ("unique_id", unique_ids)
        rows = [row for value in wanted for row in
                registry.rows("SELECT * FROM entries WHERE %s = ?" % column, value)]
        return [r for r in rows if r["patient_id"] == vihf.patient_id and not (hidden and r["status"] == DELETED)]
    patient = query.one(ENTRY + "PatientId", required=True)
    query.one(ENTRY + "Status", required=True)
    if query.id == FIND_BY_REFERENCE and not query.slots.get(ENTRY + "ReferenceIdList"):
        raise QueryError(MISSING, "%sReferenceIdList is missing" % ENTRY)
    if len(patient) != 1:
        raise QueryError(WRONG, "%sPatientId: expected one value" % ENTRY)
    if patient[0] != vihf.patient_id:
        raise QueryError("XDSPatientIdDoesNotMatch", "the VIHF is for another patient (resource-id)")
    if not registry.patient(patient[0])["exists"]:
        raise QueryError("XDSUnknownPatientId", "the patient has no record")
    if not registry.may_read(vihf):
        raise QueryError("DMPAccessDenied", "the structure has no valid authorization")
    rows = registry.rows("SELECT * FROM entries WHERE patient_id = ? ORDER BY submission, rowid", patient[0])
    return [r for r in rows if not (hidden and r["status"] == DELETED) and matches(query, json.loads(r["metadata"]), r)]


def leaf(row):
    """The ExtrinsicObject of an entry: its present status, the ids that the registry assigned, the repository."""
    entry_uuid = row["entry_uuid"]
    element = etree.fromstring(row["xml"])
    for name, value in (("id", entry_uuid), ("lid", entry_uuid), ("status", row["status"])):
        element.set(name, value)
    for number, child in enumerate(element):
        points = {tag(RIM, "Classification"): "classifiedObject", tag(RIM, "ExternalIdentifier"): "registryObject"}
        if child.tag in points:
            child.set(points[child.tag], entry_uuid)
            child.set("id", "urn:uuid:%s" % uuid.uuid5(uuid.UUID(entry_uuid[9:]), str(number)))
    slot = etree.Element(tag(RIM, "Slot"), name="repositoryUniqueId")
    etree.SubElement(etree.SubElement(slot, tag(RIM, "ValueList")), tag(RIM, "Value")).text = REPOSITORY_UNIQUE_ID
    element.insert(0, slot)
    return etree.tostring(element, encoding="unicode")


def response(status, content="", problems=()):
    objects = '<RegistryObjectList xmlns="%s">%s</RegistryObjectList>' % (RIM, content)
    return '<query:AdhocQueryResponse xmlns:query="%s" status="%s">%s%s</query:AdhocQueryResponse>' % (
        QUERY, status, error_list(problems), objects)


def answer(request, registry, vihf):
    """(AdhocQueryResponse as XML text, problems) for an AdhocQueryRequest."""
    try:
        query = Query(request)
        rows = find(query, registry, vihf)
    except QueryError as error:
        return response(FAILURE, problems=[error.problem]), [error.problem]
    if query.return_type == "ObjectRef":
        content = "".join('<ObjectRef id="%s"/>' % row["entry_uuid"] for row in rows)
    else:
        content = "".join(leaf(row) for row in rows)
    return response(SUCCESS, content), []
