# SPDX-License-Identifier: Apache-2.0
"""What the self tests share: certificates, a stand-in in this process or in one of its own, samples."""
import atexit
import functools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

from lab import authority, source, source_metadata
from lab.dmp import DMP, Options
from lab.http_server import Request
from lab.names import ACTIONS, SERVICES
from lab.xml_signature import TrustStore

HERE = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = [sys.executable, str(HERE / "drimbox-lab")]
SAMPLES = pathlib.Path(os.environ.get("DRIMBOX_SAMPLES", HERE.parent.parent / "../shared/data"))
PATIENT = source_metadata.patient_id()
OTHER_PATIENT = source_metadata.patient_id("162018885045327")
STRUCTURES = [("1750803447", "Centre de radiologie Ambroise"), ("1300017985", "CABINET B")]


def sample(path):
    """The path of a sample; the test is skipped where there is none."""
    if not (SAMPLES / path).exists():
        raise unittest.SkipTest("needs the samples (DRIMBOX_SAMPLES)")
    return SAMPLES / path


def command(name):
    if shutil.which(name) is None:
        raise unittest.SkipTest("needs the command " + name)
    return name


@functools.lru_cache(maxsize=None)
def certificates():
    """A directory of certificates, with bad ones, made once."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="lab-test-ca-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    authority.make(directory, STRUCTURES, ("localhost", "127.0.0.1"), bad=True)
    return directory


def signer(name="sign", algorithm="sha1"):
    return source_metadata.Signer(certificates() / (name + ".pem"), certificates() / (name + ".key"), algorithm)


class LocalBox(source.Box):
    """A publishing box that hands its requests to a DMP in this process."""

    def __init__(self, dmp, box_signer=None, fault_of=lambda action, content: None):
        super().__init__("http://dmp.lab", box_signer or signer())
        self.dmp, self.fault_of, self.last = dmp, fault_of, None

    def post(self, name, content_type, content, path=None):
        service = SERVICES + ACTIONS[source.ACTION_OF[name]][0]
        request = Request("POST", path or service, {"content-type": content_type}, content, None)
        self.last = self.dmp.answer(request, self.fault_of)
        return source.Response(self.last.status, self.last.content_type, self.last.body)


class DMPTestCase(unittest.TestCase):
    """Each test has a DMP of its own; `options` of the class say how strict."""
    options = {}

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="lab-test-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.dmp = self.make(**self.options)
        self.box = LocalBox(self.dmp)

    def make(self, directory=None, **options):
        options.setdefault("trust", TrustStore((certificates() / "ca.pem").read_bytes()))
        dmp = DMP(directory or tempfile.mkdtemp(dir=self.directory), Options(**options))
        self.addCleanup(dmp.registry.close)
        return dmp

    def publish(self, box=None, patient=PATIENT, accession="ACN101", **options):
        """(answer, uniqueId, study, bytes)"""
        uid, study, content = source.new_manifest(patient, accession, options.pop("study", None))
        answer = (box or self.box).publish(content, patient, uid, accession=accession, study=study, **options)
        return answer, uid, study, content

    def assertSuccess(self, answer):
        self.assertTrue(answer.is_success, (answer.http_status, answer.errors, answer.fault))

    def status_of(self, uid):
        rows = self.dmp.registry.rows("SELECT * FROM entries WHERE unique_id = ?", uid)
        return rows[0]["status"].rpartition(":")[2] if rows else None


class Stand:
    """`drimbox-lab dmp` in a process of its own, with mutual TLS unless `tls` is False."""

    def __init__(self, state, *options, tls=True):
        self.state, self.tls = state, tls
        ca = certificates()
        port_file = os.path.join(state, "port")
        os.makedirs(state, exist_ok=True)
        if os.path.exists(port_file):
            os.unlink(port_file)
        arguments = ["dmp", "--state", state, "--port-file", port_file, "--control", "127.0.0.1:0",
                     "--sign-ca", str(ca / "ca.pem"), *options]
        if tls:
            arguments += ["--tls-certificate", str(ca / "server.pem"), "--tls-key", str(ca / "server.key"),
                          "--client-ca", str(ca / "ca.pem")]
        self.process = subprocess.Popen(PROGRAM + arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        end = time.monotonic() + 30
        while not os.path.exists(port_file):
            if self.process.poll() is not None or time.monotonic() > end:
                self.process.kill()
                raise RuntimeError("the stand-in did not start")
            time.sleep(0.02)
        with open(port_file) as file:
            self.port, self.control = (int(line) for line in file)
        self.url = "%s://localhost:%d" % ("https" if tls else "http", self.port)

    def box(self, client="auth-cli", sign="sign", timeout=30):
        ca = certificates()
        tls = source.client_context(ca / "ca.pem", *((ca / (client + s) for s in (".pem", ".key")) if client else ()))
        return source.Box(self.url, signer(sign), tls, timeout)

    def lab(self, path, value=None, method=None):
        """GET, or POST of a JSON value, of a /lab/ resource."""
        data = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request("http://127.0.0.1:%d/lab/%s" % (self.control, path), data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            content = answer.read()
        return json.loads(content) if answer.headers.get("Content-Type") == "application/json" else content

    def stop(self, kill=False):
        (self.process.kill if kill else self.process.terminate)()
        return self.process.wait(30)
