# Owns the first apply of the whole database stack beside the same install by
# hand: the same packages and files, in parallel, with the gates it needs.
# Must not know what is in the files: they are taken from a host we made.
# shellcheck shell=bash disable=SC2154 # names of the other files

ROUNDS_STACK=${HACLUSTER_BENCH_ROUNDS:-2}
STACK_HOSTS=(node1 node2 node3 nas)
declare -A STACK_ADDRESS=([node1]=192.168.15.101 [node2]=192.168.15.102 [node3]=192.168.15.103 [nas]=192.168.15.50)
declare -A STACK_MEMBERS=([node1]=node1:2481 [node2]=node2:2481 [node3]=node3:2481 [nas]="nas-a:2481 nas-b:2491")
STACK_CLUSTER=node1=https://192.168.15.101:2480,node2=https://192.168.15.102:2480,node3=https://192.168.15.103:2480
STACK_CLUSTER+=,nas-a=https://192.168.15.50:2480,nas-b=https://192.168.15.50:2490
STACK_VIP=192.168.15.200
STACK_PATHS=(
    etc/hosts etc/hacluster etc/patroni etc/keepalived etc/default/chrony etc/chrony/conf.d
    etc/security/limits.d/60-hacluster.conf etc/systemd/system/etcd-patroni@.service
    etc/systemd/system/patroni.service.d etc/systemd/system/chrony.service.d etc/systemd/system/keepalived.service.d usr/local/libexec/hacluster
)

part_stack() {
    local round
    STACK=$OUT/stack
    mkdir -p "$STACK"/{members,first,others}
    # the stack alone, as by hand: no firewall, sshd as it is
    sed -e "s|~/.cache/hacluster-lab|$LAB_CACHE|" -e '/^hardened/d' -e 's/^\[firewall\]/&\nenabled = false/' \
        "$ROOT/inventories/lab.toml" >"$STACK/cluster.toml"
    end_lab
    lab up "${STACK_HOSTS[@]}" >>"$OUT/log/lab"
    for ((round = 1; round <= ROUNDS_STACK; round++)); do
        measure stack hac "$STACK" apply --auto-approve
        ((round > 1)) || write_stack_by_hand
        lab reset >>"$OUT/log/lab"
        measure stack-by-hand stack_by_hand
        ((round > 1)) || hac "$STACK" plan --detailed-exitcode >"$OUT/log/stack-plan" ||
            stop "by hand comes out otherwise: see $OUT/log/stack-plan"
        ((round == ROUNDS_STACK)) || lab reset >>"$OUT/log/lab"
    done
}

secret_of() { sed -n "s/^\"$1\" = \"\(.*\)\"$/\1/p" "$STACK/secrets.toml"; }

write_stack_by_hand() {
    local host address packages
    for host in "${STACK_HOSTS[@]}"; do
        address=${STACK_ADDRESS[$host]}
        packages=$(lab sh "$host" cat /var/lib/hacluster/ledger.json |
            jq -r '.resources | keys[]' | sed -n "s/^$host\/package://p" | tr '\n' ' ')
        {
            printf 'members="%s" cluster=%s packages="%s"\n' "${STACK_MEMBERS[$host]}" "$STACK_CLUSTER" "$packages"
            say "files() { base64 -d <<'END' | tar -xp -C /"
            lab sh "$host" "cd / && tar -c --ignore-failed-read ${STACK_PATHS[*]} etc/sysctl.d/60-hacluster-*" 2>/dev/null | base64
            printf 'END\n}\n'
            cat "$BENCH/stack/members.sh"
        } >"$STACK/members/$address"
        cp "$BENCH/stack/others.sh" "$STACK/others/$address"
    done
    {
        printf 'root_password=%s patroni_password=%s prefix=/hac/cold/\n' "$(secret_of etcd.root)" "$(secret_of etcd.patroni)"
        cat "$BENCH/stack/first.sh"
    } >"$STACK/first/${STACK_ADDRESS[node1]}"
}

stack_by_hand() {
    on_all "$STACK/members"
    on_all "$STACK/first"
    on_all "$STACK/others"
    # shellcheck disable=SC2034 # counted, not read
    for try in {1..300}; do
        ! inside curl -skf -m 1 -o /dev/null "https://$STACK_VIP:8008/primary" || return 0
        sleep 0.1
    done
    return 1
}
