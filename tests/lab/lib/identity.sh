# Owns who a host is: name, address, SSH keys; written into a fresh overlay
# before its first boot, so that every host key is known before anyone connects.
# Must not know how a host is started.
# shellcheck shell=bash

ensure_key() {
    mkdir -p "$CACHE/hostkeys"
    [[ -e $KEY ]] || ssh-keygen -q -t ed25519 -N '' -C hacluster-lab -f "$KEY"
}

host_key() { say "$CACHE/hostkeys/$1"; }

ensure_host_key() {
    local host=$1 key
    key=$(host_key "$host")
    [[ -e $key ]] || ssh-keygen -q -t ed25519 -N '' -C "root@$host" -f "$key"
}

forget_host_key() { rm -f "$(host_key "$1")" "$(host_key "$1").pub"; }

# One line for the address and one for the name of every host with a key.
write_known_hosts() {
    local host public
    for host in $(names "${!ADDRESS[@]}"); do
        [[ -e $(host_key "$host").pub ]] || continue
        public=$(cut -d' ' -f1,2 "$(host_key "$host").pub")
        say "${ADDRESS[$host]} $public"
        say "$host $public"
    done >"$KNOWN_HOSTS.new"
    mv "$KNOWN_HOSTS.new" "$KNOWN_HOSTS"
}

# Also for a disk that comes back: the key may be another one by now.
write_host_key() {
    local host=$1 root
    root=$(root_of "$host")
    install -m 0600 "$(host_key "$host")" "$root/etc/ssh/ssh_host_ed25519_key"
    install -m 0644 "$(host_key "$host").pub" "$root/etc/ssh/ssh_host_ed25519_key.pub"
}

write_identity() {
    local host=$1 root
    root=$(root_of "$host")
    say "$host" >"$root/etc/hostname"
    # as Debian's installer leaves it: the peers are for the product to add
    printf '127.0.0.1\tlocalhost\n127.0.1.1\t%s\n::1\tlocalhost ip6-localhost ip6-loopback\n' "$host" >"$root/etc/hosts"
    cat >"$root/etc/systemd/network/10-host0.network" <<EOF
[Match]
Name=host0
[Network]
Address=${ADDRESS[$host]}/24
Gateway=$GATEWAY
LinkLocalAddressing=no
IPv6AcceptRA=no
EOF
    write_host_key "$host"
    install -m 0600 "$KEY.pub" "$root/root/.ssh/authorized_keys"
    install -m 0600 "$KEY.pub" "$root/home/ops/.ssh/authorized_keys"
    chown --reference="$root/home/ops/.ssh" "$root/home/ops/.ssh/authorized_keys"
}

# A host as new: empty overlay on the image, with its identity.
make_host() {
    local host=$1 image=$2
    fresh_overlay "$host" "$image"
    ensure_host_key "$host"
    write_identity "$host"
    touch "$RUN/hosts/$host/made"
}
