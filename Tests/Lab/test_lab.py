#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Self tests of the lab: `test_lab.py [-v] [-k NAME]`. Samples: DRIMBOX_SAMPLES, or ../shared/data beside the repository."""
import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE)
from lab import environment

environment.ensure(__file__)

import unittest


def load_tests(loader, tests, pattern):
    return loader.discover(os.path.join(HERE, "selftest"), top_level_dir=HERE)


if __name__ == "__main__":
    unittest.main()
