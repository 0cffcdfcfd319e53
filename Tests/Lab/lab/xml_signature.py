# SPDX-License-Identifier: Apache-2.0
"""XML signatures (xmldsig-core1): verification with `cryptography` or the command xmlsec1, and signing for tests."""
import atexit
import base64
import datetime
import hashlib
import re
import shutil
import subprocess
import tempfile
import threading

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from lxml import etree

from .names import DS, XML, tag

EXC_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
ENVELOPED = DS + "enveloped-signature"
# Canonicalization algorithm: (exclusive, with comments).
CANONICALIZATIONS = {
    C14N: (False, False), C14N + "#WithComments": (False, True),
    EXC_C14N: (True, False), EXC_C14N + "WithComments": (True, True),
}
DIGESTS = {
    DS + "sha1": "sha1",
    "http://www.w3.org/2001/04/xmlenc#sha256": "sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384": "sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512": "sha512",
}
METHODS = {
    DS + "rsa-sha1": hashes.SHA1,
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256": hashes.SHA256,
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384": hashes.SHA384,
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512": hashes.SHA512,
}
COPYING = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
BY_ID = etree.XPath("descendant-or-self::*[@ID = $i or @Id = $i or @id = $i]")
SHA1_ALGORITHMS = (DS + "sha1", DS + "rsa-sha1")


class SignatureError(Exception):
    pass


class Verified:
    """What a valid signature covers: (URI, type) of each reference, the certificates of KeyInfo, leaf first."""

    def __init__(self, references, certificates, algorithms):
        self.references = references
        self.certificates = certificates
        self.algorithms = algorithms


def canonicalize(element, algorithm, prefixes=None):
    """Canonical octets of an element and what is in it.

    Of a copy with all namespaces in scope: in place, libxml2 gives descendants a wrong xmlns="" (inclusive form).
    """
    if algorithm not in CANONICALIZATIONS:
        raise SignatureError("canonicalization %s is not known" % algorithm)
    exclusive, comments = CANONICALIZATIONS[algorithm]
    if element.getparent() is not None:
        inherited = {} if exclusive else _inherited_attributes(element)
        element = etree.fromstring(etree.tostring(element, with_tail=False), COPYING)
        for name, value in inherited.items():
            element.set(name, value)
    return etree.tostring(element, method="c14n", exclusive=exclusive, with_comments=comments,
                          inclusive_ns_prefixes=prefixes if exclusive else None)


def _inherited_attributes(element):
    """xml: attributes that are in force here and are not the element's own (C14N 1.0, 2.4)."""
    found = {}
    for ancestor in element.iterancestors():
        for name, value in ancestor.attrib.items():
            if name.startswith("{%s}" % XML) and name not in element.attrib:
                found.setdefault(name, value)
    return found


def digest(algorithm, content):
    """Digest bytes under a ds:DigestMethod algorithm."""
    if algorithm not in DIGESTS:
        raise SignatureError("digest %s is not known" % algorithm)
    return hashlib.new(DIGESTS[algorithm], content).digest()


def find(parent, path, what=None):
    found = parent.find("/".join(tag(DS, step) for step in path.split("/")))
    if found is None:
        raise SignatureError("%s is missing" % (what or path))
    return found


def _prefixes(method):
    inclusive = method.find(tag(EXC_C14N, "InclusiveNamespaces"))
    return inclusive.get("PrefixList", "").split() if inclusive is not None else None


def _target(signature, uri):
    root = signature.getroottree().getroot()
    if uri == "":
        return root
    if not uri.startswith("#"):
        raise SignatureError("reference %s is not in the document" % uri)
    found = BY_ID(root, i=uri[1:])
    if len(found) != 1:
        raise SignatureError("reference %s names %d elements" % (uri, len(found)))
    return found[0]


def _without(signature, render):
    """Calls `render` while the signature is out of its tree; the tree is as before afterwards."""
    parent = signature.getparent()
    if parent is None:
        raise SignatureError("an enveloped signature has no parent")
    index, before, tail = parent.index(signature), signature.getprevious(), signature.tail
    text = parent.text if before is None else before.tail
    joined = (text or "") + (tail or "") or None
    parent.remove(signature)
    signature.tail = None
    if before is None:
        parent.text = joined
    else:
        before.tail = joined
    try:
        return render()
    finally:
        if before is None:
            parent.text = text
        else:
            before.tail = text
        parent.insert(index, signature)
        signature.tail = tail


def referenced_bytes(signature, reference):
    """The octets that a ds:Reference digests."""
    target = _target(signature, reference.get("URI"))
    algorithm, prefixes, enveloped = C14N, None, False
    for transform in reference.findall(tag(DS, "Transforms") + "/" + tag(DS, "Transform")):
        name = transform.get("Algorithm")
        if name == ENVELOPED:
            enveloped = True
        elif name in CANONICALIZATIONS:
            algorithm, prefixes = name, _prefixes(transform)
        else:
            raise SignatureError("transform %s is not known" % name)

    def render():
        return canonicalize(target, algorithm, prefixes)
    return _without(signature, render) if enveloped else render()


def key_certificates(signature):
    texts = [e.text or "" for e in signature.iterfind(
        "/".join(tag(DS, n) for n in ("KeyInfo", "X509Data", "X509Certificate")))]
    if not texts:
        raise SignatureError("KeyInfo has no X509Certificate")
    try:
        return [x509.load_der_x509_certificate(base64.b64decode(re.sub(r"\s+", "", t), validate=True)) for t in texts]
    except ValueError as error:
        raise SignatureError("X509Certificate cannot be read") from error


