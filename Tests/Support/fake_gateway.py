#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Speaks the gateway's status socket, for the supervisor's tests.

Behaviour comes from DRIMBOX_FAKE: `exit=N` ends at once with status N, `mute-after=N` answers N requests for
/v1/pipeline and then none, `stubborn` ignores SIGTERM. Appends its process id to `starts` beside the socket.
"""
import argparse
import ctypes
import json
import os
import signal
import socketserver
import sys
import threading
import time
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler

PR_SET_PDEATHSIG = 1
STARTED = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
BEHAVIOUR = dict(item.partition("=")[::2] for item in os.environ.get("DRIMBOX_FAKE", "").split(",") if item)
ANSWERED = 0


def pipeline():
    return {
        "associations": {"open": 1, "accepted": 5, "rejected": 2, "aborted": 0},
        "receive": {
            "instances": 1300, "bytes": 209000000, "duplicates": 0, "replaced": 0, "refused": {"A700": 3},
            "flushes": 7, "flushSeconds": 0.25, "lastInstanceTime": STARTED,
        },
        "retrieve": {"requests": 4, "instances": 1300, "bytes": 209000000, "errors": {"404": 1}},
        "spool": {
            "capacityBytes": 1 << 30, "usedBytes": 1 << 28, "segments": 4, "segmentBytes": 1 << 28,
            "instances": 1300, "studies": 1, "evictedInstances": 0, "heldBytes": 1 << 20,
        },
        "process": {"residentBytes": 20 << 20, "cpuSeconds": 0.5, "startTime": STARTED},
    }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "unix"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        global ANSWERED
        path = self.path.partition("?")[0]
        if path == "/v1/pipeline":
            ANSWERED += 1
            if ANSWERED > int(BEHAVIOUR.get("mute-after", 1 << 30)):
                time.sleep(600)
            self.reply(pipeline())
        elif path == "/v1/events":
            self.events()
        else:
            self.send_error(404)

    def reply(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def events(self):
        since = int(self.path.partition("since=")[2] or 0)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for seq in range(since + 1, 3):
            event = {
                "seq": seq, "time": STARTED, "kind": "association.accepted", "severity": "info",
                "service": "gateway", "message": "association accepted", "attributes": {"number": str(seq)},
            }
            self.wfile.write(f"id: {seq}\ndata: {json.dumps(event)}\n\n".encode())
            self.wfile.flush()
        while True:
            time.sleep(5)
            self.wfile.write(b":\n\n")
            self.wfile.flush()


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", required=True)
    parser.add_argument("--supervised", action="store_true")
    arguments = parser.parse_args()
    with open(arguments.config) as file:
        path = json.load(file)["statusSocket"]
    if arguments.supervised:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    with open(os.path.join(os.path.dirname(path), "starts"), "a") as file:
        file.write(f"{os.getpid()}\n")
    if "exit" in BEHAVIOUR:
        sys.exit(int(BEHAVIOUR["exit"]))
    if os.path.exists(path):
        os.unlink(path)
    server = Server(path, Handler)
    if "stubborn" in BEHAVIOUR:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
