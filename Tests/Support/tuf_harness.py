# SPDX-License-Identifier: Apache-2.0
"""What the cases for a TUF client's command line share: how it is run, and what is said of it."""
import json
import pathlib
import subprocess
import tempfile
import urllib.parse

TESTS = []
TOP = ["root", "snapshot", "targets", "timestamp"]


def test(*arguments):
    """A test of each of the arguments, or one without."""

    def register(function):
        if not arguments:
            TESTS.append((function.__name__, function, ()))
        for argument in arguments:
            label = argument[0] if isinstance(argument, tuple) else argument
            TESTS.append((f"{function.__name__}[{label}]", function, (argument,)))
        return function

    return register


class Client:
    def __init__(self, command, server, name, repository):
        self.directory = tempfile.TemporaryDirectory()
        self.command = command
        self.metadata = pathlib.Path(self.directory.name, "metadata")
        self.targets = pathlib.Path(self.directory.name, "targets")
        self.metadata.mkdir()
        self.targets.mkdir()
        self.server = server
        self.repository = repository
        key = urllib.parse.quote(name, "")
        server.repositories[key] = repository
        self.url = f"{server.address}/{key}"
        self.complaint = ""

    def run(self, *arguments):
        command = [self.command, "--metadata-dir", str(self.metadata), *arguments]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
        self.complaint = ended.stderr.strip()
        return ended.returncode

    def init(self, root=None):
        path = pathlib.Path(self.directory.name, "trusted.json")
        path.write_bytes(root or self.repository.published["root"][1])
        return self.run("init", str(path))

    def refresh(self):
        return self.run("--metadata-url", f"{self.url}/metadata/", "refresh")

    def download(self, *names):
        wanted = [word for name in names for word in ("--target-name", name)]
        urls = ["--metadata-url", f"{self.url}/metadata/", "--target-base-url", f"{self.url}/targets/"]
        return self.run(*urls, *wanted, "--target-dir", str(self.targets), "download")

    def files(self):
        return sorted(path.name for path in self.metadata.iterdir() if path.is_file())

    def roles(self):
        return [name.removesuffix(".json") for name in self.files()]

    def bytes(self, role):
        return (self.metadata / f"{role}.json").read_bytes()

    def version(self, role):
        path = self.metadata / f"{role}.json"
        return json.loads(path.read_bytes())["signed"]["version"] if path.exists() else None

    def downloads(self):
        paths = [path for path in self.targets.rglob("*") if path.is_file()]
        return [path.read_bytes() for path in sorted(paths, key=lambda path: path.stat().st_mtime_ns)]


def ready(client):
    assert client.init() == 0, client.complaint
    assert client.refresh() == 0, client.complaint


def refused(client, step, status=None):
    status = client.refresh() if status is None else status
    assert status == 1, f"status {status}"
    assert f"TUF {step}:" in client.complaint, f"wanted a refusal by step {step}: {client.complaint}"
