# SPDX-License-Identifier: Apache-2.0
"""SOAP 1.2 envelopes with WS-Addressing: reading, checks, answers and faults."""
import re
import uuid
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from .names import ACTIONS, ERROR, RS, SAML, SERVICES, SOAP, SOAP11, WSA, WSSE, XOP, tag

SOAP_TYPE = "application/soap+xml; charset=UTF-8"
PREFIXES = {"wsa": WSA, "wsse": WSSE}
FAULT_ACTION = WSA + "/fault"
SOAP_FAULT_ACTION = WSA + "/soap/fault"


class SoapFault(Exception):
    """A fault to be answered: code `Sender`, `Receiver`, ..., and a subcode like `wsse:FailedCheck`."""

    def __init__(self, code, subcode, reason):
        super().__init__(reason)
        self.code, self.subcode, self.reason = code, subcode, reason


class NotXML(Exception):
    pass


def parse_xml(content, huge=False):
    """The root element of an XML document without a document type; nothing outside it is read."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=huge)
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise NotXML("not well-formed: %s" % error) from error
    if root.getroottree().docinfo.doctype:
        raise NotXML("a document type is not allowed")
    return root


class Envelope:
    """A request: its headers, the one element of its body, the VIHF."""

    def __init__(self, content):
        try:
            self.root = parse_xml(content)
        except NotXML as error:
            raise SoapFault("Sender", None, "the envelope is %s" % error) from error
        if self.root.tag == tag(SOAP11, "Envelope"):
            raise SoapFault("VersionMismatch", None, "SOAP 1.1: expected SOAP 1.2")
        if self.root.tag != tag(SOAP, "Envelope"):
            raise SoapFault("Sender", None, "found %s, expected a SOAP 1.2 Envelope" % self.root.tag)
        self.content = content
        header = self.root.find(tag(SOAP, "Header"))
        self.headers = [h for h in header if isinstance(h.tag, str)] if header is not None else []
        body = self.root.find(tag(SOAP, "Body"))
        payload = [e for e in body if isinstance(e.tag, str)] if body is not None else []
        self.body = payload[0] if len(payload) == 1 else None
        self.message_id, self.to, self.action = self._text("MessageID"), self._text("To"), self._text("Action")
        found = self.root.findall("%s/%s/%s" % (tag(SOAP, "Header"), tag(WSSE, "Security"), tag(SAML, "Assertion")))
        self.assertions = found

    def _text(self, local):
        found = [h for h in self.headers if h.tag == tag(WSA, local)]
        return (found[0].text or "").strip() if len(found) == 1 else None

    def check(self, path):
        """SoapFault unless the headers are those of a request to the service at `path`."""
        for header in self.headers:
            must = header.get(tag(SOAP, "mustUnderstand")) in ("true", "1")
            if must and etree.QName(header).namespace not in (WSA, WSSE):
                raise SoapFault("MustUnderstand", None, "header %s is not understood" % header.tag)
        for local in ("MessageID", "To", "Action"):
            count = sum(h.tag == tag(WSA, local) for h in self.headers)
            if count > 1:
                raise SoapFault("Sender", "wsa:InvalidAddressingHeader", "%s occurs %d times" % (local, count))
            if not self._text(local):
                raise SoapFault("Sender", "wsa:MessageAddressingHeaderRequired", "%s is missing" % local)
        if not re.fullmatch(r"urn:uuid:[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", self.message_id):
            raise SoapFault("Sender", "wsa:InvalidAddressingHeader", "MessageID is no urn:uuid")
        if self.action not in ACTIONS:
            raise SoapFault("Sender", "wsa:ActionNotSupported", "Action %s is not known" % self.action)
        service, _, element = ACTIONS[self.action]
        if path != SERVICES + service:
            raise SoapFault("Sender", "wsa:ActionNotSupported", "Action %s at %s" % (self.action, path))
        address = re.fullmatch(r"https?://[^/]+(/[^?#]*)", self.to)
        if not address or address.group(1) != path:
            raise SoapFault("Sender", "wsa:DestinationUnreachable", "To: found %s, expected %s" % (self.to, path))
        if self.body is None or self.body.tag != element:
            found = "no single element" if self.body is None else self.body.tag
            raise SoapFault("Sender", None, "Body: found %s, expected %s" % (found, element))


def resolve_includes(root, parts):
    """The bytes of the XOP includes by the element that holds them; SoapFault where the part is missing."""
    found = {}
    for include in root.iter(tag(XOP, "Include")):
        parent, href = include.getparent(), include.get("href", "")
        if len(parent) != 1 or (parent.text or "").strip():
            raise SoapFault("Sender", None, "xop:Include is not alone in its element")
        if not href.startswith("cid:") or href[4:] not in parts:
            raise SoapFault("Sender", None, "xop:Include names %s, which is no part" % href)
        found[parent] = parts[href[4:]]
    return found


def envelope(action, relates_to, body):
    """An answer as bytes; `body` is XML text."""
    relates = '<RelatesTo xmlns="%s">%s</RelatesTo>' % (WSA, escape(relates_to)) if relates_to else ""
    return ('<soap:Envelope xmlns:soap="%s"><soap:Header><Action xmlns="%s">%s</Action>'
            '<MessageID xmlns="%s">urn:uuid:%s</MessageID>%s</soap:Header><soap:Body>%s</soap:Body></soap:Envelope>'
            % (SOAP, WSA, escape(action), WSA, uuid.uuid4(), relates, body)).encode()


def fault(error, relates_to=None):
    """The envelope of a SoapFault (SOAP 1.2 part 1, 5.4)."""
    subcode = declared = ""
    if error.subcode:
        prefix = error.subcode.split(":")[0]
        declared = " xmlns:%s=%s" % (prefix, quoteattr(PREFIXES[prefix]))
        subcode = "<soap:Subcode><soap:Value>%s</soap:Value></soap:Subcode>" % escape(error.subcode)
    body = ('<soap:Fault%s><soap:Code><soap:Value>soap:%s</soap:Value>%s</soap:Code><soap:Reason>'
            '<soap:Text xml:lang="en">%s</soap:Text></soap:Reason></soap:Fault>'
            % (declared, error.code, subcode, escape(error.reason)))
    addressing = error.subcode and error.subcode.startswith("wsa:")
    return envelope(FAULT_ACTION if addressing else SOAP_FAULT_ACTION, relates_to, body)


def registry_response(status, problems=()):
    """RegistryResponse (rs.xsd) as XML text, with a RegistryErrorList where there are problems."""
    return '<rs:RegistryResponse xmlns:rs="%s" status="%s">%s</rs:RegistryResponse>' % (
        RS, status, error_list(problems))


def error_list(problems):
    if not problems:
        return ""
    return '<rs:RegistryErrorList xmlns:rs="%s" highestSeverity="%s">%s</rs:RegistryErrorList>' % (
        RS, ERROR, "".join('<rs:RegistryError codeContext=%s errorCode=%s location=%s severity="%s"/>'
                           % (quoteattr(p.context), quoteattr(p.code), quoteattr(p.location), ERROR)
                           for p in problems))
