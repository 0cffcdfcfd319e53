#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Somebody opens the link of a report in headless Chromium, signs in at a provider of the lab, and looks at the images: the page as
it ships, behind the box's own door.

    viewer_link.py --url https://localhost:8443 --link /IHEInvokeImageDisplay?... --certificate server.pem
        --name 899700000002 --files DIRECTORY [--desk patients] [--screenshot FILE]

Prints a JSON object: the images that were drawn, what the console said, and whether a stranger's browser gets in. Exit status 1,
and why, where an image of the directory is not drawn as its values say.
"""
import argparse
import base64
import io
import json
import pathlib
import sys
import tempfile
import time

import numpy
from PIL import Image
from pydicom import dcmread

from consumer_browser import Person, browser
from viewer_browser import PRELUDE, Failure, expect, inaccessible


def run(driver, script, *arguments):
    whole = "const fail = arguments[arguments.length - 1]; (async (...arguments_) => { %s })(...arguments).catch(" \
            "(e) => fail({error: String(e)}));" % (PRELUDE + script).replace("arguments[", "arguments_[")
    found = driver.execute_async_script(whole, *arguments)
    if isinstance(found, dict) and "error" in found:
        raise Failure(found["error"])
    return found


def drawn(driver, data):
    """The image as the page draws it; grey levels follow the stored values."""
    found = run(driver, """
        await loaded();
        const place = await until(() => find(arguments[0], 1));
        viewer.show(place.series, stage.active, place.index);
        await settled();
        if (stage.active.failure) throw new Error(stage.active.message.textContent);
        done(stage.active.picture().toDataURL('image/png'));
        """, data.SOPInstanceUID)
    picture = numpy.asarray(Image.open(io.BytesIO(base64.b64decode(found.split(",")[1]))).convert("L")).astype(int)
    expect(picture.shape, (data.Rows, data.Columns), "size of %s" % data.SOPInstanceUID)
    values = data.pixel_array.astype(int)
    order = numpy.argsort(values, axis=None, kind="stable")
    if (numpy.diff(picture.flatten()[order]) < 0).any() or picture.max() == picture.min():
        raise Failure("%s: grey levels do not follow the stored values" % data.SOPInstanceUID)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("url", "link", "certificate", "name", "files"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--desk", help="that is chosen, where the link asks")
    parser.add_argument("--screenshot", metavar="FILE")
    arguments = parser.parse_args()
    arguments.language = "fr"
    images = [dcmread(path) for path in sorted(pathlib.Path(arguments.files).rglob("*")) if path.is_file()]
    with tempfile.TemporaryDirectory(prefix="drimbox-browser-", ignore_cleanup_errors=True) as arguments.profile:
        driver = browser(arguments)
        try:
            driver.get(arguments.url + arguments.link)
            person = Person(driver, False)
            wrong = inaccessible(driver) if arguments.desk else []
            if arguments.desk:
                if arguments.screenshot:
                    driver.save_screenshot(arguments.screenshot + "-desks.png")
                person.press("a[href^='/viewer/sign-in/%s?']" % arguments.desk)
            person.press("button[value='%s']" % arguments.name)
            end = time.monotonic() + 30
            while "/viewer/s/" not in driver.current_url and time.monotonic() < end:
                time.sleep(0.1)
            for data in images:
                drawn(driver, data)
            if arguments.screenshot:
                driver.save_screenshot(arguments.screenshot)
            shown = run(driver, "done(viewer.exams.map((e) => e.series.length))")
            banner = driver.find_element("css selector", "body").text
            # What the provider's page lacks is not ours, nor is what Chromium says of a machine without a graphics card.
            entries = [entry["message"] for entry in driver.get_log("browser") if "Security Policy" in entry["message"]
                       or entry["level"] == "SEVERE" and arguments.url in entry["message"]]
            page = driver.current_url
            driver.delete_all_cookies()
            driver.get(page)
            print(json.dumps({
                "images": len(images), "series": shown, "console": entries, "inaccessible": wrong, "banner": "PAT-TROIS" in banner,
                "withoutCookie": driver.execute_script(
                    "return performance.getEntriesByType('navigation')[0].responseStatus")}))
        except Failure as failure:
            print("%s\n%s\n%s" % (failure, driver.current_url, driver.get_log("browser")), file=sys.stderr)
            sys.exit(1)
        finally:
            driver.quit()


if __name__ == "__main__":
    main()
