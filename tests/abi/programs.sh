#!/bin/sh
# programs.sh: builds the programs of this folder with `ravel cc` over one compiler, and runs them.
# usage: programs.sh RAVEL COMPILER WORK_DIR
set -eu
ravel=$1 cc=$2 work=$3
here=$(cd "$(dirname "$0")" && pwd)
case $cc in gcc) cxx=g++ ;; clang-*) cxx=clang++-${cc#clang-} ;; esac
command -v "$cc" >/dev/null && command -v "$cxx" >/dev/null || { echo "skipped: $cc not installed"; exit 77; }
mkdir -p "$work"
unset RAVEL_OPTIONS TSAN_OPTIONS
status=0
run() { # expected exit code, expected line, program, arguments
    want=$1 line=$2
    shift 2
    code=0
    "$@" >"$work/out" 2>"$work/err" || code=$?
    if [ $code != "$want" ] || ! grep -q "$line" "$work/out"; then
        echo "$*: exit code $code, not $want, or no line \"$line\":"
        cat "$work/out" "$work/err"
        status=1
    fi
}

for level in 0 2; do
    "$ravel" cc --ravel-cc="$cc" -O$level -g -w "$here/compute.c" -o "$work/compute"
    "$ravel" cc --ravel-cc="$cc" -O$level -g "$here/barrier.c" -o "$work/barrier"
    "$ravel" cc --ravel-cc="$cc" -O$level -g -w "$here/any.c" -o "$work/any"
    "$ravel" c++ --ravel-cc="$cxx" -O$level -g "$here/depth.cc" -o "$work/depth"
    run 0 'all as computed' "$work/compute"
    run 0 'in order' "$work/barrier" order
    run 66 'in order' "$work/barrier" race
    # Both sides, by the lines that say so in the program.
    for side in earlier later; do
        at=barrier.c:$(grep -n "the $side side" "$here/barrier.c" | cut -d: -f1)
        grep -q "$at" "$work/err" || { echo "the report does not name $at:"; cat "$work/err"; status=1; }
    done
    run 0 'as stored' "$work/any" publish
    run 66 'as stored' "$work/any" race
    races=$(grep -c 'WARNING: .*data race' "$work/err") || true
    [ "$races" = 4 ] || { echo "any race: $races reports, not one for each size:"; cat "$work/err"; status=1; }
    run 0 'depth: kept' "$work/depth"
done
[ $status = 0 ] && echo "$cc: the programs do what they should"
exit $status
