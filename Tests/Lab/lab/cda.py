# SPDX-License-Identifier: Apache-2.0
"""Reports as CDA R2 level 1 (CI-SIS IMG-CR-IMG): a header as the RIS of a radiology centre makes it, and a PDF."""
import base64
import dataclasses
import random
import textwrap
from xml.sax.saxutils import escape, quoteattr

RPPS_AUTHORITY, STRUCTURES = "1.2.250.1.71.4.2.1", "1.2.250.1.71.4.2.2"
LOINC, DCM, SNOMED = "2.16.840.1.113883.6.1", "1.2.840.10008.2.16.4", "2.16.840.1.113883.6.96"
GENDERS = {"M": "Masculin", "F": "Féminin", "U": "Inconnu"}
REGIONS = {"67734004": "segment thoracique du tronc", "774007": "structure de la tête et/ou du cou",
           "63337009": "abdomen et pelvis", "61685007": "membre inférieur", "53120007": "membre supérieur",
           "45048000": "cou", "69536005": "tête", "80891009": "cœur", "76752008": "sein", "737561001": "colonne vertébrale"}


@dataclasses.dataclass
class Act:
    """One serviceEvent: a study and what was done."""
    study: str
    code: str = "24627-2"
    display: str = "CT Chest"
    ccam: str = "ZBQK001"
    ccam_display: str = "Scanographie du thorax, sans injection de produit de contraste"
    ccam_system: str = "1.2.250.1.213.2.5"  # 1.2.250.1.215.300.1 in models of 2024
    modality: str = "CT"
    region: str = "67734004"


@dataclasses.dataclass
class Report:
    document_id: str = "1.2.250.1.213.4.5.4.401"  # OID, or OID^extension
    parent_id: str = ""
    set_id: str = "1.2.250.1.213.4.5.4"
    version: int = 1
    ins: str = "279035121518989"
    ins_authority: str = "1.2.250.1.213.1.4.10"
    ipp: str = "IPP101"
    ipp_authority: str = "1.2.250.1.213.4.5.2.4"
    birth_name: str = "PAT-TROIS"
    birth_givens: str = "DOMINIQUE MARIE-LOUISE"
    used_name: str = "PAT-TROIS"
    used_given: str = "DOMINIQUE"
    birth_date: str = "19790328"
    birth_place: str = "63220"
    sex: str = "F"
    accession: str = "ACN101"
    accession_authority: str = "1.2.250.1.213.4.5.2.5"
    order: str = "OPN101"
    order_authority: str = "1.2.250.1.213.4.5.2.6"
    acts: list = dataclasses.field(default_factory=list)
    start: str = "20260115101500+0100"
    end: str = "20260115104500+0100"
    time: str = "20260115111700+0100"
    structure: str = "1750803447"
    structure_name: str = "Centre de radiologie Ambroise"
    physician: str = "801234564895"
    physician_family: str = "THOMAS"
    physician_given: str = "Eric"
    sector: str = "SA08"
    confidentiality: str = "N"
    pdf_bytes: int = 2000

    @property
    def birth_given(self):
        return self.birth_givens.split(" ")[0]


