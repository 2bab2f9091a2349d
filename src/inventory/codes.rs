//! Owns what each code of an inventory's problems stands for.
//! Must not know where it is raised.

/// Code and rule, for `hacluster explain CODE`. A W is a warning.
const CODES: &[(&str, &str)] = &[
    ("HAC-E001", "The text is not TOML. Only one problem a line is shown; what follows from it is left out."),
    ("HAC-E002", "A table or key is there twice. TOML allows each once; [[node]] is a list and may repeat."),
    ("HAC-E003", "The file is not UTF-8, the only encoding TOML has."),
    ("HAC-E004", "The file cannot be read."),
    ("HAC-E005", "The file is larger than 1 MiB or has more than 1000 nodes."),
    ("HAC-E006", "The file has no table. The least is [cluster], [network] and one [[node]]."),
    ("HAC-W007", "The file starts with a byte order mark. It is read all the same."),
    ("HAC-E010", "A key or table has a name that means nothing here. Nothing is ignored silently."),
    ("HAC-E012", "A value has the wrong type or is outside of the type's range."),
    ("HAC-E013", "A number is infinite or none at all."),
    ("HAC-E014", "A key or table is missing that has no sensible default."),
    ("HAC-E015", "A text is empty."),
    ("HAC-E016", "The file is written for another version of the format."),
    ("HAC-E017", "A value is none of those the key can have."),
    ("HAC-E020", "Two machines, or a machine and the gateway, have one address."),
    (
        "HAC-E021",
        "A VIP is the fixed address of a machine. keepalived accepts that, and then both answer for it.",
    ),
    (
        "HAC-E022",
        "An address or range is outside of the LAN, or is one that no machine can have there. VIPs move by ARP, so everything is in one layer 2 network.",
    ),
    ("HAC-E023", "Both VIPs are one address. They follow different leaders, so they must differ."),
    ("HAC-E024", "A MetalLB pool holds the address of a machine, the gateway or the database VIP."),
    ("HAC-E025", "A VIP or pool lies in the range that the DHCP server hands out."),
    (
        "HAC-W025",
        "A machine's address lies in the range that the DHCP server hands out. That is fine with a reservation.",
    ),
    ("HAC-E027", "No MetalLB pool holds the ingress VIP, so nothing announces it."),
    ("HAC-E028", "The pod network, the service network and the LAN overlap. Replies would go the wrong way."),
    (
        "HAC-E029",
        "A value is no usable IPv4 address or network. Names are refused, as they do not resolve in a DNS outage.",
    ),
    (
        "HAC-E030",
        "A name or text has a character that is not allowed where it ends up: files, commands, templates.",
    ),
    ("HAC-E031", "A letter only looks like a Latin one."),
    ("HAC-E032", "Two hosts, a host and an etcd member, two users or two databases have one name."),
    ("HAC-E033", "A name has a meaning of its own in hacluster, in every hosts file or in PostgreSQL."),
    ("HAC-E034", "A path is not absolute or goes up with .. parts."),
    ("HAC-E035", "A directory belongs to the system or to another service."),
    ("HAC-E036", "A text has a control character, such as a line feed, or one that nobody sees."),
    ("HAC-E040", "Only one host has a vote. With cluster.ha = false that is accepted."),
    (
        "HAC-E042",
        "The votes are even, or the NAS has half of them. Progress needs more than half of all votes, so 1,1,1,1 survives less than 1,1,1 and 1,1,1,2 survives any two nodes or the NAS.",
    ),
    ("HAC-W042", "More than seven etcd members."),
    ("HAC-E043", "A host, role, user or database that the file names does not exist, or is not asked for."),
    ("HAC-E044", "No host may become leader of PostgreSQL."),
    ("HAC-W044", "An even number of K3s servers survives no more than one less."),
    ("HAC-E045", "A VRRP router id is 1 to 255 and is unique on the LAN."),
    ("HAC-E046", "A component needs another one that the file does not ask for."),
    ("HAC-E047", "Two components do the same job, or one is disabled that another needs."),
    ("HAC-W047", "One pod of the ingress is gone for minutes when its node dies."),
    (
        "HAC-E048",
        "A way through jump hosts leads nowhere: a host stands on its own way, or a jump host twice on one.",
    ),
    (
        "HAC-E049",
        "Two services of one host have one port. K3s takes 2379-2382 on its servers, which no option moves.",
    ),
    (
        "HAC-E050",
        "Times that contradict each other: Patroni needs loop_wait + 2 * retry_timeout <= ttl, with ttl >= 20, loop_wait >= 1, retry_timeout >= 3; etcd an election timeout of at least five heartbeats.",
    ),
    (
        "HAC-E052",
        "Settings that prevent the failover the file asks for: synchronous mode with an asynchronous NAS, pg_rewind without full page writes, a watchdog that must be there and is not.",
    ),
    ("HAC-W052", "A member with more lag than this is refused as leader. The NAS replicates asynchronously."),
    ("HAC-E053", "Backups that are not kept at all."),
    ("HAC-W053", "Backups are kept on a member of the cluster they are of."),
    ("HAC-E054", "WAL is archived less often than the data loss that is acceptable (rpo)."),
    ("HAC-E055", "A version that is not supported, or a parameter that hacluster or Patroni sets itself."),
    (
        "HAC-E056",
        "A host's operating system has no package of what the file asks for. Its own archive has one major version of PostgreSQL; the PostgreSQL project's repository has all that are supported.",
    ),
    ("HAC-E057", "A limit is too small to do anything, or a time shorter than that of a part of it."),
    ("HAC-E058", "A pg_hba rule that lets the wrong people in, or that PostgreSQL would not read."),
    ("HAC-W058", "A pg_hba rule lets clients come without TLS."),
    ("HAC-E059", "A grant that PostgreSQL would refuse, or that says nothing."),
    (
        "HAC-E060",
        "A secret stands in the file. Inventories are shared and kept in git; secrets are not. Its value is never shown.",
    ),
    ("HAC-E061", "A secret is used for two things, or for what has none."),
    ("HAC-E062", "A recipient of the secrets file is no public key that age takes, or stands there twice."),
    ("HAC-E063", "The file names a secret that nobody made."),
    ("HAC-E064", "A firewall that lets everybody in, or that shuts hacluster itself out."),
    ("HAC-W064", "A rule of the firewall opens what is open already."),
];

/// What a code stands for.
pub fn explain(code: &str) -> Option<&'static str> {
    CODES.iter().find(|(known, _)| *known == code).map(|(_, rule)| *rule)
}

/// Every code there is, with what it stands for.
pub fn codes() -> impl Iterator<Item = (&'static str, &'static str)> {
    CODES.iter().copied()
}
