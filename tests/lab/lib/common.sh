# Owns the lab's names: folders, hosts and their addresses, the namespace; and
# the small words every other file uses (say, die, now, waiting, locking).
# Must not know how an image is built, a host started or a link cut.
# shellcheck shell=bash disable=SC2034 # the names are for the other files

CACHE=${HACLUSTER_LAB_CACHE:-$HOME/.cache/hacluster-lab}
IMAGES=${HACLUSTER_LAB_IMAGES:-$CACHE}
RUN=$CACHE/run           # state of the running lab, gone after `lab down`
STORE=$RUN/store         # what the hosts write: upper layers and snapshots
KEY=$CACHE/id_ed25519
KNOWN_HOSTS=$CACHE/known_hosts
NS=${HACLUSTER_LAB_NAMESPACE:-hac-lab}  # network namespace, and parent of the hosts' cgroups
GATEWAY=192.168.15.1
HOSTS=()                 # what `chosen` chose
DEFAULT_HOSTS=(node1 node2 node3 nas)

declare -A ADDRESS=(
    [node1]=192.168.15.101 [node2]=192.168.15.102 [node3]=192.168.15.103
    [nas]=192.168.15.50
    # spares, for growing a cluster and for a witness
    [node4]=192.168.15.104 [node5]=192.168.15.105 [witness]=192.168.15.51
)
# Many small ones for tests/bench: .121 to .184, clear of the others and of the VIPs.
BENCH_HOSTS=64
for ((n = 1; n <= BENCH_HOSTS; n++)); do ADDRESS[bench$n]=192.168.15.$((120 + n)); done

say() { printf '%s\n' "$*"; }
note() { printf 'lab: %s\n' "$*" >&2; }
die() { note "$*"; exit 1; }

need_root() { [[ $EUID == 0 ]] || die "needs root: namespaces, overlay mounts and containers"; }

# Milliseconds since the epoch.
now() { local t=${EPOCHREALTIME/[.,]/}; say "${t%???}"; }

# since START_MS: elapsed seconds, "1.9 s".
since() {
    local ms=$(($(now) - $1))
    printf '%d.%d s' $((ms / 1000)) $((ms % 1000 / 100))
}

# wait_for SECONDS COMMAND...: until it succeeds, looking every 20 ms.
wait_for() {
    local end=$(($(now) + $1 * 1000))
    shift
    until "$@"; do
        (($(now) < end)) || return 1
        sleep 0.02
    done
}

# One lab command that changes something at a time. Containers are started with
# this descriptor closed, so the lock never outlives the command.
lock() {
    mkdir -p "$CACHE"
    exec {LOCK_FD}>"$CACHE/lock"
    flock -w "${HACLUSTER_LAB_WAIT:-120}" "$LOCK_FD" || die "another lab command holds $CACHE/lock"
}

known() { [[ -n ${ADDRESS[$1]:-} ]] || die "no host '$1'; hosts: $(names "${!ADDRESS[@]}" | sed 's/bench[0-9]* //g')and bench1 to bench$BENCH_HOSTS"; }
names() { printf '%s\n' "$@" | sort | tr '\n' ' '; }

# Hosts that have an overlay.
made_hosts() {
    local dir
    for dir in "$RUN"/hosts/*/; do
        [[ -e $dir/made ]] && basename "$dir"
    done
    return 0
}

# chosen [HOST...]: fills HOSTS with the given hosts, or every one that was made.
chosen() {
    local host
    if (($#)); then HOSTS=("$@"); else mapfile -t HOSTS < <(made_hosts); fi
    ((${#HOSTS[@]})) || die "no hosts: run 'lab up' first"
    for host in "${HOSTS[@]}"; do
        known "$host"
        [[ -e $RUN/hosts/$host/made ]] || die "$host was never made: run 'lab up $host'"
    done
}
