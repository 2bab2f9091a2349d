//! Owns edits of an inventory's text: a node comes or goes, every other byte
//! stays. Must not write files, nor judge what comes out.

use std::net::Ipv4Addr;
use std::ops::Range;

use super::file::Inventory;

/// A `[[node]]` table as people write it.
pub fn node_block(name: &str, address: Ipv4Addr, roles: &[String]) -> String {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let mut block = format!("[[node]]\nname    = {}\naddress = \"{address}\"\n", quoted(name));
    if !roles.is_empty() {
        let roles = roles.iter().map(|role| quoted(role)).collect::<Vec<_>>().join(", ");
        block.push_str(&format!("roles   = [{roles}]\n"));
    }
    block
}

impl Inventory {
    /// The text with a further node after the last one; `None` where nodes are
    /// not written as `[[node]]`.
    pub fn with_node(&self, block: &str) -> Option<String> {
        let last = self.lines_of(self.node.len().checked_sub(1)?)?;
        let (before, after) = self.source.text.split_at(last.end);
        let newline = if before.ends_with('\n') { "" } else { "\n" };
        Some(format!("{before}{newline}\n{block}{after}"))
    }

    /// The text without a node's table. Comments above it stay: they may be about
    /// more than this node.
    pub fn without_node(&self, name: &str) -> Option<String> {
        let lines = self.lines_of(self.node.iter().position(|node| *node.name == *name)?)?;
        let (before, rest) = (&self.source.text[..lines.start], &self.source.text[lines.end..]);
        let after = rest.trim_start_matches(['\r', '\n']);
        // The last table of a file leaves no empty lines behind.
        let before = if after.is_empty() { before.trim_end_matches(['\r', '\n']) } else { before };
        let newline = if after.is_empty() { "\n" } else { "" };
        Some(format!("{before}{newline}{after}"))
    }

    /// The whole lines of a node's table, its header first.
    fn lines_of(&self, index: usize) -> Option<Range<usize>> {
        let text = &self.source.text;
        let header = self.places.get(&format!("node[{index}]"))?;
        let start = text[..header.start].rfind('\n').map_or(0, |at| at + 1);
        if !text[start..].trim_start().starts_with("[[node]]") {
            return None;
        }
        let keys = format!("node[{index}].");
        let inside = self.places.iter().filter(|(path, _)| path.starts_with(&keys));
        let last = inside.map(|(_, span)| span.end).max().unwrap_or(header.end);
        let end = text[last..].find('\n').map_or(text.len(), |at| last + at + 1);
        Some(start..end)
    }
}

#[cfg(test)]
mod tests {
    use crate::inventory::{Inventory, parse};

    use super::*;

    const FILE: &str = "# mine
[cluster]
name = \"cold\"   # as ever

[network]
subnet = \"192.168.15.0/24\"

# the rack
[[node]]
name = \"node1\"
address = \"192.168.15.101\"

[[node]] # the spare one
name = \"node2\"
address = \"192.168.15.102\" # upstairs
roles = [
    \"-etcd\", # no vote
]


# in the cellar
[[node]]
address = \"192.168.15.103\"
name = \"node3\"

[truenas]
address = \"192.168.15.50\"

[vip]
database = \"192.168.15.200\"

[postgres]
";

    fn read(text: &str) -> Inventory {
        let text = text.replace("[truenas]", "[truenas]\netcd_members = 1");
        parse("cluster.toml", text.as_bytes()).unwrap()
    }

    #[test]
    fn a_node_goes_and_nothing_else() {
        let without = |name: &str| {
            let text = read(FILE).without_node(name).unwrap();
            text.replace("[truenas]\netcd_members = 1", "[truenas]")
        };
        let cut = |from: &str, to: &str| {
            let (start, end) = (FILE.find(from).unwrap(), FILE.find(to).unwrap());
            format!("{}{}", &FILE[..start], &FILE[end..])
        };
        assert_eq!(without("node1"), cut("[[node]]\nname = \"node1\"", "[[node]] # the spare"));
        assert_eq!(without("node2"), cut("[[node]] # the spare", "# in the cellar"));
        assert_eq!(without("node3"), cut("[[node]]\naddress", "[truenas]"));
        assert!(read(FILE).without_node("node9").is_none());
    }

    #[test]
    fn a_node_comes_after_the_last() {
        let block = node_block("node4", "192.168.15.104".parse().unwrap(), &["-etcd".to_owned()]);
        let text = read(FILE).with_node(&block).unwrap();
        let added = "\n[[node]]\nname    = \"node4\"\naddress = \"192.168.15.104\"\nroles   = [\"-etcd\"]\n";
        assert_eq!(text.replace(added, ""), read(FILE).source().text);
        let hosts = parse("cluster.toml", text.as_bytes()).unwrap().hosts();
        assert_eq!((hosts[3].name.as_str(), hosts[3].has("etcd")), ("node4", false));
        // and goes again
        assert_eq!(
            parse("c", text.as_bytes()).unwrap().without_node("node4").unwrap(),
            read(FILE).source().text
        );
        // the last table of a file, without a newline at its end
        let plain = "[network]\nsubnet = \"10.0.0.0/24\"\n[cluster]\nname = \"a\"\nha = false\n[[node]]\nname = \"n1\"\naddress = \"10.0.0.1\"";
        let one = parse("c", plain.as_bytes()).unwrap();
        let two = one.with_node(&node_block("n2", "10.0.0.2".parse().unwrap(), &[])).unwrap();
        assert_eq!(parse("c", two.as_bytes()).unwrap().without_node("n2").unwrap(), format!("{plain}\n"));
    }

    #[test]
    fn nodes_in_one_line_are_left_to_people() {
        let text = "cluster = { name = \"a\", ha = false }\nnetwork = { subnet = \"10.0.0.0/24\" }\nnode = [{ name = \"n1\", address = \"10.0.0.1\" }]\n";
        let inventory = parse("c", text.as_bytes()).unwrap();
        assert!(inventory.without_node("n1").is_none() && inventory.with_node("x").is_none());
    }
}
