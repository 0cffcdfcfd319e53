# SPDX-License-Identifier: Apache-2.0
"""Messages of a RIS: ORU^R01 (2.5), MDM^T02/T10/T04 (2.6) with a CDA, OMI^O23 (2.5.1). CI-SIS 2.1^CISIS_CDA_HL7_V2."""
import base64
import dataclasses
import re

from . import cda

# Event: ORC-1, OBX-11, the MDM event.
EVENTS = {"new": ("NW", "F", "T02"), "replace": ("RO", "C", "T10"), "delete": ("CA", "D", "T04")}
FLAGS = {
    "MASQUE_PS": ("Masqué aux professionnels de Santé", "N"),
    "INVISIBLE_PATIENT": ("Document Non Visible par le patient", "N"),
    "INVISIBLE_REP_LEGAUX": ("Non visible par les représentants Légaux du patient", "N"),
    "CONNEXION_SECRETE": ("Connexion Secrete", "N"),
    "MODIF_CONF_CODE": ("Modification Confidentiality Code", "N"),
    "DESTDMP": ("Destinataire DMP", "Y"),
    "DESTMSSANTEPS": ("Destinataire (Professionnel de Santé, organisation ou BAL applicative)", "N"),
    "DESTMSSANTEPAT": ("Destinataire Patient", "N"),
    "ACK_RECEPTION": ("Accusé de réception", "N"),
    "ACK_LECTURE_MSS": ("Accusé de lecture", "N"),
}
CHARSETS = {"UTF-8": ("UNICODE UTF-8", "utf-8"), "8859/15": ("8859/15", "iso8859-15")}
SEPARATORS = {"CR": "\r", "LF": "\n", "CRLF": "\r\n"}
INS_NAMES = {"1.2.250.1.213.1.4.9": "ASIP-SANTE-INS-NIA", "1.2.250.1.213.1.4.11": "ASIP-SANTE-INS-NIA"}


@dataclasses.dataclass
class Message:
    """What a message has beside the report."""
    kind: str = "ORU"
    event: str = "new"
    control_id: str = "LAB1"
    time: str = "20260115112000"
    flags: dict = dataclasses.field(default_factory=dict)
    charset: str = "UTF-8"
    separator: str = "CR"
    identity_status: str = "VALI"
    sender_structure: str = "750803447"
    sender_kind: str = "FINEG"
    aet: str = "PACS"
    overrides: list = dataclasses.field(default_factory=list)  # "SEGMENT[n]-FIELD=VALUE"


def text(value):
    """A value with the delimiters escaped (HL7 2.5, 2.7)."""
    return "".join({"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"}.get(c, c) for c in value)


def segment(name, **fields):
    """A segment from fields named f1, f2, ...; fields of MSH count from MSH-1."""
    last = max(int(key[1:]) for key, value in fields.items() if value != "")
    return [name] + [str(fields.get("f%d" % n, "")) for n in range(1, last + 1)]


def header(message, kind, version):
    charset = "" if kind.startswith("OMI") else CHARSETS[message.charset][0]
    return segment("MSH", f1="|", f2="^~\\&", f3="RIS", f4="CABINET", f5="DRIMBOX", f6="CABINET", f7=message.time, f9=kind,
                   f10=text(message.control_id), f11="P", f12=version, f17="FRA", f18=charset,
                   f21="" if kind.startswith("OMI") else "2.1^CISIS_CDA_HL7_V2")


def identification(report, message):
    authority = INS_NAMES.get(report.ins_authority, "ASIP-SANTE-INS-NIR")
    identifiers = "%s^^^%s&%s&ISO^INS~%s^^^AUT-AFFECTATION&%s&ISO^PI" % (
        text(report.ins), authority, report.ins_authority, text(report.ipp), report.ipp_authority)
    names = "%s^%s^%s^^^^L~%s^%s^^^^^D" % tuple(text(v) for v in (
        report.birth_name, report.birth_given, report.birth_givens, report.used_name, report.used_given))
    return segment("PID", f3=identifiers, f5=names, f7=report.birth_date, f8=report.sex,
                   f11="^^^^^^BDL^^%s~12 Rue Ambroise^^PARIS^^75010^FRA^H" % text(report.birth_place), f31="N",
                   f32=message.identity_status)


def visit():
    return segment("PV1", f1="1", f2="O", f3="RADIO", f19="VN897406^^^AUT-AFFECTATION&1.2.250.1.213.4.5.2.7&ISO^VN",
                   f44="20260115")


