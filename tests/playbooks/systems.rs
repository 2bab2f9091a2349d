//! What each operating system makes of an inventory: settings by version,
//! packages by name, what is refused, what is said.

use std::collections::BTreeMap;

use hacluster::expand::{Resource, expand};
use hacluster::facts::{Fact, Facts, PackageFact};
use hacluster::plan::Systems;
use hacluster::playbook;
use hacluster::problem::Problem;
use hacluster::span::Source;

use super::{Cluster, DEBIAN_12, DEBIAN_13, UBUNTU_2404, lab_with, run};

type System = (&'static str, &'static str, &'static str);

/// The lab's hosts, each with its system.
fn hosts(cluster: &Cluster, system: impl Fn(&str) -> System) -> BTreeMap<String, Facts> {
    let facts = cluster.inventory.hosts().into_iter().map(|host| {
        let mut facts = Facts::default();
        run(&mut facts.identity, system(&host.name));
        (host.name, facts)
    });
    facts.collect()
}

/// Problems and remarks, a line each.
fn said(cluster: &Cluster, facts: &BTreeMap<String, Facts>) -> String {
    let hosts = cluster.inventory.hosts();
    let systems = Systems { inventory: &cluster.inventory, hosts: &hosts, facts };
    let help = |problem: &Problem| {
        let text = problem.to_string();
        let (_, shown) = text.split_once("lab.toml").unwrap();
        format!("lab.toml{shown}\n  {}", problem.help.as_deref().unwrap())
    };
    let problems: Vec<String> = systems.refused().iter().map(help).collect();
    problems.into_iter().chain(systems.remarks()).collect::<Vec<_>>().join("\n")
}

/// The lab's inventory as Debian 12's own packages can serve it.
fn fifteen() -> Cluster {
    lab_with(
        "version = 17\npreset  = \"fast\"\n\n[timescaledb]\nmode = \"separate\"\nhost = \"node1\"\n",
        "version = 15\n",
    )
}

#[test]
fn debian_13_has_all_of_it() {
    let cluster = Cluster::lab();
    assert_eq!(said(&cluster, &hosts(&cluster, |_| DEBIAN_13)), "");
}

#[test]
fn what_a_system_does_not_have_is_refused_with_the_way_out() {
    let cluster = Cluster::lab();
    let mixed = hosts(&cluster, |host| match host {
        "node1" | "node2" => DEBIAN_12,
        "node3" => UBUNTU_2404,
        _ => DEBIAN_13,
    });
    insta::assert_snapshot!(said(&cluster, &mixed), @r#"
    lab.toml:44:11: error[HAC-E056]: `postgres.version` is 17, and the packages of Debian 12 (node1, node2) are of PostgreSQL 15
      write version = 15, or packages = "pgdg" for those of the PostgreSQL project's repository
    lab.toml:44:11: error[HAC-E056]: `postgres.version` is 17, and the packages of Ubuntu 24.04 (node3) are of PostgreSQL 16
      write version = 16, or packages = "pgdg" for those of the PostgreSQL project's repository
    lab.toml:47:1: error[HAC-E056]: TimescaleDB is wanted on node1, and Debian 12 has no package of it
      remove [timescaledb], or write packages = "pgdg" in [postgres]
    Patroni 3.0 (node1, node2) has no failover_priority, which came with 3.2: at equal data any member may lead, the NAS as well as a node
    Patroni 3.0, 3.2 (node1, node2, node3) has no member_slots_ttl, which came with 4.0: the slot of a member that is away is dropped, so one that missed more than wal_keep_size is copied anew
    "#);
}

#[test]
fn a_major_version_that_is_installed_already_is_no_question_of_archives() {
    let cluster = fifteen();
    let mut facts = hosts(&cluster, |_| UBUNTU_2404);
    assert!(said(&cluster, &facts).contains("HAC-E056"));
    for host in facts.values_mut() {
        let row = PackageFact { version: "15.8-1.pgdg24.04+1".into(), status: "ii".into(), unpacked: None };
        host.packages.insert("postgresql-15".to_owned(), Fact::Present(row));
    }
    assert!(!said(&cluster, &facts).contains("HAC-E056"));
}

#[test]
fn what_an_old_patroni_lacks_is_said() {
    let cluster = fifteen();
    insta::assert_snapshot!(said(&cluster, &hosts(&cluster, |_| DEBIAN_12)), @"
    Patroni 3.0 (node1, node2, node3, nas) has no failover_priority, which came with 3.2: at equal data any member may lead, the NAS as well as a node
    Patroni 3.0 (node1, node2, node3, nas) has no member_slots_ttl, which came with 4.0: the slot of a member that is away is dropped, so one that missed more than wal_keep_size is copied anew
    ");
}

#[test]
fn members_of_several_systems_are_worth_a_word_before_17() {
    let text = |version: &str| {
        let cluster = lab_with("version = 17", &format!("version = {version}\npackages = \"pgdg\""));
        said(&cluster, &hosts(&cluster, |host| if host == "nas" { DEBIAN_13 } else { DEBIAN_12 }))
    };
    insta::assert_snapshot!(text("16"), @"the members run different systems (Debian 12, Debian 13), and PostgreSQL 16 takes the order of texts from theirs: indexes may be wrong after a failover; use one system, or version 17 or later");
    assert_eq!(text("17"), "");
}

#[test]
fn a_system_nobody_knows_here_is_named_and_not_refused() {
    let cluster = Cluster::lab();
    let strange = hosts(&cluster, |host| if host == "nas" { ("devuan", "6", "") } else { DEBIAN_13 });
    insta::assert_snapshot!(said(&cluster, &strange), @"what the packages of these systems have is not known before they are installed: nas (Devuan 6)");
    let cluster = lab_with("version = 17", "version = 17\npackages = \"pgdg\"");
    insta::assert_snapshot!(said(&cluster, &strange), @r#"
    lab.toml:45:12: error[HAC-E056]: `postgres.packages` is "pgdg", and nas does not say which release of devuan it runs
      the PostgreSQL project has packages for Debian and Ubuntu, by the VERSION_CODENAME in /etc/os-release
    "#);
}

#[test]
fn an_old_patroni_gets_no_tag_it_does_not_know() {
    let tags = |cluster: &Cluster, host: &str, system| {
        let id = format!("{host}/file:/etc/patroni/config.yml");
        let text = cluster.text_on(&id, |facts| run(&mut facts.identity, system));
        text.split_once("tags:\n").unwrap().1.to_owned()
    };
    let never = lab_with("etcd_members = 2", "etcd_members = 2\nfailover_priority = 0");
    insta::assert_snapshot!(tags(&Cluster::lab(), "nas", DEBIAN_12), @"
    clonefrom: true
    noloadbalance: true
    ");
    insta::assert_snapshot!(tags(&never, "nas", DEBIAN_12), @"
    nofailover: true
    clonefrom: true
    noloadbalance: true
    ");
    insta::assert_snapshot!(tags(&never, "nas", UBUNTU_2404), @"
    # At equal data the higher number leads.
    failover_priority: 0
    clonefrom: true
    noloadbalance: true
    ");
    let before_17 =
        fifteen().text_on("node1/file:/etc/patroni/config.yml", |f| run(&mut f.identity, DEBIAN_12));
    assert!(
        !before_17.contains("locale-provider") && before_17.contains("bin_dir: /usr/lib/postgresql/15/bin\n")
    );
}

const BY_SYSTEM: &str = r#"
[playbook]
name  = "time"
title = "another name on every system"
on    = "base"

[[step]]
name    = "packages"
package = { debian12 = ["ntp", "tool-{{ cluster.name }}"], ubuntu2404 = ["ntpsec"], default = ["ntpsec", "tool-{{ cluster.name }}"] }

[[step]]
name    = "more"
package = { debian13 = ["ntp"] }
"#;

#[test]
fn packages_by_system_are_one_list_until_the_system_is_known() {
    let cluster = Cluster::lab();
    let playbooks = [playbook::parse(&Source::new("time.toml", BY_SYSTEM)).unwrap()];
    let resources = expand(&playbooks, &cluster.inventory.context(), &cluster.renderer).unwrap();
    let of_node1 = |concerns: &dyn Fn(&Resource) -> bool| -> Vec<String> {
        let found = resources.iter().filter(|r| r.id.starts_with("node1/")).filter(|r| concerns(r));
        found.map(|r| r.id.trim_start_matches("node1/package:").to_owned()).collect()
    };
    assert_eq!(of_node1(&|_| true), ["ntp", "tool-cold", "ntpsec"]);
    let on = |system| {
        let mut facts = Facts::default();
        run(&mut facts.identity, system);
        of_node1(&|r| r.kind.manage().concerns(&facts))
    };
    assert_eq!(on(DEBIAN_12), ["ntp", "tool-cold"]);
    assert_eq!(on(DEBIAN_13), ["ntp", "tool-cold", "ntpsec"]);
    assert_eq!(on(UBUNTU_2404), ["ntpsec"]);
    assert_eq!(on(("devuan", "6", "")), ["tool-cold", "ntpsec"]);
}

#[test]
fn a_system_that_is_misspelt_is_named() {
    let text = BY_SYSTEM.replace("ubuntu2404", "ubuntu24");
    let problems = playbook::parse(&Source::new("time.toml", &text)).unwrap_err();
    insta::assert_snapshot!(problems.to_string(), @r#"time.toml:7:1: error[HAC-E091]: packages of "packages" are listed for "ubuntu24", which is no system known here"#);
    assert_eq!(
        problems.0[0].help.as_deref(),
        Some("write one of debian12, debian13, ubuntu2404, or default for all others")
    );
}
