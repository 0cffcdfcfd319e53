# SPDX-License-Identifier: Apache-2.0
"""What `network_lab` does with the admin API and the databases. Each function measures and judges nothing."""
import copy
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time

from network_scenarios import eventually, modes, network, pending, ready, run

TRANSACTIONS = "/v1/config/transactions"


# (m)
def second_writer(lab):
    ready(lab)
    found = {}

    def note(name, answer):
        body = answer[1] if isinstance(answer[1], dict) else {"detail": answer[1]}
        found[name] = [answer[0], body.get("code"), body.get("detail")]

    status = pending(lab)
    other = lab.box(network({"address": "10.10.0.9/24"}))
    note("pending", lab.propose(other, "none"))
    note("restore while pending", lab.call("POST", "/v1/config/revisions/1/restore", b""))
    lab.call("DELETE", f"{TRANSACTIONS}/{status['tx']}")
    note("stale", lab.propose(other, "none", headers={"If-Match": '"7"'}))
    note("no number", lab.propose(other, "none", headers={"If-Match": '"x"'}))
    unknown = lab.box(network())
    unknown["network"]["interfaces"][0]["ipv4"]["gatway"] = "10.10.0.1"
    note("unknown key", lab.propose(unknown, "none"))
    note("unchanged", lab.propose(lab.box(network()), "none"))
    note("unknown member", lab.call("POST", TRANSACTIONS, {"doc": other, "confrim": {}}))
    note("too long", lab.call("POST", TRANSACTIONS, b" " * (1 << 20) + b"{}"))

    key = {"Idempotency-Key": "one", "If-Match": f'"{lab.revision()}"'}
    first = lab.propose(other, "none", headers=key)
    lab.until(first[1]["tx"], "confirmed")
    second = lab.propose(other, "none", headers=key)
    found["same key"] = [first[0], second[0], first[1]["tx"] == second[1].get("tx")]
    found["revision"] = lab.revision()
    # At the same time, as a client does whose first connection broke.
    answers = []
    again = lab.box(network({"address": "10.10.0.10/24"}))

    def ask():
        answers.append(lab.propose(again, "manual", 10, headers={"Idempotency-Key": "two"}))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found["same key at once"] = sorted([code, body.get("tx") or body.get("code")] for code, body in answers)
    return found


def curl(lab, *arguments, uid=None):
    who = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"] if uid else []
    tail = ["--silent", "--max-time", "30", "--unix-socket", lab.socket, "--write-out", "\n%{http_code}"]
    text = run(*who, "curl", *tail, *arguments, check=False)
    body, _, code = text.rpartition("\n")
    try:
        return int(code), json.loads(body)
    except ValueError:
        return int(code or 0), body


# (n)
def strangers(lab):
    lab.start_networkd()
    # With a group of viewers everybody may connect; `daemon` stands for it.
    lab.start_drimboxd(network(), admin={"viewers": "daemon", "operators": "mail"})
    lab.await_addresses("care0", ["10.10.0.5/24"])
    url = "http://localhost"
    body = json.dumps({"doc": lab.box(None), "confirm": {"mode": "none"}})
    forged = [
        "X-Remote-User: root", "Authorization: Basic cm9vdDo=", "X-Role: admin", "X-Forwarded-User: root",
        "Cookie: role=admin", "X-Real-Uid: 0",
    ]
    headers = [word for header in forged for word in ("--header", header)]
    post = ["--request", "POST", "--data", body, url + TRANSACTIONS]

    def short(answer):
        return [answer[0], answer[1].get("code") if isinstance(answer[1], dict) else None]

    found = {
        "mode": oct(os.stat(lab.socket).st_mode & 0o777),
        "stranger reads": short(curl(lab, url + "/v1/status", uid=65534)),
        "stranger writes": short(curl(lab, *post, uid=65534)),
        "stranger forges": short(curl(lab, *headers, *post, uid=65534)),
        "viewer reads": curl(lab, url + "/v1/whoami", uid=1)[1],
        "viewer forges": short(curl(lab, *headers, *post, uid=1)),
        "viewer tests": short(curl(lab, "--request", "POST", url + "/v1/network/tests", uid=1)),
        "operator": curl(lab, url + "/v1/whoami", uid=8)[1],
        "operator writes": short(curl(lab, *post, uid=8)),
    }
    found["event"] = [event["attributes"] for event in lab.events("auth.denied")]
    rows = lab.call("GET", "/v1/audit")[1]["rows"]
    found["audit"] = [[row["user"], row["action"], row["subject"], row["outcome"]] for row in rows]
    found["revision"] = lab.revision()
    # Whoever may connect may do so without end.
    before = len(rows)
    for _ in range(50):
        curl(lab, *post, uid=65534)
    found["audit rows by 50 denied calls"] = len(lab.call("GET", "/v1/audit")[1]["rows"]) - before
    return found


