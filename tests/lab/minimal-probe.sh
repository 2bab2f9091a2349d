# The floor: what somebody would write by hand to learn, in one go, whether one
# host of the lab is as inventories/lab.toml wants it. Reads only.
# shellcheck shell=sh
LC_ALL=C
export LC_ALL
uname -n
files='/etc/hosts /etc/security/limits.d/60-hacluster.conf /etc/chrony/conf.d/hacluster.conf
/etc/default/chrony /etc/systemd/system/chrony.service.d/hacluster.conf
/etc/hacluster/pki/ca.crt /etc/hacluster/pki/client.crt /etc/hacluster/pki/client.key
/etc/hacluster/pki/etcd.crt /etc/hacluster/pki/etcd.key /etc/hacluster/etcd-*.env
/etc/systemd/system/etcd-patroni@.service /etc/systemd/system/patroni.service.d/hacluster.conf
/etc/postgresql-common/createcluster.d/hac.conf /etc/patroni/config.yml
/etc/patroni/tls/ca.crt /etc/patroni/tls/patroni.crt /etc/patroni/tls/patroni.key
/etc/patroni/tls/pg.crt /etc/patroni/tls/pg.key
/usr/local/libexec/hacluster/pg-primary /etc/keepalived/keepalived.conf'
# shellcheck disable=SC2086 # a list of paths
{
    stat -c '%a %U %G %n' $files /etc/hacluster /etc/hacluster/pki /etc/patroni /etc/patroni/tls \
        /var/lib/etcd-patroni /var/lib/etcd-patroni/* /var/lib/postgresql/17
    sha256sum $files
}
# shellcheck disable=SC2016 # dpkg-query's own words
dpkg-query -W -f '${Package} ${db:Status-Abbrev}\n' curl ca-certificates openssl chrony procps \
    iproute2 etcd-server etcd-client postgresql-17 postgresql-client-17 patroni python3-etcd keepalived
systemctl show -p Id,LoadState,ActiveState,UnitFileState,NeedDaemonReload \
    chrony etcd 'etcd-patroni@*' patroni keepalived
sysctl net.core.somaxconn net.ipv4.tcp_keepalive_time net.ipv4.tcp_keepalive_intvl \
    net.ipv4.tcp_keepalive_probes vm.swappiness vm.dirty_background_bytes vm.dirty_bytes
getent passwd keepalived_script
curl -s --cacert /etc/patroni/tls/ca.crt https://127.0.0.1:8008/patroni \
    --next -s --cacert /etc/patroni/tls/ca.crt https://127.0.0.1:8008/cluster \
    --next -s --cacert /etc/patroni/tls/ca.crt https://127.0.0.1:8008/config \
    --next -s http://127.0.0.1:2481/health \
    --next -s --cacert /etc/hacluster/pki/ca.crt --cert /etc/hacluster/pki/client.crt \
    --key /etc/hacluster/pki/client.key -d '{}' https://127.0.0.1:2479/v3/cluster/member/list
