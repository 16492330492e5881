#!/bin/sh
# libraries.sh FOLDER: unpacks ONNX Runtime, and Debian's C and C++ libraries for the same machine,
# without running anything of them. The wheel must be one of the two that are pinned.
set -eu
folder=$1
. /docker/target.sh

dpkg --add-architecture "$DEBIAN_ARCH"
apt-get update -q
apt-get install -q -y --no-install-recommends binutils ca-certificates python3-pip

mkdir -p "$folder/debian" /packages /wheel
cd /packages
# The last one has the licence texts of the two before it.
for package in libc6 libgcc-s1 libstdc++6 gcc-12-base; do
    apt-get download -q "$package:$DEBIAN_ARCH"
done
for package in *.deb; do
    dpkg -x "$package" "$folder/debian"
    # For the list of parts.
    dpkg-deb --show --showformat '${Package} ${Version} ${Architecture}\n' "$package"
done > "$folder/debian.txt"

python3 -m pip download --require-hashes --no-deps --only-binary=:all: --python-version 3.12 \
    --implementation cp --abi cp312 --platform "$WHEEL" --retries 2 --no-input \
    --disable-pip-version-check --progress-bar off --dest /wheel -r /docker/onnxruntime.txt
python3 -m zipfile -e /wheel/*.whl /wheel/unpacked
mkdir "$folder/onnxruntime"
mv /wheel/unpacked/onnxruntime/capi/libonnxruntime.so.* "$folder/onnxruntime/libonnxruntime.so"
mv /wheel/unpacked/onnxruntime/LICENSE /wheel/unpacked/onnxruntime/ThirdPartyNotices.txt \
    "$folder/onnxruntime/"
sha256sum /wheel/*.whl > "$folder/onnxruntime.txt"
rm -rf /packages /wheel /var/lib/apt/lists/*

# The hash says that it is the file, and the file must be for the machine.
if ! readelf -h "$folder/onnxruntime/libonnxruntime.so" | grep -qF "$MACHINE"; then
    echo "error: libonnxruntime.so is not for $DEBIAN_ARCH ($MACHINE)" >&2
    exit 1
fi
# And it must find here what it asks for; docker/assemble.sh looks again, at the program too.
for name in $(readelf -d "$folder/onnxruntime/libonnxruntime.so" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
    if [ -z "$(find "$folder/debian" -name "$name")" ]; then
        echo "error: libonnxruntime.so asks for $name, and Debian's packages here do not have it" >&2
        exit 1
    fi
done
