//! Owns what must hold whatever way an inventory is written: the order of its
//! tables and keys, its comments and its blanks mean nothing to a plan.

use std::sync::Arc;

use super::plans::{STEPS, converge, observe, plan};
use super::sim::Dice;
use super::{TINY, World};
use crate::plan::Plan;
use crate::playbook::{self, Playbook};
use crate::secrets::Secrets;

const LAB: &str = include_str!("../../../inventories/lab.toml");

fn shuffle<T>(list: &mut [T], dice: &mut Dice) {
    for at in (1..list.len()).rev() {
        list.swap(at, dice.below(at + 1));
    }
}

/// Tables with their lines, as `[name]` begins each. Nodes stay in their order:
/// they are a list.
fn reordered(text: &str, dice: &mut Dice) -> String {
    let lines = text.lines().map(|line| line.split(" #").next().unwrap().trim_end());
    let mut tables: Vec<Vec<&str>> = Vec::new();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        assert!(line.starts_with('[') || line.contains(" = "), "one key a line: {line}");
        if line.starts_with('[') {
            tables.push(Vec::new());
        }
        tables.last_mut().unwrap().push(line);
    }
    for table in &mut tables {
        shuffle(&mut table[1..], dice);
    }
    let (nodes, mut others): (Vec<_>, Vec<_>) = tables.into_iter().partition(|table| table[0] == "[[node]]");
    shuffle(&mut others, dice);
    for node in nodes.into_iter().rev() {
        // Each before the one that was placed last, so that their order stays.
        let first = others.iter().position(|table| table[0] == "[[node]]").unwrap_or(others.len());
        others.insert(dice.below(first + 1), node);
    }
    others.concat().join("\n")
}

/// Comments and blanks wherever TOML allows them.
fn decorated(text: &str, dice: &mut Dice) -> String {
    let mut out = String::new();
    for line in text.lines() {
        out.push_str(["", "\n", "# a word\n", "\t# [table] key = \"value\"\n"][dice.below(4)]);
        let plain = line.split(" #").next().unwrap();
        let spaced = match plain.split_once(" = ") {
            Some((key, value)) => format!("{key}{}{value}", ["=", "  =  ", "\t= "][dice.below(3)]),
            None => plain.to_owned(),
        };
        out.push_str(&format!(
            "{}{spaced}{}\n",
            ["", "  "][dice.below(2)],
            ["", " ", "  # why"][dice.below(3)]
        ));
    }
    out
}

/// All of a plan that a reader could see, in its order.
fn told(plan: &Plan) -> Vec<String> {
    let row = |a: &crate::plan::Assessment| {
        format!("{} {} {:?} {:?}", a.id, a.host, a.change, a.kind.manage().want())
    };
    plan.assessments.iter().map(row).chain(plan.effects.clone()).collect()
}

struct Written {
    secrets: Arc<Secrets>,
    playbooks: Vec<Playbook>,
}

impl Written {
    fn plan(&self, inventory: &str) -> Vec<String> {
        let world = World::with(Arc::clone(&self.secrets), inventory, &self.playbooks, None);
        told(&plan(&world, &observe(&world)))
    }
}

#[test]
fn order_comments_and_blanks_mean_nothing_to_a_plan() {
    let secrets = Arc::new(Secrets::generate("tests", 1_790_000_000).unwrap());
    let written = Written { secrets, playbooks: playbook::load(None).unwrap() };
    let given = written.plan(LAB);
    assert!(given.len() > 200);
    for seed in 1..=8 {
        let dice = &mut Dice(seed);
        let order = reordered(LAB, dice);
        assert_eq!(written.plan(&order), given, "seed {seed}:\n{order}");
        let words = decorated(LAB, dice);
        assert_eq!(written.plan(&words), given, "seed {seed}:\n{words}");
    }
}

#[test]
fn a_comment_changes_nothing_on_converged_hosts() {
    let text = format!("[playbook]\nname = \"base\"\ntitle = \"tests\"\non = \"base\"\n{STEPS}");
    let playbooks = [playbook::parse(&crate::span::Source::new("base.toml", text)).unwrap()];
    let given = World::new(TINY, &playbooks, None);
    let mut observed = observe(&given);
    converge(&plan(&given, &observed), &mut observed);
    for seed in 1..=32 {
        let dice = &mut Dice(seed);
        for inventory in [reordered(TINY, dice), decorated(TINY, dice)] {
            let world = World::new(&inventory, &playbooks, None);
            assert!(plan(&world, &observed).is_empty(), "seed {seed}:\n{inventory}");
        }
    }
}
