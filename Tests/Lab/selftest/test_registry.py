# SPDX-License-Identifier: Apache-2.0
"""What submissions, updates, queries and retrievals do to the record."""
import concurrent.futures
import random

from lxml import etree

from lab import cda, kos, multipart, source, source_metadata
from lab import source_metadata as xml
from lab.names import (ACCESSION, APPROVED, ARCHIVED, DELETED, DEPRECATED, FIND_BY_REFERENCE, FIND_DOCUMENTS,
                       GET_DOCUMENTS, HL7V3, PARTIAL, RIM, STUDY, tag)
from lab.stored_queries import QueryError, values
from selftest.support import OTHER_PATIENT, PATIENT, DMPTestCase, LocalBox, sample


class ReplaceTests(DMPTestCase):
    def replace(self, target, study, content, **options):
        uid = source_metadata.new_uid()
        return self.box.publish(content(uid), PATIENT, uid, replaces=target, study=study, **options), uid

    def manifest(self, study, instances):
        return lambda uid: kos.make(uid, study, "279035121518989", "ACN101", "20260115101500", instances)

    def test_a_chain_of_versions(self):
        _, uid, study, _ = self.publish()
        uids = [uid]
        for instances in range(11, 16):
            answer, uid = self.replace(self.box.find_uuid(PATIENT, uids[-1]), study, self.manifest(study, instances))
            self.assertSuccess(answer)
            uids.append(uid)
        self.assertEqual([self.status_of(u) for u in uids], ["Deprecated"] * 5 + ["Approved"])
        rows = {r["unique_id"]: r for r in self.dmp.registry.rows("SELECT * FROM entries")}
        for old, new in zip(uids, uids[1:]):
            self.assertEqual(rows[old]["replaced_by"], rows[new]["entry_uuid"])
            self.assertEqual(rows[new]["replaces"], rows[old]["entry_uuid"])

    def test_targets_that_cannot_be_replaced(self):
        _, uid, study, _ = self.publish()
        target = self.box.find_uuid(PATIENT, uid)
        self.assertSuccess(self.replace(target, study, self.manifest(study, 11))[0])
        self.assertEqual(self.replace(target, study, self.manifest(study, 12))[0].codes,
                         ["XDSRegistryDeprecatedDocumentError"])
        unknown = "urn:uuid:00000000-0000-4000-8000-000000000000"
        self.assertEqual(self.replace(unknown, study, self.manifest(study, 12))[0].codes, ["UnresolvedReferenceException"])
        self.assertEqual(self.replace(uid, study, self.manifest(study, 12))[0].codes, ["XDSRegistryMetadataError"])
        _, other, _, _ = self.publish(patient=OTHER_PATIENT)
        answer, _ = self.replace(self.box.find_uuid(OTHER_PATIENT, other), study, self.manifest(study, 12))
        self.assertEqual(answer.codes, ["XDSPatientIdDoesNotMatch"])
        self.assertEqual(self.status_of(other), "Approved")

    def test_a_version_without_change_is_refused(self):
        uid, study = source_metadata.new_uid(), source_metadata.new_uid()
        self.assertSuccess(self.box.publish(self.manifest(study, 10)(uid), PATIENT, uid, study=study))
        answer, again = self.replace(self.box.find_uuid(PATIENT, uid), study, self.manifest(study, 10))
        self.assertEqual(answer.codes, ["XDSRegistryMetadataError"])
        self.assertIn("EX_GEN-1060", answer.errors[0][1])
        self.assertEqual((self.status_of(uid), self.status_of(again)), ("Approved", None))

    def test_a_change_of_visibility_alone_is_a_change(self):
        uid, study = source_metadata.new_uid(), source_metadata.new_uid()
        hidden = {"study": study, "visibility": ("INVISIBLE_PATIENT",)}
        self.assertSuccess(self.box.publish(self.manifest(study, 10)(uid), PATIENT, uid, **hidden))
        answer, _ = self.replace(self.box.find_uuid(PATIENT, uid), study, self.manifest(study, 10))
        self.assertSuccess(answer)

    def test_of_many_at_once_one_replaces(self):
        _, uid, study, _ = self.publish()
        target = self.box.find_uuid(PATIENT, uid)
        packages = []
        for instances in range(11, 19):
            new = source_metadata.new_uid()
            packages.append(self.box.package(self.manifest(study, instances)(new), PATIENT, new, target, study=study))
        answers = post_at_once(self.dmp, packages)
        self.assertEqual(sum(a.is_success for a in answers), 1)
        self.assertEqual({c for a in answers for c in a.codes}, {"XDSRegistryDeprecatedDocumentError"})

    def test_of_many_with_one_uniqueId_one_is_accepted(self):
        uid, study, content = source.new_manifest(PATIENT)
        answers = post_at_once(self.dmp, [self.box.package(content, PATIENT, uid, study=study) for _ in range(8)])
        self.assertEqual(sum(a.is_success for a in answers), 1)
        self.assertEqual({c for a in answers for c in a.codes}, {"XDSDuplicateUniqueIdInRegistry"})


