# SPDX-License-Identifier: Apache-2.0
"""The stand-in for the DMP: what each transaction does with a request, from bytes to bytes."""
import base64
import copy
import json
import pathlib
import threading
import time

from cryptography import x509
from lxml import etree

from . import multipart, patients, signature_rules, soap, stored_queries, submission_rules, vihf, xml_signature
from .ebrim import Problem, Submission
from .http_server import Answer
from .names import (ACTIONS, DELETED, FAILURE, LCM, PARTIAL, REPOSITORY_UNIQUE_ID, RIM, SUCCESS, XDSB, XOP, tag)
from .registry import Registry
from .soap import SOAP_TYPE, SoapFault

GARBAGE = b"\x00\xff<<garbage \xe9\r\n" * 16


class Options:
    """How strict the record is; see `drimbox-lab dmp --help`."""

    def __init__(self, **values):
        self.verify = "library"
        self.trust = None
        self.lenient = self.refuse_sha1 = self.refuse_cumul = self.same_structure = self.allow_unchanged = False
        self.require_signature = True
        self.vihf_lifetime = 3600
        self.deleted = "shown"
        self.patients = None
        self.schemas = None
        self.sender_fault_status = 500
        for name, value in values.items():
            if not hasattr(self, name):
                raise AttributeError(name)
            setattr(self, name, value)


class Refusal(Exception):
    """Problems that are answered as a RegistryErrorList."""

    def __init__(self, problems):
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


