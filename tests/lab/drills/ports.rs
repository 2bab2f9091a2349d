//! Owns: what can be reached is what the map of ports says, seen from a client and from
//! every peer; also where something listens that nobody asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::thread;
use std::time::Instant;

use hacluster::inventory::{Cidr, load};
use serde_json::Value;

use crate::command::{Output, Result, ensure};
use crate::lab::{HOSTS, address, root, seconds};
use crate::product::read;
use crate::runner::{Drill, Tier};
use crate::stage::{Ground, Stage};

pub const DRILLS: &[Drill] = &[Drill {
    name: "port-scan",
    cases: &[],
    tier: Tier::Full,
    ground: Ground::Applied,
    disturbs: false,
    expected: "open = the map, from the client and 12 pairs of peers",
    run: port_scan,
}];

/// This machine in the lab's network.
const CLIENT: &str = "192.168.15.1";
/// Nobody's: something listens there while the scan runs.
const STRAY: [u16; 5] = [111, 5000, 8080, 9100, 31337];
const PLANTED: &str = "hacluster-drill-ports";

type Ports = BTreeSet<u16>;

fn port_scan(stage: &mut Stage) -> Result<String> {
    let map = Map::read(stage)?;
    map.rules(stage)?;
    let listening = plant(stage, &map)?;
    let seen = scan(stage, &map, &listening);
    stage.lab.on_all(&HOSTS, &format!("systemctl stop {PLANTED}"))?;
    seen
}

/// What the inventory says, host by host.
struct Map {
    /// Host, protocol, number, and which networks may.
    rows: Vec<(String, String, u16, Vec<Cidr>)>,
}

impl Map {
    fn read(stage: &Stage) -> Result<Self> {
        let inventory = load(&stage.folder.path("cluster.toml")).map_err(|e| e.to_string())?;
        let context = inventory.context();
        let mut rows = Vec::new();
        for host in context["hosts"].as_array().into_iter().flatten() {
            for port in host["ports"].as_array().into_iter().flatten() {
                let reach = &context["computed"]["reach"][crate::cluster::text(port, "name")];
                let from = reach.as_array().into_iter().flatten().filter_map(Value::as_str).map(network);
                let number =
                    port["number"].as_u64().and_then(|n| u16::try_from(n).ok()).ok_or("no number")?;
                let texts = (crate::cluster::text(host, "name"), crate::cluster::text(port, "protocol"));
                rows.push((texts.0, texts.1, number, from.collect::<Result<_>>()?));
            }
        }
        Ok(Self { rows })
    }

    fn of<'a>(&'a self, host: &'a str, protocol: &'a str) -> impl Iterator<Item = (u16, &'a [Cidr])> {
        let rows = self.rows.iter().filter(move |row| row.0 == host && row.1 == protocol);
        rows.map(|row| (row.2, row.3.as_slice()))
    }

    /// TCP ports of `host` that `from` may reach.
    fn open(&self, from: &str, host: &str) -> Result<Ports> {
        let from: Ipv4Addr = from.parse().map_err(|_| format!("{from} is no address"))?;
        let may = |networks: &[Cidr]| networks.iter().any(|network| network.contains(from));
        Ok(self.of(host, "tcp").filter(|(_, networks)| may(networks)).map(|(port, _)| port).collect())
    }

    /// What a connect scan cannot see: UDP and VRRP, by the kernel's own list of rules.
    fn rules(&self, stage: &Stage) -> Result {
        let all = stage.lab.on_all(&HOSTS, "nft -s list table inet hacluster")?;
        for (host, rules) in HOSTS.iter().zip(all) {
            let after = |words: &str| -> BTreeSet<String> {
                let rest = rules.lines().filter_map(|line| line.split_once(words)).map(|(_, rest)| rest);
                rest.filter_map(|rest| rest.split_whitespace().next()).map(str::to_owned).collect()
            };
            let mut udp: BTreeSet<String> = self
                .of(host, "udp")
                .filter(|(_, from)| !from.is_empty())
                .map(|(port, _)| port.to_string())
                .collect();
            // An address by DHCPv6.
            udp.insert("546".to_owned());
            ensure!(after("udp dport ") == udp, "{host} opens UDP {:?}, not {udp:?}", after("udp dport "));
            let vrrp: Vec<&str> = rules
                .lines()
                .filter(|line| line.contains("l4proto vrrp") || line.contains("l4proto 112"))
                .collect();
            let peers = HOSTS.iter().all(|peer| vrrp.iter().all(|line| line.contains(address(peer))));
            ensure!(vrrp.len() == 1 && peers, "{host} takes VRRP by {vrrp:?}");
            ensure!(rules.contains("policy drop"), "{host} does not drop by default:\n{rules}");
        }
        Ok(())
    }
}

fn network(text: &str) -> Result<Cidr> {
    let (address, prefix) = text.split_once('/').unwrap_or((text, "32"));
    match (address.parse(), prefix.parse()) {
        (Ok(address), Ok(prefix)) => Ok(Cidr::new(address, prefix)),
        _ => Err(format!("{text} is no network")),
    }
}

