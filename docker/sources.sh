#!/bin/sh
# sources.sh CONTEXT SKELETON PRODUCT: divides the sources by what a change of them costs.
#
# SKELETON is the whole workspace as cargo sees it, manifests and the lock file, with empty programs:
# what the dependencies are compiled by. PRODUCT is the real source of the module and of the rooms
# that it is made of. Builders compare contents, so a changed test compiles nothing again, and a
# changed module not its dependencies.
set -eu
context=$1 skeleton=$2 product=$3

cd "$context"
for manifest in Cargo.toml module/Cargo.toml crates/*/Cargo.toml tests/Cargo.toml xtask/Cargo.toml; do
    folder=$skeleton/$(dirname "$manifest")
    mkdir -p "$folder/src"
    # Tests and benchmarks that are not here must not be looked for; a comment changes nothing.
    awk '/^\[/ { skip = $0 ~ /^\[\[(bench|test|example)\]\]/ } !skip && !/^#/' "$manifest" > "$folder/Cargo.toml"
    echo 'fn main() {}' > "$folder/src/main.rs"
    : > "$folder/src/lib.rs"
done
rm -r "$skeleton/src"
cp Cargo.lock "$skeleton/"

for room in module crates/edge-client crates/edge-protocol crates/ledger crates/vision; do
    mkdir -p "$product/$room"
    cp -r "$room/src" "$product/$room/"
done
