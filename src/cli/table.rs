//! Tables for a terminal: columns padded, the last one wrapped, nothing from outside able to steer the terminal.

use crate::model::foreign_text::steers;

/// A table with a header row.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

/// Where the last column is wrapped, counted from the left edge.
const WIDTH: usize = 120;

/// The narrowest that a wrapped column may become.
const NARROWEST: usize = 40;

impl Table {
    pub(super) fn new(header: &[&str]) -> Self {
        Self {
            rows: vec![header.iter().map(|cell| cell.to_uppercase()).collect()],
        }
    }

    pub(super) fn row(&mut self, cells: &[&str]) {
        self.rows
            .push(cells.iter().map(|cell| safe(cell).replace('\n', " ")).collect());
    }

    /// The whole table, indented by two, with a line end after each row.
    pub(super) fn render(&self) -> String {
        let columns = self.rows.first().map_or(0, Vec::len);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                self.rows
                    .iter()
                    .filter_map(|row| row.get(column))
                    .map(|cell| width(cell))
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::from(" ");
            let (last, first) = row
                .split_last()
                .map_or((None, &[][..]), |(last, first)| (Some(last), first));
            for (cell, width) in first.iter().zip(&widths) {
                line.push(' ');
                line.push_str(&padded(cell, *width));
                line.push(' ');
            }
            let indent = width(&line) + 1;
            for (number, part) in wrapped(
                last.map_or("", String::as_str),
                WIDTH.saturating_sub(indent).max(NARROWEST),
            )
            .into_iter()
            .enumerate()
            {
                if number > 0 {
                    text.push_str(&" ".repeat(indent));
                } else {
                    text.push_str(&line);
                    text.push(' ');
                }
                text.push_str(&part);
                text.push('\n');
            }
        }
        text
    }
}

/// Text from outside made harmless for a terminal: control and direction characters and
/// foreign line ends are shown, not obeyed.
pub(super) fn safe(text: &str) -> String {
    text.chars()
        .flat_map(|character| {
            let steers = steers(character) && character != '\n';
            let shown = if steers {
                character.escape_unicode().to_string()
            } else {
                character.to_string()
            };
            shown.chars().collect::<Vec<_>>()
        })
        .collect()
}

fn width(text: &str) -> usize {
    text.chars().count()
}

fn padded(text: &str, to: usize) -> String {
    format!("{text}{}", " ".repeat(to.saturating_sub(width(text))))
}

fn wrapped(text: &str, at: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        if !line.is_empty() && width(line) + 1 + width(word) > at {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_the_last_one_wraps() {
        let mut table = Table::new(&["item", "what to do"]);
        table.row(&["a", "short"]);
        table.row(&["bcd", &"word ".repeat(40)]);
        let text = table.render();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "  ITEM  WHAT TO DO");
        assert_eq!(lines[1], "  a     short");
        assert!(lines[3].starts_with("        word"), "{text}");
        assert!(
            lines.iter().all(|line| line.chars().count() <= WIDTH + 1),
            "{text}"
        );
    }

    #[test]
    fn text_from_outside_cannot_steer_the_terminal() {
        assert_eq!(safe("a\u{1b}[31mb\u{202e}c"), "a\\u{1b}[31mb\\u{202e}c");
    }
}
