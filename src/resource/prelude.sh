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

# hac_remove PACKAGE ALLOWED...: removes a package, configuration stays; refused
# where others would go along that are not allowed to.
hac_remove() {
    hac_package=$1
    hac_apt_turn || return 1
    hac_goes=$(apt-get -s -q remove "$hac_package" | sed -n 's/^Remv \([^ ]*\).*/\1/p') || return 1
    for hac_one in $hac_goes; do
        case " $* " in
        *" $hac_one "*) ;;
        *)
            echo "$hac_package stays: its removal would also remove $hac_one" >&2
            return 1
            ;;
        esac
    done
    export DEBIAN_FRONTEND=noninteractive
    hac_apt -y -o Dpkg::Use-Pty=0 remove "$hac_package"
}

# hac_offers PACKAGE VERSION: apt can install it, and it is no step back.
hac_offers() {
    hac_offered=$(apt-cache madison "$1" | awk -F ' *[|] *' '!seen[$2]++ { printf "%s%s", sep, $2; sep = ", " }')
    case ", $hac_offered, " in
    *", $2, "*) ;;
    *)
        echo "apt offers no $1 $2 here: it has ${hac_offered:-none at all}; correct [packages.versions], or the host's sources" >&2
        return 1
        ;;
    esac
    hac_now=$(dpkg-query -W -f='${Version}' "$1" 2>/dev/null) || return 0
    if [ -n "$hac_now" ] && dpkg --compare-versions "$2" lt "$hac_now"; then
        echo "$1 $hac_now is installed, and $2 is older: hacluster takes nothing back, as older programs may not read what newer ones wrote." >&2
        echo "Pin $hac_now, or go back by hand on each host: apt-get install --allow-downgrades $1=$2" >&2
        return 1
    fi
}

# hac_hold UNIT...: packages' scripts neither stop nor restart these units; they
# are restarted in their turn. What those scripts call is found first in a folder
# that is in nobody else's PATH: left behind by a run that was killed, it does
# nothing. Not in /run, which may be mounted noexec.
hac_hold() {
    HAC_HELD=$*
    mkdir -p "$HAC_STATE/hold"
    for hac_tool in deb-systemd-invoke invoke-rc.d; do
        cat >"$HAC_STATE/hold/$hac_tool" <<'END'
#!/bin/sh
# Made by hacluster for the scripts of packages that it updates.
PATH=${PATH#*/hold:}
tool=${0##*/}
case " $* " in *' start '*) exec "$tool" "$@" ;; esac
held=
for word; do
    shift
    case " $HAC_HELD " in
    *" ${word%.service}.service "*) held="$held $word" ;;
    *) set -- "$@" "$word" ;;
    esac
done
if [ -n "$held" ]; then
    echo "$tool:$held stays as it is, and is restarted in its turn"
    # What is left is the action, or other units of the same package.
    if [ "$tool" = invoke-rc.d ] || [ $# -lt 2 ]; then exit 0; fi
fi
exec "$tool" "$@"
END
        chmod 0755 "$HAC_STATE/hold/$hac_tool"
    done
    PATH=$HAC_STATE/hold:$PATH
    export HAC_HELD PATH
}

# hac_enable UNIT: starts at boot. Done at the end of the batch, for all in one
# call: after each such call systemd reads all units again, which takes 0.15 s.
hac_enable() {
    printf '%s\n' "$1" >>"$HAC_RUNTIME/enable"
}

# hac_settle: the end of a batch.
hac_settle() {
    # Of units that no step starts, restarts or reloads systemd has to read it, too.
    [ ! -e "$HAC_RUNTIME/reload" ] || hac_reload_units ''
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
