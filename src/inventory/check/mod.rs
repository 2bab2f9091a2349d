//! Owns the list of rules an inventory must keep.
//! Must not know how a file is read or a problem drawn.

mod addresses;
mod backup;
mod declared;
mod edge;
mod failover;
mod firewall;
mod free;
mod grants;
mod hba;
mod jump;
mod limits;
mod names;
mod pools;
mod ports;
mod postgres;
mod references;
mod timing;
mod vip;
mod votes;

use crate::problem::Problem;

use super::Inventory;

/// A rule: pure, and silent when all is well.
type Rule = fn(&Inventory) -> Vec<Problem>;

const RULES: &[Rule] = &[
    names::duplicates,
    names::reserved,
    addresses::usable,
    addresses::duplicates,
    addresses::lan,
    addresses::in_subnet,
    addresses::in_dhcp_range,
    vip::database_is_set,
    vip::on_a_host,
    vip::two_are_one,
    vip::in_subnet,
    vip::in_dhcp_range,
    vip::router_id,
    pools::holds_a_host,
    pools::in_dhcp_range,
    pools::in_subnet,
    pools::holds_the_vip,
    pools::cluster_networks,
    votes::some_node,
    votes::single_host,
    votes::even_or_nas,
    votes::many,
    votes::k3s_servers,
    votes::someone_may_lead,
    references::hosts,
    references::roles,
    references::components,
    edge::load_balancers,
    edge::replicas,
    ports::clashes,
    ports::members_wrap,
    firewall::trusts_everybody,
    firewall::shuts_jump_hosts_out,
    firewall::opens_twice,
    timing::patroni_minima,
    timing::patroni_sum,
    timing::etcd,
    timing::ssh,
    jump::through_itself,
    jump::twice,
    limits::some,
    postgres::schema,
    postgres::version,
    postgres::synchronous_nas,
    postgres::lag,
    postgres::owned_parameters,
    declared::duplicates,
    declared::reserved,
    declared::references,
    declared::membership,
    declared::passwords,
    grants::grants,
    hba::methods,
    hba::addresses,
    hba::references,
    hba::plain,
    failover::parameters,
    backup::retention,
    backup::archive_timeout,
    backup::on_a_member,
    backup::paths,
];

/// Every problem of every rule.
pub(super) fn all(inventory: &Inventory) -> Vec<Problem> {
    RULES.iter().flat_map(|rule| rule(inventory)).collect()
}
