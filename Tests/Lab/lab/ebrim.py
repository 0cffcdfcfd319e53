# SPDX-License-Identifier: Apache-2.0
"""A submission's metadata (ebRIM 3.0) as values: submission set, document entries, associations."""
from .names import (AUTHOR, CLASS_CODE, CONFIDENTIALITY, EVENT_CODE, FACILITY_TYPE, FORMAT_CODE, PATIENT_ID,
                    PRACTICE_SETTING, REFERENCE_IDS, RIM, SIGNATURE_FORMAT, SUBMISSION_SET_PATIENT_ID,
                    SUBMISSION_SET_SOURCE_ID, SUBMISSION_SET_UNIQUE_ID, TYPE_CODE, UNIQUE_ID, tag)


class Problem:
    """A RegistryError: code, words, the object it is about. `lenient` ones are warnings in lenient operation."""

    def __init__(self, code, context, location="", lenient=False):
        self.code, self.context, self.location, self.lenient = code, context, location, lenient

    def __str__(self):
        return "%s: %s%s" % (self.code, self.context, " (%s)" % self.location if self.location else "")


def slots(element):
    """Values by slot name; the values of equal names are put together."""
    found = {}
    for slot in element.iterchildren(tag(RIM, "Slot")):
        values = [(v.text or "").strip() for v in slot.iter(tag(RIM, "Value"))]
        found.setdefault(slot.get("name", ""), []).extend(values)
    return found


def name(element, local="Name"):
    for child in element.iterchildren(tag(RIM, local)):
        for string in child.iterchildren(tag(RIM, "LocalizedString")):
            return string.get("value", "")
    return ""


class Classification:
    def __init__(self, element):
        self.scheme = element.get("classificationScheme", "")
        self.node = element.get("classificationNode", "")
        self.classified = element.get("classifiedObject", "")
        self.code = element.get("nodeRepresentation", "")
        self.slots = slots(element)
        self.display = name(element)

    @property
    def coding_scheme(self):
        return (self.slots.get("codingScheme") or [""])[0]


class RegistryObject:
    """What RegistryPackage and ExtrinsicObject have in common."""

    def __init__(self, element, patient_scheme, unique_scheme):
        self.element = element
        self.id = element.get("id", "")
        self.slots = slots(element)
        self.title = name(element)
        self.description = name(element, "Description")
        self.classifications = [Classification(c) for c in element.iterfind(tag(RIM, "Classification"))]
        self.identifiers = [(i.get("identificationScheme", ""), i.get("value", ""), i.get("registryObject", ""), name(i))
                            for i in element.iterfind(tag(RIM, "ExternalIdentifier"))]
        self.patient_id = self.identifier(patient_scheme)
        self.unique_id = self.identifier(unique_scheme)

    def identifier(self, scheme):
        return next((value for s, value, _, _ in self.identifiers if s == scheme), "")

    def of(self, scheme):
        return [c for c in self.classifications if c.scheme == scheme]

    def codes(self, scheme):
        """(code, coding scheme) of each classification under a scheme."""
        return [(c.code, c.coding_scheme) for c in self.of(scheme)]

    def code(self, scheme):
        return next(iter(self.codes(scheme)), ("", ""))

    def slot(self, slot_name):
        return next(iter(self.slots.get(slot_name, [])), "")


class SubmissionSet(RegistryObject):
    def __init__(self, element):
        super().__init__(element, SUBMISSION_SET_PATIENT_ID, SUBMISSION_SET_UNIQUE_ID)
        self.source_id = self.identifier(SUBMISSION_SET_SOURCE_ID)


class DocumentEntry(RegistryObject):
    def __init__(self, element):
        super().__init__(element, PATIENT_ID, UNIQUE_ID)
        self.mime_type = element.get("mimeType", "")
        self.object_type = element.get("objectType", "")

    @property
    def is_signature(self):
        return self.code(FORMAT_CODE)[0] == SIGNATURE_FORMAT

    @property
    def confidentiality(self):
        return [code for code, _ in self.codes(CONFIDENTIALITY)]

    @property
    def reference_ids(self):
        return self.slots.get(REFERENCE_IDS, [])

    def comparable(self):
        """The metadata that make a change (EX_GEN-1060): not the ids and times that every version has anew."""
        ignored = ("creationTime", "submissionTime", "hash", "size", "repositoryUniqueId", "URI")
        coded = sorted((scheme, code) for scheme in (CLASS_CODE, TYPE_CODE, CONFIDENTIALITY, FORMAT_CODE, FACILITY_TYPE,
                                                     PRACTICE_SETTING, EVENT_CODE) for code in self.codes(scheme))
        authors = sorted(sorted(c.slots.items()) for c in self.of(AUTHOR))
        kept = sorted((k, v) for k, v in self.slots.items() if k not in ignored)
        return repr((self.mime_type, self.title, self.patient_id, kept, coded, authors))


class Association:
    def __init__(self, element):
        self.element = element
        self.id = element.get("id", "")
        self.type = element.get("associationType", "")
        self.source = element.get("sourceObject", "")
        self.target = element.get("targetObject", "")
        self.slots = slots(element)

    def slot(self, slot_name):
        return next(iter(self.slots.get(slot_name, [])), "")


class Submission:
    """What a RegistryObjectList holds; `submission_set` is None unless there is exactly one."""

    def __init__(self, registry_object_list):
        sets, self.documents, self.associations, self.others = [], [], [], []
        for element in registry_object_list:
            if element.tag == tag(RIM, "RegistryPackage"):
                sets.append(SubmissionSet(element))
            elif element.tag == tag(RIM, "ExtrinsicObject"):
                self.documents.append(DocumentEntry(element))
            elif element.tag == tag(RIM, "Association"):
                self.associations.append(Association(element))
            elif isinstance(element.tag, str):
                self.others.append(element.tag)
        self.submission_set = sets[0] if len(sets) == 1 else None

    @property
    def signatures(self):
        return [d for d in self.documents if d.is_signature]

    def of_type(self, association_type):
        return [a for a in self.associations if a.type == association_type]
