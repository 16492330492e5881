"""Holds the image's list of parts to CycloneDX's own schema, and to what must be in it; and the texts of
licences to that list.

    check_sbom.py LIST LICENCES
"""

import json
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

text = open(sys.argv[1], encoding="utf-8").read()
error = JsonStrictValidator(SchemaVersion.V1_5).validate_str(text)
assert error is None, error

document = json.loads(text)
parts = {each["name"]: each for each in document["components"]}
for name in ("libc6", "libstdc++6", "libgcc-s1", "onnxruntime", "sqlite", "rust-std", "rustls", "tokio", "rusqlite", "ort"):
    assert parts[name]["version"], f"{name} has no version"
for name, part in parts.items():
    assert part.get("purl") or part.get("hashes") or part["version"] == "0.1.0", f"{name} is not identified"
# What only tests or the development hub use is not in the image.
for name in ("devhub", "proptest", "rcgen", "tempfile"):
    assert name not in parts, f"{name} is not in the image"
licences = open(sys.argv[2], encoding="utf-8").read()
crates = [each for each in document["components"] if each.get("purl", "").startswith("pkg:cargo/")]
for each in crates:
    assert f"{each['name']} {each['version']}: " in licences, f"{each['name']} has no licence text"
assert "Permission is hereby granted" in licences and "Apache License" in licences
print(f"{len(parts)} parts, and the schema holds; licences of {len(crates)} crates in {len(licences) >> 10} KB")
