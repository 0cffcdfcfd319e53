# SPDX-License-Identifier: Apache-2.0
"""MLLP (release 1): sends HL7 messages, reads their acknowledgements."""
import re
import socket
import ssl

START, END = b"\x0b", b"\x1c\r"


class MLLPError(Exception):
    pass


class Sender:
    """A connection to a receiver of messages; TLS with `tls`, an ssl.SSLContext."""

    def __init__(self, host, port, tls=None, timeout=30, server_name=None):
        self.socket = socket.create_connection((host, port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname=server_name or host)
        self.buffer = b""

    def close(self):
        self.socket.close()

    def send(self, message):
        """The acknowledgement, without its frame."""
        self.socket.sendall(START + message + END)
        while END not in self.buffer:
            received = self.socket.recv(1 << 16)
            if not received:
                raise MLLPError("the connection ended before the acknowledgement")
            self.buffer += received
        frame, _, self.buffer = self.buffer.partition(END)
        if not frame.startswith(START):
            raise MLLPError("the acknowledgement does not begin with 0x0B")
        return frame[1:]


def acknowledgement_code(message):
    """MSA-1 and MSA-2; empty where there is no MSA."""
    for line in re.split(rb"[\r\n]+", message):
        fields = line.split(b"|")
        if fields[0] == b"MSA":
            return tuple(f.decode("latin-1") for f in (fields + [b"", b""])[1:3])
    return "", ""


def control_id(message):
    """MSH-10."""
    fields = re.split(rb"[\r\n]", message, maxsplit=1)[0].split(b"|")
    return fields[9].decode("latin-1") if len(fields) > 9 else ""


def context(ca=None, certificate=None, key=None, insecure=False):
    made = ssl.create_default_context(cafile=ca)
    if insecure:
        made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    if certificate:
        made.load_cert_chain(certificate, key)
    return made
