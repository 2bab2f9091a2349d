# Owns the benchmark's hosts: a lab of its own, numbered hosts, what every one
# of them has before the work. Must not know the work's languages.
# shellcheck shell=bash disable=SC2154 # names of the other files

# Hosts that boot at the same time: more of them wait for each other.
AT_ONCE=8
# Each host's systemd takes about ten; the kernel gives root 128.
INOTIFY=/proc/sys/fs/inotify/max_user_instances

lab() { "$ROOT/tests/lab/lab" "$@"; }
inside() { nsenter --net="/run/netns/$HACLUSTER_LAB_NAMESPACE" -- "$@"; }

# on_all FOLDER: FOLDER/ADDRESS to `ssh ADDRESS sh -s`, all hosts at once, cold
on_all() { inside bash "$ROOT/tests/lab/cold-ssh.sh" "$LAB_CACHE" "$1"; }

# on_each SCRIPT COUNT: the same script to the first COUNT hosts
on_each() {
    local folder=$OUT/each host
    rm -rf "$folder"
    mkdir -p "$folder"
    for host in $(hosts_named "$2"); do cp "$1" "$folder/$(address_of "$host")"; done
    on_all "$folder"
}

one_ssh() {
    inside ssh -F none -i "$LAB_CACHE/id_ed25519" -o IdentitiesOnly=yes -o BatchMode=yes -o LogLevel=ERROR \
        -o UserKnownHostsFile="$LAB_CACHE/known_hosts" -o GlobalKnownHostsFile=none \
        -o ControlMaster=no -o ControlPath=none "root@$1" "${@:2}"
}

allow_many_hosts() {
    INOTIFY_WAS=$(<$INOTIFY)
    ((INOTIFY_WAS >= 2048)) || say 2048 >$INOTIFY
}

# start_hosts COUNT: bench1 to benchCOUNT, those that are not up yet
start_hosts() {
    local -a names slice
    local from
    mapfile -t names < <(hosts_named "$1")
    for ((from = 0; from < ${#names[@]}; from += AT_ONCE)); do
        slice=("${names[@]:from:AT_ONCE}")
        lab up "${slice[@]}" >>"$OUT/log/lab"
    done
    on_each "$BENCH/work/units.sh" "$1"
}

end_lab() {
    lab down >>"$OUT/log/lab" 2>&1 || true
    [[ -z ${INOTIFY_WAS:-} ]] || say "$INOTIFY_WAS" >$INOTIFY
}
