# SPDX-License-Identifier: Apache-2.0
"""Checks of viewer_checks.py on what a reader does: tools, comparing, documents, keyboard, small windows, other browsers."""
import json
import math
import time

import numpy
from pydicom import dcmread
from pydicom.uid import generate_uid

import viewer_fixtures as fixtures
from viewer_browser import By, Failure, Keys, Page, expect, inaccessible, near

def stacks(bench):
    """Two exams in one Frame of Reference, slices 2 mm and 5 mm apart; ({first, second}, instances of each)."""
    if "stacks" not in bench.studies:
        frame, other = generate_uid(), generate_uid()
        found = []
        for name, arguments in (("near", (frame, 20, 2, 0)), ("far", (frame, 9, 5, -3)), ("elsewhere", (other, 20, 4, 500))):
            study, instances = fixtures.stack(*arguments)
            found.append((study, bench.gateway.store(instances, name)))
        bench.studies["stacks"] = found
    return bench.studies["stacks"]


def tools_give_the_numbers_of_numpy(bench):
    (study, instances), *_ = stacks(bench)
    data = instances[3]
    hounsfield = data.pixel_array * 2.0 - 1024
    with Page(bench.gateway, [study]) as page:
        def measured(tool, *places):
            """Numbers of a measurement that a mouse makes between places of the image."""
            spots = page.run("""
                stage.tools.choose(arguments[0]);
                const view = stage.active; view.goTo(3); await settled();
                const {apply} = await import('/viewer/a/matrix.js');
                const box = view.area.getBoundingClientRect();
                done(arguments[1].map((p) => { const [x, y] = apply(view.toView, p);
                  return [Math.round(box.left + x / view.ratio), Math.round(box.top + y / view.ratio)]; }));
                """, tool, places)
            for index, (x, y) in enumerate(spots):
                is_last = index == len(spots) - 1
                mouse(page, "mouseMoved", x, y)
                if tool == "angle" or index == 0 or len(spots) == 1:
                    mouse(page, "mousePressed", x, y)
                if tool == "angle" or is_last:
                    mouse(page, "mouseReleased", x, y)
            return page.run("""const view = stage.active;
                const all = stage.measurements(view), points = stage.annotationsOf(view.image).at(-1).points;
                done({...all.at(-1), points});""")

        found = measured("length", [10, 10], [40, 50])
        (x0, y0), (x1, y1) = found["points"]
        near(found["length"], math.hypot((x1 - x0) * 0.6, (y1 - y0) * 0.8), 1e-9, "length")
        near(found["length"], math.hypot(30 * 0.6, 40 * 0.8), 0.3, "length between the places")
        found = measured("angle", [10, 10], [30, 30], [50, 12])
        a, b, c = (numpy.array(p) * [0.6, 0.8] for p in found["points"])
        wanted = math.degrees(math.acos(numpy.dot(a - b, c - b) / numpy.linalg.norm(a - b) / numpy.linalg.norm(c - b)))
        near(found["angle"], wanted, 1e-9, "angle")
        for shape in ("rectangle", "ellipse"):
            found = measured(shape, [12, 20], [41, 47])
            (x0, y0), (x1, y1) = found["points"]
            rows, columns = numpy.mgrid[0:64, 0:64] + 0.5
            inside = ((columns >= min(x0, x1)) & (columns <= max(x0, x1)) & (rows >= min(y0, y1)) & (rows <= max(y0, y1))
                      if shape == "rectangle" else
                      ((columns - (x0 + x1) / 2) / (x1 - x0) * 2) ** 2 + ((rows - (y0 + y1) / 2) / (y1 - y0) * 2) ** 2 <= 1)
            values, one = hounsfield[inside], found["statistics"]
            expect(one["count"], int(inside.sum()), shape + ": pixels")
            near(one["mean"], values.mean(), 1e-9, shape + ": mean")
            near(one["deviation"], values.std(), 1e-9, shape + ": deviation")
            expect([one["lowest"], one["highest"]], [values.min(), values.max()], shape + ": range")
            near(one["area"], abs((x1 - x0) * (y1 - y0)) * 0.48 * (1 if shape == "rectangle" else math.pi / 4), 1e-9, "area")
        found = measured("probe", [33.5, 20.5])
        expect(found["probe"]["value"], hounsfield[20, 33], "probe in HU")
        expect(page.run("done(stage.active.details.modality.unit)"), "HU", "unit")
        time.sleep(0.2)
        bench.keep(page, "measures")
        expect(page.problems(), [], "problems")
    return "length, angle, rectangle, ellipse and probe equal numpy's within 1e-9"


