# SPDX-License-Identifier: Apache-2.0
"""The servers the benchmarks compare: ours, the stock peers and the C floor. Loopback only.

Each is a context manager that starts a process of its own in a folder of its own, and ends it by its
process id.
"""
import atexit
import contextlib
import itertools
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request

NUMBERS = itertools.count(1)
STARTUP = 60  # seconds
# Unix socket paths have 107 bytes at most; the folders of the servers may be longer.
SOCKETS = tempfile.mkdtemp(prefix="drimbox-bench.")
atexit.register(shutil.rmtree, SOCKETS, ignore_errors=True)
os.environ["PATH"] += ":/usr/sbin"
DICOMWEB_PLUGIN = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"


def stock_environment():
    """Without the variables with which DCMTK's sockets can be tuned."""
    return {key: value for key, value in os.environ.items() if not key.startswith("TCP_")}


def tuned_environment():
    """DCMTK without Nagle's algorithm: the peers at their best."""
    return {**stock_environment(), "TCP_NODELAY": "1"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A process; subclasses give `command()` and what `ready()` asks."""

    title = "ANY-SCP"
    environment = staticmethod(stock_environment)

    def __init__(self, name, folder):
        self.name, self.folder = name, pathlib.Path(folder)
        self.dicom_port, self.web_port = free_port(), free_port()
        self.process, self.log, self.start_seconds = None, None, None
        self.sockets = pathlib.Path(tempfile.mkdtemp(dir=SOCKETS))

    def __enter__(self):
        # A folder that never existed: ext4 makes files slowly where others were just removed, so the
        # run removes them all at its end and not one after another.
        self.folder = self.folder.with_name("%s-%d" % (self.folder.name, next(NUMBERS)))
        self.folder.mkdir(parents=True)
        command = self.command()
        self.log = open(self.folder / "log", "wb")
        start = time.monotonic()
        self.process = subprocess.Popen(
            command, env=self.environment(), stdout=self.log, stderr=subprocess.STDOUT, cwd=self.folder)
        try:
            while not self.ready():
                if self.process.poll() is not None or time.monotonic() - start > STARTUP:
                    raise RuntimeError("%s does not start: %s" % (self.name, self.last_words()))
                time.sleep(0.002)
        except BaseException:
            self.stop()
            raise
        self.start_seconds = time.monotonic() - start
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()

    def last_words(self):
        return " | ".join((self.folder / "log").read_text(errors="replace").splitlines()[-5:])

    def ready(self):
        return self.listens(self.dicom_port)

    def listens(self, port):
        """Without connecting: some of the servers serve one client at a time."""
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            for line in pathlib.Path(table).read_text().splitlines()[1:]:
                _, local, _, state = line.split()[:4]
                if state == "0A" and local.endswith(":%04X" % port):  # 0A: LISTEN
                    return True
        return False

    def pids(self):
        """The process and its descendants (workers)."""
        found = [self.process.pid]
        for pid in found:
            # Each thread has a list of the processes it started.
            for children in pathlib.Path("/proc/%d/task" % pid).glob("*/children"):
                with contextlib.suppress(OSError):
                    found += [int(child) for child in children.read_text().split()]
        return found


class Gateway(Server):
    """Ours. Titles: PULLED (one flush per association), PUSHED (one per instance)."""

    title = "DRIMBOX"

    def __init__(self, name, folder, executables, capacity, segment=256 << 20, extra_peers=(), tls=None):
        super().__init__(name, folder)
        self.tls = tls
        self.extra_peers = list(extra_peers)
        self.executables, self.capacity, self.segment = executables, capacity, segment

    def gateway_section(self):
        peers = [{"aeTitle": title, "host": "127.0.0.1", "port": 1, "roles": ["store"], **extra}
                 for title, extra in (("PULLED", {"sends": "pulled"}), ("PUSHED", {}))]
        return {
            "spool": {"capacityBytes": self.capacity, "segmentBytes": self.segment},
            "dicom": {"aeTitle": self.title, "listen": ["127.0.0.1:%d" % self.dicom_port], "tls": None,
                      "maximumPDULength": 131072, "maximumAssociations": 64,
                      "peers": peers + self.extra_peers},
            "web": {"listen": ["127.0.0.1:%d" % self.web_port], "authorization": "none",
                    "tls": self.tls and {"certificate": self.tls[0], "privateKey": self.tls[1]}},
        }

    def command(self):
        configuration = {"site": "Benchmark", "dataDirectory": str(self.folder / "data"),
                         "statusSocket": str(self.sockets / "status.sock"), **self.gateway_section()}
        (self.folder / "data").mkdir()
        (self.folder / "gateway.json").write_text(json.dumps(configuration))
        return [self.executables / "drimbox-gateway", "--config", self.folder / "gateway.json"]

    def ready(self):
        return self.listens(self.dicom_port) and self.listens(self.web_port)

    def url(self, series):
        return "%s://127.0.0.1:%d/dicomweb%s" % ("https" if self.tls else "http", self.web_port, series)

    def call(self, path, body=None):
        """A request on the status socket; the answer's JSON."""
        command = ["curl", "-sS", "--unix-socket", str(self.sockets / "status.sock"), "http://localhost" + path]
        if body is not None:
            command += ["-X", "POST", "--data-binary", json.dumps(body)]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    def transfer(self, body, limit=600):
        """Runs a transfer to its end; it must succeed."""
        job = self.call("/v1/transfers", body)
        deadline = time.monotonic() + limit
        while job.get("state") in ("queued", "running") and time.monotonic() < deadline:
            time.sleep(0.01)
            job = self.call("/v1/transfers/" + job["id"])
        if job.get("state") != "succeeded":
            raise RuntimeError("%s: transfer: %s" % (self.name, json.dumps(job)[:400]))
        return job


class Daemon(Gateway):
    """drimboxd with its gateway. Ready when it says so itself on NOTIFY_SOCKET (sd_notify)."""

    def command(self):
        (self.folder / "state").mkdir()
        configuration = {
            "site": "Benchmark", "stateDirectory": str(self.folder / "state"),
            "runtimeDirectory": str(self.sockets), "admin": {"socket": str(self.sockets / "admin.sock")},
            "gateway": {"executable": str(self.executables / "drimbox-gateway"), **self.gateway_section()}}
        (self.folder / "drimbox.json").write_text(json.dumps(configuration))
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.notify.bind(str(self.sockets / "notify"))
        self.notify.setblocking(False)
        self.announced = False
        return [self.executables / "drimboxd", "--config", self.folder / "drimbox.json"]

    def environment(self):
        return {**stock_environment(), "NOTIFY_SOCKET": str(self.sockets / "notify")}

    def ready(self):
        try:
            while True:
                content, ancillary, _, _ = self.notify.recvmsg(4096, socket.CMSG_SPACE(12))
                # struct ucred: the process that sent it; the gateway may announce itself too.
                sender = int.from_bytes(ancillary[0][2][:4], "little") if ancillary else self.process.pid
                if sender == self.process.pid and b"READY=1" in content.split(b"\n"):
                    self.announced = True
        except BlockingIOError:
            return self.announced

    def own_pids(self):
        return [self.process.pid]

    def stop(self):
        super().stop()
        self.notify.close()


class StoreSCP(Server):
    """DCMTK's storescp --bit-preserving, without Nagle's algorithm unless `stock`."""

    title = "STORESCP"

    def __init__(self, name, folder, stock=False):
        super().__init__(name, folder)
        self.environment = stock_environment if stock else tuned_environment

    def command(self):
        (self.folder / "out").mkdir()
        return ["storescp", "+B", "+xa", "-pdu", "131072", "-od", self.folder / "out", str(self.dicom_port)]


class Orthanc(Server):
    """Orthanc as it comes, or without fsync and MD5; with the DICOMweb plugin where it serves."""

    title = "ORTHANC"

    def __init__(self, name, folder, sync=True, web=False, stock=False):
        super().__init__(name, folder)
        self.sync, self.web = sync, web
        self.environment = stock_environment if stock else tuned_environment
        # Who it may send to: title, host, port.
        self.box = None

    def command(self):
        (self.folder / "storage").mkdir()
        configuration = {
            "Name": "benchmark", "DicomAet": self.title,
            "DicomPort": self.dicom_port, "HttpPort": self.web_port,
            "StorageDirectory": str(self.folder / "storage"), "IndexDirectory": str(self.folder / "storage"),
            "RemoteAccessAllowed": False, "AuthenticationEnabled": False, "DicomAlwaysAllowStore": True,
            "DicomModalities": {"box": self.box} if self.box else {},
            "Plugins": [DICOMWEB_PLUGIN] if self.web else []}
        if not self.sync:
            configuration.update({"SyncStorageArea": False, "StoreMD5ForAttachments": False})
        (self.folder / "orthanc.json").write_text(json.dumps(configuration))
        return ["Orthanc", self.folder / "orthanc.json"]

    def ready(self):
        if not (self.listens(self.dicom_port) and self.listens(self.web_port)):
            return False
        with urllib.request.urlopen("http://127.0.0.1:%d/system" % self.web_port, timeout=10):
            return True

    def url(self, series):
        return "http://127.0.0.1:%d/dicom-web%s" % (self.web_port, series)


class SlowArchive(Server):
    """An archive with pynetdicom that takes its time between two instances, and logs when each was answered."""

    title = "FAULTY"
    box_port = None

    def __init__(self, name, folder, root, study):
        super().__init__(name, folder)
        self.root, self.study = root, study

    def command(self):
        return [self.root / ".build" / "python" / "bin" / "python", self.root / "Tests" / "Support" / "faulty_archive.py",
                "slow", str(self.dicom_port), str(self.box_port), self.study]


class Nginx(Server):
    """nginx with sendfile on, one worker: the study's files."""

    def __init__(self, name, folder, study, tls=None):
        super().__init__(name, folder)
        self.study, self.tls = study, tls

    def command(self):
        secure = self.tls and "ssl_certificate %s; ssl_certificate_key %s; ssl_protocols TLSv1.3;" % self.tls
        # As root the worker would become another user, who may not read the study's folder.
        user = "user root;" if os.geteuid() == 0 else ""
        (self.folder / "nginx.conf").write_text("""%s
worker_processes 1; daemon off; pid %s/pid; error_log %s/error.log;
events { worker_connections 64; }
http {
    access_log off; sendfile on; tcp_nopush on; tcp_nodelay on;
    keepalive_requests 100000; default_type application/dicom;
    client_body_temp_path %s/t1; proxy_temp_path %s/t2; fastcgi_temp_path %s/t3;
    uwsgi_temp_path %s/t4; scgi_temp_path %s/t5;
    server { listen 127.0.0.1:%d%s; root %s; %s }
}
""" % (user, *[self.folder] * 7, self.web_port, " ssl" if self.tls else "", self.study, secure or ""))
        return ["nginx", "-p", self.folder, "-c", self.folder / "nginx.conf", "-e", self.folder / "error.log"]

    def ready(self):
        return self.listens(self.web_port) and len(self.pids()) == 2


class FloorSCP(Server):
    """Tests/Benchmarks/floor/cstore_scp.c"""

    def __init__(self, name, folder, programs, target, syncing="none"):
        super().__init__(name, folder)
        self.programs, self.target, self.syncing = programs, target, syncing

    def command(self):
        (self.folder / "out").mkdir()
        return [self.programs / "cstore_scp", str(self.dicom_port), self.folder / "out",
                self.target, self.syncing]


class FloorWADO(Server):
    """Tests/Benchmarks/floor/wado.c"""

    def __init__(self, name, folder, programs, study):
        super().__init__(name, folder)
        self.programs, self.study = programs, study

    def command(self):
        return [self.programs / "wado", str(self.web_port), self.study, self.folder / "segment"]

    def ready(self):
        return self.listens(self.web_port)

    def url(self, series):
        return "http://127.0.0.1:%d%s" % (self.web_port, series)
