# Begin of the first apply by hand: everything but the files, which follow as
# `put` calls, and the units at the end. The same writes as hacluster's: owner
# and mode before the name, file and folder synced.
# shellcheck shell=sh disable=SC2317
set -eu
LC_ALL=C
export LC_ALL
dpkg -s ca-certificates dbus iproute2 openssh-client openssh-server procps sudo systemd-sysv >/dev/null
groupadd --system hac
for user in hac-reader hac-writer; do
    useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin --groups hac $user
done
# put PATH <content
put() {
    cat >"$1.new"
    chown root:hac "$1.new"
    chmod 0640 "$1.new"
    sync "$1.new"
    mv -T "$1.new" "$1"
    sync "${1%/*}"
}
