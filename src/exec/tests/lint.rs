//! Owns that a file which breaks a rule of its format is refused while planning, with
//! its place and no secret. Must not know the rules.

use std::collections::BTreeMap;
use std::fs;

use super::World;
use crate::plan::Observed;

/// Hosts that hold nothing yet.
fn refused(world: &World) -> String {
    let needs = crate::expand::needs(&world.resources);
    let empty = |(host, needs): (&String, &crate::facts::Needs)| {
        (host.clone(), crate::facts::Facts { paths: absent(&needs.paths), ..crate::facts::Facts::default() })
    };
    let observed = Observed::new(needs.iter().map(empty).collect(), BTreeMap::new(), 1);
    match world.planner().plan(&observed) {
        Ok(plan) => format!("{} changes", plan.changes().count()),
        Err(problems) => {
            let help = |p: &crate::problem::Problem| format!("{p}\n  {}", p.help.clone().unwrap_or_default());
            problems.0.iter().map(help).collect::<Vec<_>>().join("\n")
        }
    }
}

fn absent<T>(paths: &std::collections::BTreeSet<String>) -> BTreeMap<String, crate::facts::Fact<T>> {
    paths.iter().map(|path| (path.clone(), crate::facts::Fact::Absent)).collect()
}

#[test]
fn a_template_that_breaks_a_rule_is_named_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let text = "# {{ host.name }}\n[Service]\nRestart=sometimes\n";
    fs::write(dir.path().join("unit.j2"), text).unwrap();
    let steps = "[[step]]\nname = \"unit\"\nfile = { path = \"/etc/x.service\", template = \"unit.j2\", lint = \"systemd\" }";
    let said = refused(&World::tiny(steps, Some(dir.path())))
        .replace(&dir.path().display().to_string(), "templates");
    insta::assert_snapshot!(said, @r#"
    templates/unit.j2:3:1: error[HAC-E096]: n2/file:/etc/x.service, line 3, would be wrong: Restart is "sometimes"
      write one of no, on-success, on-failure, on-abnormal, on-watchdog, on-abort, always
    templates/unit.j2:3:1: error[HAC-E096]: n1/file:/etc/x.service, line 3, would be wrong: Restart is "sometimes"
      write one of no, on-success, on-failure, on-abnormal, on-watchdog, on-abort, always
    "#);
}

#[test]
fn a_value_of_the_inventory_that_changes_the_file_around_it_is_refused() {
    let steps = |name: &str| {
        format!(
            "[[step]]\nname = \"settings\"\n[step.file]\npath = \"/etc/x.env\"\nlint = \"etcd\"\n\
             content = {:?}\nholds = {{ ETCD_NAME = {name:?} }}",
            format!(
                "ETCD_NAME={name}\nETCD_DATA_DIR=/x\nETCD_LISTEN_PEER_URLS=https://a:1\nETCD_ADVERTISE_CLIENT_URLS=https://a:2\n"
            )
        )
    };
    assert_eq!(refused(&World::tiny(&steps("n1"), None)), "2 changes");
    let said = refused(&World::tiny(&steps("n1\nETCD_INITIAL_CLUSTER_STATE=new"), None));
    assert!(
        said.contains("n1/file:/etc/x.env, would be wrong: ETCD_NAME is read as another value"),
        "{said}"
    );
}

#[test]
fn what_is_said_of_a_file_holds_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("p.j2"), "watchdog:\n  mode: \"{{ secret('patroni.rest') }}\"\n").unwrap();
    let steps =
        "[[step]]\nname = \"p\"\nfile = { path = \"/etc/p.yml\", template = \"p.j2\", lint = \"patroni\" }";
    let world = World::tiny(steps, Some(dir.path()));
    let said = refused(&world);
    assert!(said.contains("watchdog.mode is"), "{said}");
    assert!(!said.contains(world.secrets.get("patroni.rest").unwrap().expose()), "{said}");
}
