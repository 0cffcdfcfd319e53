# SPDX-License-Identifier: Apache-2.0
"""The VIHF 3.0: a signed SAML 2.0 assertion that names the structure, the person and the patient."""
import datetime
import functools
import re

from cryptography import x509

from . import xml_signature
from .names import DS, HL7V3, INS_AUTHORITIES, SAML, tag
from .soap import SoapFault

RESOURCE_ID = "urn:oasis:names:tc:xacml:2.0:resource:resource-id"
SUBJECT_ID = "urn:oasis:names:tc:xspa:1.0:subject:subject-id"
PURPOSE = "urn:oasis:names:tc:xspa:1.0:subject:purposeofuse"
ACCESS_REASON = "Mode_Acces_Raison"
ROLE = "urn:oasis:names:tc:xacml:2.0:subject:role"
ISSUER_FORMAT = "urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName"
# Attribute: the form of its value.
ATTRIBUTES = {
    "VIHF_Version": r"3\.0",
    "Secteur_Activite": r"SA\d{2}\^1\.2\.250\.1\.71\.4\.2\.4",
    "Ressource_URN": r"urn:dmp",
    "Identifiant_Structure": r"\S+",
    "LPS_ID": r".+",
    "LPS_Nom": r".+",
    "LPS_Version": r".+",
    "LPS_ID_HOMOLOGATION_DMP": r".+",
    "Authentification_Mode": r"DIRECTE|INDIRECTE|INDIRECTE_RENFORCEE",
    SUBJECT_ID: r"\S+( \S+)+",
    RESOURCE_ID: r"\d[0-9AB]{14}\^\^\^&(%s)&ISO\^NH" % "|".join(a.replace(".", r"\.") for a in INS_AUTHORITIES),
}
# What a person who signed in by Pro Santé Connect adds to the authentication of the machine, by Authentification_Mode.
CONTEXTS = {"INDIRECTE_RENFORCEE": ["APP_BROWSER_AUTH"]}
# Physicians and pharmacists (1.2.250.1.71.1.2.7) also state a specialty.
WITH_SPECIALTY = ("10", "21")
CLOCK_SKEW = datetime.timedelta(minutes=5)


class Refused(Exception):
    """A check that failed: the wsse subcode and words."""

    def __init__(self, subcode, reason):
        super().__init__(reason)
        self.subcode, self.reason = subcode, reason


class VIHF:
    def __init__(self, assertion):
        self.element = assertion
        self.issuer = (assertion.findtext(tag(SAML, "Issuer")) or "").strip()
        self.name_id = (assertion.findtext("%s/%s" % (tag(SAML, "Subject"), tag(SAML, "NameID"))) or "").strip()
        self.attributes, self.coded = {}, {}
        for attribute in assertion.iterfind("%s/%s" % (tag(SAML, "AttributeStatement"), tag(SAML, "Attribute"))):
            values = attribute.findall(tag(SAML, "AttributeValue"))
            name = attribute.get("Name", "")
            self.attributes[name] = [(v.text or "").strip() for v in values]
            self.coded[name] = [(c.tag, c.get("code", ""), c.get("codeSystem", "")) for v in values for c in v]
        self.certificate = None

    def value(self, name):
        values = self.attributes.get(name, [])
        return values[0] if values else ""

    @property
    def patient_id(self):
        return self.value(RESOURCE_ID)

    @property
    def is_emergency(self):
        """Bris de glace: no authorization of the patient is needed."""
        return [code for _, code, _ in self.coded.get(PURPOSE, [])] == ["bris_de_glace"]

    def summary(self):
        """What the state keeps of it."""
        kept = {name: self.value(name) for name in ATTRIBUTES if name in self.attributes}
        kept["purpose"] = [code for _, code, _ in self.coded.get(PURPOSE, [])]
        roles = [code for _, code, _ in self.coded.get(ROLE, [])]
        return {"issuer": self.issuer, "nameID": self.name_id, "roles": roles, "attributes": kept}


