//! Owns the text that asks `PostgreSQL`: one psql over the local socket, in
//! transactions that cannot write. Must not know how the answers are read.

use std::collections::BTreeSet;

use super::postgres::{GrantKey, GrantOn, PostgresNeeds, PostgresServer};
use crate::shell::quote;
use crate::sql::{argument, conninfo, literal, literals};

/// Where Debian's servers listen locally.
const SOCKETS: &str = "/var/run/postgresql";
/// Nothing of a session lands in the server's log or in `pg_stat_activity`.
const QUIET: &str = "-c log_statement=none -c log_duration=off -c log_min_duration_statement=-1 \
                     -c log_min_duration_sample=-1 -c log_transaction_sample_rate=0 \
                     -c log_min_error_statement=panic -c track_activities=off \
                     -c pg_stat_statements.track_utility=off -c client_min_messages=warning";
/// For probes. The time is below that of a probe's section.
const READING: &str = "-c default_transaction_read_only=on -c statement_timeout=8s";

impl PostgresServer {
    /// psql as the superuser, by the operating system's word (peer), statements
    /// on its standard input. setpriv opens no PAM session and writes nothing.
    pub fn session(&self, database: &str, reading: bool) -> String {
        let options = if reading { format!("{QUIET} {READING}") } else { QUIET.to_owned() };
        format!(
            "setpriv --reuid=postgres --regid=postgres --init-groups --reset-env env PGOPTIONS={} \
             {} -X -q -A -t -w -v ON_ERROR_STOP=1 -h {SOCKETS} -p {} -d {}",
            quote(&options),
            quote(&self.psql),
            quote(&self.port),
            quote(&conninfo(database))
        )
    }
}

/// The section's body. A host without a server says so; one that follows says
/// only that.
pub(super) fn ask(needs: &PostgresNeeds, seconds: u32) -> String {
    let server = &needs.server;
    format!(
        "if [ ! -x {} ] || [ ! -S {} ]; then echo '{{\"server\": \"absent\"}}'; else\n\
         printf %s {} | timeout -k 1 {seconds} {} 2>&1\nfi",
        quote(&server.psql),
        quote(&format!("{SOCKETS}/.s.PGSQL.{}", server.port)),
        quote(&statements(needs)),
        server.session("postgres", true)
    )
}

fn statements(needs: &PostgresNeeds) -> String {
    let mut text = String::from(
        "SELECT pg_is_in_recovery() AS hac_follows \\gset\n\\if :hac_follows\n\
         \\echo '{\"server\": \"follows\"}'\n\\quit\n\\endif\n\\echo '{\"server\": \"leads\"}'\n",
    );
    if !needs.roles.is_empty() {
        text.push_str(&roles(&needs.roles));
    }
    if !needs.holdings.is_empty() {
        text.push_str(&holdings(&needs.holdings));
    }
    if !needs.databases.is_empty() {
        text.push_str(&databases(&needs.databases));
    }
    let numbered: Vec<(usize, &GrantKey)> = needs.grants.iter().enumerate().collect();
    for (index, key) in numbered.iter().filter(|(_, key)| key.on == GrantOn::Database) {
        text.push_str(&grant(*index, key));
    }
    let inside = numbered.iter().filter(|(_, key)| key.on != GrantOn::Database);
    let names = needs.extensions.iter().map(|(database, _)| database);
    let names: BTreeSet<&String> = names.chain(inside.clone().map(|(_, key)| &key.database)).collect();
    for database in names {
        let wanted = needs.extensions.iter().filter(|(of, _)| of == database).map(|(_, name)| name.as_str());
        let mut body = extensions(wanted.collect());
        let here = inside.clone().filter(|(_, key)| &key.database == database);
        body.extend(here.map(|(index, key)| grant(*index, key)));
        text.push_str(&within(database, &body));
    }
    text.push_str("\\echo '{\"over\": true}'\n");
    text
}

/// Statements inside of a database that may not be there yet.
fn within(database: &str, body: &str) -> String {
    format!(
        "SELECT EXISTS (SELECT FROM pg_database WHERE datname = {}) AS hac_there \\gset\n\\if :hac_there\n\
         \\connect -reuse-previous=on {}\n{body}\\endif\n",
        literal(database),
        argument(&conninfo(database))
    )
}

