# SPDX-License-Identifier: Apache-2.0
"""What happens to a box that nobody has wished for: power cuts, a system that stands still, a disk that fails, a reset in the
middle of a change."""
import json
import time

import state
import study

# CPU seconds after power-on at which the first starts are cut: about 20 to 25 the data partition is made, 60 is READY.
CUTS = (18, 21, 23, 25, 30, 42)
# Each freezes what feeds the watchdog (systemd.conf: 30 s); the kernel's own way out, a reboot ten seconds after a panic, is shut first.
HANGS = {"PID 1": "echo 1 >/sys/fs/cgroup/init.scope/cgroup.freeze",
         "the kernel": "echo 0 >/proc/sys/kernel/panic; echo c >/proc/sysrq-trigger"}
# NVMe 1.4, 5.14.1.2, Critical Warning: the subsystem's reliability is degraded.
UNRELIABLE = 4


def cut_while_it_starts(box, image):
    """The first start, begun again after each cut; the last one is left alone."""
    for number, moment in enumerate(CUTS):
        with box.start(image=image if number == 0 else None) as guest:
            while guest.machine.processor_seconds() < moment:
                time.sleep(0.2)
            lines = guest.console.text.strip().splitlines()
            box.note(f"cut after {guest.figures()}; the last was: {lines[-1] if lines else 'nothing'}")
            box.expect(f"signs of damage before the cut after {moment} CPU s", guest.damage(guest.console.text), None)
    with box.start() as guest:
        state.running(box, guest, "a")
        state.gateway_up(guest)
        box.expect("gateway", guest.do("systemctl is-active drimbox-gateway")[1], "active")
        box.expect("data", guest.do("findmnt -no FSTYPE /var")[1], "ext4")
        box.expect("digits of the machine's identifier", len(guest.do("cat /etc/machine-id")[1]), 32)
        guest.power_off()


def stand_still(box, guest, what):
    """The watchdog, which nobody feeds any more, resets the machine; it comes back by itself with what it had."""
    guest.do(f"echo '{what}' >/var/lib/kept; sync")
    before = guest.do("cat /proc/sys/kernel/random/boot_id")[1]
    guest.console.seen = len(guest.console.text)
    begin = time.monotonic()
    guest.shell.send(HANGS[what] + "\n")
    guest.console.wait("slot a on vda, verified", "Rebooting in|reboot: ", 600)
    box.note(f"{what} stood still; the root verified again {time.monotonic() - begin:.0f} s later")
    state.running(box, guest, "a")
    box.expect("another start", guest.do("cat /proc/sys/kernel/random/boot_id")[1] != before, True)
    box.expect("data, kept", guest.do("cat /var/lib/kept")[1], what)


def wait_for_issue(box, guest, code, expected, seconds=300):
    """Until the box has that issue, or has it no more."""
    end = time.monotonic() + seconds
    while True:
        _, text = guest.do("drimboxctl issues -o json")
        if (code in text) == expected:
            box.note(f"{code}: {expected}")
            return
        if time.monotonic() > end:
            raise AssertionError(f"{code}: found {not expected} for {seconds} s, expected {expected}; issues: {text[-1500:]}")
        time.sleep(10)


def warn(guest, bits):
    """The disk's Critical Warning from now on. Disks are read every half hour, and at once when the kernel tells of one."""
    guest.machine.order("qom-set", path="/machine/peripheral/disk", property="smart_critical_warning", value=bits)
    guest.do("udevadm trigger --action=change --subsystem-match=block")


def write_down(box, guest):
    """The recovery key, as an administrator gets it and then takes it off the box."""
    place = "/var/lib/drimbox-recovery/key"
    wait_for_issue(box, guest, "W-KEY-01", True)
    box.expect("who may read it", guest.do(f"stat -c '%a %U' {place}")[1], "600 root")
    status, said = guest.do("drimboxctl recovery show --reason 'test of the image'")
    box.expect("recovery show", status, 0)
    key = said.splitlines()[0]
    box.expect("another group is not its last one", guest.do(f"drimboxctl recovery confirm {key[:8]}")[0] != 0, True)
    box.expect("its last group", guest.do(f"drimboxctl recovery confirm {key[-8:]}")[0], 0)
    box.expect("the key on the box", guest.do(f"test -e {place}")[0], 1)
    wait_for_issue(box, guest, "W-KEY-01", False)
    box.expect("audit", "/v1/recovery-key" in guest.do("drimboxctl audit ls")[1], True)
    box.expect("the key in the journal", guest.do(f"journalctl -b --no-pager | grep -c {key[-8:]}")[1], "0")
    return key


def type_recovery_key(guest, key):
    """At the question of a box whose TPM does not open the data: wrong first, then without the dashes, in capitals."""
    question = r"Cle de secours[^>]*> "
    guest.console.wait(question, guest.BAD, 900)
    guest.console.send("cbdefghi\r")
    guest.console.wait("Not the recovery key", guest.BAD, 60)
    guest.console.wait(question, guest.BAD, 60)
    guest.console.send(key.upper().replace("-", " ") + "\r")
    guest.console.wait("the data are opened by the recovery key", guest.BAD, 60)


def refuse_writes(guest):
    """The disk answers each write with an error from now on. What it was before, for `take_writes`."""
    node = next(node["node-name"] for node in guest.machine.order("query-named-block-nodes")
                if node["drv"] == "raw" and node["file"] == guest.machine.disk)
    guest.machine.order("blockdev-add", driver="blkdebug",
                        **{"node-name": "faulty", "image": node, "inject-error": [{"event": "none", "iotype": "write", "errno": 5}]})
    set_drive(guest, "faulty")
    return node


def set_drive(guest, node):
    guest.machine.order("qom-set", path="/machine/peripheral/disk", property="drive", value=node)


def address(guest, card):
    return guest.do(f"ip -c=never -o -4 address show dev {card}")[1].split()[3:4]


def try_other_address(box, guest):
    """Another address on the box's card, and its services on it: in force, and waiting for a confirmation. The card's name."""
    document = json.loads(guest.do("drimboxctl config get -o json")[1])
    card = document["network"]["interfaces"][0]["name"]
    guest.put("/tmp/other.json", json.dumps(document).replace(study.BOX, study.BOX + "0"))
    box.expect("address that is confirmed", address(guest, card), [f"{study.BOX}/24"])
    status, said = guest.do("drimboxctl config apply /tmp/other.json --confirm 900 --reason 'test of the image'", 300)
    box.note(said)
    box.expect("exit status of config apply", status, 0)
    box.expect("waits for a confirmation", "in force; undone at" in said, True)
    box.expect("address on trial", address(guest, card), [f"{study.BOX}0/24"])
    box.expect("transaction", "in force; undone at" in guest.do("drimboxctl config pending")[1], True)
    return card


def confirmed_again(box, guest, card, revision):
    """What was confirmed is in force; the change is told, and nothing of it is left."""
    box.expect("address", address(guest, card), [f"{study.BOX}/24"])
    box.expect("configuration", guest.do("drimboxctl config get -o json")[1], revision)
    said = guest.do("drimboxctl events --kind config")[1]
    box.note(said)
    box.expect("event", "change not confirmed: undone" in said, True)
    box.expect("transaction", "in force" in guest.do("drimboxctl config pending")[1], False)
    box.note(guest.do("drimboxctl audit ls | tail -n 5")[1])
    box.expect("other address in the network's files", guest.do(f"grep -r {study.BOX}0/ /run/systemd/network")[0], 1)
