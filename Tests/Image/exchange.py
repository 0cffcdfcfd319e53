# SPDX-License-Identifier: Apache-2.0
"""Two hospitals, each with its box, its archive and its network, and what lies between them: the national record, Pro Sante Connect
and a name server. All of it in one network namespace; the boxes are guests, Orthanc the archives, Tests/Lab the rest."""
import contextlib
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time

import state
import study
from box import ROOT, machine

LAB = os.path.join(ROOT, "Tests/Lab/drimbox-lab")
# Between the boxes; of each hospital; host's part, box's part.
BETWEEN, CARE, HOST, BOX = "192.0.2", {"a": "10.1.0", "b": "10.2.0"}, "1", {"a": "11", "b": "12"}
STRUCTURES = {"a": ("1750803447", "Centre de radiologie Ambroise", ""), "b": ("1300017985", "Hôpital de la Colline", "-1300017985")}
DATABASE, VIEWER, PAGES = "db1.lab.test", "vi1.lab.test", "https://drimbox.lab.test"
# Whose the images are (the lab's patient), and who asks for them.
INS, PROFESSIONAL = "279035121518989", "899700367909"
PATIENT = {"Patient.identifier.value": INS, "Patient.identifier.system": "1.2.250.1.213.1.4.10", "Patient.name.family": "PAT-TROIS",
           "Patient.name.given": "DOMINIQUE", "Patient.gender": "F", "Patient.birthDate": "1979-03-28", "Address.district": "63220",
           "InformationEtConsentement": "true", "PatientID": "B-4711", "PatientIDIssuer": "COLLINE&1.2.250.1.999.7&ISO"}
EXTENSIONS = "subjectAltName=IP:{}\nbasicConstraints=critical,CA:false\n"


