#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An administrator installs a release through the supervisor: drimboxd, drimbox-update and drimboxctl as they ship, a
repository of image/release, slots that are files.

    update_orders.py DIRECTORY_OF_EXECUTABLES

Prints a line for each thing that was seen; exit status 1, and why, at the first that was not.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from update_scenario import NEW, OLD, Box, Failed, Server, Vendor, expect, vendor


class Appliance:
    """A supervisor, its gateway, and the update agent, with an administrator's command."""

    def __init__(self, programs, box):
        self.programs, self.box = programs, box
        self.directory = box.directory / "supervisor"
        self.socket = self.directory / "run" / "admin.sock"
        (self.directory / "run").mkdir(parents=True)
        (self.directory / "media").mkdir()
        (self.directory / "drimbox.json").write_text(json.dumps({
            "site": "Updates", "stateDirectory": "%s/state" % self.directory, "runtimeDirectory": "%s/run" % self.directory,
            "networkDirectory": "%s/network" % self.directory, "admin": {"group": "root"},
            "gateway": {"dicom": {"aeTitle": "A", "listen": ["127.0.0.1:0"]},
                        "web": {"listen": ["127.0.0.1:0"], "authorization": "none"}}}))
        settings = box.directory / "update.json"
        own = json.loads(settings.read_text())
        self.reboots = box.directory / "reboots"
        command = box.directory / "reboot"
        command.write_text("#!/bin/sh\necho asked >>%s\n" % self.reboots)
        command.chmod(0o755)
        own.update(rebootCommand=str(command), socket="%s/run/update.sock" % self.directory, mediaDirectory="%s/media" % self.directory)
        settings.write_text(json.dumps(own))
        self.children = []

    def start(self, *arguments):
        child = subprocess.Popen(list(map(str, arguments)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.children.append(child)
        return child

    def agent(self):
        return self.start(self.programs / "drimbox-update", "run", "--interval", 1, "--config",
                          self.box.directory / "update.json", "--system-root", self.box.directory / "system")

    def supervisor(self):
        self.start(self.programs / "drimboxd", "--config", self.directory / "drimbox.json")
        eventually(lambda: self.control("whoami")[0] == 0, "the supervisor answers")

    def kill_agent(self):
        for child in self.children:
            if child.args[0].endswith("drimbox-update"):
                child.kill()
                child.wait()
        self.children = [child for child in self.children if child.poll() is None]

    def control(self, *arguments):
        done = subprocess.run([self.programs / "drimboxctl", "--socket", self.socket, "--lang", "en", *arguments],
                              capture_output=True, text=True, timeout=120)
        return done.returncode, (done.stdout + done.stderr).strip()

    def stop(self):
        for child in reversed(self.children):
            child.terminate()
        for child in self.children:
            child.wait()


def eventually(condition, words, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failed("not within %d s: %s" % (seconds, words))
        time.sleep(0.2)
    print("ok  " + words)


def orders(appliance, box):
    status, words = appliance.control("update", "status")
    expect(status == 1 and "update.sock" in words, "without an agent, its socket is named", words)
    appliance.agent()
    eventually(lambda: appliance.control("update", "status")[0] == 0, "the agent takes the supervisor's orders")
    status, words = appliance.control("update", "install")
    expect(status == 99 and NEW in words and "waits for consent" in words, "a release is installed, and waits for consent", words)
    expect(box.holds("b", NEW) and box.entries == ["A.efi"], "it is in the other slot, and has no entry")
    status, words = appliance.control("update", "check")
    expect(status == 99, "a check says that it is held", words)
    status, words = appliance.control("-o", "json", "update", "status")
    told = json.loads(words)
    expect(told["phase"] == "staged" and told["hold"] == "consent" and told["running"]["slot"] == "A", "as JSON, too", words)
    status, words = appliance.control("update", "confirm", "--hours", "900")
    expect(status == 5 and "found 900" in words, "a consent of 900 hours is refused", words)
    status, words = appliance.control("update", "confirm", "--hours", "2")
    expect(status == 100 and "starts with the next boot" in words, "with the consent it starts with the next boot", words)
    expect(box.entries == ["A.efi", "B+3.efi"], "and has its three tries")
    status, words = appliance.control("update", "abort")
    expect(status == 0 and box.entries == ["A.efi"], "dropped before the reboot, nothing is left of it", words)
    status, words = appliance.control("update", "abort")
    expect(status == 5 and "expected a release that is under way" in words, "a second time there is nothing to drop", words)
    status, words = appliance.control("update", "rollback")
    expect(status == 1 and "reason" in words, "going back needs a reason", words)
    status, words = appliance.control("--reason", "test", "update", "rollback")
    expect(status == 5 and "expected a release on trial or committed" in words, "and something to go back from", words)


def medium(appliance, box, made):
    status, words = appliance.control("update", "list")
    expect(status == 0 and "no medium" in words, "no medium is there", words)
    vendor("usb", made.repository, "--release", NEW, "--out", made.directory / "stick")
    os.symlink(made.directory / "stick", appliance.directory / "media" / "STICK")
    status, words = appliance.control("update", "list")
    expect(words == "STICK", "a medium that was mounted is listed", words)
    status, words = appliance.control("update", "install", "--medium", "../STICK")
    expect(status == 5 and "expected one of: STICK" in words, "a medium is named, not a path", words)
    status, words = appliance.control("update", "install", "--medium", "STICK")
    expect(status == 99 and "waits for consent" in words and box.holds("b", NEW), "a release comes from the medium", words)


def back(appliance, box):
    """The release was committed in an earlier boot; its soak time is not over."""
    status, words = appliance.control("update", "confirm")
    expect(status == 100, "the release of the medium is armed", words)
    appliance.kill_agent()
    (box.directory / "efi/EFI/Linux/B+3.efi").rename(box.directory / "efi/EFI/Linux/B+2-1.efi")
    box.boot("b", NEW, "B+2-1.efi", "2")
    appliance.agent()
    eventually(lambda: "on trial" in appliance.control("update", "status")[1], "after the reboot it is on trial")
    appliance.reboots.unlink(missing_ok=True)
    status, words = appliance.control("--reason", "the viewer is slow", "update", "rollback")
    expect(status == 0 and "asked for" in words, "somebody sends it back", words)
    expect("B+0-1.efi" in box.entries or "B+0-3.efi" in box.entries or "B+0-2.efi" in box.entries,
           "its entry has no try left", str(box.entries))
    eventually(appliance.reboots.exists, "and the box is rebooted")
    appliance.kill_agent()
    box.boot("a", OLD, "A.efi", "3")
    appliance.agent()
    eventually(lambda: "W-UPD-02" in appliance.control("issues")[1], "the old system runs, and an issue says so")
    def audit():
        words = appliance.control("audit", "ls")[1]
        return "the viewer is slow" in words and "UPDATE" in words and "failed" in words
    eventually(audit, "the audit has who asked, why, and what came of it")
    status, words = appliance.control("events")
    expect("update.state" in words, "and the events have it", words)


def main():
    programs = pathlib.Path(sys.argv[1])
    directory = pathlib.Path(tempfile.mkdtemp(prefix="drimbox-orders-", dir="/tmp"))
    server = appliance = None
    try:
        made = Vendor(directory)
        server = Server(made.repository)
        box = Box(str(programs / "drimbox-update"), made, directory / "box", server.url)
        appliance = Appliance(programs, box)
        appliance.supervisor()
        orders(appliance, box)
        medium(appliance, box, made)
        back(appliance, box)
    except Failed as failure:
        print("FAILED  %s" % failure)
        sys.exit(1)
    finally:
        if appliance:
            appliance.stop()
        if server:
            server.stop()
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
