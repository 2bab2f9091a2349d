# Owns what hosts write: where it lies (memory or disk), the overlay of each
# host, and snapshots, which are layers a restored host stands on.
# Must not know how a host is started; it only asks whether it is off.
# shellcheck shell=bash

OVERLAY_OPTIONS=index=off,metacopy=off,redirect_dir=off
MEMORY_WANTED_MIB=8192 # below this much available memory the hosts write to disk

overlay_works_in() {
    local probe=$1/probe works=1
    mkdir -p "$probe"/{lower,upper,work,root}
    if mount -t overlay hac-lab-probe -o "lowerdir=$probe/lower,upperdir=$probe/upper,workdir=$probe/work,$OVERLAY_OPTIONS" "$probe/root" 2>/dev/null; then
        umount "$probe/root"
        works=0
    fi
    rm -rf "$probe"
    return $works
}

store_kind() {
    local available
    available=$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)
    case ${HACLUSTER_LAB_STORE:-auto} in
        memory | disk) say "$HACLUSTER_LAB_STORE" ;;
        auto) if ((available >= MEMORY_WANTED_MIB)); then say memory; else say disk; fi ;;
        *) die "HACLUSTER_LAB_STORE is memory, disk or auto" ;;
    esac
}

ensure_store() {
    local kind
    [[ -e $STORE/kind ]] && return
    kind=$(store_kind)
    mkdir -p "$STORE"
    if [[ $kind == disk ]] && ! overlay_works_in "$STORE"; then
        note "no overlay on the file system of $STORE: the hosts write to memory"
        kind=memory
    fi
    if [[ $kind == memory ]]; then mount -t tmpfs -o size=60%,mode=0755 hac-lab "$STORE"; fi
    say "$kind" >"$STORE/kind"
}

remove_store() {
    if mountpoint -q "$STORE"; then umount "$STORE"; fi
    rm -rf --one-file-system "$STORE"
}

root_of() { say "$RUN/hosts/$1/root"; }
upper_of() { say "$STORE/hosts/$1/upper"; }

mount_root() {
    local host=$1 root lower
    root=$(root_of "$host")
    mountpoint -q "$root" && return
    lower=$(<"$RUN/hosts/$host/lower")
    mkdir -p "$root"
    mount -t overlay "hac-lab-$host" "$root" \
        -o "lowerdir=$lower,upperdir=$(upper_of "$host"),workdir=$STORE/hosts/$host/work,$OVERLAY_OPTIONS"
}

unmount_root() {
    local root
    root=$(root_of "$1")
    ! mountpoint -q "$root" || umount "$root" || umount --lazy "$root"
}

# A new empty upper layer on the given lower ones ("top:...:image").
fresh_overlay() {
    local host=$1 lower=$2
    unmount_root "$host"
    rm -rf "$STORE/hosts/$host" "$RUN/hosts/$host/made"
    mkdir -p "$STORE/hosts/$host"/{upper,work} "$RUN/hosts/$host"
    say "$lower" >"$RUN/hosts/$host/lower"
    mount_root "$host"
}

remove_overlay() {
    unmount_root "$1"
    rm -rf --one-file-system "$STORE/hosts/$1" "${RUN:?}/hosts/$1"
}

snapshots() { [[ ! -d $STORE/snapshots ]] || find "$STORE/snapshots" -mindepth 1 -maxdepth 1 -printf '%f '; }

snapshot_in_use() { grep -qsF "$STORE/snapshots/$1/" "$RUN"/hosts/*/lower "$STORE"/snapshots/*/*/lower; }

drop_snapshot() {
    [[ -d $STORE/snapshots/$1 ]] || return 0
    ! snapshot_in_use "$1" || die "snapshot '$1' carries hosts or later snapshots: choose another name, or reset them"
    rm -rf --one-file-system "${STORE:?}/snapshots/$1"
}

# A host that is off gives its upper layer away (no copying) and goes on with an
# empty one on top of it; a frozen one keeps its own and is copied.
snapshot_host() {
    local name=$1 host=$2 state=$3 kept
    kept=$STORE/snapshots/$name/$host
    mkdir -p "$kept"
    cp "$RUN/hosts/$host/lower" "$kept/lower"
    if [[ $state == off ]]; then
        unmount_root "$host"
        mv "$(upper_of "$host")" "$kept/upper"
        fresh_overlay "$host" "$kept/upper:$(<"$kept/lower")"
        touch "$RUN/hosts/$host/made"
    else
        cp -a --reflink=auto "$(upper_of "$host")" "$kept/upper"
    fi
}

restore_host() {
    local kept=$STORE/snapshots/$1/$2
    fresh_overlay "$2" "$kept/upper:$(<"$kept/lower")"
    touch "$RUN/hosts/$2/made"
}
