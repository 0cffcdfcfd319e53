# SPDX-License-Identifier: Apache-2.0
"""The stand-in as a process: mutual TLS, faults, outages, a kill, many connections."""
import concurrent.futures
import contextlib
import http.client
import json
import os
import resource
import shutil
import socket
import ssl
import tempfile
import time
import unittest
import urllib.error
import warnings

from lab import source
from lab import source_metadata as xml
from lab.names import SERVICES
from lab.soap import NotXML
from selftest.support import OTHER_PATIENT, PATIENT, Stand, certificates, signer

LOST = (http.client.RemoteDisconnected, http.client.IncompleteRead, ConnectionError, ssl.SSLError, TimeoutError)


class ServiceTestCase(unittest.TestCase):
    tls = False
    options = ()

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="lab-test-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.stand = Stand(self.directory + "/state", *self.options, tls=self.tls)
        self.addCleanup(lambda: self.stand.process.poll() is None and self.stand.stop(kill=True))

    def publish(self, box=None, **options):
        uid, study, content = source.new_manifest(PATIENT)
        with contextlib.closing(box or self.stand.box()) as used:
            return used.publish(content, PATIENT, uid, study=study, **options), uid

    def published(self):
        return {d["uniqueId"]: d for d in self.stand.lab("documents")}


