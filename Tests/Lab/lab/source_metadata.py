# SPDX-License-Identifier: Apache-2.0
"""The XML of a publishing box: VIHF, submission set signature, ebRIM metadata, query and update bodies."""
import base64
import datetime
import hashlib
import uuid
from xml.sax.saxutils import escape, quoteattr

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from lxml import etree

from . import xml_signature
from .names import (ACCESSION, APPROVED, DELETED, DMP_CONFIDENTIALITY, DOCUMENT_ENTRY, DS, HABILITATIONS, HAS_MEMBER,
                    HL7_CONFIDENTIALITY, HL7V3, KOS_CLASS, LCM, MODALITY, QUERY, REFERENCE_IDS, REGION, REPLACE,
                    REPOSITORY_UNIQUE_ID, RIM, SAML, SIGNS, STUDY, SUBMISSION_SET_NODE, UPDATE_STATUS, XADES, XDSB, XOP,
                    tag)
from .names import AUTHOR, CLASS_CODE, CONFIDENTIALITY, CONTENT_TYPE, EVENT_CODE, FACILITY_TYPE, FORMAT_CODE, PATIENT_ID
from .names import PRACTICE_SETTING, SUBMISSION_SET_AUTHOR, SUBMISSION_SET_PATIENT_ID, SUBMISSION_SET_SOURCE_ID
from .names import SUBMISSION_SET_UNIQUE_ID, TYPE_CODE, UNIQUE_ID

ALGORITHMS = {"sha1": (DS + "rsa-sha1", DS + "sha1"),
              "sha256": ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2001/04/xmlenc#sha256")}
SOURCE_ID = "1.2.250.1.999.1.1.8121"


def new_uid():
    return "2.25.%d" % uuid.uuid4().int


def patient_id(ins="279035121518989", authority="1.2.250.1.213.1.4.10"):
    return "%s^^^&%s&ISO^NH" % (ins, authority)


def utc(form):
    return datetime.datetime.now(datetime.timezone.utc).strftime(form)


class Signer:
    """A structure's ORG SIGN key and the person it acts for."""

    def __init__(self, certificate, key, algorithm="sha256", person="801234564895", name=("Eric", "THOMAS")):
        with open(certificate, "rb") as file:
            self.certificate = x509.load_pem_x509_certificates(file.read())[0]
        with open(key, "rb") as file:
            self.key = serialization.load_pem_private_key(file.read(), None)
        self.algorithm, self.person, self.name = algorithm, person, name
        self.structure = xml_signature.organizational_unit(self.certificate)
        self.organization = self.certificate.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)[0].value
        self.subject = xml_signature.distinguished_name(self.certificate.subject)

    @property
    def author_person(self):
        return "%s^%s^%s^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS" % (self.person, self.name[1], self.name[0])

    @property
    def author_institution(self):
        return "%s^^^^^&1.2.250.1.71.4.2.2&ISO^IDNST^^^%s" % (self.organization, self.structure)

    def signature(self, references, canonicalization, identifier="", objects=""):
        method, digest = ALGORITHMS[self.algorithm]
        listed = "".join('<Reference URI="%s"%s>%s<DigestMethod Algorithm="%s"/><DigestValue/></Reference>'
                         % (uri, ' Type="%s"' % kind if kind else "", transforms, digest)
                         for uri, kind, transforms in references)
        return ('<Signature xmlns="%s"%s><SignedInfo><CanonicalizationMethod Algorithm="%s"/><SignatureMethod '
                'Algorithm="%s"/>%s</SignedInfo><SignatureValue/><KeyInfo><X509Data><X509Certificate/></X509Data>'
                '</KeyInfo>%s</Signature>' % (DS, ' Id="%s"' % identifier if identifier else "", canonicalization,
                                              method, listed, objects))


