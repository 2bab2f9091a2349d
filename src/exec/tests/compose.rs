//! Owns how resources become steps of one script. Must not run one.

use std::collections::BTreeMap;

use super::World;
use crate::exec::compose::compose;
use crate::plan::{Assessment, Foreign};
use crate::resource::{Change, Field, Kind};

const STEPS: &str = r#"
[[step]]
name = "packages"
package = ["alpha", "beta"]

[[step]]
name = "source"
file = { path = "/etc/source", content = "x" }

[[step]]
name = "more"
package = ["gamma"]
"#;

fn created(world: &World) -> BTreeMap<usize, Assessment> {
    let row = Field { name: "installed".to_owned(), from: String::new(), to: "yes".to_owned() };
    let assessment = |(index, resource): (usize, &crate::expand::Resource)| {
        let assessment = Assessment {
            index,
            id: resource.id.clone(),
            host: resource.hosts[0].clone(),
            kind: resource.kind.clone(),
            change: Change::Create(vec![row.clone()]),
            have: None,
            lacks_secrets: false,
            foreign: Foreign::No,
            stays: None,
        };
        (index, assessment)
    };
    world.resources.iter().enumerate().map(assessment).collect()
}

#[test]
fn packages_are_one_transaction_unless_a_step_stands_between() {
    let world = World::tiny(STEPS, None);
    let [alpha, beta, gamma] =
        ["alpha", "beta", "gamma"].map(|name| world.find(&format!("n1/package:{name}")));
    let source = world.find("n1/file:/etc/source");
    let judged = created(&world);
    let free = [(alpha, vec![]), (source, vec![]), (beta, vec![]), (gamma, vec![])];
    let (steps, at) = compose(&world.resources, &judged, &free, None);
    assert_eq!(steps.len(), 2);
    assert_eq!((at[&alpha], at[&beta], at[&gamma]), (0, 0, 0));
    assert_eq!(steps[0].ids, ["n1/package:alpha", "n1/package:beta", "n1/package:gamma"]);
    assert!(steps[0].script.expose().ends_with("install alpha beta gamma"));
    let bound = [(alpha, vec![]), (source, vec![]), (beta, vec![]), (gamma, vec![source])];
    let (steps, at) = compose(&world.resources, &judged, &bound, None);
    assert_eq!((steps.len(), at[&beta], at[&gamma]), (3, 0, 2));
    assert_eq!(steps[2].requires, [1]);
    assert!(steps[2].script.expose().ends_with("install gamma"));
}

#[test]
fn a_transaction_requires_what_any_of_its_packages_does() {
    let world = World::tiny(STEPS, None);
    let [alpha, beta] = ["alpha", "beta"].map(|name| world.find(&format!("n1/package:{name}")));
    let source = world.find("n1/file:/etc/source");
    let order = [(source, vec![]), (alpha, vec![]), (beta, vec![source])];
    let (steps, at) = compose(&world.resources, &created(&world), &order, None);
    assert_eq!((steps.len(), at[&alpha], at[&beta]), (2, 1, 1));
    assert_eq!(steps[1].requires, [0]);
}

const PINNED: &str = r#"
[[step]]
name = "packages"
package = ["alpha", "beta"]

[[step]]
name = "server"
unit = { name = "alpha", state = "started", packages = ["alpha"] }

[[step]]
name = "helper"
unit = { name = "beta", state = "started" }
"#;

#[test]
fn versions_and_units_that_scripts_of_packages_leave_alone() {
    let world = World::tiny(PINNED, None);
    let [alpha, beta] = ["alpha", "beta"].map(|name| world.find(&format!("n1/package:{name}")));
    let mut judged = created(&world);
    if let Some(Kind::Package(package)) = judged.get_mut(&beta).map(|a| &mut a.kind) {
        package.version = Some("1:2.0-1~x".to_owned());
    }
    for order in [vec![(alpha, vec![]), (beta, vec![])], vec![(beta, vec![])]] {
        let (steps, _) = compose(&world.resources, &judged, &order, None);
        let text = steps[0].script.expose();
        assert_eq!(steps.len(), 1);
        assert!(text.contains("\nhac_hold alpha.service\nhac_apt_turn\n[ -z "), "{text}");
        assert!(text.contains("update\nhac_offers beta '1:2.0-1~x'\nhac_apt -y"), "{text}");
        assert!(text.contains(" -o DPkg::Path= install ") && text.ends_with("'beta=1:2.0-1~x'"), "{text}");
    }
}
