//! Owns the text of a probe: needs become one POSIX sh script, batched by kind.
//! Must not know how the text travels nor how its answer is read.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::exit::NOT_THERE;
use super::lan;
use super::needs::Needs;
use super::ownership::{entries, removals, shipped};
use super::postgres_query;
use super::services::{etcd, patroni};
use crate::shell::{quote, words};

/// Where a host keeps what hacluster remembers there.
pub const STATE: &str = "/var/lib/hacluster";
/// Where marks say which passwords of etcd's users were set last; a name follows.
pub const ETCD_PASSWORDS: &str = "/var/lib/hacluster/etcd-password-";
/// The ledger's file name in [`STATE`].
pub const LEDGER: &str = "ledger.json";

/// A file above this is data, not configuration: no more of it is read to be shown.
pub const LARGEST_SHOWN: usize = 1 << 20;

/// Seconds one section may take before it counts as unreadable.
const SECTION_SECONDS: u32 = 10;

const IDENTITY: &str = r#"(
. /etc/os-release 2>/dev/null
printf 'os=%s\nos_version=%s\ncodename=%s\n' "$ID" "$VERSION_ID" "$VERSION_CODENAME"
printf 'arch=%s\ncpus=%s\n' "$(uname -m)" "$(nproc)"
printf 'hostname=%s\n' "$(uname -n)"
while read -r k v _; do [ "$k" = MemTotal: ] && printf 'memory_kib=%s\n' "$v" && break; done </proc/meminfo
read -r m </etc/machine-id; printf 'machine_id=%s\n' "$m"
printf 'boot_id=%s\n' "$(cat /proc/sys/kernel/random/boot_id)"
printf 'time=%s\n' "$(date +%s)"
[ -e /run/systemd/container ] && echo container=yes
read -r f </var/lib/hacluster/fence && printf 'fence=%s\n' "$f"
read -r p w </run/hacluster/holder && [ -d "/proc/$p" ] && printf 'holder=%s\nheld_since=%s\n' "$w" "$(stat -c %Y /run/hacluster/holder)"
[ -e /run/hacluster/running ] && ! flock -n -s /run/hacluster/step.lock true && sed -n '2s/^/running=/p' /run/hacluster/running
stat -f -c 'disk=%n %a %S %c %d' / /etc /var/lib /run
while read -r _ p _ o _; do case $p in / | /etc | /var | /var/lib | /run) printf 'mount=%s %s\n' "$p" "$o" ;; esac; done </proc/1/mounts
[ -d /run/systemd/system ] && echo systemd=yes
[ -e /dev/watchdog ] && echo watchdog=yes
while read -r k v; do [ "$k" = CapBnd: ] && printf 'caps=%s\n' "$v"; done </proc/1/status
ip -o addr show | while read -r _ name _ address _; do printf 'address=%s %s\n' "$name" "$address"; done
)"#;

