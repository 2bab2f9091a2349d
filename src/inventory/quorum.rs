//! Owns the arithmetic of votes: quorum, margin, and which losses are survived.
//! Must not know etcd, hosts that are down now, or how a loss is noticed.

use serde::Serialize;

use super::host::Host;

/// The votes of one host; raft has no weights, so these are members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostVotes {
    pub host: String,
    pub votes: u32,
    pub is_nas: bool,
}

/// Who may decide: a majority of all votes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Votes {
    pub hosts: Vec<HostVotes>,
}

/// Most hosts that a layout spells out.
const LAYOUT: usize = 12;

/// So many nodes, with or without the NAS, lost at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Loss {
    nodes: usize,
    nas: bool,
}

impl Votes {
    pub fn of(hosts: &[Host]) -> Self {
        let votes = |host: &Host| HostVotes {
            host: host.name.clone(),
            votes: u32::try_from(host.etcd_members.len()).unwrap_or(u32::MAX),
            is_nas: host.is_nas,
        };
        Self { hosts: hosts.iter().map(votes).filter(|host| host.votes > 0).collect() }
    }

    pub fn total(&self) -> u32 {
        self.hosts.iter().map(|host| host.votes).sum()
    }

    /// Fewest votes that can decide.
    pub fn quorum(&self) -> u32 {
        self.total() / 2 + 1
    }

    /// Votes that may be lost while a quorum remains.
    pub fn margin(&self) -> u32 {
        self.total().saturating_sub(self.quorum())
    }

    /// Votes left when the named hosts are gone.
    pub fn without(&self, lost: &[&str]) -> u32 {
        self.hosts.iter().filter(|host| !lost.contains(&host.host.as_str())).map(|host| host.votes).sum()
    }

    /// Whether the others can still decide when all these hosts are lost at the same time.
    pub fn survives(&self, lost: &[&str]) -> bool {
        self.total() > 0 && self.without(lost) >= self.quorum()
    }

    /// The votes as people write them: `1,1,1,2`.
    pub fn layout(&self) -> String {
        let shown = self.hosts.iter().take(LAYOUT).map(|host| host.votes.to_string());
        let more = (self.hosts.len() > LAYOUT).then(|| "…".to_owned());
        shown.chain(more).collect::<Vec<_>>().join(",")
    }

    /// The largest losses that are survived: `any 2 nodes; nas`.
    pub fn tolerated(&self) -> Vec<String> {
        let survived = self.losses(true);
        let largest = survived.iter().filter(|loss| !survived.iter().any(|other| loss.within(*other)));
        largest.filter(|loss| loss.nodes > 0 || loss.nas).map(|loss| self.words(*loss)).collect()
    }

    /// The smallest losses after which nothing can be decided.
    pub fn fatal(&self) -> Vec<String> {
        let fatal = self.losses(false);
        let smallest = fatal.iter().filter(|loss| !fatal.iter().any(|other| other.within(**loss)));
        smallest.map(|loss| self.words(*loss)).collect()
    }

    fn nodes(&self) -> impl Iterator<Item = &HostVotes> {
        self.hosts.iter().filter(|host| !host.is_nas)
    }

    fn nas(&self) -> Option<&HostVotes> {
        self.hosts.iter().find(|host| host.is_nas)
    }

    /// Nodes have one vote each, so a loss is a number of nodes, with or without the NAS.
    fn losses(&self, survived: bool) -> Vec<Loss> {
        let nodes: Vec<u32> = self.nodes().map(|node| node.votes).collect();
        let nas: &[bool] = if self.nas().is_some() { &[false, true] } else { &[false] };
        let all = nas.iter().flat_map(|nas| (0..=nodes.len()).map(|nodes| Loss { nodes, nas: *nas }));
        all.filter(|loss| {
            let nas = self.nas().filter(|_| loss.nas).map_or(0, |nas| nas.votes);
            let left = self.total() - nodes[..loss.nodes].iter().sum::<u32>() - nas;
            (left >= self.quorum()) == survived
        })
        .collect()
    }

    fn words(&self, loss: Loss) -> String {
        let all = self.nodes().count();
        let nodes = match loss.nodes {
            0 => String::new(),
            1 if all == 1 => self.nodes().map(|node| node.host.clone()).collect(),
            1 => "any 1 node".to_owned(),
            count if count == all => format!("all {count} nodes"),
            count => format!("any {count} nodes"),
        };
        let nas = self.nas().filter(|_| loss.nas).map(|nas| nas.host.clone());
        let parts: Vec<String> =
            [Some(nodes).filter(|text| !text.is_empty()), nas].into_iter().flatten().collect();
        parts.join(" together with ")
    }
}

impl Loss {
    /// Whether `other` is this loss and more.
    fn within(self, other: Self) -> bool {
        self != other && self.nodes <= other.nodes && (!self.nas || other.nas)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn votes(layout: &[u32], nas: u32) -> Votes {
        let node = |(index, votes): (usize, &u32)| HostVotes {
            host: format!("n{}", index + 1),
            votes: *votes,
            is_nas: false,
        };
        let mut hosts: Vec<HostVotes> = layout.iter().enumerate().map(node).collect();
        if nas > 0 {
            hosts.push(HostVotes { host: "nas".into(), votes: nas, is_nas: true });
        }
        Votes { hosts }
    }

    /// The table of knowledge/postgres.md 4.1, row by row.
    #[test]
    fn the_known_table() {
        let rows: [(u32, u32, u32, [bool; 5]); 4] = [
            // NAS votes, quorum, margin, survived: n1 | n1 n2 | n1 n2 n3 | nas | nas n1
            (0, 2, 1, [true, false, false, true, true]),
            (1, 3, 1, [true, false, false, true, false]),
            (2, 3, 2, [true, true, false, true, false]),
            (4, 4, 3, [true, true, true, false, false]),
        ];
        let losses: [&[&str]; 5] = [&["n1"], &["n1", "n2"], &["n1", "n2", "n3"], &["nas"], &["nas", "n1"]];
        for (nas, quorum, margin, survived) in rows {
            let votes = votes(&[1, 1, 1], nas);
            assert_eq!((votes.quorum(), votes.margin()), (quorum, margin), "{}", votes.layout());
            assert_eq!(losses.map(|lost| votes.survives(lost)), survived, "{}", votes.layout());
        }
    }

    #[test]
    fn in_words() {
        let seed = votes(&[1, 1, 1], 2);
        assert_eq!(seed.layout(), "1,1,1,2");
        assert_eq!(seed.tolerated(), ["any 2 nodes", "nas"]);
        assert_eq!(seed.fatal(), ["all 3 nodes", "any 1 node together with nas"]);
        assert_eq!(votes(&[1, 1, 1], 0).tolerated(), ["any 1 node"]);
        assert_eq!(votes(&[1, 1, 1], 1).tolerated(), ["any 1 node", "nas"]);
        assert_eq!(votes(&[1, 1, 1, 1, 1], 0).tolerated(), ["any 2 nodes"]);
        assert_eq!(votes(&[1, 1], 1).tolerated(), ["any 1 node", "nas"]);
        assert!(votes(&[1], 0).tolerated().is_empty());
        assert_eq!(votes(&[1], 0).fatal(), ["n1"]);
        assert!(!Votes { hosts: Vec::new() }.survives(&[]));
    }
}
