# shellcheck shell=sh
# What members of Patroni's cluster say of themselves. Reading needs no password.

# patroni_owing CA URL...: what each member waits to restart for, a line a
# member; no line for one that does not answer.
patroni_owing() {
    patroni_ca=$1
    shift
    for patroni_url in "$@"; do
        patroni_says=$(curl -s -m 3 --cacert "$patroni_ca" "$patroni_url") || continue
        patroni_says=$(printf '%s\n' "$patroni_says" | sed -n 's/.*"pending_restart": *true\(.*\)"patroni": .*/\1/p')
        printf '%s %s\n' "$patroni_url" "$patroni_says"
    done
}

# patroni_members CA URL: where the members answer. Each says so itself, and the others
# make words of it for curl: nothing but an address counts.
patroni_members() {
    curl -s -m 3 --cacert "$1" "$2/cluster" |
        grep -oE '"api_url": *"https?://[][A-Za-z0-9._:/-]*"' | cut -d '"' -f 4
}

# patroni_taken SECONDS CA BEFORE URL...: waits until no member owes the same as
# BEFORE. Members look at the configuration once a loop, and take it over alone.
patroni_taken() {
    patroni_until=$(($(date +%s) + $1)) patroni_authority=$2 patroni_before=$3
    shift 3
    while [ "$(date +%s)" -lt "$patroni_until" ]; do
        patroni_after=$(patroni_owing "$patroni_authority" "$@")
        printf '%s\n%s\n' "$patroni_before" "$patroni_after" | sort | uniq -d | grep -q . || return 0
        sleep 0.3
    done
}
