# SPDX-License-Identifier: Apache-2.0
"""What the stand-in accepts and refuses: headers, VIHF, metadata, documents, signature."""
import re

from lab import multipart, source, source_metadata
from lab.http_server import Request
from lab.names import SERVICES, WSA
from selftest.support import OTHER_PATIENT, PATIENT, DMPTestCase, LocalBox, sample, signer

METADATA, REPOSITORY = "XDSRegistryMetadataError", "XDSRepositoryMetadataError"


def swap(old, new, count=1):
    """An alteration that must find what it changes."""
    def alter(text):
        if old not in text:
            raise AssertionError("%r is not in the request" % old)
        return text.replace(old, new, count)
    return alter


def cut(pattern, count=1):
    def alter(text):
        changed, found = re.subn(pattern, "", text, count, re.S)
        if not found:
            raise AssertionError("%r is not in the request" % pattern)
        return changed
    return alter


def element(name, *texts):
    """A pattern of the first element of a name that has all these texts."""
    inner = "".join("(?=(?:(?!</%s>).)*%s)" % (name, re.escape(t)) for t in texts)
    return r"<%s\b(?![^>]*/>)%s(?:(?!</%s>).)*</%s>" % (name, inner, name, name)


class MetadataTests(DMPTestCase):
    CASES = [
        ("hash", swap('<Slot name="hash"><ValueList><Value>', '<Slot name="hash"><ValueList><Value>0'), METADATA),
        ("other hash", lambda t: re.sub(r'(?<=name="hash"><ValueList><Value>)\w{40}', "0" * 40, t, count=1), REPOSITORY),
        ("size", lambda t: re.sub(r'(?<=name="size"><ValueList><Value>)\d+', "1", t, count=1), REPOSITORY),
        ("no creationTime", cut(element("Slot", "creationTime")), METADATA),
        ("creationTime", lambda t: re.sub(r'(?<="creationTime"><ValueList><Value>)\d{14}', "2026-01", t, count=1), METADATA),
        ("no title", swap('<Name><LocalizedString value="Référence d\'objets d\'un examen d\'imagerie"/></Name>'
                          '<Classification', "<Classification"), METADATA),
        ("no typeCode", cut(element("Classification", "IMG-KOS")), METADATA),
        ("typeCode", swap('nodeRepresentation="IMG-KOS"', 'nodeRepresentation="18748-4"'), METADATA),
        ("mimeType", swap('mimeType="application/dicom"', 'mimeType="application/octet-stream"'), METADATA),
        ("no modality", cut(element("Classification", "1.2.250.1.213.1.1.5.618")), METADATA),
        ("no accession", swap("urn:ihe:iti:xds:2013:accession", "urn:ihe:iti:xds:2013:other"), METADATA),
        ("referenceIdList", swap("ACN101^^^", "ACN101^"), METADATA),
        ("confidentiality twice", swap('nodeRepresentation="MASQUE_PS"', 'nodeRepresentation="INVISIBLE_PATIENT"'), METADATA),
        ("confidentiality", swap('nodeRepresentation="MASQUE_PS"', 'nodeRepresentation="SECRET"'), METADATA),
        ("no N", cut(element("Classification", 'nodeRepresentation="N"')), METADATA),
        ("classifiedObject", swap('classifiedObject="DocumentKOS"', 'classifiedObject="Other"'), METADATA),
        ("registryObject", swap('registryObject="DocumentKOS"', 'registryObject="Other"'), METADATA),
        ("identifier's name", swap("XDSDocumentEntry.uniqueId", "uniqueId"), METADATA),
        ("INS key", lambda t: t.replace('value="279035121518989^', 'value="279035121518988^'), METADATA),
        ("patients", swap('value="279035121518989^', 'value="162018885045327^'), "XDSPatientIdDoesNotMatch"),
        ("no sourceId", cut(element("ExternalIdentifier", "sourceId")), METADATA),
        ("no submission set", cut(element("RegistryPackage", "SubmissionSet01")), METADATA),
        ("no author", cut(element("Classification", "93606bcf")), METADATA),
        ("author", swap("^IDNPS", "^WRONG"), METADATA),
        ("no HasMember", cut(element("Association", "HasMember")), METADATA),
        ("no status of HasMember", swap("<Value>Original</Value>", "<Value>Reference</Value>"), METADATA),
        ("no signs", cut(element("Association", ":signs")), METADATA),
        ("no signature", lambda t: cut(element("Association", 'targetObject="Signature01"'))(
            cut(element("Association", ":signs"))(cut(element("ExtrinsicObject", 'id="Signature01"'))(
                cut(element("xds:Document", 'id="Signature01"'))(t)))), METADATA),
        ("no document", cut(element("xds:Document", 'id="DocumentKOS"')), "XDSMissingDocument"),
        ("document without entry", swap('<xds:Document id="DocumentKOS"', '<xds:Document id="Other"'),
         "XDSMissingDocumentMetadata"),
    ]

    def test_a_right_submission_is_accepted(self):
        answer, uid, _, content = self.publish(visibility=("MASQUE_PS", "INVISIBLE_REPRESENTANTS_LEGAUX"))
        self.assertSuccess(answer)
        row = self.dmp.registry.rows("SELECT * FROM entries WHERE unique_id = ?", uid)[0]
        self.assertEqual(self.dmp.registry.content(row), content)
        self.assertRegex(row["entry_uuid"], "^urn:uuid:")

    def test_what_is_wrong_is_named(self):
        for name, alter, code in self.CASES:
            with self.subTest(name):
                answer, uid, _, _ = self.publish(visibility=("MASQUE_PS", "INVISIBLE_PATIENT"), alter=alter)
                self.assertIn(code, answer.codes)
                self.assertIsNone(self.status_of(uid))
        self.assertSuccess(self.publish(visibility=("MASQUE_PS", "INVISIBLE_PATIENT"))[0])

    def test_visibility_that_excludes_all(self):
        box = LocalBox(self.make(refuse_cumul=True))
        answer, *_ = self.publish(box, visibility=("MASQUE_PS", "INVISIBLE_PATIENT"))
        self.assertIn("EX_2.1-1050", answer.errors[0][1])
        for one in ("MASQUE_PS", "INVISIBLE_PATIENT"):
            self.assertSuccess(self.publish(box, visibility=(one,))[0])

    def test_uniqueIds_are_used_once(self):
        _, uid, study, content = self.publish()
        again = self.box.publish(content, PATIENT, uid, study=study)
        self.assertEqual(again.codes, ["XDSDuplicateUniqueIdInRegistry"])
        set_id = source_metadata.new_uid()
        self.assertSuccess(self.publish(set_id=set_id)[0])
        self.assertEqual(self.publish(set_id=set_id)[0].codes, ["XDSDuplicateUniqueIdInRegistry"])
        same = source_metadata.new_uid()
        answer = self.box.publish(content, PATIENT, same, set_id=same)
        self.assertIn("XDSRegistryDuplicateUniqueIdInMessage", answer.codes)

    def test_patients_without_record(self):
        dmp = self.make(patients=[{"patientId": OTHER_PATIENT, "status": "terminated"}])
        for patient in (PATIENT, OTHER_PATIENT):
            self.assertEqual(self.publish(LocalBox(dmp), patient)[0].codes, ["XDSUnknownPatientId"])

    def test_the_signature_covers_the_documents(self):
        cases = {"digest of the manifest": lambda b: b.replace(b"AA==", b"AB=="),
                 "Id": lambda b: re.sub(rb'Signature([^>]*) Id="[^"]*"', rb'Signature\1 Id="a1"', b, count=1),
                 "value": lambda b: re.sub(rb"<SignatureValue>....", b"<SignatureValue>AAAA", b),
                 "signing time": lambda b: re.sub(rb"<SigningTime>....", b"<SigningTime>1999", b),
                 "no manifest": lambda b: re.sub(rb"<Manifest.*</Manifest>", b"", b)}
        for name, alter in cases.items():
            with self.subTest(name):
                answer, *_ = self.publish(alter_signature=alter)
                self.assertEqual(set(answer.codes), {REPOSITORY})
        self.assertSuccess(self.publish()[0])

    def test_the_signature_covers_this_manifest(self):
        """Another manifest under the uniqueId that was signed."""
        uid, study, content = source.new_manifest(PATIENT)
        other = source.new_manifest(PATIENT)[2]
        set_id, signature_id = source_metadata.new_uid(), source_metadata.new_uid()
        signature = source_metadata.submission_signature(self.box.signer, signature_id, set_id, {uid: other})
        body = source_metadata.provide_and_register(self.box.signer, PATIENT, set_id, uid, content, signature_id,
                                                    signature, study=study)
        package = multipart.write(self.box.envelope("publish", body, PATIENT).encode(),
                                  [("kos", "application/dicom", content), ("signature", "text/xml", signature)])
        answer = self.box.post("publish", *package)
        self.assertEqual(answer.codes, [REPOSITORY])
        self.assertIn(uid, answer.errors[0][1])


