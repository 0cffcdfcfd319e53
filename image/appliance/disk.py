# SPDX-License-Identifier: Apache-2.0
"""Root image and hash tree, and the disk: ESP, two slots, the data partition. Files only: no loop device, no mount."""
import json
import os

from steps import HERE, Failure, own_digest, run

MIB = 1 << 20
ESP, ROOT, TREE = 1024, 512, 8
# The disk's partitions in their order, MiB; what is left is the data's.
LAYOUT = [("esp", ESP), ("root-a", ROOT), ("verity-a", TREE), ("root-b", ROOT), ("verity-b", TREE), ("data", None)]
LOADER_SETTINGS = "timeout 0\neditor no\nauto-entries no\nauto-firmware no\nrandom-seed-mode off\n"
# Below it a box has no place for studies: the partitions, and what `--data-size` is by default.
MINIMUM = 1 + ESP + 2 * (ROOT + TREE) + 1024 + 1
# The file system's UUID is the same in all releases: what differs is the content, and the hash names it.
ROOT_UUID = "d12b0000-0000-4000-8000-000000000001"
MARK = b"DRIMbox: make the data partition\n"
TYPES = {"esp": "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "root": "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709",
         "verity": "2C7357ED-EBD2-46D9-AEC1-23D437EC2BF5", "data": "4D21B016-B534-45C2-A9FB-5C16E091FD2D",
         "install-esp": "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "install": "0FC63DAF-8483-4772-8E79-3D69D8477DE4"}


def root_image(cache, tools, tree):
    """Plain erofs, for deltas are best on it (UPDATES 6), and the tree that `image/release build` makes of it, too."""

    def make(work):
        path = os.path.join(work, "root.img")
        tools.run("mkfs.erofs", "-T", str(cache.date), "--all-time", f"-U{ROOT_UUID}", "--quiet", path, tree.path("tree"))
        size = os.path.getsize(path)
        os.truncate(path, -(-size // 4096) * 4096)
        verity = json.loads(run([release_tool(), "verity", path, "--out", os.path.join(work, "root.verity")], "hash tree"))
        with open(os.path.join(work, "verity.json"), "w", encoding="utf-8") as file:
            json.dump(verity, file, indent=1, sort_keys=True)
        for name, limit in (("root.img", ROOT), ("root.verity", TREE)):
            if os.path.getsize(os.path.join(work, name)) > limit * MIB:
                raise Failure(name, f"{os.path.getsize(os.path.join(work, name))} bytes", f"at most {limit} MiB, a slot's partition")

    return cache.step("root", [tree, tools.step, own_digest("disk.py", "../vendor/payload.py")], make)


def release_tool():
    return os.path.join(HERE, "../release")


def copy(source, target):
    run(["cp", "--reflink=auto", "--sparse=always", source, target], "output")


def put(disk, source, offset, limit):
    """A file's content at an offset of the disk, both in MiB; its holes are left out."""
    size = os.path.getsize(source)
    if size > limit * MIB:
        raise Failure(source, f"{size} bytes", f"at most {limit} MiB")
    with open(source, "rb", buffering=0) as file, open(disk, "r+b", buffering=0) as target:
        place = 0
        while place < size:
            try:
                place = os.lseek(file.fileno(), place, os.SEEK_DATA)
            except OSError:
                break
            end = os.lseek(file.fileno(), place, os.SEEK_HOLE)
            while place < end:
                content = os.pread(file.fileno(), min(MIB, end - place), place)
                os.pwrite(target.fileno(), content, offset * MIB + place)
                place += len(content)


def table(layout, identifier=None):
    """Words for sfdisk. With `identifier`, the first 35 digits of a UUID, the disk and its partitions are the same in each build."""
    lines = ["label: gpt"] + ([f"label-id: {identifier}0"] if identifier else [])
    for index, (name, size) in enumerate(layout):
        words = [f"size={size}MiB"] if size else []
        words += [f"type={TYPES.get(name) or TYPES[name.split('-')[0]]}", f"name={name}"]
        words += [f"uuid={identifier}{index + 1}"] if identifier else []
        lines.append(", ".join(words))
    return "\n".join(lines) + "\n"


def places(layout):
    """Where each partition begins and what it has, MiB."""
    found, offset = {}, 1
    for name, size in layout:
        found[name] = (offset, size)
        offset += size
    return found, offset + 1


def assemble(path, tools, slot_a, slot_b, data_size):
    """GPT: the ESP, root and hash tree twice, data. Slot B is empty, or on trial with another build's release."""
    layout = [(name, size or data_size) for name, size in LAYOUT]
    place, size = places(layout)
    work = f"{path}.work"
    with open(work, "wb") as file:
        file.truncate(size * MIB)
        file.seek(sum(place["data"]) * MIB - 4096)
        file.write(MARK)
    tools.run("sfdisk", "--quiet", work, input=table(layout, "d12b0000-0000-4000-8000-0000000000d").encode())
    slots = [("a", slot_a)] + ([("b", slot_b)] if slot_b else [])
    for slot, directory in slots:
        put(work, os.path.join(directory, "root.img"), *place[f"root-{slot}"])
        put(work, os.path.join(directory, "root.verity"), *place[f"verity-{slot}"])
    partition = boot_partition(f"{path}.esp", tools, slots)
    put(work, partition, *place["esp"])
    os.unlink(partition)
    os.rename(work, path)


def boot_partition(path, tools, slots):
    """FAT32 with names that a rename changes in one sector (UPDATES 4.4, 2)."""
    loader = os.path.join(slots[0][1], "systemd-boot.efi")
    settings = f"{path}.conf"
    with open(settings, "w", encoding="utf-8") as file:
        file.write(LOADER_SETTINGS)
    files = [(loader, "EFI/BOOT/BOOTX64.EFI"), (loader, "EFI/systemd/systemd-bootx64.efi"), (settings, "loader/loader.conf")]
    for slot, directory in slots:
        files.append((os.path.join(directory, "uki.efi"), f"EFI/Linux/{slot.upper()}{'' if slot == 'a' else '+3'}.efi"))
    files.append((os.path.join(slots[0][1], "uki.efi"), "EFI/drimbox/prev.efi"))
    fat(path, tools, ESP, "12b0e5f", ["EFI", "EFI/BOOT", "EFI/systemd", "EFI/Linux", "EFI/drimbox", "loader"], files)
    os.unlink(settings)
    return path


def fat(path, tools, size, identifier, directories, files):
    """A FAT32 file system of `size` MiB with pairs of source and name."""
    with open(path, "wb") as file:
        file.truncate(size * MIB)
    environment = os.environ | {"MTOOLS_SKIP_CHECK": "1"}
    tools.run("mkfs.vfat", "--invariant", "-F32", "-nESP", f"-i{identifier}", path)
    tools.run("mmd", "-i", path, *[f"::{name}" for name in directories], env=environment)
    for source, name in files:
        # `mcopy -m` keeps the time that the source has.
        os.utime(source, (int(environment["SOURCE_DATE_EPOCH"]),) * 2)
        tools.run("mcopy", "-m", "-i", path, source, f"::{name}", env=environment)


def assemble_installer(path, tools, made, installer):
    """What a USB stick gets: the installer's kernel image where firmware looks on such a disk, the release beside it, and the
    certificate that firmware has to know for Secure Boot where its set-up finds it."""
    files = {name: os.path.join(made, name) for name in ("uki.efi", "systemd-boot.efi", "root.img", "root.verity", "secure-boot.cer")}
    boot = sum(-(-os.path.getsize(source) // MIB) for source in (installer, files["uki.efi"], files["systemd-boot.efi"])) + 40
    layout = [("install-esp", boot)] + [
        (f"install-{name}", -(-os.path.getsize(files[source]) // MIB)) for name, source in (("root", "root.img"), ("tree", "root.verity"))]
    place, size = places(layout)
    work = f"{path}.work"
    with open(work, "wb") as file:
        file.truncate(size * MIB)
    tools.run("sfdisk", "--quiet", work, input=table(layout, "d12b0000-0000-4000-8000-0000000000e").encode())
    partition = f"{path}.esp"
    fat(partition, tools, boot, "12b0e60", ["EFI", "EFI/BOOT", "drimbox"], [
        (installer, "EFI/BOOT/BOOTX64.EFI"), (files["uki.efi"], "drimbox/A.efi"), (files["systemd-boot.efi"], "drimbox/loader.efi"),
        (files["secure-boot.cer"], "drimbox/secure-boot.cer")])
    put(work, partition, *place["install-esp"])
    os.unlink(partition)
    put(work, files["root.img"], *place["install-root"])
    put(work, files["root.verity"], *place["install-tree"])
    os.rename(work, path)
