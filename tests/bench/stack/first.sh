# The database stack by hand, second script on the first node: etcd's accounts,
# then the first Patroni. Set before: root_password, patroni_password, prefix.
# shellcheck shell=sh disable=SC2154
set -eu
export ETCDCTL_ENDPOINTS=https://127.0.0.1:2479 ETCDCTL_CACERT=/etc/hacluster/pki/ca.crt \
    ETCDCTL_CERT=/etc/hacluster/pki/client.crt ETCDCTL_KEY=/etc/hacluster/pki/client.key
printf '%s\n' "$root_password" | etcdctl user add root --interactive=false
etcdctl role add root
etcdctl user grant-role root root
etcdctl role add patroni
etcdctl role grant-permission --prefix=true patroni readwrite "$prefix"
printf '%s\n' "$patroni_password" | etcdctl user add patroni --interactive=false
etcdctl user grant-role patroni patroni
etcdctl auth enable
systemctl --quiet enable --now patroni
until curl -sf -m 1 -o /dev/null --cacert /etc/patroni/tls/ca.crt https://127.0.0.1:8008/primary; do sleep 0.1; done
