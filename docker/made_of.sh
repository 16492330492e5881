#!/bin/sh
# made_of.sh PACKAGE TRIPLE FOLDER: what the program was made of, while its sources are at hand: the crates
# that are linked in with their licence texts, the C library that one of them brings, and Rust's own.
set -eu
package=$1 triple=$2 folder=$3
mkdir -p "$folder/licences"

cargo tree --locked -p "$package" --target "$triple" -e normal,no-proc-macro --prefix none --format '{p}|{l}' \
    > "$folder/crates.txt"
rustc --version | cut -d ' ' -f 2 > "$folder/rust.txt"

# Each line begins with the name and `v` before the version; our own crates are in no registry.
cut -d ' ' -f 1,2 "$folder/crates.txt" | cut -d '|' -f 1 | sort -u | while read -r name version; do
    for source in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/"$name-${version#v}"; do
        [ -d "$source" ] || continue
        mkdir -p "$folder/licences/$name ${version#v}"
        find "$source" -maxdepth 1 -type f \( -iname 'licen[cs]e*' -o -iname 'copying*' -o -iname 'copyright*' \
            -o -iname 'notice*' -o -iname 'unlicense*' \) -exec cp {} "$folder/licences/$name ${version#v}/" \;
        if [ "$name" = libsqlite3-sys ]; then
            sed -n 's/^#define SQLITE_VERSION  *"\(.*\)"/\1/p' "$source/sqlite3/sqlite3.h" > "$folder/sqlite.txt"
        fi
    done
done
