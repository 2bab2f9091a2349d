# shellcheck shell=sh
# Functions that steps are made of. POSIX sh; every value arrives quoted.

# Where a host keeps what hacluster remembers there; tests put it elsewhere.
HAC_STATE=${HAC_STATE:-/var/lib/hacluster}
# What is gone after a boot.
HAC_RUNTIME=${HAC_RUNTIME:-/run/hacluster}

# hac_owe UNIT ACTION: the unit owes a reload or restart until it had one.
hac_owe() {
    mkdir -p "$HAC_STATE/debt"
    if [ "$2" = restart ] || [ ! -s "$HAC_STATE/debt/$1" ]; then
        printf '%s\n' "$2" >"$HAC_STATE/debt/.$1"
        sync "$HAC_STATE/debt/.$1"
        mv -fT "$HAC_STATE/debt/.$1" "$HAC_STATE/debt/$1"
        sync "$HAC_STATE/debt"
    fi
}

# hac_paid UNIT: it had its restart.
hac_paid() {
    rm -f "$HAC_STATE/debt/$1"
}

# hac_trim: room for one more run among the ten whose previous contents are kept.
# Names of runs begin with their time.
hac_trim() {
    for hac_old in "$HAC_STATE"/previous/*/; do
        [ -d "$hac_old" ] && printf '%s\n' "$hac_old"
    done | sort | head -n -9 | while read -r hac_old; do
        rm -rf -- "$hac_old"
    done
}

# hac_keep PATH: keeps the previous content, once per run.
hac_keep() {
    [ -f "$1" ] || return 0
    kept="$HAC_STATE/previous/${HAC_RUN:-manual}$1"
    [ -e "$kept" ] && return 0
    [ -d "$HAC_STATE/previous/${HAC_RUN:-manual}" ] || hac_trim
    mkdir -p "$HAC_STATE/previous" && chmod 0700 "$HAC_STATE/previous" && mkdir -p "${kept%/*}" || return 1
    cp -a "$1" "$kept.part" && mv -fT "$kept.part" "$kept"
}

# hac_remove SECONDS PACKAGE ALLOWED...: removes a package, configuration stays;
# refused where others would go along that are not allowed to.
hac_remove() {
    hac_wait=$1 hac_name=$2
    shift
    hac_goes=$(apt-get -s -q remove "$hac_name" | sed -n 's/^Remv \([^ ]*\).*/\1/p') || return 1
    for hac_one in $hac_goes; do
        case " $* " in
        *" $hac_one "*) ;;
        *)
            echo "$hac_name stays: its removal would also remove $hac_one" >&2
            return 1
            ;;
        esac
    done
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout="$hac_wait" -q -y -o Dpkg::Use-Pty=0 remove "$hac_name"
}

# hac_put PATH MODE OWNER GROUP [VALIDATE] <content: temp beside the target,
# owner and mode before the name, validated, synced, renamed, directory synced.
hac_put() {
    hac_dir=${1%/*}
    hac_tmp=$hac_dir/.hacluster.$$
    if ! hac_fill "$@"; then
        rm -f "$hac_tmp"
        return 1
    fi
    sync "${hac_dir:-/}"
}

hac_fill() {
    # Makes a new file that only we can read until owner and mode are set, and
    # is one process instead of four.
    install -m "$2" -o "$3" -g "$4" /dev/stdin "$hac_tmp" || return 1
    sync "$hac_tmp" || return 1
    if [ -n "${5:-}" ]; then
        # The path goes in as an argument: it may hold spaces.
        # shellcheck disable=SC2016
        hac_check=$(printf '%s' "$5" | sed 's|%s|"$1"|g')
        sh -c "$hac_check" sh "$hac_tmp" >&2 || {
            echo "the service's own checker refused the new content: $5" >&2
            return 1
        }
    fi
    if [ -d "$1" ] && [ ! -L "$1" ]; then
        echo "$1 is a directory: it stays, move it away first" >&2
        return 1
    fi
    hac_keep "$1" || return 1
    case $1 in
    /etc/systemd/system/*) mkdir -p "$HAC_RUNTIME" && : >"$HAC_RUNTIME/reload" || return 1 ;;
    esac
    mv -fT "$hac_tmp" "$1"
}

# hac_enable UNIT: starts at boot. Done at the end of the batch, for all in one
# call: after each such call systemd reads all units again, which takes 0.15 s.
hac_enable() {
    printf '%s\n' "$1" >>"$HAC_RUNTIME/enable"
}

# hac_settle: the end of a batch.
hac_settle() {
    [ -s "$HAC_RUNTIME/enable" ] || return 0
    # One that cannot be enabled keeps the others from it in a call for all; the
    # second reading names it.
    xargs -d '\n' systemctl --quiet enable <"$HAC_RUNTIME/enable" ||
        xargs -d '\n' -n 1 systemctl --quiet enable <"$HAC_RUNTIME/enable"
    rm -f "$HAC_RUNTIME/enable"
}

# hac_reload_units UNIT: systemd reads changed unit files where it must. Before 254
# it does not see the first drop-in of a unit, so what was put is remembered.
hac_reload_units() {
    if [ -e "$HAC_RUNTIME/reload" ]; then
        systemctl daemon-reload && rm -f "$HAC_RUNTIME/reload"
        return
    fi
    case $(systemctl show -p NeedDaemonReload,LoadState "$1") in
    *NeedDaemonReload=yes* | *LoadState=not-found*) systemctl daemon-reload ;;
    esac
}
