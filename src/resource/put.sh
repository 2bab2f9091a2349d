# shellcheck shell=sh
# How a file gets to its place, and what was there before is kept.

# hac_trim: room for one more run among the ten whose previous contents are kept.
# Names of runs begin with their time.
hac_trim() {
    for hac_old in "$HAC_STATE"/previous/*/; do
        [ -d "$hac_old" ] && printf '%s\n' "$hac_old"
    done | sort | head -n -9 | while read -r hac_old; do
        rm -rf -- "$hac_old"
    done
}

# hac_keep PATH: keeps the previous content, once per run, and notes for whom it
# may have to go back.
hac_keep() {
    hac_kept=
    if [ -f "$1" ] || [ -L "$1" ]; then
        hac_kept=$HAC_STATE/previous/${HAC_RUN:-manual}$1
        hac_copy "$1" "$hac_kept" || return 1
    fi
    hac_note "$1" "$hac_kept"
}

hac_copy() {
    [ -e "$2" ] && return 0
    [ -d "$HAC_STATE/previous/${HAC_RUN:-manual}" ] || hac_trim
    mkdir -p "$HAC_STATE/previous" && chmod 0700 "$HAC_STATE/previous" && mkdir -p "${2%/*}" || return 1
    cp -a "$1" "$2.part" && mv -fT "$2.part" "$2" && return 0
    rm -f "$2.part"
    return 1
}

# hac_put PATH MODE OWNER GROUP [VALIDATE] <content: temp beside the target,
# owner and mode before the name, validated, synced, renamed, directory synced.
# What a killed run left there has the same name and is overwritten.
hac_put() (
    hac_enter "$1" || exit 1
    hac_fill "$@" && sync . && exit
    [ $? = 1 ] || hac_why "$1" >&2
    rm -f "./$hac_tmp"
    exit 1
)

# hac_drop PATH: the file goes, its content is kept.
hac_drop() (
    hac_enter "$1" && hac_keep "$1" && rm -f "./$hac_to" && sync .
)

# hac_enter PATH: into its directory, for good: whoever may write on the way
# there cannot lead what follows elsewhere.
hac_enter() {
    hac_dir=${1%/*}/ hac_to=${1##*/}
    hac_tmp=.$hac_to.hacluster
    cd -P -- "$hac_dir" || return 1
    [ "${PWD%/}/" = "$hac_dir" ] || hac_linked "$hac_dir"
}

# hac_linked DIR, where we are: a link on the way counts only where nobody else
# could have put it.
hac_linked() {
    hac_way='' hac_rest=${1#/} hac_link='' hac_others=''
    while [ -n "$hac_rest" ]; do
        hac_part=${hac_rest%%/*} hac_rest=${hac_rest#*/}
        [ -n "$hac_part" ] || continue
        hac_way=$hac_way/$hac_part
        # In a folder as /tmp nobody can put another thing in the place of ours.
        [ -n "$(find "$hac_way" -maxdepth 0 -user "$(id -u)" \( -type l -o ! -perm /022 -o -perm -1000 \))" ] ||
            hac_others=${hac_others:-$hac_way}
        [ -L "$hac_way" ] || continue
        hac_link=$hac_way
        if [ -n "$hac_others" ]; then
            echo "$hac_way is a link, and others may change $hac_others: nothing is written through it; name the path it leads to" >&2
            return 1
        fi
    done
    [ -n "$hac_link" ] || [ "$PWD" = "${hac_way:-/}" ] || {
        echo "$1 is $PWD by now: somebody changes it meanwhile" >&2
        return 1
    }
}

# 1 where the content was refused, 2 where it could not be written.
hac_fill() {
    # Makes a new file that only we can read until owner and mode are set, and
    # is one process instead of four.
    install -m "$2" -o "$3" -g "$4" /dev/stdin "./$hac_tmp" || return 2
    sync "./$hac_tmp" || return 2
    if [ -n "${5:-}" ]; then
        # The path goes in as an argument: it may hold spaces.
        # shellcheck disable=SC2016
        hac_check=$(printf '%s' "$5" | sed 's|%s|"$1"|g')
        (cd / && exec sh -c "$hac_check" sh "$hac_dir$hac_tmp") >&2 || {
            echo "the service's own checker refused the new content: $5" >&2
            return 1
        }
    fi
    if [ -d "./$hac_to" ] && [ ! -L "./$hac_to" ]; then
        echo "$1 is a directory: it stays, move it away first" >&2
        return 1
    fi
    hac_keep "$1" || return 2
    case $1 in
    /etc/systemd/system/*) mkdir -p "$HAC_RUNTIME" && : >"$HAC_RUNTIME/reload" || return 2 ;;
    esac
    mv -fT "./$hac_tmp" "./$hac_to" || return 2
}

# hac_why PATH, in its directory: what the file system says, in words.
hac_why() {
    hac_said="$1 was not written and is as it was"
    for hac_in in . "$HAC_STATE"; do
        hac_mount=$(df -P "$hac_in" 2>/dev/null | sed -n '2s/.*% //p')
        hac_room=$(df -P -k "$hac_in" 2>/dev/null | sed -n '2s/.* \([0-9][0-9]*\)  *[0-9-]*% .*/\1/p')
        hac_inodes=$(df -P -i "$hac_in" 2>/dev/null | sed -n '2s/.* \([0-9][0-9]*\)  *[0-9-]*% .*/\1/p')
        hac_bits=$(cd "$hac_in" && lsattr -d . "./$hac_to" 2>/dev/null | sed 's/ .*//')
        if [ "${hac_room:-1}" -lt 4 ]; then
            echo "$hac_said: the file system on $hac_mount is full ($hac_room KiB are free); make room there"
        elif [ "${hac_inodes:-1}" = 0 ] && [ "$(df -P -i "$hac_in" | sed -n '2s/[^ ]*  *\([0-9][0-9]*\).*/\1/p')" != 0 ]; then
            echo "$hac_said: the file system on $hac_mount has no inode left; remove files there"
        elif [ "$(id -u)" = 0 ] && [ ! -w "$hac_in" ]; then
            echo "$hac_said: the file system on $hac_mount is read-only; see dmesg for why, then mount it anew"
        else
            case $hac_bits in
            *[ai]*) echo "$hac_said: it or its directory is immutable; lsattr shows it, chattr -i takes it away" ;;
            *) continue ;;
            esac
        fi
        return
    done
    echo "$hac_said"
}