class Surroundings:
    """The namespace with its three networks and its servers; gone when the `with` ends."""

    def __init__(self, box):
        self.box, self.name = box, f"drimbox-{os.getpid()}"
        self.children = []

    def __enter__(self):
        try:
            self.make_networks()
            self.make_certificates()
            self.start_servers()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for child in self.children:
            child.terminate()
        for child in self.children:
            child.wait()
        subprocess.run(["ip", "netns", "del", self.name], check=False)

    def words(self, *command):
        return ["ip", "netns", "exec", self.name, *command]

    def call(self, *command):
        return study.call(*self.words(*command))

    def serve(self, name, *command):
        log = open(self.box.path(f"{name}.log"), "ab")
        self.children.append(subprocess.Popen(self.words(*command), stdout=log, stderr=log, stdin=subprocess.DEVNULL))

    def taps(self, site):
        return machine.Taps(self.name, [f"{site}-care", f"{site}-between"], {"a": "aa", "b": "bb"}[site])

    def make_networks(self):
        study.call("ip", "netns", "add", self.name)
        self.call("ip", "link", "set", "lo", "up")
        for bridge, prefix in {"between": BETWEEN, "care-a": CARE["a"], "care-b": CARE["b"]}.items():
            self.call("ip", "link", "add", bridge, "type", "bridge")
            self.call("ip", "address", "add", f"{prefix}.{HOST}/24", "dev", bridge)
            self.call("ip", "link", "set", bridge, "up")
        for site in CARE:
            for tap, bridge in zip(self.taps(site).names, (f"care-{site}", "between")):
                self.call("ip", "tuntap", "add", tap, "mode", "tap")
                self.call("ip", "link", "set", tap, "master", bridge, "up")

    # MARK: Certificates

    def make_certificates(self):
        """The national ones by the lab; for what stays in the hospitals one authority for both."""
        self.certificates = self.box.path("ca")
        hosts = [word for host in (DATABASE, VIEWER, PAGES.removeprefix("https://"), f"{BETWEEN}.{HOST}") for word in ("--host", host)]
        structures = [word for number, name, _ in STRUCTURES.values() for word in ("--structure", f"{number}={name}")]
        study.call(LAB, "ca", "make", self.certificates, *hosts, *structures)
        study.call(LAB, "whitelist", "make", self.certificates, "--out", self.box.path("list.xml"), "--box",
                   f"{DATABASE},{VIEWER},CN=DRIMbox,OU={STRUCTURES['b'][0]},O={STRUCTURES['b'][1]},ST=Paris (75),C=FR")
        study.call("openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-days", "30", "-subj", "/CN=Hospital", "-keyout",
                   self.box.path("hospital.key"), "-out", self.box.path("hospital.pem"))
        for site, prefix in CARE.items():
            for name, address in ((f"pacs-{site}", f"{prefix}.{HOST}"), (f"dicom-{site}", f"{prefix}.{BOX[site]}")):
                self.issue(name, address)

    def issue(self, name, address):
        path = self.box.path
        with open(path("extensions"), "w", encoding="ascii") as file:
            file.write(EXTENSIONS.format(address))
        study.call("openssl", "req", "-new", "-newkey", "rsa:2048", "-noenc", "-subj", f"/CN={name}", "-keyout", path(f"{name}.key"),
                   "-out", path(f"{name}.csr"))
        study.call("openssl", "x509", "-req", "-in", path(f"{name}.csr"), "-CA", path("hospital.pem"), "-CAkey", path("hospital.key"),
                   "-days", "30", "-extfile", path("extensions"), "-out", path(f"{name}.pem"))

    # MARK: Servers

    def start_servers(self):
        address, ca = f"{BETWEEN}.{HOST}", self.certificates
        tls = ["--tls-certificate", f"{ca}/server.pem", "--tls-key", f"{ca}/server.key", "--client-ca", f"{ca}/ca.pem"]
        self.serve("dmp", LAB, "dmp", "--listen", f"{address}:0", "--control", "127.0.0.1:0", "--state", self.box.path("dmp"),
                   "--port-file", self.box.path("dmp.ports"), *tls)
        self.serve("psc", LAB, "psc", "--listen", f"{address}:0", "--control", "127.0.0.1:0", "--client", "drimbox-a", "--client",
                   "drimbox-b", "--redirect-uri", f"{PAGES}/consumer/signed-in", "--port-file", self.box.path("psc.ports"), *tls)
        self.serve("dns", "dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--bind-interfaces", "--conf-file=/dev/null",
                   f"--listen-address={address}", "--pid-file=", "--user=root", f"--address=/{DATABASE}/{BETWEEN}.{BOX['a']}")
        for site in CARE:
            self.serve(f"orthanc-{site}", "Orthanc", self.archive(site))
        self.record, self.control = self.ports("dmp.ports", 2)
        self.provider, _ = self.ports("psc.ports", 2)

    def ports(self, name, count):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                with open(self.box.path(name), encoding="ascii") as file:
                    if len(found := file.read().split()) == count:
                        return [int(port) for port in found]
            time.sleep(0.1)
        raise AssertionError(f"{name}: found no {count} ports in 60 s")

    def archive(self, site):
        """Orthanc's settings: DICOM by TLS, both sides with a certificate."""
        path, prefix = self.box.path, CARE[site]
        settings = {
            "Name": site, "StorageDirectory": path(f"archive-{site}"), "IndexDirectory": path(f"archive-{site}"), "Plugins": [],
            "DicomAet": "PACS", "DicomPort": 2762, "HttpPort": {"a": 8042, "b": 8043}[site], "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False, "DicomTlsEnabled": True, "DicomTlsCertificate": path(f"pacs-{site}.pem"),
            "DicomTlsPrivateKey": path(f"pacs-{site}.key"), "DicomTlsTrustedCertificates": path("hospital.pem"),
            "DicomModalities": {"box": {"AET": "DRIMBOX", "Host": f"{prefix}.{BOX[site]}", "Port": 2762, "UseDicomTls": True}}}
        # Both are in one namespace, and Orthanc listens on all of its addresses.
        if site == "b":
            settings["DicomPort"] = 2763
        with open(path(f"orthanc-{site}.json"), "w", encoding="utf-8") as file:
            json.dump(settings, file)
        return path(f"orthanc-{site}.json")

    # MARK: What each box is told

    def credentials(self, site):
        """The files of its gateway, by their names."""
        _, _, suffix = STRUCTURES[site]
        names = {"national.pem": f"{self.certificates}/ca.pem", "auth.pem": f"{self.certificates}/auth-cli{suffix}.pem",
                 "auth.key": f"{self.certificates}/auth-cli{suffix}.key", "sign.pem": f"{self.certificates}/sign{suffix}.pem",
                 "sign.key": f"{self.certificates}/sign{suffix}.key", "web.pem": f"{self.certificates}/server.pem",
                 "web.key": f"{self.certificates}/server.key", "white-list.xml": self.box.path("list.xml"),
                 "hospital.pem": self.box.path("hospital.pem"), "dicom.pem": self.box.path(f"dicom-{site}.pem"),
                 "dicom.key": self.box.path(f"dicom-{site}.key")}
        contents = {}
        for name, path in names.items():
            with open(path, "rb") as file:
                contents[name] = file.read()
        return contents

    def answers(self, site, users):
        """The document of a source (a) or of a consumer (b), by TLS everywhere."""
        with open(os.path.join(ROOT, "etc/drimbox/drimbox.json"), encoding="utf-8") as file:
            gateway = json.load(file)["gateway"]
        care, between, host = f"{CARE[site]}.{BOX[site]}", f"{BETWEEN}.{BOX[site]}", f"{CARE[site]}.{HOST}"
        number, name, _ = STRUCTURES[site]
        shown = {"certificate": "auth.pem", "privateKey": "auth.key"}
        dicom = {"certificate": "dicom.pem", "privateKey": "dicom.key"}
        web = {"certificate": "web.pem", "privateKey": "web.key"}
        gateway["spool"] = {"capacityBytes": 1 << 30, "segmentBytes": 1 << 26}
        gateway["dicom"].update(
            listen=[f"{care}:2762"], tls=dicom | {"clientAuthorities": "hospital.pem"},
            peers=[{"aeTitle": "PACS", "host": host, "port": {"a": 2762, "b": 2763}[site], "tls": dicom | {"authorities": "hospital.pem"}} |
                   {"a": {"roles": ["find", "move"], "sends": "pulled"}, "b": {"roles": ["store"]}}[site]])
        gateway["dmp"] = {
            "services": f"https://{BETWEEN}.{HOST}:{self.record}/si-dmp-server/v2/services", "authorities": "national.pem",
            "software": {"identifier": "LPS", "name": "DRIMbox", "homologation": "image"}, "sourceIdentifier": "1.2.250.1.999.1",
            "structures": [{"identifiers": [number], "name": name, "authentication": shown,
                            "signature": {"certificate": "sign.pem", "privateKey": "sign.key"}}]}
        gateway["proSanteConnect"] = {"issuer": f"https://{BETWEEN}.{HOST}:{self.provider}/auth/realms/esante-wallet",
                                      "clientID": f"drimbox-{site}", "authorities": "national.pem", "credentials": shown}
        gateway["whiteList"] = {"file": "white-list.xml", "authorities": "national.pem"}
        rules = [("care", "dicom", CARE[site])]
        if site == "a":
            gateway["web"].update(listen=[f"{between}:443"], tls=web | {"clientAuthorities": "national.pem"}, authorization="proSanteConnect")
            gateway["hl7"] = {"listen": [f"{care}:2575"], "tls": dicom | {"clientAuthorities": "hospital.pem"}}
            gateway["source"] = {"archive": "PACS", "retrieveURL": f"https://{DATABASE}/dicomweb", "retrieveLocationUID": "1.2.250.1.999.7",
                                 "manifests": "french"}
            rules += [("care", "hl7", CARE[site]), ("dmz", "web", BETWEEN)]
        else:
            gateway["boxes"] = {"tls": shown | {"authorities": "national.pem"}}
            gateway["consumer"] = {"listen": [f"{care}:443"], "tls": web, "publicURL": PAGES, "archive": "PACS",
                                   "allowPrivateAddresses": "the addresses between the boxes are for documentation (RFC 5737)"}
            rules += [("care", "consumer", CARE[site])]
        return {"site": name, "gateway": gateway, "users": users,
                "network": {
                    "interfaces": [{"name": "enp0s3", "zone": "care", "ipv4": {"method": "static", "address": f"{care}/24"}},
                                   {"name": "enp0s4", "zone": "dmz", "ipv4": {"method": "static", "address": f"{between}/24",
                                                                              "gateway": f"{BETWEEN}.{HOST}"}}],
                    "dns": {"servers": [f"{BETWEEN}.{HOST}"]},
                    "firewall": [{"zone": zone, "service": service, "from": [f"{prefix}.0/24"]} for zone, service, prefix in rules]}}

    # MARK: At hospital a

    def documents(self):
        """What the record has of manifests."""
        found = json.loads(self.call("curl", "-sf", f"http://127.0.0.1:{self.control}/lab/documents"))
        return [entry for entry in found if entry["id"] == "DocumentKOS"]

    def report(self, instances):
        """A study in the archive of a, and the RIS's validated report of it. The study, once its manifest is in the record."""
        sent, path = self.box.path("sent"), self.box.path
        words = study.call(sys.executable, os.path.join(study.SUPPORT, "make_study.py"), sent, "--instances", str(instances),
                           "--series", "2", "--rows", "256")
        identifier = words.split()[1].rstrip(":")
        files = [os.path.join(place, name) for place, _, names in os.walk(sent) for name in names]
        study.call("dcmodify", "-q", "-nb", "-i", "(0008,0050)=ACN101", "-i", "(0010,0020)=IPP101", *files)
        for file in files:
            self.call("curl", "-sS", "-f", "-o", "/dev/null", "--data-binary", f"@{file}", "-H", "Expect:", "http://127.0.0.1:8042/instances")
        study.call(LAB, "ris", "make", "--type", "ORU", "--event", "new", "--study", f"{identifier},modality=CT", "--accession", "ACN101",
                   "--ipp", "IPP101", "--document-id", "1.2.250.1.999.5.1", "--out", path("new.hl7"), "--cda-out", path("report.xml"))
        self.box.note(self.call(LAB, "ris", "send", "--to", f"{CARE['a']}.{BOX['a']}:2575", "--tls", "--ca", path("hospital.pem"),
                                "--certificate", path("pacs-a.pem"), "--key", path("pacs-a.key"), path("new.hl7")))
        end = time.monotonic() + 300
        while not self.documents():
            if time.monotonic() > end:
                raise AssertionError("found no manifest in the record in 300 s, expected one")
            time.sleep(1)
        self.call(LAB, "source", "publish", "--to", f"https://{BETWEEN}.{HOST}:{self.record}", "--certificates", self.certificates,
                  "--cda", path("report.xml"))
        self.call("curl", "-sf", "-o", "/dev/null", f"http://127.0.0.1:{self.control}/lab/patients", "--data", json.dumps(
            {"patientId": f"{INS}^^^&1.2.250.1.213.1.4.10&ISO^NH", "authorization": "INEXISTANTE"}))
        return identifier