def mouse(page, kind, x, y, button="left"):
    page.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {
        "type": kind, "x": x, "y": y, "button": button if kind != "mouseMoved" else "none", "clickCount": 1})


def measures_are_refused_without_spacing(bench):
    study, instances = bench.made("photometry")
    with Page(bench.gateway, [study]) as page:
        found = page.run("""
            const place = find(arguments[0]);
            viewer.show(place.series, stage.active, place.index); await settled();
            const view = stage.active;
            for (const kind of ['ellipse', 'rectangle', 'length']) stage.annotate(view.image, {kind, points: [[3, 3], [20, 20]]});
            done(stage.measurements(view));""", instances[0].SOPInstanceUID)
    expect([one.get("refusal") for one in found], ["noSpacing"] * 3, "refusals")
    expect([("statistics" in one, "length" in one) for one in found], [(False, False)] * 3, "numbers")


def exams_scroll_together_by_position(bench):
    (first, _), (second, _), (third, _) = stacks(bench)
    with Page(bench.gateway, [first, second, third]) as page:
        found = page.run("""
            await loaded();
            viewer.actions.layout('1x2');
            const [a, b] = stage.views;
            viewer.show(viewer.exams[0].series[0], a); viewer.show(viewer.exams[1].series[0], b);
            await settled(a); await settled(b);
            viewer.actions.link();
            const pairs = [];
            for (const index of [0, 7, 12, 19]) { a.goTo(index); await settled(b); pairs.push([a.image.plane.origin[2], b.image.plane.origin[2]]); }
            b.goTo(2); await settled(a); pairs.push([b.image.plane.origin[2], a.image.plane.origin[2]]);
            viewer.actions.link();
            viewer.show(viewer.exams[2].series[0], b, 5); await settled(b); a.goTo(10); await settled(a);
            viewer.actions.link();
            a.goTo(14); await settled(b);
            done({pairs, offset: b.index});""")
        for one, other in found["pairs"][:4]:
            candidates = [-3 + 5 * i for i in range(9)]
            expect(abs(other - one), min(abs(c - one) for c in candidates), "distance at %g mm" % one)
        expect(abs(found["pairs"][4][1] - found["pairs"][4][0]) <= 1, True, "the other way round")
        # 4 slices of 2 mm are 2 slices of 4 mm.
        expect(found["offset"], 7, "another frame of reference keeps the offset")
        page.run("viewer.actions.layout('2x2'); await new Promise((r) => setTimeout(r, 800)); done(1)")
        bench.keep(page, "compared")
        expect(page.problems(), [], "problems")
    return "nearest slice of 2 mm and 5 mm stacks; offset across frames of reference"


def reconstruction_puts_every_value_in_its_place(bench):
    (study, instances), *_ = stacks(bench)
    volume = numpy.stack([data.pixel_array * 2.0 - 1024 for data in instances])
    with Page(bench.gateway, [study]) as page:
        found = page.run("""
            await loaded(); await settled();
            const source = stage.active;
            await viewer.actions.mpr();
            const made = stage.views.filter((v) => v.series?.isReslice);
            for (const view of made) { view.goTo(20); await settled(view); }
            done({planes: made.map((v) => ({name: v.series.plane, rows: v.image.rows, columns: v.image.columns,
              values: [...v.frame.exact], aspect: v.image.aspect, sides: Object.values(v.sides).map((s) => s.textContent)}))});""")
        planes = {one["name"]: one for one in found["planes"]}
        expect(sorted(planes), ["coronal", "sagittal"], "planes")
        for name, wanted in (("coronal", volume[::-1, 20, :]), ("sagittal", volume[::-1, :, 20])):
            one = planes[name]
            values = numpy.array(one["values"]).reshape(one["rows"], one["columns"])
            expect(values.shape, wanted.shape, name)
            expect(float(numpy.abs(values - wanted).max()), 0.0, name + ": difference")
        near(planes["coronal"]["aspect"], 2 / 0.6, 1e-9, "aspect")
        expect(planes["coronal"]["sides"], ["R", "L", "H", "F"], "sides of the coronal plane")
        time.sleep(0.5)
        bench.keep(page, "reconstruction")
        expect(page.problems(), [], "problems")
    return "20 slices, two planes across: difference 0"


