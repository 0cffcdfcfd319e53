# SPDX-License-Identifier: Apache-2.0
"""The library's verdicts on signatures are those of xmlsec1; the official signature's digests are reproduced."""
import base64
import re

from lxml import etree

from lab import source_metadata, xml_signature
from lab.names import DS, SAML, XADES, tag
from lab.soap import parse_xml
from selftest.support import PATIENT, DMPTestCase, LocalBox, command, sample, signer

MANIFEST_IDS = [("Id", DS, "Manifest"), ("Id", XADES[0], "SignedProperties")]


class AgreementTests(DMPTestCase):
    def verdicts(self, document, identifiers):
        """(library, xmlsec1)"""
        try:
            root = parse_xml(document)
            xml_signature.verify(next(root.iter(tag(DS, "Signature"))))
            library = True
        except xml_signature.SignatureError:
            library = False
        try:
            xml_signature.verify_with_xmlsec1(document, identifiers, self.dmp.options.trust)
            return library, True
        except xml_signature.SignatureError:
            return library, False

    def test_both_agree(self):
        command("xmlsec1")
        for algorithm in ("sha1", "sha256"):
            made = signer(algorithm=algorithm)
            vihf = source_metadata.vihf(made, PATIENT).encode()
            wrapped = (b'<a xmlns="urn:a" xmlns:b="urn:b" xml:lang="fr"><b:c><!-- d -->' + vihf + b"</b:c></a>")
            default = re.sub(rb"saml2:|:saml2", b"", source_metadata.vihf(made, PATIENT, lambda t: re.sub(
                "saml2:|:saml2", "", t)).encode())
            signature = source_metadata.submission_signature(made, "2.25.1", "2.25.2", {"2.25.3": b"x"})
            nested = b'<?xml version="1.0"?>\n<a xmlns:z="urn:z" xml:lang="fr">' + signature.partition(b"?>")[2] + b"</a>"
            for name, document, identifiers, expected in (
                    ("VIHF", vihf, [("ID", SAML, "Assertion")], True),
                    ("in another document", wrapped, [("ID", SAML, "Assertion")], True),
                    ("default namespaces", default, [("ID", SAML, "Assertion")], True),
                    ("submission set", signature, MANIFEST_IDS, True),
                    ("submission set in other namespaces", nested, MANIFEST_IDS, False),
                    ("changed VIHF", vihf.replace(b"LPS_Nom", b"LPS_nom"), [("ID", SAML, "Assertion")], False),
                    ("changed manifest", signature.replace(b"AA==", b"AB=="), MANIFEST_IDS, False),
                    ("changed value", re.sub(rb"<SignatureValue>....", b"<SignatureValue>AAAA", signature),
                     MANIFEST_IDS, False)):
                with self.subTest(name, algorithm=algorithm):
                    self.assertEqual(self.verdicts(document, identifiers), (expected, expected))

    def test_xmlsec1_judges_chains(self):
        command("xmlsec1")
        for name in ("sign-foreign", "sign-expired"):
            document = source_metadata.vihf(signer(name), PATIENT).encode()
            self.assertEqual(self.verdicts(document, [("ID", SAML, "Assertion")]), (True, False))

    def test_publication_with_xmlsec1(self):
        command("xmlsec1")
        box = LocalBox(self.make(verify="xmlsec1"))
        self.assertSuccess(self.publish(box)[0])
        answer, *_ = self.publish(box, alter_signature=lambda b: b.replace(b"AA==", b"AB=="))
        self.assertEqual(set(answer.codes), {"XDSRepositoryMetadataError"})

    def test_a_tree_is_as_before(self):
        for text in ("<a>x<s/>y<b/>z</a>", "<a><b/>x<s/>y</a>", "<a><s/></a>", "<a> <b/><s/> <c/></a>"):
            root = etree.fromstring(text)
            seen = xml_signature._without(root.find("s"), lambda: etree.tostring(root).decode())
            self.assertEqual(seen, etree.tostring(etree.fromstring(text.replace("<s/>", ""))).decode())
            self.assertEqual(etree.tostring(root).decode(), text)


class OfficialSignatureTests(DMPTestCase):
    def test_the_digests_of_the_official_signature(self):
        path = sample("drimbox/xdm/KA202401/IHE_XDM/SS000001/SIGN_1.XML")
        root = parse_xml(path.read_bytes())
        references = xml_signature.find(root, "SignedInfo").findall(tag(DS, "Reference"))
        self.assertEqual(len(references), 2)
        for reference in references:
            algorithm = xml_signature.find(reference, "DigestMethod").get("Algorithm")
            value = xml_signature.digest(algorithm, xml_signature.referenced_bytes(root, reference))
            self.assertEqual(base64.b64encode(value).decode(), reference.findtext(tag(DS, "DigestValue")))
