# SPDX-License-Identifier: Apache-2.0
"""How large packs and patches are for root images of Debian packages."""
import glob
import hashlib
import os
import shutil
import subprocess
import time

from release_fixtures import RELEASE, expect, load

BASE = """libc6 libssl3 openssl systemd libsystemd-shared libsystemd0 python3.11-minimal libpython3.11-stdlib
libpython3.11-minimal perl-base coreutils bash util-linux libgnutls30 libsqlite3-0 libxml2 libxmlsec1
libxmlsec1-openssl libdcmtk17 libopenjp2-7 libpng16-16 libjpeg62-turbo libtss2-esys-3.0.2-0 smartmontools
nftables libnftables1 iproute2 libstdc++6 tar libgcrypt20 udev dbus libarchive13 cryptsetup-bin tpm2-tools
openssh-server openssh-client libglib2.0-0 libicu72 libkrb5-3 libcurl4 curl chrony libbinutils""".split()


CHUNK = 4096


def adaptive(old, new):
    """What RAUC's adaptive method (`block-hash-index`) fetches of the image `new` where `old` is: the index, SHA-256 of each
    4 KiB, and once each of these blocks that are nowhere in the old image; nothing for HTTP, NBD and the bundle's own tree."""
    def chunks(path):
        with open(path, "rb") as file:
            while chunk := file.read(CHUNK):
                yield hashlib.sha256(chunk.ljust(CHUNK, b"\0")).digest()

    wanted = list(chunks(new))
    return 32 * len(wanted) + CHUNK * len(set(wanted) - set(chunks(old)))


def squash(root, block):
    image = f"{root}.{block}.squashfs"
    subprocess.run(["mksquashfs", root, image, "-comp", "zstd", "-b", block, "-all-root", "-mkfs-time", "0", "-all-time", "0",
                    "-noappend", "-no-progress", "-quiet"], check=True, capture_output=True)
    return image


def figures(directory, changed):
    """Sizes for two root images of Debian packages, the second with the newest version of those that changed."""
    roots = [os.path.join(directory, name) for name in ("root-a", "root-b")]
    packages = os.path.join(directory, "packages")
    os.mkdir(packages)

    def download(*names):
        done = subprocess.run(["apt-get", "download", "-q", *names], cwd=packages, capture_output=True, check=False)
        expect(done.returncode == 0, f"apt-get download: {done.stderr.decode()}")

    def unpack(root):
        for path in glob.glob(f"{packages}/*.deb"):
            subprocess.run(["dpkg-deb", "-x", path, root], check=True)
            os.unlink(path)

    for root in roots:
        os.mkdir(root)
    known = subprocess.run(["apt-cache", "pkgnames"], capture_output=True, check=True).stdout.decode().split()
    same = sorted(set(BASE) & set(known) - set(changed))
    download(*same)
    for path in glob.glob(f"{packages}/*.deb"):
        subprocess.run(["dpkg-deb", "-x", path, roots[0]], check=True)
    unpack(roots[1])
    for name in changed:
        lines = subprocess.run(["apt-cache", "madison", name], capture_output=True, check=True).stdout.decode().splitlines()
        versions = list(dict.fromkeys(line.split("|")[1].strip() for line in lines))
        expect(len(versions) > 1, f"{name}: only {versions} in the archive, no version before")
        print(f"       {name} {versions[1]} -> {versions[0]}")
        for root, version in zip(roots, (versions[1], versions[0])):
            download(f"{name}={version}")
            unpack(root)
    images = [f"{root}.img" for root in roots]
    squashed = {block: [squash(root, block) for root in roots] for block in ("128K", "64K")}
    for root, image in zip(roots, images):
        subprocess.run(["mkfs.erofs", "-T0", "-U", "11111111-1111-1111-1111-111111111111", "--all-root", image, root],
                       check=True, capture_output=True)
        shutil.rmtree(root)
    uki = os.path.join(directory, "uki")
    with open(uki, "wb") as file:
        file.write(bytes(4096))
    start = time.monotonic()
    done = subprocess.run([RELEASE, "build", "--version", "2", "--root", images[1], "--uki", uki, "--rollback-index", "1", "--hw",
                           "drimbox-1", "--patch-from", images[0], "--out", os.path.join(directory, "made")],
                          capture_output=True, check=False)
    expect(done.returncode == 0, done.stderr.decode())
    manifest = load(directory, "made", "manifest.json")
    pack, patch = manifest["root"]["pack"]["len"], manifest["patches"][0]["pack"]["len"]
    size = manifest["root"]["size"]
    print(f"       {len(same) + len(changed)} packages, {len(changed)} of them changed; zstd level 9")
    print(f"       image {size / 1e6:8.2f} MB")
    print(f"       pack  {pack / 1e6:8.2f} MB  {100 * pack / size:5.1f} % of the image")
    print(f"       patch {patch / 1e6:8.2f} MB  {100 * patch / pack:5.1f} % of the pack")
    full = os.path.getsize(squashed["128K"][1])
    for block, (old, new) in squashed.items():
        fetched, size = adaptive(old, new), os.path.getsize(new)
        print(f"       RAUC, squashfs {block:>4}, 4 KiB index     {fetched / 1e6:8.2f} MB of {size / 1e6:.2f} MB: "
              f"{fetched / patch:.1f} times the patch")
    fetched = adaptive(*images)
    print(f"       RAUC, the same images, 4 KiB index {fetched / 1e6:8.2f} MB of {manifest['root']['size'] / 1e6:.2f} MB: "
          f"{fetched / patch:.1f} times the patch; the whole as squashfs {full / 1e6:.2f} MB")
    print(f"       made in {time.monotonic() - start:.0f} s")
