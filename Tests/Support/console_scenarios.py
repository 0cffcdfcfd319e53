# SPDX-License-Identifier: Apache-2.0
"""Sessions on the technician's console, on a pseudo-terminal of 80x24, beside a real systemd-networkd."""
import os
import subprocess
import sys
import time

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
    lines = ["expect login:", "send marie", "expect assword", "send " + PASSWORD, "expect 1-16> ", "send 2"]
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


LOCK = """
tpm2_dictionarylockout --setup-parameters --max-tries=3 --recovery-time=120 --lockout-recovery-time=120
tpm2_createprimary -C o -G ecc -c primary.ctx; tpm2_flushcontext -t
tpm2_create -C primary.ctx -G ecc -p right -u key.pub -r key.priv \\
    -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign'; tpm2_flushcontext -t
tpm2_load -C primary.ctx -u key.pub -r key.priv -c key.ctx; tpm2_flushcontext -t
for try in 1 2 3 4; do tpm2_sign -c key.ctx -p wrong -g sha256 -o signature key.pub; tpm2_flushcontext -t; done
"""


def locked_tpm(lab):
    """A TPM that wrong passwords have locked; its TCTI."""
    path = lab.directory + "/tpm"
    lab.start("swtpm", [os.path.dirname(__file__) + "/swtpm", path])
    while not os.path.exists(path + "/srv.ctrl"):
        time.sleep(0.05)
    tcti = f"swtpm:path={path}/srv"
    subprocess.run(["bash", "-c", LOCK], cwd=path, env={**os.environ, "TPM2TOOLS_TCTI": tcti}, capture_output=True)
    return tcti


def failing_disk(lab):
    """A disk in the place of the host's, and a smartctl that says what a real one said of such a disk."""
    disk = lab.directory + "/block/sda"
    os.makedirs(disk)
    for name, value in (("size", "1000000"), ("removable", "0")):
        with open(f"{disk}/{name}", "w") as file:
            file.write(value + "\n")
    subprocess.run(["mount", "--bind", lab.directory + "/block", "/sys/block"], check=True)
    recording = os.path.dirname(__file__) + "/../HealthTests/Fixtures/smartctl/hitachi-hds721050dle630.json"
    program = lab.directory + "/smartctl"
    with open(program, "w") as file:
        file.write(f"#!/bin/sh\ncat '{recording}'\nexit 216\n")
    os.chmod(program, 0o755)
    return program


def hardware(lab):
    lab.start_networkd()
    health = {"tpm": True, "tcti": locked_tpm(lab), "disks": True, "smartctl": failing_disk(lab)}
    care = {"name": "care0", "zone": "care", "ipv4": {"method": "static", "address": "10.10.0.5/24"}}
    lab.start_drimboxd({"interfaces": [care]}, health=health)
    lab.call("POST", "/v1/users", {"name": "marie", "role": "operator", "password": PASSWORD})
    lab.call("POST", "/v1/health/check")
    login = ["expect login:", "send marie", "expect assword", "send " + PASSWORD, "expect 1-16> "]
    return {
        "why": play(lab, login + ["send 1", "expect E-DISK-01:sda", "expect E-TPM-03", "expect free in 2 min", "hangup"]),
        "hardware": play(lab, login + ["send 5", "expect FAILING", "expect LOCKED, free in at most 2 min", "hangup"]),
        "french": play(
            lab,
            ["expect identifiant", "send marie", "expect asse", "send " + PASSWORD, "expect 1-16> ", "send 1"]
            + ["expect le disque sda est en panne", "expect verrouille", "hangup"],
            "fr",
        ),
    }


SCENARIOS = {"console-hardware": hardware, "day-one": day_one, "day-one-french": day_one_french, "console-failures": failures}
