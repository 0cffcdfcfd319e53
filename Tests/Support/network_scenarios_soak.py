# SPDX-License-Identifier: Apache-2.0
"""What `network_lab` asks of a supervisor for a long time. Measures and judges nothing."""
import json
import os
import threading
import time

from network_scenarios import network, ready

KEPT_EVENTS = 10_000


def sample(lab, begin):
    """What the process holds now."""
    process = f"/proc/{lab.processes['drimboxd'].pid}"
    with open(process + "/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    sizes = {}
    for name in os.listdir(lab.state):
        if ".db" in name:
            stem = name.split(".db")[0]
            sizes[stem] = sizes.get(stem, 0) + os.path.getsize(f"{lab.state}/{name}")
    return {
        "seconds": round(time.monotonic() - begin, 1),
        "kilobytes": lab.memory(),
        "descriptors": len(os.listdir(process + "/fd")),
        "threads": int(fields[17]),
        "cpu": round((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), 2),
        "bytes": sizes,
    }


class Follower(threading.Thread):
    """Reads the event stream as a screen does, and comes back to it where it ended, every so many events."""

    def __init__(self, lab, every=500):
        super().__init__(daemon=True)
        self.lab, self.every = lab, every
        self.last, self.seen, self.gaps, self.connections = 0, 0, 0, 0
        self.isOver = False

    def run(self):
        while not self.isOver:
            connection = self.lab.connection()
            try:
                connection.request("GET", f"/v1/events?since={self.last}")
                self.connections += 1
                self.read(connection.getresponse())
            except OSError:
                time.sleep(0.2)
            finally:
                connection.close()

    def read(self, response):
        rest = self.every
        while rest > 0 and not self.isOver:
            line = response.readline()
            if not line:
                return
            if line.replace(b" ", b"").startswith(b"event:gap"):
                self.gaps += 1
            if line.startswith(b"data:"):
                event = json.loads(line[5:])
                if "seq" in event:
                    self.last, self.seen, rest = event["seq"], self.seen + 1, rest - 1


def newest(lab, since=0):
    """The last event's number."""
    text = lab.call("GET", f"/v1/events?follow=0&since={since}")[1]
    events = [json.loads(line[5:]) for line in text.splitlines() if line.startswith("data:")]
    return max([event["seq"] for event in events if "seq" in event] or [since])


# (u)
def supervisor_soak(lab):
    """1,000 changes of the configuration and 10,000 events in SOAK_SECONDS, after the events' memory is full."""
    seconds = float(os.environ.get("SOAK_SECONDS", "3600"))
    changes = int(os.environ.get("SOAK_TRANSACTIONS", "1000"))
    events = int(os.environ.get("SOAK_EVENTS", "10000"))
    samples = 20
    ready(lab)
    number = 0

    def change():
        nonlocal number
        number += 1
        return lab.apply(lab.box(network(ntp=[f"10.10.0.{number % 200 + 1}"])))["state"]

    def tell():
        # Two events: the rescue revision, and the row of the audit.
        return lab.call("PUT", f"/v1/config/rescue/{lab.revision()}", b"")[0]

    for _ in range(60):
        change()
    filled = 0
    while (filled := newest(lab, filled)) < KEPT_EVENTS + 500:
        for _ in range(200):
            tell()
    follower = Follower(lab)
    follower.last = filled
    follower.start()
    first = reached = newest(lab, follower.last)
    begin = time.monotonic()
    states, codes, found, slowest = {}, {}, [sample(lab, begin)], 0.0
    for index in range(changes):
        start = time.monotonic()
        state = change()
        slowest = max(slowest, time.monotonic() - start)
        states[state] = states.get(state, 0) + 1
        # What the changes do not make themselves.
        reached = newest(lab, reached)
        missing = (index + 1) * events // changes - (reached - first)
        for _ in range(max(0, (missing + 1) // 2)):
            code = tell()
            codes[code] = codes.get(code, 0) + 1
        if (index + 1) % (changes // samples) == 0:
            found.append(sample(lab, begin))
        time.sleep(max(0.0, begin + seconds * (index + 1) / changes - time.monotonic()))
    time.sleep(2)
    last = newest(lab, reached)
    found.append(sample(lab, begin))
    follower.isOver = True
    return {
        "samples": found, "states": states, "codes": codes, "events": last - first,
        "slowest_change": round(slowest, 3),
        "followed": {
            "seen": follower.seen, "gaps": follower.gaps, "connections": follower.connections,
            "behind": last - follower.last,
        },
        "revisions": len(lab.call("GET", "/v1/config/revisions")[1]["revisions"]),
        "audit": lab.call("GET", "/v1/audit/verify")[1],
    }


SCENARIOS = {"supervisor-soak": supervisor_soak}
