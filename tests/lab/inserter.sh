# An application that writes: an insert every 100 ms through the VIP, each on a
# new TLS connection, whether or not the ones before were answered. Prints
# "ID SECONDS" for every insert the server acknowledged. Ends by itself.
# usage: bash inserter.sh STOP_FILE FIRST_ID COUNT; the target is in $TARGET
# shellcheck shell=bash
stop=$1 id=$2 last=$(($2 + $3))
# Debian's psql is a Perl script that looks for this one: most of what an insert costs.
programs=(/usr/lib/postgresql/*/bin)
PATH=${programs[-1]}:$PATH
export PGOPTIONS='-c statement_timeout=2000'
insert() {
    timeout -s KILL 3 psql -wqAtX -v ON_ERROR_STOP=1 -d "$TARGET" \
        -c "insert into drill (id) values ($1)" </dev/null >/dev/null 2>&1 &&
        printf '%s %s\n' "$1" "$EPOCHREALTIME"
}
tick=${EPOCHREALTIME/[.,]/}
while [[ ! -e $stop ]] && ((id < last)); do
    insert "$id" &
    id=$((id + 1))
    tick=$((tick + 100000))
    rest=$((tick - ${EPOCHREALTIME/[.,]/}))
    ((rest <= 0)) || sleep "$(printf '0.%06d' "$rest")"
done
wait
