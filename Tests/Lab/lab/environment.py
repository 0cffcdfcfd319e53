# SPDX-License-Identifier: Apache-2.0
"""Finds an interpreter that has the packages of Tests/Support/python-requirements.txt."""
import importlib.util
import os
import sys

PACKAGES = ("cryptography", "lxml", "pydicom")
INTERPRETER = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../../.build/python/bin/python")


def ensure(program):
    """Goes on in this interpreter, or runs the program again with .build/python; ends it where neither will do."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if not missing:
        # For what this program starts the question is open again.
        os.environ.pop("DRIMBOX_LAB_AGAIN", None)
        return
    if os.path.exists(INTERPRETER) and "DRIMBOX_LAB_AGAIN" not in os.environ:
        os.environ["DRIMBOX_LAB_AGAIN"] = "1"
        os.execv(INTERPRETER, [INTERPRETER, os.path.realpath(program), *sys.argv[1:]])
    sys.exit("%s: no %s; run Tests/Support/python-environment" % (os.path.basename(program), ", ".join(missing)))
