# What the two commands of the README need of a machine before anything else.
# Sourced. Must not know the lab, which installs what it needs by itself.
# shellcheck shell=bash

RUST_WANTED=1.95
say() { printf '%s\n' "$*"; }
stop() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# major.minor.patch as one number that can be compared
version_number() {
    local IFS=. parts
    read -ra parts <<<"${1%%[-+ ]*}"
    say $((${parts[0]:-0} * 1000000 + ${parts[1]:-0} * 1000 + ${parts[2]:-0}))
}

need_machine() {
    local id='' like=''
    # shellcheck source=/dev/null
    [[ ! -r /etc/os-release ]] || { id=$(. /etc/os-release && say "${ID:-}") like=$(. /etc/os-release && say "${ID_LIKE:-}"); }
    if [[ " $id $like " != *" debian "* ]] || ! command -v apt-get >/dev/null; then
        stop "needs Debian 12 or 13 or Ubuntu 24.04 (apt-get); this is '${id:-unknown}'"
    fi
    ((EUID == 0)) || stop "needs root for the lab's containers and network: run 'sudo -i', then this again"
}

need_rust() {
    local found
    [[ -z ${CARGO_HOME:-} && -d $HOME/.cargo/bin ]] && PATH=$HOME/.cargo/bin:$PATH
    command -v cargo >/dev/null || stop "needs Rust $RUST_WANTED or newer: install rustup (https://rustup.rs), then 'rustup toolchain install $RUST_WANTED'"
    found=$(rustc --version | cut -d' ' -f2)
    (($(version_number "$found") >= $(version_number $RUST_WANTED))) ||
        stop "needs Rust $RUST_WANTED or newer, found $found: run 'rustup update stable'"
}

# install PACKAGE...: those that are missing
install_packages() {
    local package missing=()
    for package; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    say "installing: ${missing[*]}"
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 update </dev/null
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 \
        --no-install-recommends install "${missing[@]}" </dev/null >/dev/null
}

# shellcheck disable=SC2034 # for those who source this
# A linker and a C compiler: ring, the cryptography below TLS and SSH, has C in it.
BUILD_PACKAGES=(gcc libc6-dev)

# tool NAME VERSION: a cargo program of the Rust registry into PATH, built once into a
# kept folder. Without optimisation: each runs for a second and compiles for minutes.
tool() {
    local root=${HACLUSTER_TOOLS:-$HOME/.cache/hacluster-tools}/$1-$2
    if [[ ! -x $root/bin/$1 ]]; then
        say "building $1 $2 into $root"
        env -u CARGO_TARGET_DIR CARGO_PROFILE_DEV_DEBUG=false CARGO_INCREMENTAL=0 \
            cargo install --quiet --locked --debug --root "$root" --version "=$2" "$1"
    fi
    PATH=$root/bin:$PATH
}
