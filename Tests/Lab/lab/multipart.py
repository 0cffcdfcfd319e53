# SPDX-License-Identifier: Apache-2.0
"""MTOM packages: multipart/related with an XOP root part (RFC 2387, XOP 1.0)."""
import base64
import email
import email.message
import email.policy
import functools
import re
import secrets


class MultipartError(Exception):
    pass


class Package:
    """The root part, its content type, and the other parts' bytes by Content-ID without brackets."""

    def __init__(self, root, root_type, parts):
        self.root = root
        self.root_type = root_type
        self.parts = parts


@functools.lru_cache(maxsize=256)
def parameters(content_type):
    """(media type in lower case, parameters) of a Content-Type value."""
    message = email.message.Message()
    message["Content-Type"] = content_type or ""
    return message.get_content_type(), dict(message.get_params([])[1:])


def unindented(body):
    """An indented dump of a package as a package: delimiters, part headers and XML declarations start their line."""
    boundary = body.lstrip().split(b"\n", 1)[0].strip()
    if not boundary.startswith(b"--"):
        raise MultipartError("the body does not begin with a boundary")
    lines, header = [], False
    for line in body.split(b"\n"):
        stripped = line.strip()
        if stripped in (boundary, boundary + b"--"):
            line, header = stripped, True
        elif header:
            line, header = stripped, bool(stripped)
        elif stripped.startswith(b"<?xml"):
            line = line.lstrip()
        lines.append(line.rstrip(b"\r"))
    return boundary[2:].decode("latin-1"), b"\r\n".join(lines)


def split(body, boundary):
    """The parts of a package, each with its header (RFC 2046 5.1.1)."""
    delimiter = b"\r\n--" + boundary
    pieces = (b"\r\n" + body).split(delimiter)
    if len(pieces) < 3 or not pieces[-1].startswith(b"--") or any(p.startswith(b"--") for p in pieces[1:-1]):
        raise MultipartError("the package does not end with its boundary")
    parts = []
    for piece in pieces[1:-1]:
        rest = piece.lstrip(b" \t")
        if not rest.startswith(b"\r\n"):
            raise MultipartError("a delimiter line does not end")
        parts.append(rest[2:])
    return parts


def decoded(piece, number):
    """Header and bytes of a part."""
    head, end, content = piece.partition(b"\r\n\r\n")
    message = email.message_from_bytes(head + b"\r\n\r\n", policy=email.policy.compat32)
    encoding = (message.get("Content-Transfer-Encoding") or "7bit").strip().lower()
    if not end or message.defects:
        raise MultipartError("the header of part %d is damaged" % number)
    if encoding == "base64":
        try:
            content = base64.b64decode(b"".join(content.split()), validate=True)
        except ValueError:
            raise MultipartError("part %d is no base64" % number) from None
    elif encoding not in ("binary", "8bit", "7bit"):
        raise MultipartError("part %d: Content-Transfer-Encoding %s is not known" % (number, encoding))
    return message, content


def parse(content_type, body, lenient=False):
    """A Package; MultipartError where it is none. `lenient` also takes an indented dump without its own header."""
    media, given = parameters(content_type)
    if lenient and (media != "multipart/related" or re.search(
            rb"^[ \t]+--" + re.escape(given.get("boundary", "").encode("latin-1")) + rb"(--)?[ \t]*$", body, re.M)):
        boundary, body = unindented(body)
        content_type = 'multipart/related; type="application/xop+xml"; boundary="%s"' % boundary
        media, given = parameters(content_type)
    if media != "multipart/related":
        raise MultipartError("Content-Type: found %s, expected multipart/related" % media)
    if given.get("type") != "application/xop+xml":
        raise MultipartError("Content-Type type: found %r, expected application/xop+xml" % given.get("type"))
    if not given.get("boundary"):
        raise MultipartError("Content-Type has no boundary")
    root, root_type, parts = None, None, {}
    for number, piece in enumerate(split(body, given["boundary"].encode("latin-1"))):
        head, content = decoded(piece, number + 1)
        identifier = (head.get("Content-ID") or "").strip()
        if number == 0 and "start" not in given or "start" in given and identifier == given["start"]:
            root, root_type = content, head.get("Content-Type", "")
            continue
        if not re.fullmatch(r"<[^<>]+>", identifier):
            raise MultipartError("part %d has no Content-ID" % (number + 1))
        if identifier[1:-1] in parts:
            raise MultipartError("Content-ID %s occurs twice" % identifier)
        parts[identifier[1:-1]] = content
    if root is None:
        raise MultipartError("no part is the start part")
    media, given = parameters(root_type)
    if media != "application/xop+xml" or given.get("type", "").split(";")[0] != "application/soap+xml":
        raise MultipartError("root part Content-Type: expected application/xop+xml with type application/soap+xml")
    return Package(root, root_type, parts)


def write(root, parts=(), start="root.message@cxf.apache.org", action=None):
    """(Content-Type, body) of a package; `parts` are (Content-ID, media type, bytes)."""
    boundary = "uuid:" + secrets.token_hex(16)
    content_type = ('multipart/related; type="application/xop+xml"; boundary="%s"; start="<%s>"; '
                    'start-info="application/soap+xml"' % (boundary, start))
    if action:
        content_type += '; action="%s"' % action
    pieces = [("application/xop+xml; charset=UTF-8; type=\"application/soap+xml\"", start, root)]
    pieces += [(media, identifier, content) for identifier, media, content in parts]
    out = bytearray()
    for media, identifier, content in pieces:
        out += ("--%s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <%s>\r\n\r\n"
                % (boundary, media, identifier)).encode("latin-1")
        out += content + b"\r\n"
    out += ("--%s--" % boundary).encode()
    return content_type, bytes(out)