def entity(document_id):
    """EI of a document id: `root`, or `extension^^root^ISO`."""
    root, _, extension = document_id.partition("^")
    return "%s^^%s^ISO" % (text(extension), root) if extension else root


def document(report, message):
    """Segments of an ORU or MDM."""
    order, status, trigger = EVENTS[message.event]
    is_mdm = message.kind == "MDM"
    code = "18748-4^CR d'imagerie médicale^LN"
    segments = []
    if is_mdm:
        segments += [header(message, "MDM^%s^MDM_T02" % trigger, "2.6"), segment("EVN", f2=message.time)]
    else:
        segments += [header(message, "ORU^R01^ORU_R01", "2.5")]
    segments += [identification(report, message), visit(), segment("ORC", f1=order),
                 segment("OBR", f1="1", f2=text(report.order), f4=code, f25="" if is_mdm else "F")]
    if is_mdm:
        parent = entity(report.parent_id) if trigger == "T10" else ""
        segments.append(segment("TXA", f1="1", f2="18748-4", f3="TEXT", f4=report.time[:12],
                                f12=entity(report.document_id), f13=parent, f17="AU", f22=text(report.physician)))
    encoded = base64.b64encode(cda.document(report)).decode()
    segments.append(segment("OBX", f1="1", f2="ED", f3=code, f11=status,
                            f5="^%s^XML^Base64^%s" % ("text" if is_mdm else "TEXT", encoded)))
    person = "%s^%s^%s^^^^^^ASIP-SANTE-PS&1.2.250.1.71.4.2.1&ISO^D^^^RPPS" % tuple(text(v) for v in (
        report.physician, report.physician_family, report.physician_given))
    organization = "%s^^^^^ASIP-SANTE-ST&1.2.250.1.71.4.2.2&ISO^%s^^^%s" % (
        text(report.structure_name), message.sender_kind, text(message.sender_structure))
    segments.append(segment("PRT", f2="UC", f4="SB^Send by^participation", f5=person, f8=organization))
    for number, (flag, (meaning, default)) in enumerate(FLAGS.items(), 2):
        segments.append(segment("OBX", f1=number, f2="CWE" if is_mdm else "CE", f3="%s^%s^MetaDMPMSS" % (flag, meaning),
                                f5="%s^^expandedYes-NoIndicator" % message.flags.get(flag, default), f11="F"))
    return segments


def imaging_order(report, message):
    """Segments of an OMI: `delete` cancels the examination, anything else says that it changed."""
    cancelled = message.event == "delete"
    segments = [header(message, "OMI^O23^OMI_O23", "2.5.1"), identification(report, message), visit(),
                segment("ORC", f1="CA" if cancelled else "NW", f2=text(report.order), f5="" if cancelled else "SC"),
                segment("TQ1", f7=report.start[:12]),
                segment("OBR", f1="1", f2=text(report.order), f4="34555-3^^LN"),
                segment("OBX", f1="1", f2="ST", f3="Modification Examen Imagerie", f11="O")]
    for act in report.acts:
        segments.append(segment("IPC", f1=text(report.accession), f2="RP" + text(report.order), f3=act.study, f4="SPS1",
                                f5=act.modality, f9=message.aet))
    return segments


def override(segments, rule):
    """Puts a value as it is, unescaped, into a field: `OBX-11=D` or `OBX[2]-5=Y`. `PID-` deletes the segment."""
    match = re.fullmatch(r"([A-Z][A-Z0-9]{2})(?:\[(\d+)\])?-(?:(\d+)=(.*))?", rule, re.S)
    if not match:
        raise ValueError("override %r: expected SEGMENT[n]-FIELD=VALUE or SEGMENT[n]-" % rule)
    name, number, field, value = match.groups()
    found = [s for s in segments if s[0] == name]
    if int(number or 1) > len(found):
        raise ValueError("override %r: there is no such segment" % rule)
    chosen = found[int(number or 1) - 1]
    if field is None:
        segments.remove(chosen)
        return
    chosen += [""] * (int(field) + 1 - len(chosen))
    chosen[int(field)] = value


def build(report, message):
    """The message as bytes; every segment ends with the separator."""
    segments = imaging_order(report, message) if message.kind == "OMI" else document(report, message)
    for rule in message.overrides:
        override(segments, rule)
    end = SEPARATORS[message.separator]
    lines = []
    for name, *fields in segments:
        if name == "MSH":
            lines.append("MSH" + fields[0] + "|".join(fields[1:]))
        else:
            lines.append("|".join((name, *fields)))
    return "".join(line + end for line in lines).encode(CHARSETS[message.charset][1], "replace")