/// Builds the body of a probe. `nonce` marks the sections, so that nothing a
/// host prints can pass for one.
pub fn probe_body(needs: &Needs, nonce: &str) -> String {
    let mut probe = Builder { text: String::new(), nonce };
    probe.section("identity", IDENTITY);
    probe.state();
    probe.list("paths", &needs.paths, "stat -c '%F|%04a|%U|%G|%N' --", "2>&1");
    // Only regular files: reading a pipe would never end.
    let regular = "for f do shift; if [ -f \"$f\" ]; then set -- \"$@\" \"$f\"; fi; done; \
         [ $# -eq 0 ] || exec sha256sum -- \"$@\"";
    probe.list("hashes", &needs.hashes, &format!("sh -c {} sh", quote(regular)), "2>&1");
    probe.list(
        "packages",
        &needs.packages,
        "dpkg-query -W -f='${Package}|${db:Status-Abbrev}|${Version}|${db-fsys:Last-Modified}\\n'",
        "",
    );
    let show = "systemctl show -p Id,Names,LoadState,ActiveState,SubState,UnitFileState,NeedDaemonReload,ExecMainStartTimestamp --";
    probe.list("units", &needs.units, show, "");
    probe.list("users", &needs.users, "getent passwd --", "");
    probe.list("groups", &needs.groups, "getent group --", "");
    probe.sysctls(needs);
    probe.files("contents", &needs.contents, &format!("head -c {} -- \"$f\"", LARGEST_SHOWN + 1));
    // The hash of nothing, where the file is no key: it fits no certificate.
    let key = "command -v openssl >/dev/null && openssl pkey -passin pass: -in \"$f\" -pubout -outform DER | sha256sum";
    probe.files("public_keys", &needs.public_keys, key);
    probe.items("entries", &needs.entries, |path| entries(path, NOT_THERE));
    for (name, asked, ask) in
        [("removals", &needs.removals, removals as fn(&_) -> _), ("shipped", &needs.shipped, shipped)]
    {
        if !asked.is_empty() {
            probe.section(name, &ask(asked));
        }
    }
    let answers = slow(needs, nonce);
    format!(
        "LC_ALL=C QUOTING_STYLE=literal TZ=UTC0; export LC_ALL QUOTING_STYLE TZ\n{}",
        beside(&probe.text, &answers)
    )
}

/// Sections that mostly wait for a service: checks and etcd, Patroni, PostgreSQL.
fn slow(needs: &Needs, nonce: &str) -> [String; 3] {
    let mut probes = [(); 3].map(|()| Builder { text: String::new(), nonce });
    let [services, leader, database] = &mut probes;
    services.items("checks", &needs.checks, |check| {
        format!("timeout -k 1 {SECTION_SECONDS} sh -c {} >&2", quote(check))
    });
    for (name, endpoint) in &needs.etcd {
        services.section(&format!("etcd:{name}"), &etcd(endpoint));
    }
    if let Some(endpoint) = &needs.patroni {
        leader.section("patroni", &patroni(endpoint));
    }
    if let Some(asked) = &needs.postgres {
        database.section("postgres", &postgres_query::ask(asked, SECTION_SECONDS));
    }
    if let Some(asked) = &needs.lan {
        leader.section("lan", &lan::ask(asked, SECTION_SECONDS));
    }
    probes.map(|probe| probe.text)
}

/// Runs slow sections while the quick ones run. Each slow part writes into a
/// pipe that is read when all before it is printed, so sections stay whole
/// without a temporary file.
fn beside(quick: &str, slow: &[String]) -> String {
    let wrap = |text: String, part: &String| format!("{{\n{part}}} </dev/null | {{\n{text}cat\n}}\n");
    slow.iter().filter(|part| !part.is_empty()).fold(quick.to_owned(), wrap)
}

struct Builder<'a> {
    text: String,
    nonce: &'a str,
}

