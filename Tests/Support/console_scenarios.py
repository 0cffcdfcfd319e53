# SPDX-License-Identifier: Apache-2.0
"""Sessions on the technician's console, on a pseudo-terminal of 80x24, beside a real systemd-networkd."""
import subprocess
import sys

PASSWORD = "correct horse battery"
# What an installer types after "Install wizard", one line per answer.
ANSWERS = [
    "CHU Nord / Radio-2", "care0", "10.10.0.5/24 10.10.0.1", "", "10.10.0.1", "10.10.0.1", "PACS1 10.10.0.40 11112",
    "yes", "marie", PASSWORD, PASSWORD, "yes",
]


def play(lab, lines, language="en", seconds=90):
    """The transcript, and what went wrong."""
    player = __file__.replace("console_scenarios.py", "console_session.py")
    command = [lab.bin + "/drimboxctl", "--socket", lab.socket, "--lang", language, "console"]
    result = subprocess.run(
        [sys.executable, player, "--timeout", str(seconds), "-", *command],
        input="\n".join(lines) + "\n", capture_output=True, text=True,
    )
    # A line that is drawn anew after news of the box is still one line of the screen.
    shown = [part for line in result.stdout.split("\n") for part in line.split("\r")]
    return {
        "transcript": result.stdout,
        "errors": result.stderr,
        "status": result.returncode,
        "longest": max(len(line) for line in shown),
        "ascii": all(character == "\n" or " " <= character <= "~" for character in result.stdout),
    }


def install(lab, language="en"):
    words = {"en": ["Install wizard", "confirmed as revision 2"], "fr": ["Assistant d'installation", "confirme : revision 2"]}
    first, last = words[language]
    lines = ["expect " + first, "send 1"]
    for answer in ANSWERS:
        # Each question ends with a colon; the wizard tests what it was told before it asks on.
        lines += ["expect : ", "sleep 0.2", "send " + answer]
    return play(lab, lines + ["expect " + last, "absent " + PASSWORD, "hangup"], language)


def day_one(lab, language="en"):
    lab.start_networkd()
    lab.start_drimboxd()
    session = install(lab, language)
    return session | {
        "answers": len(ANSWERS), "care0": lab.addresses("care0"), "revision": lab.revision(),
        "users": lab.call("GET", "/v1/users")[1]["users"], "site": lab.call("GET", "/v1/config?path=site")[1],
    }


def day_one_french(lab):
    return day_one(lab, "fr")


def tests(lab, *expected):
    """Logs in, asks for the network tests, and waits for what they have to say."""
    lines = ["expect login:", "send marie", "expect assword", "send " + PASSWORD, "expect 1-11> ", "send 2"]
    return play(lab, lines + ["expect " + text for text in expected] + ["absent " + PASSWORD, "hangup"])


def failures(lab):
    lab.start_networkd()
    lab.start_drimboxd()
    found = {"install": install(lab)["status"]}
    lab.tell(ntp=3 * 86400)
    found["clock"] = tests(lab, "our clock is off by 3 d", "the box's clock is", "Advice")
    lab.tell(ntp=0)
    lab.switch("ip", "link", "set", "sw0", "down")
    found["cable"] = tests(lab, "no cable", "Likely cause", "Advice")
    lab.switch("ip", "link", "set", "sw0", "up")
    document = lab.call("GET", "/v1/config")[1]
    document["network"]["interfaces"][0]["ipv4"] = {"method": "dhcp"}
    lab.apply(document)
    found["dhcp"] = tests(lab, "no DHCP answer", "Likely cause", "Advice")
    words = ["send marie", "expect assword", "send not the password"]
    wrong = play(lab, ["expect login:", *words, "expect login:", "hangup"])
    found["wrong_password"] = wrong["status"]
    return found


SCENARIOS = {"day-one": day_one, "day-one-french": day_one_french, "console-failures": failures}
