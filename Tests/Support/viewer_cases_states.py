# SPDX-License-Identifier: Apache-2.0
"""Checks of viewer_checks.py on presentation states."""
import os
import subprocess

import numpy
from PIL import Image

from viewer_browser import Page, expect, near


def presentation_states_are_applied_and_video_is_tried(bench):
    study, (image, _, video) = bench.made("states")
    with Page(bench.gateway, [study]) as page:
        found = page.run("""
            const series = viewer.allSeries.find((s) => s.kind === 'presentation');
            viewer.show(series);
            const [show, apply] = stage.active.document.querySelectorAll('.references button');
            apply.click(); await settled();
            const v = stage.active, result = {uid: v.image.uid, turn: v.view.turn, flip: v.view.flip, voi: [v.voi.center, v.voi.width],
              isInverted: v.isInverted};
            viewer.show(viewer.allSeries.find((s) => s.kind === 'video'));
            await until(() => v.document.innerText.includes('ne peut lire'));
            result.words = v.document.innerText;
            done(result);""")
        words = found.pop("words")
        # Turned by 90 degrees, then mirrored, is mirrored and then turned by 270.
        expect(found, {"uid": image.SOPInstanceUID, "turn": 3, "flip": True, "voi": [1000, 500], "isInverted": True}, "state")
        expect(video.SOPInstanceUID in words, True, "video is named")
        expect(page.problems(), [], "problems")


def apply_state(page, label):
    """The number of buttons that its page has; the state is applied by the first of those that apply."""
    return page.run("""
        const series = viewer.allSeries.find((s) => s.kind === 'presentation' && s.description === arguments[0]);
        viewer.show(series);
        const buttons = stage.active.document.querySelectorAll('.references button'), words = stage.active.document.innerText;
        buttons[1].click();
        await until(() => stage.active.state); await settled(); await new Promise((r) => setTimeout(r, 200));
        done(words);""", label)


SEEN = """
const view = stage.active, {left, top, width, height} = view.displayedBox, [columns, rows] = arguments[0];
const both = document.createElement('canvas');
[both.width, both.height] = [view.canvas.width, view.canvas.height];
const context = both.getContext('2d');
view.drawNow();
context.drawImage(view.canvas, 0, 0);
context.drawImage(view.sheet, 0, 0);
const data = context.getImageData(0, 0, both.width, both.height).data, found = [];
for (let y = 0; y < rows; y += 1) for (let x = 0; x < columns; x += 1) {
  const [u, v] = [Math.floor(left + (x + 0.5) / columns * width), Math.floor(top + (y + 0.5) / rows * height)];
  found.push(data[4 * (v * both.width + u)]);
}
done({found, box: [left, top, width, height], size: [both.width, both.height]});
"""


def presentation_states_look_as_dcmtk_has_them(bench):
    study, (image, plain, drawn) = bench.made("presented")
    folder = bench.gateway.directory / "presented-files"
    folder.mkdir()
    for name, data in (("image", image), ("plain", plain)):
        data.save_as(folder / name, enforce_file_format=True)
    # -v: overlays too, each in a file of its own.
    subprocess.run(["dcmp2pgm", "-v", "-p", "plain", "image", "out.pgm"], check=True, capture_output=True, cwd=folder)
    expected, overlay = (numpy.array(Image.open(folder / name)) for name in ("out.pgm", "ovl_0101.pgm"))
    expect(expected.shape, (64, 48), "DCMTK's picture is turned")
    shutter = numpy.ones((48, 64), bool)
    shutter[6:44, 8:58] = False
    expected[numpy.fliplr(numpy.rot90(shutter, -1))] = 0x40
    expected[overlay > 0] = 255
    with Page(bench.gateway, [study]) as page:
        apply_state(page, "PLAIN")
        page.run("stage.isSmooth = false; done(1)")
        seen = page.run(SEEN, [48, 64])
        found = numpy.array(seen["found"]).reshape(64, 48)
        apart = numpy.abs(found.astype(int) - expected)
        expect(int((apart > 1).sum()), 0, "pixels that DCMTK has otherwise (most %d)" % apart.max())
        # 32 x 32 pixels fill the view; words and drawings are where they are said to be.
        words = apply_state(page, "DRAWN")
        expect("Compound Graphic Sequence" in words, True, "what is not shown is named")
        seen = page.run(SEEN, [32, 32])
        (left, top, width, height), (wide, high) = seen["box"], seen["size"]
        near(min(width / wide, height / high) <= 1 and max(width / wide, height / high), 1, 0.02, "displayed area fills the view")
        near(left + width / 2, wide / 2, 1, "middle of the area")
        area = numpy.array(seen["found"]).reshape(32, 32)
        values = image.pixel_array[4:36, 8:40] / 4095 * 255
        expect(bool((area[14:18, 10:14] == 255).all()), True, "filled circle")
        expect(bool((area[26:32, 1:12] == 128).all()), True, "bitmap shutter: %r" % area[26:32, 1:12])
        expect(bool((numpy.abs(area[20:25, 0:8] - values[20:25, 0:8]) <= 2).all()), True, "image without its overlay")
        line = page.run("""
            const {left, top, width, height} = stage.active.displayedBox, context = stage.active.sheet.getContext('2d');
            const at = (x, y) => context.getImageData(Math.round(left + x * width), Math.round(top + y * height), 1, 1).data[3] > 0;
            const box = context.getImageData(left + 0.5 * width, top + 0.5 * height, 0.4 * width, 0.2 * height).data;
            done({pixels: [6 / 32, 12 / 32, 20 / 32].map((x) => at(x, 6.5 / 32)), off: at(24 / 32, 6.5 / 32),
                  display: [0.3, 0.7].map((x) => at(x, 0.9)), words: box.filter((one, i) => i % 4 === 3 && one > 0).length > 200,
                  images: document.querySelectorAll('b').length});""")
        expect(line, {"pixels": [True] * 3, "off": False, "display": [True] * 2, "words": True, "images": 0}, "drawings")
        if bench.screenshots:
            page.screenshot(os.path.join(bench.screenshots, "presentation-state.png"))
        page.run("viewer.actions.reset(); await settled(); done(1)")
        expect(page.run("done([stage.active.state, stage.active.voi])"), [None, None], "without the state again")
        expect(page.problems(), [], "problems")
    return "%d pixels as dcmp2pgm has them; an area, drawings and words in their places" % found.size