impl Builder<'_> {
    fn section(&mut self, name: &str, body: &str) {
        let (nonce, name) = (self.nonce, quote(name));
        let _ = write!(
            self.text,
            "printf '%s begin %s\\n' {nonce} {name}\n{body} 2>/dev/null </dev/null\nprintf '\\n%s end %s %s\\n' {nonce} {name} $?\n"
        );
    }

    /// One command over all names of one kind. `complaints` may send what the
    /// command complains of to the reader, who tells "not there" from "cannot".
    fn list(&mut self, name: &str, values: &BTreeSet<String>, command: &str, complaints: &str) {
        if !values.is_empty() {
            let values = words(values.iter().map(String::as_str));
            self.section(
                name,
                &format!("{{ timeout -k 1 {SECTION_SECONDS} {command} {values} {complaints}; }}"),
            );
        }
    }

    /// One command each, its output framed, numbered in the set's order.
    fn items(&mut self, name: &str, values: &BTreeSet<String>, command: impl Fn(&str) -> String) {
        if values.is_empty() {
            return;
        }
        let mut body = String::from("{\n");
        for (index, value) in values.iter().enumerate() {
            let nonce = self.nonce;
            let _ = writeln!(
                body,
                "printf '%s item {index}\\n' {nonce}; ( {} ); printf '\\n%s done %s\\n' {nonce} $?",
                command(value)
            );
        }
        body.push('}');
        self.section(name, &body);
    }

    /// One process over all files, each framed as in `items`. `read` reads `$f`.
    fn files(&mut self, name: &str, values: &BTreeSet<String>, read: &str) {
        if values.is_empty() {
            return;
        }
        let script = format!(
            "n=$1 i=0; shift; for f do printf '%s item %s\\n' \"$n\" $i; s={NOT_THERE}; \
             if [ -f \"$f\" ]; then s=0; {{ {read}; }} || s=1; elif [ -e \"$f\" ]; then s=1; fi; \
             printf '\\n%s done %s\\n' \"$n\" $s; i=$((i + 1)); done"
        );
        let values = words(values.iter().map(String::as_str));
        let nonce = self.nonce;
        self.section(
            name,
            &format!("timeout -k 1 {SECTION_SECONDS} sh -c {} sh {nonce} {values}", quote(&script)),
        );
    }

    /// By awk: dash reads a byte at a time, and files in /proc/sys end after the
    /// first. A dot in a name is a slash below /proc/sys, and the other way.
    fn sysctls(&mut self, needs: &Needs) {
        if needs.sysctls.is_empty() {
            return;
        }
        let swap = |c: char| match c {
            '.' => '/',
            '/' => '.',
            other => other,
        };
        let paths: Vec<String> = needs
            .sysctls
            .iter()
            .map(|key| format!("/proc/sys/{}", key.chars().map(swap).collect::<String>()))
            .collect();
        let paths = words(paths.iter().map(String::as_str));
        let print = r#"FNR == 1 { k = substr(FILENAME, 11); gsub(/[.]/, "\001", k); gsub("/", ".", k); gsub("\001", "/", k); print k "=" $0 }"#;
        self.section(
            "sysctls",
            &format!(
                "( set --; for f in {paths}; do [ -r \"$f\" ] && set -- \"$@\" \"$f\"; done; [ $# -eq 0 ] || exec timeout -k 1 {SECTION_SECONDS} awk {} \"$@\" )",
                quote(print)
            ),
        );
    }

    /// Restart debts and the ledger. They come first, so that a cut answer
    /// cannot hide them. A debt that a power cut left empty is a restart.
    fn state(&mut self) {
        self.section(
            "debts",
            &format!(
                "for f in {STATE}/debt/*; do [ -f \"$f\" ] || continue; v=; read -r v <\"$f\"; printf '%s=%s\\n' \"${{f##*/}}\" \"${{v:-restart}}\"; done"
            ),
        );
        self.section("ledger", &format!("{{ [ ! -e {STATE}/{LEDGER} ] || cat {STATE}/{LEDGER}; }}"));
    }
}

#[cfg(test)]
mod tests {
    use std::fs::read_to_string;

    use super::*;
    use crate::facts::{Fact, parse};

    /// With this machine's own sh, which is dash where it is Debian.
    #[test]
    fn reads_whole_values_below_proc_sys() {
        let needs = Needs { sysctls: ["kernel.osrelease".to_owned()].into(), ..Needs::default() };
        let sh =
            std::process::Command::new("sh").arg("-c").arg(probe_body(&needs, "n0nce")).output().unwrap();
        let facts = parse(&String::from_utf8_lossy(&sh.stdout), &needs, "n0nce").unwrap();
        let release = read_to_string("/proc/sys/kernel/osrelease").unwrap();
        assert_eq!(facts.sysctls["kernel.osrelease"], Fact::Present(release.trim().to_owned()));
        let boot = read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        assert_eq!(facts.identity.boot_id, boot.trim());
        assert_eq!(facts.identity.hostname, read_to_string("/proc/sys/kernel/hostname").unwrap().trim());
    }
}
