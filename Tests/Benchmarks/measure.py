# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks read from the kernel, and the machine's description."""
import os
import pathlib
import platform
import statistics
import subprocess
import time

MIB = 1 << 20


def cpu_seconds(pids):
    """User and system seconds of processes, all their threads, in nanosecond resolution.

    /proc/PID/stat says the same in steps of 10 ms, which is 5 % of what a study costs. The clock of
    another process is clock_getcpuclockid(3): the complement of its id, and 2 for the scheduler's count.
    """
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


def status_bytes(pid, field):
    for line in pathlib.Path("/proc/%d/status" % pid).read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    return 0


def resident(pids):
    return sum(status_bytes(pid, "VmRSS") for pid in pids)


def peak_resident(pids):
    return sum(status_bytes(pid, "VmHWM") for pid in pids)


def reset_peak(pids):
    for pid in pids:
        try:
            pathlib.Path("/proc/%d/clear_refs" % pid).write_text("5")
        except PermissionError:
            pass  # a worker under another user: its peak then counts from its start


def settle():
    """Writes back what earlier runs left behind, so that no run pays for another's data."""
    os.sync()


class Sample(dict):
    """One run: wall, cpu (seconds of the server), bytes, peak, and what the case adds."""

    @property
    def per_gigabyte(self):
        return self["cpu"] / (self["bytes"] / 1e9)


def timed(server, size, action):
    """Runs `action` against `server` and returns a Sample; a dict that `action` returns is added."""
    settle()
    pids = server.pids()
    reset_peak(pids)
    before, start = cpu_seconds(pids), time.monotonic()
    added = action()
    wall = time.monotonic() - start
    sample = Sample(wall=wall, cpu=cpu_seconds(pids) - before, bytes=size, peak=peak_resident(pids))
    sample.update(added or {})
    return sample


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def command_output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def machine(directory):
    """One line: processor, memory, kernel, file system, load, versions of the peers."""
    model = "unknown processor"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    filesystem = command_output("stat", "-f", "-c", "%T", str(directory))
    versions = []
    for package in ("dcmtk", "orthanc", "orthanc-dicomweb", "nginx-light"):
        version = command_output("dpkg-query", "-W", "-f", "${Version}", package)
        if version:
            versions.append("%s %s" % (package, version))
    return "%d x %s, %.0f GiB, Linux %s, %s, load %.1f; %s" % (
        os.cpu_count(), model, memory, platform.release(), filesystem, os.getloadavg()[0],
        ", ".join(versions))
