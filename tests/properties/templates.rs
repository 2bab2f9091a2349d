//! A value that stands in a file of a service is read by it as that value, whatever
//! it holds; one that could not be is refused before anything is sent.

use std::collections::BTreeMap;

use hacluster::lint::{Lint, Reach};
use hacluster::render::Renderer;
use hacluster::span::{Place, Source};
use proptest::prelude::*;

use super::{hold, text};

fn rendered(template: &str, value: &str) -> String {
    let context = minijinja::context! { value };
    let place = Place { source: Source::new("p.toml", "x"), span: 0..1 };
    Renderer::new(None, None).line(template, &place, &context).unwrap()
}

fn reach() -> Reach {
    Reach { address: "10.0.0.1".to_owned(), user: "root".to_owned(), port: 22 }
}

/// Values get into YAML and JSON by `tojson`.
#[test]
fn yaml_reads_back_what_a_template_wrote() {
    hold(256, (text(), text()), |(value, other)| {
        let file = rendered("a: {{ value|tojson }}\nlist:\n  - {{ value|tojson }}\n", &value);
        let meant = |value: &str| {
            BTreeMap::from([("a".to_owned(), value.to_owned()), ("list.0".to_owned(), value.to_owned())])
        };
        prop_assert_eq!(Lint::Patroni.compare(&file, &meant(&value)), Vec::new());
        prop_assert!(other == value || Lint::Patroni.compare(&file, &meant(&other)).len() == 2);
        let json: serde_json::Value =
            serde_json::from_str(&rendered("[{{ value|tojson }}]", &value)).unwrap();
        prop_assert_eq!(json[0].as_str(), Some(value.as_str()));
        Ok(())
    });
}

/// An environment file has no quoting that all its readers share: what would need
/// some never gets there.
#[test]
fn an_environment_file_holds_its_values_as_they_are_or_is_refused() {
    hold(256, text(), |value| {
        let file = rendered("ETCD_NAME={{ value }}\nETCD_DATA_DIR=/d\n", &value);
        let meant = BTreeMap::from([
            ("ETCD_NAME".to_owned(), value.clone()),
            ("ETCD_DATA_DIR".to_owned(), "/d".to_owned()),
        ]);
        let mut found = Lint::Etcd.check(&file, &reach());
        found.retain(|finding| !finding.what.ends_with("is missing"));
        found.extend(Lint::Etcd.compare(&file, &meant));
        let odd = |c: char| (c.is_control() && c != '\t') || "\"'\\$`".contains(c);
        prop_assert!(!found.is_empty() || (!value.contains(odd) && value.trim() == value), "{:?}", file);
        prop_assert!(found.is_empty() || !value.chars().all(|c| c.is_ascii_alphanumeric()), "{:?}", found);
        Ok(())
    });
}

/// Any file at all: each check of ours comes to its end.
#[test]
fn any_file_is_checked_to_its_end() {
    let words = "(vrrp_instance|table|server|bind|\\[Service\\]|ExecStart=|ETCD_NAME=|- a: |port|save|Match|\\{|\\}|;|\n| |\\\\|\"|#|!)";
    let piece = prop_oneof![text(), words.prop_map(String::from)];
    hold(64, prop::collection::vec(piece, 0..30), |pieces| {
        let file = pieces.concat();
        for lint in [
            Lint::Etcd,
            Lint::Haproxy,
            Lint::Keepalived,
            Lint::Nftables,
            Lint::Patroni,
            Lint::Redis,
            Lint::Sshd,
            Lint::Systemd,
        ] {
            for finding in lint.check(&file, &reach()) {
                prop_assert!(finding.line <= file.len() + 1, "{:?} {:?}", lint, finding);
            }
        }
        Ok(())
    });
}