def markup_in_texts_stays_text(bench):
    study, _ = bench.made("documents")
    studies = [study]
    names = [file for file in bench.samples if file.name == "xss-name.dcm"]
    bench.gateway.send(*names)
    markup = fixtures.MARKUP
    patient = {"name": markup + "^x", "birthName": markup, "givenNames": markup, "birthPlace": markup, "ins": markup,
               "birthDate": "<b>1</b>", "sex": "<b>", "usedName": markup, "patientID": markup, "insOID": markup}
    exam = {"studyUID": study, "description": markup, "date": markup, "modalities": [markup], "accession": markup,
            "origin": markup, "isOpened": True, "root": "e/0", "report": "e/0/report"}
    with Page(bench.gateway, studies, patient=patient, exams=[exam], site=markup, role="<b>", notices=["<b>x"]) as page:
        for _ in range(5):
            page.run("viewer.actions.series(1); await new Promise((r) => setTimeout(r, 300)); done(1)")
        page.run("viewer.switchLanguage(); document.querySelector('.more-traits').open = true; done(1)")
        found = page.run("""done({title: document.title, images: document.querySelectorAll('img[src="x"]').length,
            bold: [...document.querySelectorAll('b')].filter((b) => b.textContent === 'x' || b.textContent === 'window').length,
            scripts: [...document.scripts].length, words: document.body.innerText.includes('<img src=x')})""")
        expect(found, {"title": "Viewer", "images": 0, "bold": 0, "scripts": 1, "words": True}, "page")
        bench.keep(page, "markup")
        expect(page.problems(), [], "problems")
    if names:
        with Page(bench.gateway, [str(dcmread(names[0]).StudyInstanceUID)]) as page:
            expect(page.run("done(document.title)"), "Visionneuse", "title with xss-name.dcm")
            expect(page.problems(), [], "problems")
    return "every text of context and instances" + ("" if names else "; xss-name.dcm is not there")


def key_images_come_first_and_documents_are_shown(bench):
    study, (_, second, *_) = bench.made("documents")
    with Page(bench.gateway, [study]) as page:
        found = page.run("""
            await loaded(); await settled();
            const view = stage.active, first = viewer.allSeries[0];
            const result = {isKey: first.isKeyImages === true, keys: first.images.map((i) => i.uid), star: view.corners['top-right'].innerText};
            const report = viewer.allSeries.find((s) => s.kind === 'report');
            viewer.show(report);
            result.report = view.document.innerText;
            view.document.querySelector('.content button').click(); await settled();
            result.shown = view.image.uid;
            result.kinds = viewer.allSeries.map((s) => s.kind);
            done(result);""")
    expect(found["isKey"], True, "key images are first")
    expect(found["keys"], [second.SOPInstanceUID], "key images")
    expect("★" in found["star"], True, "mark of a key image")
    expect(fixtures.MARKUP in found["report"], True, "text of the report")
    expect(found["shown"], second.SOPInstanceUID, "image that the report points at")
    expect(sorted(found["kinds"]), ["images", "images", "keyObjects", "report"], "kinds")


def other_exams_are_opened_when_asked(bench):
    (first, _), (second, _), _ = stacks(bench)
    exams = [{"studyUID": one, "description": "exam %d" % number, "date": "2026011%d" % number, "modalities": ["CT"],
              "origin": "Nord", "isOpened": number == 0, "root": "e/%d" % number, "report": None}
             for number, one in enumerate((first, second))]
    with Page(bench.gateway, [first, second], exams=exams) as page:
        expect([path for path in page.server.requests if "/e/1/" in path], [], "requests for what nobody opened")
        page.one("button.open-exam").click()
        page.run("await until(() => viewer.exams[1].series); done(1)")
        expect(len(page.driver.find_elements(By.CSS_SELECTOR, "button.series")), 2, "series")
        page.run("viewer.actions.layout('1x2'); await settled(stage.views[1]); done(1)")
        found = page.run("done(stage.views.map((v) => v.series.studyUID))")
        expect(found, [first, second], "two exams side by side")