def plug_in(box, guest, surroundings, site, key):
    """A USB stick as an installer makes it, and the wait until the box has seen it."""
    user = {"name": "installer", "role": "admin", "password": secrets.token_urlsafe(24)}
    answers, signature = box.path(f"answers-{site}.json"), box.path(f"answers-{site}.sig")
    with open(answers, "w", encoding="utf-8") as file:
        json.dump(surroundings.answers(site, [user]), file)
    study.call("openssl", "pkeyutl", "-sign", "-inkey", key, "-rawin", "-in", answers, "-out", signature)
    stick = box.path(f"stick-{site}")
    os.makedirs(f"{stick}/drimbox/credentials")
    for name, content in surroundings.credentials(site).items():
        with open(f"{stick}/drimbox/credentials/{name}", "wb") as file:
            file.write(content)
    shutil.copyfile(answers, f"{stick}/drimbox/answers.json")
    shutil.copyfile(signature, f"{stick}/drimbox/answers.json.sig")
    guest.plug_in(box.stick(f"stick-{site}.img", stick))
    end = time.monotonic() + 120
    while "answers.json" not in (said := guest.do("drimboxctl media")[1]):
        if time.monotonic() > end:
            raise AssertionError(f"USB stick: found {said!r} for 120 s, expected its files; {guest.do('dmesg | tail -n 20')[1]}")
        time.sleep(2)
    box.note(said)


