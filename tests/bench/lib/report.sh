# Owns how the figures are shown: tables in markdown, each target met or missed.
# Must not know how they came about.
# shellcheck shell=bash disable=SC2016,SC2153,SC2154 # markdown; names of the other files

report() {
    : >"$OUT/targets"
    printf 'Measured on %s, %s cores, %s.\n' "$(date +%F)" "$(nproc)" "$("$BINARY" --version)"
    ! have plan || report_noop
    ! have first-apply || report_first
    ! have stack || report_stack
    ! have plan-64-44 || report_scale
    ! have help || report_small
    printf '\n| target | limit | found | |\n|---|---|---|---|\n'
    cat "$OUT/targets"
}

# a cell of a time and of a ratio to another; empty where nothing was measured
cell() { if have "$1"; then seconds "$(median "$1")"; else printf ''; fi; }
cell_ratio() { if have "$1"; then times "$(ratio "$1" "$2")"; else printf ''; fi; }

# row TEXT APPLY CHECK
row() {
    printf '| %s | %s | %s | %s | %s | %s |\n' "$1" "$(cell "$2")" "$(cell_ratio "$2" apply)" \
        "$(cell "$3")" "$(cell_ratio "$3" plan)" "$(cell_ratio "$3" floor)"
}

report_noop() {
    printf '\nFour hosts, 44 steps (51 resources) each, nothing to do; medians of %d runs, of the other tools %d.\n\n' "$ROUNDS" "$ROUNDS_RIVALS"
    printf '| tool | no-op apply | × hacluster | check, dry run or plan | × hacluster | × the floor |\n|---|---|---|---|---|---|\n'
    row 'hacluster `apply`, `plan`' apply plan
    row 'hacluster `drift-check`' none drift-check
    if have ansible; then
        row "ansible-core $(version_of ansible-core), pipelining, ControlPersist, forks 20" ansible ansible-check
        row "the same with mitogen $(version_of mitogen)" mitogen none
        row "pyinfra $(version_of pyinfra)" pyinfra pyinfra-dry
        target 'no-op plan, in pyinfra dry runs (1/25)' 0.04 "$(ratio plan pyinfra-dry)" 4 ' ×'
        target 'no-op plan, in Ansible checks (1/180)' 0.00556 "$(ratio plan ansible-check)" 5 ' ×'
    fi
    row 'the floor: `ssh HOST sh -s` with a probe by hand, all at once, cold' none floor
    row 'one `ssh HOST true`, cold' none true
    target 'no-op plan against the floor' 1 "$(ratio plan floor)" 2 ' ×'
    target 'drift-check against the floor' 1 "$(ratio drift-check floor)" 2 ' ×'
}

# pair TEXT OURS THEIRS LIMIT
pair() {
    printf '| %s | %s | %s | %s |\n' "$1" "$(cell "$2")" "$(cell "$3")" "$(cell_ratio "$2" "$3")"
    target "$1, against the same by hand" "$4" "$(ratio "$2" "$3")" 2 ' ×'
}

report_first() {
    printf '\n| first apply | hacluster | by hand, in parallel | |\n|---|---|---|---|\n'
    pair 'the same work, packages there' first-apply first-by-hand 1.5
}

report_stack() {
    have first-apply || printf '\n| first apply | hacluster | by hand, in parallel | |\n|---|---|---|---|\n'
    pair 'the whole database stack' stack stack-by-hand 1.15
}

# slope NAME STEPS FROM TO: seconds a host more
slope() { awk -v a="$(median "$1-$3-$2")" -v b="$(median "$1-$4-$2")" -v n=$(($4 - $3)) 'BEGIN { printf "%.6f", (b - a) / n }'; }

report_scale() {
    local steps count
    printf '\n| hosts × steps | no-op plan | the floor | | plan, a host | peak memory |\n|---|---|---|---|---|---|\n'
    for steps in "${STEPS[@]}"; do
        for count in "${COUNTS[@]}"; do
            have "plan-$count-$steps" || continue
            printf '| %s × %s | %s | %s | %s | %s ms | %s MB |\n' "$count" "$steps" \
                "$(cell "plan-$count-$steps")" "$(cell "floor-$count-$steps")" \
                "$(cell_ratio "plan-$count-$steps" "floor-$count-$steps")" \
                "$(shown "$(awk -v t="$(median "plan-$count-$steps")" -v n="$count" 'BEGIN { print t * 1000 / n }')" 1)" \
                "$(shown "$(megabytes "$count-$steps")" 1)"
        done
    done
    for steps in "${STEPS[@]}"; do
        have "plan-64-$steps" || continue
        target "each host more, $steps steps: plan against the floor" 1 \
            "$(of "$(slope plan "$steps" 4 64)" "$(slope floor "$steps" 4 64)")" 2 ' ×'
        target "growth from 16 to 64 hosts against 4 to 16, $steps steps" 1.2 \
            "$(of "$(slope plan "$steps" 16 64)" "$(slope plan "$steps" 4 16)")" 2 ' ×'
        target "memory at 64 hosts, $steps steps" 40 "$(megabytes "64-$steps")" 1 ' MB'
    done
}

# GNU time counts in KiB
megabytes() { awk '{ print $1 * 1024 / 1e6 }' "$OUT/memory-$1"; }

report_small() {
    target 'binary, stripped' 12 "$(awk '{ print $1 / 1e6 }' "$OUT/binary")" 1 ' MB'
    target '`--help`' 10 "$(awk -v t="$(median help)" 'BEGIN { print t * 1000 }')" 1 ' ms'
    target '`validate` of the largest inventory here' 30 "$(awk -v t="$(median validate)" 'BEGIN { print t * 1000 }')" 1 ' ms'
    printf '\n`validate` of 64 hosts × 440 steps: %s.\n' "$(cell validate-64-440)"
}
