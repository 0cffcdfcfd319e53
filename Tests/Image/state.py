# SPDX-License-Identifier: Apache-2.0
"""What must be true of a system that is up."""

# What listens on a box that nobody has configured, for itself alone: the resolver's stub, the gateway.
LISTENING_FOR_ITSELF = {"udp 127.0.0.53:53", "udp 127.0.0.54:53", "tcp 127.0.0.53:53", "tcp 127.0.0.54:53"}
LISTENING = LISTENING_FOR_ITSELF | {"tcp 127.0.0.1:11112", "tcp 127.0.0.1:8080"}
# As systemd 257 counts; some tenths more than 252 for the same unit.
SCORES = {"drimboxd.service": 1.5, "drimbox-gateway.service": 1.2, "drimbox-probe@1.service": 2.0, "chrony.service": 3.7,
          "systemd-networkd.service": 3.0}
ACTIVE = ["drimboxd.service", "drimbox-gateway.service", "drimbox-console@ttyS0.service", "drimbox-probe.socket",
          "drimbox-netgen.service", "drimbox-deadline.timer", "systemd-networkd.service",
          "systemd-resolved.service", "chrony.service", "polkit.service"]
PARAMETERS = {"net/ipv4/tcp_congestion_control": "bbr", "net/ipv4/ip_unprivileged_port_start": "104", "kernel/kptr_restrict": "2",
              "kernel/sysrq": "0", "kernel/unprivileged_bpf_disabled": "1", "kernel/yama/ptrace_scope": "2",
              "kernel/kexec_load_disabled": "1", "kernel/panic": "10"}


def running(box, guest, slot):
    """Waits for the end of the start: all units up, in that slot."""
    guest.shell_ready()
    _, state = guest.do("systemctl is-system-running --wait", 900)
    if state != "running":
        box.note(guest.do("systemctl status --failed --no-pager -n 20")[1])
    box.expect("failed units", failed(guest), "")
    box.expect("system", state, "running")
    box.note(f"READY after {guest.figures()}")
    box.expect("slot", guest.do("cat /run/drimbox/slot")[1], slot)


def failed(guest):
    return guest.do("systemctl --failed --no-legend --plain")[1]


def gateway_up(guest):
    """The supervisor starts it when it is up itself."""
    guest.do("for n in $(seq 60); do systemctl -q is-active drimbox-gateway && break; sleep 5; done", 600)


def listening(guest):
    return {" ".join([words[0], words[4].replace("%lo", "")]) for words in
            (line.split() for line in guest.do("ss -Hlntu")[1].splitlines()) if len(words) > 4}


def boot_order(guest):
    """The numbers of the firmware's entries, in the order of trying."""
    variable = "/sys/firmware/efi/efivars/BootOrder-8be4df61-93ca-11d2-aa0d-00e098032b8c"
    return [int(word, 16) for word in guest.do(f"od -An -v -tx2 -j4 {variable}")[1].split()]


def sealed_and_shut(box, guest):
    """Of a box as it comes: units, file systems, what listens, the kernel's settings, sandboxes."""
    gateway_up(guest)
    for unit in ACTIVE:
        box.expect(unit, guest.do(f"systemctl is-active {unit}")[1], "active")
    box.expect("write to /usr", "Read-only file system" in guest.do("touch /usr/x")[1], True)
    box.expect("root", guest.do("findmnt -no FSTYPE,OPTIONS / | cut -d, -f1")[1].split(), ["erofs", "ro"])
    for place in ("/var", "/tmp", "/efi"):
        box.expect(place, {"nodev", "nosuid", "noexec"} - set(guest.do(f"findmnt -no OPTIONS {place}")[1].split(",")), set())
    box.expect("encryption", guest.do("cut -d- -f1-2 /sys/class/block/dm-1/dm/uuid; cat /sys/class/block/dm-1/dm/name")[1].split(),
               ["CRYPT-LUKS2", "data"])
    box.expect("listening", listening(guest), LISTENING)
    box.expect("passwords", guest.do("grep -v ':!\\*:' /etc/shadow")[1], "")
    box.expect("programs with another's rights", guest.do("find / -xdev -perm /6000 -type f")[1], "")
    for name, value in PARAMETERS.items():
        box.expect(name, guest.do(f"cat /proc/sys/{name}")[1], value)
    box.expect("lockdown", "[integrity]" in guest.do("cat /sys/kernel/security/lockdown")[1], True)
    box.expect("module signatures", guest.do("cat /sys/module/module/parameters/sig_enforce")[1], "Y")
    box.expect("watchdog, fed", guest.do("systemctl show -p WatchdogLastPingTimestampMonotonic --value")[1] != "0", True)
    for unit, limit in SCORES.items():
        line = guest.do(f"systemd-analyze security --no-pager {unit} 2>/dev/null | tail -n 1")[1]
        score = float(line.split(": ")[-1].split()[0])
        box.expect(f"exposure of {unit}, {score}, at most {limit}", score <= limit, True)
