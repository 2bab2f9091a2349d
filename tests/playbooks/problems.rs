//! What is wrong with a playbook is said with its place, its rule and a fix.

use hacluster::playbook;
use hacluster::span::Source;

const HEAD: &str = "[playbook]\nname = \"p\"\ntitle = \"a test\"\non = \"base\"\n";

/// What is said of these steps, a line each.
fn said(steps: &str) -> String {
    let problems = playbook::parse(&Source::new("p.toml", format!("{HEAD}{steps}"))).unwrap_err();
    let line = |problem: &hacluster::problem::Problem| {
        // The list of kinds grows.
        let help = problem.help.as_deref().unwrap_or("none").split(" file, ").next().unwrap();
        format!("{problem}\n  help: {help}\n")
    };
    problems.0.iter().map(line).collect()
}

const UNIT: &str = "[[step]]\nname = \"service\"\nunit = { name = \"a\", state = \"started\" }\n";

#[test]
fn a_step_that_nobody_wrote_is_named_with_those_there_are() {
    let steps = format!(
        "[[step]]\nname = \"link\"\nafter = [\"servise\"]\nlink = {{ path = \"/a\", target = \"/b\" }}\n{UNIT}"
    );
    insta::assert_snapshot!(said(&steps), @r#"
    p.toml:7:10: error[HAC-E043]: no step is named "servise"
      help: the steps here are: link, service
    "#);
    insta::assert_snapshot!(said(&steps.replace("after = [\"servise\"]", "notify = [\"link\"]")), @r#"
    p.toml:7:11: error[HAC-E086]: step "link" is no unit
      help: only a unit can be notified: it says with `on_change` what it does then
    "#);
}

#[test]
fn a_step_is_one_resource_and_has_one_name() {
    let two = UNIT.replace("unit =", "group = { name = \"g\" }\nunit =");
    insta::assert_snapshot!(said(&two), @r#"
    p.toml:5:1: error[HAC-E083]: step "service" has 2 resources, not one
      help: give it exactly one of:
    "#);
    insta::assert_snapshot!(said("[[step]]\nname = \"empty\"\n"), @r#"
    p.toml:5:1: error[HAC-E083]: step "empty" has 0 resources, not one
      help: give it exactly one of:
    "#);
    insta::assert_snapshot!(said(&UNIT.repeat(2)), @r#"
    p.toml:8:1: error[HAC-E085]: two steps are named "service"
      help: name each step of a playbook differently
    "#);
}

#[test]
fn a_command_says_when_it_is_done() {
    insta::assert_snapshot!(said("[[step]]\nname = \"c\"\ncommand = { run = \"true\" }\n"), @r#"
    p.toml:5:1: error[HAC-E084]: command "c" does not say when it is done
      help: add `creates = "/path"` or `unless = "a read-only check"`, one of them
    "#);
}

#[test]
fn a_rolling_step_has_no_limit() {
    insta::assert_snapshot!(said(&UNIT.replace("unit =", "rolling = true\nlimit = \"line\"\nunit =")), @r#"
    p.toml:5:1: error[HAC-E095]: step "service" is `rolling` and has a `limit`
      help: remove the limit: the group changes one member at a time
    "#);
}
