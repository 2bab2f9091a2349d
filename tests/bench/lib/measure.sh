# Owns timing: one run of a command, medians, ratios, the list of figures.
# Must not know what is timed.
# shellcheck shell=bash disable=SC2154 # names of the other files

# measure NAME COMMAND...: one run; its seconds go to times/NAME, unless this
# round is for warming caches; its output to log/NAME. A run that fails ends all.
measure() {
    local name=$1 log=$OUT/log/$1 start end status=0
    shift
    start=${EPOCHREALTIME/[.,]/}
    "$@" >"$log" 2>&1 </dev/null || status=$?
    end=${EPOCHREALTIME/[.,]/}
    ((status == 0)) || { tail -n 20 "$log" >&2; stop "$name ended with $status: $*"; }
    ((WARMING)) || awk -v us=$((end - start)) 'BEGIN { printf "%.6f\n", us / 1e6 }' >>"$OUT/times/$name"
}

declare -A CONTESTANTS=() BEFORE=()
# contestant NAME COMMAND...: what `rounds` runs by that name
contestant() { CONTESTANTS[$1]=$(printf '%q ' "${@:2}"); }
# before NAME COMMAND...: what is done each time before it, and not timed
before() { BEFORE[$1]=$(printf '%q ' "${@:2}"); }

# rounds N NAME...: one after the other in each round, so that whatever else the
# machine does meets all of them.
rounds() {
    local count=$1 round name
    shift
    for ((round = 1; round <= count; round++)); do
        for name; do
            eval "${BEFORE[$name]:-:}"
            eval "measure $name ${CONTESTANTS[$name]}"
        done
    done
}

# warm NAME...: a round that does not count
warm() {
    WARMING=1
    rounds 1 "$@"
    WARMING=0
}

have() { [[ -s $OUT/times/$1 ]]; }

# median NAME: seconds
median() { sort -n "$OUT/times/$1" | awk '{ t[NR] = $1 } END { print t[int((NR + 1) / 2)] }'; }

# of A B: A / B
of() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.6f\n", a / b }'; }
# ratio NAME OTHER: of their medians
ratio() { of "$(median "$1")" "$(median "$2")"; }

# shown NUMBER [DIGITS]
shown() { awk -v n="$1" -v d="${2:-2}" 'BEGIN { printf "%.*f", d, n }'; }
# a time: two digits that count
seconds() { awk -v n="$1" 'BEGIN { printf n < 1 ? "%.3f s" : n < 10 ? "%.2f s" : "%.1f s", n }'; }
times() { awk -v n="$1" 'BEGIN { printf n < 10 ? "%.2f ×" : "%.0f ×", n }'; }

# target WHAT LIMIT FOUND DIGITS UNIT: a row of the table of targets
target() {
    local what=$1 limit=$2 found=$3 digits=$4 unit=$5
    awk -v w="$what" -v l="$limit" -v f="$found" -v d="$digits" -v u="$unit" 'BEGIN {
        verdict = f <= l ? "met" : sprintf("missed by %.0f %%", (f / l - 1) * 100)
        printf "| %s | ≤ %s%s | %.*f%s | %s |\n", w, l, u, d, f, u, verdict
    }' >>"$OUT/targets"
}
