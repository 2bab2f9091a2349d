//! Owns the rules about the firewall: it must keep somebody out, and let us in.
//! Must not know which ports there are.

use crate::inventory::{Cidr, FirewallAllow, Inventory};
use crate::problem::Problem;

/// Then there is no firewall.
pub(super) fn trusts_everybody(inventory: &Inventory) -> Vec<Problem> {
    let all = inventory.firewall.trust.iter().enumerate().filter(|(_, network)| network.prefix() == 0);
    let problem = |(at, network): (usize, &Cidr)| {
        let path = format!("firewall.trust[{at}]");
        let message = format!("`{path}` is \"{network}\", so everybody would reach everything");
        inventory.problem("HAC-E064", &path, message).help(format!(
            "name the network that you mean, such as \"{}\", or write enabled = false",
            inventory.network.subnet
        ))
    };
    all.map(problem).collect()
}

/// A host behind another one is logged in to from there.
pub(super) fn shuts_jump_hosts_out(inventory: &Inventory) -> Vec<Problem> {
    let firewall = &inventory.firewall;
    let hosts = inventory.hosts();
    let let_in = |address| firewall.ssh_from.iter().chain(&firewall.trust).any(|net| net.contains(address));
    let shut = hosts.iter().filter(|host| host.has("firewall")).find_map(|host| {
        let last = host.ssh_jump.last()?;
        let jump = hosts.iter().find(|other| other.address.to_string() == last.host)?;
        (!let_in(jump.address)).then_some((host, jump))
    });
    let problem = |(host, jump): (&crate::inventory::Host, &crate::inventory::Host)| {
        let message = format!(
            "`firewall.ssh_from` leaves {} ({}) out, and {} is reached through it",
            jump.name, jump.address, host.name
        );
        let mine = Cidr::new(jump.address, 32);
        inventory
            .problem("HAC-E064", "firewall.ssh_from", message)
            .help(format!("add \"{mine}\" to the list"))
    };
    shut.map(problem).into_iter().collect()
}

/// A rule that another one makes needless.
pub(super) fn opens_twice(inventory: &Inventory) -> Vec<Problem> {
    let rules = &inventory.firewall.allow;
    let mut problems = Vec::new();
    for (at, rule) in rules.iter().enumerate() {
        let Some(first) = rules[..at].iter().position(|first| opens_as_much(first, rule)) else { continue };
        let path = format!("firewall.allow[{at}]");
        let message = format!("port {} is open to these by an earlier rule", rule.port);
        let problem = inventory.problem("HAC-W064", &path, message).warning().help("remove the rule");
        let earlier = inventory.span(&format!("firewall.allow[{first}]"));
        problems.push(problem.also(earlier, "the earlier rule"));
    }
    problems
}

/// To the same or more, on the same hosts or more.
fn opens_as_much(first: &FirewallAllow, rule: &FirewallAllow) -> bool {
    let within =
        |outer: Cidr, inner: Cidr| outer.contains(inner.network()) && outer.prefix() <= inner.prefix();
    let from = match (first.from, rule.from) {
        (None, _) => true,
        (Some(outer), Some(inner)) => within(outer, inner),
        (Some(outer), None) => outer.prefix() == 0,
    };
    let hosts = first.hosts.is_empty()
        || (!rule.hosts.is_empty() && rule.hosts.iter().all(|host| first.hosts.contains(host)));
    from && hosts && (first.port, first.protocol) == (rule.port, rule.protocol)
}