def post_at_once(dmp, packages):
    with concurrent.futures.ThreadPoolExecutor(len(packages)) as pool:
        return list(pool.map(lambda package: LocalBox(dmp).post("publish", *package), packages))


class UpdateTests(DMPTestCase):
    def test_deletion(self):
        _, uid, _, _ = self.publish()
        entry_uuid = self.box.find_uuid(PATIENT, uid)
        self.assertSuccess(self.box.delete(PATIENT, entry_uuid))
        self.assertEqual(self.status_of(uid), "Deleted")
        self.assertEqual(self.box.delete(PATIENT, entry_uuid, original=DELETED).codes, ["XDSMetadataUpdateError"])
        answer = self.box.call("retrieve", xml.retrieve_document_set([uid]), PATIENT)
        self.assertEqual(answer.codes, ["XDSDocumentUniqueIdError"])
        leaves = self.box.call("query", xml.adhoc_query(GET_DOCUMENTS, [("UniqueId", [uid])]), PATIENT).leaves
        self.assertEqual([e.get("status") for e in leaves], [DELETED])

    def test_deleted_entries_may_be_hidden(self):
        box = LocalBox(self.make(deleted="hidden"))
        _, uid, _, _ = self.publish(box)
        entry_uuid = box.find_uuid(PATIENT, uid)
        self.assertSuccess(box.delete(PATIENT, entry_uuid))
        self.assertIsNone(box.find_uuid(PATIENT, uid))
        self.assertEqual(box.delete(PATIENT, entry_uuid).codes, ["UnresolvedReferenceException"])

    def test_what_cannot_be_updated(self):
        _, uid, _, _ = self.publish()
        entry_uuid = self.box.find_uuid(PATIENT, uid)
        unknown = "urn:uuid:00000000-0000-4000-8000-000000000000"
        self.assertEqual(self.box.delete(PATIENT, unknown).codes, ["UnresolvedReferenceException"])
        self.assertEqual(self.box.delete(PATIENT, entry_uuid, original=DEPRECATED).codes, ["XDSMetadataUpdateError"])
        self.assertEqual(self.box.delete(PATIENT, entry_uuid, new="urn:x").codes, ["XDSMetadataUpdateError"])
        self.assertEqual(self.box.delete(OTHER_PATIENT, entry_uuid).codes, ["XDSPatientIdDoesNotMatch"])
        answer = self.box.delete(PATIENT, entry_uuid, lambda t: t.replace("UpdateAvailabilityStatus", "HasMember"))
        self.assertEqual(answer.codes, ["XDSMetadataUpdateOperationError"])
        self.assertEqual(self.status_of(uid), "Approved")
        self.assertSuccess(self.box.delete(PATIENT, entry_uuid, new=ARCHIVED))
        self.assertEqual(self.status_of(uid), "Archived")


