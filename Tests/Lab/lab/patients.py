# SPDX-License-Identifier: Apache-2.0
"""TD0.2, whether a patient has a record and the structure may read it; TD0.3, the patient gives that authorization."""
import uuid
from xml.sax.saxutils import escape, quoteattr

from .names import HABILITATIONS, HL7V3, INS_AUTHORITIES, tag
from .soap import SoapFault
from .state import now

EXISTENCE_ACTION = "urn:hl7-org:v3:PRPA_IN201308UV02"
AUTHORIZATION_ACTION = "urn:si-dmp-habilitations:HabilitationsEndPoint:setAuthorizationResponse"
DMP_DEVICE = "1.2.250.1.213.4.1.1.1"


def existence(request, registry, vihf):
    """(PRPA_IN201308UV02 as XML text, words of what was refused) for a PRPA_IN201307UV02."""
    def value(path, attribute):
        element = request.find("/".join(tag(HL7V3, step) for step in path.split("/")))
        return element.get(attribute, "") if element is not None else ""
    control = "controlActProcess/"
    if value("interactionId", "extension") != "PRPA_IN201307UV02":
        raise SoapFault("Sender", None, "interactionId is not PRPA_IN201307UV02")
    sent = value("id", "root"), value("id", "extension")
    query = value(control + "queryByParameter/queryId", "root"), value(control + "queryByParameter/queryId", "extension")
    identifier = control + "queryByParameter/parameterList/patientIdentifier/value"
    root, ins = value(identifier, "root"), value(identifier, "extension")
    patient_id = "%s^^^&%s&ISO^NH" % (ins, root)
    refused = None
    if value(control + "reasonCode", "code") != "TEST_EXST":
        refused = "reasonCode is not TEST_EXST"
    elif not sent[0] or not query[0] or root not in INS_AUTHORITIES:
        refused = "id, queryId and an INS as patientIdentifier are required"
    elif not registry.is_new_message("hl7:%s^%s" % sent):
        refused = "id was used before"
    elif patient_id != vihf.patient_id:
        refused = "the VIHF is for another patient (resource-id)"
    return _answer(registry, vihf, patient_id, sent, query, refused), refused


def _identifier(local, pair):
    return "<%s root=%s extension=%s/>" % (local, quoteattr(pair[0]), quoteattr(pair[1]))


def _device(role, code):
    return ('<%s typeCode="%s"><device classCode="DEV" determinerCode="INSTANCE"><id root="%s"/></device></%s>'
            % (role, code, DMP_DEVICE, role))


def _answer(registry, vihf, patient_id, sent, query, refused):
    state = registry.patient(patient_id)
    exists = state["exists"] and not refused
    detail = ""
    if refused:
        detail = ('<acknowledgementDetail typeCode="E"><code code="DMPInvalidData"/><text>%s</text>'
                  '</acknowledgementDetail>' % escape(refused))
    lines = subject = ""
    if exists:
        authorization = registry.authorization(patient_id, vihf.value("Identifiant_Structure"))
        lines = _line("AUTORISATION", '<value xsi:type="CV" code=%s/>' % quoteattr(authorization))
        lines += _line("STATUT_MT", '<value xsi:type="BL" value="%s"/>' % str(state["treatingPhysician"]).lower())
        subject = _subject(state, patient_id)
    time = now().translate(str.maketrans("", "", "-:TZ"))[:14]
    return (
        '<PRPA_IN201308UV02 xmlns="%s" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ITSVersion="XML_1.0">'
        '<id root="%s.9" extension="%s"/><creationTime value="%s"/>'
        '<interactionId root="2.16.840.1.113883.1.6" extension="PRPA_IN201308UV02"/><processingCode code="D"/>'
        '<processingModeCode code="T"/><acceptAckCode code="NE"/>%s%s%s'
        '<acknowledgement typeCode="%s"><targetMessage>%s</targetMessage>%s</acknowledgement>'
        '<controlActProcess classCode="CACT" moodCode="EVN">%s<queryAck>%s<queryResponseCode code="%s"/></queryAck>'
        '</controlActProcess></PRPA_IN201308UV02>'
        % (HL7V3, DMP_DEVICE, uuid.uuid4(), time, _device("receiver", "RCV"), _device("sender", "SND"),
           lines, "AE" if refused else "AA", _identifier("id", sent), detail, subject, _identifier("queryId", query),
           "AE" if refused else "OK" if exists else "NF"))


def _line(keyword, value):
    return '<attentionLine><keyWordText code="%s"/>%s</attentionLine>' % (keyword, value)


def _subject(state, patient_id):
    ins, authority = patient_id.split("^^^&")[0], patient_id.split("&")[1]
    return (
        '<subject typeCode="SUBJ"><registrationEvent classCode="REG" moodCode="EVN"><statusCode code=%s/>'
        '<subject1 typeCode="SBJ"><patient classCode="PAT">%s<statusCode code=%s/>'
        '<patientPerson classCode="PSN" determinerCode="INSTANCE"><name><family qualifier="BR">%s</family>'
        '<given>%s</given></name><administrativeGenderCode code=%s/><birthTime value=%s/></patientPerson></patient>'
        '</subject1></registrationEvent></subject>'
        % (quoteattr(state["status"]), _identifier("id", (authority, ins)), quoteattr(state["status"]),
           escape(state["family"]), escape(state["given"]), quoteattr(state["sex"]), quoteattr(state["birthDate"])))


def set_authorization(request, registry, vihf):
    """(setAuthorizationResponse as XML text, words of what was refused)."""
    action = (request.findtext(tag(HABILITATIONS, "action")) or "").strip()
    structure = vihf.value("Identifiant_Structure")
    status, context = "DMPOk", ""
    if action not in ("AJOUT", "SUPPRESSION"):
        status, context = "DMPInvalidData", "action: found %r" % action
    elif not registry.patient(vihf.patient_id)["exists"]:
        status, context = "DMPPatientNotFound", "the patient has no record"
    elif registry.authorization(vihf.patient_id, structure) == "INTERDIT":
        status, context = "DMPAccessDenied", "the patient has blocked this structure"
    else:
        registry.set_authorization(vihf.patient_id, structure, "VALIDE" if action == "AJOUT" else "INEXISTANTE")
    body = ('<setAuthorizationResponse xmlns="%s"><status>%s</status><context>%s</context></setAuthorizationResponse>'
            % (HABILITATIONS, status, escape(context)))
    return body, None if status == "DMPOk" else "%s: %s" % (status, context)