def what_cannot_be_shown_is_named(bench):
    study, (image, *_) = bench.made("documents")
    with Page(bench.gateway, [study]) as page:
        page.server.rewrite = lambda path, body: body[:100] if "/frames/" in path and "thumbnail" not in path else body
        found = page.run("""
            await loaded();
            viewer.stage.queue.kept.clear();
            const place = find(arguments[0]);
            viewer.show(place.series, stage.active, place.index); await settled();
            done(stage.active.message.textContent);""", image.SOPInstanceUID)
        expect(image.SOPInstanceUID in found and "100 / 8192" in found, True, "words: " + found)
    names = {"pdf.dcm": "pdf", "ecg12.dcm": "waveform", "rtplan-ivrle.dcm": "plan", "pr-ivrle.dcm": "presentation",
             "sr-comp3d.dcm": "report", "sr-basic.dcm": "report", "ko-drim.dcm": "keyObjects", "xss-name.dcm": "other"}
    files = [file for file in bench.samples if file.name in names]
    bench.gateway.send(*files)
    seen = []
    for file in files:
        data = dcmread(file)
        with Page(bench.gateway, [str(data.StudyInstanceUID)]) as page:
            found = page.run("""
                await loaded();
                const series = viewer.allSeries.find((s) => s.instances.some((i) => i.instance['00080018'].Value[0] === arguments[0]));
                if (!series) return done({failure: viewer.exams[0].failure ?? 'not there'});
                viewer.show(series);
                await new Promise((r) => setTimeout(r, 1000));
                done({kind: series.kind, words: stage.active.document.innerText,
                  frames: stage.active.document.querySelectorAll('iframe').length});""", str(data.SOPInstanceUID))
            if "failure" in found:
                seen.append("%s (%s)" % (file.name, found["failure"].strip()[:50]))
                continue
            expect(found["kind"], names[file.name], file.name)
            expect(str(data.SOPInstanceUID) in found["words"], True, file.name + " is named")
            expect(found["frames"], int(file.name == "pdf.dcm"), file.name + ": frames")
            bench.keep(page, file.stem)
            expect(page.problems(), [], file.name + ": problems")
            seen.append(file.name)
    return ", ".join(seen)


