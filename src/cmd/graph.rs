//! Owns `graph`: the order of all steps as a picture's text. Must not contact
//! a host.

use std::fmt::Write as _;

use petgraph::dot::{Config, Dot};
use petgraph::graph::{DiGraph, EdgeReference, NodeIndex};
use petgraph::visit::EdgeRef as _;

use super::unlock::Vault;
use super::world::World;
use crate::cli::{Globals, GraphArgs, GraphFormat};
use crate::error::{Exit, Failure};
use crate::expand::Resource;
use crate::graph::{Edge, Graph, Node};
use crate::report::ui::Ui;

pub(super) fn run(ui: &Ui, globals: &Globals, args: &GraphArgs) -> Result<Exit, Failure> {
    let world = World::load(globals, Vault::Shut)?;
    let selection = world.select(&args.select)?;
    world.check_selection(&selection, [])?;
    let asked = |resource: &Resource| resource.hosts.iter().any(|host| selection.covers(resource, host));
    let part = (!selection.is_whole()).then(|| world.graph.below(|index| asked(&world.resources[index])));
    let graph = part.as_ref().unwrap_or(&world.graph);
    let text = match args.format {
        GraphFormat::Dot => dot(graph, &world.resources),
        GraphFormat::Mermaid => mermaid(graph, &world.resources),
    };
    ui.write(&text)?;
    Ok(Exit::Clean)
}

/// Dashed edges wait for an end of any kind, the others for success.
fn dot(graph: &Graph, resources: &[Resource]) -> String {
    let edge = |edge: &Edge| {
        let style = if edge.soft { ", style=dashed" } else { "" };
        format!("label={:?}{style}", edge.why)
    };
    let config = [Config::NodeNoLabel, Config::EdgeNoLabel, Config::RankDir(petgraph::dot::RankDir::LR)];
    let node = |index: NodeIndex, node: &Node| {
        let shape = if matches!(node, Node::Resource(_)) { "box" } else { "ellipse" };
        format!("label={:?}, shape={shape}", graph.label(index, resources))
    };
    let edges = |_: &DiGraph<Node, Edge>, reference: EdgeReference<'_, Edge>| edge(reference.weight());
    let nodes = |_: &DiGraph<Node, Edge>, (index, of): (NodeIndex, &Node)| node(index, of);
    let dot = Dot::with_attr_getters(&graph.dag, &config, &edges, &nodes);
    format!("{dot:?}")
}

fn mermaid(graph: &Graph, resources: &[Resource]) -> String {
    let mut text = String::from("flowchart LR\n");
    for node in &graph.order {
        let label = graph.label(*node, resources).replace('"', "#quot;");
        let _ = match graph.dag[*node] {
            Node::Resource(_) => writeln!(text, "  n{}[\"{label}\"]", node.index()),
            _ => writeln!(text, "  n{}([\"{label}\"])", node.index()),
        };
    }
    for edge in graph.dag.edge_references() {
        let (from, to, why) = (edge.source().index(), edge.target().index(), edge.weight().why);
        let why = why.replace('`', "'");
        let arrow = if edge.weight().soft { "-.->" } else { "-->" };
        let _ = writeln!(text, "  n{from} {arrow}|\"{why}\"| n{to}");
    }
    text
}
