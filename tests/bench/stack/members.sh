# The database stack by hand, first script on every host: packages, files, etcd.
# Set before: members (NAME:METRICS_PORT ...), cluster (etcd's initial list),
# packages, and files, a function that unpacks them.
# shellcheck shell=sh disable=SC2154
set -eu
LC_ALL=C DEBIAN_FRONTEND=noninteractive
export LC_ALL DEBIAN_FRONTEND
systemctl --quiet mask etcd.service
mkdir -p /etc/postgresql-common/createcluster.d
echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/hac.conf
apt-get -q update
# shellcheck disable=SC2086 # a list of names
apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 install $packages
useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin keepalived_script
install -d -m 0700 -o etcd -g etcd /var/lib/etcd-patroni
install -d -o postgres -g postgres /var/lib/postgresql/17
files
systemctl daemon-reload
# a container may set net.* only
sysctl -q --system || true
systemctl restart chrony
mkdir -p /run/hacluster
for member in $members; do
    name=${member%:*}
    install -d -m 0700 -o etcd -g etcd "/var/lib/etcd-patroni/$name"
    printf 'ETCD_INITIAL_CLUSTER=%s\nETCD_INITIAL_CLUSTER_STATE=new\nETCD_INITIAL_ADVERTISE_PEER_URLS=%s\n' \
        "$cluster" "$(printf %s "$cluster" | tr , '\n' | sed -n "s/^$name=//p")" >"/run/hacluster/etcd-$name.initial"
    systemctl --quiet enable --now --no-block "etcd-patroni@$name"
done
# the gate: each of them says it is healthy
for member in $members; do
    until curl -s -m 1 "http://127.0.0.1:${member#*:}/health" | grep -q '"health":"true"'; do sleep 0.1; done
done
