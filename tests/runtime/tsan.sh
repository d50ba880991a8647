#!/bin/sh
# tsan.sh: the runtime's tests under ThreadSanitizer, by hand: all of build-tsan's, or those that are named (`tsan.sh chan sem`).
# A line for each: its exit code (124: it was not done in time), and what was reported or failed. LIMIT: seconds for each program.
cd "$(dirname "$0")/../.." || exit 2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export TSAN_OPTIONS=die_after_fork=0
bad=0
[ $# -gt 0 ] || set -- $(ls build-tsan/tests/runtime | sed -n 's/^runtime_//p')
for test in "$@"; do
    timeout -k 1 "${LIMIT:-60}" "build-tsan/tests/runtime/runtime_$test" >"$log" 2>&1
    code=$?
    echo "$test: $code"
    grep -E '^(SUMMARY|FAILED|FATAL)' "$log" | sort | uniq -c
    [ $code = 0 ] || bad=1
done
exit $bad
