# SPDX-License-Identifier: Apache-2.0
"""A signer of white lists: XAdES over a list of boxes, as the national agency signs it, with the lab's own authority."""
import base64
import datetime
import hashlib
import pathlib
import subprocess
import tempfile
from xml.sax.saxutils import escape

from .authority import Authority

AGENCY = "/C=FR/ST=Paris (75)/O=AGENCE DU NUMERIQUE EN SANTE/OU=318751275100020/CN=Liste Blanche DRIM-M"
NAMESPACE = "https://listeblanche.mesimagesmedicales.fr/schema"
DSIG, EXCLUSIVE = "http://www.w3.org/2000/09/xmldsig#", "http://www.w3.org/2001/10/xml-exc-c14n#"
SHA256, SHA512 = "http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2001/04/xmlenc#sha512"
PROPERTIES = "http://uri.etsi.org/01903#SignedProperties"


def _reference(attributes, transforms):
    steps = "".join('<ds:Transform Algorithm="%s"/>' % step for step in transforms)
    return ('<ds:Reference %s><ds:Transforms>%s</ds:Transforms><ds:DigestMethod Algorithm="%s"/><ds:DigestValue/>'
            '</ds:Reference>' % (attributes, steps, SHA256))


def unsigned(boxes, certificate, time):
    """The list with an empty signature; `boxes` are (db, vi, distinguished name), `certificate` is the signer's in DER."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ")
    domains = "".join(
        "<Domaine><Identifiant>%d</Identifiant><db>%s</db><vi>%s</vi><Denomination>Lab %d</Denomination>"
        "<DNCertificatOperateur>%s</DNCertificatOperateur><SupportContact>lab@example.org</SupportContact>"
        "<DateMAJ>%s</DateMAJ></Domaine>" % (number, escape(db), escape(vi), number, escape(name), stamp)
        for number, (db, vi, name) in enumerate(boxes, 1))
    digest = base64.b64encode(hashlib.sha512(certificate).digest()).decode()
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<ListeBlancheDRIM-M xmlns="%s" versionFormat="1.0.0"><DateDeGeneration>%s</DateDeGeneration>'
        '<ListeDomaines>%s</ListeDomaines><ds:Signature xmlns:ds="%s" Id="sig"><ds:SignedInfo>'
        '<ds:CanonicalizationMethod Algorithm="%s"/>'
        '<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>%s%s</ds:SignedInfo>'
        '<ds:SignatureValue/><ds:KeyInfo><ds:X509Data/></ds:KeyInfo><ds:Object><xades:QualifyingProperties '
        'xmlns:xades="http://uri.etsi.org/01903/v1.3.2#" Target="#sig"><xades:SignedProperties Id="props">'
        '<xades:SignedSignatureProperties><xades:SigningTime>%s</xades:SigningTime><xades:SigningCertificateV2>'
        '<xades:Cert><xades:CertDigest><ds:DigestMethod Algorithm="%s"/><ds:DigestValue>%s</ds:DigestValue>'
        '</xades:CertDigest></xades:Cert></xades:SigningCertificateV2></xades:SignedSignatureProperties>'
        '</xades:SignedProperties></xades:QualifyingProperties></ds:Object></ds:Signature></ListeBlancheDRIM-M>'
        % (NAMESPACE, stamp, domains, DSIG, EXCLUSIVE,
           _reference('URI=""', (DSIG + "enveloped-signature", EXCLUSIVE)),
           _reference('Type="%s" URI="#props"' % PROPERTIES, (EXCLUSIVE,)), stamp, SHA512, digest)).encode()


def make(directory, boxes, time=None):
    """The signed list, by the authority in `directory`, which issues the signer's certificate the first time."""
    directory = pathlib.Path(directory)
    authority = Authority(directory)
    if not (directory / "white-list.pem").exists():
        authority.issue("white-list", "sign", AGENCY)
    certificate = subprocess.run(["openssl", "x509", "-in", directory / "white-list.pem", "-outform", "DER"], check=True,
                                 capture_output=True).stdout
    time = time or datetime.datetime.now(datetime.timezone.utc)
    with tempfile.TemporaryDirectory() as work:
        template, leaf = pathlib.Path(work) / "list.xml", pathlib.Path(work) / "leaf.pem"
        template.write_bytes(unsigned(boxes, certificate, time))
        authority.openssl("x509", "-in", directory / "white-list.pem", "-out", leaf)
        return subprocess.run(
            ["xmlsec1", "--sign", "--id-attr:Id", "http://uri.etsi.org/01903/v1.3.2#:SignedProperties", "--privkey-pem",
             "%s,%s" % (directory / "white-list.key", leaf), template], check=True, capture_output=True).stdout
