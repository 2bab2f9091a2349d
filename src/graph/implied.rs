//! Owns what is obvious: a file after its directory, a unit after its file.
//! Must not know what steps say themselves.

use crate::resource::Kind;

/// Labels of what must be there first, where it is managed at all.
pub(super) fn prerequisites(kind: &Kind) -> Vec<(String, &'static str)> {
    let parents = |path: &str| -> Vec<(String, &'static str)> {
        let ends = path.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0);
        ends.map(|end| (format!("directory:{}", &path[..end]), "its directory comes first")).collect()
    };
    let owned = |owner: &str, group: &str| {
        [
            (format!("user:{owner}"), "its owner comes first"),
            (format!("group:{group}"), "its group comes first"),
        ]
    };
    match kind {
        Kind::File(f) => parents(&f.path).into_iter().chain(owned(&f.owner, &f.group)).collect(),
        Kind::Directory(d) => parents(&d.path).into_iter().chain(owned(&d.owner, &d.group)).collect(),
        Kind::Link(l) => parents(&l.path),
        // Left before its data goes, where both go.
        Kind::EtcdMember(m) => {
            let data = (format!("directory:{}", m.data), "its directory comes first");
            parents(&m.data).into_iter().chain([data]).collect()
        }
        Kind::Certificate(c) => parents(&c.key).into_iter().chain(owned(&c.owner, &c.group)).collect(),
        Kind::User(u) => u.groups.iter().map(|g| (format!("group:{g}"), "its group comes first")).collect(),
        Kind::Unit(unit) => {
            let name = unit.full_name();
            let template = name
                .split_once('@')
                .map(|(stem, rest)| format!("{stem}@.{}", rest.rsplit('.').next().unwrap_or("service")));
            let names = std::iter::once(name).chain(template);
            let places = names.flat_map(|n| {
                [
                    format!("file:/etc/systemd/system/{n}"),
                    format!("file:/etc/systemd/system/{n}.d/hacluster.conf"),
                ]
            });
            places.map(|label| (label, "its unit file comes first")).collect()
        }
        _ => within_postgres(kind),
    }
}

/// What is inside of `PostgreSQL` has no host of its own, and the same order.
fn within_postgres(kind: &Kind) -> Vec<(String, &'static str)> {
    let user = |name: &str, why: &'static str| (format!("postgres_user:{name}"), why);
    let database = |name: &str| (format!("postgres_database:{name}"), "its database comes first");
    match kind {
        Kind::PostgresUser(one) => {
            one.member_of.split_whitespace().map(|group| user(group, "its group comes first")).collect()
        }
        Kind::PostgresDatabase(one) => vec![user(&one.owner, "its owner comes first")],
        Kind::PostgresExtension(one) => vec![database(&one.database)],
        Kind::PostgresGrant(one) => vec![
            user(&one.user, "its user comes first"),
            user(&one.owner, "its owner comes first"),
            database(&one.database),
        ],
        _ => Vec::new(),
    }
}
