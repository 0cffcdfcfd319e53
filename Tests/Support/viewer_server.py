#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Serves the viewer's pages, and what they ask for from a gateway, as the box does: for development and for tests.

    viewer_server.py --gateway http://127.0.0.1:8080/dicomweb --study UID [--study UID] [--port 8090]

Prints where the page is. `--no-workers` sends a policy without workers; what browsers report as violations of the policy is at
/violations, as JSON. Python standard library only.
"""
import argparse
import http.server
import json
import pathlib
import threading
import time
import urllib.error
import urllib.request

PAGES = pathlib.Path(__file__).resolve().parents[2] / "web" / "viewer"
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
          "worker-src %s; media-src 'self' blob:; frame-src 'self' blob:; base-uri 'none'; form-action 'self'; "
          "frame-ancestors 'none'; report-uri /violations")
REPORT = b"<!doctype html><html lang=fr><title>CR</title><h1>Compte rendu de test</h1><p>Scanner thoracique.</p></html>"
PATIENT = {"name": "DUPONT^MARIE", "birthName": "DUPONT", "usedName": "MARTIN^Marie", "givenNames": "MARIE JEANNE",
           "birthDate": "19700131", "sex": "F", "ins": "270013512345678", "insOID": "1.2.250.1.213.1.4.10",
           "birthPlace": "35238", "patientID": "IPP101"}


class Server(http.server.ThreadingHTTPServer):
    """`studies` are study UIDs; `context` replaces members of context.json."""
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, gateway, studies, port=0, context=None, has_workers=True):
        super().__init__(("127.0.0.1", port), Handler)
        self.gateway, self.studies, self.changes = gateway.rstrip("/"), list(studies), dict(context or {})
        self.has_workers, self.violations, self.requests = has_workers, [], []
        self.rewrite = None  # (path, bytes) -> bytes, for what a test wants to be wrong
        self.bytes_per_second, self.delay, self.line = 0, 0.0, threading.Lock()

    @property
    def url(self):
        return "http://127.0.0.1:%d/viewer/s/Zr8kq0PZ3S1bW5mY/" % self.server_address[1]

    def start(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def context(self):
        exams = []
        for number, study in enumerate(self.studies):
            exams.append({"studyUID": study, "description": "", "date": "20260115", "modalities": [], "accession": "",
                          "origin": "Radiologie Nord", "isOpened": True, "root": "e/%d" % number,
                          "report": "e/%d/report" % number})
        return {"language": "fr", "role": "doctor", "site": "Radiologie Nord", "patient": PATIENT,
                "expires": "2026-11-28T20:00:00Z", "rights": {"download": True, "print": True, "report": True},
                "notices": [], "exams": exams} | self.changes


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle(self):
        try:
            super().handle()
        except (ConnectionError, TimeoutError):
            self.close_connection = True  # a browser that scrolls on gives up what it asked for

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/violations":
            self.server.violations.append(json.loads(body))
            self.answer(204, "text/plain", b"")
        else:
            self.answer(200, "text/html; charset=utf-8", b"<!doctype html><title>signed out</title><h1>signed out</h1>")

    def do_GET(self):
        path = self.path.split("?")[0]
        self.server.requests.append(path)
        if path == "/violations":
            self.answer(200, "application/json", json.dumps(self.server.violations).encode())
        elif path.startswith("/viewer/a/"):
            self.page(path.removeprefix("/viewer/a/"))
        elif path.startswith("/viewer/s/") and path.count("/") >= 4:
            self.resource(self.path.split("/", 4)[4])
        else:
            self.answer(404, "text/plain", b"nothing here")

    def page(self, name):
        file = PAGES / name
        if "/" in name or file.suffix not in TYPES or not file.is_file():
            self.answer(404, "text/plain", b"no such page")
        else:
            self.answer(200, TYPES[file.suffix], file.read_bytes())

    def resource(self, name):
        if name == "":
            self.page("index.html")
        elif name == "context.json":
            self.answer(200, "application/json", json.dumps(self.server.context()).encode())
        elif name.startswith("e/"):
            _, number, *rest = name.split("/", 2)
            if rest == ["report"]:
                self.answer(200, "text/html; charset=utf-8", REPORT, "default-src 'none'; frame-ancestors 'self'")
            else:
                self.forward("/studies/%s/%s" % (self.server.studies[int(number)], "/".join(rest)))
        else:
            self.answer(404, "text/plain", b"nothing here")

    def forward(self, path):
        request = urllib.request.Request(self.server.gateway + path, headers={"Accept": self.headers.get("Accept", "*/*")})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=120) as found:
                body = found.read()
                if self.server.rewrite:
                    body = self.server.rewrite(path, body)
                self.answer(found.status, found.headers["Content-Type"], body)
        except urllib.error.HTTPError as error:
            self.answer(error.code, error.headers.get("Content-Type", "text/plain"), error.read())

    def answer(self, status, kind, body, policy=None):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "private, no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        workers = "'self'" if self.server.has_workers else "'none'"
        self.send_header("Content-Security-Policy", policy or POLICY % workers)
        self.end_headers()
        server = self.server
        if not server.bytes_per_second:
            self.wfile.write(body)
            return
        time.sleep(server.delay)
        for start in range(0, len(body), 16384):
            piece = body[start:start + 16384]
            with server.line:  # one line for all who ask
                time.sleep(len(piece) / server.bytes_per_second)
            self.wfile.write(piece)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gateway", required=True)
    parser.add_argument("--study", action="append", required=True, metavar="UID")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--no-workers", action="store_true")
    parser.add_argument("--bytes-per-second", type=int, default=0, help="of a slow line")
    parser.add_argument("--delay", type=float, default=0, help="seconds before each answer, with --bytes-per-second")
    arguments = parser.parse_args()
    server = Server(arguments.gateway, arguments.study, arguments.port, has_workers=not arguments.no_workers)
    server.bytes_per_second, server.delay = arguments.bytes_per_second, arguments.delay
    print(server.url, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
