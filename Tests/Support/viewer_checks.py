#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the viewer in headless Chromium: `viewer_checks.py [-k NAME] [--screenshots DIR]`.

Starts a box of its own from DRIMBOX_BIN (.build/release), sends it studies that it makes and the samples of DRIMBOX_SAMPLES
(../shared/data), and compares what is drawn with DCMTK's and numpy's rendering. Needs chromium, chromium-driver, dcmtk and
nodejs. Prints a line for each check and ends with 1 when one fails.
"""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
PYTHON = os.path.join(TOP, ".build", "python", "bin", "python")
if os.path.realpath(sys.prefix) != os.path.realpath(os.path.dirname(os.path.dirname(PYTHON))):
    subprocess.run([os.path.join(HERE, "python-environment")], check=True)
    os.execv(PYTHON, [PYTHON, "-B", "-W", "ignore", os.path.realpath(__file__), *sys.argv[1:]])

import argparse
import pathlib
import resource
import tempfile
import time
import traceback

import viewer_cases_loading as loading
import viewer_cases_pictures as pictures
import viewer_cases_states as states
import viewer_cases_use as use
import viewer_fixtures as fixtures
from viewer_browser import Gateway, Page

CHECKS = [
    pictures.modules_without_a_page_agree_with_numbers,
    pictures.made_images_are_drawn_as_numpy_has_them,
    pictures.made_images_are_drawn_the_same_without_webgl,
    pictures.samples_are_drawn_as_dcmtk_and_numpy_have_them,
    pictures.the_screen_shows_a_chart_exactly,
    pictures.overlays_shutters_and_pixel_aspect_are_drawn,
    use.tools_give_the_numbers_of_numpy,
    use.measures_are_refused_without_spacing,
    use.exams_scroll_together_by_position,
    use.reconstruction_puts_every_value_in_its_place,
    use.markup_in_texts_stays_text,
    use.key_images_come_first_and_documents_are_shown,
    states.presentation_states_are_applied_and_video_is_tried,
    states.presentation_states_look_as_dcmtk_has_them,
    use.other_exams_are_opened_when_asked,
    use.what_cannot_be_shown_is_named,
    use.the_keyboard_alone_does_everything,
    use.a_window_of_360_pixels_is_enough,
    loading.it_works_without_workers_and_without_webgl,
    use.rights_and_notices_are_obeyed,
    loading.the_nearest_slices_come_first_in_bounded_memory,
    loading.an_exam_grows_while_it_arrives,
    loading.a_slow_line_is_answered_with_less,
    loading.a_clip_is_played,
    use.accessibility_rules_hold,
    use.both_languages_have_all_words,
]


class Bench:
    """What checks share: the gateway, and the studies it has."""

    def __init__(self, gateway, directory, screenshots):
        self.gateway, self.scratch, self.screenshots = gateway, directory, screenshots
        self.studies = {}

    def made(self, name):
        """(study UID, instances as they were sent) of a fixture, which is made and sent when it is first asked for."""
        if name not in self.studies:
            study, instances = getattr(fixtures, name)()
            self.studies[name] = study, self.gateway.store(instances, name)
        return self.studies[name]

    def keep(self, page, name):
        page.screenshot(os.path.join(self.screenshots, name + ".png") if self.screenshots else None)

    @property
    def samples(self):
        root = pathlib.Path(os.environ.get("DRIMBOX_SAMPLES") or os.path.join(TOP, "..", "shared", "data"))
        return sorted((root / "dicom").glob("*.dcm"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", metavar="NAME", default="", help="only checks whose name has this in it")
    parser.add_argument("--screenshots", metavar="DIR")
    arguments = parser.parse_args()
    executables = os.environ.get("DRIMBOX_BIN") or os.path.join(TOP, ".build", "release")
    if arguments.screenshots:
        os.makedirs(arguments.screenshots, exist_ok=True)
    start, failures, done = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory(prefix="drimbox-viewer-") as directory:
        gateway = Gateway(executables, directory)
        try:
            bench = Bench(gateway, directory, arguments.screenshots)
            for check in CHECKS:
                if arguments.k not in check.__name__:
                    continue
                begun = time.monotonic()
                try:
                    words = check(bench)
                    result = "ok"
                except Exception as error:
                    words, result = "%s: %s" % (type(error).__name__, error), "FAILED"
                    failures += 1
                    if not isinstance(error, AssertionError):
                        traceback.print_exc(limit=-2)
                done += 1
                print("%-6s %s (%.1f s)%s" % (result, check.__name__.replace("_", " "), time.monotonic() - begun,
                                               "\n       " + words if words else ""), flush=True)
        finally:
            gateway.close()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print("%d checks, %d failed, %.0f s, %.0f s of CPU" % (
        done, failures, time.monotonic() - start, used.ru_utime + used.ru_stime + Page.processor_seconds))
    return 1 if failures or not done else 0


if __name__ == "__main__":
    sys.exit(main())
