//! Whatever a host prints, a terminal gets text.

use hacluster::report::clean::{clean, clean_line};
use hacluster::report::diff;
use proptest::prelude::*;

use super::{hold, text};

fn is_text(text: &str) -> bool {
    let obeyed = |c: char| c.is_control() && c != '\n' && c != '\t' || ('\u{202a}'..='\u{202e}').contains(&c);
    !text.contains(obeyed)
}

#[test]
fn only_text_reaches_a_terminal() {
    let sequence = r"\x1b[\[\]PX^_c][0-9;?]{0,6}[ -~]{0,3}(\x07|\x1b\\|\n|)";
    let pieces = prop::collection::vec(prop_oneof![text(), sequence.prop_map(String::from)], 0..8);
    hold(256, pieces, |pieces| {
        let said = pieces.concat();
        prop_assert!(is_text(&clean(&said)), "{:?}", clean(&said));
        prop_assert!(is_text(&clean_line(&said)) && !clean_line(&said).contains('\n'));
        // Nothing makes a later line disappear.
        prop_assert_eq!(clean(&said).matches('\n').count(), said.matches('\n').count());
        prop_assert!(is_text(&diff::unified(&said, "a\nb\n")));
        prop_assert!(is_text(&diff::added(&said)));
        Ok(())
    });
}
