//! What sshd offers, where it is asked to offer less.

use super::{Cluster, DEBIAN_12, DEBIAN_13, UBUNTU_2404, lab_with, run};

const FILE: &str = "node1/file:/etc/ssh/sshd_config.d/00-hacluster.conf";

/// The lists of ssh-audit 3.9.0's policies, in their order, without what sshd adds itself.
const CIPHERS: &str = "chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes256-ctr,aes192-ctr,aes128-gcm@openssh.com,aes128-ctr";
const POLICIES: [((&str, &str, &str), &str, &str); 3] = [
    (
        DEBIAN_12,
        "sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org,\
         diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,diffie-hellman-group-exchange-sha256",
        "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,umac-128-etm@openssh.com",
    ),
    (
        DEBIAN_13,
        "mlkem768x25519-sha256,sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com",
        "hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com,umac-128-etm@openssh.com",
    ),
    // It takes a part of its list, too: without the group exchange there are no primes to look after.
    (
        UBUNTU_2404,
        "sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org,\
         diffie-hellman-group18-sha512,diffie-hellman-group16-sha512",
        "hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com,umac-128-etm@openssh.com",
    ),
];

#[test]
fn it_offers_what_the_policy_of_its_system_lists() {
    let cluster = Cluster::lab();
    for (system, exchanges, macs) in POLICIES {
        let text = cluster.text_on(FILE, |facts| run(&mut facts.identity, system));
        let of = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).unwrap().trim();
        assert_eq!(
            (of("Ciphers"), of("KexAlgorithms"), of("MACs")),
            (CIPHERS, exchanges, macs),
            "{system:?}"
        );
        let keys: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("HostKey ")).collect();
        let wanted = ["/etc/ssh/ssh_host_ed25519_key", "/etc/ssh/ssh_host_rsa4096_key"];
        assert_eq!(keys, wanted[..if system == DEBIAN_12 { 2 } else { 1 }], "{system:?}");
        assert_eq!(text.contains("ModuliFile"), system == DEBIAN_12);
    }
}

#[test]
fn nothing_is_done_to_it_unless_asked_for() {
    let cluster = lab_with("hardened    = true", "hardened    = false");
    assert!(!cluster.resources.iter().any(|resource| resource.playbook == "sshd"));
    assert!(Cluster::lab().resources.iter().any(|resource| resource.id == FILE && resource.confirm));
}
