# SPDX-License-Identifier: Apache-2.0
"""Namespaces, UUIDs and codes of SOAP 1.2, ebRIM 3.0, IHE XDS.b and the CI-SIS."""
import functools

SOAP = "http://www.w3.org/2003/05/soap-envelope"
SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
WSA = "http://www.w3.org/2005/08/addressing"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
DS = "http://www.w3.org/2000/09/xmldsig#"
XOP = "http://www.w3.org/2004/08/xop/include"
RIM = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"
RS = "urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0"
LCM = "urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"
QUERY = "urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"
XDSB = "urn:ihe:iti:xds-b:2007"
HL7V3 = "urn:hl7-org:v3"
HABILITATIONS = "urn:si-dmp-habilitations"
XADES = ("http://uri.etsi.org/01903/v1.1.1#", "http://uri.etsi.org/01903/v1.3.2#")
XML = "http://www.w3.org/XML/1998/namespace"

# Service path below the base, wsa:Action, name in fault rules and statistics, body element.
SERVICES = "/si-dmp-server/v2/services/"
ACTIONS = {
    "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b":
        ("repository", "publish", "{%s}ProvideAndRegisterDocumentSetRequest" % XDSB),
    "urn:ihe:iti:2007:RetrieveDocumentSet": ("repository", "retrieve", "{%s}RetrieveDocumentSetRequest" % XDSB),
    "urn:ihe:iti:2007:RegistryStoredQuery": ("registry", "query", "{%s}AdhocQueryRequest" % QUERY),
    "urn:ihe:iti:2010:UpdateDocumentSet": ("registry", "update", "{%s}SubmitObjectsRequest" % LCM),
    "urn:hl7-org:v3:PRPA_IN201307UV02": ("patients", "existence", "{%s}PRPA_IN201307UV02" % HL7V3),
    "urn:si-dmp-habilitations:HabilitationsEndPoint:setAuthorization":
        ("habilitations", "authorization", "{%s}setAuthorization" % HABILITATIONS),
}

APPROVED = "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved"
DEPRECATED = "urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated"
ARCHIVED = "urn:asip:ci-sis:2010:StatusType:Archived"
DELETED = "urn:asip:ci-sis:2010:StatusType:Deleted"

SUCCESS = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success"
FAILURE = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Failure"
PARTIAL = "urn:ihe:iti:2007:ResponseStatusType:PartialSuccess"
ERROR = "urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Error"

HAS_MEMBER = "urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember"
REPLACE = "urn:ihe:iti:2007:AssociationType:RPLC"
SIGNS = "urn:ihe:iti:2007:AssociationType:signs"
UPDATE_STATUS = "urn:ihe:iti:2010:AssociationType:UpdateAvailabilityStatus"

# ITI TF-3 4.2: classification schemes and identification schemes.
DOCUMENT_ENTRY = "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"
SUBMISSION_SET_NODE = "urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd"
SUBMISSION_SET_AUTHOR = "urn:uuid:a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d"
CONTENT_TYPE = "urn:uuid:aa543740-bdda-424e-8c96-df4873be8500"
SUBMISSION_SET_PATIENT_ID = "urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446"
SUBMISSION_SET_SOURCE_ID = "urn:uuid:554ac39e-e3fe-47fe-b233-965d2a147832"
SUBMISSION_SET_UNIQUE_ID = "urn:uuid:96fdda7c-d067-4183-912e-bf5ee74998a8"
AUTHOR = "urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d"
CLASS_CODE = "urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a"
TYPE_CODE = "urn:uuid:f0306f51-975f-434e-a61c-c59651d33983"
CONFIDENTIALITY = "urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f"
FORMAT_CODE = "urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d"
FACILITY_TYPE = "urn:uuid:f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1"
PRACTICE_SETTING = "urn:uuid:cccf5598-8b07-4b77-a05e-ae952c785ead"
EVENT_CODE = "urn:uuid:2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4"
PATIENT_ID = "urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427"
UNIQUE_ID = "urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab"

FIND_DOCUMENTS = "urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d"
FIND_BY_REFERENCE = "urn:uuid:12941a89-e02e-4be5-967c-ce4bfc8fe492"
GET_DOCUMENTS = "urn:uuid:5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4"

KOS_CLASS = "1.2.840.10008.5.1.4.1.1.88.59"
SIGNATURE_FORMAT = DS
REFERENCE_IDS = "urn:ihe:iti:xds:2013:referenceIdList"
ACCESSION = "urn:ihe:iti:xds:2013:accession"
STUDY = "urn:ihe:iti:xds:2016:studyInstanceUID"
ORDER = "urn:ihe:iti:xds:2013:order"
HL7_CONFIDENTIALITY = "2.16.840.1.113883.5.25"
DMP_CONFIDENTIALITY = "1.2.250.1.213.1.1.4.13"
MODALITY = "1.2.250.1.213.1.1.5.618"
REGION = "1.2.250.1.213.1.1.5.695"
# NIR, NIA, and the NIR and NIA of test identities.
INS_AUTHORITIES = ("1.2.250.1.213.1.4.8", "1.2.250.1.213.1.4.9", "1.2.250.1.213.1.4.10", "1.2.250.1.213.1.4.11")
# Of this program (UUID-derived, PS3.5 B.2).
REPOSITORY_UNIQUE_ID = "2.25.274868355267997342823577202883198320050"


@functools.lru_cache(maxsize=None)
def tag(namespace, local):
    return "{%s}%s" % (namespace, local)
