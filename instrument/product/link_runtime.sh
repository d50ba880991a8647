#!/bin/sh
# link_runtime.sh: makes NAME.o, libNAME.a around it, and NAME.exports.list out of the object files. (For ravel_rt, which the
# driver reads, that is exports.list.)
#
# Everything becomes one object, in which only what our own sources declare with default visibility stays global.
# What libunwind and liblzma call of libc that a program could replace or an interposer catches is renamed to
# base__own_* (base/own.c) and det__malloc and its kin, so that no code of the program's ever runs below ours. So is what
# compilers call by themselves, in all objects: an interposer would take it for the program's access.
# The exported libc names are weak: a program that defines one of them itself keeps its own.
#
# usage: link_runtime.sh NAME MAKE_PIC WORK_DIR OUT_DIR INNER_OBJECTS OUTER_OBJECTS UNWIND_ARCHIVES
set -eu
here=$(dirname "$0")
name=$1 make_pic=$2 tmp=$3 dir=$4 inner=$5 outer=$6 archives=$7
out=$dir/$name.o
list=$dir/$name.exports.list
[ "$name" != ravel_rt ] || list=$dir/exports.list
rm -rf "$tmp"
mkdir -p "$tmp"

undefined() { "$NM" -u "$@" | awk 'NF == 2 { print $2 }' | sort -u; }
defined() { "$NM" --defined-only "$@" | awk 'NF == 3 && $2 ~ /[TWVDBRC]/ { print $3 }' | sort -u; }

# The members of libunwind that we call, with what they need, as one object, and that fit for any address. Its
# tables of addresses move to where the loader may fill them in.
roots=$(undefined $inner $outer | grep -E '^(_U|unw_)' | sed 's/^/-u /' || true)
parts=
if [ -n "$roots" ]; then
    "$LD" -r -u ins__pic_stubs $roots -o "$tmp/unwind.o" $archives
    "$OBJCOPY" --strip-debug --rename-section .rodata=.data.rel.ro.rodata,alloc,load,data,contents \
        --rename-section .rodata.cst8=.data.rel.ro.cst8,alloc,load,data,contents "$tmp/unwind.o"
    "$OBJDUMP" -drw "$tmp/unwind.o" | "$make_pic" "$tmp/unwind.o" "$tmp/stubs.s" "$tmp/symbols"
    "$AS" "$tmp/stubs.s" -o "$tmp/stubs.o"
    "$OBJCOPY" @"$tmp/symbols" "$tmp/unwind.o"
    parts="$tmp/unwind.o $tmp/stubs.o"
fi
# own OBJECT FILTER: renames the undefined names of OBJECT that pass, wherever we have our own.
defined $outer $inner | grep -E '^(base__own_|det__(malloc|calloc|realloc|free)$)' >"$tmp/own" || true
own() {
    undefined "$1" | grep -E "$2" | sed -f "$here/own.sed" | while read -r libc own; do
        if grep -qx "$own" "$tmp/own"; then echo "$libc $own"; fi
    done >"$1.renames"
    [ ! -s "$1.renames" ] || "$OBJCOPY" --redefine-syms="$1.renames" "$1"
}
"$LD" -r -o "$tmp/inner.o" $inner $parts
own "$tmp/inner.o" .
# One by one: the interposers are among them, and what defines memcpy keeps it.
renamed=
for object in $outer; do
    copy=$tmp/outer.$(basename "$object")
    cp "$object" "$copy"
    own "$copy" '^(memcpy|memmove|memset|memcmp|strlen)$'
    renamed="$renamed $copy"
done
"$LD" -r -o "$tmp/all.o" "$tmp/inner.o" $renamed

# Exported: what our own objects define with default visibility.
"$READELF" -sW $inner $outer |
    awk '($5 == "GLOBAL" || $5 == "WEAK") && $6 == "DEFAULT" && $7 != "UND" { print $8 }' | sort -u >"$tmp/exports"
echo ravel_none >"$tmp/weak" # objcopy refuses an empty list without a word
grep -v -E '^(__tsan_|ravel_|rv_)' "$tmp/exports" >>"$tmp/weak" || true
"$OBJCOPY" --keep-global-symbols="$tmp/exports" --weaken-symbols="$tmp/weak" "$tmp/all.o" "$out"

{
    echo '{'
    sed 's/$/;/' "$tmp/exports"
    echo '};'
} >"$list"
rm -f "$dir/lib$name.a"
"$AR" rcs "$dir/lib$name.a" "$out"
