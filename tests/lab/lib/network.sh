# Owns the lab's network namespace, its bridge, and the hosts' cables.
# Must not know what runs on a host. Nothing here touches the machine's own
# network: every ip command runs inside the namespace, which has no way out.
# shellcheck shell=bash

inside() { nsenter --net="/run/netns/$NS" -- "$@"; }

network_exists() { [[ -e /run/netns/$NS ]] && inside ip link show br0 &>/dev/null; }

ensure_network() {
    network_exists && return
    remove_network
    ip netns add "$NS"
    # A pinned address: a bridge otherwise takes the lowest of its ports' and
    # changes it when a host starts, which leaves stale ARP entries.
    inside ip -batch - <<EOF
link set lo up
link add br0 address 02:00:c0:a8:0f:01 type bridge stp_state 0 forward_delay 0
address add $GATEWAY/24 dev br0
link set br0 up
EOF
}

remove_network() {
    [[ -e /run/netns/$NS ]] || return 0
    ip netns delete "$NS" || rm -f "/run/netns/$NS"
}

# nspawn's name of the host's cable, on our side
cable() { say "vb-$1"; }
cable_exists() { inside ip link show "$(cable "$1")" &>/dev/null; }
cable_gone() { ! network_exists || ! cable_exists "$1"; }

set_link() {
    local host=$1 state=$2
    [[ $state == up || $state == down ]] || die "link: '$state' is neither up nor down"
    cable_exists "$host" || die "$host has no link: it is off"
    inside ip link set "$(cable "$host")" "$state"
}

# All cables of the given hosts in one go; those already gone are passed over.
pull_cables() {
    local host
    for host; do say "link set $(cable "$host") down"; done |
        inside ip -force -batch - 2>/dev/null || true
}
