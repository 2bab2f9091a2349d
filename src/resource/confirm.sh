# shellcheck shell=sh
# A change that may lock everybody out goes back by itself unless it is confirmed.

# hac_arm ID SECONDS [UNIT] <revert script: from now on what is changed goes back
# after SECONDS, and the units it is for read it again. Once for all of ID.
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
    [ "$(cat "$hac_guard/armed" 2>/dev/null)" != "$1" ] || return 0
    cat >"$hac_guard/revert.sh" && printf '%s\n' "$1" >"$hac_guard/armed.new" || return 1
    mv -fT "$hac_guard/armed.new" "$hac_guard/armed" && sync "$hac_guard" || return 1
    if [ -d /run/systemd/system ]; then
        systemd-run --quiet --collect --unit="hacluster-revert-$1" --on-active="$2" \
            --timer-property=AccuracySec=100ms sh "$hac_guard/revert.sh"
    else
        # shellcheck disable=SC2016
        setsid sh -c 'sleep "$1"; exec sh "$2"' sh "$2" "$hac_guard/revert.sh" </dev/null >/dev/null 2>&1 &
    fi
}

# hac_revert: the timer's end. Renaming decides who comes first.
hac_revert() {
    hac_guard=$HAC_STATE/undo/.guard
    [ "$(cat "$hac_guard/armed" 2>/dev/null)" = "$1" ] || return 0
    mv -T "$hac_guard/armed" "$hac_guard/reverted" || return 0
    hac_return .guard || echo "not everything could be put back" >&2
    for hac_for in "$hac_guard"/units/*; do
        [ -e "$hac_for" ] || continue
        systemctl reload-or-restart "${hac_for##*/}" && hac_paid "${hac_for##*/}"
    done
    rm -rf "$hac_guard/kept" "$hac_guard/none" "$hac_guard/units"
}

# hac_confirm ID: it stays. Says what became of it.
hac_confirm() {
    hac_guard=$HAC_STATE/undo/.guard
    if [ "$(cat "$hac_guard/armed" 2>/dev/null)" = "$1" ] && mv -T "$hac_guard/armed" "$hac_guard/confirmed"; then
        rm -rf "$hac_guard"
        systemctl stop "hacluster-revert-$1.timer" 2>/dev/null || :
        echo confirmed
    elif [ "$(cat "$hac_guard/reverted" 2>/dev/null)" = "$1" ]; then
        echo reverted
    else
        echo nothing
    fi
}
