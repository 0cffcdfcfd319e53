# SPDX-License-Identifier: Apache-2.0
"""Messages and reports that the lab makes, and how it sends them."""
import base64
import contextlib
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest

from lxml import etree

from lab import cda, hl7v2, mllp
from selftest.support import PROGRAM, certificates, command, sample

V3 = {"v3": "urn:hl7-org:v3", "ps3": "urn:dicom-org:ps3-20"}


def report(**values):
    values.setdefault("acts", [cda.Act("1.2.250.1.213.4.5.2.1.101")])
    return cda.Report(**values)


class ReportTests(unittest.TestCase):
    def check_schema(self, content):
        schema = sample("schemas/cda/CDA_extended.xsd")
        command("xmllint")
        with tempfile.NamedTemporaryFile(suffix=".xml") as file:
            file.write(content)
            file.flush()
            done = subprocess.run(["xmllint", "--nonet", "--noout", "--schema", str(schema), file.name],
                                  capture_output=True, text=True)
        return done.returncode == 0, done.stderr

    def test_reports_are_valid(self):
        several = [cda.Act("1.2.3.1"), cda.Act("1.2.3.2", modality="MR", region="69536005", ccam="")]
        for made in (report(), report(parent_id="1.2.3", version=2), report(acts=several), report(document_id="1.2.3^A&7"),
                     report(sex="U", birth_name="L'<ÉTOILE> & C\"", pdf_bytes=200000)):
            good, words = self.check_schema(cda.document(made))
            self.assertTrue(good, words)

    def test_the_schema_would_object(self):
        self.assertFalse(self.check_schema(cda.document(report()).replace(b"<recordTarget>", b"<x/><recordTarget>"))[0])

    def test_what_the_box_reads(self):
        root = etree.fromstring(cda.document(report(
            document_id="1.2.3", parent_id="1.2.2", version=2, accession="ACN7",
            acts=[cda.Act("1.2.9.1"), cda.Act("1.2.9.2")])))

        def one(path):
            found, = root.xpath(path, namespaces=V3)
            return str(found)
        patient = "v3:recordTarget/v3:patientRole"
        expected = {"v3:id/@root": "1.2.3", "v3:versionNumber/@value": "2", "//v3:parentDocument/v3:id/@root": "1.2.2",
                    patient + "/v3:id[1]/@extension": "279035121518989", patient + "/v3:id[2]/@extension": "IPP101",
                    patient + "//v3:family[@qualifier='BR']/text()": "PAT-TROIS", patient + "//v3:county/text()": "63220",
                    "//ps3:accessionNumber/@extension": "ACN7", "//v3:order/v3:id/@extension": "OPN101",
                    "//v3:legalAuthenticator//v3:representedOrganization/v3:id/@extension": "1750803447"}
        for path, value in expected.items():
            self.assertEqual(one(path), value, path)
        self.assertEqual(root.xpath("//v3:serviceEvent/v3:id/@root", namespaces=V3), ["1.2.9.1", "1.2.9.2"])
        document = base64.b64decode(root.xpath("//v3:nonXMLBody/v3:text/text()", namespaces=V3)[0])
        self.assertEqual(document, cda.pdf(2000, "1.2.3"))

    def test_a_PDF_has_its_size_and_its_table(self):
        for size in (700, 1000, 1001, 1009, 1010, 99999, 1 << 20):
            content = cda.pdf(size, "x")
            self.assertEqual(len(content), size)
            start = int(content[content.rindex(b"startxref"):].split()[1])
            self.assertTrue(content[start:].startswith(b"xref\n0 5\n"))
            for number, offset in enumerate(re.findall(rb"(\d{10}) 00000 n", content), 1):
                self.assertTrue(content[int(offset):].startswith(b"%d 0 obj" % number))
            length, = re.findall(rb"/Length (\d+)", content)
            stream = content[content.index(b"stream\n") + 7:content.index(b"\nendstream")]
            self.assertEqual(len(stream), int(length))
        self.assertNotEqual(cda.pdf(1000, "x"), cda.pdf(1000, "y"))


