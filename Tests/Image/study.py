# SPDX-License-Identifier: Apache-2.0
"""A study through a box: configured as an installer does it, sent by this host's storescu, read back by WADO-RS."""
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time

import state

SUPPORT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Support")
# Of QEMU's network (user mode): this host, and the address that it forwards ports to.
HOST, BOX = "10.0.2.2", "10.0.2.15"
REASON = "the network of the image's test has two machines"


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def answers(gateway, card):
    """The answers of the install wizard: the box's gateway as it is, but open to this host; that card; a user."""
    gateway["dicom"].update(listen=[f"{BOX}:11112"], allowPlaintext=REASON,
                            peers=[{"aeTitle": "MODALITY", "host": HOST, "port": 104, "roles": ["store"]}])
    gateway["web"].update(listen=[f"{BOX}:8080"], allowPlaintext=REASON)
    network = {"interfaces": [{"name": card, "zone": "care", "ipv4": {"method": "static", "address": f"{BOX}/24", "gateway": HOST}}],
               "firewall": [{"zone": "care", "service": name, "from": ["10.0.2.0/24"]} for name in ("dicom", "web")]}
    return {"site": "Image", "gateway": gateway, "network": network,
            "users": [{"name": "installer", "role": "admin", "password": secrets.token_urlsafe(24)}]}


def configure(guest):
    """The answers as a file, applied on the box and kept once its own tests have passed. What was said."""
    status, text = guest.do("drimboxctl config get -o json")
    if status != 0:
        raise AssertionError(f"config get: found {status}: {text[-500:]}, expected the configuration")
    card = guest.do("grep -l 52:54:00:d1:2b:00 /sys/class/net/*/address | cut -d/ -f5")[1]
    document = json.loads(text)
    guest.put("/tmp/answers.json", json.dumps(document | answers(document["gateway"], card)))
    # The image may name whose answers count: a person takes these without a signature.
    status, text = guest.do("drimboxctl provision apply /tmp/answers.json --unsigned --reason 'test of the image' --confirm none", 600)
    guest.do("rm /tmp/answers.json")
    if status != 0:
        raise AssertionError(f"provision apply: found {status}: {text[-1500:]}, expected 0")
    return text


def bring_up(box, guest, port):
    """From power-on to a configured box that takes studies at the host's `port`."""
    state.running(box, guest, "a")
    state.gateway_up(guest)
    box.note(configure(guest))
    wait_for_echo(port)


def call(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: found {done.returncode}: {done.stdout[-1500:]}, expected 0")
    return done.stdout


def wait_for_echo(port, seconds=300):
    end = time.monotonic() + seconds
    command = ["echoscu", "-to", "20", "-ta", "20", "-td", "20", "-aet", "MODALITY", "-aec", "DRIMBOX", "127.0.0.1", str(port)]
    while subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode != 0:
        if time.monotonic() > end:
            raise AssertionError(f"C-ECHO: found no success in {seconds} s, expected one")
        time.sleep(5)


def send(directory, port, instances):
    """C-STORE of a synthetic study whose files stay in `directory`; its Study Instance UID."""
    sent = os.path.join(directory, "sent")
    words = call(sys.executable, os.path.join(SUPPORT, "make_study.py"), sent, "--instances", str(instances), "--rows", "256")
    call("storescu", "-aet", "MODALITY", "-aec", "DRIMBOX", "+sd", "127.0.0.1", str(port), sent)
    return words.split()[1].rstrip(":")


def send_in_vain(directory, port, instances):
    """C-STORE of a study that a box cannot keep: its Study Instance UID, and how many instances were acknowledged nevertheless."""
    words = call(sys.executable, os.path.join(SUPPORT, "make_study.py"), directory, "--instances", str(instances), "--rows", "256",
                 "--seed", "2")
    done = subprocess.run(["storescu", "-v", "-aet", "MODALITY", "-aec", "DRIMBOX", "+sd", "-to", "60", "-ta", "60", "-td", "60",
                           "127.0.0.1", str(port), directory], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return words.split()[1].rstrip(":"), done.stdout.count("Received Store Response (Success)"), done.stdout


def count(port, study):
    """How many instances of it a box has, by QIDO-RS."""
    found = call("curl", "-sS", "-f", "--max-time", "60", "-H", "Accept: application/dicom+json",
                 f"http://127.0.0.1:{port}/dicomweb/studies/{study}/instances")
    return len(json.loads(found)) if found else 0


def read(directory, port, study):
    """WADO-RS of the whole; how many data sets have the bytes that were sent."""
    sent, back, body = (os.path.join(directory, name) for name in ("sent", "back", "study.mime"))
    shutil.rmtree(back, ignore_errors=True)
    kind = call("curl", "-sS", "-f", "--max-time", "300", "-o", body, "-w", "%{content_type}",
                "-H", 'Accept: multipart/related; type="application/dicom"; transfer-syntax=*',
                f"http://127.0.0.1:{port}/dicomweb/studies/{study}")
    call(sys.executable, os.path.join(SUPPORT, "multipart_split.py"), body, kind, back)
    return json.loads(call(sys.executable, os.path.join(SUPPORT, "compare_datasets.py"), sent, back))["equal"]