class DMP:
    def __init__(self, directory, options):
        self.options = options
        self.registry = Registry(directory, options)
        self._schema_lock = threading.Lock()
        self._schema = None
        self._units = {}
        if options.schemas:
            self._schema = etree.XMLSchema(etree.parse(str(pathlib.Path(options.schemas) / "IHE" / "IHEXDSB.xsd")))
        for state in options.patients or ():
            self.registry.set_patient(**{"patient_id": state["patientId"],
                                         **{k: v for k, v in state.items() if k != "patientId"}})

    # MARK: from a request to an answer

    def open(self, request):
        """(Envelope, parts, action name); `request.envelope` is set. SoapFault where there is no envelope."""
        media, _ = multipart.parameters(request.content_type)
        parts = {}
        if media == "multipart/related" or self.options.lenient and request.body.lstrip().startswith(b"--"):
            try:
                package = multipart.parse(request.content_type, request.body, self.options.lenient)
            except multipart.MultipartError as error:
                raise SoapFault("Sender", None, "MTOM: %s" % error) from error
            request.envelope, parts = package.root.lstrip(), package.parts
        elif media != "application/soap+xml":
            raise SoapFault("Sender", None, "Content-Type: found %s" % media)
        envelope = soap.Envelope(request.envelope)
        envelope.is_package = media == "multipart/related" or bool(parts)
        return envelope, parts, ACTIONS.get(envelope.action, ("", "unknown", ""))[1]

    def answer(self, request, fault_of=lambda action, content: None):
        """The Answer to a POST. `fault_of(action, bytes)` names the Fault that this request meets, or None."""
        start, action, message_id = time.monotonic(), "unknown", None
        fault = None
        try:
            envelope, parts, action = self.open(request)
            message_id = envelope.message_id
            fault = fault_of(action, request.body)
            early = self._before(fault, action, message_id)
            if early is not None:
                answer, outcome, detail = early, "injected", fault.text
            else:
                envelope.check(request.path)
                if not self.registry.is_new_message(message_id):
                    raise SoapFault("Sender", "wsa:InvalidAddressingHeader", "MessageID was used before")
                answer, problems = self._serve(action, request, envelope, parts)
                outcome = "refused" if problems else "success"
                detail = "; ".join(map(str, problems))
                if fault is not None:
                    detail = "; ".join(filter(None, (detail, "injected " + fault.text)))
                    self._after(fault, answer)
        except SoapFault as error:
            answer, outcome, detail = self._fault(error, message_id), "fault", "%s %s" % (error.subcode, error.reason)
        self.registry.log(action, outcome, detail, request.client, time.monotonic() - start)
        return answer

    def _fault(self, error, message_id):
        status = self.options.sender_fault_status if error.code == "Sender" else 500
        return Answer(status, SOAP_TYPE, soap.fault(error, message_id))

    def _before(self, fault, action, message_id):
        """The Answer of a fault that keeps the request from being served."""
        kind = fault.kind if fault else ""
        if kind.startswith("http-"):
            return Answer(int(kind[5:]), "text/plain", b"injected", [("Retry-After", "1")])
        if kind == "soap-fault":
            return self._fault(SoapFault(fault.argument or "Receiver", None, "injected"), message_id)
        if kind == "registry-error":
            return self._refused(action, message_id, [Problem(fault.argument, "injected")])
        if kind == "garbage":
            return Answer(200, SOAP_TYPE, GARBAGE)
        if kind == "close-before":
            return Answer(cut="before")
        if kind == "timeout":
            return Answer(cut="before", delay=fault.seconds)
        return None

    def _after(self, fault, answer):
        """What a fault does to the answer of a request that was served."""
        if fault.kind == "close-after-commit":
            answer.cut = "before"
        elif fault.kind == "timeout-after-commit":
            answer.cut, answer.delay = "before", fault.seconds
        elif fault.kind == "truncate":
            answer.cut = "within"
        elif fault.kind == "slow":
            answer.delay = fault.seconds

    def _serve(self, action, request, envelope, parts):
        """(Answer, problems)"""
        assertion, warnings = vihf.read(envelope, self.options, self._peer_unit(request))
        serve = getattr(self, "_" + action)
        try:
            return serve(request, envelope, parts, assertion, warnings)
        except Refusal as refusal:
            return self._refused(action, envelope.message_id, refusal.problems), refusal.problems

    def _peer_unit(self, request):
        if request.peer is None:
            return None
        if request.peer not in self._units:
            certificate = x509.load_der_x509_certificate(request.peer)
            self._units[request.peer] = (xml_signature.organizational_unit(certificate) or "",
                                         xml_signature.distinguished_name(certificate.subject))
        unit, request.client = self._units[request.peer]
        if not unit:
            raise SoapFault("Sender", "wsse:FailedAuthentication", "the TLS client certificate has no OU")
        return unit

    def _refused(self, action, message_id, problems):
        if action == "query":
            body = stored_queries.response(FAILURE, problems=problems)
        elif action == "retrieve":
            body = self._retrieved(FAILURE, problems, "")
        else:
            body = soap.registry_response(FAILURE, problems)
        return self._answer(action, message_id, body)

    def _answer(self, action, message_id, body, parts=()):
        """In MTOM from the repository, in plain SOAP from the others."""
        name = next((a for a, (_, n, _) in ACTIONS.items() if n == action), "") + "Response"
        name = {"existence": patients.EXISTENCE_ACTION}.get(action, name)
        content = soap.envelope(name, message_id, body)
        if action in ("publish", "retrieve"):
            content_type, content = multipart.write(content, parts)
            return Answer(200, content_type, content)
        return Answer(200, SOAP_TYPE, content)

    def _judge(self, problems, warnings):
        """Refusal unless all problems are such as lenient operation makes warnings of."""
        hard = [p for p in problems if not (self.options.lenient and p.lenient)]
        if hard:
            raise Refusal(problems)
        warnings += map(str, problems)

    def _validated(self, body, contents=None):
        """Problems that the schema has with a body; documents are put in as base64."""
        if self._schema is None:
            return []
        if contents:
            body = copy.deepcopy(body)
            for document in body.iterfind(tag(XDSB, "Document")):
                for include in document.findall(tag(XOP, "Include")):
                    document.remove(include)
                document.text = base64.b64encode(contents.get(document.get("id"), b"")).decode()
        with self._schema_lock:
            if self._schema.validate(body):
                return []
            lines = [e.message for e in self._schema.error_log][:5]
        return [Problem("XDSRegistryMetadataError", "schema: " + line, lenient=True) for line in lines]

    # MARK: transactions

    def _publish(self, request, envelope, parts, assertion, warnings):
        if not envelope.is_package:
            raise SoapFault("Sender", None, "Content-Type: expected an MTOM package")
        included = soap.resolve_includes(envelope.root, parts)
        contents, problems = {}, []
        for document in envelope.body.iterfind(tag(XDSB, "Document")):
            identifier = document.get("id", "")
            if identifier in contents:
                problems.append(Problem("XDSRepositoryMetadataError", "Document occurs twice", identifier))
            content = included.get(document)
            if content is None:
                try:
                    content = base64.b64decode("".join((document.text or "").split()), validate=True)
                except ValueError:
                    raise SoapFault("Sender", None, "Document %s is no base64" % identifier) from None
            contents[identifier] = content
        problems += self._validated(envelope.body, contents)
        objects = envelope.body.find("%s/%s" % (tag(LCM, "SubmitObjectsRequest"), tag(RIM, "RegistryObjectList")))
        if objects is None:
            raise Refusal([Problem("XDSRegistryMetadataError", "there is no RegistryObjectList")])
        submission = Submission(objects)
        problems += submission_rules.check_submission(submission, contents, assertion, self.options)
        problems += signature_rules.check(submission, contents, self.options)
        self._judge(problems, warnings)
        problems = self.registry.publish(submission, contents, assertion, request, warnings)
        self._judge(problems, warnings)
        return self._answer("publish", envelope.message_id, soap.registry_response(SUCCESS)), []

    def _update(self, request, envelope, parts, assertion, warnings):
        problems = self._validated(envelope.body)
        objects = envelope.body.find(tag(RIM, "RegistryObjectList"))
        if objects is None:
            raise Refusal([Problem("XDSRegistryMetadataError", "there is no RegistryObjectList")])
        submission = Submission(objects)
        self._judge(problems + submission_rules.check_update(submission, assertion, self.options), warnings)
        self._judge(self.registry.update(submission, assertion, request, warnings), warnings)
        return self._answer("update", envelope.message_id, soap.registry_response(SUCCESS)), []

    def _query(self, request, envelope, parts, assertion, warnings):
        self._judge(self._validated(envelope.body), warnings)
        body, problems = stored_queries.answer(envelope.body, self.registry, assertion)
        return self._answer("query", envelope.message_id, body), problems

    def _retrieve(self, request, envelope, parts, assertion, warnings):
        self._judge(self._validated(envelope.body), warnings)
        if not self.registry.may_read(assertion):
            raise Refusal([Problem("DMPAccessDenied", "the structure has no valid authorization")])
        problems, found = [], []
        for wanted in envelope.body.iterfind(tag(XDSB, "DocumentRequest")):
            repository = (wanted.findtext(tag(XDSB, "RepositoryUniqueId")) or "").strip()
            unique_id = (wanted.findtext(tag(XDSB, "DocumentUniqueId")) or "").strip()
            rows = self.registry.rows("SELECT * FROM entries WHERE unique_id = ?", unique_id)
            if repository != REPOSITORY_UNIQUE_ID:
                problems.append(Problem("XDSUnknownRepositoryId", "repository %s is not known" % repository, unique_id))
            elif not rows or rows[0]["patient_id"] != assertion.patient_id or rows[0]["status"] == DELETED:
                problems.append(Problem("XDSDocumentUniqueIdError", "document %s is not known" % unique_id, unique_id))
            else:
                found.append(rows[0])
        pieces, content = [], ""
        for number, row in enumerate(found, 1):
            media = json.loads(row["metadata"])["mimeType"]
            pieces.append(("document-%d" % number, media, self.registry.content(row)))
            content += ('<DocumentResponse><RepositoryUniqueId>%s</RepositoryUniqueId><DocumentUniqueId>%s'
                        '</DocumentUniqueId><mimeType>%s</mimeType><Document><xop:Include xmlns:xop="%s" '
                        'href="cid:document-%d"/></Document></DocumentResponse>'
                        % (REPOSITORY_UNIQUE_ID, row["unique_id"], media, XOP, number))
        status = SUCCESS if not problems else PARTIAL if found else FAILURE
        return self._answer("retrieve", envelope.message_id, self._retrieved(status, problems, content), pieces), problems

    def _retrieved(self, status, problems, content):
        return '<RetrieveDocumentSetResponse xmlns="%s">%s%s</RetrieveDocumentSetResponse>' % (
            XDSB, soap.registry_response(status, problems), content)

    def _existence(self, request, envelope, parts, assertion, warnings):
        body, refused = patients.existence(envelope.body, self.registry, assertion)
        return self._answer("existence", envelope.message_id, body), [refused] if refused else []

    def _authorization(self, request, envelope, parts, assertion, warnings):
        body, refused = patients.set_authorization(envelope.body, self.registry, assertion)
        return self._answer("authorization", envelope.message_id, body), [refused] if refused else []