def import_at_console(box, guest):
    """As somebody does who stands before a box that nobody has configured."""
    line = guest.console
    line.seen = len(line.text)
    line.send("\r")
    line.wait(r"3 USB stick   Enter refresh: ", guest.BAD, 120)
    line.send("3\r")
    line.wait(r"answers\.json   answer file", guest.BAD, 60)
    line.wait(r"Type yes: ", guest.BAD, 60)
    line.send("yes\r")
    said = line.wait(r"(?s)(taken .*)Enter = menu: ", guest.BAD, 300)[1]
    box.note(said)
    box.expect("files refused", re.findall(r"REFUSED[^\n]*\n[^\n]*", said), [])
    line.send("\r")


def import_by_command(box, guest):
    name = json.loads(guest.do("drimboxctl media -o json")[1])["media"][0]["name"]
    status, said = guest.do(f"drimboxctl media import {name}", 300)
    box.note(said)
    box.expect("exit status of media import", status, 0)


def is_configured(box, guest, surroundings, site):
    """All of its sections work: what listens is what was asked for, the white list is accepted, the archive answers by TLS."""
    box.note(guest.do("drimboxctl credential; drimboxctl issues; ip -c=never -br address")[1])
    ports = {"a": {"tcp 10.1.0.11:2762", "tcp 10.1.0.11:2575", "tcp 192.0.2.11:443"},
             "b": {"tcp 10.2.0.12:2762", "tcp 10.2.0.12:443", "tcp 127.0.0.1:8080"}}[site]
    box.expect("listening", state.listening(guest), state.LISTENING_FOR_ITSELF | ports)
    end = time.monotonic() + 120
    while "white-list.accepted" not in guest.do("journalctl -b -u drimbox-gateway -o cat --no-pager")[1]:
        if time.monotonic() > end:
            raise AssertionError(f"white list: found none accepted in 120 s; {guest.do('journalctl -b -u drimbox-gateway | tail')[1]}")
        time.sleep(5)
    status, said = guest.do("drimboxctl dicom echo PACS", 60)
    box.note(said)
    box.expect("C-ECHO by TLS", status, 0)


