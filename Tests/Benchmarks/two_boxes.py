# SPDX-License-Identifier: Apache-2.0
"""Two boxes with all that is around them, and what lies between: for benchmarks of a doctor at one who opens exams of the other.

Two release gateways with mutual TLS, two Orthanc, the record and Pro Sante Connect of Tests/Lab.
"""
import contextlib
import http.cookiejar
import json
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import bad_link

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LAB, SUPPORT = ROOT / "Tests/Lab/drimbox-lab", ROOT / "Tests/Support"
PATIENT = "279035121518989^^^&1.2.250.1.213.1.4.10&ISO^NH"
CALL = {
    "Patient.identifier.value": "279035121518989", "Patient.identifier.system": "1.2.250.1.213.1.4.10",
    "Patient.name.family": "PAT-TROIS", "Patient.name.given": "DOMINIQUE", "Patient.gender": "F",
    "Patient.birthDate": "1979-03-28", "Address.district": "63220", "InformationEtConsentement": "true",
    "PatientID": "B-4711", "PatientIDIssuer": "COLLINE",
}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def fetch(url, data=None, seconds=600):
    body = data if isinstance(data, (bytes, type(None))) else json.dumps(data).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body), timeout=seconds) as answer:
        return answer.read()


def until(condition, what, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError, ValueError):
            if found := condition():
                return found
        time.sleep(0.05)
    raise SystemExit("%s: not within %d s" % (what, seconds))


class Loopback:
    """Both sides are this machine; between the boxes is a proxy."""

    addresses = {"a": "127.0.0.1", "b": "127.0.0.1"}
    inside = staticmethod(lambda side: contextlib.nullcontext())


