//! Owns the rules of an nftables file that `nft -c` cannot know: that it can be read
//! twice and leaves our own way in open. Only what can be told without its grammar.

use super::blocks::{Block, parse};
use super::{Finding, Reach};

pub(super) fn check(text: &str, reach: &Reach) -> Vec<Finding> {
    // Sets in braces on a line of their own words are blocks without a head to us.
    let whole = match parse(&text.replace(';', "\n").replace('!', "not ")) {
        Ok(whole) => whole,
        Err(mut finding) => {
            finding.line = 0;
            return vec![finding];
        }
    };
    let flushed =
        whole.inside.iter().any(|b| b.words.starts_with(&["flush".to_owned(), "ruleset".to_owned()]));
    let cleared = |table: &Block| {
        let name = &table.words[1..];
        whole
            .inside
            .iter()
            .any(|b| ["delete", "destroy", "flush"].contains(&b.kind()) && b.words.ends_with(name))
    };
    let mut found = Vec::new();
    for table in whole.all("table").filter(|table| !table.inside.is_empty()) {
        if !flushed && !cleared(table) {
            let what = format!("{} is not emptied before", table.words.join(" "));
            found.push(Finding::new(0, what, "write `flush ruleset`, or `destroy table ...` before it: else each reload adds the rules again"));
        }
        found.extend(table.all("chain").filter_map(|chain| shut(chain, text, reach)));
    }
    found
}

/// A chain of what comes in that drops by default and does not let us in.
fn shut(chain: &Block, text: &str, reach: &Reach) -> Option<Finding> {
    let all: Vec<String> = flat(chain);
    let has = |words: &[&str]| all.iter().any(|line| words.iter().all(|word| line.contains(word)));
    if !has(&["hook input"]) || !has(&["policy drop"]) {
        return None;
    }
    // What names, jumps and sets lead to is not followed.
    if text.contains(['$', '@']) || has(&["jump"]) || has(&["goto"]) || has(&["include"]) {
        return None;
    }
    let ssh = reach.port.to_string();
    let words = |line: &String| -> Vec<String> {
        line.split([' ', ',']).filter(|w| !w.is_empty()).map(str::to_owned).collect()
    };
    let port = |word: &String| *word == ssh || (word == "ssh" && ssh == "22");
    let open = all
        .iter()
        .any(|line| line.contains("dport") && line.contains("accept") && words(line).iter().any(port));
    let lacks = if !open {
        format!("port {ssh}, where hacluster connects to, is not accepted")
    } else if !has(&["established", "accept"]) {
        "answers to what the host itself asks are not accepted (ct state established)".to_owned()
    } else if !has(&["lo", "accept", "iif"]) {
        "what the host says to itself is not accepted (iif lo)".to_owned()
    } else {
        return None;
    };
    Some(Finding::new(
        0,
        format!("{} drops by default, and {lacks}", chain.words.join(" ")),
        "add a rule that accepts it",
    ))
}

/// Lines of a chain, what stands in braces within its line.
fn flat(chain: &Block) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut last = 0;
    for block in &chain.inside {
        let inside: Vec<String> = block.inside.iter().map(|b| b.words.join(" ")).collect();
        let line = format!("{} {}", block.words.join(" "), inside.join(" "));
        match lines.last_mut() {
            Some(open) if !block.words.is_empty() && block.line == last && block.kind() == "accept" => {
                open.push_str(&line);
            }
            _ => lines.push(line),
        }
        last = block.line;
    }
    lines
}
