# SPDX-License-Identifier: Apache-2.0
"""Checks of viewer_checks.py that compare what is drawn with other programs' rendering."""
import os
import subprocess

import numpy
from pydicom import dcmread
from pydicom.uid import JPEGBaseline8Bit

from viewer_browser import GL, NO_GL, Failure, Page, expect
from viewer_reference import by_box, by_dcmtk, by_numpy

HERE = os.path.dirname(os.path.realpath(__file__))


def modules_without_a_page_agree_with_numbers(_):
    done = subprocess.run(["node", "--experimental-default-type=module", "--test-reporter=tap", os.path.join(HERE, "viewer_modules.test.mjs")], capture_output=True, text=True,
                          check=False)
    if done.returncode:
        raise Failure(done.stdout[-1500:] + done.stderr[-500:])
    return " ".join(line[2:] for line in done.stdout.splitlines() if line.startswith(("# tests", "# pass", "# duration")))


def difference(found, expected):
    if found.shape != expected.shape:
        raise Failure("found %s, expected %s" % (found.shape, expected.shape))
    apart = numpy.abs(found.astype("i4") - expected.astype("i4"))
    return int(apart.max()), float(apart.mean())


def made_images(bench, flags, renderer):
    study, instances = bench.made("photometry")
    worst = []
    with Page(bench.gateway, [study], flags) as page:
        for data in instances:
            for frame in range(1, int(data.get("NumberOfFrames", 1)) + 1):
                found, failure = page.picture(data.SOPInstanceUID, frame)
                if failure:
                    raise Failure("%s: %s" % (data.SeriesDescription, failure))
                highest, mean = difference(found, by_numpy(data, frame))
                # Colour is computed, and cut off by one and rounded by the other.
                allowed = 1 if data.PhotometricInterpretation.startswith("YBR") or data.SeriesDescription == "32 bit" else 0
                worst.append((highest, data.SeriesDescription))
                if highest > allowed:
                    raise Failure("%s: differs by up to %d, %.4f on average" % (data.SeriesDescription, highest, mean))
        expect(page.run("done(stage.active.renderer.name)"), renderer, "renderer")
        expect(page.problems(), [], "problems")
        bench.keep(page, "photometry-" + renderer)
    return "%d images; not exact: %s" % (len(worst), ", ".join("%s by %d" % (n, d) for d, n in worst if d) or "none")


def made_images_are_drawn_as_numpy_has_them(bench):
    return made_images(bench, GL, "WebGL2")


def made_images_are_drawn_the_same_without_webgl(bench):
    return made_images(bench, NO_GL, "canvas")


def samples_are_drawn_as_dcmtk_and_numpy_have_them(bench):
    if not bench.samples:
        return "left out: no samples"
    files = []
    for file in bench.samples:
        try:
            data = dcmread(file, force=True)
            if data.get("StudyInstanceUID") and "PixelData" in data and data.get("SOPInstanceUID"):
                files.append((file, data))
        except Exception:  # not a data set: what a gateway does with it is not the viewer's
            continue
    bench.gateway.send(bench.samples[0].parent)
    studies = sorted({str(data.StudyInstanceUID) for _, data in files})
    exact, apart, named = 0, [], []
    with Page(bench.gateway, studies, GL) as page:
        for file, data in files:
            try:
                last = int(data.get("NumberOfFrames") or 1)
            except (TypeError, ValueError):
                last = 1
            for frame in sorted({1, last}):
                name = file.name + (":%d" % frame if last > 1 else "")
                found, failure = page.picture(str(data.SOPInstanceUID), frame)
                if failure:
                    named.append("%s (%s)" % (name, " ".join(failure.split())[:60]))
                    continue
                references = [by_dcmtk(file, data, frame, bench.scratch), by_numpy(data, frame)]
                is_jpeg = data.file_meta.get("TransferSyntaxUID") == JPEGBaseline8Bit
                if is_jpeg:
                    # Decoders of lossy JPEG differ; that of the box is DCMTK's, also where its programs give up.
                    references.append(by_box(bench.gateway.url, data, frame))
                # By pydicom's decoder, which computes the cosines otherwise.
                allowed = 4 if is_jpeg and references[0] is None and references[2] is None else 1
                references = [one for one in references if one is not None]
                if not references:
                    apart.append("%s: no reference" % name)
                    continue
                highest, mean = min(difference(found, reference) for reference in references)
                exact += highest == 0
                if highest:
                    apart.append("%s: %d, %.4f" % (name, highest, mean))
                if highest > allowed:
                    raise Failure("%s: differs by up to %d, %.4f on average" % (name, highest, mean))
        expect(page.problems(), [], "problems")
    if exact < 40:
        raise Failure("%d frames equal the reference, expected 40: %s" % (exact, named))
    return "%d frames exact; most, mean: %s\n       not drawn: %s" % (exact, "; ".join(apart), "; ".join(named))


