# SPDX-License-Identifier: Apache-2.0
"""What `network_lab` does with the links, addresses and rules of a box. Each function measures and judges nothing."""
import copy
import json
import os
import re
import signal
import subprocess
import sys
import time

lab_module = sys.modules["__main__"]
run, eventually = lab_module.run, lab_module.eventually

CARE = {"method": "static", "address": "10.10.0.5/24", "gateway": "10.10.0.1"}


def interface(name, zone, ipv4, **rest):
    return {"name": name, "zone": zone, "ipv4": ipv4, **rest}


def network(care=None, **rest):
    """care0 and dmz0 with fixed addresses, a rule for DICOM from the hospital's network."""
    dmz = {"method": "static", "address": "192.0.2.5/24"}
    return {
        "interfaces": [interface("care0", "care", CARE | (care or {})), interface("dmz0", "dmz", dmz)],
        "dns": {"servers": ["10.10.0.1"]},
        "ntp": ["10.10.0.1"],
        "firewall": [{"zone": "care", "service": "dicom", "from": ["10.10.0.0/24"]}],
    } | rest


def ready(lab, document=None):
    """A box whose confirmed network is `document`."""
    lab.start_networkd()
    lab.start_drimboxd(document or network())
    lab.await_addresses("care0", ["10.10.0.5/24"])
    lab.await_addresses("dmz0", ["192.0.2.5/24"])


def rules():
    return run("nft", "list", "ruleset")


def pending(lab, address="10.10.0.66/24", seconds=60, mode="manual"):
    """A change of care0's address that waits for its confirmation."""
    document = lab.box(network({"address": address}))
    status = lab.apply(document, mode, seconds, states=("awaiting", "rolled-back"))
    if status["state"] != "awaiting":
        raise RuntimeError(f"not awaiting: {status}")
    lab.await_addresses("care0", [address])
    return status


def undone(lab, status, extra=30):
    """Seconds from the deadline to the confirmed address, and how the transaction ended."""
    deadline = lab_time(status["deadline"])
    lab.await_addresses("care0", ["10.10.0.5/24"], deadline - time.time() + extra)
    return round(time.time() - deadline, 3)


def lab_time(text):
    from datetime import datetime

    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


# (a)
def first_network(lab):
    lab.start_networkd()
    lab.start_drimboxd()
    # Without a network of ours nothing is dropped.
    open_before = rules() == "" and not lab.files() and not lab.addresses("care0")
    start = time.monotonic()
    status = lab.apply(lab.box(network()))
    seconds = round(time.monotonic() - start, 3)
    listeners = [subprocess.Popen([sys.executable, "-c", LISTEN, str(port)]) for port in (11112, 2222)]
    time.sleep(1)
    reached = {
        "dicom from care": lab.tell(connect=["10.10.0.5", 11112])["how"],
        "other port from care": lab.tell(connect=["10.10.0.5", 2222])["how"],
        "dicom from dmz": lab.tell(connect=["192.0.2.5", 11112])["how"],
    }
    for listener in listeners:
        listener.kill()
        listener.wait()
    return {
        "open_before": open_before,
        "state": status["state"],
        "seconds": seconds,
        "applied": [event["attributes"] for event in lab.events("config.applied")],
        "care0": lab.addresses("care0"),
        "dmz0": lab.addresses("dmz0"),
        "files": lab.files(),
        "own": lab.files("/run/drimbox/network"),
        "rules": rules(),
        "default": run("ip", "route", "show", "default"),
        "reached": reached,
        "revision": lab.revision(),
        "warnings": warnings(lab),
    }


LISTEN = """
import socket, sys
server = socket.create_server(("", int(sys.argv[1])))
while True: server.accept()[0].close()
"""


def modes():
    paths = ["/run/drimbox/network", "/run/systemd/network"]
    found = {}
    for path in paths:
        for name in [path] + [f"{path}/{name}" for name in os.listdir(path)]:
            found[name] = oct(os.stat(name).st_mode & 0o777)
    return found


def warnings(lab):
    words = r"Unknown key|Failed to parse|Unknown section|ignoring|Invalid|Unknown lvalue"
    ours = [line for line in lab.text("networkd").splitlines() if "10-drimbox-" in line]
    return [line for line in ours if re.search(words, line)]


