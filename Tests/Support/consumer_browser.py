#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A professional at a browser, from the contextual call of a RIS to the images in the site's archive.

Headless Chromium goes through the consumer's pages and through the lab's Pro Sante Connect. Prints what it saw as JSON:
{"failure": null, "pages": [...], "violations": [...], "console": [...], "foreign": [...], "times": {...}, ...}. Exit
status 0 only if the path came to its end.

    consumer_browser.py --url https://localhost:8443 --ca ca.pem --certificate server.pem --professional 899700367909 \\
        --images 4 [--structure 1300017985] [--keyboard] [--screenshots DIR] [--import]
"""
import argparse
import base64
import contextlib
import hashlib
import json
import pathlib
import ssl
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

from axe_core_python.base import AXE_SCRIPT
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.chrome.service import Service

PATIENT = {
    "Patient.identifier.value": "279035121518989", "Patient.identifier.system": "1.2.250.1.213.1.4.10",
    "Patient.name.family": "PAT-TROIS", "Patient.name.given": "DOMINIQUE MARIE-LOUISE", "Patient.gender": "F",
    "Patient.birthDate": "1979-03-28", "Address.district": "63220", "InformationEtConsentement": "true",
    "PatientID": "IPPB7", "PatientIDIssuer": "CLINIQUE-B&1.2.250.1.999.7&ISO"}
# When each picture was there, in milliseconds since 1970; outside of the page's own script.
CLOCK = """
window.__pictures = [];
document.addEventListener("load", (event) => {
  if (event.target.tagName === "IMG") window.__pictures.push(performance.timeOrigin + performance.now());
}, true);
"""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
WIDE, PHONE = (1280, 900, False), (375, 812, True)


class Failed(Exception):
    """The path did not go on as it should."""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Site:
    """The consumer without a browser: what a RIS, or who has stolen a cookie, sends."""

    def __init__(self, url, authorities):
        self.url = url
        self.opener = urllib.request.build_opener(
            NoRedirect, urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=authorities)))

    def call(self, patient):
        """Where the browser of who called goes on."""
        status, headers = self.send("/api/conso/parameters", urllib.parse.urlencode(patient).encode())
        if status != 303:
            raise Failed("contextual call: found status %d, expected 303" % status)
        return headers["Location"]

    def send(self, path, body=None, cookie=None):
        """(status, headers)"""
        request = urllib.request.Request(self.url + path, body, {"Cookie": cookie} if cookie else {})
        try:
            with self.opener.open(request, timeout=30) as answer:
                return answer.status, answer.headers
        except urllib.error.HTTPError as error:
            return error.code, error.headers


class Person:
    """What a professional does: with the mouse, or with the keyboard alone."""

    def __init__(self, driver, keyboard):
        self.driver, self.keyboard, self.tabs = driver, keyboard, {}
        self.unseen = []

    def find(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector, seconds=20):
        """The element, once it is there."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.find(selector)
            if found:
                return found[0]
            time.sleep(0.05)
        raise Failed("found no %s in %s: %s" % (selector, self.driver.current_url, self.words()[:600]))

    def words(self):
        bodies = self.find("body")
        return bodies[0].text if bodies else ""

    def press(self, selector, key=Keys.ENTER):
        """Presses a button, follows a link, ticks a box; waits until the browser is elsewhere unless it is ticked."""
        element = self.one(selector)
        is_tick = key == Keys.SPACE
        if self.keyboard:
            self.reach(element, selector)
            self.driver.switch_to.active_element.send_keys(key)
        else:
            element.click()
        if not is_tick:
            self.leave(element)

    def reach(self, element, selector):
        """Goes on by Tab until the element has the focus, which has to be seen."""
        for count in range(1, 120):
            self.driver.switch_to.active_element.send_keys(Keys.TAB)
            if self.driver.execute_script("return document.activeElement === arguments[0]", element):
                break
        else:
            raise Failed("Tab never comes to %s in %s" % (selector, self.driver.current_url))
        self.tabs[selector] = count
        is_seen = self.driver.execute_script(
            "const s = getComputedStyle(arguments[0]), r = arguments[0].getBoundingClientRect();"
            "return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0 && r.bottom > 0 && r.top < innerHeight",
            element)
        if not is_seen:
            self.unseen.append(selector)

    def leave(self, element, seconds=20):
        end = time.monotonic() + seconds
        with contextlib.suppress(WebDriverException):
            while time.monotonic() < end:
                element.is_enabled()
                time.sleep(0.02)
            raise Failed("nothing happened in %s" % self.driver.current_url)


