//! Owns the names in `[packages.versions]` against what steps install.
//! Must not know how a version is installed.

use std::collections::BTreeSet;

use crate::expand::Resource;
use crate::inventory::{Inventory, nearest};
use crate::problem::Problem;
use crate::resource::Kind;

/// Packages with a version that no step installs.
pub(super) fn unused(inventory: &Inventory, resources: &[Resource]) -> Vec<Problem> {
    let package = |resource: &Resource| match &resource.kind {
        Kind::Package(package) => Some(package.name.clone()),
        _ => None,
    };
    let known: BTreeSet<String> = resources.iter().filter_map(package).collect();
    let unknown = inventory.packages.versions.keys().filter(|name| !known.contains(*name));
    let problem = |name: &String| {
        let path = format!("packages.versions.{name}");
        let place = inventory.place_of(&path)?;
        let message = format!("`{path}` is the version of nothing: no step installs {name:?}");
        let help = match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("installed are: {}", known.iter().cloned().collect::<Vec<_>>().join(", ")),
        };
        Some(Problem::error(&place.source, "HAC-E043", place.span, message).help(help))
    };
    unknown.filter_map(problem).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expand::expand;
    use crate::render::Renderer;
    use crate::{inventory, playbook};

    fn read(versions: &str) -> (Inventory, Vec<Resource>) {
        let text = format!("{}{versions}", include_str!("../../inventories/lab.toml"));
        let inventory = inventory::parse("cluster.toml", text.as_bytes()).unwrap();
        let renderer = Renderer::new(None, None);
        let resources = expand(&playbook::load(None).unwrap(), &inventory.context(), &renderer).unwrap();
        (inventory, resources)
    }

    #[test]
    fn a_version_of_what_nobody_installs_is_a_slip() {
        let (inventory, resources) =
            read("postgresql-17 = \"17.6-0+deb13u1\"\n\"etcd-sever\" = \"3.5.16-4\"\n");
        let [slip] = &unused(&inventory, &resources)[..] else { panic!("not one problem") };
        insta::assert_snapshot!(slip, @r#"cluster.toml:84:16: error[HAC-E043]: `packages.versions.etcd-sever` is the version of nothing: no step installs "etcd-sever""#);
        assert_eq!(slip.help.as_deref(), Some("did you mean \"etcd-server\"?"));
        let pinned = |r: &&Resource| matches!(&r.kind, Kind::Package(p) if p.version.as_deref() == Some("17.6-0+deb13u1"));
        let found: Vec<&str> = resources.iter().filter(pinned).map(|r| r.id.as_str()).collect();
        let hosts = ["node1", "node2", "node3", "nas"].map(|host| format!("{host}/package:postgresql-17"));
        assert_eq!(found, hosts);
    }
}
