#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Verifies the signature of a SAML assertion, alone or in an envelope, with signxml.

    verify_assertion.py FILE CERTIFICATE

Exit code 0 where it is valid under that certificate, 1 where it is not. SHA-1 is let in: the national record's samples use
it. Signatures in Canonical XML 1.0, as a submission set's, are beyond it: lxml, on which signxml stands, writes the canonical
form of an element within a document wrongly unless it is the exclusive one.
"""
import sys

from lxml import etree
from signxml import DigestAlgorithm, SignatureConfiguration, SignatureMethod, XMLVerifier
from signxml.exceptions import SignXMLException

ASSERTION = "{urn:oasis:names:tc:SAML:2.0:assertion}Assertion"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    root = etree.parse(sys.argv[1], etree.XMLParser(resolve_entities=False, no_network=True)).getroot()
    assertion = root if root.tag == ASSERTION else root.find(".//" + ASSERTION)
    configuration = SignatureConfiguration(
        require_x509=True,
        signature_methods=frozenset({SignatureMethod.RSA_SHA1, SignatureMethod.RSA_SHA256}),
        digest_algorithms=frozenset({DigestAlgorithm.SHA1, DigestAlgorithm.SHA256}),
    )
    with open(sys.argv[2]) as file:
        certificate = file.read()
    try:
        # An assertion is signed by itself, whatever is around it.
        XMLVerifier().verify(etree.tostring(assertion), x509_cert=certificate, expect_config=configuration, id_attribute="ID")
    except SignXMLException as error:
        print("%s: %s" % (type(error).__name__, error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