def verify(signature):
    """Core validation (xmldsig-core1 3.2) of a ds:Signature in its document; SignatureError where it fails."""
    info = find(signature, "SignedInfo")
    references = info.findall(tag(DS, "Reference"))
    if not references:
        raise SignatureError("SignedInfo has no Reference")
    algorithms = set()
    for reference in references:
        algorithm = find(reference, "DigestMethod").get("Algorithm")
        algorithms.add(algorithm)
        value = base64.b64decode(find(reference, "DigestValue").text or "")
        if digest(algorithm, referenced_bytes(signature, reference)) != value:
            raise SignatureError("the digest of reference %s differs" % reference.get("URI"))
    method = find(signature, "SignedInfo/SignatureMethod").get("Algorithm")
    algorithms.add(method)
    if method not in METHODS:
        raise SignatureError("signature method %s is not known" % method)
    canonicalization = find(info, "CanonicalizationMethod")
    signed = canonicalize(info, canonicalization.get("Algorithm"), _prefixes(canonicalization))
    certificates = key_certificates(signature)
    try:
        value = base64.b64decode(re.sub(r"\s+", "", find(signature, "SignatureValue").text or ""), validate=True)
        certificates[0].public_key().verify(value, signed, padding.PKCS1v15(), METHODS[method]())
    except (InvalidSignature, ValueError, AttributeError, TypeError) as error:
        raise SignatureError("SignatureValue does not verify with the first X509Certificate") from error
    return Verified([(r.get("URI"), r.get("Type")) for r in references], certificates, algorithms)


def sign(signature, key, certificate):
    """Fills in DigestValue of same-document references, SignatureValue and KeyInfo of a ds:Signature template."""
    for reference in find(signature, "SignedInfo").findall(tag(DS, "Reference")):
        algorithm = find(reference, "DigestMethod").get("Algorithm")
        value = digest(algorithm, referenced_bytes(signature, reference))
        find(reference, "DigestValue").text = base64.b64encode(value).decode()
    method = find(signature, "SignedInfo/SignatureMethod").get("Algorithm")
    canonicalization = find(signature, "SignedInfo/CanonicalizationMethod")
    signed = canonicalize(find(signature, "SignedInfo"), canonicalization.get("Algorithm"),
                          _prefixes(canonicalization))
    value = key.sign(signed, padding.PKCS1v15(), METHODS[method]())
    find(signature, "SignatureValue").text = base64.b64encode(value).decode()
    find(signature, "KeyInfo/X509Data/X509Certificate").text = base64.b64encode(
        certificate.public_bytes(serialization.Encoding.DER)).decode()


def distinguished_name(name):
    """A DN as the samples write it: `CN=..., OU=..., O=..., ST=..., C=FR`."""
    short = {"2.5.4.8": "ST", "2.5.4.7": "L"}
    return ", ".join("%s=%s" % (short.get(a.oid.dotted_string, a.rfc4514_attribute_name), a.value)
                     for rdn in reversed(name.rdns) for a in rdn)


def organizational_unit(certificate):
    units = certificate.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATIONAL_UNIT_NAME)
    return units[0].value if units else None


class TrustStore:
    """CA certificates (PEM), root and intermediates. `check` remembers what it has seen."""

    def __init__(self, pem):
        self.authorities = x509.load_pem_x509_certificates(pem)
        self._lock = threading.Lock()
        self._good = {}
        self._files = None

    def check(self, leaf, others=()):
        """SignatureError unless the leaf is in its validity and a chain leads to a self-signed authority."""
        now = datetime.datetime.now(datetime.timezone.utc)
        key = leaf.fingerprint(hashes.SHA256())
        if self._good.get(key, now) > now:
            return
        certificate, until = leaf, leaf.not_valid_after_utc
        for _ in range(8):
            if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
                raise SignatureError("a certificate of the chain is expired or not yet valid")
            until = min(until, certificate.not_valid_after_utc)
            if certificate.subject == certificate.issuer and certificate in self.authorities:
                with self._lock:
                    self._good[key] = until
                return
            certificate = self._issuer(certificate, others)
        raise SignatureError("the chain is too long")

    def _issuer(self, certificate, others):
        for candidate in (*self.authorities, *others):
            if candidate.subject != certificate.issuer:
                continue
            try:
                if candidate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
                    certificate.verify_directly_issued_by(candidate)
                    return candidate
            except (x509.ExtensionNotFound, InvalidSignature, ValueError, TypeError):
                continue
        raise SignatureError("no known authority issued the certificate")

    def files(self):
        """Command line options of xmlsec1 that name the authorities, one PEM file each."""
        with self._lock:
            if self._files is None:
                directory = tempfile.mkdtemp(prefix="lab-ca-")
                atexit.register(shutil.rmtree, directory, ignore_errors=True)
                self._files = []
                for number, authority in enumerate(self.authorities):
                    path = "%s/%d.pem" % (directory, number)
                    with open(path, "wb") as file:
                        file.write(authority.public_bytes(serialization.Encoding.PEM))
                    trusted = authority.subject == authority.issuer
                    self._files += ["--trusted-pem" if trusted else "--untrusted-pem", path]
        return self._files


def verify_with_xmlsec1(document, identifiers, trust):
    """The first signature of a document, by the command xmlsec1.

    `identifiers`: (attribute, namespace, element) that are IDs. Manifest references are left to the caller.
    """
    options = ["--ignore-manifests", "--enabled-key-data", "x509"]
    for attribute, namespace, element in identifiers:
        options += ["--id-attr:" + attribute, namespace + ":" + element]
    options += trust.files() if trust else ["--insecure"]
    with tempfile.NamedTemporaryFile(suffix=".xml") as file:
        file.write(document)
        file.flush()
        done = subprocess.run(["xmlsec1", "--verify", *options, file.name], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise SignatureError("xmlsec1: " + (" | ".join(lines[:3]) or str(done.returncode)))