# (o)
def random_documents(lab):
    seed = random.Random(20_261)
    ready(lab)
    lab.apply(lab.box(network(ntp=["10.10.0.1"]), site="Other"))
    before = [lab.revision(), lab.call("GET", "/v1/config")[1], lab.addresses("care0"), lab.files()]
    valid = before[1]
    connection = lab.connection()
    codes, odd, slowest, crashes = {}, [], [0, ""], []
    memory = None
    count = int(os.environ.get("NETWORK_LAB_DOCUMENTS", "10000"))
    for number in range(count):
        if number == count // 10:
            memory = lab.memory()
        data = document(seed, valid)
        path = "/v1/config/validate" if number % 2 else TRANSACTIONS
        if path == TRANSACTIONS and seed.random() < 0.7:
            # The request is right, the document is not.
            data = b'{"doc":' + data + b',"confirm":{"mode":"none","seconds":10}}'
        start = time.monotonic()
        try:
            code, answer = lab.call("POST", path, data, connection=connection)
        except Exception as error:
            code, answer = type(error).__name__, str(error)
            time.sleep(0.3)
            if lab.processes["drimboxd"].poll() is None:
                connection = lab.connection()
            else:
                crashes.append(data[:200].decode(errors="replace") + f" ({len(data)} bytes)")
                restart(lab)
                connection = lab.connection()
        seconds = time.monotonic() - start
        if seconds > slowest[0]:
            slowest = [round(seconds, 3), path, len(data), data[:80].decode(errors="replace")]
        codes[f"{path} {code}"] = codes.get(f"{path} {code}", 0) + 1
        right = code == 200 and path.endswith("validate") or isinstance(code, int) and 400 <= code < 500
        if not right and len(odd) < 10:
            odd.append([path, code, data[:600].decode(errors="replace"), str(answer)[:300]])
            if code == 202:
                lab.until(answer["tx"], "confirmed", "rolled-back")
    after = [lab.revision(), lab.call("GET", "/v1/config")[1], lab.addresses("care0"), lab.files()]
    kilobytes = [memory, lab.memory()]
    big = {}
    for name, data in large().items():
        start = time.monotonic()
        try:
            code = lab.call("POST", "/v1/config/validate", data)[0]
        except Exception as error:
            code = type(error).__name__
        seconds = round(time.monotonic() - start, 3)
        time.sleep(0.2)
        if lab.processes["drimboxd"].poll() is not None:
            restart(lab)
        big[name] = [code, seconds, lab.memory()]
    return {
        "codes": codes, "odd": odd, "slowest": slowest, "unchanged": before == after, "crashes": crashes,
        "kilobytes": kilobytes, "large": big,
        "alive": lab.processes["drimboxd"].poll() is None, "audit": lab.call("GET", "/v1/audit/verify")[1]["isIntact"],
    }


def restart(lab):
    """After a crash. A gateway that was just starting outlives it, and holds the sockets that it was given."""
    lab.kill("drimboxd")
    time.sleep(0.3)
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline") as file:
                orphan = "fake_gateway.py" in file.read()
        except OSError:
            continue
        if orphan:
            os.kill(int(entry), signal.SIGKILL)

    def refuses():
        try:
            lab.connection().close()
            return False
        except OSError:
            return True

    eventually(refuses, 60, "the end of the old socket")
    lab.start_drimboxd(network())


def large():
    return {
        "deep arrays": b"[" * 100_000 + b"]" * 100_000,
        "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        "many strings": b"[" + b",".join([b'""'] * 300_000) + b"]",
        "many objects": b"[" + b",".join([b"{}"] * 300_000) + b"]",
        "long string": b'"' + b"x" * 1_000_000 + b'"',
        "long number": b"1" * 1_000_000,
        "open object": b'{"site":' * 10_000,
        # One more than Foundation's JSON reader takes, and then the end.
        "513 open arrays": b"[" * 513,
    }


def value(seed, depth=0):
    kind = seed.randrange(9 if depth < 5 else 6)
    if kind == 0:
        return seed.choice([None, True, False])
    if kind == 1:
        return seed.choice([0, -1, 2**63, -(2**63) - 1, 10**400, 1e308, 65536, seed.randrange(10**6)])
    if kind < 6:
        words = ["", "care0", "10.10.0.5/24", "../../etc/passwd", "\0", "é\u202e", "a" * seed.randrange(3000), "-x\n[Match]"]
        return seed.choice(words)
    if kind == 6:
        return [value(seed, depth + 1) for _ in range(seed.randrange(6))]
    keys = ["site", "network", "gateway", "interfaces", "name", "ipv4", "doc", "x", "", "dicom", "\n"]
    return {seed.choice(keys): value(seed, depth + 1) for _ in range(seed.randrange(6))}


