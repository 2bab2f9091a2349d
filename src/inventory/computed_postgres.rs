//! Owns the lists that playbooks walk over: what is declared inside `PostgreSQL`,
//! each item as its step needs it. Must not know the steps.

use serde_json::{Value, json};

use super::database::Postgres;
use super::declared::{PostgresDatabase, PostgresUser};

/// The superuser, which Patroni makes.
const SUPERUSER: &str = "postgres";

pub(super) fn users(postgres: &Postgres) -> Value {
    postgres.user.iter().map(user).collect()
}

fn user(user: &PostgresUser) -> Value {
    let attributes = [
        ("login", user.login),
        ("superuser", user.superuser),
        ("createdb", user.createdb),
        ("createrole", user.createrole),
        ("replication", user.replication),
    ];
    let attributes: Vec<&str> = attributes.iter().filter(|(_, on)| *on).map(|(name, _)| *name).collect();
    let groups: Vec<&str> = user.member_of.iter().map(|group| &**group).collect();
    json!({
        "name": user.name,
        "password": user.password.as_ref().map_or("", |secret| secret.name()),
        "attributes": attributes.join(" "),
        "connection_limit": limit(user.connection_limit),
        "member_of": groups.join(" "),
    })
}

fn limit(limit: Option<u32>) -> i64 {
    limit.map_or(-1, i64::from)
}

pub(super) fn databases(postgres: &Postgres) -> Value {
    let item = |one: &PostgresDatabase| json!({ "name": one.name, "owner": one.owner, "connection_limit": limit(one.connection_limit) });
    postgres.database.iter().map(item).collect()
}

pub(super) fn extensions(postgres: &Postgres) -> Value {
    let of = |one: &PostgresDatabase| -> Vec<Value> {
        one.extensions.iter().map(|name| json!({ "database": one.name, "name": name })).collect()
    };
    postgres.database.iter().flat_map(of).collect()
}

pub(super) fn grants(postgres: &Postgres) -> Value {
    let owner = |name: &str| {
        let found = postgres.database.iter().find(|database| &*database.name == name);
        found.map_or(SUPERUSER, |database| &*database.owner).to_owned()
    };
    let item = |grant: &super::PostgresGrant| {
        json!({
            "user": grant.user,
            "database": grant.database,
            "schema": grant.schema.as_deref().unwrap_or_default(),
            "on": grant.target(),
            "privileges": grant.spelled().join(" "),
            "owner": owner(&grant.database),
        })
    };
    postgres.grant.iter().map(item).collect()
}

pub(super) fn hba(postgres: &Postgres) -> Value {
    postgres.hba.iter().map(|rule| Value::from(rule.line())).collect()
}