def pdf(size, seed):
    """A one-page PDF of `size` bytes, or of the least that is possible; the same seed gives the same bytes."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
               b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
               b"/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>"]
    text = b"BT /F1 12 Tf 72 770 Td (Compte rendu) Tj ET\n"

    def build(padding):
        out, offsets = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), []
        stream = text + (b"%" + padding + b"\n" if padding else b"")
        content = b"<< /Length %d >>\nstream\n" % len(stream) + stream + b"\nendstream"
        for number, value in enumerate((*objects, content), 1):
            offsets.append(len(out))
            out += b"%d 0 obj\n" % number + value + b"\nendobj\n"
        xref = len(out)
        out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(offsets) + 1)
        out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
        out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%010d\n%%%%EOF\n" % (len(offsets) + 1, xref)
        return bytes(out)
    missing = size - len(build(b""))
    if missing <= 8:
        return build(b"")
    # A comment line: no line ends in it. The length of /Length may take a digit or more.
    noise = random.Random(seed).randbytes(missing).translate(bytes((b % 94) + 33 for b in range(256)))
    padding = noise[:missing - 2]
    return build(padding[:len(padding) - (len(build(padding)) - size)])


def identifier(value, element="id"):
    root, _, extension = value.partition("^")
    return "<%s root=%s%s/>" % (element, quoteattr(root), " extension=" + quoteattr(extension) if extension else "")


def _address(city="PARIS"):
    return ("<addr><houseNumber>12</houseNumber><streetName>Rue Ambroise</streetName><postalCode>75010</postalCode>"
            "<city>%s</city></addr>" % city)


def _organization(report, element="representedOrganization", sector=True):
    industry = ('<standardIndustryClassCode code="AMBULATOIRE" displayName="Ambulatoire" '
                'codeSystem="1.2.250.1.213.1.1.4.9"/>' if sector else "")
    return '<%s>%s<name>%s</name><telecom value="tel:0146000000"/>%s%s</%s>' % (
        element, identifier("%s^%s" % (STRUCTURES, report.structure)), escape(report.structure_name), _address(), industry,
        element)


def _physician(report, element="assignedEntity"):
    return ('<%s>%s<code code="G15_10/SM44" displayName="Médecin - Radio-diagnostic (SM)" '
            'codeSystem="1.2.250.1.213.1.1.4.5"/>%s<telecom value="tel:0146000000" use="WP"/><assignedPerson><name>'
            '<prefix>M</prefix><given>%s</given><family>%s</family><suffix>DR</suffix></name></assignedPerson>%s</%s>'
            % (element, identifier("%s^%s" % (RPPS_AUTHORITY, report.physician)), _address(),
               escape(report.physician_given), escape(report.physician_family), _organization(report), element))


def _patient(r):
    return (
        '<recordTarget><patientRole>%s%s%s<telecom value="tel:0144534551" use="H"/><patient classCode="PSN"><name>'
        '<family qualifier="BR">%s</family><given>%s</given><given qualifier="BR">%s</given>'
        '<family qualifier="CL">%s</family><given qualifier="CL">%s</given></name>'
        '<administrativeGenderCode code=%s displayName="%s" codeSystem="2.16.840.1.113883.5.1"/><birthTime value=%s/>'
        '<birthplace><place><addr><county>%s</county></addr></place></birthplace></patient></patientRole></recordTarget>'
        % (identifier("%s^%s" % (r.ins_authority, r.ins)), identifier("%s^%s" % (r.ipp_authority, r.ipp)), _address(),
           escape(r.birth_name), escape(r.birth_givens), escape(r.birth_given), escape(r.used_name),
           escape(r.used_given), quoteattr(r.sex), GENDERS.get(r.sex, "Inconnu"), quoteattr(r.birth_date),
           escape(r.birth_place)))


def _translation(code, display, system, name, qualifier=None):
    inner = ""
    if qualifier:
        inner = '<qualifier><name code="%s" displayName="%s" codeSystem="%s" codeSystemName="%s"/></qualifier>' % qualifier
    return '<translation code=%s displayName=%s codeSystem="%s" codeSystemName="%s">%s</translation>' % (
        quoteattr(code), quoteattr(display), system, name, inner)


def _act(report, act):
    translations = ""
    if act.ccam:
        translations += _translation(act.ccam, act.ccam_display, act.ccam_system, "CCAM")
    translations += _translation(act.modality, act.modality, DCM, "DCM",
                                 ("121139", "Modalité d'imagerie", DCM, "DCM"))
    translations += _translation(act.region, REGIONS.get(act.region, "région"), SNOMED, "SNOMED CT",
                                 ("39111-0", "localisation anatomique", LOINC, "LOINC"))
    return ('<documentationOf><serviceEvent classCode="ACT">%s<code code=%s displayName=%s codeSystem="%s" '
            'codeSystemName="LOINC">%s</code><effectiveTime><low value="%s"/><high value="%s"/></effectiveTime>'
            '<performer typeCode="PRF">%s</performer></serviceEvent></documentationOf>'
            % (identifier(act.study), quoteattr(act.code), quoteattr(act.display), LOINC, translations, report.start,
               report.end, _physician(report)))


def document(r):
    """The report as bytes (UTF-8)."""
    related = ""
    if r.parent_id:
        related = ('<relatedDocument typeCode="RPLC"><parentDocument>%s</parentDocument></relatedDocument>'
                   % identifier(r.parent_id))
    encoded = base64.b64encode(pdf(r.pdf_bytes, r.document_id)).decode()
    text = "".join((
        '<?xml version="1.0" encoding="UTF-8"?>\n<ClinicalDocument xmlns="urn:hl7-org:v3" '
        'xmlns:ps3-20="urn:dicom-org:ps3-20" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        '<realmCode code="FR"/><typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>'
        '<templateId root="2.16.840.1.113883.2.8.2.1"/><templateId root="1.2.250.1.213.1.1.1.1"/>'
        '<templateId root="1.3.6.1.4.1.19376.1.2.20"/>', identifier(r.document_id),
        '<code code="18748-4" displayName="CR d\'imagerie médicale" codeSystem="%s" codeSystemName="LOINC"/>' % LOINC,
        "<title>CR d'imagerie médicale</title>", '<effectiveTime value="%s"/>' % r.time,
        '<confidentialityCode code=%s codeSystem="2.16.840.1.113883.5.25"/><languageCode code="fr-FR"/>'
        % quoteattr(r.confidentiality), identifier(r.set_id, "setId"), '<versionNumber value="%d"/>' % r.version,
        _patient(r),
        '<author><time value="%s"/>%s</author>' % (r.time, _physician(r, "assignedAuthor")),
        '<custodian><assignedCustodian>%s</assignedCustodian></custodian>'
        % _organization(r, "representedCustodianOrganization", sector=False),
        '<legalAuthenticator><time value="%s"/><signatureCode code="S"/>%s</legalAuthenticator>' % (r.time, _physician(r)),
        '<inFulfillmentOf><order>%s%s</order></inFulfillmentOf>' % (
            identifier("%s^%s" % (r.order_authority, r.order)),
            identifier("%s^%s" % (r.accession_authority, r.accession), "ps3-20:accessionNumber")),
        "".join(_act(r, act) for act in r.acts), related,
        '<componentOf><encompassingEncounter><code code="AMB" displayName="Ambulatoire (hors établissement)" '
        'codeSystem="2.16.840.1.113883.5.4"/><effectiveTime><low value="%s"/><high value="%s"/></effectiveTime><location>'
        '<healthCareFacility>%s<code code="%s" displayName="Cabinet de groupe" codeSystem="1.2.250.1.71.4.2.4"/>'
        '<location><name>%s</name>%s</location></healthCareFacility></location></encompassingEncounter></componentOf>'
        % (r.start, r.end, identifier("%s^%s" % (STRUCTURES, r.structure)), r.sector, escape(r.structure_name),
           _address()),
        '<component><nonXMLBody><text mediaType="application/pdf" representation="B64">%s</text></nonXMLBody></component>'
        % "\n".join(textwrap.wrap(encoded, 76) if len(encoded) < 1 << 16 else [encoded]), "</ClinicalDocument>\n"))
    return text.encode()
