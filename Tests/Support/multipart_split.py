#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Splits a multipart body (RFC 2046 5.1, PS3.18 8.6.1.2) into one file per part.

    multipart_split.py FILE BOUNDARY|CONTENT_TYPE OUTDIR

CONTENT_TYPE is the whole header value, 'multipart/related; type="application/dicom"; boundary=...'.
Writes OUTDIR/part-000001 ... and prints {"parts", "bytes", "contentTypes"} as JSON. Anything that is
not a whole, well-formed body ends it with exit code 1. Python standard library only.
"""
import email.message
import json
import mmap
import pathlib
import sys

HEADER_LIMIT = 16384


class Malformed(ValueError):
    """The body breaks the grammar; the message says what was expected where."""


def boundary_of(argument):
    if "/" not in argument.split(";")[0]:
        return argument
    message = email.message.Message()
    message["Content-Type"] = argument
    boundary = message.get_param("boundary")
    if message.get_content_maintype() != "multipart" or not boundary:
        raise Malformed("content type: found %r, expected multipart/... with a boundary" % argument)
    return boundary


def parts(body, boundary):
    """Yields (headers, start, end) of each part; end is exclusive."""
    dash = b"--" + boundary.encode("ascii")
    position = 0 if body[:len(dash)] == dash else body.find(b"\r\n" + dash)
    if position < 0:
        raise Malformed("body: no %r" % dash)
    position += len(dash) + (0 if position == 0 and body[:len(dash)] == dash else 2)
    while body[position:position + 2] != b"--":
        line_end = body.find(b"\r\n", position)
        if line_end < 0 or body[position:line_end].strip(b" \t"):
            raise Malformed("offset %d: expected CRLF after the delimiter" % position)
        # A part without headers starts with an empty line.
        head_end = body.find(b"\r\n\r\n", line_end, line_end + HEADER_LIMIT)
        if head_end < 0:
            raise Malformed("offset %d: part headers do not end" % line_end)
        headers = {}
        for line in filter(None, body[line_end + 2:head_end].split(b"\r\n")):
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon:
                raise Malformed("offset %d: header without a colon" % line_end)
            headers[name.strip().lower()] = value.strip()
        start = head_end + 4
        # With a Content-Length the payload is not searched, so it may hold anything.
        length = headers.get("content-length")
        if length is not None:
            end = start + int(length)
            if body[end:end + 2 + len(dash)] != b"\r\n" + dash:
                raise Malformed("offset %d: no delimiter after Content-Length %s" % (start, length))
        else:
            end = body.find(b"\r\n" + dash, start)
            if end < 0:
                raise Malformed("offset %d: part does not end" % start)
        yield headers, start, end
        position = end + 2 + len(dash)


def split(path, boundary, out):
    """Writes the parts of `path` to the directory `out`; returns what the program prints."""
    out.mkdir(parents=True, exist_ok=True)
    count, total, types = 0, 0, {}
    if path.stat().st_size == 0:
        raise Malformed("body: empty")
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as body:
        for headers, start, end in parts(body, boundary):
            count += 1
            total += end - start
            kind = headers.get("content-type", "")
            types[kind] = types.get(kind, 0) + 1
            (out / ("part-%06d" % count)).write_bytes(body[start:end])
    return {"parts": count, "bytes": total, "contentTypes": types}


def main():
    if len(sys.argv) != 4:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        result = split(pathlib.Path(sys.argv[1]), boundary_of(sys.argv[2]), pathlib.Path(sys.argv[3]))
    except (Malformed, OSError) as error:
        print("multipart_split: %s: %s" % (sys.argv[1], error), file=sys.stderr)
        return 1
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
