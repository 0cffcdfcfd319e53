#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sends Part 10 files with pynetdicom, each in its own transfer syntax and byte for byte as it is.

    pynetdicom_send.py HOST PORT CALLING CALLED FILES...

One association for every 128 (SOP class, transfer syntax) pairs, a new one after an abort. Prints a JSON line
{"file", "status", "comment"} for each file: status is a number, or null with the reason in comment
when no answer came. Exit code 0 when every status is success or warning.
"""
import json
import pathlib
import sys

from pynetdicom import AE, _config, build_context

from part10 import NotPart10, read_file_meta

MAXIMUM_CONTEXTS = 128  # PS3.8 9.3.2.2: odd identifiers 1 ... 255
# Data set bytes go from the file to the wire; pynetdicom neither decodes nor encodes them.
_config.STORE_SEND_CHUNKED_DATASET = True


def report(path, status, comment):
    print(json.dumps({"file": str(path), "status": status, "comment": comment}), flush=True)
    # PS3.7 C.1 and C.2: success, warning.
    return status is not None and (status in (0x0000, 0x0001, 0x0107, 0x0116) or status >> 12 == 0xB)


def send(association, path):
    try:
        answer = association.send_c_store(str(path))
    except (ValueError, RuntimeError, OSError) as error:
        return report(path, None, str(error))
    if "Status" not in answer:
        return report(path, None, "no answer: connection closed, aborted or timed out")
    return report(path, answer.Status, str(answer.get("ErrorComment", "")))


def main():
    if len(sys.argv) < 6:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    host, port, calling, called = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    whole, kinds = True, {}
    for name in sys.argv[5:]:
        path = pathlib.Path(name)
        try:
            meta = read_file_meta(path.read_bytes())
        except (NotPart10, OSError, UnicodeDecodeError) as error:
            whole = report(path, None, "not sent: %s" % error)
            continue
        kinds.setdefault((meta.sop_class_uid, meta.transfer_syntax_uid), []).append(path)

    pairs = sorted(kinds)
    for first in range(0, len(pairs), MAXIMUM_CONTEXTS):
        group = pairs[first:first + MAXIMUM_CONTEXTS]
        contexts = [build_context(*pair) for pair in group]
        association = None
        for pair, path in ((pair, path) for pair in group for path in kinds[pair]):
            # An instance the peer aborts on ends the association, not the run.
            if association is None or not association.is_established:
                association = AE(ae_title=calling).associate(host, port, contexts, ae_title=called)
            accepted = {(c.abstract_syntax, c.transfer_syntax[0]) for c in association.accepted_contexts}
            if not association.is_established:
                whole = report(path, None, "not sent: no association") and whole
            elif pair not in accepted:
                whole = report(path, None, "not sent: presentation context refused") and whole
            else:
                whole = send(association, path) and whole
        if association is not None and association.is_established:
            association.release()
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
