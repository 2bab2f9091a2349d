//! The PostgreSQL project's repository, as each system gets it.

use hacluster::playbook::Phase;

use super::{Cluster, DEBIAN_12, DEBIAN_13, UBUNTU_2404, lab_with, run};

const FILES: [&str; 3] = [
    "/etc/apt/keyrings/pgdg.asc",
    "/etc/apt/preferences.d/pgdg.pref",
    "/etc/apt/sources.list.d/pgdg.sources",
];

fn pgdg() -> Cluster {
    lab_with("version = 17", "version = 17\npackages = \"pgdg\"")
}

#[test]
fn the_repository_is_there_before_packages_and_only_when_asked_for() {
    let of = |cluster: &Cluster| -> Vec<(String, Phase)> {
        let apt = cluster.resources.iter().filter(|r| r.id.starts_with("nas/file:/etc/apt/"));
        apt.map(|r| (r.id.trim_start_matches("nas/file:").to_owned(), r.phase)).collect()
    };
    assert_eq!(of(&Cluster::lab()), []);
    let mut found = of(&pgdg());
    found.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(found, FILES.map(|path| (path.to_owned(), Phase::Prepare)));
}

#[test]
fn the_suite_follows_the_release() {
    let cluster = pgdg();
    let text = |system| {
        cluster.text_on(&format!("node1/file:{}", FILES[2]), |facts| run(&mut facts.identity, system))
    };
    insta::assert_snapshot!(text(DEBIAN_12), @"
    # Managed by hacluster. Plain HTTP, as Debian's own: the key protects what comes, and
    # HTTPS would need ca-certificates before the first package.
    Types: deb
    URIs: http://apt.postgresql.org/pub/repos/apt
    Suites: bookworm-pgdg
    Components: main
    Signed-By: /etc/apt/keyrings/pgdg.asc
    ");
    for (system, suite) in [(DEBIAN_13, "trixie-pgdg"), (UBUNTU_2404, "noble-pgdg")] {
        assert_eq!(text(system), text(DEBIAN_12).replace("bookworm-pgdg", suite));
    }
}

#[test]
fn what_the_stack_needs_is_pinned() {
    insta::assert_snapshot!(pgdg().text(&format!("node1/file:{}", FILES[1])), @"
    # Managed by hacluster: these come from the PostgreSQL project's repository, also
    # where the distribution has a newer build; everything else as apt chooses.
    Package: postgresql postgresql-* libpq* patroni python3-etcd
    Pin: release o=apt.postgresql.org
    Pin-Priority: 600
    ");
}

/// Byte for byte the key that Debian's postgresql-common has in
/// /usr/share/postgresql-common/pgdg (ACCC4CF8).
#[test]
fn the_key_is_the_projects_own() {
    let key = pgdg().text(&format!("node1/file:{}", FILES[0]));
    let hash = data_encoding::HEXLOWER.encode(&<sha2::Sha256 as sha2::Digest>::digest(key.as_bytes()));
    assert_eq!(hash, "0144068502a1eddd2a0280ede10ef607d1ec592ce819940991203941564e8e76");
}
