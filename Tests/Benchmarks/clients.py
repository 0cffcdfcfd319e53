# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks run against the servers, and when something arrives."""
import http.client
import json
import subprocess
import threading
import time

MULTIPART = 'Accept: multipart/related; type="application/dicom"; transfer-syntax=*'
RUN_LIMIT = 600  # seconds for one transfer


def check(command, env=None):
    """Runs a client; its standard output. What it says on failure is in the error."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=env,
                          timeout=RUN_LIMIT)
    if done.returncode:
        raise RuntimeError("%s: exit code %d: %s" % (command[0], done.returncode, done.stderr.strip()[-300:]))
    return done.stdout


def sent(output, expected):
    result = json.loads(output)
    if result["instances"] != expected or result["failed"]:
        raise RuntimeError("cstore_scu: %s" % output.strip())


class FirstFile:
    """When the first file appears in a folder."""

    def __init__(self, folder, start):
        self.found = None
        self.thread = threading.Thread(target=self.watch, args=(folder, start), daemon=True)
        self.thread.start()

    def watch(self, folder, start):
        while time.monotonic() - start < RUN_LIMIT:
            if any(True for _ in folder.iterdir()):
                self.found = time.monotonic() - start
                return
            time.sleep(0.001)

    def seconds(self):
        self.thread.join(1)
        return self.found or float("nan")


def study_of(folder):
    """The Study Instance UID of the files in `folder`, which make_study.py wrote."""
    bytes = next(path for path in sorted(folder.rglob("*")) if path.is_file()).read_bytes()
    at = bytes.index(b"\x20\x00\x0d\x00UI") + 6
    length = int.from_bytes(bytes[at:at + 2], "little")
    return bytes[at + 2:at + 2 + length].rstrip(b"\0").decode()


def parts_of(port, path):
    """Retrieves a resource and returns when each part was there to its last byte, by the monotonic clock."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=RUN_LIMIT)
    connection.request("GET", path, headers={"Accept": MULTIPART.split(": ", 1)[1]})
    response = connection.getresponse()
    if response.status != 200:
        raise RuntimeError("arrival: HTTP %d" % response.status)
    times, buffer, wanted = [], bytearray(), None
    while piece := response.read1(1 << 20):
        buffer += piece
        while True:
            if wanted is None:
                end = buffer.find(b"\r\n\r\n")
                if end < 0:
                    break
                header = bytes(buffer[:end]).lower().decode()
                wanted = end + 4 + int(header.split("content-length: ")[1].split()[0])
            if len(buffer) < wanted:
                break
            times.append(time.monotonic())
            del buffer[:wanted]
            wanted = None
    connection.close()
    return times
