# SPDX-License-Identifier: Apache-2.0
"""What is in the image, by version and licence: the manifest of packages, and a bill of materials in CycloneDX 1.6."""
import json
import os
import re
import uuid

from steps import HERE, run

RESOLVED = os.path.join(HERE, "../../Package.resolved")
CHECKOUTS = os.path.join(HERE, "../../.build/checkouts")
LICENCES = [("Apache-2.0", "Apache License"), ("MIT", "Permission is hereby granted, free of charge"),
            ("BSD-3-Clause", "Neither the name of")]


def debian(base, kernel, executables):
    """(name, version, source, what it is of) of each Debian package in the image, sorted."""
    lines = run(["dpkg-query", f"--admindir={base.path('tree/var/lib/dpkg')}", "-W", "-f",
                 "${Package}\t${Version}\t${source:Package}\n"], "package database").splitlines()
    with open(executables.path("packages"), encoding="utf-8") as file:
        private = [line.rstrip("\n") for line in file]
    rows = [(*line.split("\t"), "trixie") for line in lines] + [(*line.split("\t"), "bookworm") for line in private]
    rows.append((kernel.package["Package"], kernel.package["Version"], "linux-signed-amd64", "trixie"))
    return sorted(rows)


def manifest(base, kernel, executables):
    return "".join(f"{name}\t{version}\t{suite}\n" for name, version, _, suite in debian(base, kernel, executables))


def licences(path):
    """The short names of a copyright file in the machine-readable format; nothing of one in another."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return []
    if "copyright-format" not in text.split("\n\n", 1)[0]:
        return []
    return sorted({line.strip() for line in re.findall(r"^License:[ \t]*(\S.*)$", text, re.MULTILINE)})


def swift_packages():
    if not os.path.exists(RESOLVED):
        return []
    with open(RESOLVED, encoding="utf-8") as file:
        pins = json.load(file)["pins"]
    found = []
    for pin in pins:
        state = pin["state"]
        directory = os.path.join(CHECKOUTS, os.path.basename(pin["location"]).removesuffix(".git"))
        known = []
        for name in ("LICENSE.txt", "LICENSE", "LICENSE.md"):
            if os.path.exists(os.path.join(directory, name)):
                with open(os.path.join(directory, name), encoding="utf-8", errors="replace") as file:
                    text = file.read()
                known = [identifier for identifier, mark in LICENCES if mark in text][:1]
        version = state.get("version", state["revision"])
        found.append({"type": "library", "bom-ref": f"pkg:swift/{pin['identity']}@{version}", "name": pin["identity"],
                      "version": version, "purl": f"pkg:swift/{pin['identity']}@{version}"} | named(known))
    return found


def named(known):
    """As texts: Debian's short names are not all of SPDX's."""
    return {"licenses": [{"license": {"name": name}} for name in known]} if known else {}


def write(path, base, kernel, executables, release):
    components = []
    for name, version, source, suite in debian(base, kernel, executables):
        documents = base.path("tree") if suite == "trixie" else "/"
        copyright_file = os.path.join(documents, "usr/share/doc", name, "copyright")
        if name == kernel.package["Package"]:
            copyright_file = kernel.step.path("usr/share/doc", name, "copyright")
        address = f"pkg:deb/debian/{name}@{version.replace(':', '%3A').replace('+', '%2B')}?arch=amd64&distro={suite}"
        components.append({"type": "library", "bom-ref": address, "name": name, "version": version, "purl": address,
                           "properties": [{"name": "debian:source", "value": source}]} | named(licences(copyright_file)))
    components += swift_packages()
    content = json.dumps(components, sort_keys=True)
    bom = {
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, content)}",
        "metadata": {"component": {"type": "firmware", "bom-ref": "drimbox", "name": "DRIMbox", "version": release.version,
                                   "licenses": [{"license": {"id": "Apache-2.0"}}]}},
        "components": components,
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(bom, file, indent=1, sort_keys=True, ensure_ascii=False)
        file.write("\n")
