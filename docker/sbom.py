"""Writes what the image is made of, as CycloneDX 1.5 in JSON, to standard output.

    sbom.py LIBRARIES PARTS IMAGE ARCHITECTURE EPOCH

Read are facts that the build left behind: the crates that cargo says are linked in, with the checksums
of Cargo.lock; the SQLite that one of them brings and Rust's own library; the Debian packages; the wheel with its hash; the files of the model. Nothing but
Python's own library is used, so that no foreign program takes part in the build; CI holds the result
to CycloneDX's own schema (.ci/check_sbom.py).
"""

import hashlib
import sys
import tomllib
import uuid
from datetime import datetime, timezone
from json import dump
from pathlib import Path
from urllib.parse import quote

from crates import linked


def component(kind, name, version, purl=None, licence=None, sha256=None):
    made = {"type": kind, "name": name, "version": version}
    if licence:
        made["licenses"] = [{"expression": licence}]
    if sha256:
        made["hashes"] = [{"alg": "SHA-256", "content": sha256}]
    if purl:
        made["purl"] = purl
    made["bom-ref"] = purl or f"{name}@{version}"
    return made


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def crates(parts):
    """The first is the module."""
    lock = tomllib.loads((parts / "Cargo.lock").read_text())
    checksums = {(each["name"], each["version"]): each.get("checksum") for each in lock["package"]}
    for crate in linked(parts / "made-of"):
        checksum = checksums[crate.name, crate.version]
        purl = f"pkg:cargo/{crate.name}@{crate.version}" if checksum else None
        yield component("library", crate.name, crate.version, purl, crate.licence, checksum)


def compiled_in(parts):
    """What crates.txt does not name: the C code that a crate brings, and what the compiler adds."""
    sqlite = (parts / "made-of" / "sqlite.txt").read_text().strip()
    made = component("library", "sqlite", sqlite, f"pkg:generic/sqlite@{sqlite}", "blessing")
    # By this name lists of known holes have it.
    made["cpe"] = f"cpe:2.3:a:sqlite:sqlite:{sqlite}:*:*:*:*:*:*:*"
    rust = (parts / "made-of" / "rust.txt").read_text().strip()
    return [made, component("library", "rust-std", rust, f"pkg:generic/rust-std@{rust}", "MIT OR Apache-2.0")]


def debian(libraries, architecture):
    for line in (libraries / "debian.txt").read_text().splitlines():
        name, version, _ = line.split()
        # Licence texts alone were taken of it.
        if name != "gcc-12-base":
            purl = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={architecture}&distro=bookworm"
            yield component("library", name, version, purl)


def onnxruntime(libraries):
    digest, path = (libraries / "onnxruntime.txt").read_text().split()
    wheel = path.rsplit("/", 1)[-1]
    version = wheel.split("-")[1]
    purl = f"pkg:pypi/onnxruntime@{version}?file_name={quote(wheel)}"
    return component("library", "onnxruntime", version, purl, "MIT", digest)


def model(image):
    for path in sorted((image / "model").iterdir()):
        if path.suffix.lower() in (".onnx", ".zip"):
            digest = sha256(path)
            yield component("machine-learning-model", path.name, digest[:12], sha256=digest)


def main():
    libraries, parts, image = map(Path, sys.argv[1:4])
    architecture, epoch = sys.argv[4], int(sys.argv[5])
    (module, *rest) = crates(parts)
    module["type"] = "application"
    module["hashes"] = [{"alg": "SHA-256", "content": sha256(image / "app" / "fruit-counter")}]
    components = [*rest, *compiled_in(parts), onnxruntime(libraries), *debian(libraries, architecture), *model(image)]
    components.sort(key=lambda each: each["bom-ref"])
    # The same parts give the same document, its number included.
    number = uuid.uuid5(uuid.NAMESPACE_URL, repr((module, components)))
    stamp = datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{number}",
        "version": 1,
        "metadata": {"timestamp": stamp, "component": module},
        "components": components,
        "dependencies": [{"ref": module["bom-ref"], "dependsOn": [each["bom-ref"] for each in components]}],
    }
    dump(document, sys.stdout, indent=1)
    sys.stdout.write("\n")


main()
