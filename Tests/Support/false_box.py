#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A host over TLS that is not the box for which it is taken; prints each request that comes, and whether with a token.

    false_box.py PORT CERTIFICATE KEY [LOCATION]

Redirects to LOCATION; without one it answers 404.
"""
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port, certificate, key = int(sys.argv[1]), sys.argv[2], sys.argv[3]
location = sys.argv[4] if len(sys.argv) > 4 else None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        print("GET %s%s" % (self.path, " with a token" if "Authorization" in self.headers else ""), flush=True)
        self.send_response(302 if location else 404)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()


class Server(ThreadingHTTPServer):
    def handle_error(self, *_):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server = Server(("127.0.0.1", port), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
