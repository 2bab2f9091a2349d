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
    hac_owing="${hac_owing:-} $1"
}

# hac_paid UNIT: it had its restart.
hac_paid() {
    rm -rf "$HAC_STATE/debt/$1" "$HAC_STATE/undo/$1"
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