class TLSTests(ServiceTestCase):
    tls = True

    def test_clients_need_a_certificate_of_their_structure(self):
        answer, uid = self.publish()
        self.assertTrue(answer.is_success, answer.fault)
        self.assertIn("OU=1750803447", self.stand.lab("submissions")[0]["client"])
        for client in (None, "auth-cli-foreign", "auth-cli-expired"):
            with self.subTest(client), self.assertRaises(LOST):
                self.publish(self.stand.box(client))
        answer, _ = self.publish(self.stand.box("auth-cli-1300017985"))
        self.assertEqual(answer.fault[0], "soap:Senderwsse:FailedAuthentication")
        answer, other = self.publish(self.stand.box("auth-cli-1300017985", "sign-1300017985"))
        self.assertTrue(answer.is_success, answer.fault)
        self.assertEqual({u for u, d in self.published().items() if not d["signature"]}, {uid, other})

    def test_old_protocols_are_refused(self):
        ca = certificates()
        for newest, good in ((ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_1, False)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                context = source.client_context(ca / "ca.pem", ca / "auth-cli.pem", ca / "auth-cli.key")
                context.set_ciphers("ALL:@SECLEVEL=0")
                context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, newest
            with socket.create_connection(("127.0.0.1", self.stand.port)) as plain:
                if good:
                    context.wrap_socket(plain, server_hostname="localhost").close()
                    continue
                with self.assertRaises(ssl.SSLError) as caught:
                    context.wrap_socket(plain, server_hostname="localhost")
                self.assertNotEqual(caught.exception.reason, "NO_PROTOCOLS_AVAILABLE")  # the client's own refusal


class FaultTests(ServiceTestCase):
    def test_each_kind(self):
        # kind, what the client sees, whether the submission is stored
        cases = [("http-503", 503, False), ("soap-fault", "soap:Receiver", False), ("soap-fault:Sender", "soap:Sender", False),
                 ("registry-error:XDSRepositoryBusy", ["XDSRepositoryBusy"], False), ("garbage", ValueError, False),
                 ("close-before", LOST, False), ("close-after-commit", LOST, True), ("truncate", LOST, True),
                 ("timeout:0.3", LOST, False), ("timeout-after-commit:0.3", LOST, True), ("slow:0.3", [], True)]
        for kind, seen, stored in cases:
            with self.subTest(kind):
                self.stand.lab("faults", {"action": "publish", "kind": kind})
                uid, study, content = source.new_manifest(PATIENT)
                with contextlib.closing(self.stand.box(timeout=10)) as box:
                    content_type, package = box.package(content, PATIENT, uid, study=study)
                    start = time.monotonic()
                    self.see(box, content_type, package, seen)
                    if "0.3" in kind:
                        self.assertGreaterEqual(time.monotonic() - start, 0.3)
                self.assertEqual(uid in self.published(), stored)
                with contextlib.closing(self.stand.box()) as box:
                    self.assertEqual(box.find_uuid(PATIENT, uid) is not None, stored)
        self.assertTrue(self.publish()[0].is_success)

    def see(self, box, content_type, package, seen):
        if seen is LOST:
            with self.assertRaises(LOST):
                box.post("publish", content_type, package)
            return
        box.connection.request("POST", SERVICES + "repository", package, {"Content-Type": content_type})
        answer = box.connection.getresponse()
        content = answer.read()
        if isinstance(seen, int):
            self.assertEqual((answer.status, answer.headers["Retry-After"]), (seen, "1"))
        elif seen is ValueError:
            self.assertEqual(answer.status, 200)
            self.assertNotIn(b"Envelope", content)
        else:
            response = source.Response(answer.status, answer.headers["Content-Type"], content)
            found = response.fault[0] if isinstance(seen, str) else response.codes
            self.assertEqual(found, seen)

    def test_rules_count(self):
        self.stand.lab("faults", [{"action": "publish", "kind": "http-503", "nth": 2, "times": 2, "every": 2},
                                  {"action": "query", "kind": "http-500", "times": 0}])
        outcomes = []
        for _ in range(7):
            try:
                outcomes.append(self.publish()[0].is_success)
            except NotXML:
                outcomes.append(None)
        self.assertEqual(outcomes, [True, None, True, None, True, True, True])
        self.assertEqual([r["fired"] for r in self.stand.lab("faults")], [2, 0])
        self.assertEqual(self.stand.lab("faults", method="DELETE"), [])

    def test_a_rule_for_one_document(self):
        uid, study, content = source.new_manifest(PATIENT)
        self.stand.lab("faults", {"contains": uid, "kind": "registry-error:XDSRegistryBusy", "times": 0})
        with contextlib.closing(self.stand.box()) as box:
            self.assertEqual(box.publish(content, PATIENT, uid, study=study).codes, ["XDSRegistryBusy"])
            self.assertTrue(self.publish()[0].is_success)

    def test_wrong_rules(self):
        for rule in ({"kind": "explode"}, {"kind": "http-503", "action": "x"}, {"kind": "slow"}, {"kind": "garbage", "nth": 0},
                     {"kind": "garbage", "when": "now"}, {}):
            with self.subTest(rule), self.assertRaises(urllib.error.HTTPError):
                self.stand.lab("faults", rule)

    def test_rules_from_a_file(self):
        path = self.directory + "/faults.json"
        with open(path, "w") as file:
            json.dump([{"action": "publish", "kind": "registry-error:XDSRegistryBusy"}], file)
        self.stand.stop()
        self.stand = Stand(self.directory + "/state", "--faults", path, tls=False)
        self.assertEqual([self.publish()[0].codes for _ in range(2)], [["XDSRegistryBusy"], []])

    def test_outage(self):
        for kind, seen in (("close", LOST), ("http-503", NotXML)):
            self.assertEqual(self.stand.lab("outage", {"on": True, "kind": kind}), {"on": True, "kind": kind})
            with self.assertRaises(seen):
                self.publish()
            self.stand.lab("outage", {"on": False})
            self.assertTrue(self.publish()[0].is_success)
        self.assertEqual(self.stand.lab("statistics")["requests"]["publish"], {"success": 2})


class DurabilityTests(ServiceTestCase):
    def test_a_kill_loses_nothing_that_was_answered(self):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            def endless(_):
                accepted = []
                try:
                    while True:
                        answer, uid = self.publish()
                        accepted.append(uid)
                        self.assertTrue(answer.is_success)
                except LOST:
                    return accepted
            workers = [pool.submit(endless, n) for n in range(4)]
            time.sleep(2)
            self.stand.stop(kill=True)
            accepted = {uid for worker in workers for uid in worker.result()}
        self.assertGreater(len(accepted), 4)
        self.stand = Stand(self.directory + "/state", tls=False)
        documents = self.published()
        self.assertLessEqual(accepted, documents.keys())
        for uid in accepted:
            content = self.stand.lab("documents/%s/content" % uid)
            self.assertEqual(len(content), documents[uid]["size"])
        self.assertTrue(self.publish()[0].is_success)

    def test_what_was_used_stays_used(self):
        uid, study, content = source.new_manifest(PATIENT)
        message_id = "urn:uuid:00000000-0000-4000-8000-000000000001"
        with contextlib.closing(self.stand.box()) as box:
            self.assertTrue(box.publish(content, PATIENT, uid, study=study, message_id=message_id).is_success)
        self.assertEqual(self.stand.stop(), 0)
        self.stand = Stand(self.directory + "/state", tls=False)
        with contextlib.closing(self.stand.box()) as box:
            self.assertEqual(box.publish(content, PATIENT, uid, study=study).codes, ["XDSDuplicateUniqueIdInRegistry"])
            answer, _ = self.publish(box, message_id=message_id)
            self.assertIn("MessageID", answer.fault[1])

    def test_accepted_submissions_are_kept_as_they_came(self):
        uid, study, content = source.new_manifest(PATIENT)
        with contextlib.closing(self.stand.box()) as box:
            content_type, package = box.package(content, PATIENT, uid, study=study)
            self.assertTrue(box.post("publish", content_type, package).is_success)
        submission, = self.stand.lab("submissions")
        with open(os.path.join(self.stand.state, submission["file"]), "rb") as file:
            head, _, body = file.read().partition(b"\r\n\r\n")
        self.assertIn(content_type.encode(), head)
        self.assertEqual(body, package)
        with open(os.path.join(self.stand.state, self.published()[uid]["file"]), "rb") as file:
            self.assertEqual(file.read(), content)
        self.assertEqual(submission["vihf"]["attributes"]["Identifiant_Structure"], "1750803447")


class ResourceTests(ServiceTestCase):
    def test_documents_tell_what_happened(self):
        _, uid = self.publish(visibility=("INVISIBLE_PATIENT",), accession="ACN7")
        document = self.published()[uid]
        self.assertEqual((document["status"], document["confidentialityCodes"]), ("Approved", ["N", "INVISIBLE_PATIENT"]))
        self.assertEqual(document["referenceIds"][0],
                         "ACN7^^^&1.2.250.1.213.4.5.2.5&ISO^urn:ihe:iti:xds:2013:accession")
        with contextlib.closing(self.stand.box()) as box:
            self.assertTrue(box.delete(PATIENT, document["entryUUID"]).is_success)
        self.assertEqual(self.published()[uid]["status"], "Deleted")
        statistics = self.stand.lab("statistics")
        self.assertEqual(statistics["documents"], {"Approved": 1, "Deleted": 1})
        self.assertEqual(statistics["requests"], {"publish": {"success": 1}, "update": {"success": 1}})
        self.assertEqual([r["action"] for r in self.stand.lab("requests")], ["publish", "update"])

    def test_patients(self):
        self.stand.lab("patients", {"patientId": OTHER_PATIENT, "exists": False})
        with contextlib.closing(self.stand.box()) as box:
            answer = box.call("existence", xml.test_existence(OTHER_PATIENT), OTHER_PATIENT)
        self.assertIn(b'queryResponseCode code="NF"', answer.content)

    def test_what_is_not_there(self):
        for path in ("documents/1.2.3/content", "other"):
            with self.assertRaises(urllib.error.HTTPError):
                self.stand.lab(path)


class LoadTests(ServiceTestCase):
    CONNECTIONS = 2000

    def test_thousands_of_connections(self):
        """Idle ones, and some in the middle of a request, do not keep others from being served."""
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        with contextlib.ExitStack() as stack:
            for number in range(self.CONNECTIONS):
                connection = stack.enter_context(socket.create_connection(("127.0.0.1", self.stand.port)))
                if number % 4 == 0:
                    connection.sendall(b"POST %srepository HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc" % SERVICES.encode())
            for _ in range(5):
                self.assertTrue(self.publish()[0].is_success)
            self.assertGreaterEqual(self.stand.lab("statistics")["connections"]["open"], self.CONNECTIONS)
        self.assertTrue(self.publish()[0].is_success)

    def test_bodies_in_chunks_and_bad_requests(self):
        uid, study, content = source.new_manifest(PATIENT)
        with contextlib.closing(self.stand.box()) as box:
            content_type, package = box.package(content, PATIENT, uid, study=study)
            pieces = [package[i:i + 1000] for i in range(0, len(package), 1000)]
            box.connection.request("POST", SERVICES + "repository", iter(pieces), {"Content-Type": content_type},
                                   encode_chunked=True)
            self.assertEqual(box.connection.getresponse().status, 200)
        self.assertIn(uid, self.published())
        for request, status in ((b"nonsense\r\n\r\n", b"400"), (b"GET /x HTTP/1.1\r\n\r\n", b"404"),
                                (b"GET %sregistry HTTP/1.1\r\n\r\n" % SERVICES.encode(), b"405"),
                                (b"POST /x HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n", b"413"),
                                (b"GET /x HTTP/1.1\r\nX: " + b"y" * 70000 + b"\r\n\r\n", b"431")):
            with self.subTest(request[:40]), socket.create_connection(("127.0.0.1", self.stand.port)) as connection:
                connection.sendall(request)
                self.assertEqual(connection.recv(12), b"HTTP/1.1 " + status)

    def test_many_publications(self):
        box_signer = signer()
        seconds, good, errors = source.publish_many(lambda: source.Box(self.stand.url, box_signer), 200, 8, PATIENT)
        self.assertEqual((good, errors), (200, []))
        self.assertEqual(self.stand.lab("statistics")["submissions"], 200)
        self.assertLess(seconds, 60)
