//! Owns the rules about Kubernetes services that would fight or fall together.
//! Must not know addresses.

use crate::inventory::Inventory;
use crate::problem::Problem;

pub(super) fn load_balancers(inventory: &Inventory) -> Vec<Problem> {
    let off = |name: &str| inventory.k3s.disable.iter().any(|component| &**component == name);
    let mut problems = Vec::new();
    if inventory.k3s.enabled.on() && inventory.metallb.enabled.on() && !off("servicelb") {
        let message = "K3s keeps its own load balancer (servicelb), which takes addresses from MetalLB";
        let problem = inventory.problem("HAC-E047", "k3s.disable", message);
        problems.push(problem.help("write disable = [\"servicelb\"] in [k3s]"));
    }
    if inventory.ingress.enabled.on() && off("traefik") {
        let message = "[ingress] is the Traefik of K3s, and [k3s] disables it";
        let problem = inventory.problem("HAC-E047", "k3s.disable", message);
        problems.push(problem.help("remove \"traefik\" from the list"));
    }
    problems
}

pub(super) fn replicas(inventory: &Inventory) -> Vec<Problem> {
    let replicas = inventory.ingress.replicas;
    if !inventory.ingress.enabled.on() || replicas > 1 || !inventory.cluster.ha {
        return Vec::new();
    }
    let message = format!("`ingress.replicas` is {replicas}; when its node dies, HTTPS is gone for minutes");
    vec![inventory.problem("HAC-W047", "ingress.replicas", message).warning().help("write replicas = 2")]
}