class QueryTests(DMPTestCase):
    def find(self, *parameters, query=FIND_DOCUMENTS, status=(APPROVED,), patient=PATIENT):
        """uniqueIds of the manifests found."""
        given = [("PatientId", patient), ("Status", list(status)), ("FormatCode", ["1.2.840.10008.5.1.4.1.1.88.59^^"
                                                                                "1.2.840.10008.2.6.1"]), *parameters]
        answer = self.box.call("query", xml.adhoc_query(query, given), patient)
        self.assertSuccess(answer)
        return {i.get("value") for leaf in answer.leaves for i in leaf.iter(tag(RIM, "ExternalIdentifier"))
                if i.find(tag(RIM, "Name"))[0].get("value") == "XDSDocumentEntry.uniqueId"}

    def test_find_documents(self):
        ct = self.publish(accession="ACN1", modality="CT", region="67734004", time="20260110080000")[1]
        mr = self.publish(accession="ACN2", modality="MR", region="69536005", time="20260120080000")[1]
        hidden = self.publish(accession="ACN3", modality="MR", region="67734004", visibility=("INVISIBLE_PATIENT",),
                              time="20260130080000")[1]
        self.publish(patient=OTHER_PATIENT)
        modality, region = "1.2.250.1.213.1.1.5.618", "1.2.250.1.213.1.1.5.695"
        cases = [
            ((), {ct, mr, hidden}),
            ((("EventCodeList", ["CT^^" + modality]),), {ct}),
            ((("EventCodeList", ["CT^^" + modality, "MR^^" + modality]),), {ct, mr, hidden}),
            ((("EventCodeList", ["MR^^" + modality]), ("EventCodeList", ["67734004^^" + region])), {hidden}),
            ((("EventCodeList", ["US^^" + modality]),), set()),
            ((("ServiceStartTimeFrom", "20260115"),), {mr, hidden}),
            ((("ServiceStartTimeTo", "20260120080000"),), {ct}),
            ((("ServiceStartTimeFrom", "20260110080000"), ("ServiceStartTimeTo", "20260121")), {ct, mr}),
            ((("ConfidentialityCode", ["INVISIBLE_PATIENT^^1.2.250.1.213.1.1.4.13"]),), {hidden}),
            ((("TypeCode", ["18748-4^^2.16.840.1.113883.6.1"]),), set()),
            ((("ClassCode", ["31^^1.2.250.1.213.1.1.4.1"]),), {ct, mr, hidden}),
        ]
        for parameters, expected in cases:
            with self.subTest(parameters):
                self.assertEqual(self.find(*parameters), expected)
        self.assertEqual(self.find(status=[DEPRECATED]), set())

    def test_find_by_reference(self):
        _, uid, study, _ = self.publish(accession="ACN1")
        self.publish(accession="ACN2")
        accession = "ACN1^^^&1.2.250.1.213.4.5.2.5&ISO^" + ACCESSION
        for reference in (accession, "%s^^^^%s" % (study, STUDY)):
            self.assertEqual(self.find(("ReferenceIdList", [reference]), query=FIND_BY_REFERENCE), {uid})
        self.assertEqual(self.find(("ReferenceIdList", ["ACN9^^^^" + ACCESSION]), query=FIND_BY_REFERENCE), set())

    def test_a_report_is_found_beside_its_manifest(self):
        _, _, study, _ = self.publish(accession="ACN1")
        content = cda.document(cda.Report(accession="ACN1", acts=[cda.Act(study)]))
        uid, accession, named = source.report_references(content)
        self.assertEqual((uid, accession, named), ("1.2.250.1.213.4.5.4.401", "ACN1", study))
        self.assertSuccess(self.box.publish(content, PATIENT, uid, accession=accession, study=study, report=True))
        given = [("PatientId", PATIENT), ("Status", [APPROVED])]
        # Each with the signature of its submission.
        for query, more, expected in (
                (FIND_BY_REFERENCE, ("ReferenceIdList", ["ACN1^^^&1.2.250.1.213.4.5.2.5&ISO^" + ACCESSION]), 4),
                (FIND_BY_REFERENCE, ("ReferenceIdList", ["%s^^^^%s" % (study, STUDY)]), 4),
                (FIND_DOCUMENTS, ("TypeCode", ["18748-4^^2.16.840.1.113883.6.1"]), 1)):
            answer = self.box.call("query", xml.adhoc_query(query, [*given, more]), PATIENT)
            self.assertEqual(len(answer.leaves), expected)
        answer = self.box.call("retrieve", xml.retrieve_document_set([uid]), PATIENT)
        self.assertEqual(list(answer.parts.values()), [content])
        with self.assertRaises(ValueError):
            source.report_references(content.replace(b"<inFulfillmentOf>", b"<inFulfillmentOf/><x>").replace(
                b"</inFulfillmentOf>", b"</x>"))

    def test_leaves(self):
        _, uid, _, content = self.publish()
        answer = self.box.call("query", xml.adhoc_query(GET_DOCUMENTS, [("UniqueId", [uid])]), PATIENT)
        leaf, = answer.leaves
        slots = {s.get("name"): [v.text for v in s.iter(tag(RIM, "Value"))] for s in leaf.iterfind(tag(RIM, "Slot"))}
        self.assertEqual(leaf.get("status"), APPROVED)
        self.assertEqual(leaf.get("id"), self.box.find_uuid(PATIENT, uid))
        self.assertEqual(slots["size"], [str(len(content))])
        self.assertEqual(slots["repositoryUniqueId"], ["2.25.274868355267997342823577202883198320050"])
        self.assertEqual({c.get("classifiedObject") for c in leaf.iter(tag(RIM, "Classification"))}, {leaf.get("id")})

    def test_answers_are_valid(self):
        schema = etree.XMLSchema(etree.parse(str(sample("schemas/xds") / "IHE/IHEXDSB.xsd")))
        _, uid, _, _ = self.publish()
        for return_type in ("LeafClass", "ObjectRef"):
            body = xml.adhoc_query(GET_DOCUMENTS, [("UniqueId", [uid])], return_type)
            schema.assertValid(self.box.call("query", body, PATIENT).body)
        schema.assertValid(self.box.call("query", xml.adhoc_query("urn:uuid:x", []), PATIENT).body)
        schema.assertValid(self.publish(alter=lambda t: t.replace("IMG-KOS", "X"))[0].body)
        answer = self.box.call("retrieve", xml.retrieve_document_set([uid]), PATIENT)
        include = answer.body.find(".//{http://www.w3.org/2004/08/xop/include}Include")
        document = include.getparent()
        document.remove(include)
        document.text = "AAAA"
        schema.assertValid(answer.body)

    def test_wrong_queries(self):
        def codes(*arguments):
            return self.box.call("query", xml.adhoc_query(*arguments), PATIENT).codes
        status = ("Status", [APPROVED])
        self.assertEqual(codes("urn:uuid:x", []), ["XDSUnknownStoredQuery"])
        self.assertEqual(codes(FIND_DOCUMENTS, [status]), ["XDSStoredQueryMissingParam"])
        self.assertEqual(codes(FIND_DOCUMENTS, [("PatientId", PATIENT)]), ["XDSStoredQueryMissingParam"])
        self.assertEqual(codes(FIND_BY_REFERENCE, [("PatientId", PATIENT), status]), ["XDSStoredQueryMissingParam"])
        self.assertEqual(codes(FIND_DOCUMENTS, [("PatientId", OTHER_PATIENT), status]), ["XDSPatientIdDoesNotMatch"])
        self.assertEqual(codes(GET_DOCUMENTS, []), ["XDSStoredQueryMissingParam"])
        self.assertEqual(codes(GET_DOCUMENTS, [("UniqueId", ["1"]), ("EntryUUID", ["1"])]), ["XDSStoredQueryParamNumber"])
        self.assertEqual(codes(GET_DOCUMENTS, [("UniqueId", ["1"])], "Other"), ["XDSRegistryError"])

    def test_values(self):
        for text, expected in (("'a'", ["a"]), ("('a')", ["a"]), ("('a', 'b')", ["a", "b"]), ("('a','it''s')", ["a", "it's"]),
                               ("20260101", ["20260101"]), ("()", []), ("''", [""])):
            self.assertEqual(values(text), expected)
        for text in ("a", "('a' 'b')", "'a", "('a',)"):
            with self.subTest(text), self.assertRaises(QueryError):
                values(text)