# (b)
def manual_confirmation(lab):
    ready(lab)
    with open(lab.directory + "/monitor", "w") as file:
        monitor = subprocess.Popen(["ip", "-ts", "monitor", "address", "route", "link"], stdout=file)
    time.sleep(0.5)
    old = lab.connection()
    lab.call("GET", "/v1/version", connection=old)
    status = pending(lab)
    path = f"/v1/config/transactions/{status['tx']}/confirm"
    refused = lab.call("POST", path, connection=old)
    other = lab.call("GET", "/v1/config/pending")
    confirmed = lab.call("POST", path)
    again = lab.call("POST", path)
    time.sleep(1)
    monitor.kill()
    monitor.wait()
    with open(lab.directory + "/monitor") as file:
        events = file.read()
    return {
        "pending": other[0],
        "old_connection": [refused[0], refused[1].get("code")],
        "new_connection": [confirmed[0], confirmed[1].get("state")],
        "again": [again[0], again[1].get("code")],
        "milliseconds": lab.events("config.applied")[-1]["attributes"]["milliseconds"],
        "care0": lab.addresses("care0"),
        "care0_events": events.count("care0"),
        "dmz0_events": [line for line in events.splitlines() if "dmz0" in line],
        "revision": lab.revision(),
    }


# (c)
def expiry(lab):
    ready(lab)
    status = pending(lab, seconds=10)
    late = undone(lab, status)
    end = lab.until(status["tx"], "rolled-back")[0]
    cancelled = pending(lab)
    start = time.monotonic()
    answer = lab.call("DELETE", "/v1/config/transactions/" + cancelled["tx"])
    cancel = {
        "seconds": round(time.monotonic() - start, 3),
        "status": answer[0],
        "reason": answer[1].get("reason"),
        "care0": lab.addresses("care0"),
    }
    return {
        "seconds_after_deadline": late,
        "reason": end["reason"],
        "event": lab.events("config.rolled-back")[0]["attributes"],
        "cancel": cancel,
        "revision": lab.revision(),
    }


# (d)
def automatic(lab):
    ready(lab)
    eventually(lambda: all(step["isOK"] for step in lab.tests()), 30, "the first tests")

    def attempt(document, seconds):
        start = time.monotonic()
        status = lab.apply(lab.box(document), "auto", seconds)
        lost = [step["kind"] + " " + step["target"] for step in status["probes"] if not step["isOK"]]
        return {
            "state": status["state"],
            "reason": status.get("reason"),
            "failed": lost,
            "seconds": round(time.monotonic() - start, 3),
            "after_deadline": round(time.time() - lab_time(status["deadline"]), 3),
            "care0": lab.addresses("care0"),
        }

    route = {"destination": "198.51.100.0/24", "gateway": "192.0.2.1"}
    with_route = network({"address": "10.10.0.6/24"})
    with_route["interfaces"][1]["routes"] = [route]
    masked = copy.deepcopy(with_route)
    masked["interfaces"][0]["ipv4"]["gateway"] = "10.10.0.254"
    return {
        "good": attempt(network({"address": "10.10.0.6/24"}), 60),
        "wrong gateway": attempt(network({"address": "10.10.0.6/24", "gateway": "10.10.0.254"}), 15),
        "wrong name server": attempt(
            network({"address": "10.10.0.6/24"}, dns={"servers": ["10.10.0.254"]}), 15
        ),
        "wrong network": attempt(network({"address": "10.99.0.6/24", "gateway": "10.99.0.1"}), 15),
        "a route beside": attempt(with_route, 60),
        "wrong gateway beside a good route": attempt(masked, 15),
    }


# (e)
def killed_supervisor(lab):
    ready(lab)
    status = pending(lab)
    lab.kill("drimboxd")
    still = lab.addresses("care0")
    start = time.monotonic()
    answers = lab.start_drimboxd(network())
    lab.await_addresses("care0", ["10.10.0.5/24"])
    back = round(time.monotonic() - start, 3)
    eventually(lambda: lab.events("config.rolled-back"), what="the event")
    event = lab.events("config.rolled-back")[0]
    return {
        "before_restart": still,
        "seconds_from_exec": back,
        "api_seconds": answers,
        "same_tx": event["attributes"]["tx"] == status["tx"],
        "event": event,
        "transaction": lab.call("GET", "/v1/config/transactions/" + status["tx"])[0],
        "modes": modes(),
        "revision": lab.revision(),
        "next": lab.apply(lab.box(network({"address": "10.10.0.7/24"})))["state"],
    }