class MessageTests(unittest.TestCase):
    def parsed(self, content, encoding="utf-8"):
        try:
            import hl7
        except ImportError:
            raise unittest.SkipTest("needs the package hl7") from None
        return hl7.parse(content.decode(encoding))

    def test_documents(self):
        for kind, version, trigger, event in (("ORU", "2.5", "R01", "new"), ("ORU", "2.5", "R01", "replace"),
                                              ("ORU", "2.5", "R01", "delete"), ("MDM", "2.6", "T02", "new"),
                                              ("MDM", "2.6", "T10", "replace"), ("MDM", "2.6", "T04", "delete")):
            with self.subTest(kind, event=event):
                made = report(document_id="1.2.3", parent_id="1.2.2" if event == "replace" else "")
                message = self.parsed(hl7v2.build(made, hl7v2.Message(kind, event, "C1", flags={"INVISIBLE_PATIENT": "Y"})))
                order, status, _ = hl7v2.EVENTS[event]
                self.assertEqual((str(message["MSH.F9.R1.C1"]), str(message["MSH.F9.R1.C2"])), (kind, trigger))
                self.assertEqual((str(message["MSH.F12"]), str(message["MSH.F10"])), (version, "C1"))
                self.assertEqual(str(message["ORC.F1"]), order)
                observations = message.segments("OBX")
                self.assertEqual(str(observations[0][11]), status)
                self.assertEqual(base64.b64decode(str(observations[0][5][0][4])), cda.document(made))
                flags = {str(o[3][0][0]): str(o[5][0][0]) for o in observations[1:]}
                self.assertEqual((list(flags), flags["INVISIBLE_PATIENT"], flags["DESTDMP"]), (list(hl7v2.FLAGS), "Y", "Y"))
                self.assertEqual([str(r[4]) for r in message["PID"][0][3]], ["INS", "PI"])
                self.assertEqual(str(message["PRT.F8.R1.C10"]), "750803447")
                if kind == "MDM":
                    self.assertEqual(str(message["TXA.F12"]), "1.2.3")
                    self.assertEqual(str(message["TXA"][0](13)) if event == "replace" else "", made.parent_id)

    def test_segments_stand_where_the_standard_has_them(self):
        try:
            from hl7apy.parser import parse_message
            from hl7apy.consts import VALIDATION_LEVEL
        except ImportError:
            raise unittest.SkipTest("needs the package hl7apy") from None
        for kind in ("ORU", "MDM"):
            # PRT is of version 2.9 and unknown to both versions.
            message = hl7v2.Message(kind, overrides=["PRT-"])
            parsed = parse_message(hl7v2.build(report(), message).decode(), VALIDATION_LEVEL.TOLERANT, find_groups=True)
            self.assertEqual(parsed.msh.msh_10.value, "LAB1")
            groups = {g.name.split("_", 2)[-1] for g in parsed.children}
            self.assertLessEqual({"PATIENT_RESULT"} if kind == "ORU" else {"COMMON_ORDER", "OBSERVATION"}, groups)
            self.assertEqual(hl7v2.build(report(), message).decode().rstrip("\r"), parsed.to_er7().rstrip("\r"))

    def test_orders(self):
        acts = [cda.Act("1.2.9.1"), cda.Act("1.2.9.2", modality="MR")]
        for event, order, status in (("delete", "CA", ""), ("replace", "NW", "SC")):
            message = self.parsed(hl7v2.build(report(acts=acts), hl7v2.Message("OMI", event)))
            kind = [str(message["MSH.F9.R1.C%d" % n]) for n in (1, 2, 3)]
            self.assertEqual((kind, str(message["MSH.F12"])), (["OMI", "O23", "OMI_O23"], "2.5.1"))
            found = message["ORC"][0]
            self.assertEqual((str(found[1]), str(found[5]) if len(found) > 5 else ""), (order, status))
            self.assertEqual([(str(s[1]), str(s[3]), str(s[5]), str(s[9])) for s in message["IPC"]],
                             [("ACN101", "1.2.9.1", "CT", "PACS"), ("ACN101", "1.2.9.2", "MR", "PACS")])

    def test_delimiters_in_values_are_escaped(self):
        name = "A|B^C&D~E\\F"
        line = next(s for s in hl7v2.build(report(birth_name=name), hl7v2.Message()).decode().split("\r")
                    if s.startswith("PID"))
        self.assertEqual(line.split("|")[5].split("^")[0], "A\\F\\B\\S\\C\\T\\D\\R\\E\\E\\F")

    def test_charsets_and_separators(self):
        for charset, declared, encoding in (("UTF-8", "UNICODE UTF-8", "utf-8"), ("8859/15", "8859/15", "iso8859-15")):
            for separator, end in (("CR", b"\r"), ("LF", b"\n"), ("CRLF", b"\r\n")):
                content = hl7v2.build(report(structure_name="Cœur 5 €"),
                                      hl7v2.Message(charset=charset, separator=separator))
                lines = content.split(end)
                self.assertEqual((lines[-1], lines[0].split(b"|")[17]), (b"", declared.encode()))
                self.assertIn("Cœur 5 €".encode(encoding), content)
                self.assertTrue(all(re.match(rb"[A-Z]\w\w\|[^\r\n]*$", line) for line in lines[:-1]))

    def test_overrides(self):
        message = hl7v2.Message(overrides=["OBX-11=D", "OBX[2]-5=Y", "PID-3=x^y", "PV1-"])
        lines = hl7v2.build(report(), message).decode().split("\r")
        first, second = [line.split("|") for line in lines if line.startswith("OBX")][:2]
        self.assertEqual((first[11], second[5]), ("D", "Y"))
        self.assertIn("x^y", next(x for x in lines if x.startswith("PID")))
        self.assertFalse([x for x in lines if x.startswith("PV1")])
        for wrong in ("OBX-x=1", "ZZZ-1=1", "OBX[99]-1=1"):
            with self.subTest(wrong), self.assertRaises(ValueError):
                hl7v2.build(report(), hl7v2.Message(overrides=[wrong]))


