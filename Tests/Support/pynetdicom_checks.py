#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks a Storage SCP what stock senders do not: odd fragments, tiny PDUs, aborts, windows, roles.

    pynetdicom_checks.py HOST PORT CALLING CALLED [--accepts-unknown] [--only NAME]

Messages are encoded by pynetdicom and put on a plain socket, so that a check decides where a PDU or a
PDV ends. Prints a JSON list of {"check", "ok", "detail"}: ok is true, false, or null where the standard
leaves the answer open. Exit code 0 when none is false. --accepts-unknown: the peer takes any AE title.
"""
import argparse
import io
import json
import random
import socket
import struct
import sys
import time

from pydicom.uid import UID
from pynetdicom import build_context
from pynetdicom.dimse_messages import C_ECHO_RQ, C_STORE_RQ
from pynetdicom.dimse_primitives import C_ECHO, C_STORE
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    AsynchronousOperationsWindowNegotiation,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
)

import make_study

CT, EXPLICIT_LE = make_study.CT_IMAGE_STORAGE, make_study.EXPLICIT_VR_LITTLE_ENDIAN
VERIFICATION, PRINT_MANAGEMENT = "1.2.840.10008.1.1", "1.2.840.10008.5.1.1.9"
ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)
STORE_CONTEXT, ECHO_CONTEXT = 1, 3
TIMEOUT = 20  # seconds; a peer that says nothing for so long fails the check
COMMAND, LAST = 1, 2  # message control header, PS3.8 E.2


class Closed(Exception):
    """The peer closed or reset the connection."""


class Peer:
    """A connection with an association request of our making."""

    host, port, calling, called = "127.0.0.1", 0, "CHECKS", "ANY-SCP"

    def __init__(self):
        self.socket = socket.create_connection((self.host, self.port), TIMEOUT)
        self.socket.settimeout(TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.longest = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, content):
        try:
            self.socket.sendall(content)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Closed() from error

    def read(self, count):
        content = b""
        while len(content) < count:
            try:
                piece = self.socket.recv(count - len(content))
            except ConnectionResetError as error:
                raise Closed() from error
            if not piece:
                raise Closed()
            content += piece
        return content

    def pdu(self):
        """(type, whole PDU) of the next PDU."""
        head = self.read(6)
        length = struct.unpack(">I", head[2:])[0]
        self.longest = max(self.longest, length)
        return head[0], head + self.read(length)

    def associate(self, maximum=16384, extra=(), contexts=None, calling=None, called=None):
        """Requests an association; returns (PDU type, decoded A-ASSOCIATE-AC or the PDU's bytes)."""
        request = A_ASSOCIATE()
        request.application_context_name = UID("1.2.840.10008.3.1.1.1")
        request.calling_ae_title, request.called_ae_title = calling or self.calling, called or self.called
        request.presentation_context_definition_list = contexts or [
            context(CT, EXPLICIT_LE, STORE_CONTEXT), context(VERIFICATION, EXPLICIT_LE, ECHO_CONTEXT)]
        length, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
        length.maximum_length_received = maximum
        implementation.implementation_class_uid = UID(make_study.IMPLEMENTATION_CLASS_UID)
        request.user_information = [length, implementation, *extra]
        pdu = A_ASSOCIATE_RQ()
        pdu.from_primitive(request)
        self.send(pdu.encode())
        kind, content = self.pdu()
        if kind != ASSOCIATE_AC:
            return kind, content
        answer = A_ASSOCIATE_AC()
        answer.decode(content)
        return kind, answer

    def command(self):
        """The next command set, reassembled: {element: bytes}."""
        content = b""
        while True:
            kind, pdu = self.pdu()
            if kind != P_DATA:
                raise Closed("PDU type %d" % kind)
            offset = 6
            while offset < len(pdu):
                length, _, control = struct.unpack_from(">IBB", pdu, offset)
                content += pdu[offset + 6:offset + 4 + length]
                offset += 4 + length
                if control & LAST:
                    return elements(content)

    def status(self):
        return struct.unpack("<H", self.command()[0x0900])[0]

    def release(self):
        self.send(bytes([RELEASE_RQ, 0, 0, 0, 0, 4, 0, 0, 0, 0]))
        return self.pdu()[0] == RELEASE_RP

    def ended(self):
        """How the peer ends the connection: 'abort', 'closed', or what it said instead."""
        try:
            kind, _ = self.pdu()
        except Closed:
            return "closed"
        except socket.timeout:
            return "silence"
        return "abort" if kind == ABORT else "PDU type %d" % kind


def context(abstract, transfer, identifier):
    item = build_context(abstract, transfer)
    item.context_id = identifier
    return item


def elements(content):
    found, offset = {}, 0
    while offset + 8 <= len(content):
        _, number, length = struct.unpack_from("<HHI", content, offset)
        found[number] = content[offset + 8:offset + 8 + length]
        offset += 8 + length
    return found


def pdv(control, payload, identifier=STORE_CONTEXT):
    return struct.pack(">IBB", len(payload) + 2, identifier, control) + payload


def p_data(*pdvs):
    content = b"".join(pdvs)
    return struct.pack(">BBI", P_DATA, 0, len(content)) + content


class Instance:
    """A small CT instance with new UIDs: command set and data set bytes."""

    numbers = random.Random()

    def __init__(self, rows=64, message=1):
        self.uid = make_study.uid(self.numbers)
        study = {"uid": make_study.uid(self.numbers), "frame": make_study.uid(self.numbers),
                 "patient": "FICTIF-CHECK", "accession": "CHECK"}
        series = {"uid": make_study.uid(self.numbers), "number": 1, "description": "checks"}
        pixels = make_study.phantom(0, rows, self.numbers)
        self.data_set = make_study.data_set(study, series, 0, self.uid, rows, pixels)
        request = C_STORE()
        request.MessageID, request.Priority = message, 2
        request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = CT, self.uid
        request.DataSet = io.BytesIO(self.data_set)
        self.command = encoded_command(C_STORE_RQ, request)

    def pdus(self, size=16000):
        """The message in ordinary PDUs, one PDV each."""
        yield p_data(pdv(COMMAND | LAST, self.command))
        for control, piece in cut(self.data_set, lambda: size):
            yield p_data(pdv(control, piece))


def encoded_command(message_type, primitive):
    message = message_type()
    message.primitive_to_message(primitive)
    first = next(message.encode_msg(STORE_CONTEXT, 0))
    return bytes(first.presentation_data_value_list[0][1][1:])


def cut(content, size):
    """(control, piece) pairs of the data set; the last carries the last-fragment bit."""
    offset = 0
    while offset < len(content):
        piece = content[offset:offset + size()]
        offset += len(piece)
        yield (LAST if offset == len(content) else 0), piece


def stored(peer):
    status = peer.status()
    return status == 0 and peer.release(), "status 0x%04X" % status


# Each check returns (ok, detail).

def check_echo():
    request = C_ECHO()
    request.MessageID, request.AffectedSOPClassUID = 7, VERIFICATION
    with Peer() as peer:
        peer.associate()
        peer.send(p_data(pdv(COMMAND | LAST, encoded_command(C_ECHO_RQ, request), ECHO_CONTEXT)))
        answer = peer.command()
        same = answer[0x0120] == struct.pack("<H", 7) and answer[0x0100] == struct.pack("<H", 0x8030)
        return same and answer[0x0900] == b"\0\0" and peer.release(), "status %s" % answer[0x0900].hex()


def check_store():
    with Peer() as peer:
        peer.associate()
        peer.send(b"".join(Instance().pdus()))
        return stored(peer)


def check_odd_fragments():
    # PS3.8 E.1 wants even fragments; senders in the field do not keep to it, so refusal is allowed.
    with Peer() as peer:
        peer.associate()
        instance, sizes = Instance(), random.Random(1)
        peer.send(p_data(pdv(COMMAND, instance.command[:33]), pdv(COMMAND | LAST, instance.command[33:])))
        for control, piece in cut(instance.data_set, lambda: sizes.choice((1, 3, 77, 1001, 7777))):
            peer.send(p_data(pdv(control, piece)))
        ok, detail = stored(peer)
        return ok or None, detail


def check_tiny_fragments():
    # 2-byte fragments, each in its own PDU: 14 bytes on the wire for 2 of the data set.
    with Peer() as peer:
        peer.associate()
        instance = Instance()
        peer.send(b"".join(p_data(pdv(c, p)) for c, p in [(COMMAND | LAST, instance.command)])
                  + b"".join(p_data(pdv(c, p)) for c, p in cut(instance.data_set, lambda: 2)))
        return stored(peer)


def check_byte_by_byte():
    # The first 2 KiB arrive one byte per segment: no header may be expected whole in one read.
    with Peer() as peer:
        peer.associate()
        content = b"".join(Instance().pdus())
        for k in range(2048):
            peer.send(content[k:k + 1])
        peer.send(content[2048:])
        return stored(peer)


def check_empty_last_fragment():
    with Peer() as peer:
        peer.associate()
        instance = Instance()
        peer.send(p_data(pdv(COMMAND | LAST, instance.command)) + p_data(pdv(0, instance.data_set[:8000]))
                  + p_data(pdv(0, instance.data_set[8000:])) + p_data(pdv(LAST, b"")))
        return stored(peer)


def check_small_receive_limit():
    # We take PDUs of at most 32 bytes: the answer has to come in pieces (PS3.8 D.1).
    with Peer() as peer:
        kind, _ = peer.associate(maximum=32)
        if kind != ASSOCIATE_AC:
            return None, "association refused, PDU type %d" % kind
        peer.longest = 0
        peer.send(b"".join(Instance().pdus()))
        status = peer.status()
        return status == 0 and peer.longest <= 32, "longest PDU %d, status 0x%04X" % (peer.longest, status)


def check_abort_in_mid_transfer():
    instance = Instance(rows=256)
    with Peer() as peer:
        peer.associate()
        content = b"".join(instance.pdus())
        peer.send(content[:len(content) // 2])
    with Peer() as peer:
        peer.associate()
        pdus = list(instance.pdus())
        peer.send(b"".join(pdus[:len(pdus) // 2]) + bytes([ABORT, 0, 0, 0, 0, 4, 0, 0, 0, 0]))
        how = peer.ended()
    with Peer() as peer:
        peer.associate()
        peer.send(b"".join(instance.pdus()))
        ok, detail = stored(peer)
        return ok and how == "closed", "after A-ABORT %s; sent again: %s" % (how, detail)


def check_asynchronous_operations():
    window = AsynchronousOperationsWindowNegotiation()
    window.maximum_number_operations_invoked, window.maximum_number_operations_performed = 4, 1
    with Peer() as peer:
        _, answer = peer.associate(extra=[window])
        offered = [i for i in answer.user_information.user_data
                   if type(i).__name__.startswith("AsynchronousOperations")]
        performed = offered[0].maximum_number_operations_invoked if offered else 1
        if performed == 1:
            return None, "window of one operation"
        count = 4 if performed == 0 else min(4, performed)
        instances = [Instance(message=k + 1) for k in range(count)]
        peer.send(b"".join(p for instance in instances for p in instance.pdus()))
        answers = [peer.command() for _ in instances]
        ids = sorted(struct.unpack("<H", a[0x0120])[0] for a in answers)
        ok = all(a[0x0900] == b"\0\0" for a in answers) and ids == list(range(1, count + 1))
        return ok and peer.release(), "window %d, answers to messages %s" % (performed, ids)


def check_role_selection():
    role = SCP_SCU_RoleSelectionNegotiation()
    role.sop_class_uid, role.scu_role, role.scp_role = CT, True, True
    with Peer() as peer:
        _, answer = peer.associate(extra=[role])
        items = [i for i in answer.user_information.user_data if type(i).__name__.startswith("SCP_SCU_Role")]
        if not items:
            return True, "no answer: the requestor stays SCU"
        scu, scp = bool(items[0].scu_role), bool(items[0].scp_role)
        return scu and not scp, "scu %s, scp %s" % (scu, scp)


def check_unsupported_abstract_syntax():
    contexts = [context(PRINT_MANAGEMENT, EXPLICIT_LE, 1), context(VERIFICATION, EXPLICIT_LE, 3)]
    with Peer() as peer:
        kind, answer = peer.associate(contexts=contexts)
        if kind != ASSOCIATE_AC:
            return False, "PDU type %d" % kind
        results = {c.context_id: c.result for c in answer.presentation_context}
        return results == {1: 3, 3: 0}, "results %s" % results


def rejected(expected, **titles):
    with Peer() as peer:
        kind, content = peer.associate(**titles)
        if kind != ASSOCIATE_RJ:
            return False, "accepted" if kind == ASSOCIATE_AC else "PDU type %d" % kind
        found = tuple(content[7:10])
        return found == expected, "result %d, source %d, reason %d" % found


def check_unknown_calling_ae():
    return rejected((1, 1, 3), calling="NOBODY-KNOWS")


def check_unknown_called_ae():
    return rejected((1, 1, 7), called="NOBODY-HERE")


def check_pdu_longer_than_announced():
    with Peer() as peer:
        _, answer = peer.associate()
        maximum = answer.user_information.maximum_length
        if not maximum:
            return None, "no maximum announced"
        instance = Instance(rows=512)
        peer.send(p_data(pdv(COMMAND | LAST, instance.command)))
        try:
            peer.send(p_data(pdv(0, instance.data_set[:maximum + 2])))
            how = peer.ended()
        except Closed:
            how = "closed"
        return how in ("abort", "closed"), how


def broken(content, associate=True):
    """Sends bytes that break the protocol; a peer has to abort or close."""
    with Peer() as peer:
        if associate:
            peer.associate()
        try:
            peer.send(content)
            how = peer.ended()
        except Closed:
            how = "closed"
        return how in ("abort", "closed"), how


def check_data_before_command():
    return broken(p_data(pdv(LAST, b"\x08\0\x05\0CS\x0a\0ISO_IR 100")))


def check_unknown_context():
    return broken(p_data(pdv(COMMAND | LAST, Instance().command, 99)))


def check_fragment_longer_than_its_pdu():
    return broken(struct.pack(">BBIIBB", P_DATA, 0, 10, 5000, STORE_CONTEXT, LAST) + bytes(6))


def check_unknown_pdu_type():
    return broken(b"\x63\0\0\0\0\4abcd")


def check_not_dicom():
    return broken(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", associate=False)


def check_huge_associate_length():
    return broken(struct.pack(">BBI", ASSOCIATE_RQ, 0, 0xFFFFFFF0) + bytes(70000), associate=False)


def check_data_set_without_uids():
    # The peer must refuse the instance (PS3.4 B.2.3: A9xx or Cxxx) and keep the association.
    with Peer() as peer:
        peer.associate()
        instance = Instance()
        short = make_study.element(0x0008, 0x0005, "CS", "ISO_IR 100")
        peer.send(p_data(pdv(COMMAND | LAST, instance.command)) + p_data(pdv(LAST, short)))
        status = peer.status()
        peer.send(b"".join(Instance(message=2).pdus()))
        ok, detail = stored(peer)
        return (ok or False) and (status >> 8 == 0xA9 or status >> 12 == 0xC or None), \
            "status 0x%04X, next instance: %s" % (status, detail)


def check_release_without_data():
    with Peer() as peer:
        peer.associate()
        return peer.release(), "A-RELEASE-RP"


def check_many_fragments_in_one_pdu():
    # Last, because DCMTK 3.6.7 (storescp, Orthanc) ends with a segmentation fault here.
    with Peer() as peer:
        peer.associate()
        instance = Instance()
        pieces = [pdv(control, piece) for control, piece in cut(instance.data_set, lambda: 200)]
        peer.send(p_data(pdv(COMMAND | LAST, instance.command), *pieces[:40]))
        for first in range(40, len(pieces), 40):
            peer.send(p_data(*pieces[first:first + 40]))
        return stored(peer)


NEEDS_KNOWN_PEERS = ("unknown_calling_ae", "unknown_called_ae")


def main():
    checks = {name[6:]: check for name, check in globals().items() if name.startswith("check_")}
    parser = argparse.ArgumentParser(description="Checks a Storage SCP with unusual senders.")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("calling")
    parser.add_argument("called")
    parser.add_argument("--accepts-unknown", action="store_true", help="the peer takes any AE title")
    parser.add_argument("--only", choices=sorted(checks), help="one check instead of all")
    options = parser.parse_args()
    Peer.host, Peer.port = options.host, options.port
    Peer.calling, Peer.called = options.calling, options.called

    results = []
    for name, check in checks.items():
        if options.only not in (None, name) or options.accepts_unknown and name in NEEDS_KNOWN_PEERS:
            continue
        started = time.monotonic()
        try:
            ok, detail = check()
        except (Closed, OSError, KeyError, AttributeError) as error:
            ok, detail = (None if name == "odd_fragments" else False), "%s %s" % (type(error).__name__, error)
        results.append({"check": name, "ok": ok, "detail": detail.strip(),
                        "seconds": round(time.monotonic() - started, 2)})
    print("[\n" + ",\n".join(" " + json.dumps(result) for result in results) + "\n]")
    return 1 if any(result["ok"] is False for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
