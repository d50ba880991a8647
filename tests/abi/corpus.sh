#!/bin/sh
# corpus.sh: holds the runtime to what a compiler really emits.
#
# Compiles corpus/ at -O0 to -O3, plain accesses also in the modes that tell volatile and compound accesses apart,
# and collects the __tsan_ and __sanitizer_ functions that the objects call. Fails if the runtime lacks one of them,
# or if the corpus does not bring out one that this compiler is known to have (then the corpus tests too little).
#
# usage: corpus.sh COMPILER C++-COMPILER RUNTIME_ARCHIVE WORK_DIR
set -eu
cc=$1 cxx=$2 runtime=$3 work=$4
here=$(cd "$(dirname "$0")" && pwd)
for tool in "$cc" "$cxx"; do
    command -v "$tool" >/dev/null || { echo "skipped: $tool not installed"; exit 77; }
done
rm -rf "$work"
mkdir -p "$work"

case $("$cc" --version) in
*clang*)
    family=clang
    modes="-mllvm -tsan-distinguish-volatile=1 -mllvm -tsan-compound-read-before-write=1"
    version=$("$cc" -dumpversion)
    version=${version%%.*}
    ;;
*)
    family=gcc
    modes="--param tsan-distinguish-volatile=1"
    ;;
esac

# What this family of compilers is known to call, one name a line.
known() {
    echo __tsan_init __tsan_func_entry __tsan_func_exit __tsan_vptr_update __tsan_atomic_thread_fence __tsan_atomic_signal_fence
    for n in 1 2 4 8 16; do
        echo __tsan_read$n __tsan_write$n __tsan_volatile_read$n __tsan_volatile_write$n
    done
    for bits in 8 16 32 64 128; do
        a=__tsan_atomic$bits
        echo ${a}_load ${a}_store ${a}_exchange ${a}_fetch_add ${a}_fetch_sub ${a}_fetch_and ${a}_fetch_or ${a}_fetch_xor ${a}_fetch_nand
        if [ $family = clang ]; then echo ${a}_compare_exchange_val; else echo ${a}_compare_exchange_strong ${a}_compare_exchange_weak; fi
    done
    if [ $family = gcc ]; then
        echo __tsan_read_range __tsan_write_range
    else
        echo __tsan_vptr_read __tsan_read_write1
        [ "$version" -lt 16 ] || echo __tsan_memcpy __tsan_memmove __tsan_memset # before, the libc functions
        for n in 2 4 8 16; do
            u=__tsan_unaligned
            echo __tsan_read_write$n ${u}_read$n ${u}_write$n ${u}_read_write$n ${u}_volatile_read$n ${u}_volatile_write$n
        done
    fi
}

objects=0
compile() {
    objects=$((objects + 1))
    "$@" -w -fsanitize=thread -mcx16 -o "$work/$objects.o" -c
}
for level in 0 1 2 3; do
    compile "$cc" -std=c11 -O$level "$here/corpus/accesses.c"
    compile "$cc" -std=c11 -O$level $modes "$here/corpus/accesses.c"
    compile "$cc" -std=c11 -O$level "$here/corpus/atomics.c"
    compile "$cxx" -std=c++17 -O$level "$here/corpus/objects.cc"
done

nm -u "$work"/*.o | awk '$2 ~ /^__(tsan|sanitizer)_/ { print $2 }' | sort -u >"$work/called"
nm --defined-only "$runtime" | awk 'NF == 3 && $2 ~ /[TtW]/ { print $3 }' | sort -u >"$work/defined"
known | tr ' ' '\n' | sort -u >"$work/known"
missing=$(comm -23 "$work/called" "$work/defined")
silent=$(comm -23 "$work/known" "$work/called")
status=0
[ -z "$missing" ] || { echo "$cc calls what the runtime lacks:" $missing; status=1; }
[ -z "$silent" ] || { echo "the corpus does not bring out:" $silent; status=1; }
[ -s "$work/defined" ] || { echo "no symbols in $runtime"; status=1; }
echo "$cc: $objects objects call $(wc -l <"$work/called") functions of the runtime, all there: $([ $status = 0 ] && echo yes || echo no)"
exit $status
