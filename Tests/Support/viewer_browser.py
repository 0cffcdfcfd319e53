# SPDX-License-Identifier: Apache-2.0
"""A gateway with studies, and headless Chromium with the viewer, for viewer_checks.py."""
import base64
import io
import json
import os
import pathlib
import socket
import subprocess
import time
import urllib.request

import numpy
from axe_core_python.base import AXE_SCRIPT
from PIL import Image
from pydicom import dcmread
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

import viewer_server

GL = ("--enable-unsafe-swiftshader",)
NO_GL = ("--disable-3d-apis",)
# The viewer wants no WebGL2 that is computed without a graphics card; a machine for tests has no other.
ANY_GL = """
const original = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, settings) {
  return original.call(this, kind, {...settings, failIfMajorPerformanceCaveat: false});
};
"""
# What scripts of the checks have at hand.
PRELUDE = """
const done = arguments[arguments.length - 1];
const until = async (test, seconds = 20) => {
  for (const end = Date.now() + 1000 * seconds; Date.now() < end;) {
    const found = test();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('waited in vain for ' + test);
};
const {viewer} = await import('/viewer/a/main.js');
const {stage} = viewer;
const loaded = () => until(() => viewer.exams.length && viewer.exams.every((e) => e.series || e.failure || !e.isOpened));
const settled = (view = stage.active) => until(() => !view.image || view.failure || (view.frame && view.drawn === view.image));
const find = (uid, frame = 1) => {
  for (const series of viewer.allSeries.filter((s) => !s.isKeyImages)) {
    const index = series.images.findIndex((i) => i.uid === uid && i.frame === frame);
    if (index >= 0) return {series, index};
  }
  return null;
};
"""


RULES = {"wcag2a", "wcag2aa", "wcag21a", "wcag21aa"}


class Failure(Exception):
    """What was found is not what was expected."""


def expect(found, expected, what):
    if found != expected:
        raise Failure("%s: found %r, expected %r" % (what, found, expected))


def near(found, expected, tolerance, what):
    if found is None or abs(found - expected) > tolerance:
        raise Failure("%s: found %r, expected %r within %r" % (what, found, expected, tolerance))


def inaccessible(driver):
    """What axe-core has against the page, by the rules of WCAG 2.1 A and AA."""
    driver.execute_script(AXE_SCRIPT)
    found = driver.execute_async_script(
        "const done = arguments[arguments.length - 1];"
        "axe.run(document, {resultTypes: ['violations'], iframes: false}).then((r) => done(r.violations.map((v) =>"
        " ({id: v.id, tags: v.tags, nodes: v.nodes.slice(0, 3).map((n) => n.target.join(' ') + ': ' + n.failureSummary)}))));")
    return [one for one in found if RULES.intersection(one["tags"])]


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    return [one.getsockname()[1] for one in sockets]


