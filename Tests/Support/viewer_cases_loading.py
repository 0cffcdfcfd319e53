# SPDX-License-Identifier: Apache-2.0
"""Checks of viewer_checks.py on loading: order, memory, slow lines, clips, browsers that lack something."""
import os
import subprocess
import sys

from pydicom import dcmread
from pydicom.uid import generate_uid

import viewer_cases_use as use
import viewer_fixtures as fixtures
from viewer_browser import GL, NO_GL, Page, expect

HERE = os.path.dirname(os.path.realpath(__file__))


def the_nearest_slices_come_first_in_bounded_memory(bench):
    study, instances = fixtures.stack(generate_uid(), 120, 1, 0, rows=128)
    bench.gateway.store(instances, "many")
    with Page(bench.gateway, [study]) as page:
        page.run("await until(() => stage.queue.kept.size === 120); done(1)")
        page.server.requests.clear()
        found = page.run("""
            const view = stage.active;
            stage.queue.kept.clear(); stage.queue.bytes = 0; stage.queue.budget = 40 * 128 * 128 * 2;
            let most = 0; stage.queue.listeners.add(() => { most = Math.max(most, stage.queue.bytes); });
            view.goTo(60); await settled(); await until(() => !stage.queue.running.size);
            const kept = () => [...stage.queue.kept.keys()].map((k) => view.series.images.findIndex((i) => i.key === k)).sort((a, b) => a - b);
            const first = kept();
            view.goTo(100); await settled(); await until(() => !stage.queue.running.size);
            done({first, then: kept(), most, budget: stage.queue.budget});""")
        asked = [int(page.run("done(viewer.allSeries[0].images.findIndex((i) => i.url === arguments[0]))",
                              path.split("Zr8kq0PZ3S1bW5mY/")[1])) for path in page.server.requests[:6] if "/frames/" in path]
        expect(min(found["first"]) >= 38 and max(found["first"]) <= 82, True, "kept: %r" % found["first"])
        expect(min(found["then"]) >= 78, True, "kept after scrolling: %r" % found["then"])
        expect(found["most"] <= found["budget"], True, "most bytes %d of %d" % (found["most"], found["budget"]))
        expect(all(abs(one - 60) <= 4 for one in asked), True, "asked first: %r" % asked)
        rate = page.run("""
            stage.queue.budget = 1 << 28; const view = stage.active; view.goTo(0);
            await until(() => stage.queue.kept.size === 120);
            let drawn = 0; const draw = view.drawNow.bind(view); view.drawNow = () => { drawn += 1; draw(); };
            const begin = performance.now();
            await new Promise((resolve) => { const step = () => { view.scroll(1); if (view.index < 119) requestAnimationFrame(step); else resolve(); }; step(); });
            done({seconds: (performance.now() - begin) / 1000, drawn});""")
    return "asked first %s; scrolling through 120 slices drew %d in %.1f s" % (asked, rate["drawn"], rate["seconds"])


def an_exam_grows_while_it_arrives(bench):
    """Opened with a fifth of its images; the rest, and another series, come while somebody looks at it."""
    study, instances = fixtures.stack(generate_uid(), 40, 1, 0)
    _, others = fixtures.stack(generate_uid(), 5, 2, 0, study=study)
    exam = {"studyUID": study, "description": "", "date": "20260115", "modalities": [], "accession": "", "origin": "",
            "isOpened": True, "root": "e/0", "report": None, "instances": 0, "isArriving": True}
    with Page(bench.gateway, [study], exams=[exam], notices=["arriving"]) as page:
        def arrive(part, name, is_arriving=True):
            bench.gateway.store(part, name)
            exam["instances"], exam["isArriving"] = exam["instances"] + len(part), is_arriving
            page.server.changes["notices"] = ["arriving"] if is_arriving else []

        count = "viewer.allSeries.map((one) => one.images.length)"
        expect(page.run("done(%s)" % count), [], "series at first")
        arrive(instances[16:24], "arriving-1")
        page.run("await until(() => viewer.allSeries.length); await settled(); stage.active.goTo(4); await settled();"
                 "stage.active.setWindow({ center: 100, width: 50 }, 'own'); done(1)")
        shown = page.run("done(stage.active.image.uid)")
        expect(shown, instances[20].SOPInstanceUID, "image in the middle")
        page.server.requests.clear()
        arrive(instances[:16] + instances[24:], "arriving-2")
        page.run("await until(() => %s[0] === 40); done(1)" % count)
        # The last description is cut, once: what came at the end is asked for again.
        cuts = []
        page.server.rewrite = lambda path, body: (
            cuts.append(path) or body[:9] if path.endswith("/metadata") and not cuts else body)
        arrive(others, "arriving-3", False)
        found = page.run("""
            await until(() => viewer.allSeries.length === 2);
            await until(() => stage.queue.kept.size === 40);
            const view = stage.active;
            done({uid: view.image.uid, index: view.index, name: view.voiName, slider: view.slider.max, said: document.getElementById('notices').textContent,
                  panel: document.querySelectorAll('button.series').length, isArriving: viewer.exams[0].isArriving});""")
        expect(found, {"uid": shown, "index": 20, "name": "own", "slider": "40", "said": "", "panel": 2, "isArriving": False},
               "after all has come")
        page.run("await new Promise((resolve) => setTimeout(resolve, 1500)); done(1)")
        asked = [path for path in page.server.requests if path.endswith("context.json")]
        page.run("await new Promise((resolve) => setTimeout(resolve, 1500)); done(1)")
        expect([path for path in page.server.requests if path.endswith("context.json")], asked, "questions after the end")
        again = [path for path in page.server.requests if "/frames/1" in path and "thumbnail" not in path]
        expect(len(again), len(set(again)), "frames asked for once")
        expect(len(cuts), 1, "descriptions that were cut")
        expect(page.problems(), [], "problems")
    return "8 of 40, then 40, then 5 more; %d times described" % sum(
        path.endswith("/metadata") for path in page.server.requests)


