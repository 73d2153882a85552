//! Tables for people.

/// Columns as wide as their widest cell, two spaces apart.
pub fn render(headings: &[&str], rows: &[Vec<String>]) -> String {
    let headings: Vec<String> = headings.iter().map(|heading| (*heading).to_owned()).collect();
    let lines: Vec<&Vec<String>> = std::iter::once(&headings).chain(rows).collect();
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let mut text = String::new();
    for line in &lines {
        let mut row = String::new();
        for (column, cell) in line.iter().enumerate() {
            row.push_str(&format!("{cell:<width$}  ", width = width(column)));
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

/// The first line, cut after so many characters.
pub fn shortened(text: &str, length_max: usize) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= length_max {
        return line.to_owned();
    }
    let mut cut: String = line.chars().take(length_max - 1).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [
            vec!["x1-a".to_owned(), "bad".to_owned()],
            vec!["good-longer".to_owned(), String::new()],
        ];
        insta::assert_snapshot!(render(&["case", "change"], &rows), @r"
        case         change
        x1-a         bad
        good-longer
        ");
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        assert_eq!(shortened("übermäßig", 5), "über…");
        assert_eq!(shortened("kurz\nund mehr", 5), "kurz");
    }
}
