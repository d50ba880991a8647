#!/bin/sh
# switch.sh CC RUN...: switch_program.c, built by CC in every way that changes what the compiler keeps in registers, and run.
# 77 (skipped) where the compiler or what runs its programs is missing.
set -eu
cc=$1
shift
here=$(cd "$(dirname "$0")/../.." && pwd)
for tool in "$cc" "$@"; do
    command -v "$tool" >/dev/null || { echo "skipped: there is no $tool"; exit 77; }
done
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
for flags in "-O0" "-O1" "-O2" "-O2 -fomit-frame-pointer" "-O3 -fPIC -fno-omit-frame-pointer" "-Os"; do
    echo "$cc $flags"
    # shellcheck disable=SC2086
    "$cc" -std=gnu11 -Wall -Wextra -Werror -static $flags -I"$here" "$here/tests/runtime/switch_program.c" -o "$out/program" -lm
    "$@" "$out/program"
done