class Receiver:
    """Answers each message with the acknowledgement that `answer(message)` makes."""

    def __init__(self, answer, tls=None):
        self.answer, self.tls, self.messages = answer, tls, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
                if self.tls:
                    connection = self.tls.wrap_socket(connection, server_side=True)
                with connection:
                    self.converse(connection)
            except OSError:
                if self.listener.fileno() < 0:
                    return

    def converse(self, connection):
        received = b""
        while True:
            more = connection.recv(65536)
            if not more:
                return
            received += more
            while mllp.END in received:
                frame, _, received = received.partition(mllp.END)
                self.messages.append(frame[1:])
                reply = self.answer(frame[1:])
                if reply is None:
                    return
                connection.sendall(reply)

    def close(self):
        self.listener.close()


def acknowledge(code):
    return lambda message: b"\x0bMSH|^~\\&|||||||ACK|1|P|2.5\rMSA|%s|%s\r\x1c\r" % (
        code, mllp.control_id(message).encode())


class SendTests(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="lab-test-"))
        self.addCleanup(shutil.rmtree, self.directory)

    def run_lab(self, *arguments):
        return subprocess.run([*PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=60)

    def make(self, *arguments):
        done = self.run_lab("ris", "make", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)

    def send(self, answer, *options, tls=None):
        path = self.directory / "message.hl7"
        self.make("--out", path, "--control-id", "C1")
        with contextlib.closing(Receiver(answer, tls)) as receiver:
            done = self.run_lab("ris", "send", "--to", "127.0.0.1:%d" % receiver.port, "--timeout", "5", *options, path)
        self.assertEqual(receiver.messages, [path.read_bytes()] if receiver.messages else [])
        return done

    def test_the_status_is_the_acknowledgement(self):
        for answer, status, words in ((acknowledge(b"AA"), 0, "MSA|AA|C1"), (acknowledge(b"AE"), 1, "MSA|AE|C1"),
                                      (acknowledge(b"AR"), 1, "MSA|AR|C1"), (lambda message: None, 2, ""),
                                      (lambda message: b"\x0bMSH|\rMSA|AA|C2\r\x1c\r", 1, "MSA|AA|C2"),
                                      (lambda message: b"MSA|AA|C1\r\x1c\r", 2, "")):
            done = self.send(answer)
            self.assertEqual(done.returncode, status, done.stderr)
            self.assertIn(words, done.stdout)

    def test_TLS(self):
        ca = certificates()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(ca / "server.pem", ca / "server.key")
        context.load_verify_locations(ca / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        client = ("--tls", "--ca", ca / "ca.pem", "--certificate", ca / "auth-cli.pem", "--key", ca / "auth-cli.key")
        self.assertEqual(self.send(acknowledge(b"AA"), *client, tls=context).returncode, 0)
        self.assertEqual(self.send(acknowledge(b"AA"), *client[:3], tls=context).returncode, 2)
        self.assertEqual(self.send(acknowledge(b"AA"), "--tls", tls=context).returncode, 2)

    def test_many_messages(self):
        self.make("--out", self.directory, "--count", 3, "--type", "MDM", "--study", "1.2.9", "--study", "1.2.8,modality=MR")
        contents = [p.read_bytes() for p in sorted(self.directory.glob("*.hl7"))]
        reports = [etree.fromstring(base64.b64decode(re.search(rb"Base64\^([^|\r]*)", c).group(1))) for c in contents]
        self.assertEqual([r.xpath("//v3:serviceEvent/v3:id/@root", namespaces=V3) for r in reports],
                         [["1.2.9.%d" % n, "1.2.8.%d" % n] for n in (1, 2, 3)])
        self.assertEqual([r.xpath("string(//ps3:accessionNumber/@extension)", namespaces=V3) for r in reports],
                         ["ACN1011", "ACN1012", "ACN1013"])
        self.assertEqual(len({mllp.control_id(c) for c in contents}), 3)

    def test_wrong_options(self):
        for arguments in (["--flag", "SECRET=Y"], ["--event", "replace"], ["--set", "ZZZ-1=1"], ["--study", "1.2,colour=x"]):
            self.assertNotEqual(self.run_lab("ris", "make", *arguments).returncode, 0)
