//! Owns the tables at the end of a run: one of drills, one of the cases of the
//! matrix. Must not know how they came about.

use crate::matrix::{Case, MATRIX, Place};
use crate::runner::{Row, Verdict};

/// Every drill that was asked for.
pub fn drills(rows: &[Row]) {
    let lines = rows.iter().map(|row| {
        let result = word(row.verdict).trim().to_owned();
        [row.drill.name.to_owned(), row.drill.expected.to_owned(), row.seen.clone(), seconds(row), result]
    });
    print(["drill", "expected", "seen", "seconds", "result"], lines.collect());
}

/// Every case of the matrix, or of those the ones that `rows` show.
pub fn cases(rows: &[Row], all: bool) {
    let shown = |case: &Case| rows.iter().find(|row| row.drill.cases.contains(&case.id));
    let chosen: Vec<(Case, Option<&Row>)> =
        MATRIX.into_iter().map(|case| (case, shown(&case))).filter(|(_, row)| all || row.is_some()).collect();
    if chosen.is_empty() {
        return;
    }
    let lines = chosen.iter().map(|(case, row)| {
        let id = format!("{}{}", case.id, if case.first { " *" } else { "" });
        let [seen, seconds, result] = match (row, case.place) {
            (Some(row), _) => [
                format!("{}: {}", row.drill.name, row.seen),
                seconds(row),
                word(row.verdict).trim().to_owned(),
            ],
            (None, Place::Drill) => [String::new(), String::new(), "not run".to_owned()],
            (None, Place::Test(name)) => [format!("test {name}"), String::new(), "unit test".to_owned()],
            (None, Place::Later(what)) => [what.to_owned(), String::new(), "later".to_owned()],
        };
        [id, case.expected.to_owned(), seen, seconds, result]
    });
    let lines: Vec<[String; 5]> = lines.collect();
    let of = |result: &str| lines.iter().filter(|line| line[4] == result).count();
    let counted = ["passed", "FAILED", "skipped", "not run", "unit test", "later"]
        .map(|result| (result, of(result)))
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(result, count)| format!("{count} {result}"))
        .collect::<Vec<_>>()
        .join(", ");
    let total = lines.len();
    print(["case", "expected", "seen", "seconds", "result"], lines);
    println!("{total} of {} cases: {counted}", MATRIX.len());
}

fn seconds(row: &Row) -> String {
    format!("{:.1}", row.took.as_secs_f64())
}

pub fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed ",
        Verdict::Failed => "FAILED ",
        Verdict::Skipped => "skipped",
    }
}

/// Columns as wide as their widest; the one of numbers to the right.
fn print(head: [&str; 5], lines: Vec<[String; 5]>) {
    let lines = std::iter::once(head.map(str::to_owned)).chain(lines).collect::<Vec<_>>();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let (first, second, third) = (width(0), width(1), width(2));
    println!();
    for [one, two, three, number, result] in &lines {
        println!("{one:first$} | {two:second$} | {three:third$} | {number:>7} | {result}");
    }
}