def the_keyboard_alone_does_everything(bench):
    (first, instances), (second, _), _ = stacks(bench)
    with Page(bench.gateway, [first, second]) as page:
        state = """const v = stage.active; done({index: v.index, view: {...v.view}, inverted: v.isInverted, voi: v.voi,
            tool: stage.tools.current, layout: stage.layout, linked: stage.isLinked, series: v.series?.id,
            at: stage.views.indexOf(v)})"""

        def after(*keys):
            page.keys(*keys)
            time.sleep(0.15)
            return page.run(state)

        page.focus()
        expect(after(Keys.ARROW_DOWN, Keys.ARROW_DOWN)["index"], 2, "arrow down")
        expect(after(Keys.PAGE_DOWN)["index"], 12, "page down")
        expect(after(Keys.END)["index"], 19, "end")
        expect(after(Keys.HOME)["index"], 0, "home")
        before = page.run(state)
        expect(after("+")["view"]["zoom"] > before["view"]["zoom"], True, "plus")
        expect(after("f")["view"]["zoom"], before["view"]["zoom"], "f fits")
        expect(after("t")["view"]["turn"], 1, "t turns")
        expect(after("h")["view"]["flip"], True, "h flips")
        expect(after("i")["inverted"], True, "i inverts")
        expect(after(Keys.ESCAPE)["view"]["turn"], 0, "escape resets")
        expect(after("3")["voi"]["width"], 1500, "3 is the third preset")
        expect(after(Keys.ARROW_RIGHT)["voi"]["width"] > 1500, True, "arrow right widens")
        # A length by the cursor: from the middle, ten pixels to the right.
        after("l", Keys.ARROW_RIGHT, Keys.ENTER)
        page.driver.switch_to.active_element.send_keys(Keys.SHIFT, Keys.ARROW_RIGHT)
        after(Keys.ENTER)
        found = page.run("done(stage.measurements(stage.active))")
        near(found[0]["length"], 6.0, 1e-9, "length by keys")
        expect(bool(page.run("done(document.getElementById('announcement').textContent)")), True, "it is said")
        after(Keys.DELETE)
        expect(page.run("done(stage.measurements(stage.active).length)"), 0, "delete removes it")
        expect(after("w")["tool"], "window", "w")
        expect(after("y")["layout"], "1x2", "y")
        expect(after("n")["at"], 1, "n goes to the next view")
        expect(after("k")["linked"], True, "k links")
        expect(after(",")["series"] is not None, True, "series before")
        page.keys("?")
        time.sleep(0.2)
        expect(page.run("done(document.getElementById('help').open)"), True, "? opens the help")
        bench.keep(page, "help")
        page.keys(Keys.ENTER)
        time.sleep(0.2)
        expect(page.run("done(document.getElementById('help').open)"), False, "enter closes it")
        # By Tab to every control, with a focus that is seen.
        reached = page.run("done([...document.querySelectorAll('header button, main button, select, summary, .view, .slider')]"
                           ".filter((e) => e.offsetParent && !e.disabled).length)")
        page.run("document.activeElement.blur(); document.querySelector('#language').focus(); done(1)")
        seen = set()
        for _ in range(reached + 12):
            page.keys(Keys.TAB)
            found = page.run("""const e = document.activeElement; window.__ids ??= new Map();
                if (!window.__ids.has(e)) window.__ids.set(e, window.__ids.size);
                const s = getComputedStyle(e);
                done([window.__ids.get(e), e === document.body || s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0,
                  e.className || e.id || e.tagName])""")
            expect(found[1], True, "the focus is seen on " + found[2])
            seen.add(found[0])
        if len(seen) < reached:
            raise Failure("Tab comes to %d places, expected %d" % (len(seen), reached))
        expect(page.problems(), [], "problems")
    return "%d places by Tab" % len(seen)


def a_window_of_360_pixels_is_enough(bench):
    (study, _), *_ = stacks(bench)
    with Page(bench.gateway, [study], size=(360, 740)) as page:
        time.sleep(0.5)
        found = page.run("""const box = stage.active.area.getBoundingClientRect();
            done({broad: document.documentElement.scrollWidth, wide: box.width, high: box.height, drawn: Boolean(stage.active.drawn),
              tool: stage.tools.current, notice: document.querySelector('footer strong').getBoundingClientRect().bottom <= innerHeight})""")
        bench.keep(page, "phone")
        expect(found["broad"], 360, "width of the page")
        expect((found["wide"] >= 330, found["high"] >= 250, found["drawn"], found["notice"]), (True,) * 4, "view %r" % found)
        page.one("#panel-button").click()
        time.sleep(0.3)
        expect(page.one("button.series").is_displayed(), True, "panel")
        bench.keep(page, "phone-panel")
        page.one("button.series").click()
        before = page.run("done([stage.active.index, stage.active.view.zoom, stage.active.view.panX])")
        box = page.run("const b = stage.active.area.getBoundingClientRect(); stage.tools.choose('scroll'); done([b.left, b.top, b.width, b.height])")
        x, y = box[0] + box[2] / 2, box[1] + box[3] / 2
        touch(page, [[(x, y)], [(x, y + 30)], [(x, y + 60)]])
        found = page.run("done(stage.active.index)")
        expect(found > before[0], True, "one finger scrolls")
        touch(page, [[(x - 20, y), (x + 20, y)], [(x - 40, y), (x + 40, y)], [(x - 60, y), (x + 60, y)]])
        near(page.run("done(stage.active.view.zoom)") / before[1], 3, 0.3, "two fingers zoom")
        expect(page.problems(), [], "problems")


def touch(page, steps):
    for number, fingers in enumerate(steps):
        points = [{"x": x, "y": y, "id": index} for index, (x, y) in enumerate(fingers)]
        page.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {
            "type": "touchStart" if number == 0 else "touchMove", "touchPoints": points})
    page.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    time.sleep(0.3)