def _instant(text):
    try:
        return datetime.datetime.fromisoformat((text or "").replace("Z", "+00:00")).astimezone(datetime.timezone.utc)
    except ValueError:
        return None


def _check_form(vihf):
    element = vihf.element
    if element.get("Version") != "2.0" or not element.get("ID"):
        raise Refused("wsse:InvalidSecurityToken", "Assertion: Version 2.0 and ID are required")
    issuer = element.find(tag(SAML, "Issuer"))
    if issuer is None or issuer.get("Format") != ISSUER_FORMAT:
        raise Refused("wsse:InvalidSecurityToken", "Issuer: Format is not X509SubjectName")
    if not re.fullmatch(r"\d{9,14}|[0-9A-Z/]{6,30}", vihf.name_id):
        raise Refused("wsse:InvalidSecurityToken", "Subject/NameID is no identifier of a person")
    for name, form in ATTRIBUTES.items():
        values = vihf.attributes.get(name, [])
        if len(values) != 1:
            raise Refused("wsse:InvalidSecurityToken", "attribute %s: found %d values, expected 1" % (name, len(values)))
        if not re.fullmatch(form, values[0]):
            raise Refused("wsse:InvalidSecurityToken", "attribute %s: found %r" % (name, values[0]))
    purpose = vihf.coded.get(PURPOSE, [])
    if [(t, s) for t, _, s in purpose] != [(tag(HL7V3, "PurposeOfUse"), "1.2.250.1.213.1.1.4.248")]:
        raise Refused("wsse:InvalidSecurityToken", "attribute purposeofuse: expected one PurposeOfUse")
    if purpose[0][1] not in ("normal", "bris_de_glace"):
        raise Refused("wsse:InvalidSecurityToken", "attribute purposeofuse: found %r" % purpose[0][1])
    if vihf.is_emergency != bool(vihf.value(ACCESS_REASON)):
        raise Refused("wsse:InvalidSecurityToken",
                      "attribute %s: expected with bris_de_glace, and only with it" % ACCESS_REASON)
    roles = vihf.coded.get(ROLE, [])
    if not roles or any(t != tag(HL7V3, "Role") or not c or not s for t, c, s in roles):
        raise Refused("wsse:InvalidSecurityToken", "attribute role: expected Role with code and codeSystem")
    if roles[0][1] in WITH_SPECIALTY and len(roles) < 2:
        raise Refused("wsse:InvalidSecurityToken", "attribute role: the specialty is missing")
    context = element.find("%s/%s" % (tag(SAML, "AuthnStatement"), tag(SAML, "AuthnContext")))
    if context is None or context.find(tag(SAML, "AuthnContextClassRef")) is None:
        raise Refused("wsse:InvalidSecurityToken", "AuthnStatement has no AuthnContextClassRef")
    mode = vihf.value("Authentification_Mode")
    declared = [(d.text or "").strip() for d in context.iterfind(tag(SAML, "AuthnContextDecl"))]
    if declared != CONTEXTS.get(mode, []):
        raise Refused("wsse:InvalidSecurityToken", "AuthnContextDecl: found %r with %s" % (declared, mode))


def _check_time(vihf, lifetime):
    now = datetime.datetime.now(datetime.timezone.utc)
    issued = _instant(vihf.element.get("IssueInstant"))
    authenticated = _instant(vihf.element.find(tag(SAML, "AuthnStatement")).get("AuthnInstant"))
    if issued is None or authenticated is None:
        raise Refused("wsse:InvalidSecurityToken", "IssueInstant or AuthnInstant is no instant")
    if issued > now + CLOCK_SKEW or authenticated > issued + CLOCK_SKEW:
        raise Refused("wsse:FailedAuthentication", "IssueInstant or AuthnInstant is in the future")
    if now - issued > datetime.timedelta(seconds=lifetime) + CLOCK_SKEW:
        raise Refused("wsse:FailedAuthentication", "the assertion is older than %d s" % lifetime)
    conditions = vihf.element.find(tag(SAML, "Conditions"))
    if conditions is not None:
        before, after = _instant(conditions.get("NotBefore")), _instant(conditions.get("NotOnOrAfter"))
        if before and now + CLOCK_SKEW < before or after and now >= after + CLOCK_SKEW:
            raise Refused("wsse:FailedAuthentication", "outside of Conditions")