# (f)
def killed_networkd(lab):
    ready(lab)
    status = pending(lab, seconds=15)
    lab.kill("networkd")
    lab.start_networkd()
    restarted_with = lab.addresses("care0")
    late = undone(lab, status)
    first = lab.until(status["tx"], "rolled-back")[0]
    # Not there at the deadline, and back some time later; the change is one of the gateway's document too.
    document = lab.box(network({"address": "10.10.0.67/24"}), site="Elsewhere")
    second = lab.apply(document, "manual", 10, states=("awaiting", "rolled-back"))
    lab.kill("networkd")
    end = lab.until(second["tx"], "rolled-back", seconds=60)[0]
    absent = lab.addresses("care0")
    lab.start_networkd()
    try:
        back = lab.await_addresses("care0", ["10.10.0.5/24"], 20)
    except TimeoutError:
        back = None
    after = lab.addresses("care0")
    following = lab.apply(lab.box(network(ntp=["10.10.0.3"])))
    found = {
        "care0": after, "next": [following["state"], following.get("reason")], "file": lab.files()["10-drimbox-care0.network"],
    }
    with open("/run/drimbox/gateway.json") as file:
        site = json.load(file)["site"]
    run("networkctl", "reconfigure", "care0")
    time.sleep(2)
    found["reconfigured"] = lab.addresses("care0")
    return {
        "after_restart": restarted_with,
        "seconds_after_deadline": late,
        "reason": first["reason"],
        "absent at the deadline": {
            "state": second["state"],
            "reason": end["reason"],
            "event": lab.events("config.rolled-back")[-1]["attributes"],
            "care0_without_networkd": absent,
            "seconds_after_restart": back,
            "found": found,
            "gateway_site": site,
        },
        "revision": lab.revision(),
    }


# (g)
def power_cut(lab):
    ready(lab)
    pending(lab)
    lab.power_cut()
    empty = {"care0": lab.addresses("care0"), "rules": rules(), "files": lab.files()}
    netgen = lab.netgen("--firewall")
    filtered = "chain input" in rules()
    again = lab.netgen("--firewall")
    lab.start_networkd()
    seconds = lab.await_addresses("care0", ["10.10.0.5/24"])
    lab.await_addresses("dmz0", ["192.0.2.5/24"])
    found = {"addresses": lab.addresses("care0") + lab.addresses("dmz0"), "modes": modes()}
    lab.start_drimboxd(network())
    eventually(lambda: lab.events("config.rolled-back"), what="the event")
    return {
        "empty": empty,
        "netgen": netgen,
        "netgen_again": again,
        "filtered_before_links": filtered,
        "seconds_with_networkd": seconds,
        "without_drimboxd": found,
        "event": lab.events("config.rolled-back")[0]["message"],
        "care0": lab.addresses("care0"),
        "revision": lab.revision(),
    }


# (h)
def dhcp(lab):
    lab.start_networkd()
    lab.start_dhcp()
    document = network()
    document["interfaces"][0]["ipv4"] = {"method": "dhcp"}
    lab.start_drimboxd(document)
    _, lease = eventually(lambda: lab.addresses("care0"), 60, "a lease")
    leased = lab.addresses("care0")
    good = [step for step in lab.tests() if step["target"] == "care0"]
    lab.kill("dnsmasq")
    lab.power_cut()
    lab.netgen("--firewall")
    lab.start_networkd()
    lab.start_drimboxd(document)
    eventually(lambda: any(s["target"] == "care0" and s["detail"] != "no cable" for s in lab.tests()), 30)
    silent = [step for step in lab.tests() if step["target"] == "care0"]
    change = lab.apply(lab.box(document | {"ntp": ["10.10.0.2"]}))
    time.sleep(12)
    start = time.monotonic()
    lab.start_dhcp()
    eventually(lambda: lab.addresses("care0"), 120, "the late lease")
    return {
        "lease_seconds": lease,
        "leased": leased,
        "test": good,
        "silent": silent,
        "change_while_silent": change["state"],
        "late_seconds": round(time.monotonic() - start, 3),
        "late": lab.addresses("care0"),
        "late_test": [step for step in lab.tests() if step["target"] == "care0"],
    }


# (i)
def removed_interface(lab):
    ready(lab)
    without = network()
    del without["interfaces"][1]
    gone = lab.apply(lab.box(without))
    try:
        seconds = lab.await_addresses("dmz0", [], 15)
    except TimeoutError:
        seconds = None
    left = {"addresses": lab.addresses("dmz0"), "files": list(lab.files())}
    back = lab.apply(lab.box(network()))
    lab.await_addresses("dmz0", ["192.0.2.5/24"])
    none = lab.apply(lab.box(None))
    time.sleep(1)
    return {
        "state": gone["state"],
        "seconds": seconds,
        "left": left,
        "added": back["state"],
        "care0": lab.addresses("care0"),
        "to_null": none["state"],
        "after_null": {"files": list(lab.files()), "rules": rules(), "care0": lab.addresses("care0")},
    }