def vihf(signer, patient, alter=lambda text: text):
    """A signed assertion as XML text. `alter` changes it before it is signed."""
    now, identifier = utc("%Y-%m-%dT%H:%M:%S.000Z"), "_" + uuid.uuid4().hex
    transforms = ('<Transforms><Transform Algorithm="%senveloped-signature"/><Transform Algorithm="%s"/></Transforms>'
                  % (DS, xml_signature.EXC_C14N))
    values = {
        "VIHF_Version": "3.0", "Secteur_Activite": "SA08^1.2.250.1.71.4.2.4", "Ressource_URN": "urn:dmp",
        "urn:oasis:names:tc:xspa:1.0:subject:subject-id": " ".join(signer.name),
        "Identifiant_Structure": signer.structure, "LPS_ID": "1", "LPS_Nom": "LAB", "LPS_Version": "1.0",
        "LPS_ID_HOMOLOGATION_DMP": "LAB-DMP-1", "Authentification_Mode": "INDIRECTE",
        "urn:oasis:names:tc:xacml:2.0:resource:resource-id": patient,
    }
    attribute = '<saml2:Attribute Name="%s"><saml2:AttributeValue>%s</saml2:AttributeValue></saml2:Attribute>'
    attributes = "".join(attribute % (name, escape(value)) for name, value in values.items())
    attributes += attribute % ("urn:oasis:names:tc:xspa:1.0:subject:purposeofuse",
                               '<PurposeOfUse xmlns="%s" xsi:type="CE" code="normal" codeSystem="1.2.250.1.213.1.1.4.248" '
                               'codeSystemName="mode acces VIHF 1.0" displayName="Acces normal"/>' % HL7V3)
    role = '<Role xmlns="%s" xsi:type="CE" code="%s" codeSystem="%s" displayName="%s"/>'
    attributes += attribute % ("urn:oasis:names:tc:xacml:2.0:subject:role",
                               role % (HL7V3, "10", "1.2.250.1.71.1.2.7", "Medecin")
                               + "</saml2:AttributeValue><saml2:AttributeValue>"
                               + role % (HL7V3, "SM44", "1.2.250.1.71.4.2.5", "Radio-diagnostic (SM)"))
    text = ('<saml2:Assertion xmlns:saml2="%s" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ID="%s" '
            'IssueInstant="%s" Version="2.0"><saml2:Issuer Format="urn:oasis:names:tc:SAML:1.1:nameid-format:'
            'X509SubjectName">%s</saml2:Issuer>%s<saml2:Subject><saml2:NameID>%s</saml2:NameID></saml2:Subject>'
            '<saml2:AuthnStatement AuthnInstant="%s"><saml2:AuthnContext><saml2:AuthnContextClassRef>'
            'urn:oasis:names:tc:SAML:2.0:ac:classes:TLSClient</saml2:AuthnContextClassRef></saml2:AuthnContext>'
            '</saml2:AuthnStatement><saml2:AttributeStatement>%s</saml2:AttributeStatement></saml2:Assertion>'
            % (SAML, identifier, now, escape(signer.subject),
               signer.signature([("#" + identifier, None, transforms)], xml_signature.EXC_C14N), signer.person, now,
               attributes))
    root = etree.fromstring(alter(text))
    xml_signature.sign(root.find(tag(DS, "Signature")), signer.key, signer.certificate)
    return etree.tostring(root, encoding="unicode")


