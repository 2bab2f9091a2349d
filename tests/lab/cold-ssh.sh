# Four parallel cold `ssh HOST sh -s`, each with a probe of its own: what the
# product's plan is measured against. Runs in the lab's network.
# usage: bash cold-ssh.sh CACHE FOLDER; FOLDER/ADDRESS is the script for ADDRESS
# shellcheck shell=bash
cache=$1 status=0 jobs=()
for script in "$2"/192.168.15.*; do
    ssh -F none -i "$cache/id_ed25519" -o IdentitiesOnly=yes -o BatchMode=yes -o LogLevel=ERROR \
        -o UserKnownHostsFile="$cache/known_hosts" -o GlobalKnownHostsFile=none \
        -o ControlMaster=no -o ControlPath=none \
        "root@${script##*/}" sh -s <"$script" >/dev/null 2>&1 &
    jobs+=($!)
done
for job in "${jobs[@]}"; do wait "$job" || status=$?; done
# a probe may end with the status of its last question; 255 is ssh's own
((status != 255))
