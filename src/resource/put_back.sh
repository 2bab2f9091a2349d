# shellcheck shell=sh
# What goes back when a change does no good: files, and the process they are for.

# hac_note PATH KEPT: PATH can go back for the sake of whom it is changed for.
# KEPT holds its content, and is empty where it was not there. What was noted
# first stays: with that all was well.
hac_note() {
    for hac_for in ${hac_owing:-}; do
        hac_notes=$HAC_STATE/undo/$hac_for
        if [ -e "$hac_notes/kept$1" ] || [ -L "$hac_notes/kept$1" ] || [ -e "$hac_notes/none$1" ]; then
            continue
        fi
        hac_at=$hac_notes/none$1
        [ -z "$2" ] || hac_at=$hac_notes/kept$1
        mkdir -p "$HAC_STATE/undo" && chmod 0700 "$HAC_STATE/undo" && mkdir -p "${hac_at%/*}" || return 1
        if [ -n "$2" ]; then ln -P "$2" "$hac_at" || return 1; else : >"$hac_at" || return 1; fi
    done
    case " ${hac_owing:-} " in *" .guard "*) hac_durable ;; esac
}

# hac_noted NAME HALF: paths noted for it; HALF is kept or none.
hac_noted() {
    [ ! -d "$HAC_STATE/undo/$1/$2" ] || find "$HAC_STATE/undo/$1/$2" ! -type d -printf '/%P\n'
}

# hac_return NAME: what was noted for it is as it was.
# shellcheck disable=SC2154 # hac_enter sets them
hac_return() {
    hac_noted "$1" kept | while IFS= read -r hac_path; do
        (
            hac_enter "$hac_path" && cp -a "$HAC_STATE/undo/$1/kept$hac_path" "./$hac_tmp" &&
                sync "./$hac_tmp" && mv -fT "./$hac_tmp" "./$hac_to" && sync .
        ) || exit 1
        echo "the old content of $hac_path was put back"
    done || return 1
    hac_noted "$1" none | while IFS= read -r hac_path; do
        (hac_enter "$hac_path" && rm -f "./$hac_to" && sync .) || exit 1
        echo "$hac_path was new and is removed again"
    done || return 1
    case $(hac_noted "$1" kept && hac_noted "$1" none) in
    */etc/systemd/system/*) systemctl daemon-reload ;;
    esac
}

# hac_act VERB UNIT [SECONDS CHECK]: starts, restarts or reloads it. One that ran
# when its files were changed must be well afterwards, by its check within
# SECONDS; else it has its old files back and runs with them.
hac_act() {
    hac_since=$(date +%s) hac_ran=
    case $(systemctl show -p ActiveState --value "$2") in
    active | reloading | refreshing) [ ! -d "$HAC_STATE/undo/$2" ] || hac_ran=yes ;;
    esac
    if systemctl "$1" "$2" && { [ -z "$hac_ran" ] || hac_well "$2" "${3:-}" "${4:-}"; }; then
        hac_paid "$2"
        return
    fi
    # Its last words may still be on their way.
    journalctl --sync || :
    journalctl -q --no-pager -o cat -u "$2" --since "@$hac_since" -n 12 || :
    echo "$2 is not well after its $1"
    [ -n "$hac_ran" ] || return 1
    hac_return "$2" || return 1
    systemctl reset-failed "$2" || :
    if hac_again "$@"; then
        hac_paid "$2"
        echo "$2 runs again with the old content"
    else
        rm -rf "$HAC_STATE/undo/$2"
        echo "$2 is not well with the old content either: systemctl status $2 tells more"
    fi
    return 1
}

# hac_again VERB UNIT [SECONDS CHECK]: with the old files a reload may be enough.
hac_again() {
    if [ "$1" = reload ] && systemctl reload "$2" && hac_well "$2" "${3:-}" "${4:-}"; then
        return
    fi
    systemctl restart "$2" && hac_well "$2" "${3:-}" "${4:-}"
}

# hac_well UNIT SECONDS CHECK: for 3 s the same process runs and the check passes.
hac_well() {
    hac_end=$(($(hac_uptime) + ${2:-10})) hac_times=0
    hac_pid=$(systemctl show -p MainPID --value "$1")
    while [ "$hac_times" -lt 6 ]; do
        sleep 0.5
        systemctl is-active -q "$1" && [ "$(systemctl show -p MainPID --value "$1")" = "$hac_pid" ] || return 1
        hac_times=$((hac_times + 1))
        [ -n "$3" ] || continue
        timeout -k 1 5 sh -c "$3" </dev/null >/dev/null 2>&1 || hac_times=0
        if [ "$hac_times" = 0 ] && [ "$(hac_uptime)" -ge "$hac_end" ]; then
            echo "the check of $1 does not pass within $2 s: $3"
            return 1
        fi
    done
}

# Seconds since the host was booted: nobody sets that clock.
hac_uptime() {
    read -r hac_now _ </proc/uptime
    echo "${hac_now%.*}"
}

# hac_withdraw UNIT: what it was to read at its next restart is put back; it
# goes on with what it read before.
hac_withdraw() {
    [ -d "$HAC_STATE/undo/$1" ] && systemctl is-active -q "$1" || return 0
    hac_return "$1" && hac_paid "$1"
}
