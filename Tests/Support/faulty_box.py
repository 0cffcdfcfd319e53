#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A box that misbehaves in one way when asked for a series by WADO-RS.

    faulty_box.py MODE PORT FOLDER

MODE: cut (the first response ends in the middle of an instance, then behaves), redirect (302), busy (503 with
Retry-After once, then behaves), truncated (a whole HTTP response whose multipart body lacks its end).
"""
import pathlib
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from pydicom import dcmread

mode, port, folder = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3])
files = {str(dcmread(path, stop_before_pixels=True).SOPInstanceUID): path.read_bytes()
         for path in sorted(folder.rglob("*")) if path.is_file()}
requests = 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        global requests
        requests += 1
        print(self.path.split("/")[-2:], flush=True)
        if mode == "redirect":
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:%d/elsewhere" % port)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if mode == "busy" and requests == 1:
            self.send_response(503)
            self.send_header("Retry-After", "1")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        wanted = [uid for uid in files if self.path.endswith("/" + uid)] or list(files)
        body = b"".join(b"--b\r\nContent-Type: application/dicom\r\n\r\n" + files[uid] + b"\r\n" for uid in wanted)
        if mode != "truncated":
            body += b"--b--\r\n"
        self.send_response(200)
        self.send_header("Content-Type", 'multipart/related; type="application/dicom"; boundary=b')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if mode == "cut" and requests == 1:
            self.wfile.write(body[: len(body) * 6 // 10])
            self.close_connection = True
            return
        self.wfile.write(body)


HTTPServer(("127.0.0.1", port), Handler).serve_forever()