def the_screen_shows_a_chart_exactly(bench):
    """All 65536 values, 1:1, by the picture of the screen."""
    study, instances = bench.made("photometry")
    for flags in (GL, NO_GL):
        chart(bench, flags, study, instances)
    return "65536 pixels, difference 0, with WebGL2 and without"


def chart(bench, flags, study, instances):
    with Page(bench.gateway, [study], flags) as page:
        place = page.run("""
            await loaded();
            const place = find(arguments[0]);
            viewer.show(place.series, stage.active, place.index);
            await settled();
            viewer.actions.actual();
            stage.hasOverlays = false;
            const view = stage.active;
            // A pixel of the image on a pixel of the screen.
            view.view.panX = view.canvas.width % 2 / 2; view.view.panY = view.canvas.height % 2 / 2;
            view.drawNow();
            for (const c of [...Object.values(view.corners), ...Object.values(view.sides)]) c.hidden = true;
            await new Promise((r) => setTimeout(r, 300));
            const box = view.area.getBoundingClientRect();
            done([box.left + Math.round((view.canvas.width - 256) / 2 + view.view.panX),
              box.top + Math.round((view.canvas.height - 256) / 2 + view.view.panY), devicePixelRatio]);
            """, instances[0].SOPInstanceUID)
        screen = page.screenshot()
        left, top = int(place[0]), int(place[1])
        highest, mean = difference(screen[top:top + 256, left:left + 256], by_numpy(instances[0], 1))
        if highest:
            raise Failure("differs by up to %d, %.4f on average" % (highest, mean))


def overlays_shutters_and_pixel_aspect_are_drawn(bench):
    study, (data,) = bench.made("overlaid")
    with Page(bench.gateway, [study]) as page:
        found = page.run("""
            await loaded(); await settled();
            const view = stage.active;
            await new Promise((r) => setTimeout(r, 300));
            const {apply} = await import('/viewer/a/matrix.js');
            const context = view.sheet.getContext('2d');
            const at = (x, y) => [...context.getImageData(...apply(view.toView, [x, y]).map(Math.round), 1, 1).data];
            const [a, b] = [apply(view.toView, [0, 0]), apply(view.toView, [64, 64])];
            done({overlay: at(45, 45), bits: at(15, 15), plain: at(25, 25), hidden: at(1, 32),
              wide: b[0] - a[0], high: b[1] - a[1]});
            """)
        expect(found["overlay"], [255, 208, 64, 255], "overlay in its element")
        expect(found["bits"], [255, 208, 64, 255], "overlay in the high bits")
        expect(found["plain"], [0, 0, 0, 0], "beside the overlays")
        expect(found["hidden"], [0, 0, 0, 255], "behind the shutter")
        expect("undefined" in page.one("body").text, False, "words for what is not there")
        expect(round(found["high"] / found["wide"], 3), 2.0, "pixel aspect")
        drawn, _ = page.picture(data.SOPInstanceUID)
        expect(difference(drawn, by_numpy(masked(data), 1))[0], 0, "pixels below the overlay")
        bench.keep(page, "overlaid")


def masked(data):
    """Without the bits above those that are stored."""
    pixels = numpy.frombuffer(data.PixelData, "<u2") & 0x0FFF
    data.PixelData = pixels.tobytes()
    return data
