#!/bin/sh
# assemble.sh LIBRARIES PARTS IMAGE: the file system of the image, in six folders that become its layers:
# system (libraries, names, licences), runtime (ONNX Runtime), model, app (the program), state (the ledger's
# folder) and parts (their list).
#
# Only libraries that something asks for go in, and everything that is asked for must be there, for
# the right machine: the image has no shell in which its absence could be looked into.
set -eu
libraries=$1 parts=$2 image=$3
. /docker/target.sh

system=$image/system runtime=$image/runtime app=$image/app
mkdir -p "$system/lib/$MULTIARCH" "$system/etc" "$system/tmp" "$system/usr/share/doc" "$system/var/lib" \
    "$runtime" "$app" "$image/state/fruit-counter" "$image/parts"
chmod 1777 "$system/tmp"
# The ledger is nobody else's.
chmod 700 "$image/state/fruit-counter"

install -m 755 "$parts/fruit-counter" "$app/fruit-counter"
install -m 644 "$libraries/onnxruntime/libonnxruntime.so" "$runtime/libonnxruntime.so"
cp -r "$parts/model" "$image/model"
# Documents, not parts of the model.
find "$image/model" -type d -exec chmod 755 {} + -o -type f -exec chmod 644 {} +

# needed FILE: the libraries that it asks for.
needed() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }
# is_for_the_machine FILE
is_for_the_machine() {
    readelf -h "$1" | grep -qF "$MACHINE" && return
    echo "error: $1 is not for $DEBIAN_ARCH ($MACHINE)" >&2
    exit 1
}
is_for_the_machine "$app/fruit-counter"
is_for_the_machine "$runtime/libonnxruntime.so"
loader=${LOADER##*/}
wanted=$(needed "$app/fruit-counter"; needed "$runtime/libonnxruntime.so"; echo "$loader")
while [ -n "$wanted" ]; do
    more=
    for name in $wanted; do
        to=$system/lib/$MULTIARCH/$name
        [ -e "$to" ] && continue
        from=$(sh /docker/library.sh "$libraries/debian" "$MULTIARCH" "$name")
        if [ -z "$from" ]; then
            echo "error: $name is asked for, and Debian's packages here do not have it" >&2
            exit 1
        fi
        install -m 755 "$from" "$to"
        is_for_the_machine "$to"
        more="$more $(needed "$to")"
    done
    wanted=$more
done
# The program names its loader by this path.
if [ "$LOADER" != "lib/$MULTIARCH/$loader" ]; then
    mkdir -p "$system/$(dirname "$LOADER")"
    ln -s "/lib/$MULTIARCH/$loader" "$system/$LOADER"
fi

# Names by Docker's DNS and by the file of the host; a user with a name, for those who look.
echo 'hosts: files dns' > "$system/etc/nsswitch.conf"
echo 'fruit-counter:x:10001:10001::/:/nonexistent' > "$system/etc/passwd"
echo 'fruit-counter:x:10001:' > "$system/etc/group"

doc=$system/usr/share/doc
mkdir "$doc/fruit-counter" "$doc/onnxruntime"
cp "$parts/LICENSE-APACHE" "$parts/LICENSE-MIT" "$doc/fruit-counter/"
cp "$libraries/onnxruntime/LICENSE" "$libraries/onnxruntime/ThirdPartyNotices.txt" "$doc/onnxruntime/"
for package in libc6 libgcc-s1 libstdc++6; do
    mkdir "$doc/$package"
    cp "$libraries/debian/usr/share/doc/$package/copyright" "$doc/$package/"
done
# With the program, since they change with its lock file.
python3 /docker/third_party.py "$parts/made-of" > "$app/third-party.txt"
python3 /docker/sbom.py "$libraries" "$parts" "$image" "$DEBIAN_ARCH" "$COMMIT_EPOCH" \
    > "$image/parts/sbom.cdx.json"

# Always the same time: with that of the commit every layer would be another one at each commit, and each
# box would fetch all of them again. What the commit was stands in the labels, its time in the list.
find "$image" -exec touch --no-dereference --date @0 {} +