class RetrieveTests(DMPTestCase):
    def test_the_bytes_come_back(self):
        _, first, _, content = self.publish()
        _, second, _, other = self.publish()
        answer = self.box.call("retrieve", xml.retrieve_document_set([first, second]), PATIENT)
        self.assertSuccess(answer)
        self.assertEqual(list(answer.parts.values()), [content, other])

    def test_documents_that_are_not_there(self):
        _, uid, _, content = self.publish()
        answer = self.box.call("retrieve", xml.retrieve_document_set([uid, "1.2.3"]), PATIENT)
        self.assertEqual((answer.status, answer.codes), (PARTIAL, ["XDSDocumentUniqueIdError"]))
        self.assertEqual(list(answer.parts.values()), [content])
        answer = self.box.call("retrieve", xml.retrieve_document_set([uid], "1.2.3"), PATIENT)
        self.assertEqual(answer.codes, ["XDSUnknownRepositoryId"])
        answer = self.box.call("retrieve", xml.retrieve_document_set([uid]), OTHER_PATIENT)
        self.assertEqual(answer.codes, ["XDSDocumentUniqueIdError"])

    def test_packages_keep_any_bytes(self):
        generator = random.Random(1)
        for size in (0, 1, 2, 3, 100, 8192, 70000):
            for alphabet in (bytes(range(256)), b"\r\n-", b"\n -", b"\r"):
                content = bytes(generator.choice(alphabet) for _ in range(size))
                content_type, body = multipart.write(b"<a/>", [("x", "application/octet-stream", content)])
                for lenient in (False, True):
                    package = multipart.parse(content_type, body, lenient)
                    self.assertEqual((package.root, package.parts), (b"<a/>", {"x": content}))