def submission_signature(signer, unique_id, submission_set, documents):
    """The signature document; `documents`: bytes by uniqueId."""
    _, digest = ALGORITHMS[signer.algorithm]

    def hashed(content):
        return base64.b64encode(xml_signature.digest(digest, content)).decode()
    reference = '<Reference URI="urn:oid:%s"><DigestMethod Algorithm="%s"/><DigestValue>%s</DigestValue></Reference>'
    manifest = reference % (submission_set, digest, "AA==")
    manifest += "".join(reference % (uid, digest, hashed(content)) for uid, content in documents.items())
    der = signer.certificate.public_bytes(serialization.Encoding.DER)
    objects = (
        '<Object><SignatureProperties><SignatureProperty Id="purposeOfSignature" Target="#%s">1.2.840.10065.1.12.1.14'
        '</SignatureProperty></SignatureProperties></Object><Object><Manifest Id="IHEManifest">%s</Manifest></Object>'
        '<Object><QualifyingProperties xmlns="%s" Target="#%s"><SignedProperties Id="S0-SignedProperties">'
        '<SignedSignatureProperties><SigningTime>%s</SigningTime><SigningCertificate><Cert><CertDigest>'
        '<DigestMethod Algorithm="%s"/><DigestValue>%s</DigestValue></CertDigest><IssuerSerial>'
        '<X509IssuerName xmlns="%s">%s</X509IssuerName><X509SerialNumber xmlns="%s">%d</X509SerialNumber></IssuerSerial>'
        '</Cert></SigningCertificate><SignaturePolicyIdentifier><SignaturePolicyImplied/></SignaturePolicyIdentifier>'
        '</SignedSignatureProperties><SignedDataObjectProperties/></SignedProperties></QualifyingProperties></Object>'
        % (unique_id, manifest, XADES[0], unique_id, utc("%Y-%m-%dT%H:%M:%SZ"), digest, hashed(der), DS,
           escape(xml_signature.distinguished_name(signer.certificate.issuer)), DS, signer.certificate.serial_number))
    text = signer.signature([("#IHEManifest", DS + "Manifest", ""),
                             ("#S0-SignedProperties", XADES[0] + "SignedProperties", "")],
                            xml_signature.C14N + "#WithComments", unique_id, objects)
    root = etree.fromstring(text)
    xml_signature.sign(root, signer.key, signer.certificate)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def slot(name, *values):
    return '<Slot name="%s"><ValueList>%s</ValueList></Slot>' % (
        name, "".join("<Value>%s</Value>" % escape(v) for v in values))


def localized(element, text):
    return '<%s><LocalizedString value=%s/></%s>' % (element, quoteattr(text), element)


def classified(scheme, obj, code, system, display):
    return ('<Classification classificationScheme="%s" classifiedObject="%s" id="c-%s" nodeRepresentation="%s">%s%s'
            '</Classification>' % (scheme, obj, uuid.uuid4(), code, slot("codingScheme", system),
                                   localized("Name", display)))


def identified(scheme, obj, value, name):
    return ('<ExternalIdentifier id="i-%s" identificationScheme="%s" registryObject="%s" value=%s>%s'
            '</ExternalIdentifier>' % (uuid.uuid4(), scheme, obj, quoteattr(value), localized("Name", name)))


def authored(scheme, obj, signer):
    return ('<Classification classificationScheme="%s" classifiedObject="%s" id="c-%s" nodeRepresentation="">%s%s'
            '</Classification>' % (scheme, obj, uuid.uuid4(), slot("authorPerson", signer.author_person),
                                   slot("authorInstitution", signer.author_institution)))


def submission_set(signer, patient, unique_id):
    obj = "SubmissionSet01"
    return ('<RegistryPackage id="%s">%s%s%s%s<Classification classificationNode="%s" classifiedObject="%s" id="c-%s" '
            'nodeRepresentation=""/>%s%s%s</RegistryPackage>'
            % (obj, slot("submissionTime", utc("%Y%m%d%H%M%S")), localized("Name", "Examen d'imagerie"),
               authored(SUBMISSION_SET_AUTHOR, obj, signer),
               classified(CONTENT_TYPE, obj, "04", "1.2.250.1.213.2.2", "Hospitalisation de jour"),
               SUBMISSION_SET_NODE, obj, uuid.uuid4(),
               identified(SUBMISSION_SET_PATIENT_ID, obj, patient, "XDSSubmissionSet.patientId"),
               identified(SUBMISSION_SET_SOURCE_ID, obj, SOURCE_ID, "XDSSubmissionSet.sourceId"),
               identified(SUBMISSION_SET_UNIQUE_ID, obj, unique_id, "XDSSubmissionSet.uniqueId")))


def object_id(report):
    """What a submission calls its document: a report (CDA), or a manifest."""
    return "DocumentCDA" if report else "DocumentKOS"


