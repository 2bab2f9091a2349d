# shellcheck shell=sh
# One at a time at apt and dpkg: whoever is at it is waited for, and named.

# Files that apt and dpkg lock; tests have others. None is ever touched here.
HAC_APT_LOCKS=${HAC_APT_LOCKS:-/var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /var/cache/apt/archives/lock}
# How long somebody else is waited for; the lab waits less.
HAC_APT_SECONDS=${HAC_APT_SECONDS:-300}

# hac_apt_holder: who holds one of the locks, as `unattended-upgr (pid 812)`; fails
# where nobody does. A file of its own left behind is no lock: the kernel knows.
hac_apt_holder() {
    while read -r _ hac_kind _ _ hac_pid _; do
        # Of whoever waits for a lock the second word is `->`.
        [ "$hac_kind" = POSIX ] || continue
        for hac_open in "/proc/$hac_pid/fd/"*; do
            for hac_file in $HAC_APT_LOCKS; do
                # The very file: a container's has the same name. Every sh of Debian has -ef.
                # shellcheck disable=SC3013
                [ "$hac_open" -ef "$hac_file" ] || continue
                read -r hac_name <"/proc/$hac_pid/comm" || hac_name=somebody
                printf '%s (pid %s)\n' "$hac_name" "$hac_pid"
                return 0
            done
        done
    done </proc/locks
    return 1
}

# hac_apt_turn: returns once nobody else is at apt or dpkg. Says who is at once and
# every 5 s after `waits`, and after `free` how long it took.
hac_apt_turn() {
    hac_waited=0
    while hac_holder=$(hac_apt_holder); do
        if [ "$hac_waited" -ge "$HAC_APT_SECONDS" ]; then
            echo "apt was not free within $HAC_APT_SECONDS s: held by $hac_holder. It was left alone: wait until it has ended, or end it, then apply again" >&2
            return 1
        fi
        if [ $((hac_waited % 5)) -eq 0 ]; then
            printf '%s waits apt held by %s for %s s\n' "${hac_nonce:-}" "$hac_holder" "$hac_waited"
        fi
        sleep 1
        hac_waited=$((hac_waited + 1))
    done
    [ "$hac_waited" -eq 0 ] || printf '%s free apt %s\n' "${hac_nonce:-}" "$hac_waited"
}

# hac_apt WORD...: apt-get in its turn. Whoever comes first in between is waited for
# by apt itself.
hac_apt() {
    hac_apt_turn || return 1
    apt-get -o DPkg::Lock::Timeout="$HAC_APT_SECONDS" -q "$@"
}
