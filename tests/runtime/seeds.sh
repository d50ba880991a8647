#!/bin/bash
# seeds.sh: runs a program under sched=seed:N for many N, and stops at the first that fails.
#
#     seeds.sh FIRST LAST PROGRAM [ARGUMENT...]
#     SEEDS="1000 5000" seeds.sh ...            other numbers, for hours by hand
#
# A run that has to leave the mode ("not deterministic here") has failed, too: the program is no fit subject, or the mode is broken.
set -u
read -r first last <<<"${SEEDS:-$1 $2}"
shift 2
said=$(mktemp)
trap 'rm -f "$said"' EXIT
for ((seed = first; seed <= last; seed++)); do
    RAVEL_OPTIONS="${RAVEL_OPTIONS:-}:sched=seed:$seed" timeout 100 "$@" >"$said" 2>&1
    code=$?
    ((code == 0)) && ! grep -q "not deterministic here" "$said" && continue
    cat "$said"
    echo "RAVEL_OPTIONS=sched=seed:$seed: code $code"
    exit 1
done
echo "seeds $first to $last"
