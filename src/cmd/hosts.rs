//! Owns `hosts trust`: what a host shows, what was pinned, the question, the pin.
//! Must not know how keys are exchanged or how known-hosts files are written.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::unlock::Vault;
use super::world::World;
use super::{block_on, reach};
use crate::cli::{Globals, HostsCommand, TrustArgs};
use crate::error::{Exit, Failure, Reason};
use crate::report::ui::Ui;
use crate::transport::{Dialer, Offered, Target, TransportError, offered, pin, recognise};

/// How the known-hosts files stand to what a host shows.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    Known,
    New,
    Changed { file: PathBuf, line: usize, pinned: String },
}

/// What is to be done with the offered key of this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    Already,
    Take(usize),
    Ask(usize),
}

/// A host and what it shows.
struct Sight {
    target: Target,
    offers: Vec<Offered>,
    standing: Standing,
}

pub(super) fn run(ui: &Ui, globals: &Globals, command: &HostsCommand) -> Result<Exit, Failure> {
    let HostsCommand::Trust(args) = command;
    let world = World::load(globals, Vault::Shut)?;
    let (targets, strangers) = block_on(reach::ways(&world, &args.nodes))??;
    world.check_hosts(&strangers)?;
    trust(ui, targets, args)
}

/// One host after the other. One that does not answer leaves the others be.
pub(super) fn trust(ui: &Ui, targets: Vec<Target>, args: &TrustArgs) -> Result<Exit, Failure> {
    let mut exit = Exit::Clean;
    for target in targets {
        match block_on(look(target, args))? {
            Ok(sight) => settle(ui, &sight, args)?,
            Err(error @ TransportError::HostKeyRevoked { .. }) => {
                return Err(Failure::new(Reason::Unsafe, error.to_string()));
            }
            Err(error) => {
                ui.complain(&error.to_string());
                exit = Exit::Unreachable;
            }
        }
    }
    Ok(exit)
}

async fn look(target: Target, args: &TrustArgs) -> Result<Sight, TransportError> {
    let dialer = Dialer::default();
    let named = |offer: &Offered| args.fingerprint.contains(&offer.fingerprint);
    let enough = |offer: &Offered| named(offer) || (args.accept_new && args.fingerprint.is_empty());
    let offers = offered(&target, &dialer, enough).await?;
    let standing = match recognise(&target, &dialer).await {
        Ok(()) => Standing::Known,
        Err(TransportError::HostKeyUnknown(_)) => Standing::New,
        Err(TransportError::HostKeyChanged(change)) => {
            Standing::Changed { file: change.place.file, line: change.place.line, pinned: change.pinned }
        }
        Err(error) => return Err(error),
    };
    Ok(Sight { target, offers, standing })
}

fn settle(ui: &Ui, sight: &Sight, args: &TrustArgs) -> Result<(), Failure> {
    let prints: Vec<&str> = sight.offers.iter().map(|offer| offer.fingerprint.as_str()).collect();
    let choice = decide(&sight.target.name, &sight.standing, &prints, args)?;
    ui.say(&sight.text(choice))?;
    let taken = match choice {
        Choice::Already => None,
        Choice::Take(number) => Some(number),
        Choice::Ask(number) => {
            ask(ui, sight, number)?;
            Some(number)
        }
    };
    if let Some(number) = taken {
        let file = sight.file();
        let failed =
            |error| Failure::new(Reason::Internal, format!("cannot write {}: {error}", file.display()));
        pin(&sight.target, file, &sight.offers[number]).map_err(failed)?;
        let said = format!("{}: {} is trusted now ({}).", sight.target.name, prints[number], file.display());
        ui.say(&format!("{said}\n"))?;
    }
    ui.json(&sight.json(taken))?;
    Ok(())
}

/// A fingerprint decides, whatever was pinned; without one a changed key is
/// always a question.
fn decide(node: &str, standing: &Standing, prints: &[&str], args: &TrustArgs) -> Result<Choice, Failure> {
    let named = prints.iter().position(|print| args.fingerprint.iter().any(|given| given == print));
    match (standing, named) {
        (_, None) if !args.fingerprint.is_empty() => {
            let message =
                format!("{node} shows none of the fingerprints given; it shows {}", prints.join(", "));
            Err(Failure::new(Reason::Unsafe, message)
                .hint("somebody may be in between: compare on the host's own console; nothing was trusted"))
        }
        (Standing::Known, _) => Ok(Choice::Already),
        (_, Some(number)) => Ok(Choice::Take(number)),
        (Standing::New, None) if args.accept_new => Ok(Choice::Take(0)),
        _ => Ok(Choice::Ask(0)),
    }
}

