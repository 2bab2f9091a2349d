# Owns what the machine itself needs: packages, and the keyring with the key
# that signs the Debian release of the hosts.
# Must not know anything about hosts.
# shellcheck shell=bash

KNOWN_SUITES=(trixie bookworm)
SUITE=${HACLUSTER_LAB_OS:-trixie}
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
MACHINE_PACKAGES=(
    systemd-container mmdebstrap dpkg-dev debian-archive-keyring gpg gpgv
    iproute2 util-linux procps openssh-client nftables arping iputils-ping tcpdump curl jq
    binutils xz-utils
    postgresql-client python3-psycopg2 redis-tools libfaketime
)

installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

missing_packages() {
    local package
    for package in "${MACHINE_PACKAGES[@]}"; do
        installed "$package" || say "$package"
    done
}

machine_apt() {
    DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@" </dev/null >&2
}

# An old point release of Debian 12 carries a keyring without Debian 13's keys.
keyring_knows_suite() { gpg --show-keys "$KEYRING" 2>/dev/null | grep -q "/$SUITE)"; }

prepare_machine() {
    local missing
    known_suite
    command -v apt-get >/dev/null || die "the lab runs on Debian or Ubuntu (no apt-get here)"
    mapfile -t missing < <(missing_packages)
    if ((${#missing[@]})); then
        note "installing: ${missing[*]}"
        machine_apt update
        machine_apt install --no-install-recommends "${missing[@]}"
    fi
    if ! keyring_knows_suite; then
        machine_apt update
        machine_apt install --only-upgrade debian-archive-keyring
        keyring_knows_suite || die "$KEYRING has no key of $SUITE: upgrade debian-archive-keyring"
    fi
    # nspawn derives the hosts' MAC addresses from it
    [[ -s /etc/machine-id ]] || systemd-machine-id-setup >&2
    say "machine is ready"
}

known_suite() {
    [[ " ${KNOWN_SUITES[*]} " == *" $SUITE "* ]] || die "HACLUSTER_LAB_OS is ${KNOWN_SUITES[*]}, not '$SUITE'"
}

check_prepared() {
    known_suite
    [[ -z $(missing_packages) ]] || die "this machine is not prepared: run 'lab prepare'"
}
