//! Patroni's settings, on a host and in etcd.

use hacluster::expand::Resource;
use hacluster::facts::Facts;
use hacluster::render::Renderer;
use hacluster::resource::Kind;

use super::{Cluster, NOW, lab_with};

#[test]
#[expect(clippy::too_many_lines, reason = "one file, shown whole")]
fn patroni_settings_of_a_node() {
    let text = Cluster::lab().text("node1/file:/etc/patroni/config.yml");
    // Every test has an authority of its own.
    let digest = text.lines().find_map(|line| line.strip_prefix("  keyfile_password: ")).unwrap();
    insta::assert_snapshot!(text.replace(digest, "(digest)"), @r#"
    # Managed by hacluster. Patroni reads it at a reload and never writes it.
    scope: "cold"
    namespace: /hac/
    name: "node1"

    etcd3:
      hosts: ["192.168.15.101:2479", "192.168.15.102:2479", "192.168.15.103:2479", "192.168.15.50:2479", "192.168.15.50:2489"]
      protocol: https
      cacert: /etc/patroni/tls/ca.crt
      cert: /etc/patroni/tls/patroni.crt
      key: /etc/patroni/tls/patroni.key
      username: patroni
      password: "(etcd.patroni)"

    restapi:
      listen: 0.0.0.0:8008
      connect_address: 192.168.15.101:8008
      certfile: /etc/patroni/tls/patroni.crt
      keyfile: /etc/patroni/tls/patroni.key
      cafile: /etc/patroni/tls/ca.crt
      # No key has one. At a reload cafile is read anew only where a setting like this differs.
      keyfile_password: (digest)
      # Unsafe requests need a certificate and the password; reading needs neither.
      verify_client: optional
      authentication:
        username: patroni
        password: "(patroni.rest)"

    ctl:
      cacert: /etc/patroni/tls/ca.crt
      certfile: /etc/patroni/tls/patroni.crt
      keyfile: /etc/patroni/tls/patroni.key

    bootstrap:
      # Counts once, at the very first start; later this lives in etcd.
      dcs:
        {
          "ttl": 20,
          "loop_wait": 5,
          "retry_timeout": 5,
          "maximum_lag_on_failover": 33554432,
          "check_timeline": true,
          "failsafe_mode": true,
          "primary_start_timeout": 30,
          "synchronous_mode": false,
          "postgresql": {
            "use_pg_rewind": true,
            "use_slots": true,
            "remove_data_directory_on_rewind_failure": false,
            "remove_data_directory_on_diverged_timelines": false,
            "pg_hba": [
              "local all postgres peer",
              "local replication replicator scram-sha-256",
              "hostssl replication replicator 127.0.0.1/32 scram-sha-256",
              "hostssl replication replicator 192.168.15.0/24 scram-sha-256",
              "hostssl postgres postgres,rewind_user 192.168.15.0/24 scram-sha-256",
              "local all all scram-sha-256",
              "hostssl all all 192.168.15.0/24 scram-sha-256",
              "hostssl all all 127.0.0.1/32 scram-sha-256"
            ],
            "parameters": {
              "max_connections": 100,
              "max_replication_slots": 12,
              "max_slot_wal_keep_size": "4GB",
              "max_wal_senders": 12,
              "password_encryption": "scram-sha-256",
              "shared_preload_libraries": "",
              "wal_keep_size": "256MB",
              "wal_level": "replica",
              "wal_log_hints": "on",
              "wal_receiver_timeout": "10s",
              "wal_sender_timeout": "10s"
            }
          }
        }
      initdb:
        - encoding: UTF8
        - data-checksums
        - locale-provider: builtin
        - builtin-locale: C.UTF-8
        - locale: C.UTF-8
        - auth-local: peer
        - auth-host: scram-sha-256

    postgresql:
      listen: 0.0.0.0:5432
      connect_address: 192.168.15.101:5432
      use_unix_socket: true
      use_unix_socket_repl: false
      data_dir: "/var/lib/postgresql/17/cold"
      bin_dir: /usr/lib/postgresql/17/bin
      pgpass: /var/lib/postgresql/.pgpass-patroni
      create_replica_methods:
        - basebackup
      basebackup:
        checkpoint: fast
      authentication:
        superuser:
          username: postgres
          password: "(postgres.superuser)"
          sslmode: verify-full
          sslrootcert: /etc/patroni/tls/ca.crt
        replication:
          username: replicator
          password: "(postgres.replication)"
          sslmode: verify-full
          sslrootcert: /etc/patroni/tls/ca.crt
        rewind:
          username: rewind_user
          password: "(postgres.rewind)"
          sslmode: verify-full
          sslrootcert: /etc/patroni/tls/ca.crt
      parameters:
        unix_socket_directories: /var/run/postgresql
        ssl: "on"
        ssl_ca_file: /etc/patroni/tls/ca.crt
        ssl_cert_file: /etc/patroni/tls/pg.crt
        ssl_key_file: /etc/patroni/tls/pg.key
        ssl_min_protocol_version: TLSv1.2

    watchdog:
      mode: "off"

    tags:
      # At equal data the higher number leads.
      failover_priority: 100
      clonefrom: true
    "#);
}

#[test]
fn patroni_settings_of_the_nas_differ_by_name_address_and_tags() {
    let cluster = Cluster::lab();
    let [node, nas] =
        ["node1", "nas"].map(|host| cluster.text(&format!("{host}/file:/etc/patroni/config.yml")));
    let only: Vec<&str> = nas.lines().filter(|line| !node.lines().any(|other| other == *line)).collect();
    insta::assert_snapshot!(only.join("\n"), @r#"
    name: "nas"
      connect_address: 192.168.15.50:8008
      connect_address: 192.168.15.50:5432
      failover_priority: 1
      noloadbalance: true
    "#);
}

#[test]
fn settings_of_the_whole_cluster_are_the_same_json_at_both_places() {
    let cluster = lab_with(
        "preset  = \"fast\"",
        "parameters = { work_mem = \"8MB\", jit = false }\nmax_connections = 150",
    );
    let id = "cluster/patroni_config:settings of the whole cluster";
    let Kind::PatroniConfig(config) = cluster.kind(id, |_| ()) else { panic!("{id}") };
    let postgresql = &config.config["postgresql"];
    assert_eq!(postgresql["parameters"]["work_mem"], "8MB");
    assert_eq!(postgresql["parameters"]["jit"], "off");
    assert_eq!(postgresql["parameters"]["max_connections"], 150);
    assert_eq!(config.config["ttl"], 30);
    let yaml = cluster.text("node1/file:/etc/patroni/config.yml");
    let embedded = yaml.split_once("  dcs:\n").unwrap().1.split_once("  initdb:").unwrap().0;
    assert_eq!(serde_json::from_str::<serde_json::Value>(embedded).unwrap(), config.config);
}

#[test]
fn timescaledb_in_the_cluster_is_on_every_member_and_preloaded() {
    let cluster = lab_with("mode = \"separate\"\nhost = \"node1\"", "mode = \"cluster\"");
    for host in cluster.inventory.hosts() {
        let id = format!("{}/package:postgresql-17-timescaledb", host.name);
        assert!(cluster.resources.iter().any(|r| r.id == id), "{id}");
    }
    assert!(
        cluster
            .text("nas/file:/etc/patroni/config.yml")
            .contains("\"shared_preload_libraries\": \"timescaledb\"")
    );
}

#[test]
fn the_leader_is_never_restarted_by_a_setting() {
    let cluster = Cluster::lab();
    for resource in cluster.resources.iter().filter(|r| r.playbook == "patroni") {
        for (unit, action) in &resource.notifies {
            assert_eq!(
                (unit.as_str(), action.word()),
                ("patroni.service", Some("reload")),
                "{}",
                resource.id
            );
        }
    }
}

#[test]
fn a_template_that_gives_no_json_is_told_with_its_line() {
    let overrides = tempfile::tempdir().unwrap();
    std::fs::create_dir(overrides.path().join("patroni")).unwrap();
    std::fs::write(overrides.path().join("patroni/dcs.json.j2"), "{\n  \"ttl\": 30,\n}\n").unwrap();
    let cluster = Cluster::lab();
    let renderer = Renderer::new(Some(overrides.path()), None);
    let of_cluster = |r: &&Resource| matches!(r.kind, Kind::PatroniConfig(_));
    let resource = cluster.resources.iter().find(of_cluster).unwrap();
    let error = resource.resolve(&renderer, None, &Facts::default(), NOW).unwrap_err().to_string();
    assert!(
        error.starts_with("patroni/dcs.json.j2, rendered:3:1: error[HAC-E080]: this is no JSON"),
        "{error}"
    );
}