def document_entry(signer, patient, unique_id, content, accession="ACN101", study="1.2.3", visibility=(), modality="CT",
                   region="67734004", signature=False, time="20260115101500", report=False):
    """The ExtrinsicObject of a manifest, of a report (CDA with a PDF), or of the submission set's signature."""
    obj, title, media = object_id(report), "Référence d'objets d'un examen d'imagerie", "application/dicom"
    codes = [(CLASS_CODE, "31", "1.2.250.1.213.1.1.4.1", "Imagerie médicale"),
             (TYPE_CODE, "IMG-KOS", "1.2.250.1.213.1.1.4.12", "Référence d'objets d'un examen d'imagerie"),
             (FORMAT_CODE, KOS_CLASS, "1.2.840.10008.2.6.1", "Références d'objets d'imagerie (IHE RAD XDS-I)"),
             (EVENT_CODE, modality, MODALITY, modality), (EVENT_CODE, region, REGION, "région " + region)]
    if report:
        title, media = "CR d'imagerie médicale", "text/xml"
        codes = [(CLASS_CODE, "10", "1.2.250.1.213.1.1.4.1", "Compte rendu"),
                 (TYPE_CODE, "18748-4", "2.16.840.1.113883.6.1", title),
                 (FORMAT_CODE, "urn:ihe:iti:xds-sd:pdf:2008", "1.3.6.1.4.1.19376.1.2.3", "PDF")]
    if signature:
        obj, title, media = "Signature01", "Source", "text/xml"
        codes = [(CLASS_CODE, "urn:oid:1.3.6.1.4.1.19376.1.2.1.1.1", "URN", "Digital Signature"),
                 (TYPE_CODE, "E1762", "ASTM", "Full Document"), (FORMAT_CODE, DS, "URN", "Default Signature Style"),
                 (EVENT_CODE, "1.2.840.10065.1.12.1.14", "1.2.840.10065.1.12", "Source")]
    codes += [(FACILITY_TYPE, "SA08", "1.2.250.1.71.4.2.4", "Cabinet de groupe"),
              (PRACTICE_SETTING, "AMBULATOIRE", "1.2.250.1.213.1.1.4.9", "Ambulatoire"),
              (CONFIDENTIALITY, "N", HL7_CONFIDENTIALITY, "Normal")]
    codes += [(CONFIDENTIALITY, v, DMP_CONFIDENTIALITY, v) for v in visibility]
    return ('<ExtrinsicObject id="%s" mimeType="%s" objectType="%s">%s%s%s%s%s%s%s</ExtrinsicObject>' % (
        obj, media, DOCUMENT_ENTRY,
        "".join(slot(name, value) for name, value in (
            ("creationTime", utc("%Y%m%d%H%M%S")), ("languageCode", "art" if signature else "fr-FR"),
            ("legalAuthenticator", signer.author_person), ("serviceStartTime", time), ("serviceStopTime", time),
            ("sourcePatientId", "IPP101^^^&1.2.250.1.213.4.5.2.4&ISO^PI"),
            ("hash", hashlib.sha1(content).hexdigest()), ("size", str(len(content))))),
        slot("sourcePatientInfo", "PID-5|PAT-TROIS^DOMINIQUE^^^^^L", "PID-7|19790328", "PID-8|F"),
        slot(REFERENCE_IDS, "%s^^^&1.2.250.1.213.4.5.2.5&ISO^%s" % (accession, ACCESSION), "%s^^^^%s" % (study, STUDY)),
        localized("Name", title),
        authored(AUTHOR, obj, signer), "".join(classified(scheme, obj, *code) for scheme, *code in codes),
        identified(PATIENT_ID, obj, patient, "XDSDocumentEntry.patientId")
        + identified(UNIQUE_ID, obj, unique_id, "XDSDocumentEntry.uniqueId")))


def association(kind, source, target, slots=""):
    return ('<Association associationType="%s" id="a-%s" sourceObject="%s" targetObject="%s">%s</Association>'
            % (kind, uuid.uuid4(), source, target, slots))


def provide_and_register(signer, patient, set_id, kos_id, kos, signature_id, signature, replaces=None, **entry):
    original, document = slot("SubmissionSetStatus", "Original"), object_id(entry.get("report", False))
    associations = [association(HAS_MEMBER, "SubmissionSet01", document, original),
                    association(HAS_MEMBER, "SubmissionSet01", "Signature01", original),
                    association(SIGNS, "Signature01", "SubmissionSet01", original)]
    if replaces:
        associations.append(association(REPLACE, document, replaces))
    documents = "".join('<xds:Document id="%s"><xop:Include xmlns:xop="%s" href="cid:%s"/></xds:Document>'
                        % (obj, XOP, cid) for obj, cid in ((document, "kos"), ("Signature01", "signature")))
    return ('<xds:ProvideAndRegisterDocumentSetRequest xmlns="%s" xmlns:xds="%s" xmlns:lcm="%s">'
            '<lcm:SubmitObjectsRequest><RegistryObjectList>%s%s%s%s</RegistryObjectList></lcm:SubmitObjectsRequest>%s'
            '</xds:ProvideAndRegisterDocumentSetRequest>'
            % (RIM, XDSB, LCM, submission_set(signer, patient, set_id),
               document_entry(signer, patient, kos_id, kos, **entry),
               document_entry(signer, patient, signature_id, signature, signature=True, **entry),
               "".join(associations), documents))