/// Makes something listen on every port of the map, and on some others: what is shut
/// must be shut although somebody is there. Gives what listens where.
fn plant(stage: &Stage, map: &Map) -> Result<Vec<Ports>> {
    let numbers: Ports = map.rows.iter().filter(|row| row.1 == "tcp").map(|row| row.2).chain(STRAY).collect();
    let script = format!(
        "cat >/run/{PLANTED}.py <<'END'\nimport socket, time\nkept = []\nfor port in {numbers:?}:\n    one = socket.socket()\n    \
         try:\n        one.bind(('0.0.0.0', port))\n        one.listen()\n        kept.append(one)\n    except OSError:\n        pass\n\
         time.sleep(300)\nEND\nsystemd-run --quiet --collect --unit={PLANTED} python3 /run/{PLANTED}.py\nsleep 1\n\
         ss -Hltn | awk '{{ print $4 }}' | grep -v -e '^127' -e '^.::1'",
        numbers = numbers.iter().collect::<Vec<_>>()
    );
    let ports = |said: String| -> Ports {
        said.lines().filter_map(|line| line.rsplit(':').next()?.trim().parse().ok()).collect()
    };
    let listening: Vec<Ports> = stage.lab.on_all(&HOSTS, &script)?.into_iter().map(ports).collect();
    for (host, ports) in HOSTS.iter().zip(&listening) {
        // What listens on 127.0.0.1 alone keeps its port.
        let must = map.of(host, "tcp").filter(|(_, from)| !from.is_empty()).map(|(port, _)| port);
        let silent: Vec<u16> = must.chain(STRAY).filter(|port| !ports.contains(port)).collect();
        ensure!(silent.is_empty(), "nothing listens on {silent:?} of {host}");
    }
    Ok(listening)
}

fn scan(stage: &Stage, map: &Map, listening: &[Ports]) -> Result<String> {
    let start = Instant::now();
    let mut wrong = String::new();
    let mut open = 0;
    let found = from_client(stage)?;
    let client = start.elapsed();
    for host in HOSTS {
        open += compare(&mut wrong, map, (CLIENT, host), &found)?;
    }
    // From hosts no whole scans: each attempt is an entry in their table of connections.
    let mut ports: Ports = listening.iter().flatten().copied().collect();
    ports.extend((1..=200).map(|n| n * 327));
    let list = ports.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
    let targets = HOSTS.map(address).join(" ");
    let text = read(&root().join("tests/lab/scan.py"))?;
    let said = stage.lab.on_all(&HOSTS, &format!("python3 - {list} {targets} <<'END'\n{text}END\n"))?;
    for (peer, said) in HOSTS.iter().zip(said) {
        let found = parse(&said);
        for host in HOSTS.iter().filter(|host| *host != peer) {
            open += compare(&mut wrong, map, (address(peer), host), &found)?;
        }
    }
    ensure!(wrong.is_empty(), "open is not what the map says:{wrong}");
    Ok(format!(
        "client: 65535 ports of 4 hosts in {:.0} s, 12 pairs of peers: {} ports each; {open} open, as the map says",
        client.as_secs_f64(),
        ports.len()
    ))
}

/// All ports of all hosts.
fn from_client(stage: &Stage) -> Result<BTreeMap<String, Ports>> {
    let script = root().join("tests/lab/scan.py");
    let one = |host: &str| -> Result<Output> {
        let words = ["python3", &script.to_string_lossy(), "1-65535", address(host)];
        stage.lab.inside(seconds(120), &words).run()?.ok()
    };
    let said: Vec<Output> = thread::scope(|scope| {
        let jobs: Vec<_> = HOSTS.iter().map(|host| scope.spawn(|| one(host))).collect();
        let join = |job: thread::ScopedJoinHandle<'_, Result<Output>>| {
            job.join().unwrap_or_else(|_| Err("a thread ended badly".to_owned()))
        };
        jobs.into_iter().map(join).collect::<Result<_>>()
    })?;
    Ok(parse(&said.iter().map(|output| output.stdout.as_str()).collect::<String>()))
}

fn parse(said: &str) -> BTreeMap<String, Ports> {
    let mut found: BTreeMap<String, Ports> = BTreeMap::new();
    for (address, port) in said.lines().filter_map(|line| line.split_once(' ')) {
        found.entry(address.to_owned()).or_default().extend(port.parse::<u16>());
    }
    found
}

/// How many are open; what differs is added to `wrong`.
fn compare(
    wrong: &mut String,
    map: &Map,
    (from, host): (&str, &str),
    found: &BTreeMap<String, Ports>,
) -> Result<usize> {
    let expected = map.open(from, host)?;
    let seen = found.get(address(host)).cloned().unwrap_or_default();
    if seen != expected {
        let (more, less): (Vec<_>, Vec<_>) =
            (seen.difference(&expected).collect(), expected.difference(&seen).collect());
        let _ = write!(
            wrong,
            "\n{from} to {host}: open and not in the map {more:?}, in the map and shut {less:?}"
        );
    }
    Ok(seen.len())
}