def a_slow_line_is_answered_with_less(bench):
    """8 Mbit/s and 60 ms: the first image, and a whole series, against native pixels only."""
    folder = bench.gateway.directory / "thorax"
    subprocess.run([sys.executable, os.path.join(HERE, "make_study.py"), str(folder), "--instances", "24", "--series", "1",
                    "--seed", "7"], check=True, stdout=subprocess.DEVNULL)
    bench.gateway.send(folder)
    study = str(dcmread(folder / "IM000001").StudyInstanceUID)
    clock = """
        globalThis.__begin = performance.now(); globalThis.__first = 0;
        addEventListener('DOMContentLoaded', () => { const t = setInterval(async () => {
          const {viewer} = await import('/viewer/a/main.js');
          if (!globalThis.__first && viewer.stage.active?.drawn) { globalThis.__first = performance.now(); clearInterval(t); } }, 20); });
        """
    found = {}
    never = """
        addEventListener('DOMContentLoaded', async () => {
          const {FrameLoader} = await import('/viewer/a/loader.js');
          FrameLoader.prototype.count = function (bytes) { this.received += bytes; };
        });"""
    for name, script in (("adapted", clock), ("native", clock + never)):
        with Page(bench.gateway, [study], before=script, line=(1_000_000, 0.06)) as page:
            found[name] = page.run("""
                await until(() => stage.queue.kept.size === 24, 90);
                done({first: globalThis.__first / 1000, all: performance.now() / 1000, bytes: viewer.loader.received, isSlow: viewer.loader.isSlow});""")
    adapted, native = found["adapted"], found["native"]
    expect((adapted["isSlow"], native["isSlow"]), (True, False), "slow")
    expect(native["bytes"], 24 * 512 * 512 * 2, "native bytes")
    expect(adapted["bytes"] < 0.85 * native["bytes"], True, "bytes %d of %d" % (adapted["bytes"], native["bytes"]))
    return "first image %.1f s, 24 slices %.1f s, %.1f MB; native: %.1f s, %.1f s, %.1f MB" % (
        adapted["first"], adapted["all"], adapted["bytes"] / 1e6, native["first"], native["all"], native["bytes"] / 1e6)


def a_clip_is_played(bench):
    study, instances = bench.made("photometry")
    clip = instances[-1]
    with Page(bench.gateway, [study]) as page:
        found = page.run("""
            const place = find(arguments[0]); viewer.show(place.series); await settled();
            const rate = viewer.cine.rate(stage.active), seen = new Set();
            viewer.actions.cine();
            const end = Date.now() + 600;
            while (Date.now() < end) { seen.add(stage.active.index); await new Promise((r) => setTimeout(r, 10)); }
            viewer.actions.cine();
            done({rate, seen: seen.size, isRunning: viewer.cine.isRunning(stage.active)});""", clip.SOPInstanceUID)
    expect(found, {"rate": 20, "seen": 2, "isRunning": False}, "clip")


def it_works_without_workers_and_without_webgl(bench):
    (study, instances), *_ = use.stacks(bench)
    for flags, has_workers, before, renderer, place in (
            (NO_GL, True, None, "canvas", "worker"),
            (GL, False, None, "WebGL2", "page"),
            (NO_GL, True, "delete globalThis.Worker;", "canvas", "page")):
        with Page(bench.gateway, [study], flags, has_workers=has_workers, before=before) as page:
            found = page.run("await settled(); await until(() => stage.queue.kept.size === 20);"
                             "done([stage.active.renderer.name, viewer.loader.place])")
            expect(found, [renderer, place], "renderer and place")
            picture, failure = page.picture(instances[0].SOPInstanceUID)
            expect((failure, picture is not None and int(picture.max()) > 0), (None, True), "picture")
            if has_workers:
                expect(page.problems(), [], "problems")
    return "canvas; decoding in the page; both"
