#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The other end of the cables of `network_lab`: a name server, a time server and a TCP listener.

Answers on whatever addresses its network namespace has. Takes one JSON object per line on standard input:
`{"ntp": SECONDS}` moves the time that is told, `{"connect": [HOST, PORT]}` opens a connection from here and tells
how it went. Ends with its standard input.
"""
import json
import socket
import struct
import sys
import threading
import time

SETTINGS = {"ntp": 0}
SINCE_1900 = 2_208_988_800


def names(server):
    while True:
        question, caller = server.recvfrom(4096)
        if len(question) >= 12:
            # A response, recursion available, no such name.
            server.sendto(question[:2] + b"\x81\x83" + question[4:], caller)


def hours(server):
    while True:
        request, caller = server.recvfrom(4096)
        if len(request) < 48:
            continue
        now = time.time() + SETTINGS["ntp"] + SINCE_1900
        stamp = struct.pack("!II", int(now) & 0xFFFFFFFF, int(now % 1 * 2**32))
        head = bytes([0x24, 2, 6, 0xEC]) + bytes(8) + b"LAB\0"
        server.sendto(head + stamp + request[40:48] + stamp + stamp, caller)


def connections(server):
    while True:
        server.accept()[0].close()


def connect(host, port):
    start = time.monotonic()
    try:
        socket.create_connection((host, port), timeout=1.5).close()
        how = "connected"
    except TimeoutError:
        how = "silent"
    except OSError as error:
        how = type(error).__name__
    return {"how": how, "seconds": round(time.monotonic() - start, 3)}


def main():
    for port, answer in ((53, names), (123, hours)):
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("", port))
        threading.Thread(target=answer, args=(server,), daemon=True).start()
    listener = socket.create_server(("", 3128))
    threading.Thread(target=connections, args=(listener,), daemon=True).start()
    print("{}", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        answer = connect(*order.pop("connect")) if "connect" in order else {}
        SETTINGS.update(order)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
