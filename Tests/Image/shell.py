# SPDX-License-Identifier: Apache-2.0
"""The break-glass shell on a box that systemd runs: what the supervisor's user may do, and what the vendor's signature does."""
import json
import os
import subprocess

import study
from box import ROOT

UNIT, CONSOLE = "drimbox-shell@ttyS0.service", "drimbox-console@ttyS0.service"
AS_SUPERVISOR = "setpriv --reuid drimboxd --regid drimboxd --clear-groups"
# What root's shell alone says: the line shows what is typed, too.
PROMPT = r"bash-[0-9.]+# "


def prepare(guest):
    """The install wizard's answers, a user, the identity key in the TPM. The user's password."""
    study.configure(guest)
    status, text = guest.do("drimboxctl enrol csr BOX-1")
    if status != 0:
        raise AssertionError(f"enrol csr: found {status}: {text[-500:]}, expected a request")
    password = "correct-horse-battery-staple"
    status, text = guest.do(f"echo {password} | drimboxctl user add anne --role admin")
    if status != 0:
        raise AssertionError(f"user add: found {status}: {text[-500:]}, expected 0")
    return password


def respond(key, challenge):
    """The vendor's answer, without spaces."""
    done = subprocess.run([os.path.join(ROOT, "image/vendor/shell-response"), key, challenge], stdout=subprocess.PIPE, text=True,
                          check=True)
    return "".join(done.stdout.split())


def ask_root(guest):
    """A challenge of root's, as the supervisor gets it."""
    request = json.dumps({"shellChallenge": {"terminal": "ttyS0", "asksTPM": True}})
    status, text = guest.do(f"/usr/libexec/drimbox-probe --request '{request}'")
    answer = json.loads(text) if status == 0 else {}
    if "shellChallenge" not in answer:
        raise AssertionError(f"drimbox-probe: found {status}: {text[-500:]}, expected a challenge")
    return answer["shellChallenge"]["_0"]["challenge"]


def start(guest):
    """Exit status of the supervisor's user starting the unit; the console is back where that fails."""
    status, _ = guest.do(f"{AS_SUPERVISOR} systemctl start {UNIT}")
    guest.do(f"for n in $(seq 30); do systemctl -q is-active {CONSOLE} && break; sleep 1; done")
    return status


def refused(box, guest, what):
    box.expect(f"{what}: start refused", start(guest) != 0, True)
    box.expect(f"{what}: shells", guest.do("pgrep -xc bash")[1], "0")
    box.expect(f"{what}: console", guest.do(f"systemctl is-active {CONSOLE}")[1], "active")
    # Five failures in ten seconds, and systemd would refuse by itself.
    guest.do(f"systemctl reset-failed {UNIT}")


def give(guest, response):
    """What the supervisor leaves for root."""
    guest.do(f"rm -f /run/drimbox/shell-response; {AS_SUPERVISOR} sh -c 'echo {response} >/run/drimbox/shell-response'")


def told(box, guest):
    """What root's program has said, where the supervisor cannot take it back."""
    guest.do("journalctl --sync")
    lines = guest.do("journalctl -b -o short-monotonic --no-pager | grep drimbox-shell | grep -v systemd; dmesg | grep drimbox-shell")[1]
    box.note(lines)
    box.expect("told in the kernel's log", "no shell on ttyS0" in lines, True)


def forgeries(box, guest, key):
    box.expect("the supervisor writes a challenge", guest.do(f"{AS_SUPERVISOR} touch /run/drimbox-shell/challenge")[0] != 0, True)
    refused(box, guest, "no challenge, no response")
    ask_root(guest)
    refused(box, guest, "no response")
    challenge = ask_root(guest)
    give(guest, "A" * 103)
    refused(box, guest, "no signature")
    give(guest, respond(key, challenge))
    refused(box, guest, "the right one for a challenge that is spent")
    other = ask_root(guest)
    guest.do(f"rm /run/drimbox/shell-response; {AS_SUPERVISOR} ln -s /etc/shadow /run/drimbox/shell-response")
    refused(box, guest, "a link to root's file")
    give(guest, respond(key, other.replace("ttyS0", "tty1")))
    refused(box, guest, "a signature for another line")
    for verb in ("restart", "set-property --runtime", "bind"):
        words = {"bind": "/etc /etc", "restart": ""}.get(verb, "CPUWeight=1")
        status, text = guest.do(f"{AS_SUPERVISOR} systemctl {verb} drimbox-gateway.service {words}")
        box.note(text)
        box.expect(f"{verb} of the gateway's unit, refused", status != 0, True)
    box.expect("mark of an opened shell", guest.do("test -e /run/drimbox-shell/opened")[0] != 0, True)
    told(box, guest)


def opens(box, guest, key, password):
    line = guest.console
    line.seen = len(line.text)
    line.send("\r")
    line.wait("login: ", guest.BAD, 120)
    line.send("anne\r")
    line.wait("password: ", guest.BAD, 60)
    line.send(password + "\r")
    number = line.wait(r"([0-9]+)  Vendor's shell", guest.BAD, 120)[1]
    line.wait(r"1-[0-9]+> ", guest.BAD, 60)
    line.send(f"{number}\r")
    line.wait(r"Why \(", guest.BAD, 60)
    line.send("test of the image\r")
    challenge = line.wait(r"([0-9a-f]{16}\.[0-9TZ]+\.ttyS0\.[a-z2-9-]{19})", guest.BAD, 60)[1]
    box.note(f"challenge: {challenge}")
    fingerprint = guest.do("drimboxctl enrol status -o json")[1]
    box.expect("challenge names the TPM's key", json.loads(fingerprint)["keyFingerprint"][:16].lower() in challenge, True)
    line.wait("response 0/103: ", guest.BAD, 60)
    line.send(respond(key, challenge) + "\r")
    line.wait(PROMPT, guest.BAD, 120)
    line.send("echo user=$(id -u)=\n")
    line.wait("user=0=", guest.BAD, 60)
    box.expect("console has left the line", guest.do(f"systemctl is-active {CONSOLE}")[1] != "active", True)
    box.expect("mark", guest.do("test -e /run/drimbox-shell/opened")[0], 0)
    box.expect("issues", "W-SHELL-01" in guest.do("drimboxctl issues")[1], True)
    box.expect("audit", "SHELL-OPEN" in guest.do("drimboxctl audit ls")[1], True)
    line.send("exit\n")
    line.wait("DRIMbox|login: ", guest.BAD, 120)
    # What was typed is no secret any more, and the vendor's signature opens nothing twice.
    give(guest, respond(key, challenge))
    refused(box, guest, "the same response again")
    told(box, guest)