class Browser:
    """A doctor at hospital b: curl, with a jar of cookies."""

    def __init__(self, surroundings):
        self.surroundings, self.page = surroundings, ""

    def open(self, url, data=None, english=True):
        """The address to which the answer sends on; its page is in `page`."""
        place, body = self.surroundings.box.path, self.surroundings.box.path("page.html")
        words = ["curl", "-sS", "--max-time", "60", "--cacert", f"{self.surroundings.certificates}/ca.pem", "-b", place("jar"), "-c",
                 place("jar"), "-o", body, "-w", "%{redirect_url}", "-H", f"Accept-Language: {'en' if english else 'fr'}",
                 "--resolve", f"{PAGES.removeprefix('https://')}:443:{CARE['b']}.{BOX['b']}"]
        for name, value in (data or {}).items():
            words += ["--data-urlencode", f"{name}={value}"]
        next_one = self.surroundings.call(*words, url)
        with open(body, encoding="utf-8") as file:
            self.page = file.read()
        return next_one

    def found(self, pattern):
        if not (match := re.search(pattern, self.page)):
            raise AssertionError(f"page: found no {pattern}, expected one; {self.page[:1500]}")
        return match[1]

    def token(self):
        return self.found(r'name="token" value="([0-9a-f]*)"')

    def import_exam(self, seconds=300):
        """From the RIS's call to the end of the import: how many images came, and the words about them."""
        authorize = self.open(self.open(f"{PAGES}/api/conso/parameters", PATIENT))
        patient = self.open(self.open(authorize, {"professional": PROFESSIONAL}))
        self.open(patient)
        self.open(f"{patient}/authorisation", {"token": self.token(), "consent": "yes"})
        self.open(patient)
        images, token = PAGES + self.found(r'action="([^"]*/images/[0-9]*)"'), self.token()
        self.open(images, {"token": token})
        self.open(f"{images}/import", {"token": token})
        end = time.monotonic() + seconds
        while '"over":true' not in self.page:
            if time.monotonic() > end:
                raise AssertionError(f"the import: found no end in {seconds} s; {self.page[:500]}")
            time.sleep(1)
            self.open(f"{images}/progress")
        self.open(images)
        return [self.found(f'id="{name}"[^>]*>([^<]*)<') for name in ("received", "imported")]


def compare(surroundings):
    """How many instances of b's archive have the pixels that were sent, and the identifier of b."""
    path, rest = surroundings.box.path, "http://127.0.0.1:8043"
    os.makedirs(path("imported"), exist_ok=True)
    for name in json.loads(surroundings.call("curl", "-sf", f"{rest}/instances")):
        surroundings.call("curl", "-sf", "-o", path(f"imported/{name}"), f"{rest}/instances/{name}/file")
    return pixels(path("imported"), "B-4711") & pixels(path("sent"), "IPP101")


def pixels(directory, patient):
    """SHA-256 of the pixels of each instance that has this PatientID, by SOP Instance UID."""
    script = ("import hashlib, os, sys, pydicom\n"
              "for place, _, names in os.walk(sys.argv[1]):\n"
              "    for name in names:\n"
              "        one = pydicom.dcmread(os.path.join(place, name))\n"
              "        if one.PatientID == sys.argv[2]: print(one.SOPInstanceUID, hashlib.sha256(one.PixelData).hexdigest())\n")
    return set(study.call(os.path.join(ROOT, ".build/python/bin/python"), "-c", script, directory, patient).splitlines())
