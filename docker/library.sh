#!/bin/sh
# library.sh DEBIAN MULTIARCH NAME: the file of a library in the folder DEBIAN of unpacked packages; nothing
# where they do not have it.
#
# What is a link there is followed, but not out of the folder: libc6's lib64/ld-linux-x86-64.so.2 is an
# absolute one, and would lead to the loader of the machine that builds.
set -eu
debian=$(readlink -f "$1") multiarch=$2 name=$3
for folder in lib usr/lib; do
    file=$(readlink -f "$debian/$folder/$multiarch/$name") || continue
    case $file in
        "$debian"/*) [ ! -f "$file" ] || { echo "$file"; break; } ;;
    esac
done