class FaultTestCase(DMPTestCase):
    def fault(self, subcode, **options):
        answer, uid, _, _ = self.publish(**options)
        self.assertIsNotNone(answer.fault, answer.errors)
        self.assertEqual(answer.fault[0], "soap:Sender" + (subcode or ""))
        self.assertEqual(answer.http_status, 500)
        self.assertIsNone(self.status_of(uid))
        return answer.fault[1]


class HeaderTests(FaultTestCase):
    def test_addressing(self):
        cases = [("no MessageID", cut(element("MessageID")), "wsa:MessageAddressingHeaderRequired"),
                 ("MessageID", swap("urn:uuid:", "uuid:"), "wsa:InvalidAddressingHeader"),
                 ("two", lambda t: re.sub(r"(<MessageID.*?</MessageID>)", r"\1\1", t), "wsa:InvalidAddressingHeader"),
                 ("To", swap("/repository</To>", "/registry</To>"), "wsa:DestinationUnreachable"),
                 ("Action", swap("ProvideAndRegisterDocumentSet-b</", "Provide</"), "wsa:ActionNotSupported"),
                 ("other Action", swap("urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b</",
                                       "urn:ihe:iti:2007:RegistryStoredQuery</"), "wsa:ActionNotSupported")]
        for name, alter, subcode in cases:
            with self.subTest(name):
                self.fault(subcode, alter=alter)

    def test_a_MessageID_is_used_once(self):
        same = "urn:uuid:00000000-0000-4000-8000-000000000001"
        self.assertSuccess(self.publish(message_id=same)[0])
        self.fault("wsa:InvalidAddressingHeader", message_id=same)

    def test_envelopes(self):
        for name, alter, code in (
                ("SOAP 1.1", lambda t: t.replace("http://www.w3.org/2003/05/soap-envelope",
                                                 "http://schemas.xmlsoap.org/soap/envelope/"), "VersionMismatch"),
                ("document type", lambda t: "<!DOCTYPE a [<!ENTITY b 'c'>]>" + t, "Sender"),
                ("not well-formed", swap("</soap:Envelope>", ""), "Sender"),
                ("header", swap("<soap:Header>", '<soap:Header><x xmlns="urn:x" soap:mustUnderstand="true"/>'),
                 "MustUnderstand"),
                ("body", swap("</soap:Body>", "<x/></soap:Body>"), "Sender")):
            with self.subTest(name):
                answer, *_ = self.publish(alter=alter)
                self.assertEqual(answer.fault[0], "soap:" + code)

    def test_only_packages_are_published(self):
        content_type, content = self.box.package(b"x", PATIENT, "1.2.3")
        for name, changed in (("plain", "application/soap+xml"), ("XML", "text/xml"),
                              ("type", content_type.replace("application/xop+xml", "text/xml")),
                              ("boundary", re.sub(r'boundary="[^"]*"', 'boundary="other"', content_type))):
            with self.subTest(name):
                self.assertIsNotNone(self.box.post("publish", changed, content).fault)
        damaged = content[:content.rindex(b"--uuid")]
        self.assertIn("MTOM", self.box.post("publish", content_type, damaged).fault[1])
        self.assertIn("cid:", self.box.post("publish", content_type, content.replace(b"cid:kos", b"cid:x")).fault[1])

    def test_status_of_a_sender_fault(self):
        answer, *_ = self.publish(LocalBox(self.make(sender_fault_status=400)), alter=cut(element("MessageID")))
        self.assertEqual(answer.http_status, 400)


