# Owns a host's power: start, state, power cut, clean shutdown, freezing. Each
# host is a systemd-nspawn in a version 2 cgroup of its own, NS/HOST.
# Must not know what is on its disk or what its address means.
# shellcheck shell=bash

# Where version 2 control groups are: the machine's own mount (unified or
# hybrid), or one of ours on a machine with version 1 only.
cgroup_root() {
    local found
    found=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
    if [[ -z $found ]]; then
        found=$RUN/cgroup2
        mkdir -p "$found"
        mount -t cgroup2 hac-lab "$found"
    fi
    say "$found"
}

cgroup_of() { say "$(cgroup_root)/$NS/$1"; }

remove_cgroup() {
    [[ ! -d $1 ]] || find "$1" -depth -type d -exec rmdir {} + 2>/dev/null
}

# Ours in every hierarchy: nspawn also makes them in version 1's name=systemd.
remove_cgroups() {
    local root
    while read -r root; do
        remove_cgroup "$root/$NS"
    done < <(awk '$3 ~ /^cgroup/ { print $2 }' /proc/self/mounts)
}

# "PID START_TICKS": a number alone may belong to somebody else by now. Nothing
# for a zombie: some machines' init is slow to reap.
process_mark() {
    awk -v pid="$1" '{ sub(/.*\) /, "") } !/^Z/ { print pid, $20 }' "/proc/$1/stat" 2>/dev/null
}

# The loop that keeps the host's nspawn running, if it lives.
supervisor() {
    local mark file=$RUN/hosts/$1/supervisor
    [[ -e $file ]] || return 1
    mark=$(<"$file")
    [[ $mark && $(process_mark "${mark%% *}") == "$mark" ]] && say "${mark%% *}"
}

# The host's PID 1, as the machine numbers it. It changes when the host reboots.
leader() {
    local parent pid
    parent=$(supervisor "$1") && parent=$(pgrep -P "$parent") || return 1
    for pid in $(pgrep -P "$parent"); do
        grep -qsP '^NSpid:.*\t1$' "/proc/$pid/status" && say "$pid" && return
    done
    return 1
}

# HOST COMMAND...: in everything of the host but its control group, so that it goes
# on where the host is paused.
enter_host() {
    local pid
    pid=$(leader "$1") || die "$1 is off"
    shift
    exec nsenter --target "$pid" --mount --uts --ipc --net --pid -- "$@"
}

state_of() {
    local frozen
    frozen=$(cgroup_of "$1")/cgroup.freeze
    if [[ ! -e $RUN/hosts/$1/made ]]; then say absent
    elif ! supervisor "$1" >/dev/null; then say off
    elif [[ $(cat "$frozen" 2>/dev/null) == 1 ]]; then say paused
    else say running; fi
}

# Nothing of the caller may stay open in a container: a pipe would never end.
close_inherited() {
    local fd
    for fd in /proc/self/fd/*; do
        fd=${fd##*/}
        ((fd <= 2 || fd == 255)) || eval "exec $fd>&-"
    done
}

exec_host() {
    local cgroup
    cgroup=$(cgroup_of "$1")
    cd /
    close_inherited
    exec env -i PATH="$PATH" LC_ALL=C.UTF-8 SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 \
        setsid nsenter --net="/run/netns/$NS" "$LAB/lib/keep-running" "$cgroup" \
        systemd-nspawn --quiet --directory="$(root_of "$1")" --boot --machine="$1" \
        --register=no --keep-unit --settings=no --network-bridge=br0 \
        --resolv-conf=off --timezone=off --link-journal=no --console=read-only \
        --capability=all --drop-capability=CAP_SYS_TIME
}

start_host() {
    local host=$1
    [[ $(state_of "$host") == off ]] || return 0
    clear_host "$host"
    mount_root "$host"
    mkdir -p "$(cgroup_of "$host")"
    exec_host "$host" </dev/null >"$RUN/hosts/$host/console.log" 2>&1 &
    process_mark $! >"$RUN/hosts/$host/supervisor"
}

# What a crashed lab may have left of a host: every process in its cgroup.
clear_host() {
    local host=$1 cgroup
    cgroup=$(cgroup_of "$host")
    [[ ! -d $cgroup ]] || kill_cgroup "$cgroup"
    wait_for 10 cable_gone "$host" || inside ip link delete "$(cable "$host")"
    rm -f "$RUN/hosts/$host/supervisor"
}

kill_cgroup() {
    local cgroup=$1
    [[ ! -e $cgroup/cgroup.freeze ]] || say 0 >"$cgroup/cgroup.freeze"
    if [[ -e $cgroup/cgroup.kill ]]; then
        say 1 >"$cgroup/cgroup.kill"
    else
        find "$cgroup" -name cgroup.procs -print0 | xargs -0 cat | xargs -r kill -KILL 2>/dev/null || true
    fi
    wait_for 20 cgroup_empty "$cgroup" || die "processes in $cgroup do not end"
    remove_cgroup "$cgroup"
}

kill_every_host() {
    local cgroup
    for cgroup in "$(cgroup_root)/$NS"/*/; do
        [[ ! -d $cgroup ]] || kill_cgroup "${cgroup%/}"
    done
}

cgroup_empty() { grep -qs '^populated 0' "$1/cgroup.events"; }
is_off() { ! supervisor "$1" >/dev/null && cable_gone "$1"; }

# Power cut of all given hosts at one instant. The cables go first: a killed
# process's sockets are closed by its kernel, and the peers of a host that lost
# power are not told.
cut_power() {
    local host pid pids=()
    for host; do
        pid=$(leader "$host") && pids+=("$pid")
    done
    pull_cables "$@"
    ((${#pids[@]} == 0)) || kill -KILL "${pids[@]}" 2>/dev/null || true
    freeze_hosts 0 "$@"
    settle_off "$@"
}

# A clean shutdown: what `systemctl poweroff` does (SIGRTMIN+4 to PID 1).
shut_down() {
    local host pid
    for host; do
        if pid=$(leader "$host"); then kill -RTMIN+4 "$pid"; fi
    done
    for host; do
        wait_for "${HACLUSTER_LAB_WAIT:-120}" is_off "$host" || die "$host does not shut down"
    done
    settle_off "$@"
}

settle_off() {
    local host
    for host; do
        wait_for 20 is_off "$host" || note "$host: nspawn stays, killing its control group"
        clear_host "$host"
        unmount_root "$host"
    done
}

# freeze_hosts 1|0 HOST...: 1 stops every process of the host, 0 goes on.
freeze_hosts() {
    local frozen=$1 host cgroup
    shift
    for host; do
        cgroup=$(cgroup_of "$host")
        [[ ! -e $cgroup/cgroup.freeze ]] || say "$frozen" >"$cgroup/cgroup.freeze"
    done
    for host; do
        cgroup=$(cgroup_of "$host")
        [[ -e $cgroup/cgroup.events ]] || continue
        wait_for 10 grep -q "^frozen $frozen" "$cgroup/cgroup.events" || die "$host does not freeze"
    done
}
