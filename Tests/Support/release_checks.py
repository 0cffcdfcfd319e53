#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks image/release: `release_checks.py [--tuf-client PATH] [--figures [PACKAGE...]] [-k NAME]`.

Makes its own ceremonies, repositories and images in a temporary directory; prints a line for each check and ends with 1
when one fails. Needs cryptsetup-bin and zstd; softhsm2 and opensc for the key in a token. `--tuf-client` is an executable
that follows the contract of tuf-conformance's clients. `--figures` downloads Debian packages, makes two root images of
them (erofs-utils, squashfs-tools) and prints how large pack and patch are, and what RAUC would fetch; a PACKAGE is one that
the second image has in its newest version and the first in the one before.
"""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
PYTHON = os.path.join(TOP, ".build", "release-python", "bin", "python")
if os.path.realpath(sys.prefix) != os.path.realpath(os.path.dirname(os.path.dirname(PYTHON))):
    subprocess.run([os.path.join(TOP, "image", "release"), "--help"], check=True, stdout=subprocess.DEVNULL)
    os.execv(PYTHON, [PYTHON, "-B", os.path.realpath(__file__), *sys.argv[1:]])

import argparse
import tempfile
import time
import traceback

import release_cases_build as build
import release_cases_keys as keys
import release_cases_repository as repository
from release_figures import figures
from release_fixtures import Failure, Fixtures

CHECKS = [
    build.two_builds_are_identical,
    build.the_zstd_program_decodes_packs_and_patches,
    build.windows_follow_content_that_moved,
    build.the_hash_tree_is_what_veritysetup_accepts,
    build.a_build_refuses_what_cannot_be,
    build.the_floor_is_signed_or_the_module_named,
    repository.a_box_finds_both_releases,
    repository.expiries_are_those_of_the_calendar,
    repository.releases_that_may_not_be_published_are_refused,
    repository.rollouts_that_may_not_be_are_refused,
    repository.a_threshold_of_holders_signs,
    repository.targets_are_signed_where_online_keys_are_not,
    repository.what_was_changed_on_the_server_is_not_signed_again,
    repository.a_server_that_stands_still_is_noticed,
    keys.keys_are_private_and_never_overwritten,
    keys.a_box_walks_every_root_from_the_first,
    keys.lost_root_keys_are_replaced_up_to_the_threshold,
    keys.three_holders_of_the_root_before_sign_the_one_after,
    keys.a_root_that_the_former_did_not_sign_is_refused,
    keys.lost_online_keys_are_replaced,
    keys.both_roots_can_read_while_an_online_key_is_replaced,
    keys.a_key_in_a_token_signs,
    repository.a_bundle_has_one_release_and_its_own_roots,
    keys.a_cut_at_every_write_leaves_what_a_box_can_read,
    keys.one_command_at_a_time,
    keys.the_program_ends_with_one_line,
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tuf-client", metavar="PATH")
    parser.add_argument("--figures", nargs="*", metavar="PACKAGE")
    parser.add_argument("-k", metavar="NAME", default="", help="only checks whose name has this in it")
    arguments = parser.parse_args()
    start, failures, done = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory(prefix="drimbox-release-") as directory:
        checks = [(check.__name__, check) for check in CHECKS]
        if arguments.tuf_client:
            binary = os.path.abspath(arguments.tuf_client)
            walk = repository.another_client_finds_the_same
            checks.append((walk.__name__, lambda fixtures: walk(fixtures, binary)))
        if arguments.figures is not None:
            changed = arguments.figures or ["libssl3", "openssl"]
            checks = [("figures", lambda fixtures: figures(fixtures.path(""), changed))]
        fixtures = Fixtures(directory)
        for name, check in checks:
            if arguments.k not in name:
                continue
            begin = time.monotonic()
            try:
                note = check(fixtures)
                seconds = time.monotonic() - begin
                print(f"ok     {name.replace('_', ' ')} ({seconds:.1f} s){f': {note}' if note else ''}", flush=True)
            except Exception as error:
                failures += 1
                print(f"FAILED {name.replace('_', ' ')}: {error}", flush=True)
                if not isinstance(error, Failure):
                    traceback.print_exc()
            done += 1
    print(f"{done - failures} of {done} checks passed in {time.monotonic() - start:.1f} s")
    return 1 if failures or not done else 0


if __name__ == "__main__":
    sys.exit(main())
