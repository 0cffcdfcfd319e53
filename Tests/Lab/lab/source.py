# SPDX-License-Identifier: Apache-2.0
"""A publishing box of the lab's own: fills the stand-in for the DMP, and measures and tests it."""
import concurrent.futures
import http.client
import ssl
import threading
import time
import urllib.parse
import uuid

from . import kos, multipart, soap
from . import source_metadata as xml
from .names import ACTIONS, GET_DOCUMENTS, HL7V3, QUERY, RIM, RS, SERVICES, SOAP, SUCCESS, WSA, WSSE, tag

ACTION_OF = {name: action for action, (_, name, _) in ACTIONS.items()}


class Response:
    """An HTTP answer taken apart: body element, parts, status, error codes, fault subcode."""

    def __init__(self, status, content_type, content):
        self.http_status, self.content = status, content
        self.parts = {}
        if multipart.parameters(content_type)[0] == "multipart/related":
            package = multipart.parse(content_type, content)
            content, self.parts = package.root, package.parts
        self.root = soap.parse_xml(content)
        self.body = self.root.find(tag(SOAP, "Body"))[0]
        statuses = [e.get("status") for e in self.body.iter() if e.tag in (
            tag(RS, "RegistryResponse"), tag(QUERY, "AdhocQueryResponse"))]
        self.status = statuses[0] if statuses else ""
        self.errors = [(e.get("errorCode"), e.get("codeContext")) for e in self.body.iter(tag(RS, "RegistryError"))]
        self.fault = None
        if self.body.tag == tag(SOAP, "Fault"):
            self.fault = tuple("".join(self.body.itertext(tag(SOAP, n))) for n in ("Value", "Text"))

    @property
    def is_success(self):
        return self.status == SUCCESS

    @property
    def codes(self):
        return [code for code, _ in self.errors]

    @property
    def leaves(self):
        return list(self.body.iter(tag(RIM, "ExtrinsicObject")))


class Box:
    """One connection to the stand-in; `url` is its root, `signer` a source_metadata.Signer."""

    def __init__(self, url, signer, tls=None, timeout=60):
        parts = urllib.parse.urlsplit(url)
        self.url, self.signer = url, signer
        if parts.scheme == "https":
            self.connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout, context=tls)
        else:
            self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)

    def close(self):
        self.connection.close()

    def envelope(self, name, body, patient, alter_vihf=lambda t: t, message_id=None):
        action = ACTION_OF[name]
        to = self.url + SERVICES + ACTIONS[action][0]
        return ('<soap:Envelope xmlns:soap="%s"><soap:Header><MessageID xmlns="%s">%s</MessageID><To xmlns="%s">%s</To>'
                '<Action xmlns="%s" soap:mustUnderstand="true">%s</Action><wsse:Security xmlns:wsse="%s">%s'
                '</wsse:Security></soap:Header><soap:Body>%s</soap:Body></soap:Envelope>'
                % (SOAP, WSA, message_id or "urn:uuid:%s" % uuid.uuid4(), WSA, to, WSA, action, WSSE,
                   xml.vihf(self.signer, patient, alter_vihf), body))

    def post(self, name, content_type, content, path=None):
        self.connection.request("POST", path or SERVICES + ACTIONS[ACTION_OF[name]][0], content,
                                {"Content-Type": content_type})
        answer = self.connection.getresponse()
        return Response(answer.status, answer.headers.get("Content-Type", ""), answer.read())

    def call(self, name, body, patient, alter=lambda t: t, **options):
        return self.post(name, soap.SOAP_TYPE, alter(self.envelope(name, body, patient, **options)).encode())

    def package(self, content, patient, uid, replaces=None, alter=lambda t: t, alter_signature=lambda b: b, set_id=None,
                alter_vihf=lambda t: t, message_id=None, **entry):
        """(Content-Type, bytes) of a Provide and Register of one manifest, or of one report with `report=True`."""
        set_id, signature_id = set_id or xml.new_uid(), xml.new_uid()
        signature = alter_signature(xml.submission_signature(self.signer, signature_id, set_id, {uid: content}))
        body = xml.provide_and_register(self.signer, patient, set_id, uid, content, signature_id, signature, replaces,
                                        **entry)
        envelope = alter(self.envelope("publish", body, patient, alter_vihf, message_id))
        return multipart.write(envelope.encode(), [("kos", "application/octet-stream", content),
                                                   ("signature", "application/octet-stream", signature)],
                               action=ACTION_OF["publish"])

    def publish(self, content, patient, uid, **options):
        return self.post("publish", *self.package(content, patient, uid, **options))

    def find_uuid(self, patient, uid):
        """The entryUUID of a document; None where there is none."""
        answer = self.call("query", xml.adhoc_query(GET_DOCUMENTS, [("UniqueId", [uid])], "ObjectRef"), patient)
        found = [e.get("id") for e in answer.body.iter(tag(RIM, "ObjectRef"))]
        return found[0] if found else None

    def delete(self, patient, entry_uuid, alter=lambda t: t, **options):
        return self.call("update", xml.update_status(self.signer, patient, xml.new_uid(), entry_uuid, **options),
                         patient, alter)


def client_context(ca=None, certificate=None, key=None):
    context = ssl.create_default_context(cafile=ca)
    if certificate:
        context.load_cert_chain(certificate, key)
    return context


def new_manifest(patient, accession="ACN101", study=None, instances=10, **made):
    """(uid, study, bytes) of a manifest of a study that is new unless it is named; `made` is for kos.make()."""
    uid, study = xml.new_uid(), study or xml.new_uid()
    content = kos.make(uid, study, patient.split("^")[0], accession, xml.utc("%Y%m%d%H%M%S"), instances, **made)
    return uid, study, content


def report_references(content):
    """(uniqueId, accession, study) of a report (CDA)."""
    root, names = soap.parse_xml(content), {"v3": HL7V3, "ps3": "urn:dicom-org:ps3-20"}

    def one(path):
        found = root.xpath(path, namespaces=names)
        if not found:
            raise ValueError("report: %s is missing" % path)
        return str(found[0])
    return (one("v3:id/@root"), one("v3:inFulfillmentOf/v3:order/ps3:accessionNumber/@extension"),
            one("v3:documentationOf/v3:serviceEvent/v3:id/@root"))


def publish_many(make_box, count, workers, patient, prepared=False):
    """Publishes `count` manifests over `workers` connections; (seconds, number of successes, errors).

    `prepared`: all packages are signed before the clock starts, so that only the record is measured.
    """
    local, boxes, errors = threading.local(), [], []

    def box():
        if not hasattr(local, "box"):
            local.box = make_box()
            boxes.append(local.box)
        return local.box

    def package(_):
        uid, study, content = new_manifest(patient)
        return box().package(content, patient, uid, study=study)

    def send(item):
        answer = box().post("publish", *(item if prepared else package(item)))
        if not answer.is_success:
            errors.append(answer.errors or answer.fault)

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        items = list(pool.map(package, range(count))) if prepared else range(count)
        start = time.monotonic()
        list(pool.map(send, items))
        seconds = time.monotonic() - start
    for opened in boxes:
        opened.close()
    return seconds, count - len(errors), errors
