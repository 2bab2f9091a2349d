# The database stack by hand, third script on every host: the other Patronis,
# each behind its own gate, then the address that follows the leader.
# shellcheck shell=sh
set -eu
systemctl --quiet enable --now patroni
until curl -s -m 1 --cacert /etc/patroni/tls/ca.crt https://127.0.0.1:8008/patroni |
    grep -qE '"role": "primary"|"replication_state": "streaming"'; do sleep 0.1; done
systemctl --quiet enable keepalived
systemctl restart keepalived