def places(node):
    """Every container and key of the document."""
    entries = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in entries:
        yield node, key
        yield from places(child)


def document(seed, valid):
    """Never a valid document that differs from the one in force."""
    kind = seed.randrange(10)
    if kind < 3:
        return json.dumps(value(seed)).encode()
    if kind == 3:
        depth = seed.choice([10, 100, 511, 512, 513, 514, 2000, 20_000])
        return seed.choice([b"[", b'{"a":']) * depth
    if kind == 4:
        return bytes(seed.randrange(256) for _ in range(seed.randrange(300)))
    text = json.dumps(valid).encode()
    if kind == 5:
        at = seed.randrange(len(text))
        return text[:at] + bytes([0xC0 | seed.randrange(64), 0xFF]) + text[at:]
    if kind == 6:
        return text[: seed.randrange(1, len(text))]
    changed = copy.deepcopy(valid)
    container, key = seed.choice(list(places(changed)))
    if kind == 7 and isinstance(container, dict):
        container["unknown " + str(key)] = container.pop(key)
    else:
        # A type that stands nowhere in the document.
        container[key] = [[value(seed)]]
    return json.dumps(changed).encode()


# (p)
def many_transactions(lab):
    ready(lab)
    count = int(os.environ.get("NETWORK_LAB_TRANSACTIONS", "1000"))
    states, times, memory = {}, [], []
    starts = lambda: sum(1 for _ in open("/run/drimbox/starts"))
    eventually(lambda: os.path.exists("/run/drimbox/starts"), what="the gateway")
    gateway = starts()
    rescue = lab.call("PUT", "/v1/config/rescue/1", b"")[0]
    for number in range(count):
        if number % (count // 10) == count // 10 - 1:
            memory.append(lab.memory())
        start = time.monotonic()
        site = number % 20 == 19
        body = lab.box(network(ntp=[f"10.10.0.{number % 200 + 1}"]), site=f"Site {number // 20 * site}")
        status = lab.apply(body)
        states[status["state"]] = states.get(status["state"], 0) + 1
        times.append(time.monotonic() - start)
    revisions = lab.call("GET", "/v1/config/revisions")[1]["revisions"]
    times.sort()
    return {
        "states": states,
        "kilobytes": memory,
        "milliseconds": [round(times[len(times) // 2] * 1000), round(times[-1] * 1000)],
        "revisions": len(revisions),
        "numbers": [revisions[0]["number"], revisions[-1]["number"]],
        "rescue": [rescue, [entry["number"] for entry in revisions if entry["isRescue"]]],
        "audit": lab.call("GET", "/v1/audit/verify")[1],
        "gateway_starts": starts() - gateway,
        "bytes": {name: os.path.getsize(f"{lab.state}/{name}") for name in os.listdir(lab.state) if ".db" in name},
        "databases": [name for name in sorted(os.listdir(lab.state))],
    }


def damage(path, start, count):
    with open(path, "r+b") as file:
        file.seek(start)
        file.write(b"\xa5" * count)


def checkpoint(path):
    """Takes the pages that still lie in the log beside a database into it: else harm done to the file is not seen."""
    database = sqlite3.connect(path)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    database.close()


# (q)
def damaged_database(lab):
    ready(lab)
    for number in range(5):
        lab.apply(lab.box(network(ntp=[f"10.10.0.{number + 2}"])))
    wanted = [lab.revision(), lab.call("GET", "/v1/config")[1]]
    path = lab.state + "/supervisor.db"

    def attempt(name, harm):
        lab.kill("drimboxd", signal.SIGTERM)
        checkpoint(path)
        files = {file: os.path.getsize(f"{lab.state}/{file}") for file in os.listdir(lab.state) if "supervisor" in file}
        harm()
        netgen = lab.netgen("--output", lab.directory + "/netgen", "--runtime", lab.directory + "/netgen-own")
        written = os.listdir(lab.directory + "/netgen") if os.path.isdir(lab.directory + "/netgen") else []
        run("rm", "-rf", lab.directory + "/netgen", lab.directory + "/netgen-own")
        try:
            lab.start_drimboxd(network())
        except RuntimeError as error:
            return {"error": str(error)[-400:], "netgen": netgen, "netgen_files": written}
        return {
            "files": files,
            "events": [event["kind"] for event in lab.events() if event["kind"].startswith("database")],
            "revision": [wanted[0], lab.revision()],
            "same": lab.call("GET", "/v1/config")[1] == wanted[1],
            "kept": os.path.exists(path + ".damaged"),
            "netgen": netgen,
            "netgen_files": sorted(written),
        }

    half = os.path.getsize(path) // 2
    return {
        "restart": attempt("restart", lambda: None),
        "middle": attempt("middle", lambda: damage(path, 4096, max(half, 8192))),
        "header": attempt("header", lambda: damage(path, 0, 100)),
        "empty": attempt("empty", lambda: os.truncate(path, 0)),
        "gone": attempt("gone", lambda: os.remove(path)),
    }


# (r)
def damaged_audit(lab):
    ready(lab)
    for number in range(40):
        lab.call("PUT", "/v1/config/rescue/1", b"", {"X-Reason": f"reason-{number:04}"})
    intact = lab.call("GET", "/v1/audit/verify")[1]
    lab.kill("drimboxd", signal.SIGTERM)
    path = lab.state + "/audit.db"
    checkpoint(path)
    with open(path, "r+b") as file:
        text = file.read()
        at = text.index(b"reason-0020")
        file.seek(at + 10)
        file.write(bytes([text[at + 10] ^ 1]))
    lab.start_drimboxd(network())
    broken = lab.call("GET", "/v1/audit/verify")[1]
    more = lab.call("PUT", "/v1/config/rescue/1", b"")[0]
    lab.kill("drimboxd", signal.SIGTERM)
    database = sqlite3.connect(path)
    row = database.execute("SELECT number FROM audit WHERE reason = 'reason-0021' ORDER BY number").fetchone()
    database.execute("UPDATE audit SET reason = 'reason-0020' WHERE number = ?", row)
    database.execute("DELETE FROM audit WHERE number = 30")
    database.commit()
    database.close()
    lab.start_drimboxd(network())
    removed = lab.call("GET", "/v1/audit/verify")[1]
    lab.kill("drimboxd", signal.SIGTERM)
    damage(path, 4096, os.path.getsize(path) - 4096)
    try:
        lab.start_drimboxd(network())
        start = ["started", [event["kind"] for event in lab.events()], lab.call("GET", "/v1/audit/verify")]
    except (RuntimeError, TimeoutError) as error:
        start = ["did not start", str(error)[-400:]]
    return {
        "intact": intact,
        "changed_row": row[0],
        "broken": broken,
        "still_written": more,
        "removed_row": removed,
        "unreadable": start,
    }


# (s)
def idle(lab):
    lab.start_networkd()
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind("/run/notify")
    notify.settimeout(60)
    ready_seconds, found = [], []
    for attempt in range(10):
        start = time.monotonic()
        lab.start_drimboxd(network(), NOTIFY_SOCKET="/run/notify")
        while b"READY=1" not in notify.recv(4096):
            pass
        ready_seconds.append(round(time.monotonic() - start, 3))
        # The first start makes the files while the socket is made.
        lab.await_addresses("care0", ["10.10.0.5/24"])
        found += [f"{name} {mode}" for name, mode in modes().items() if mode not in ("0o755", "0o644")]
        if attempt < 9:
            lab.kill("drimboxd", signal.SIGTERM)
            run("rm", "-rf", lab.state, "/run/drimbox")
            for name in lab.files():
                os.remove("/run/systemd/network/" + name)
            os.makedirs("/run/drimbox")
    time.sleep(20)
    return {
        "ready_seconds": sorted(ready_seconds),
        "kilobytes": lab.memory(),
        "wrong_modes": sorted(set(found)),
        "inherited": inherited(lab),
    }


def inherited(lab):
    """Sockets of drimboxd that its child, the gateway, has too."""

    def sockets(process):
        links = []
        for entry in os.listdir(f"/proc/{process}/fd"):
            try:
                links.append(os.readlink(f"/proc/{process}/fd/{entry}"))
            except OSError:
                continue
        return {link for link in links if link.startswith(("socket:", "anon_inode:[eventpoll"))}

    with open("/run/drimbox/starts") as file:
        gateway = int(file.read().split()[-1])
    return sorted(sockets(lab.processes["drimboxd"].pid) & sockets(gateway))


SCENARIOS = {
    "second-writer": second_writer,
    "strangers": strangers,
    "random-documents": random_documents,
    "many-transactions": many_transactions,
    "damaged-database": damaged_database,
    "damaged-audit": damaged_audit,
    "idle": idle,
}