def _check_signature(vihf, document, options):
    signatures = vihf.element.findall(tag(DS, "Signature"))
    if len(signatures) != 1:
        raise Refused("wsse:InvalidSecurity", "Assertion: found %d signatures, expected 1" % len(signatures))
    try:
        verified = xml_signature.verify(signatures[0])
        if options.verify == "xmlsec1":
            xml_signature.verify_with_xmlsec1(document, [("ID", SAML, "Assertion")], options.trust)
        if [uri for uri, _ in verified.references] != ["#" + vihf.element.get("ID")]:
            raise Refused("wsse:InvalidSecurity", "the signature does not cover the assertion")
        if options.refuse_sha1 and verified.algorithms & set(xml_signature.SHA1_ALGORITHMS):
            raise Refused("wsse:UnsupportedAlgorithm", "SHA-1 is not accepted")
        vihf.certificate = verified.certificates[0]
        if options.trust:
            options.trust.check(vihf.certificate, verified.certificates[1:])
    except xml_signature.SignatureError as error:
        raise Refused("wsse:FailedCheck", "signature of the VIHF: %s" % error) from error
    subject = xml_signature.distinguished_name(vihf.certificate.subject)
    if vihf.issuer != subject:
        raise Refused("wsse:InvalidSecurityToken", "Issuer: found %r, expected %r" % (vihf.issuer, subject))
    check_signing_certificate(vihf.certificate)
    if options.same_structure:
        unit, structure = xml_signature.organizational_unit(vihf.certificate), vihf.value("Identifiant_Structure")
        if unit != structure:
            raise Refused("wsse:FailedAuthentication",
                          "Identifiant_Structure: found %s, the certificate is of %s" % (structure, unit))


@functools.lru_cache(maxsize=256)
def _is_signing_certificate(certificate):
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        extended = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        return usage.content_commitment and x509.ExtendedKeyUsageOID.CLIENT_AUTH not in extended
    except x509.ExtensionNotFound:
        return False


def check_signing_certificate(certificate):
    """Refused unless it is of the kind ORG SIGN: a structure in OU, nonRepudiation, not for TLS clients."""
    if not xml_signature.organizational_unit(certificate):
        raise Refused("wsse:FailedAuthentication", "the certificate has no OU")
    if not _is_signing_certificate(certificate):
        raise Refused("wsse:FailedAuthentication", "the certificate is not one for signatures (ORG SIGN)")


def read(envelope, options, peer_unit=None):
    """The VIHF of a request, checked; with `options.lenient` the words of what failed are in `warnings`.

    `peer_unit` is the OU of the TLS client certificate, None without TLS.
    """
    if len(envelope.assertions) != 1:
        raise SoapFault("Sender", "wsse:SecurityTokenUnavailable" if not envelope.assertions else "wsse:InvalidSecurity",
                        "wsse:Security: found %d assertions, expected 1" % len(envelope.assertions))
    vihf = VIHF(envelope.assertions[0])
    warnings = []
    for check in (lambda: _check_form(vihf), lambda: _check_time(vihf, options.vihf_lifetime),
                  lambda: _check_signature(vihf, envelope.content, options), lambda: _check_peer(vihf, peer_unit)):
        try:
            check()
        except Refused as refused:
            if not options.lenient:
                raise SoapFault("Sender", refused.subcode, refused.reason) from refused
            warnings.append("%s %s" % (refused.subcode, refused.reason))
    return vihf, warnings


def _check_peer(vihf, peer_unit):
    if peer_unit is None or vihf.certificate is None:
        return
    unit = xml_signature.organizational_unit(vihf.certificate)
    if unit != peer_unit:
        raise Refused("wsse:FailedAuthentication", "the TLS client is of structure %s, the VIHF of %s" % (peer_unit, unit))
