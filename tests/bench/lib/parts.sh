# Owns what is measured against what: one function a part of the benchmark.
# Must not know how figures are shown.
# shellcheck shell=bash disable=SC2154,SC2034 # names of the other files

ROUNDS=${HACLUSTER_BENCH_ROUNDS:-9}        # of runs that take less than a second
ROUNDS_FIRST=${HACLUSTER_BENCH_ROUNDS:-5}
ROUNDS_RIVALS=${HACLUSTER_BENCH_ROUNDS:-3} # of runs that take up to a minute
ROUNDS_SCALE=${HACLUSTER_BENCH_ROUNDS:-3}
COUNTS=(4 16 64)
STEPS=(44 440)

BINARY=${HACLUSTER_BENCH_BINARY:-$ROOT/target/release/hacluster}
# hac FOLDER COMMAND...: as an operator would, in the lab's network
hac() {
    local folder=$1
    shift
    inside env -u HACLUSTER_FILE "$BINARY" "$1" -f "$folder/cluster.toml" "${@:2}"
}

# Without any host: size, start, the files alone.
part_small() {
    local largest
    largest=$(find "$ROOT/inventories" -name '*.toml' -size +0 -printf '%s %p\n' | sort -n | tail -n 1 | cut -d' ' -f2)
    make_work "$OUT/work-64-440" 440 64
    say "$(stat -c %s "$BINARY")" >"$OUT/binary"
    contestant help "$BINARY" --help
    contestant validate "$BINARY" validate -f "$largest"
    contestant validate-64-440 "$BINARY" validate -f "$OUT/work-64-440/cluster.toml"
    warm help validate validate-64-440
    rounds "$ROUNDS" help validate validate-64-440
}

# Everything converged: plan, drift-check and apply against the floor.
part_noop() {
    local work=$OUT/work-4-44
    ready_four
    contestant plan hac "$work" plan --detailed-exitcode
    contestant floor on_all "$work/probe"
    contestant drift-check hac "$work" drift-check
    contestant apply hac "$work" apply --auto-approve
    contestant true one_ssh "$(address_of bench1)" true
    warm plan floor drift-check apply true
    rounds "$ROUNDS" plan floor drift-check apply true
}

# Four hosts where the work is done.
ready_four() {
    local work=$OUT/work-4-44
    [[ -e $work/cluster.toml ]] || make_work "$work" 44 4
    start_hosts 4
    hac "$work" apply --auto-approve >"$OUT/log/apply" 2>&1 || { tail "$OUT/log/apply" >&2; stop "hacluster's apply failed"; }
    keep_secrets "$work"
}

# The other tools on the same hosts. They find the work done by hacluster, and
# must agree that it is.
part_rivals() {
    local work=$OUT/work-4-44
    install_rivals
    ready_four
    count_steps 44
    mapfile -t HOSTS < <(hosts_named 4)
    make_rivals_work "$work"
    say "apt-get -q update && apt-get -q -y --no-install-recommends install ${RIVALS_HOSTS[*]}" >"$OUT/python.sh"
    on_each "$OUT/python.sh" 4
    contestant pyinfra in_rivals pyinfra -y hosts.py deploy.py
    contestant pyinfra-dry in_rivals pyinfra --dry hosts.py deploy.py
    contestant mitogen with_mitogen ansible-playbook site.yml
    contestant ansible in_rivals ansible-playbook site.yml
    contestant ansible-check in_rivals ansible-playbook --check --diff site.yml
    warm pyinfra mitogen ansible
    agree
    rounds "$ROUNDS_RIVALS" pyinfra pyinfra-dry mitogen ansible ansible-check
    still_done
}

in_rivals() { inside env -C "$OUT/work-4-44/rivals" ANSIBLE_CONFIG=ansible.cfg PATH="$VENV/bin:$PATH" "$@"; }

with_mitogen() {
    local plugins
    plugins=$(echo "$VENV"/lib/python3*/site-packages/ansible_mitogen/plugins/strategy)
    in_rivals env ANSIBLE_STRATEGY=mitogen_linear ANSIBLE_STRATEGY_PLUGINS="$plugins" "$@"
}

# What the other tools said of the hosts that hacluster made.
agree() {
    local tool
    for tool in ansible mitogen; do
        [[ $(grep -c 'changed=0 .*unreachable=0 .*failed=0' "$OUT/log/$tool") == 4 ]] ||
            stop "$tool does not find its work done: see $OUT/log/$tool"
    done
    # hosts, success, error, no change
    grep -qE 'Grand total +176 +- +- +176' "$OUT/log/pyinfra" ||
        stop "pyinfra does not find its work done: see $OUT/log/pyinfra"
}

# hacluster must still find nothing to do.
still_done() {
    hac "$OUT/work-4-44" plan --detailed-exitcode >"$OUT/log/still" ||
        stop "another's work is not the same: see $OUT/log/still"
}

# Nothing there but the packages: against a script with the same writes.
part_first() {
    local work=$OUT/work-4-44
    ready_four
    before first-apply on_each "$BENCH/work/undo.sh" 4
    before first-by-hand on_each "$BENCH/work/undo.sh" 4
    contestant first-apply hac "$work" apply --auto-approve
    contestant first-by-hand on_all "$work/first"
    warm first-apply first-by-hand
    still_done # by hand it comes out the same
    rounds "$ROUNDS_FIRST" first-apply first-by-hand
}

# More hosts, more resources.
part_scale() {
    local steps count all=${COUNTS[-1]}
    allow_many_hosts
    start_hosts "$all"
    for steps in "${STEPS[@]}"; do
        make_work "$OUT/work-$all-$steps" "$steps" "$all"
        measure "first-apply-$all-$steps" hac "$OUT/work-$all-$steps" apply --auto-approve
        keep_secrets "$OUT/work-$all-$steps"
        for count in "${COUNTS[@]}"; do
            [[ -e $OUT/work-$count-$steps/secrets.toml ]] || make_work "$OUT/work-$count-$steps" "$steps" "$count"
            scale_one "$count" "$steps"
        done
    done
}

scale_one() {
    local size=$1-$2 work=$OUT/work-$1-$2
    contestant "plan-$size" inside /usr/bin/time -f %M -o "$OUT/memory-$size" \
        "$BINARY" plan -f "$work/cluster.toml" --detailed-exitcode
    contestant "floor-$size" on_all "$work/probe"
    warm "plan-$size" "floor-$size"
    rounds "$ROUNDS_SCALE" "plan-$size" "floor-$size"
}
