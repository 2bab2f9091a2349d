# Owns the hosts' image: a minimal Debian with a local package repository as its
# only source, cached under the hash of its recipe.
# Must not know which hosts exist or how they start.
# shellcheck shell=bash

IMAGE_BASE=systemd,systemd-sysv,dbus,openssh-server,iproute2,sudo,ca-certificates,procps
# Units that cannot work in a container, or wait for a console nobody has.
IMAGE_MASKED=(
    systemd-modules-load.service systemd-firstboot.service
    console-getty.service getty@.service serial-getty@.service
    systemd-resolved.service systemd-timesyncd.service
)

# A name with a [release] after it is for that release only.
image_packages() {
    sed -e 's/#.*//' -e "s/\[$SUITE\]//" -e '/\[/d' -e 's/[[:space:]]//g' -e '/^$/d' "$LAB/packages"
    # shellcheck disable=SC2086 # a list of names
    [[ ! ${HACLUSTER_LAB_PACKAGES:-} ]] || printf '%s\n' $HACLUSTER_LAB_PACKAGES
}

image_recipe() {
    say "$SUITE $IMAGE_BASE ${IMAGE_MASKED[*]}"
    image_packages
    declare -f build_image bootstrap store_plain fill_repository configure_image
}

# Of the release that new hosts run.
image_path() { say "$IMAGES/image-$(image_recipe | sha256sum | cut -c1-16)"; }

# The mirror this machine itself installs from; its name is nowhere in the project.
mirror() {
    local found
    # apt's own words, not the shell's
    # shellcheck disable=SC2016
    found=${HACLUSTER_LAB_MIRROR:-$(apt-get indextargets \
        --format '$(LABEL) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
        awk '$1 == "Debian" && $2 == "main" && !seen++ { print $3 }')}
    [[ $found ]] || die "apt knows no Debian mirror (run apt-get update, or set HACLUSTER_LAB_MIRROR)"
    say "$found"
}

# The machine's ways to reach it (proxy, time checks) apply to the image too.
machine_fetch_options() {
    apt-config dump | grep -E '^Acquire::(Check-|Retries|https?(::| ))' || true
}

bootstrap() {
    local root=$1 fetch=$2
    # the hook's words are expanded by mmdebstrap's shell, not here
    # shellcheck disable=SC2016
    mmdebstrap --quiet --mode=root --variant=minbase --architectures="$(dpkg --print-architecture)" \
        --keyring="$KEYRING" --aptopt="$fetch" --aptopt='Apt::Install-Recommends "false"' \
        --include="$IMAGE_BASE" \
        --customize-hook='APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -qq -y --download-only --no-install-recommends install '"$(image_packages | tr '\n' ' ')" \
        --customize-hook='mkdir -p "$1/srv/repo" && mv "$1"/var/cache/apt/archives/*.deb "$1/srv/repo/"' \
        "$SUITE" "$root" "deb $(mirror) $SUITE main" </dev/null >&2
}

# store_plain DEB: the same package without compression. Hosts share two cores,
# and unpacking xz is most of an installation's work.
store_plain() {
    local parts=$1.parts
    mkdir "$parts"
    (cd "$parts" && ar x "../$(basename "$1")" && find . -name '*.xz' -exec xz -d {} +)
    rm "$1"
    (cd "$parts" && ar rc "../$(basename "$1")" debian-binary control.tar* data.tar*)
    rm -r "$parts"
}

fill_repository() {
    local root=$1 deb
    for deb in "$root"/srv/repo/*.deb; do store_plain "$deb"; done
    (cd "$root/srv/repo" && dpkg-scanpackages -m . >Packages 2>/dev/null)
    rm -rf "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/* "$root"/etc/apt/apt.conf.d/99mmdebstrap
    say 'deb [trusted=yes] file:/srv/repo ./' >"$root/etc/apt/sources.list"
}

configure_image() {
    local root=$1 unit
    rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/resolv.conf" "$root/etc/hostname"
    : >"$root/etc/resolv.conf"
    : >"$root/etc/machine-id"
    for unit in "${IMAGE_MASKED[@]}"; do ln -sf /dev/null "$root/etc/systemd/system/$unit"; done
    systemctl --root="$root" --quiet enable systemd-networkd.service ssh.service
    chroot "$root" useradd --create-home --shell /bin/bash ops
    say 'ops ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/ops"
    chmod 0440 "$root/etc/sudoers.d/ops"
    install -d -m 0700 "$root/root/.ssh" "$root/home/ops/.ssh"
    chroot "$root" chown ops:ops /home/ops/.ssh
}

build_image() {
    local root=$1 fetch=$1.apt.conf
    machine_fetch_options >"$fetch"
    bootstrap "$root" "$fetch"
    rm -f "$fetch"
    fill_repository "$root"
    configure_image "$root"
}

current_images() {
    local SUITE
    for SUITE in "${KNOWN_SUITES[@]}"; do image_path; done
}

# Images and unfinished builds no host stands on.
drop_old_images() {
    local current path
    current=$(current_images)
    for path in "$IMAGES"/image-* "$IMAGES"/building-*; do
        [[ -e $path && $'\n'$current$'\n' != *$'\n'$path$'\n'* ]] || continue
        grep -qsF "$path" "$RUN"/hosts/*/lower "$STORE"/snapshots/*/*/lower && continue
        rm -rf --one-file-system "$path"
    done
}

# Prints the image's path; builds it when the recipe has none yet. Labs beside this
# one may stand on the same images.
ensure_image() {
    local image start one
    mkdir -p "$IMAGES"
    exec {one}>"$IMAGES/image.lock"
    flock "$one"
    image=$(image_path)
    if [[ ! -d $image ]]; then
        start=$(now)
        note "building the image (under a minute on two idle cores) ..."
        drop_old_images
        build_image "$IMAGES/building-$$"
        mv "$IMAGES/building-$$" "$image"
        note "image built in $(since "$start"), $(du -sh "$image" | cut -f1)"
    fi
    drop_old_images
    exec {one}>&-
    say "$image"
}
