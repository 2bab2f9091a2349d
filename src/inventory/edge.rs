//! Owns the tables about Kubernetes and the way to it: K3s, MetalLB, ingress,
//! tunnel, DNS, firewall. Must not know how any of them is installed or checked.

use std::net::Ipv4Addr;

use super::address::{AddressRange, Cidr};
use super::choice::choice;
use super::table::table;
use super::text::{DnsName, Name, SecretName, Text, Word};
use super::value::Switch;

choice! {
    /// Where the certificate of the ingress comes from.
    Certificate: "\"dns01\", \"self-signed\" or \"provided\"" {
        Dns01 = "dns01", SelfSigned = "self-signed", Provided = "provided",
    }
    /// Who answers local DNS.
    Resolver: "\"external\", \"dnsmasq\" or \"unbound\"" {
        External = "external", Dnsmasq = "dnsmasq", Unbound = "unbound",
    }
    /// How the tunnel talks to the Internet.
    Protocol: "\"auto\", \"quic\" or \"http2\"" { Auto = "auto", Quic = "quic", Http2 = "http2" }
    /// What has ports.
    Transport: "\"tcp\" or \"udp\"" { Tcp = "tcp", Udp = "udp" }
}

fn net(a: u8, b: u8) -> Cidr {
    Cidr::new(Ipv4Addr::new(a, b, 0, 0), 16)
}

table! {
    /// `[k3s]`: a server on every node.
    K3s {
        /// off without the table
        enabled: Switch;
        /// release
        version: Word = "v1.36.3+k3s1".into();
        /// port of the Kubernetes API
        port: u16 = 6443;
        /// addresses of pods; the default is that of K3s
        pod_cidr: Cidr = net(10, 42);
        /// addresses of services; the default is that of K3s
        service_cidr: Cidr = net(10, 43);
        /// domain of services
        domain: DnsName = "cluster.local".into();
        /// packaged components that stay off
        disable: Vec<Word> = vec!["servicelb".into()];
        /// further names and addresses in the API's certificate
        tls_san: Vec<DnsName>;
        /// encrypt secrets in etcd
        secrets_encryption: bool = true;
        /// snapshots of its etcd, as cron writes it
        snapshot_schedule: Text = "0 * * * *".into();
        /// snapshots that are kept
        snapshot_retention: u32 = 48;
        /// what servers and agents join with; generated
        token: SecretName = "secret://k3s-token".into();
    }
}

table! {
    /// `[metallb]`
    Metallb {
        /// off without the table
        enabled: Switch;
        /// release
        version: Word = "v0.16.1".into();
        /// addresses it may hand out; the ingress VIP by default
        pool: Vec<AddressRange>;
    }
}

table! {
    /// `[ingress]`: the Traefik that K3s brings.
    Ingress {
        /// off without the table
        enabled: Switch;
        /// names it serves; that of the tunnel by default
        hostnames: Vec<DnsName>;
        /// where its certificate comes from
        certificate: Certificate = Certificate::Dns01;
        /// address for the certificate authority
        email: Option<Word>;
        /// pods of Traefik, on different nodes
        replicas: u32 = 2;
    }
}

table! {
    /// `[cloudflare]`: a tunnel from every node.
    Cloudflare {
        /// off without the table
        enabled: Switch;
        /// public name of the application
        hostname: DnsName;
        /// name of the tunnel; that of the cluster by default
        tunnel: Option<Name>;
        /// account id
        account: Option<Word>;
        /// zone; the last two parts of the hostname by default
        zone: Option<DnsName>;
        /// release
        version: Word = "2026.8.2".into();
        /// how the tunnel talks to the Internet
        protocol: Protocol = Protocol::Auto;
        /// credentials of the tunnel
        credentials: SecretName = "secret://cloudflare-tunnel".into();
        /// key for the Cloudflare API
        api_token: SecretName = "secret://cloudflare-api".into();
    }
}

table! {
    /// `[dns]`: the same name, also without the Internet.
    Dns {
        /// off without the table
        enabled: Switch;
        /// who answers: a router or Pi-hole ("external"), or nodes
        resolver: Resolver = Resolver::External;
        /// nodes that answer; the first two by default
        hosts: Vec<Name>;
        /// names to answer; those of the ingress by default
        names: Vec<DnsName>;
        /// what they resolve to; the ingress VIP by default
        address: Option<Ipv4Addr>;
        /// where other names are asked
        upstream: Vec<Ipv4Addr>;
        /// seconds an answer may be kept
        ttl: u32 = 60;
    }
}

table! {
    /// `[firewall]`: everything else is dropped.
    Firewall {
        /// off without the table
        enabled: Switch;
        /// networks that may log in; everybody by default, as you may come from anywhere
        ssh_from: Vec<Cidr>;
        /// networks that may reach everything, such as a management VPN
        trust: Vec<Cidr>;
        /// ports of your own
        allow: Vec<FirewallAllow>;
    }
}

table! {
    /// `[[firewall.allow]]`: a port that hacluster knows nothing of.
    FirewallAllow {
        /// port that is open
        port: u16;
        /// "tcp" or "udp"
        protocol: Transport = Transport::Tcp;
        /// network it is open to; everybody by default
        from: Option<Cidr>;
        /// hosts it is open on; all by default
        hosts: Vec<Name>;
    }
}
