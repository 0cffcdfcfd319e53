# SPDX-License-Identifier: Apache-2.0
"""The submission set's signature (IHE DSG, XAdES): manifest, core validation, certificate."""
import base64

from cryptography.hazmat.primitives.serialization import Encoding

from . import xml_signature
from .ebrim import Problem
from .names import DS, XADES, tag
from .soap import NotXML, parse_xml
from .vihf import Refused, check_signing_certificate
from .xml_signature import SignatureError

PURPOSE_SOURCE = "1.2.840.10065.1.12.1.14"
REPOSITORY = "XDSRepositoryMetadataError"


def check(submission, contents, options):
    """Problems of the signatures of a submission; `contents`: bytes by document id. All are lenient."""
    problems = []
    for entry in submission.signatures:
        content = contents.get(entry.id)
        if content is None or submission.submission_set is None:
            continue
        try:
            words = _check(submission, contents, entry, content.lstrip(), options)
        except (SignatureError, Refused, NotXML) as error:
            words = [str(error)]
        problems += [Problem(REPOSITORY, "signature: " + w, entry.id, lenient=True) for w in words]
    return problems


def _check(submission, contents, entry, content, options):
    root = parse_xml(content)
    if root.tag != tag(DS, "Signature"):
        raise SignatureError("found %s, expected ds:Signature" % root.tag)
    words = _manifest(submission, contents, root)
    if root.get("Id") != entry.unique_id:
        words.append("Id is not the uniqueId of the document")
    try:
        _core(root, content, options)
    except (SignatureError, Refused) as error:
        words.append(str(error))
    return words


def _manifest(submission, contents, root):
    manifests = list(root.iter(tag(DS, "Manifest")))
    if len(manifests) != 1:
        raise SignatureError("found %d Manifest, expected 1" % len(manifests))
    references = {r.get("URI"): r for r in manifests[0].iterfind(tag(DS, "Reference"))}
    expected = {"urn:oid:" + submission.submission_set.unique_id: None}
    expected.update({"urn:oid:" + d.unique_id: d for d in submission.documents if not d.is_signature})
    words = ["Manifest reference %s is %s" % (uri, "missing" if uri in expected else "too many")
             for uri in sorted(references.keys() ^ expected.keys(), key=str)]
    for uri in references.keys() & expected.keys():
        document, reference = expected[uri], references[uri]
        value = "".join((reference.findtext(tag(DS, "DigestValue")) or "").split())
        wanted = "AA=="
        if document is not None:
            algorithm = xml_signature.find(reference, "DigestMethod").get("Algorithm")
            wanted = base64.b64encode(xml_signature.digest(algorithm, contents.get(document.id, b""))).decode()
        if value != wanted:
            words.append("the digest of Manifest reference %s differs" % uri)
    return words


def _core(root, content, options):
    verified = xml_signature.verify(root)
    if options.refuse_sha1 and verified.algorithms & set(xml_signature.SHA1_ALGORITHMS):
        raise SignatureError("SHA-1 is not accepted")
    if options.verify == "xmlsec1":
        identifiers = [("Id", DS, "Manifest"), *(("Id", namespace, "SignedProperties") for namespace in XADES)]
        xml_signature.verify_with_xmlsec1(content, identifiers, options.trust)
    covered = [uri for uri, _ in verified.references]
    types = [kind for _, kind in verified.references]
    manifest = root.find(".//" + tag(DS, "Manifest"))
    if DS + "Manifest" not in types or "#" + manifest.get("Id", "") not in covered:
        raise SignatureError("the Manifest is not signed")
    if not any(namespace + "SignedProperties" in types for namespace in XADES):
        raise SignatureError("the SignedProperties are not signed")
    leaf = verified.certificates[0]
    if options.trust:
        options.trust.check(leaf, verified.certificates[1:])
    check_signing_certificate(leaf)
    _signing_certificate(root, leaf)


def _signing_certificate(root, leaf):
    if PURPOSE_SOURCE not in [(e.text or "").strip() for e in root.iter(tag(DS, "SignatureProperty"))]:
        raise SignatureError("purposeOfSignature is not %s" % PURPOSE_SOURCE)
    for namespace in XADES:
        certificate = next(root.iter(tag(namespace, "Cert")), None)
        if certificate is None:
            continue
        # CertDigest's children are in the namespace of XAdES in 1.1.1 and in that of xmldsig in 1.3.2.
        own = DS if certificate.find(".//" + tag(DS, "DigestMethod")) is not None else namespace
        method = certificate.find(".//" + tag(own, "DigestMethod"))
        value = certificate.findtext(".//" + tag(own, "DigestValue")) or ""
        serial = certificate.findtext(".//" + tag(DS, "X509SerialNumber")) or ""
        if method is None:
            raise SignatureError("SigningCertificate has no DigestMethod")
        digest = xml_signature.digest(method.get("Algorithm"), leaf.public_bytes(Encoding.DER))
        if value.strip() != base64.b64encode(digest).decode() or serial.strip() != str(leaf.serial_number):
            raise SignatureError("SigningCertificate is not the certificate of KeyInfo")
        return
    raise SignatureError("SigningCertificate is missing")
