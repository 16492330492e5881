"""Packs a model folder as the portal exports one, but with labels and a version of its own.

    export.py FOLDER ZIP

So that whoever opens the zip can be told from whoever opens the folder.
"""

import json
import sys
import zipfile
from pathlib import Path

folder, packed = map(Path, sys.argv[1:])
manifest = json.loads((folder / "cvexport.manifest").read_text())
manifest["IterationId"] = "0f0e0d0c-0b0a-4908-8706-050403020100"
labels = (folder / "labels.txt").read_text().split()
with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as package:
    package.writestr("cvexport.manifest", json.dumps(manifest))
    package.writestr("labels.txt", "".join(f"own_{label}\n" for label in labels))
    for name in ("model.onnx", "model.toml"):
        package.write(folder / name, name)