fn roles(names: &BTreeSet<String>) -> String {
    format!(
        "SELECT jsonb_build_object('role', r.rolname, 'login', r.rolcanlogin, 'superuser', r.rolsuper, \
         'createdb', r.rolcreatedb, 'createrole', r.rolcreaterole, 'replication', r.rolreplication, \
         'connection_limit', r.rolconnlimit, 'verifier', r.rolpassword, 'member_of', \
         (SELECT coalesce(jsonb_agg(DISTINCT g.rolname), '[]') FROM pg_auth_members m \
         JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid)) \
         FROM pg_authid r WHERE r.rolname IN ({});\n",
        literals(names.iter().map(String::as_str))
    )
}

/// Databases, and things inside of any; what it grants in advance is none.
fn holdings(names: &BTreeSet<String>) -> String {
    format!(
        "SELECT jsonb_build_object('holder', r.rolname, 'databases', (SELECT coalesce(jsonb_agg(d.datname), \
         '[]') FROM pg_database d WHERE d.datdba = r.oid), 'inside', (SELECT coalesce(jsonb_object_agg(\
         i.name, i.n), '{{}}') FROM (SELECT d.datname::text AS name, count(*) AS n FROM pg_shdepend s \
         JOIN pg_database d ON d.oid = s.dbid WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid \
         AND s.deptype = 'o' AND s.classid <> 'pg_default_acl'::regclass GROUP BY 1) i)) \
         FROM pg_roles r WHERE r.rolname IN ({});\n",
        literals(names.iter().map(String::as_str))
    )
}

fn databases(names: &BTreeSet<String>) -> String {
    format!(
        "SELECT jsonb_build_object('database', datname, 'owner', pg_get_userbyid(datdba), \
         'connection_limit', datconnlimit) FROM pg_database WHERE datname IN ({});\n",
        literals(names.iter().map(String::as_str))
    )
}

fn extensions(names: Vec<&str>) -> String {
    if names.is_empty() {
        return String::new();
    }
    format!(
        "SELECT jsonb_build_object('database', current_database(), 'extension', extname, 'version', extversion) \
         FROM pg_extension WHERE extname IN ({});\n",
        literals(names)
    )
}

/// What there is to have privileges on, without the user's own; a row even
/// where there is nothing, but none where the database or schema is missing.
fn grant(index: usize, key: &GrantKey) -> String {
    let who = oid("pg_roles WHERE rolname", &key.user);
    let database = format!("pg_database WHERE datname = {}", literal(&key.database));
    let space = oid("pg_namespace WHERE nspname", &key.schema);
    let relations = |kinds: &str| {
        format!(
            "SELECT oid, relacl AS acl FROM pg_class WHERE relnamespace = {space} AND relkind IN ({kinds}) \
             AND relowner IS DISTINCT FROM {who}"
        )
    };
    let among = match key.on {
        GrantOn::Database => {
            format!("SELECT oid, datacl AS acl FROM {database} AND datdba IS DISTINCT FROM {who}")
        }
        GrantOn::Schema => format!(
            "SELECT oid, nspacl AS acl FROM pg_namespace WHERE oid = {space} AND nspowner IS DISTINCT FROM {who}"
        ),
        GrantOn::Tables => relations("'r', 'p', 'v', 'm', 'f'"),
        GrantOn::Sequences => relations("'S'"),
    };
    let there = if key.on == GrantOn::Database { format!("(SELECT FROM {database})") } else { space.clone() };
    let future = later(key, &space, &who).unwrap_or_else(|| "'[]'::jsonb".to_owned());
    format!(
        "WITH o AS ({among}) SELECT jsonb_build_object('grant', {index}, 'total', (SELECT count(*) FROM o), \
         'held', (SELECT coalesce(jsonb_object_agg(h.p, h.n), '{{}}') FROM (SELECT a.privilege_type AS p, \
         count(DISTINCT o.oid) AS n FROM o, aclexplode(o.acl) a WHERE a.grantee = {who} GROUP BY 1) h), \
         'future', {future}) WHERE EXISTS {there};\n"
    )
}