class VIHFTests(FaultTestCase):
    def test_form(self):
        cases = [("version", swap(">3.0<", ">2.0<"), "InvalidSecurityToken"),
                 ("sector", swap("SA08^", "08^"), "InvalidSecurityToken"),
                 ("resource", swap("urn:dmp", "urn:other"), "InvalidSecurityToken"),
                 ("mode", swap(">INDIRECTE<", ">SANS<"), "InvalidSecurityToken"),
                 ("no LPS_Nom", cut(element("saml2:Attribute", "LPS_Nom")), "InvalidSecurityToken"),
                 ("no purpose", cut(element("saml2:Attribute", "purposeofuse")), "InvalidSecurityToken"),
                 ("no such purpose", swap('code="normal"', 'code="curiosity"'), "InvalidSecurityToken"),
                 ("emergency without a reason", swap('code="normal"', 'code="bris_de_glace"'),
                  "InvalidSecurityToken"),
                 ("no specialty", cut(element("saml2:AttributeValue", "SM44")), "InvalidSecurityToken"),
                 ("issuer", swap("CN=DRIMbox", "CN=Other"), "InvalidSecurityToken"),
                 ("person", cut(element("saml2:NameID")), "InvalidSecurityToken"),
                 ("old", lambda t: re.sub(r'IssueInstant="\d{4}', 'IssueInstant="2023', t), "FailedAuthentication"),
                 ("new", lambda t: re.sub(r'IssueInstant="\d{4}', 'IssueInstant="2099', t), "FailedAuthentication"),
                 ("conditions", swap("</saml2:Subject>", '</saml2:Subject><saml2:Conditions NotOnOrAfter='
                                     '"2024-01-01T00:00:00Z"/>'), "FailedAuthentication")]
        for name, alter, subcode in cases:
            with self.subTest(name):
                self.fault("wsse:" + subcode, alter_vihf=alter)

    def test_a_person_who_signed_in(self):
        strengthened = swap(">INDIRECTE<", ">INDIRECTE_RENFORCEE<")
        declared = swap("</saml2:AuthnContext>", "<saml2:AuthnContextDecl>APP_BROWSER_AUTH</saml2:AuthnContextDecl>"
                        "</saml2:AuthnContext>")
        self.assertSuccess(self.publish(alter_vihf=lambda t: declared(strengthened(t)))[0])
        for alter in (strengthened, declared):
            self.assertIn("AuthnContextDecl", self.fault("wsse:InvalidSecurityToken", alter_vihf=alter))

    def test_presence_and_signature(self):
        self.fault("wsse:SecurityTokenUnavailable", alter=cut(element("saml2:Assertion")))
        self.fault("wsse:FailedCheck", alter=swap("Eric THOMAS", "Eric MARTIN"))
        self.fault("wsse:FailedCheck", alter=cut(r"(?<=<SignatureValue>)...."))

    def test_certificates(self):
        for name, subcode, words in (("sign-expired", "wsse:FailedCheck", "expired"),
                                     ("sign-foreign", "wsse:FailedCheck", "authority"),
                                     ("auth-cli", "wsse:FailedAuthentication", "ORG SIGN")):
            with self.subTest(name):
                self.assertIn(words, self.fault(subcode, box=LocalBox(self.dmp, signer(name))))

    def test_patient(self):
        answer, *_ = self.publish(alter_vihf=swap("279035121518989", "162018885045327"))
        self.assertIn("XDSPatientIdDoesNotMatch", answer.codes)

    def test_algorithms(self):
        strict = self.make(refuse_sha1=True)
        self.fault("wsse:UnsupportedAlgorithm", box=LocalBox(strict))
        self.assertSuccess(self.publish(LocalBox(strict, signer(algorithm="sha256")))[0])

    def test_structure(self):
        strict = self.make(same_structure=True)
        self.assertSuccess(self.publish(LocalBox(strict))[0])
        self.fault("wsse:FailedAuthentication", box=LocalBox(strict), alter_vihf=swap(">1750803447<", ">1300017985<"))