class PatientTests(DMPTestCase):
    def existence(self, box, patient=PATIENT, **options):
        answer = box.call("existence", xml.test_existence(patient), options.get("vihf", patient))
        found = {e.find("{*}keyWordText").get("code"): e.find("{*}value").get("code") or e.find("{*}value").get("value")
                 for e in answer.body.iter(tag(HL7V3, "attentionLine"))}
        return (answer.body.find(tag(HL7V3, "acknowledgement")).get("typeCode"),
                answer.body.find(".//" + tag(HL7V3, "queryResponseCode")).get("code"), found.get("AUTORISATION"))

    def test_existence(self):
        box = LocalBox(self.make(patients=[{"patientId": PATIENT, "authorization": "EXPIREE"}]))
        self.assertEqual(self.existence(box), ("AA", "OK", "EXPIREE"))
        self.assertEqual(self.existence(box, OTHER_PATIENT), ("AA", "NF", None))
        self.assertEqual(self.existence(box, OTHER_PATIENT, vihf=PATIENT), ("AE", "AE", None))

    def test_authorization_opens_the_record(self):
        dmp = self.make(patients=[{"patientId": PATIENT, "authorization": "INEXISTANTE"}])
        box = LocalBox(dmp)
        _, uid, _, _ = self.publish(box)
        find = xml.adhoc_query(FIND_DOCUMENTS, [("PatientId", PATIENT), ("Status", [APPROVED])])
        self.assertEqual(box.call("query", find, PATIENT).codes, ["DMPAccessDenied"])
        self.assertEqual(box.call("retrieve", xml.retrieve_document_set([uid]), PATIENT).codes, ["DMPAccessDenied"])
        self.assertIsNotNone(box.find_uuid(PATIENT, uid))
        self.assertEqual(self.authorize(box, "AJOUT"), "DMPOk")
        self.assertEqual(self.existence(box)[2], "VALIDE")
        self.assertSuccess(box.call("query", find, PATIENT))
        self.assertEqual(self.authorize(box, "SUPPRESSION"), "DMPOk")
        self.assertEqual(box.call("query", find, PATIENT).codes, ["DMPAccessDenied"])

    def test_a_blocked_structure_gets_no_authorization(self):
        box = LocalBox(self.make(patients=[{"patientId": PATIENT, "authorization": "INTERDIT"}]))
        self.assertEqual(self.authorize(box, "AJOUT"), "DMPAccessDenied")
        self.assertEqual(self.authorize(box, "AJOUT", OTHER_PATIENT), "DMPPatientNotFound")
        self.assertEqual(self.authorize(box, "MODIFICATION"), "DMPInvalidData")
        self.assertEqual(self.existence(box)[2], "INTERDIT")

    def authorize(self, box, action, patient=PATIENT):
        return box.call("authorization", xml.set_authorization(action), patient).body.findtext("{*}status")