fn ask(ui: &Ui, sight: &Sight, number: usize) -> Result<(), Failure> {
    let node = &sight.target.name;
    let question = format!("Trust the {} key?\n  Only 'yes' will be accepted: ", sight.offers[number].kind);
    match ui.ask(&question)?.as_deref() {
        Some("yes") => Ok(()),
        Some(_) => Err(Failure::new(Reason::Declined, format!("{node}: nothing was trusted"))),
        None => {
            let failure = Failure::new(
                Reason::Declined,
                format!("{node}: nobody can be asked here: nothing was trusted"),
            );
            let hint = format!(
                "compare on the host's console, then hacluster hosts trust {node} --fingerprint {}",
                sight.offers[number].fingerprint
            );
            let changed = sight.standing != Standing::New;
            let never = "--accept-new takes only keys of hosts that were never trusted";
            Err(if changed { failure.hint(hint).hint(never) } else { failure.hint(hint) })
        }
    }
}

impl Sight {
    /// The file whose pin is replaced.
    fn file(&self) -> &Path {
        match &self.standing {
            Standing::Changed { file, .. } => file,
            _ => self.target.known_hosts.first().map_or(Path::new(""), PathBuf::as_path),
        }
    }

    fn text(&self, choice: Choice) -> String {
        let (node, peer) = (&self.target.name, self.target.peer());
        if choice == Choice::Already {
            return format!("{node} ({peer}) is trusted already.\n");
        }
        let mut text = format!("{node} ({peer}) shows\n");
        for offer in &self.offers {
            text.push_str(&format!("  {} {}\n", offer.kind, offer.fingerprint));
        }
        let file = self.file().display();
        text.push_str(&match &self.standing {
            Standing::Changed { line, pinned, .. } => format!(
                "{file}:{line} pins\n  {pinned}\nEither the host was installed again, or somebody is in between.\n"
            ),
            _ => format!("{file} has no key for it.\n"),
        });
        if let Choice::Take(number) | Choice::Ask(number) = choice {
            text.push_str(&format!(
                "Compare on the host's own console: ssh-keygen -lf {}\nWithout that this is trust on first use.\n",
                self.offers[number].file
            ));
        }
        text
    }

    fn json(&self, taken: Option<usize>) -> serde_json::Value {
        let offers = self.offers.iter();
        let pinned = match &self.standing {
            Standing::Changed { pinned, .. } => Some(pinned),
            _ => None,
        };
        json!({
            "type": "host_key",
            "host": self.target.name,
            "offered": offers.map(|o| json!({ "kind": o.kind, "fingerprint": o.fingerprint })).collect::<Vec<_>>(),
            "pinned": pinned,
            "trusted": taken.map(|number| &self.offers[number].fingerprint),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_trusted_without_a_question() {
        let changed =
            Standing::Changed { file: "known_hosts".into(), line: 3, pinned: "ssh-rsa SHA256:x".into() };
        let args = |fingerprint: &[&str], accept_new| TrustArgs {
            fingerprint: fingerprint.iter().map(|print| (*print).to_owned()).collect(),
            accept_new,
            ..TrustArgs::default()
        };
        let decide = |standing: &Standing, args: &TrustArgs| decide("n1", standing, &["a", "b"], args);
        // standing, fingerprints, --accept-new, choice
        for (standing, prints, new, choice) in [
            (&Standing::Known, &[][..], false, Choice::Already),
            (&Standing::Known, &["b"], false, Choice::Already),
            (&Standing::New, &[], false, Choice::Ask(0)),
            (&Standing::New, &[], true, Choice::Take(0)),
            (&Standing::New, &["other", "b"], false, Choice::Take(1)),
            (&changed, &[], false, Choice::Ask(0)),
            (&changed, &[], true, Choice::Ask(0)),
            (&changed, &["b"], false, Choice::Take(1)),
        ] {
            assert_eq!(
                decide(standing, &args(prints, new)).unwrap(),
                choice,
                "{standing:?} {prints:?} {new}"
            );
        }
        for standing in [&Standing::Known, &Standing::New, &changed] {
            let failure = decide(standing, &args(&["c"], true)).unwrap_err();
            assert!(failure.message.contains("it shows a, b"), "{}", failure.message);
        }
    }
}