class OfficialSampleTests(DMPTestCase):
    def request(self):
        return Request("POST", SERVICES + "repository", {"content-type": ""},
                       sample("drimbox/xds/publication.xml").read_bytes(), None)

    def test_the_official_publication(self):
        body, manifest = self.request(), sample("drimbox/kos/ko.dcm").read_bytes()
        dmp = self.make(lenient=True, schemas=sample("schemas/xds"))
        answer = dmp.answer(body)
        self.assertTrue(source.Response(answer.status, answer.content_type, answer.body).is_success)
        rows = dmp.registry.rows("SELECT * FROM entries ORDER BY rowid")
        self.assertEqual([r["unique_id"] for r in rows], ["1.3.2.751468943.3.1234.56838.231114144457.1.1.1",
                                                          "2.25.253872960909518376796861585574417771331"])
        self.assertEqual(dmp.registry.content(rows[0]), manifest)
        warnings = dmp.registry.rows("SELECT warnings FROM submissions")[0][0]
        for words in ("older than", "signature of the VIHF", "schema", "signature: the digest of reference"):
            self.assertIn(words, warnings)
        self.assertNotIn("hash is not that of the document (DocumentKOS)", warnings)

    def test_it_is_refused_where_signatures_count(self):
        answer = self.dmp.answer(self.request())
        self.assertEqual(answer.status, 500)
        self.assertEqual(self.dmp.registry.rows("SELECT count(*) FROM entries")[0][0], 0)

    def test_answers_relate_to_their_request(self):
        message_id = "urn:uuid:00000000-0000-4000-8000-00000000000a"
        answer, *_ = self.publish(message_id=message_id)
        self.assertEqual(answer.root.findtext(".//{%s}RelatesTo" % WSA), message_id)


class SchemaTests(DMPTestCase):
    def test_the_metadata_are_validated(self):
        dmp = self.make(schemas=sample("schemas/xds"))
        box = LocalBox(dmp)
        self.assertSuccess(self.publish(box)[0])
        misplaced = '<Slot name="x"><ValueList><Value>y</Value></ValueList></Slot></RegistryPackage>'
        answer, *_ = self.publish(box, alter=swap("</RegistryPackage>", misplaced))
        self.assertIn("schema", " ".join(context for _, context in answer.errors))
