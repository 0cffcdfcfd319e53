#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a TUF client's command line against repositories that are in order and repositories that are not.

    tuf_conformance.py CLIENT [PART OF A TEST'S NAME]

The client is judged by its exit status, the files in its directories and the requests it makes, and by the step of
the specification that it names when it refuses. Prints one line for each failure and a closing count; the exit
status is 0 when there is none.
"""
import os
import sys
import time
import traceback

# Imported for the cases that they register.
import tuf_cases_targets  # noqa: F401
import tuf_cases_trust  # noqa: F401
from tuf_harness import TESTS, Client
from tuf_simulator import Repository, Server


def main():
    command = os.path.abspath(sys.argv[1])
    part = sys.argv[2] if len(sys.argv) > 2 else ""
    server = Server()
    passed = failed = 0
    started = time.monotonic()
    for name, function, arguments in TESTS:
        if part not in name:
            continue
        repository = Repository()
        client = Client(command, server, name, repository)
        try:
            function(client, repository, *arguments)
            passed += 1
        except Exception:
            failed += 1
            print(f"FAILED {name}\n{traceback.format_exc(limit=-3)}{client.complaint}\n")
    server.close()
    print(f"{time.monotonic() - started:.1f} s")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