# (j)
def virtual_links(lab):
    lab.start_networkd("debug")
    document = network(
        interfaces=[
            {"name": "bond0", "bond": {"mode": "802.3ad", "members": ["care0", "dmz0"]}, "mtu": 9000},
            interface(
                "bond0.20", "care", CARE, vlan={"parent": "bond0", "id": 20},
                routes=[{"destination": "172.16.0.0/12", "gateway": "10.10.0.2", "metric": 50}],
            ),
            interface(
                "adm0", "admin", {"method": "dhcp"}, mtu=1400,
                ipv6={"method": "static", "address": "2001:db8::5/64", "gateway": "fe80::1"},
            ),
            interface("adm0.7", "dmz", None, vlan={"parent": "adm0", "id": 7}, ipv6={"method": "auto"}),
            {"name": "bond1", "zone": "admin", "bond": {"mode": "active-backup", "members": ["spare0"]}},
        ],
        dns={"servers": ["10.10.0.1", "2001:db8::1"], "domains": ["hospital.example"]},
    )
    lab.start_drimboxd(document)
    time.sleep(4)
    text = lab.text("networkd")
    kernel = {}
    for kind, rest in (("vlan", ["link", "adm0", "id", "9"]), ("bond", [])):
        command = ["ip", "link", "add", *rest[:2], "name", "probe0", "type", kind, *rest[2:]]
        kernel[kind] = subprocess.run(command, capture_output=True).returncode == 0
        run("ip", "link", "delete", "probe0", check=False)
    return {
        "files": lab.files(),
        "loaded": sorted(set(re.findall(r"10-drimbox-[\w.]+\.(?:network|netdev)", text))),
        "warnings": warnings(lab),
        "kernel": kernel,
        "netdev_lines": [line for line in text.splitlines() if re.match(r"(bond|adm0\.7)", line)][:12],
        "adm0": lab.addresses("adm0"),
    }


# (k)
def cable_out(lab):
    ready(lab)
    lab.switch("ip", "link", "set", "sw2", "down")
    lab.switch("ip", "link", "set", "sw0", "down")

    def link():
        return next(step for step in lab.tests() if step["target"] == "care0")

    eventually(lambda: not link()["isOK"], what="the lost carrier")
    nowhere = link()
    lab.switch("ip", "link", "set", "sw2", "up")
    time.sleep(2)
    untouched = link()
    run("ip", "link", "set", "adm0", "up")
    time.sleep(1)
    return {
        "no_cable": nowhere,
        "other_port": untouched,
        "other_port_up": link(),
        "adm0_flags": json.loads(run("ip", "-json", "link", "show", "dev", "adm0"))[0]["flags"],
        "change_without_cable": lab.apply(lab.box(network({"address": "10.10.0.8/24"})))["state"],
    }


# (l)
def wrong_clock(lab):
    ready(lab)
    eventually(lambda: all(step["isOK"] for step in lab.tests()), 30, "the first tests")
    result = {}
    for name, offset in (("right", 0), ("behind", 259_200), ("ahead", -7200)):
        lab.tell(ntp=offset)
        result[name] = next(step for step in lab.tests() if step["kind"] == "ntp")
    return result


# Beyond the list: what a test says of a gateway that was there a moment ago.
def silent_gateway(lab):
    ready(lab)
    eventually(lambda: all(step["isOK"] for step in lab.tests()), 30, "the first tests")
    lab.switch("ip", "address", "delete", "10.10.0.1/24", "dev", "sw0")
    gone = time.monotonic()

    def gateway():
        return next(step for step in lab.tests() if step["kind"] == "gateway")

    first = gateway()
    try:
        eventually(lambda: not gateway()["isOK"], 90, "the gateway's loss")
        noticed = round(time.monotonic() - gone, 1)
    except TimeoutError:
        noticed = None
    lab.switch("ip", "address", "add", "10.10.0.1/24", "dev", "sw0")
    eventually(lambda: gateway()["isOK"], 60, "the gateway")
    # A neighbour table as in a large hospital network.
    batch = "\n".join(
        f"neigh replace 10.77.{number >> 8}.{number & 255} lladdr 02:00:00:01:{number >> 8:02x}:{number & 255:02x} dev care0"
        for number in range(1000)
    )
    subprocess.run(["ip", "-batch", "-"], input=batch, text=True, check=True)
    start = time.monotonic()
    try:
        crowded = gateway()
    except TimeoutError as error:
        crowded = {"isOK": False, "detail": str(error)}
    return {
        "just_gone": first, "noticed_after": noticed, "crowded": crowded,
        "crowded_seconds": round(time.monotonic() - start, 1),
    }


SCENARIOS = {
    "first-network": first_network,
    "manual-confirmation": manual_confirmation,
    "expiry": expiry,
    "automatic": automatic,
    "killed-supervisor": killed_supervisor,
    "killed-networkd": killed_networkd,
    "power-cut": power_cut,
    "dhcp": dhcp,
    "removed-interface": removed_interface,
    "virtual-links": virtual_links,
    "cable-out": cable_out,
    "wrong-clock": wrong_clock,
    "silent-gateway": silent_gateway,
}
