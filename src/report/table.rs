//! Owns plain aligned columns. Must not know what stands in them.

use super::clean::clean_line;

/// Rows below their heads, two spaces between columns, nothing behind the last.
pub fn aligned(heads: &[&str], rows: &[Vec<String>]) -> String {
    let heads: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
    let all: Vec<Vec<String>> = std::iter::once(&heads)
        .chain(rows)
        .map(|row| row.iter().map(|cell| clean_line(cell)).collect())
        .collect();
    let width = |column: usize| {
        all.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let mut text = String::new();
    for row in &all {
        let cells: Vec<String> =
            row.iter().enumerate().map(|(column, cell)| format!("{cell:<0$}", width(column))).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_line_up() {
        let rows = [vec!["nöde1".to_owned(), "leader".to_owned()], vec!["n2".to_owned(), String::new()]];
        let text = super::aligned(&["HOST", "ROLE"], &rows);
        assert_eq!(text, "HOST   ROLE\nnöde1  leader\nn2\n");
    }
}
