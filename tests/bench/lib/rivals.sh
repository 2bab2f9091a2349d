# Owns the other tools: their versions, their installation outside the
# repository, and the work in their languages.
# Must not know which figures are wanted of them.
# shellcheck shell=bash disable=SC2034,SC2154 # names of the other files

RIVALS=(ansible-core==2.19.14 mitogen==0.3.54 pyinfra==3.10.0)
RIVALS_HOSTS=(python3 python3-apt) # what Ansible wants on a host; the others do with less
RIVALS_PYTHON=(3.11 3.12 3.13)     # what ansible-core 2.19 runs on
VENV=${HACLUSTER_BENCH_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/hacluster-bench/venv}

find_python() {
    local version
    for version in "${RIVALS_PYTHON[@]}"; do
        if "python$version" -c 'import venv' &>/dev/null; then say "python$version"; return; fi
    done
    stop "the other tools need Python ${RIVALS_PYTHON[*]}: install one, or run 'tests/bench/run quick'"
}

# A nearby version is taken where a pinned one cannot be had, and named.
install_rivals() {
    local want=${RIVALS[*]} rival
    [[ -e $VENV/rivals && $(<"$VENV/rivals") == "$want" ]] && return
    rm -rf "$VENV"
    "$(find_python)" -m venv "$VENV"
    for rival in "${RIVALS[@]}"; do
        "$VENV/bin/pip" install --quiet --disable-pip-version-check "$rival" ||
            "$VENV/bin/pip" install --quiet --disable-pip-version-check "${rival%%==*}"
    done
    say "$want" >"$VENV/rivals"
}

version_of() { "$VENV/bin/pip" show --disable-pip-version-check "$1" 2>/dev/null | sed -n 's/^Version: //p'; }

# After make_work in the same folder.
make_rivals_work() {
    local folder=$1
    mkdir -p "$folder/rivals"
    write_ansible_config >"$folder/rivals/ansible.cfg"
    write_ansible_inventory >"$folder/rivals/hosts.ini"
    write_ansible_playbook >"$folder/rivals/site.yml"
    write_pyinfra_inventory >"$folder/rivals/hosts.py"
    write_pyinfra_deploy >"$folder/rivals/deploy.py"
}

# The settings their own guides give for speed.
write_ansible_config() {
    cat <<END
[defaults]
inventory = hosts.ini
forks = 20
gathering = explicit
remote_user = root
private_key_file = $LAB_CACHE/id_ed25519
interpreter_python = /usr/bin/python3
nocows = true
[ssh_connection]
pipelining = true
control_path_dir = $OUT/control
ssh_args = -F none -o ControlMaster=auto -o ControlPersist=60s -o IdentitiesOnly=yes -o UserKnownHostsFile=$LAB_CACHE/known_hosts -o GlobalKnownHostsFile=none
END
}

write_ansible_inventory() {
    local host address
    for host in "${HOSTS[@]}"; do
        address=$(address_of "$host")
        say "$host ansible_host=$address host='{\"name\": \"$host\", \"address\": \"$address\"}'"
    done
}

write_ansible_playbook() {
    local path user unit
    cat <<END
- hosts: all
  gather_facts: false
  tasks:
    - name: packages
      ansible.builtin.apt: {name: [$(quoted "${WORK_PACKAGES[@]}")], state: present}
    - name: group
      ansible.builtin.group: {name: hac, system: true}
END
    for user in "${WORK_USERS[@]}"; do
        say "    - name: user $user"
        say "      ansible.builtin.user: {name: $user, groups: [hac], append: true, system: true, home: /nonexistent, create_home: false, shell: /usr/sbin/nologin}"
    done
    for path in "${DIRECTORIES[@]}"; do
        say "    - name: folder $path"
        say "      ansible.builtin.file: {path: $path, state: directory, owner: root, group: hac, mode: '0750'}"
    done
    for path in "${FILES[@]}"; do
        say "    - name: $(template_name "$path")"
        say "      ansible.builtin.template: {src: ../templates/$(template_name "$path").j2, dest: $path, owner: root, group: hac, mode: '0640'}"
    done
    for unit in "${WORK_UNITS[@]}"; do
        say "    - name: $unit"
        say "      ansible.builtin.systemd_service: {name: $unit.service, state: started$(! enabled "$unit" || say ', enabled: true')}"
    done
}

write_pyinfra_inventory() {
    local host address
    say 'hosts = ['
    for host in "${HOSTS[@]}"; do
        address=$(address_of "$host")
        say "    (\"$host\", {\"ssh_hostname\": \"$address\", \"ssh_user\": \"root\", \"ssh_key\": \"$LAB_CACHE/id_ed25519\", \"ssh_known_hosts_file\": \"$LAB_CACHE/known_hosts\", \"address\": \"$address\"}),"
    done
    say ']'
}

write_pyinfra_deploy() {
    local path user unit
    cat <<END
from pyinfra import host
from pyinfra.operations import apt, files, server, systemd

values = {"name": host.name, "address": host.data.address}
apt.packages(name="packages", packages=[$(quoted "${WORK_PACKAGES[@]}")])
server.group(name="group", group="hac", system=True)
END
    for user in "${WORK_USERS[@]}"; do
        say "server.user(name=\"user $user\", user=\"$user\", groups=[\"hac\"], append=True, system=True, home=\"/nonexistent\", ensure_home=False, shell=\"/usr/sbin/nologin\")"
    done
    for path in "${DIRECTORIES[@]}"; do
        say "files.directory(name=\"folder $path\", path=\"$path\", user=\"root\", group=\"hac\", mode=\"750\")"
    done
    for path in "${FILES[@]}"; do
        say "files.template(name=\"$(template_name "$path")\", src=\"../templates/$(template_name "$path").j2\", dest=\"$path\", user=\"root\", group=\"hac\", mode=\"640\", host=values)"
    done
    for unit in "${WORK_UNITS[@]}"; do
        say "systemd.service(name=\"$unit\", service=\"$unit.service\", running=True$(! enabled "$unit" || say ', enabled=True'))"
    done
}
