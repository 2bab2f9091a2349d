//! What is declared inside `PostgreSQL`: which steps follow, and in which order.

use hacluster::facts::Needs;
use hacluster::graph::{Graph, Node};
use hacluster::resource::Kind;

use super::{Cluster, lab_with};

const TABLES: &str = r#"
[[postgres.grant]]
user = "reader"
database = "shop"
schema = "public"
on = "tables"
privileges = ["ALL"]

[[postgres.user]]
name = "Shop.App"
member_of = ["readers"]
createdb = true

[[postgres.user]]
name = "readers"
login = false

[[postgres.user]]
name = "reader"
connection_limit = 5
password = "secret://elsewhere"

[[postgres.database]]
name = "shop"
owner = "Shop.App"
extensions = ["pg_trgm"]

[[postgres.hba]]
database = "shop"
user = "reader"
address = "10.0.0.0/8"

[[postgres.hba]]
type = "local"
database = "all"
user = "+readers"
method = "peer"

[timescaledb]
"#;

fn declared() -> Cluster {
    lab_with("[timescaledb]\n", TABLES)
}

fn inside(id: &str) -> bool {
    id.starts_with("cluster/postgres_")
}

#[test]
fn each_comes_after_what_it_names_and_all_on_the_leader() {
    let cluster = declared();
    let graph = Graph::build(&cluster.resources, &cluster.playbooks).unwrap();
    let mut said = String::new();
    for node in &graph.order {
        let Node::Resource(index) = graph.dag[*node] else { continue };
        let resource = &cluster.resources[index];
        if !inside(&resource.id) {
            continue;
        }
        assert_eq!(resource.hosts.len(), 4, "{}", resource.id);
        let before = graph.predecessors(*node).filter(|(_, edge)| !edge.soft);
        let mut before: Vec<String> = before.map(|(from, _)| graph.label(from, &cluster.resources)).collect();
        before.sort();
        said.push_str(&format!(
            "{} ({:?}) after {}\n",
            resource.id,
            resource.once.unwrap(),
            before.join(", ")
        ));
    }
    insta::assert_snapshot!(said, @r"
    cluster/postgres_user:reader (Leader) after cluster/gate:patroni, cluster/patroni_config:settings of the whole cluster
    cluster/postgres_user:readers (Leader) after cluster/gate:patroni, cluster/patroni_config:settings of the whole cluster
    cluster/postgres_user:Shop.App (Leader) after cluster/gate:patroni, cluster/patroni_config:settings of the whole cluster, cluster/postgres_user:readers
    cluster/postgres_database:shop (Leader) after cluster/gate:patroni, cluster/patroni_config:settings of the whole cluster, cluster/postgres_user:Shop.App
    cluster/postgres_grant:reader on shop/public tables (Leader) after cluster/gate:patroni, cluster/patroni_config:settings of the whole cluster, cluster/postgres_database:shop, cluster/postgres_user:Shop.App, cluster/postgres_user:reader
    cluster/postgres_extension:shop/pg_trgm (Leader) after cluster/gate:patroni, cluster/patroni_config:settings of the whole cluster, cluster/postgres_database:shop
    ");
}

#[test]
fn items_become_what_their_kinds_take() {
    let cluster = declared();
    let find = |id: &str| cluster.resources.iter().find(|r| r.id == id).unwrap_or_else(|| panic!("no {id}"));
    let Kind::PostgresUser(app) = &find("cluster/postgres_user:Shop.App").kind else { panic!() };
    assert_eq!(
        (&*app.password, &*app.attributes, &*app.connection_limit),
        ("postgres-shop.app", "login createdb", "-1")
    );
    assert_eq!((&*app.member_of, &*app.server.psql), ("readers", "/usr/lib/postgresql/17/bin/psql"));
    let Kind::PostgresUser(group) = &find("cluster/postgres_user:readers").kind else { panic!() };
    assert_eq!((&*group.password, &*group.attributes), ("", ""));
    let Kind::PostgresUser(reader) = &find("cluster/postgres_user:reader").kind else { panic!() };
    assert_eq!((&*reader.password, &*reader.connection_limit), ("elsewhere", "5"));
    let Kind::PostgresGrant(grant) = &find("cluster/postgres_grant:reader on shop/public tables").kind else {
        panic!()
    };
    assert_eq!(grant.privileges, "DELETE INSERT REFERENCES SELECT TRIGGER TRUNCATE UPDATE");
    assert_eq!(grant.owner, "Shop.App");
    // Where nothing is declared, nothing is asked.
    let asked = |cluster: &Cluster| {
        let mut needs = Needs::default();
        cluster.resources.iter().for_each(|resource| resource.kind.manage().needs(&mut needs));
        needs.postgres.is_some()
    };
    assert!(asked(&cluster) && !asked(&Cluster::lab()));
}

/// The first that fits counts: none of the cluster's own logins can be kept out,
/// and none of the general rules lets in whom a rule refuses.
#[test]
fn rules_stand_between_the_clusters_own_and_the_general_ones() {
    let cluster = declared();
    let id = "cluster/patroni_config:settings of the whole cluster";
    let Kind::PatroniConfig(config) = cluster.kind(id, |_| ()) else { panic!("{id}") };
    let rules: Vec<&str> = config.config["postgresql"]["pg_hba"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r.as_str().unwrap())
        .collect();
    insta::assert_snapshot!(rules.join("\n"), @r"
    local all postgres peer
    local replication replicator scram-sha-256
    hostssl replication replicator 127.0.0.1/32 scram-sha-256
    hostssl replication replicator 192.168.15.0/24 scram-sha-256
    hostssl postgres postgres,rewind_user 192.168.15.0/24 scram-sha-256
    hostssl shop reader 10.0.0.0/8 scram-sha-256
    local all +readers peer
    local all all scram-sha-256
    hostssl all all 192.168.15.0/24 scram-sha-256
    hostssl all all 127.0.0.1/32 scram-sha-256
    ");
}
