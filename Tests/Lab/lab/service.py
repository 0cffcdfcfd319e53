# SPDX-License-Identifier: Apache-2.0
"""Runs the stand-in for the DMP: listeners, the /lab/ resources for tests, faults and outages.

    GET  /lab/documents                       every entry: status, ids, codes, hash, what it replaces
    GET  /lab/documents/{uniqueId}/content    the bytes
    GET  /lab/submissions, /lab/requests      what was accepted; every request with its outcome
    GET  /lab/statistics
    GET, POST, DELETE /lab/faults             rules: see faults.py
    GET, POST /lab/outage                     {"on": true, "kind": "close" | "http-503" | "timeout"}
    GET, POST /lab/patients                   {"patientId": CX, "exists": ..., "status": "active" | "terminated",
                                               "authorization": "VALIDE" | "INTERDIT" | ...}
"""
import asyncio
import concurrent.futures
import json
import os
import resource
import signal
import urllib.parse

from .faults import Faults
from .http_server import Answer, Server
from .names import SERVICES
from .registry import STATUS_NAMES
from .soap import SOAP_TYPE, SoapFault, fault
from .state import now

WORKERS = 4


class Service:
    def __init__(self, dmp, faults=()):
        self.dmp = dmp
        self.faults = Faults(faults)
        self.outage = {"on": False, "kind": "close"}
        self.server = Server(self.handle)
        self._started = now()
        self._workers = concurrent.futures.ThreadPoolExecutor(WORKERS)

    async def handle(self, request):
        loop = asyncio.get_running_loop()
        if request.path.startswith("/lab/"):
            return await loop.run_in_executor(self._workers, self._lab, request)
        if self.outage["on"]:
            return self._out()
        if not request.path.startswith(SERVICES):
            return Answer(404, "text/plain", b"no such service")
        if request.method != "POST":
            return Answer(405, "text/plain", b"POST only", [("Allow", "POST")])
        return await loop.run_in_executor(self._workers, self._serve, request)

    def _serve(self, request):
        try:
            return self.dmp.answer(request, self.faults.take)
        except Exception as error:  # a defect of this program must look like one
            self.dmp.registry.log("unknown", "defect", repr(error), request.client, 0)
            return Answer(500, SOAP_TYPE, fault(SoapFault("Receiver", None, "defect in the lab: %r" % error)))

    def _out(self):
        kind = self.outage["kind"]
        if kind.startswith("http-"):
            return Answer(int(kind[5:]), "text/plain", b"outage")
        return Answer(cut="before", delay=3600 if kind == "timeout" else 0)

    # MARK: resources for tests

    def _lab(self, request):
        try:
            value = self._resource(request, request.path[len("/lab/"):].rstrip("/"))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return Answer(400, "text/plain", str(error).encode())
        if isinstance(value, Answer):
            return value
        return Answer(body=json.dumps(value, ensure_ascii=False).encode() + b"\n")

    def _resource(self, request, name):
        method = request.method
        value = json.loads(request.body or b"{}") if method == "POST" else None
        registry = self.dmp.registry
        if (method, name) == ("GET", "documents"):
            return self._documents()
        if method == "GET" and name.startswith("documents/") and name.endswith("/content"):
            unique_id = urllib.parse.unquote(name[len("documents/"):-len("/content")])
            rows = registry.rows("SELECT * FROM entries WHERE unique_id = ?", unique_id)
            if not rows:
                return Answer(404, "text/plain", b"no such document")
            return Answer(200, json.loads(rows[0]["metadata"])["mimeType"], registry.content(rows[0]))
        if (method, name) == ("GET", "submissions"):
            return [{**dict(row), "warnings": json.loads(row["warnings"]), "vihf": json.loads(row["vihf"])}
                    for row in registry.rows("SELECT * FROM submissions ORDER BY number")]
        if (method, name) == ("GET", "requests"):
            return [dict(row) for row in registry.rows("SELECT * FROM requests ORDER BY number")]
        if (method, name) == ("GET", "statistics"):
            return self._statistics()
        if name == "faults" and method in ("GET", "POST", "DELETE"):
            if method == "POST":
                self.faults.add(value)
            elif method == "DELETE":
                self.faults.clear()
            return self.faults.as_json()
        if name == "outage" and method in ("GET", "POST"):
            if method == "POST":
                self._set_outage(value)
            return self.outage
        if name == "patients" and method in ("GET", "POST"):
            if method == "POST":
                return registry.set_patient(value.pop("patientId"), **value)
            return registry.patients()
        return Answer(404, "text/plain", b"no such resource")

    def _set_outage(self, value):
        kind = value.get("kind", "close")
        if not isinstance(value.get("on"), bool) or not (kind in ("close", "timeout") or kind.startswith("http-5")):
            raise ValueError('outage: expected {"on": true or false, "kind": "close", "http-5NN" or "timeout"}')
        self.outage = {"on": value["on"], "kind": kind}

    def _documents(self):
        found = []
        statement = ("SELECT e.*, s.unique_id AS submission_set FROM entries e JOIN submissions s "
                     "ON e.submission = s.number ORDER BY e.submission, e.rowid")
        for row in self.dmp.registry.rows(statement):
            found.append({"uniqueId": row["unique_id"], "entryUUID": row["entry_uuid"],
                          "status": STATUS_NAMES.get(row["status"], row["status"]), "patientId": row["patient_id"],
                          "hash": row["hash"], "replaces": row["replaces"], "replacedBy": row["replaced_by"],
                          "submissionSet": row["submission_set"], "submission": row["submission"], "file": row["file"],
                          **json.loads(row["metadata"])})
        return found

    def _statistics(self):
        registry = self.dmp.registry
        requests, documents = {}, {}
        for action, outcome, count in registry.rows(
                "SELECT action, outcome, count(*) FROM requests GROUP BY action, outcome"):
            requests.setdefault(action, {})[outcome] = count
        for status, count in registry.rows("SELECT status, count(*) FROM entries GROUP BY status"):
            documents[STATUS_NAMES.get(status, status)] = count
        return {"since": self._started, "requests": requests, "documents": documents,
                "submissions": registry.rows("SELECT count(*) FROM submissions")[0][0],
                "connections": {"accepted": self.server.connections, "open": self.server.open_connections,
                                "most": self.server.most_connections}}

    def close(self):
        self._workers.shutdown()
        self.dmp.registry.close()


async def run(service, listen, control=None, tls=None, ready=None, stop=None):
    """Serves until SIGTERM or SIGINT (or `stop`, an event); `ready(ports)` is called with the ports in use."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    stop = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    ports = [await service.server.listen(*listen, tls=tls)]
    if control:
        ports.append(await service.server.listen(*control))
    if ready:
        ready(ports)
    await stop.wait()


def announce(ports, port_file=None, ready_fd=None):
    """Tells the ports, one a line: into a file that appears whole, and to a descriptor that is then closed."""
    text = "".join("%d\n" % port for port in ports)
    if port_file:
        with open(port_file + ".new", "w") as file:
            file.write(text)
        os.replace(port_file + ".new", port_file)
    if ready_fd is not None:
        with os.fdopen(ready_fd, "w") as file:
            file.write(text)