class Story:
    def __init__(self, arguments):
        self.arguments = arguments
        self.site = Site(arguments.url, arguments.ca)
        self.report = {"failure": None, "pages": [], "violations": [], "advice": [], "console": [], "foreign": [],
                       "overflow": [], "times": {}}
        self.driver = browser(arguments)
        self.person = Person(self.driver, arguments.keyboard)

    # MARK: what is looked at on each page

    def look(self, name):
        """Checks the page that is there now."""
        url = self.driver.current_url
        self.report["pages"].append(name)
        if self.arguments.rules:
            self.driver.execute_script(AXE_SCRIPT)
            found = self.driver.execute_async_script(
                "const done = arguments[arguments.length - 1];"
                "axe.run(document, {resultTypes: ['violations'], iframes: false}).then(r => done(r.violations),"
                " e => done([{id: String(e), tags: ['wcag2a'], nodes: []}]));")
            for rule in found:
                words = "%s: %s: %s" % (name, rule["id"], "; ".join(
                    "%s (%s)" % (" ".join(map(str, n["target"])), " ".join(n["failureSummary"].split()))
                    for n in rule["nodes"][:3]))
                self.report["violations" if set(rule["tags"]) & set(RULES) else "advice"].append(words)
        loaded = self.driver.execute_script("return performance.getEntriesByType('resource').map(e => e.name)")
        self.report["foreign"] += [r for r in loaded if not r.startswith((self.arguments.url, "data:"))]
        # What the provider's page lacks is not ours.
        self.report["console"] += ["%s: %s %s" % (name, entry["level"], entry["message"])
                                   for entry in self.driver.get_log("browser") if self.arguments.url in entry["message"]]
        if any(word in url for word in (PATIENT["Patient.identifier.value"], PATIENT["PatientID"], "PAT-TROIS")):
            raise Failed("%s: the URL names the patient" % name)
        self.picture(name, WIDE)
        self.picture(name, PHONE)

    def picture(self, name, view):
        """Whether the page is as wide as the view, and how it looks."""
        width, height, is_phone = view
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone})
        broad = self.driver.execute_script("return document.documentElement.scrollWidth")
        if broad > width:
            self.report["overflow"].append("%s: %d > %d" % (name, broad, width))
        if self.arguments.screenshots is not None:
            time.sleep(0.3)
            image = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": not is_phone})
            folder = pathlib.Path(self.arguments.screenshots)
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / ("%s-%s%s.png" % (name, self.arguments.language, "-phone" if is_phone else ""))
            file.write_bytes(base64.b64decode(image["data"]))
        self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    # MARK: the path

    def play(self):
        self.driver.get(self.arguments.url + "/consumer")
        self.person.one("a[href='/consumer/sign-in']")
        self.look("home")
        self.driver.get(self.site.call(PATIENT))
        self.person.press("button[value='%s']" % self.arguments.professional)
        self.choose_activity()
        self.authorise()
        self.person.one(".exams > li")
        self.look("list")
        self.read_report()
        self.open_images()
        if self.arguments.archive:
            self.store()
        self.sign_out()

    def choose_activity(self):
        self.person.one("main")
        choices = self.person.find("input[name=activity]")
        self.report["activities"] = len(choices)
        if not choices:
            return
        self.look("activity")
        for choice in choices:
            label = choice.find_element(By.XPATH, "..").text
            if "(%s)" % self.arguments.structure in label:
                break
        else:
            raise Failed("there is no structure %s: %s" % (self.arguments.structure, self.person.words()))
        if self.arguments.keyboard:
            # A group of radio buttons has one place among the tabs, and its members are chosen by arrows.
            self.person.reach(choices[0], "input[name=activity]")
            self.driver.switch_to.active_element.send_keys(Keys.SPACE)
            for _ in choices:
                if choice.is_selected():
                    break
                self.driver.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
        else:
            choice.click()
        if not choice.is_selected():
            raise Failed("the structure %s cannot be chosen" % self.arguments.structure)
        self.person.press("main form button[type=submit]")

    def authorise(self):
        """The patient's authorization, where there is none yet."""
        self.person.one("main .patient")
        boxes = self.person.find("input[name=consent]")
        self.report["authorised"] = bool(boxes)
        if not boxes:
            return
        self.look("authorisation")
        self.person.press("input[name=consent]", Keys.SPACE)
        self.person.press("form[action$='/authorisation'] button")

    def read_report(self):
        self.report["reports"] = len(self.person.find("a[href*='/reports/']"))
        self.report["exams"] = [e.text for e in self.person.find(".exams h2")]
        if not self.report["reports"]:
            return
        self.person.press("a[href*='/reports/']")
        frame = self.person.one("iframe.report")
        self.report["document"] = self.driver.execute_async_script(
            "const done = arguments[1];"
            "fetch(arguments[0]).then(async a => done([a.status, a.headers.get('Content-Type'),"
            " new TextDecoder('latin1').decode((await a.arrayBuffer()).slice(0, 5))]), e => done([0, String(e), '']));",
            frame.get_attribute("src"))
        time.sleep(1)
        self.look("report")
        self.person.press("main a[href^='/consumer/patients/']:not([href*='/reports/'])")

    def open_images(self):
        wanted = self.arguments.images
        start = time.time()
        self.person.press("form[action*='/images/'] button")
        self.person.one("#progress")
        self.report["times"]["page"] = round(time.time() - start, 3)
        end = time.monotonic() + self.arguments.seconds
        while len(self.person.find(".images img")) < wanted:
            if time.monotonic() > end:
                raise Failed("found %d images, expected %d: %s" % (
                    len(self.person.find(".images img")), wanted, self.person.words()[-800:]))
            time.sleep(0.05)
        self.report["times"]["placed"] = round(time.time() - start, 3)
        # Pictures outside of the view are loaded when they are scrolled to.
        while time.monotonic() < end:
            sizes = self.driver.execute_script(
                "const all = [...document.querySelectorAll('.images img')];"
                "const next = all.find(i => !i.complete || !i.naturalWidth); if (next) next.scrollIntoView();"
                "return all.map(i => i.complete ? i.naturalWidth : 0)")
            if len(sizes) == wanted and all(sizes):
                break
            time.sleep(0.05)
        self.report["shown"] = sum(bool(size) for size in sizes)
        times = self.driver.execute_script("scrollTo(0, 0); return window.__pictures")
        if times:
            self.report["times"]["first"] = round(times[0] / 1000 - start, 3)
            self.report["times"]["all"] = round(times[-1] / 1000 - start, 3)
        self.report["received"] = self.person.one("#received").text
        self.report["missing"] = self.person.one("#missing").get_attribute("textContent")
        self.look("images")

    def store(self):
        start = time.time()
        self.person.press("#import")
        words, end = "", time.monotonic() + self.arguments.seconds
        while time.monotonic() < end:
            words = self.person.one("#imported").text
            if words.startswith(("Import terminé", "Import finished", "Import incomplet", "Import incomplete")):
                break
            time.sleep(0.05)
        self.report["imported"] = words
        self.report["times"]["import"] = round(time.time() - start, 3)
        self.look("imported")

    def sign_out(self):
        name = "__Host-drimbox"
        cookie = self.driver.get_cookie(name)
        page = urllib.parse.urlsplit(self.driver.current_url).path
        if cookie is None:
            raise Failed("found no cookie %s" % name)
        self.report["cookie"] = {k: cookie.get(k) for k in ("secure", "httpOnly", "sameSite", "path", "domain")}
        value = "%s=%s" % (name, cookie["value"])
        self.report["withCookie"] = self.site.send(page, cookie=value)[0]
        self.report["withoutCookie"] = self.site.send(page)[0]
        self.person.press("form[action='/consumer/sign-out'] button")
        self.person.one("a[href='/consumer/sign-in']")
        self.look("signed-out")
        self.report["stolenCookie"] = self.site.send(page, cookie=value)[0]
        self.driver.get(self.arguments.url + page)
        self.report["afterwards"] = self.person.words()[:200]
        if PATIENT["Patient.name.family"] in self.person.words():
            raise Failed("the page is there after signing out")


