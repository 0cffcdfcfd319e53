#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A Storage SCU made of bytes, for tests that need what a well-behaved toolkit does not do.

    raw_scu.py HOST PORT --called DRIMBOX [--calling TEST] [--study UID] [--first 1] [--count 10]
               [--size BYTES] [--pdu BYTES] [--associations N] [--hold SECONDS] [--cut-after BYTES]
               [--wrong-class | --wrong-instance | --no-study | --other-bytes]

Sends `count` instances of `size` pixel bytes on each of `associations` associations at once (each with a
series of its own) and prints, unbuffered, one line per step:
    accepted A | rejected A RESULT SOURCE REASON | sending UID SHA256 | answered UID STATUS COMMENT
SHA256 is that of the data set. The instances of one (study, association, number) are always the same bytes;
--other-bytes gives others under the same UIDs. --cut-after closes the socket after that many payload bytes of
the first instance. Python standard library only.
"""
import argparse
import hashlib
import socket
import struct
import sys
import threading
import time

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
BLOCK = 1 << 20
print_lock = threading.Lock()


def say(*words):
    with print_lock:
        print(*words, flush=True)


def item(kind, content):
    return struct.pack(">BBH", kind, 0, len(content)) + content


def associate_rq(called, calling, maximum_pdu):
    syntaxes = item(0x30, CT.encode()) + item(0x40, EXPLICIT_LE.encode())
    user = item(0x51, struct.pack(">I", maximum_pdu)) + item(0x52, b"1.2.3.4")
    body = struct.pack(">HH", 1, 0) + called.ljust(16).encode() + calling.ljust(16).encode() + bytes(32)
    body += item(0x10, b"1.2.840.10008.3.1.1.1")
    body += item(0x20, bytes([1, 0, 0, 0]) + syntaxes)
    body += item(0x50, user)
    return struct.pack(">BBI", 1, 0, len(body)) + body


def command_element(element, value):
    return struct.pack("<HHI", 0, element, len(value)) + value


def text(value):
    value = value.encode()
    return value + b"\0" * (len(value) % 2)


def c_store_rq(message_id, sop_class, instance):
    body = command_element(0x0002, text(sop_class))
    body += command_element(0x0100, struct.pack("<H", 0x0001))
    body += command_element(0x0110, struct.pack("<H", message_id))
    body += command_element(0x0700, struct.pack("<H", 0))
    body += command_element(0x0800, struct.pack("<H", 0))
    body += command_element(0x1000, text(instance))
    command = command_element(0x0000, struct.pack("<I", len(body))) + body
    return struct.pack(">BBIIBB", 4, 0, len(command) + 6, len(command) + 2, 1, 3) + command


def element(group, number, vr, value):
    if isinstance(value, str):
        value = value.encode() + (b"\0" if vr == "UI" else b" ") * (len(value) % 2)
    return struct.pack("<HH2sH", group, number, vr.encode(), len(value)) + value


def data_set_head(options, study, series, instance, number):
    named = options.wrong_instance and instance + ".9" or instance
    head = element(8, 0x16, "UI", MR if options.wrong_class else CT) + element(8, 0x18, "UI", named)
    head += element(8, 0x20, "DA", "20260102") + element(8, 0x50, "SH", "ACN1") + element(8, 0x60, "CS", "CT")
    head += element(0x10, 0x10, "PN", "RAW^TEST") + element(0x10, 0x20, "LO", "RAW1")
    if not options.no_study:
        head += element(0x20, 0x0D, "UI", study)
    head += element(0x20, 0x0E, "UI", series) + element(0x20, 0x13, "IS", str(number))
    return head + struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OW", 0, options.size)


def pixels(options, instance):
    """The pixel bytes in blocks: they follow from the UID, so that a reader can check them."""
    salt = b"other" if options.other_bytes else b""
    block = hashlib.shake_128(instance.encode() + salt).digest(min(options.size, BLOCK))
    left = options.size
    while left > 0:
        yield block[:left]
        left -= len(block)


class Association:
    def __init__(self, options, number):
        self.options, self.number = options, number
        self.socket = socket.create_connection((options.host, options.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(associate_rq(options.called, options.calling, options.pdu))

    def receive(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise ConnectionError("closed by the peer")
            data += piece
        return data

    def pdu(self):
        kind, _, length = struct.unpack(">BBI", self.receive(6))
        return kind, self.receive(length)

    def negotiate(self):
        kind, body = self.pdu()
        if kind == 3:
            say("rejected", self.number, body[1], body[2], body[3])
            return False
        self.maximum = self.options.pdu
        at = 68
        while at + 4 <= len(body):
            item_kind, length = body[at], struct.unpack(">H", body[at + 2:at + 4])[0]
            if item_kind == 0x50:
                self.maximum = struct.unpack(">I", body[at + 8:at + 12])[0] or self.options.pdu
            at += 4 + length
        self.maximum = min(self.maximum, self.options.pdu)
        say("accepted", self.number)
        return True

    def data_pdus(self, blocks):
        """The blocks cut into P-DATA-TF PDUs of one PDV each; the last one carries the last bit."""
        room = self.maximum - 6
        waiting = b""
        for block in blocks:
            waiting += block
            while len(waiting) > room:
                yield struct.pack(">BBIIBB", 4, 0, room + 6, room + 2, 1, 0), waiting[:room]
                waiting = waiting[room:]
        yield struct.pack(">BBIIBB", 4, 0, len(waiting) + 6, len(waiting) + 2, 1, 2), waiting

    def store(self, message_id, number):
        options = self.options
        series = "%s.%d" % (options.study, self.number)
        instance = "%s.%d" % (series, number)
        head = data_set_head(options, options.study, series, instance, number)
        digest = hashlib.sha256(head)
        if not options.no_hash:
            for block in pixels(options, instance):
                digest.update(block)
        say("sending", instance, digest.hexdigest())
        self.socket.sendall(c_store_rq(message_id, CT, instance))

        def blocks():
            yield head
            yield from pixels(options, instance)

        sent = 0
        for prefix, payload in self.data_pdus(blocks()):
            self.socket.sendall(prefix + payload)
            sent += len(payload)
            if options.cut_after is not None and sent >= options.cut_after:
                self.socket.close()
                say("cut", instance)
                sys.exit(0)
        kind, body = self.pdu()
        if kind != 4:
            raise ConnectionError("PDU type %d instead of a C-STORE-RSP" % kind)
        status, comment = None, ""
        at = 6
        while at + 8 <= len(body):
            _, number_, length = struct.unpack("<HHI", body[at:at + 8])
            value = body[at + 8:at + 8 + length]
            if number_ == 0x0900:
                status = struct.unpack("<H", value)[0]
            if number_ == 0x0902:
                comment = value.decode("ascii", "replace").strip()
            at += 8 + length
        say("answered", instance, "%04X" % status, comment)

    def release(self):
        self.socket.sendall(struct.pack(">BBII", 5, 0, 4, 0))
        self.pdu()
        self.socket.close()


def work(options, number, ready):
    try:
        association = Association(options, number)
        accepted = association.negotiate()
    finally:
        ready.wait()
    if not accepted:
        return
    for step in range(options.count):
        association.store(step % 65535 + 1, options.first + step)
    time.sleep(options.hold)
    association.release()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--called", default="DRIMBOX")
    parser.add_argument("--calling", default="TEST")
    parser.add_argument("--study", default="2.25.4711")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--size", type=int, default=65536)
    parser.add_argument("--pdu", type=int, default=131072)
    parser.add_argument("--associations", type=int, default=1)
    parser.add_argument("--hold", type=float, default=0)
    parser.add_argument("--cut-after", type=int)
    for flag in ("--wrong-class", "--wrong-instance", "--no-study", "--other-bytes", "--no-hash"):
        parser.add_argument(flag, action="store_true")
    options = parser.parse_args()
    ready = threading.Barrier(options.associations)
    failures = []

    def guarded(number):
        try:
            work(options, number, ready)
        except (OSError, ConnectionError) as error:
            failures.append(error)
            say("failed", number, error)

    threads = [threading.Thread(target=guarded, args=(n + 1,)) for n in range(options.associations)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.exit(1 if failures else 0)


main()