class Link:
    """Each side is a network namespace."""

    def __init__(self, congestion, window):
        options = ["--congestion", congestion]
        if window:
            options += ["--receive-window", str(window), "--send-window", str(window)]
        self.process = subprocess.Popen([sys.executable, SUPPORT / "bad_link.py", *options], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.sides = json.loads(self.process.stdout.readline())
        self.addresses = {side: self.sides[side]["address"] for side in ("a", "b")}

    def inside(self, side):
        return bad_link.inside(self.sides[side]["namespace"])

    def set(self, **values):
        """What was carried since the last time."""
        print(json.dumps(values), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())


class Lab:
    """Everything around the boxes, and the boxes."""

    def __init__(self, work, binaries, children, place):
        self.work, self.bin, self.children, self.place = work, binaries, children, place
        self.far = place.addresses["b"]
        self.ca = work / "ca"
        self.pages = "https://localhost:%d" % free_port()
        self.lab("ca", "make", self.ca, "--host", "db1.lab.test", "--host", "localhost", "--host", self.far,
                 "--structure", "1750803447=Ambroise", "--structure", "1300017985=Colline")
        tls = ("--tls-certificate", self.ca / "server.pem", "--tls-key", self.ca / "server.key",
               "--client-ca", self.ca / "ca.pem")
        self.start("dmp", LAB, "dmp", "--listen", self.far + ":0", "--control", "127.0.0.1:0", "--state", work / "dmp",
                   "--port-file", work / "dmp.ports", *tls)
        self.start("psc", LAB, "psc", "--listen", self.far + ":0", "--control", "127.0.0.1:0", "--client", "box-a",
                   "--client", "box-b", "--redirect-uri", self.pages + "/consumer/signed-in",
                   "--port-file", work / "psc.ports", *tls)
        self.record, self.control = self.ports("dmp.ports")
        self.provider = self.ports("psc.ports")[0]
        self.lab("whitelist", "make", self.ca, "--out", work / "list.xml", "--box",
                 "db1.lab.test,vi1.lab.test,CN=DRIMbox,OU=1300017985,O=Colline,ST=Paris (75),C=FR")
        self.dicom = {name: free_port() for name in ("box-a", "box-b", "archive-a", "archive-b")}
        self.web = {name: free_port() for name in self.dicom}
        self.hl7 = free_port()
        with place.inside("a"):
            self.archive("archive-a", "PACSA", {"box": ["BOXA", "127.0.0.1", self.dicom["box-a"]],
                                                "b": ["PACSB", self.far, self.dicom["archive-b"]]})
        self.archive("archive-b", "PACSB", {})

    def lab(self, *arguments):
        return subprocess.run([LAB, *map(str, arguments)], check=True, capture_output=True, text=True).stdout

    def start(self, name, *command):
        log = open(self.work / (name + ".log"), "ab")
        child = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.children.append(child)
        return child

    def ports(self, name):
        return until(lambda: [int(n) for n in (self.work / name).read_text().split()], name)

    def archive(self, name, title, peers):
        folder = self.work / name
        folder.mkdir()
        (self.work / (name + ".json")).write_text(json.dumps({
            "StorageDirectory": str(folder), "IndexDirectory": str(folder), "Plugins": [], "DicomAet": title,
            "DicomPort": self.dicom[name], "HttpPort": self.web[name], "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False, "DicomAlwaysAllowStore": True, "DicomModalities": peers}))
        self.start(name, "Orthanc", self.work / (name + ".json"))
        until(lambda: fetch("http://127.0.0.1:%d/system" % self.web[name]), name)

    def gateway(self, name, title, peer, web, structure, suffix, more, prefix=()):
        def pair(file):
            return {"certificate": str(self.ca / (file + ".pem")), "privateKey": str(self.ca / (file + ".key"))}
        document = {
            "site": name, "dataDirectory": str(self.work / name),
            "spool": {"capacityBytes": 4 << 30, "segmentBytes": 64 << 20},
            "dicom": {"aeTitle": title, "listen": ["127.0.0.1:%d" % self.dicom[name]], "peers": [peer]},
            "web": {"listen": ["%s:%d" % (self.place.addresses["a"] if name == "box-a" else "127.0.0.1", self.web[name])],
                    **web},
            "dmp": {"services": "https://%s:%d/si-dmp-server/v2/services" % (self.far, self.record),
                    "authorities": str(self.ca / "ca.pem"), "sourceIdentifier": "1.2.250.1.999.1",
                    "software": {"identifier": "LPS", "name": "DRIMbox", "homologation": "H"},
                    "structures": [{"identifiers": [structure], "name": name,
                                    "authentication": pair("auth-cli" + suffix), "signature": pair("sign" + suffix)}]},
            "proSanteConnect": {"issuer": "https://%s:%d/auth/realms/esante-wallet" % (self.far, self.provider),
                                "clientID": name, "authorities": str(self.ca / "ca.pem"),
                                "credentials": pair("auth-cli" + suffix)},
            "whiteList": {"file": str(self.work / "list.xml"), "authorities": str(self.ca / "ca.pem")}, **more(pair)}
        (self.work / name).mkdir(exist_ok=True)
        file = self.work / (name + ".json")
        file.write_text(json.dumps(document))
        log = self.work / (name + ".log")
        log.unlink(missing_ok=True)
        child = self.start(name, *prefix, self.bin / "drimbox-gateway", "--config", file)
        until(lambda: "gateway.ready" in log.read_text() and "white-list.accepted" in log.read_text(), name)
        return child

    def source(self):
        with self.place.inside("a"):
            return self.source_here()

    def source_here(self):
        return self.gateway(
            "box-a", "BOXA",
            {"aeTitle": "PACSA", "host": "127.0.0.1", "port": self.dicom["archive-a"], "roles": ["find", "move"],
             "sends": "pulled"},
            {"tls": {"certificate": str(self.ca / "server.pem"), "privateKey": str(self.ca / "server.key"),
                     "clientAuthorities": str(self.ca / "ca.pem")}, "authorization": "proSanteConnect"},
            "1750803447", "",
            lambda pair: {"hl7": {"listen": ["127.0.0.1:%d" % self.hl7]},
                          "source": {"archive": "PACSA",
                                     "retrieveURL": "https://db1.lab.test:%d/dicomweb" % self.web["box-a"]}})

    def proxy(self):
        """The port of a proxy that knows where the source is."""
        port = free_port()
        self.start("proxy", sys.executable, SUPPORT / "loopback_proxy.py", port)
        return port

    def consumer(self, proxy=None, viewer=None):
        """With the viewer's pages of a directory. Through the proxy; without one the source is where the box's own /etc/hosts says."""
        hosts, prefix = self.work / "hosts", ()
        if not proxy:
            hosts.write_text("127.0.0.1 localhost\n%s db1.lab.test\n" % self.place.addresses["a"])
            prefix = ("unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', hosts)
        return self.gateway(
            "box-b", "BOXB",
            {"aeTitle": "PACSB", "host": "127.0.0.1", "port": self.dicom["archive-b"], "roles": ["store"]},
            {"authorization": "none"}, "1300017985", "-1300017985",
            lambda pair: {"boxes": {**({"proxy": "127.0.0.1:%d" % proxy} if proxy else {}),
                                    "tls": {"authorities": str(self.ca / "ca.pem"), **pair("auth-cli-1300017985")}},
                          "consumer": {"listen": [self.pages.removeprefix("https://")], "tls": pair("server"),
                                       "publicURL": self.pages, "archive": "PACSB",
                                       **({} if proxy else {"allowPrivateAddresses": "benchmark"})},
                          **({"viewer": {"directory": str(viewer)}} if viewer else {})},
            prefix)

    def publish(self, files):
        """The study in the source's archive, its manifest in the record; the archive's names of its instances."""
        with self.place.inside("a"):
            for path in files:
                fetch("http://127.0.0.1:%d/instances" % self.web["archive-a"], path.read_bytes())
            found = fetch("http://127.0.0.1:%d/studies?expand" % self.web["archive-a"])
            instances = json.loads(fetch("http://127.0.0.1:%d/instances" % self.web["archive-a"]))
        study = json.loads(found)[0]
        message = self.work / "new.hl7"
        self.lab("ris", "make", "--type", "ORU", "--event", "new", "--accession", "ACN101", "--ipp", "IPP101",
                 "--study", study["MainDicomTags"]["StudyInstanceUID"] + ",modality=CT",
                 "--document-id", "1.2.250.1.999.5.1", "--out", message)
        with self.place.inside("a"):
            self.lab("ris", "send", "--to", "127.0.0.1:%d" % self.hl7, message)
        documents = "http://127.0.0.1:%d/lab/documents" % self.control
        until(lambda: b"DocumentKOS" in fetch(documents), "the manifest in the record")
        fetch("http://127.0.0.1:%d/lab/patients" % self.control, {"patientId": PATIENT, "authorization": "INEXISTANTE"})
        return instances

    def send_without_boxes(self, instances):
        """Seconds in which the source's archive sends instances to the consumer's."""
        start = time.perf_counter()
        with self.place.inside("a"):
            fetch("http://127.0.0.1:%d/modalities/b/store" % self.web["archive-a"],
                  {"Resources": instances, "Synchronous": True}, 3600)
        return time.perf_counter() - start


class Browser:
    """A doctor at the pages, with a cookie jar; redirections are told, not followed."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    def __init__(self, lab):
        self.lab, self.cookies = lab, http.cookiejar.CookieJar()
        context = ssl.create_default_context(cafile=lab.ca / "ca.pem")
        self.opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=context), self.Stay, urllib.request.HTTPCookieProcessor(self.cookies))

    def find_exam(self):
        """Signs in and asks for the patient's exams; where the images of the first are, and the forms' token."""
        pages = self.lab.pages
        link = self.send(pages + "/api/conso/parameters", CALL)[1]
        back = self.send(self.send(link)[1], {"professional": "899700367909"})[1]
        patient = pages + self.send(back)[1].removeprefix(pages)
        page = self.send(patient)[0]
        token = re.search('name="token" value="([0-9a-f]+)"', page)[1]
        if "/authorisation" in page:
            self.send(patient + "/authorisation", {"token": token, "consent": "yes"})
            page = self.send(patient)[0]
        return pages + re.search('action="([^"]*/images/[0-9]+)"', page)[1], token

    def send(self, url, fields=None):
        body = urllib.parse.urlencode(fields).encode() if fields is not None else None
        try:
            with self.opener.open(url, body, timeout=60) as answer:
                return answer.read().decode(), None
        except urllib.error.HTTPError as error:
            if error.code != 303:
                raise
            return "", error.headers["Location"]


def make_study(folder, count):
    subprocess.run([sys.executable, HERE / "make_jls_study.py", folder, "--instances", str(count)], check=True,
                   stdout=subprocess.DEVNULL)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for first in range(0, len(files), 200):
        subprocess.run(["dcmodify", "-q", "-nb", "-i", "(0008,0050)=ACN101", "-i", "(0010,0020)=IPP101",
                        *files[first:first + 200]], check=True)
    print("%d instances, %.1f MB" % (len(files), sum(path.stat().st_size for path in files) / 1e6))
    return files


@contextlib.contextmanager
def processes():
    """A list of children that end with the block."""
    children = []
    try:
        yield children
    finally:
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
        for child in children:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(10)
            child.kill()
