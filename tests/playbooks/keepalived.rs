//! The address that follows the leader.

use hacluster::facts::Facts;

use super::{Cluster, NOW};

#[test]
#[expect(clippy::too_many_lines, reason = "one file, shown whole")]
fn keepalived_finds_the_interface_that_carries_the_address() {
    let cluster = Cluster::lab();
    insta::assert_snapshot!(cluster.text("node1/file:/etc/keepalived/keepalived.conf"), @r#"
    # Managed by hacluster. Nobody holds the address while nobody leads.
    global_defs {
        router_id node1
        # Always 3, so that a change of preset never makes two versions meet.
        vrrp_version 3
        enable_script_security
        script_user keepalived_script
        vrrp_garp_master_refresh 30
        vrrp_garp_master_delay 1
        vrrp_check_unicast_src
    }

    vrrp_script pg_primary {
        script "/usr/local/libexec/hacluster/pg-primary"
        interval 1
        timeout 3
        rise 1
        fall 1
        # No weight: a host that does not lead is in FAULT and never has the address.
        init_fail
    }

    vrrp_instance database {
        state BACKUP
        interface host0
        virtual_router_id 200
        priority 100
        advert_int 0.3
        nopreempt
        unicast_src_ip 192.168.15.101
        unicast_peer {
            192.168.15.102
            192.168.15.103
            192.168.15.50
        }
        virtual_ipaddress {
            192.168.15.200/24 dev host0
        }
        track_script {
            pg_primary
        }
    }
    "#);
}

#[test]
fn no_host_is_a_peer_of_itself() {
    let cluster = Cluster::lab();
    let nas = cluster.text("nas/file:/etc/keepalived/keepalived.conf");
    assert!(
        nas.contains("unicast_src_ip 192.168.15.50\n") && !nas.contains("        192.168.15.50\n"),
        "{nas}"
    );
}

#[test]
fn a_host_without_its_own_address_gets_no_keepalived_settings() {
    let cluster = Cluster::lab();
    let id = "node1/file:/etc/keepalived/keepalived.conf";
    let resource = cluster.resources.iter().find(|r| r.id == id).unwrap();
    let error =
        resource.resolve(&cluster.renderer, Some(&cluster.secrets), &Facts::default(), NOW).unwrap_err();
    assert!(error.to_string().contains("keepalived.conf.j2"), "{error}");
}
