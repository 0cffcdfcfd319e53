# SPDX-License-Identifier: Apache-2.0
"""What `network_lab` does with addresses that two hosts have. Each function measures and judges nothing."""
import json
import time

from network_scenarios import eventually, network, ready, run

FIXED = {"method": "static", "address": "fd00:10::5/64"}


def mac(show, device):
    return json.loads(show("ip", "-json", "link", "show", "dev", device))[0]["address"]


# (t)
def duplicate_address(lab):
    """A stranger at the switch takes care0's addresses, and gives them back."""
    ready(lab)
    document = network()
    document["interfaces"][0]["ipv6"] = FIXED
    lab.apply(lab.box(document))
    eventually(lambda: "fd00:10::5/64" in lab.addresses("care0"), what="the IPv6 address")
    owner = mac(lab.switch, "sw0")

    def issues():
        lab.call("POST", "/v1/health/check", b"")
        found = lab.call("GET", "/v1/issues")[1]["issues"]
        return {issue["code"]: issue for issue in found if issue["code"].startswith("E-NET-03")}

    alone = issues()
    lab.switch("ip", "address", "add", "10.10.0.5/32", "dev", "sw0")
    start = time.monotonic()
    taken = issues()
    seconds = round(time.monotonic() - start, 1)
    since = taken.get("E-NET-03:10.10.0.5", {}).get("since")
    again = issues()
    kept = lab.addresses("care0")
    lab.switch("ip", "address", "delete", "10.10.0.5/32", "dev", "sw0")
    quiet = [sorted(issues()), sorted(issues())]
    # The kernel asks before it uses an address: the stranger has it first.
    lab.switch("ip", "address", "add", "fd00:10::66/64", "dev", "sw0", "nodad")
    document["interfaces"][0]["ipv6"] = FIXED | {"address": "fd00:10::66/64"}
    refused = lab.apply(lab.box(document))
    lab.switch("ip", "address", "add", "fd00:10::5/64", "dev", "sw0", "nodad")
    run("networkctl", "reconfigure", "care0")
    sixth = eventually(issues, 20, "the IPv6 conflict")[0]
    lab.switch("ip", "address", "delete", "fd00:10::5/64", "dev", "sw0")
    run("networkctl", "reconfigure", "care0")
    eventually(lambda: not issues(), 30, "the end of the IPv6 conflict")
    events = [(event["kind"], event["attributes"].get("code", "")) for event in lab.events()]
    return {
        "owner": owner, "alone": alone, "taken": taken, "seconds": seconds, "kept": kept, "quiet": quiet,
        "same_since": since == again.get("E-NET-03:10.10.0.5", {}).get("since"),
        "v6": {"state": refused["state"], "reason": refused["reason"], "issues": sixth, "after": lab.addresses("care0")},
        "events": [event for event in events if event[1].startswith("E-NET-03")],
        "unchecked": lab.events("net.address-unchecked"),
    }


SCENARIOS = {"duplicate-address": duplicate_address}
