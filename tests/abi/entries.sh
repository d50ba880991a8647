#!/bin/sh
# entries.sh: the hottest entries must stay what they are: no frame, no call, few instructions where they hit.
# Reads them out of the archive that programs link. usage: entries.sh RUNTIME_ARCHIVE
set -eu
runtime=$1
status=0
names=$(mktemp)
found=$(mktemp)
trap 'rm -f "$names" "$found"' EXIT
nm -S --defined-only "$runtime" | awk '$4 ~ /^__tsan_/ { print $4, $1, $2 }' >"$names"
check() { # name, the most instructions up to the first return
    # By address: other entries are the same function under another name.
    grep "^$1 " "$names" >"$found" || true
    read -r _ at size <"$found" || { echo "$1: not there"; status=1; return; }
    objdump -d --no-show-raw-insn --start-address=0x$at --stop-address=$((0x$at + 0x$size)) "$runtime" |
        awk -v name="$1" -v most="$2" '
            # The disassembly of one function: "  address:  mnemonic operands".
            /^ *[0-9a-f]+:\t/ {
                sub(/^ *[0-9a-f]+:\t/, "")
                sub(/^(data16|cs) +/, "")
                if ($1 ~ /^nop|^xchg$/) next
                if (!returned) hit++
                if ($1 ~ /^ret/) returned = 1
                if ($1 ~ /^(push|call|enter|leave)/ || $0 ~ /^(sub|add|and|lea|mov) .*,%[er]sp$/)
                    { print name ": has a frame or a call: " $0; bad = 1 }
            }
            END {
                if (!returned) { print name ": not found, or never returns"; exit 1 }
                if (hit > most) { print name ": " hit " instructions where it hits, at most " most; exit 1 }
                print name ": " hit " instructions"
                exit bad
            }' || status=1
}
check __tsan_read1 34
check __tsan_read2 36
check __tsan_read4 22
check __tsan_read8 22
check __tsan_write1 24
check __tsan_write2 28
check __tsan_write4 18
check __tsan_write8 22
check __tsan_func_entry 15
check __tsan_func_exit 12
# Copies by our own hands: not by the program's memcpy.
for name in __tsan_memcpy __tsan_memmove __tsan_memset; do
    grep "^$name " "$names" >"$found" || true
    read -r _ at size <"$found" || { echo "$name: not there"; status=1; continue; }
    objdump -dr --no-show-raw-insn --start-address=0x$at --stop-address=$((0x$at + 0x$size)) "$runtime" >"$found"
    if grep -E '<mem(cpy|move|set)(\+0x0)?>$|[[:space:]]mem(cpy|move|set)[-+]' "$found"; then
        echo "$name calls the program's"
        status=1
    fi
done
exit $status