def rights_and_notices_are_obeyed(bench):
    (study, _), *_ = stacks(bench)
    with Page(bench.gateway, [study], rights={"download": False, "print": False, "report": False}, role="patient",
              notices=["replaced"], language="en") as page:
        shown = [b.text for b in page.driver.find_elements(By.CSS_SELECTOR, "#toolbar button")]
        for name in ("Download DICOM", "Print", "PNG", "Report"):
            expect(name in shown, False, name)
        expect("replaced" in page.one("#notices").text, True, "notice")
        expect("Not for primary diagnosis" in page.one("footer").text, True, "notice at the foot")
    with Page(bench.gateway, [study]) as page:
        found = page.run("""
            const made = [];
            const click = HTMLAnchorElement.prototype.click;
            HTMLAnchorElement.prototype.click = function () { made.push([this.download, this.href.slice(0, 5)]); };
            await viewer.actions.picture(); await until(() => made.length);
            viewer.actions.download();
            HTMLAnchorElement.prototype.click = click;
            let printed = 0; window.print = () => { printed = document.querySelectorAll('#paper img').length; };
            await viewer.actions.paper(); await until(() => printed);
            viewer.actions.reportDocument(); await new Promise((r) => setTimeout(r, 600));
            done({made, printed, traits: document.querySelectorAll('#paper .trait').length,
              report: document.querySelector('#report iframe').title});""")
        expect(found["made"], [["image.png", "blob:"], ["exam.zip", "http:"]], "files")
        expect((found["printed"], found["traits"]), (1, 11), "paper")
        bench.keep(page, "report")
        page.one("#sign-out button").click()
        time.sleep(0.5)
        expect(page.driver.current_url.endswith("/sign-out"), True, "sign-out: " + page.driver.current_url)
        expect(page.problems(), [], "problems")


def accessibility_rules_hold(bench):
    (first, _), (second, _), _ = stacks(bench)
    documents, _ = bench.made("documents")
    for size in ((1280, 900), (360, 740)):
        with Page(bench.gateway, [first, second, documents], size=size, notices=["replaced"]) as page:
            for name, act in (("images", "viewer.actions.layout('1x2')"), ("report", "viewer.show(viewer.allSeries.find((s) => s.kind === 'report'))"),
                              ("panel", "document.body.classList.add('has-panel')"), ("help", "viewer.help()")):
                page.run("await loaded(); %s; await new Promise((r) => setTimeout(r, 500)); done(1)" % act)
                if wrong := inaccessible(page.driver):
                    raise Failure("%s, %d wide: %s" % (name, size[0], json.dumps(wrong)[:1500]))


def both_languages_have_all_words(bench):
    (study, _), *_ = stacks(bench)
    with Page(bench.gateway, [study]) as page:
        found = page.run("""
            const p = await import('/viewer/a/phrases.js');
            const missing = [], texts = {};
            for (const name of ['fr', 'en']) { p.setLanguage(name); for (const one of p.phraseNames()) if (!p.phrase(one)) missing.push(name + one); }
            const used = new Set();
            for (const file of ['main', 'toolbar', 'labels', 'documents', 'panel', 'banner', 'captions', 'view', 'keys', 'volume']) {
              const source = await (await fetch('/viewer/a/' + file + '.js')).text();
              for (const [, name] of source.matchAll(/phrase\\("([a-zA-Z-]+)"\\)/g)) used.add(name);
            }
            for (const element of document.querySelectorAll('[data-phrase]')) used.add(element.dataset.phrase);
            for (const name of used) if (!p.hasPhrase(name)) missing.push(name);
            p.setLanguage('fr'); viewer.switchLanguage();
            texts.en = document.querySelector('#toolbar').innerText; const lang = document.documentElement.lang;
            viewer.switchLanguage(); texts.fr = document.querySelector('#toolbar').innerText;
            done({missing, lang, isOther: texts.en !== texts.fr, used: used.size});""")
        expect((found["missing"], found["lang"], found["isOther"]), ([], "en", True), "words")
    return "%d phrases used" % found["used"]