def update_status(signer, patient, set_id, entry_uuid, original=APPROVED, new=DELETED):
    return ('<lcm:SubmitObjectsRequest xmlns="%s" xmlns:lcm="%s"><RegistryObjectList>%s%s</RegistryObjectList>'
            '</lcm:SubmitObjectsRequest>' % (RIM, LCM, submission_set(signer, patient, set_id), association(
                UPDATE_STATUS, "SubmissionSet01", entry_uuid,
                slot("OriginalStatus", original) + slot("NewStatus", new))))


def adhoc_query(query, parameters, return_type="LeafClass"):
    """`parameters`: pairs of name without `$XDSDocumentEntry`, and value or list of values."""
    def literal(value):
        quoted = ["'%s'" % v.replace("'", "''") for v in ([value] if isinstance(value, str) else value)]
        return quoted[0] if isinstance(value, str) else "(%s)" % ",".join(quoted)
    return ('<query:AdhocQueryRequest xmlns="%s" xmlns:query="%s"><query:ResponseOption returnComposedObjects="true" '
            'returnType="%s"/><AdhocQuery id="%s">%s</AdhocQuery></query:AdhocQueryRequest>'
            % (RIM, QUERY, return_type, query,
               "".join(slot("$XDSDocumentEntry" + name, literal(value)) for name, value in parameters)))


def retrieve_document_set(unique_ids, repository=REPOSITORY_UNIQUE_ID):
    return '<RetrieveDocumentSetRequest xmlns="%s">%s</RetrieveDocumentSetRequest>' % (XDSB, "".join(
        "<DocumentRequest><RepositoryUniqueId>%s</RepositoryUniqueId><DocumentUniqueId>%s</DocumentUniqueId>"
        "</DocumentRequest>" % (repository, uid) for uid in unique_ids))


def test_existence(patient):
    ins, authority = patient.split("^^^&")[0], patient.split("&")[1]
    return ('<PRPA_IN201307UV02 xmlns="%s" ITSVersion="XML_1.0"><id root="%s.1" extension="%s"/><creationTime value="%s"/>'
            '<interactionId root="2.16.840.1.113883.1.6" extension="PRPA_IN201307UV02"/><processingCode code="D"/>'
            '<processingModeCode code="T"/><acceptAckCode code="AL"/><receiver typeCode="RCV"><device classCode="DEV" '
            'determinerCode="INSTANCE"><id root="1.2.250.1.213.4.1.1.1"/><softwareName>DMP</softwareName></device>'
            '</receiver><sender typeCode="SND"><device classCode="DEV" determinerCode="INSTANCE"><id root="%s"/>'
            '<softwareName>LAB</softwareName></device></sender><controlActProcess classCode="CACT" moodCode="EVN">'
            '<reasonCode code="TEST_EXST" codeSystem="1.2.250.1.213.1.1.4.11" displayName="Test d\'existence de dossier"/>'
            '<queryByParameter><queryId root="%s.2" extension="%s"/><statusCode code="new"/><parameterList>'
            '<patientIdentifier><value root="%s" extension="%s"/><semanticsText>Patient.id</semanticsText>'
            '</patientIdentifier></parameterList></queryByParameter></controlActProcess></PRPA_IN201307UV02>'
            % (HL7V3, SOURCE_ID, uuid.uuid4(), utc("%Y%m%d%H%M%S"), SOURCE_ID, SOURCE_ID, uuid.uuid4(), authority, ins))


def set_authorization(action="AJOUT"):
    return '<setAuthorization xmlns="%s"><action>%s</action></setAuthorization>' % (HABILITATIONS, action)
