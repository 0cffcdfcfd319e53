#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The vendor's update server, with faults on demand: a tree with ranges and ETags, events, states.

    update_server.py TREE [--host ADDRESS] [--port N] [--tls CERTIFICATE KEY [--clients AUTHORITIES]] [--retry MILLISECONDS]

Prints "PORT n" when it listens. With --clients who calls has to show a certificate of these. GET /v1/events is an event stream (a comment every second), POST /v1/state keeps a state.
For tests: POST /control takes {"fault": NAME, "path": PART} for what is asked for by a path with PART in it, {"event": TEXT},
{"cut": true} (all event streams end), {"off_s": SECONDS} (all streams end and nothing is answered for so long); GET
/control tells the connections of the event stream, as [seconds since it began to answer, Last-Event-ID], the states, and the
addresses that have called.
"""
import argparse
import hashlib
import http.server
import json
import os
import re
import socket
import ssl
import threading
import time

fault = {"fault": None, "path": ""}
events, connections, states, peers = [], [], [], set()
changed = threading.Condition()
generation = 0
answers_from = time.monotonic()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        if isinstance(self.request, ssl.SSLSocket):
            try:
                self.request.do_handshake()
            except ssl.SSLError:
                # What nobody reads before the end makes the kernel take the alert back.
                self.request.settimeout(1)
                while socket.socket.recv(self.request, 1 << 16):
                    pass
                raise
        super().setup()

    def log_message(self, *_):
        pass

    def answer(self, status, content=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self):
        global generation, answers_from
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/v1/state":
            if fault["path"] and fault["path"] in self.path:
                return self.answer(int(fault["fault"]))
            states.append(json.loads(body))
            return self.answer(204)
        if self.path != "/control":
            return self.answer(404)
        wish = json.loads(body)
        with changed:
            if "fault" in wish:
                fault.update(wish)
            if "event" in wish:
                events.append(wish["event"])
            if "cut" in wish or "off_s" in wish:
                generation += 1
                answers_from = time.monotonic() + wish.get("off_s", 0)
            changed.notify_all()
        self.answer(200)

    def do_GET(self):
        peers.add(self.client_address[0])
        if self.path == "/control":
            return self.answer(200, json.dumps({"connections": connections, "states": states,
                                                "peers": sorted(peers)}).encode())
        if time.monotonic() < answers_from:
            self.close_connection = True
            return None
        if self.path == "/v1/events":
            return self.stream()
        return self.file()

    def stream(self):
        with changed:
            mine = generation
            last = self.headers.get("Last-Event-ID")
            connections.append([time.monotonic() - answers_from, last])
            position = int(last) if last else len(events)
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        retry = f"retry: {arguments.retry}\n" if arguments.retry else ""
        self.wfile.write(f"{retry}id: {position}\n\n".encode())
        try:
            while True:
                with changed:
                    changed.wait_for(lambda: generation != mine or len(events) > position, timeout=1)
                    if generation != mine:
                        return
                    news = events[position:]
                if not news and fault["fault"] != "silence":
                    self.wfile.write(b": ping\n\n")
                for text in news:
                    position += 1
                    self.wfile.write(f"id: {position}\ndata: {text}\n\n".encode())
        except OSError:
            pass

    def file(self):
        path = os.path.normpath(os.path.join(arguments.tree, self.path.lstrip("/")))
        if not path.startswith(os.path.abspath(arguments.tree) + os.sep) or not os.path.isfile(path):
            return self.answer(404)
        kind = fault["fault"] if fault["path"] and fault["path"] in self.path else None
        with open(path, "rb") as file:
            content = file.read()
        if kind and kind.isdigit():
            return self.answer(int(kind), Retry_After="7", Location="/elsewhere")
        tag = '"' + hashlib.sha256(content + (b"x" if kind == "changed" else b"")).hexdigest()[:16] + '"'
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if self.headers.get("If-Range", tag) != tag or kind == "whole":
            wanted = None
        headers = {"ETag": tag}
        status, total = 200, len(content)
        if wanted:
            first, last = int(wanted[1]), min(int(wanted[2]), total - 1)
            if first > last:
                return self.answer(416)
            if kind == "range":
                first, last = first + 1, last + 1
            status, content = 206, content[first:last + 1]
            headers["Content-Range"] = f"bytes {first}-{last}/{total}"
        if kind not in ("truncation", "stall", "slow"):
            return self.answer(status, content, **headers)
        self.close_connection = True
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        try:
            if kind == "slow":
                for byte in content:
                    self.wfile.write(bytes([byte]))
                    time.sleep(0.05)
                return None
            self.wfile.write(content[:len(content) // 2])
            if kind == "stall":
                time.sleep(5)
        except OSError:
            pass
        return None


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, request, client_address):
        pass


parser = argparse.ArgumentParser()
parser.add_argument("tree")
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--tls", nargs=2)
parser.add_argument("--clients")
parser.add_argument("--retry", type=int)
arguments = parser.parse_args()
arguments.tree = os.path.abspath(arguments.tree)
server = Server((arguments.host, arguments.port), Handler)
if arguments.tls:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*arguments.tls)
    if arguments.clients:
        context.load_verify_locations(arguments.clients)
        context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(f"PORT {server.server_address[1]}", flush=True)
server.serve_forever()