def key_digest(path):
    """SPKI of a certificate, as --ignore-certificate-errors-spki-list takes it: this key alone is taken unseen."""
    certificate = x509.load_pem_x509_certificates(pathlib.Path(path).read_bytes())[0]
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(key).digest()).decode()


def browser(arguments):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    tags = {"fr": "fr-FR,fr", "en": "en-GB,en"}[arguments.language]
    options.add_experimental_option("prefs", {"intl.accept_languages": tags, "intl.selected_languages": tags})
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run",
                 "--no-proxy-server", "--disable-background-networking", "--disable-component-update",
                 "--window-size=1280,900", "--user-data-dir=" + arguments.profile,
                 "--ignore-certificate-errors-spki-list=" + key_digest(arguments.certificate)):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    driver.set_page_load_timeout(60)
    driver.set_script_timeout(60)
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": CLOCK})
    return driver


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="of the consumer, without a path")
    parser.add_argument("--ca", required=True, metavar="FILE")
    parser.add_argument("--certificate", required=True, metavar="FILE", help="of the consumer and of the provider")
    parser.add_argument("--professional", required=True, metavar="IDENTIFIER")
    parser.add_argument("--structure", metavar="IDENTIFIER", help="where there is a choice")
    parser.add_argument("--images", type=int, required=True, help="that have to come")
    parser.add_argument("--import", dest="archive", action="store_true")
    parser.add_argument("--keyboard", action="store_true", help="Tab, Enter, Space and arrows only")
    parser.add_argument("--no-rules", dest="rules", action="store_false", help="leave out accessibility rules")
    parser.add_argument("--language", choices=("fr", "en"), default="fr")
    parser.add_argument("--screenshots", metavar="DIR")
    parser.add_argument("--seconds", type=float, default=120, help="for the images, and for the import")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="drimbox-browser-", ignore_cleanup_errors=True) as arguments.profile:
        story = Story(arguments)
        try:
            story.play()
        except Exception as error:  # whatever it is, the report says it
            story.report["failure"] = "%s: %s" % (type(error).__name__, error)
            with contextlib.suppress(Exception):
                story.report["url"], story.report["words"] = story.driver.current_url, story.person.words()[:1500]
                story.picture("failure", WIDE)
        finally:
            story.driver.quit()
    story.report["tabs"], story.report["focusUnseen"] = story.person.tabs, story.person.unseen
    json.dump(story.report, sys.stdout, ensure_ascii=False, indent=1)
    print()
    return 0 if story.report["failure"] is None else 1


if __name__ == "__main__":
    sys.exit(main())
