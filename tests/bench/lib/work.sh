# Owns the work: the same 44 (or 440) steps for every tool, written from one
# list and one template, each tool in its own language.
# Must not know how it is run or timed.
# shellcheck shell=bash disable=SC2154 # names of the other files

WORK_PACKAGES=(ca-certificates dbus iproute2 openssh-client openssh-server procps sudo systemd-sysv)
WORK_USERS=(hac-reader hac-writer)
WORK_UNITS=(bench-1 bench-2 bench-3 bench-4 bench-5) # the last one is not enabled
DIRECTORIES=() FILES=()

address_of() { say "192.168.15.$((120 + ${1#bench}))"; }
hosts_named() { printf 'bench%d\n' $(seq "$1"); }

# A step each: the package list, the group, two users, the units; an eighth of
# all are directories, the rest files, eight a directory. The shorter list is
# the beginning of the longer one.
count_steps() {
    local steps=$1 n directories
    directories=$((steps / 8))
    DIRECTORIES=(/etc/hac) FILES=()
    for ((n = 1; n < directories; n++)); do DIRECTORIES+=("/etc/hac/part-$n"); done
    for ((n = 1; n <= steps - 4 - ${#WORK_UNITS[@]} - directories; n++)); do
        FILES+=("/etc/hac/part-$(((n + 7) / 8))/service-$n.conf")
    done
}

# make_work FOLDER STEPS HOSTS
make_work() {
    local folder=$1 steps=$2 count=$3
    rm -rf "$folder"
    mkdir -p "$folder"/{playbooks,templates,probe,first}
    count_steps "$steps"
    mapfile -t HOSTS < <(hosts_named "$count")
    write_templates "$folder/templates"
    write_inventory >"$folder/cluster.toml"
    # a file of the same name replaces the built-in playbook whole: every host
    # has the role "base", and nothing else comes along
    write_playbook >"$folder/playbooks/base.toml"
    write_by_hand "$folder"
    [[ ! -e $OUT/secrets.toml ]] || cp -p "$OUT/secrets.toml" "$folder/"
}

# All these inventories are of one cluster: hosts set up with the secrets of one
# folder are not for another folder's.
keep_secrets() { cp -p "$1/secrets.toml" "$OUT/secrets.toml"; }

template_name() {
    local name=${1##*/}
    say "${name%.conf}"
}

write_templates() {
    local path name
    for path in "${FILES[@]}"; do
        name=$(template_name "$path")
        sed "s/NUMBER/${name#service-}/g" "$BENCH/work/service.conf.j2" >"$1/$name.j2"
    done
}

write_inventory() {
    local host
    cat <<END
[cluster]
name = "bench"

[network]
subnet      = "192.168.15.0/24"
gateway     = "192.168.15.1"
ntp_servers = []

[ssh]
user        = "root"
key         = "$LAB_CACHE/id_ed25519"
known_hosts = "$LAB_CACHE/known_hosts"
END
    for host in "${HOSTS[@]}"; do
        printf '\n[[node]]\nname    = "%s"\naddress = "%s"\n' "$host" "$(address_of "$host")"
    done
}

# quoted ITEM...: "a", "b"
quoted() {
    local text
    text=$(printf '"%s", ' "$@")
    say "${text%, }"
}

enabled() { [[ $1 != "${WORK_UNITS[-1]}" ]]; }

write_playbook() {
    local path user unit
    cat <<END
[playbook]
name  = "base"
title = "the work of the benchmark"
on    = "base"

[[step]]
name    = "packages"
package = [$(quoted "${WORK_PACKAGES[@]}")]

[[step]]
name  = "group"
group = { name = "hac" }
END
    for user in "${WORK_USERS[@]}"; do
        printf '\n[[step]]\nname = "user %s"\nuser = { name = "%s", groups = ["hac"] }\n' "$user" "$user"
    done
    for path in "${DIRECTORIES[@]}"; do
        printf '\n[[step]]\nname = "folder %s"\ndirectory = { path = "%s", group = "hac", mode = "0750" }\n' "$path" "$path"
    done
    for path in "${FILES[@]}"; do
        printf '\n[[step]]\nname = "%s"\nfile = { path = "%s", template = "%s.j2", group = "hac", mode = "0640" }\n' \
            "$(template_name "$path")" "$path" "$(template_name "$path")"
    done
    for unit in "${WORK_UNITS[@]}"; do
        printf '\n[[step]]\nname = "%s"\nunit = { name = "%s.service", state = "started"%s }\n' \
            "$unit" "$unit" "$(! enabled "$unit" || say ', enabled = true')"
    done
}

# One script a host for the floor, and one for the first apply, which is asked
# of few hosts only.
write_by_hand() {
    local folder=$1 host address
    [[ ${#HOSTS[@]} -gt 4 ]] || write_first >"$folder/first.sh"
    for host in "${HOSTS[@]}"; do
        address=$(address_of "$host")
        cp "$BENCH/work/probe.sh" "$folder/probe/$address"
        [[ ! -e $folder/first.sh ]] ||
            sed -e "s/{{ host.name }}/$host/g" -e "s/{{ host.address }}/$address/g" "$folder/first.sh" >"$folder/first/$address"
    done
}

write_first() {
    local path
    cat "$BENCH/work/first.sh"
    say "install -d -m 0750 -o root -g hac ${DIRECTORIES[*]}"
    for path in "${FILES[@]}"; do
        say "put $path <<'END'"
        cat "$folder/templates/$(template_name "$path").j2"
        say END
    done
    say "systemctl --quiet enable ${WORK_UNITS[*]:0:4}"
    say "systemctl start ${WORK_UNITS[*]}"
}
