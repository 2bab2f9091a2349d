# The floor: what somebody in a hurry would write by hand to learn, in one go,
# everything about a host that decides whether the work is done there.
# Reads only. Must not be made slower than it has to be.
# shellcheck shell=sh
LC_ALL=C
export LC_ALL
uname -n
stat -c '%F %a %U %G %n' /etc/hac /etc/hac/*/ /etc/hac/*/*
sha256sum /etc/hac/*/*
# shellcheck disable=SC2016 # dpkg-query's own words
dpkg-query -W -f '${Package} ${db:Status-Abbrev}\n' ca-certificates dbus iproute2 openssh-client \
    openssh-server procps sudo systemd-sysv
systemctl show -p Id,LoadState,ActiveState,UnitFileState,NeedDaemonReload \
    bench-1 bench-2 bench-3 bench-4 bench-5
getent passwd hac-reader hac-writer
getent group hac
