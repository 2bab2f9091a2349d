# shellcheck shell=sh
# A change that may lock everybody out goes back by itself unless it is confirmed.

# Where a host's own units lie; tests put them elsewhere.
HAC_UNITS=${HAC_UNITS:-/etc/systemd/system}

hac_systemd() {
    [ -d /run/systemd/system ]
}

# hac_arm ID SECONDS [UNIT] <revert script: from now on what is changed goes back
# after SECONDS, and the units it is for read it again; or when the host starts
# before that. Once for all of ID.
hac_arm() {
    hac_guard=$HAC_STATE/undo/.guard
    [ -e "$hac_guard/armed" ] || rm -rf "$hac_guard"
    mkdir -p "$HAC_STATE/undo" && chmod 0700 "$HAC_STATE/undo" && mkdir -p "$hac_guard/units" || return 1
    for hac_for in ${hac_owing:-} ${3:-}; do
        : >"$hac_guard/units/$hac_for"
    done
    # A unit's files were changed before it reads them.
    for hac_half in kept none; do
        [ ! -d "$HAC_STATE/undo/${3:-.}/$hac_half" ] ||
            cp -al --no-clobber "$HAC_STATE/undo/$3/$hac_half" "$hac_guard/" || :
    done
    hac_owing="${hac_owing:-} .guard"
    if hac_is armed "$1"; then
        hac_durable
        return
    fi
    install -m 0700 /dev/stdin "$hac_guard/revert.new" && sync "$hac_guard/revert.new" || return 1
    mv -fT "$hac_guard/revert.new" "$hac_guard/revert.sh" && hac_durable && hac_boot_on || return 1
    printf '%s\n' "$1" >"$hac_guard/armed.new" && sync "$hac_guard/armed.new" || return 1
    mv -fT "$hac_guard/armed.new" "$hac_guard/armed" && sync "$hac_guard" || return 1
    if hac_systemd; then
        systemd-run --quiet --collect --unit="hacluster-revert-$1" --on-active="$2" \
            --timer-property=AccuracySec=100ms sh "$hac_guard/revert.sh" "$1"
    else
        # shellcheck disable=SC2016
        setsid sh -c 'sleep "$1"; exec sh "$2" "$3"' sh "$2" "$hac_guard/revert.sh" "$1" \
            </dev/null >/dev/null 2>&1 &
    fi
}

# hac_is STATE ID: what became of it is its file's name. armed ends as confirmed,
# or by way of reverting as reverted.
hac_is() {
    [ "$(cat "$hac_guard/$1" 2>/dev/null)" = "$2" ]
}

# hac_durable: what is noted for it is on the disk, before anything is changed.
hac_durable() {
    find "$HAC_STATE/undo/.guard" ! -type l -exec sync {} + && sync "$HAC_STATE/undo" "$HAC_STATE"
}

# hac_boot_on: the same script runs when the host starts, before anything reads
# what it puts back. systemd need not know before; where it does, a start of any
# other unit would pull this one in, and only a start of the host finds /run empty.
hac_boot_on() {
    hac_systemd || return 0
    hac_boot=$HAC_UNITS/hacluster-revert.service
    install -m 0644 /dev/stdin "$hac_boot.new" <<END || return 1
# Made by hacluster; goes when the change is confirmed or taken back.
[Unit]
Description=Takes back a change that nobody confirmed (hacluster)
DefaultDependencies=no
ConditionPathExists=!$HAC_RUNTIME
RequiresMountsFor=$HAC_STATE
After=local-fs.target
Wants=network-pre.target
Before=systemd-sysctl.service nftables.service hacluster-firewall.service network-pre.target sysinit.target shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
TimeoutStartSec=60
ExecStart=/bin/sh $hac_guard/revert.sh

[Install]
WantedBy=sysinit.target
END
    sync "$hac_boot.new" && mv -fT "$hac_boot.new" "$hac_boot" || return 1
    mkdir -p "$HAC_UNITS/sysinit.target.wants" || return 1
    [ -L "$HAC_UNITS/sysinit.target.wants/${hac_boot##*/}" ] ||
        ln -s "../${hac_boot##*/}" "$HAC_UNITS/sysinit.target.wants/" || return 1
    sync "$HAC_UNITS/sysinit.target.wants" "$HAC_UNITS"
}

hac_boot_off() {
    rm -f "$HAC_UNITS/sysinit.target.wants/hacluster-revert.service" "$HAC_UNITS"/hacluster-revert.service*
}

# hac_revert [ID]: the timer's end. Renaming decides who comes first. Without ID
# the host starts: whatever was not confirmed goes back, also where the power was
# cut while it did, and units read it as they start.
hac_revert() {
    hac_guard=$HAC_STATE/undo/.guard
    if [ -n "${1:-}" ]; then
        hac_is armed "$1" && mv -fT "$hac_guard/armed" "$hac_guard/reverting" || return 0
    elif [ -e "$hac_guard/armed" ]; then
        mv -fT "$hac_guard/armed" "$hac_guard/reverting"
    fi
    if [ -e "$hac_guard/reverting" ]; then
        hac_return .guard || echo "not everything could be put back" >&2
        for hac_for in "$hac_guard"/units/*; do
            [ -e "$hac_for" ] || continue
            [ -z "${1:-}" ] || systemctl reload-or-restart "${hac_for##*/}" || continue
            hac_paid "${hac_for##*/}"
        done
        mv -fT "$hac_guard/reverting" "$hac_guard/reverted" && sync "$hac_guard"
        rm -rf "$hac_guard/kept" "$hac_guard/none" "$hac_guard/units"
    fi
    hac_boot_off
}

# hac_confirm ID: it stays. Says what became of it.
hac_confirm() {
    hac_guard=$HAC_STATE/undo/.guard
    if hac_is armed "$1"; then
        mv -fT "$hac_guard/armed" "$hac_guard/confirmed" || :
    fi
    if hac_is confirmed "$1"; then
        sync "$hac_guard"
        systemctl stop "hacluster-revert-$1.timer" 2>/dev/null || :
        hac_boot_off
        rm -rf "$hac_guard"
        echo confirmed
    elif hac_is reverting "$1" || hac_is reverted "$1"; then
        echo reverted
    else
        echo nothing
    fi
}
