#!/bin/sh
# A compiler for the machine that the image is for: the one that is here, or Debian's for the other.
set -eu
. /docker/target.sh

if [ "$(dpkg --print-architecture)" != "$DEBIAN_ARCH" ]; then
    apt-get update -q
    # Two packages, as two words.
    apt-get install -q -y --no-install-recommends $CROSS
    rm -rf /var/lib/apt/lists/*
    # It is there already where the base brings it (.ci/image_bases), which then needs no rustup.
    [ -d "$(rustc --print sysroot)/lib/rustlib/$TRIPLE/lib" ] || rustup target add "$TRIPLE"
fi
# Read by cargo in every folder below.
mkdir -p /src/.cargo
cat > /src/.cargo/config.toml <<EOF
[target.$TRIPLE]
linker = "$MULTIARCH-gcc"
[env]
CC_$(echo "$TRIPLE" | tr - _) = "$MULTIARCH-gcc"
EOF
"$MULTIARCH-gcc" --version
rustc --version