fn oid(of: &str, name: &str) -> String {
    format!("(SELECT oid FROM {of} = {})", literal(name))
}

/// Privileges on what the database's owner makes there later.
fn later(key: &GrantKey, space: &str, who: &str) -> Option<String> {
    let kind = match key.on {
        GrantOn::Tables => 'r',
        GrantOn::Sequences => 'S',
        GrantOn::Database | GrantOn::Schema => return None,
    };
    let owner = oid("pg_roles WHERE rolname", &key.owner);
    Some(format!(
        "(SELECT coalesce(jsonb_agg(DISTINCT a.privilege_type), '[]') \
         FROM pg_default_acl f, aclexplode(f.defaclacl) a WHERE f.defaclnamespace = {space} \
         AND f.defaclrole = {owner} AND f.defaclobjtype = '{kind}' AND a.grantee = {who})"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs() -> PostgresNeeds {
        let server =
            PostgresServer { psql: "/usr/lib/postgresql/17/bin/psql".to_owned(), port: "5432".to_owned() };
        PostgresNeeds::new(&server)
    }

    #[test]
    fn a_server_that_is_asked_nothing_still_says_what_it_is() {
        insta::assert_snapshot!(ask(&needs(), 10), @r#"
        if [ ! -x /usr/lib/postgresql/17/bin/psql ] || [ ! -S /var/run/postgresql/.s.PGSQL.5432 ]; then echo '{"server": "absent"}'; else
        printf %s 'SELECT pg_is_in_recovery() AS hac_follows \gset
        \if :hac_follows
        \echo '\''{"server": "follows"}'\''
        \quit
        \endif
        \echo '\''{"server": "leads"}'\''
        \echo '\''{"over": true}'\''
        ' | timeout -k 1 10 setpriv --reuid=postgres --regid=postgres --init-groups --reset-env env PGOPTIONS='-c log_statement=none -c log_duration=off -c log_min_duration_statement=-1 -c log_min_duration_sample=-1 -c log_transaction_sample_rate=0 -c log_min_error_statement=panic -c track_activities=off -c pg_stat_statements.track_utility=off -c client_min_messages=warning -c default_transaction_read_only=on -c statement_timeout=8s' /usr/lib/postgresql/17/bin/psql -X -q -A -t -w -v ON_ERROR_STOP=1 -h /var/run/postgresql -p 5432 -d 'dbname='\''postgres'\''' 2>&1
        fi
        "#);
    }

    #[test]
    fn names_are_quoted_through_every_layer() {
        let mut needs = needs();
        needs.roles.insert("o'Neil".to_owned());
        needs.extensions.insert((r"it's a=b".to_owned(), "x'y".to_owned()));
        let text = statements(&needs);
        assert!(text.contains("WHERE r.rolname IN ('o''Neil');\n"), "{text}");
        assert!(text.contains("datname = 'it''s a=b')"), "{text}");
        assert!(text.contains(r#"\connect -reuse-previous=on "dbname='it\'s a=b'""#), "{text}");
        assert!(text.contains("extname IN ('x''y');\n"), "{text}");
        let body = ask(&needs, 10);
        assert!(body.contains(r"WHERE r.rolname IN ('\''o'\'''\''Neil'\'');"), "{body}");
    }

    #[test]
    fn grants_keep_their_numbers_wherever_they_are_asked() {
        let mut needs = needs();
        let key = |database: &str, schema: &str, on| GrantKey {
            user: "r".to_owned(),
            database: database.to_owned(),
            schema: schema.to_owned(),
            on,
            owner: "o".to_owned(),
        };
        needs.grants.insert(key("a", "public", GrantOn::Tables));
        needs.grants.insert(key("b", "", GrantOn::Database));
        let text = statements(&needs);
        let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("no {what} in {text}"));
        assert!(at("'grant', 1,") < at("\\connect") && at("\\connect") < at("'grant', 0,"));
        assert_eq!(text.matches("\\connect").count(), 1);
    }
}
