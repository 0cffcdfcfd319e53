# SPDX-License-Identifier: Apache-2.0
"""A port with IEEE 802.1X on a box that systemd runs; the network of QEMU lets in nobody and keeps nobody out."""
import json
import os
import subprocess

import study

PLACE = "/var/lib/drimbox/port"


def configure(box, guest):
    """The card with an authentication, from files of the supervisor's. Its name."""
    key, certificate = box.path("port.key"), box.path("port.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=box-1", "-keyout", key, "-out", certificate], check=True, stderr=subprocess.DEVNULL)
    guest.do(f"mkdir -p {PLACE}")
    for path in (key, certificate):
        with open(path, encoding="utf-8") as file:
            guest.put(f"{PLACE}/{os.path.basename(path)}", file.read())
    guest.do(f"chown -R drimboxd:drimboxd {PLACE}")
    box.note(study.configure(guest))
    document = json.loads(guest.do("drimboxctl config get -o json")[1])
    card = document["network"]["interfaces"][0]["name"]
    document["network"]["interfaces"][0]["authentication"] = {
        "identity": "box-1@hospital.example", "authorities": f"{PLACE}/port.pem", "certificate": f"{PLACE}/port.pem",
        "privateKey": f"{PLACE}/port.key"}
    guest.put("/tmp/port.json", json.dumps(document))
    status, text = guest.do("drimboxctl config apply /tmp/port.json --confirm none", 300)
    if status != 0:
        raise AssertionError(f"config apply: found {status}: {text[-1500:]}, expected 0")
    return card


def stays_shut(box, guest, card):
    """Authenticated by nobody: the unit asks on, and everybody is told."""
    unit = f"drimbox-8021x@{card}.service"
    guest.do("sleep 5")
    box.note(guest.do(f"systemctl status --no-pager -n 20 {unit}")[1])
    box.expect("unit", guest.do(f"systemctl is-active {unit}")[1], "active")
    box.expect("restarts", guest.do(f"systemctl show -p NRestarts --value {unit}")[1], "0")
    box.expect("its user", guest.do("ps -o user= -C wpa_supplicant")[1], "drimboxd")
    text = guest.do("for n in $(seq 30); do drimboxctl issues | grep E-NET-04 && break; sleep 5; done")[1]
    box.note(text)
    box.expect("issue", f"E-NET-04:{card}" in text, True)
    said = guest.do("drimboxctl net test link")[1]
    box.note(said)
    box.expect("the supervisor reads the port's state", "802.1X: the port is not authorized" in said, True)
    # As at a boot: the device is there, and nobody has asked.
    guest.do(f"systemctl stop {unit}; udevadm trigger --settle --action=add /sys/class/net/{card}; sleep 3")
    box.expect("unit, wanted by the device", guest.do(f"systemctl is-active {unit}")[1], "active")
    box.expect("failed units", guest.do("systemctl --failed --no-legend --plain")[1], "")