class Gateway:
    """drimboxd with its gateway, in a directory of its own."""

    def __init__(self, executables, directory):
        self.directory = pathlib.Path(directory)
        self.dicom, web, sender = free_ports(3)
        self.url = "http://127.0.0.1:%d/dicomweb" % web
        for name in ("state", "run"):
            (self.directory / name).mkdir()
        configuration = {
            "site": "Test", "stateDirectory": str(self.directory / "state"), "runtimeDirectory": str(self.directory / "run"),
            "admin": {"socket": str(self.directory / "run" / "admin.sock")},
            "gateway": {
                "executable": os.path.join(executables, "drimbox-gateway"),
                "spool": {"capacityBytes": 2 << 30, "segmentBytes": 64 << 20},
                "dicom": {"aeTitle": "DRIMBOX", "listen": ["127.0.0.1:%d" % self.dicom], "tls": None, "peers": [
                    {"aeTitle": "MODALITY", "host": "127.0.0.1", "port": sender, "roles": ["store"]}]},
                "web": {"listen": ["127.0.0.1:%d" % web], "tls": None, "authorization": "none"}}}
        file = self.directory / "drimbox.json"
        file.write_text(json.dumps(configuration))
        self.log = open(self.directory / "log", "w")
        self.process = subprocess.Popen([os.path.join(executables, "drimboxd"), "--config", str(file)],
                                        stdout=self.log, stderr=self.log)
        end = time.monotonic() + 30
        while time.monotonic() < end and self.process.poll() is None:
            try:
                urllib.request.urlopen(self.url + "/studies", timeout=2).read()
                return
            except OSError:
                time.sleep(0.1)
        raise Failure("the gateway does not answer: %s" % (self.directory / "log").read_text()[-800:])

    def send(self, *paths):
        """Files and folders that are refused are left out: which ones are there is asked by who needs them."""
        subprocess.run(["dcmsend", "-nh", "-dn", "-nuc", "-aet", "MODALITY", "-aec", "DRIMBOX", "+sd", "+r", "127.0.0.1",
                        str(self.dicom), *map(str, paths)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)

    def store(self, instances, name):
        folder = self.directory / name
        folder.mkdir()
        for number, data in enumerate(instances):
            data.save_as(folder / ("%04d" % number), enforce_file_format=True)
        self.send(folder)
        return [dcmread(folder / ("%04d" % number)) for number in range(len(instances))]

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()


def processor_seconds(root):
    """Of a process and of all that it started."""
    parents, seconds = {}, {}
    for entry in pathlib.Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split() if entry.name.isdigit() else None
        except OSError:
            continue  # gone meanwhile
        if fields:
            parents[int(entry.name)] = int(fields[1])
            seconds[int(entry.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    family = {root}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(seconds.get(pid, 0) for pid in family)


class Page:
    """The viewer in a browser of its own."""
    processor_seconds = 0.0

    def __init__(self, gateway, studies, flags=NO_GL, size=(1280, 900), has_workers=True, before=None,
                 line=(0, 0.0), **context):
        self.server = viewer_server.Server(gateway.url, studies, context=context, has_workers=has_workers)
        self.server.bytes_per_second, self.server.delay = line
        self.server.start()
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--no-first-run", "--no-proxy-server",
                     "--disable-background-networking", "--disable-component-update", "--force-device-scale-factor=1",
                     "--window-size=%d,%d" % size, *flags):
            options.add_argument(flag)
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        self.driver.set_script_timeout(120)
        if size[0] < 500:
            self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
                "width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": True})
        if flags == GL:
            before = ANY_GL + (before or "")
        if before:
            self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": before})
        self.driver.get(self.server.url)
        self.run("await loaded(); await settled().catch(() => null); done(true)")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        Page.processor_seconds += processor_seconds(self.driver.service.process.pid)
        self.driver.quit()
        self.server.shutdown()
        self.server.server_close()

    def run(self, script, *arguments):
        """The value that the script hands to done()."""
        whole = "const fail = arguments[arguments.length - 1]; (async (...arguments_) => { %s })(...arguments).catch(" \
                "(e) => fail({__error: String(e)}));" % (PRELUDE + script).replace("arguments[", "arguments_[")
        found = self.driver.execute_async_script(whole, *arguments)
        if isinstance(found, dict) and "__error" in found:
            raise Failure(found["__error"])
        return found

    def keys(self, *keys):
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def focus(self):
        self.run("stage.active.element.focus(); done(1)")

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def picture(self, uid, frame=1):
        """(rows x columns x 3, failure) of a frame in its own size, as the view draws it."""
        found = self.run("""
            await loaded();
            const place = find(arguments[0], arguments[1]);
            if (!place) return done({failure: 'not in the exam'});
            viewer.show(place.series, stage.active, place.index);
            await settled();
            const view = stage.active;
            done(view.failure ? {failure: view.message.textContent} : {png: view.picture().toDataURL('image/png')});
            """, uid, frame)
        if "failure" in found:
            return None, found["failure"]
        data = base64.b64decode(found["png"].split(",")[1])
        return numpy.array(Image.open(io.BytesIO(data)).convert("RGB")), None

    def screenshot(self, file=None):
        data = base64.b64decode(self.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"])
        if file:
            pathlib.Path(file).write_bytes(data)
        return numpy.array(Image.open(io.BytesIO(data)).convert("RGB"))

    def problems(self):
        """Violations of the policy, and what the console has of errors that are not answers of the server."""
        log = [entry["message"] for entry in self.driver.get_log("browser")
               if entry["level"] == "SEVERE" and "Failed to load resource" not in entry["message"]]
        return self.server.violations + log


__all__ = ["ANY_GL", "By", "Failure", "GL", "Gateway", "Keys", "NO_GL", "Page", "expect", "inaccessible", "near"]
