//! Tables for a terminal: columns padded, the last one wrapped, nothing from outside able to steer the terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::terminal::{self, Stream};
use crate::host::foreign_text::steers;

/// A table with a header row.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

/// The narrowest that a wrapped column may become; where less is left it stands below its row.
const NARROWEST: usize = 40;

/// How far it is indented there.
const BELOW: usize = 6;

/// The narrowest that any other column is cut to.
const CUT: usize = 8;

/// A cell that is shown in colour.
const FAILED: &str = "failed";

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

    /// The whole table as wide as the terminal at most, indented by two, with a line end after each row.
    pub(super) fn render(&self) -> String {
        self.render_in(terminal::width())
    }

    fn render_in(&self, available: usize) -> String {
        let widths = self.widths(available);
        let beside = 2 + widths.iter().map(|width| width + 2).sum::<usize>();
        let longest = self.rows.iter().filter_map(|row| row.last());
        let longest = longest.map(|cell| width(cell)).max().unwrap_or(0);
        let is_beside = beside + longest.min(NARROWEST) <= available;
        let indent = if is_beside { beside } else { BELOW };
        let mut text = String::new();
        for row in &self.rows {
            let Some((last, first)) = row.split_last() else {
                continue;
            };
            let mut line = String::from("  ");
            for (cell, width) in first.iter().zip(&widths) {
                let shown = padded(cell, *width);
                line.push_str(&if cell == FAILED {
                    Stream::Out.red(&shown)
                } else {
                    shown
                });
                line.push_str("  ");
            }
            if !is_beside {
                text.push_str(line.trim_end());
                text.push('\n');
                line = " ".repeat(indent);
            }
            if last.is_empty() && !is_beside {
                continue;
            }
            for part in wrapped(last, available.saturating_sub(indent).max(CUT)) {
                line.push_str(&part);
                text.push_str(line.trim_end());
                text.push('\n');
                line = " ".repeat(indent);
            }
        }
        text
    }

    /// The widths of all columns but the last. Where they are too much together, the widest are cut, but no id: it is there to
    /// be copied.
    fn widths(&self, available: usize) -> Vec<usize> {
        let columns = self.rows.first().map_or(0, Vec::len).saturating_sub(1);
        let of_column = |column| self.rows.iter().filter_map(move |row| row.get(column));
        let mut widths: Vec<usize> = (0..columns)
            .map(|column| of_column(column).map(|cell| width(cell)).max().unwrap_or(0))
            .collect();
        let has_id = |column: &usize| of_column(*column).any(|cell| is_id(cell));
        let whole: Vec<usize> = (0..columns).filter(has_id).collect();
        while 2 + widths.iter().map(|width| width + 2).sum::<usize>() > available {
            let may_be_cut = widths.iter_mut().enumerate();
            let may_be_cut = may_be_cut.filter(|(column, _)| !whole.contains(column));
            match may_be_cut.map(|(_, width)| width).max() {
                Some(widest) if *widest > CUT => *widest -= 1,
                _ => break,
            }
        }
        widths
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

/// How many columns a text takes; some characters take two, some none.
fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

fn padded(text: &str, to: usize) -> String {
    let text = shortened(text, to);
    let missing = to.saturating_sub(width(&text));
    text + &" ".repeat(missing)
}

/// The text, or its beginning where it is too wide.
pub(super) fn shortened(text: &str, to: usize) -> String {
    if width(text) <= to {
        return text.to_owned();
    }
    head_of(text, to.saturating_sub(1)).to_owned() + "…"
}

/// As much of the text as fits; at least one character, so that whoever cuts a text up comes to its end.
fn head_of(text: &str, to: usize) -> &str {
    let mut taken = 0;
    let end = text.char_indices().find(|(at, character)| {
        taken += character.width().unwrap_or(0);
        taken > to && *at > 0
    });
    end.and_then(|(at, _)| text.get(..at)).unwrap_or(text)
}

/// Whether a text is an id of Pleo's.
fn is_id(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// Cuts a text into lines between its words, and a word that is longer than a line. An address and an id are left whole, so
/// that they can be copied.
pub(super) fn wrapped(text: &str, at: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for mut word in text.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() || width(line) + 1 + width(word) <= at {
            if !line.is_empty() {
                line.push(' ');
            }
        } else {
            lines.push(String::new());
        }
        while width(word) > at && !word.contains("://") && !is_id(word) {
            let head = head_of(word, at);
            word = word.get(head.len()..).unwrap_or_default();
            if let Some(line) = lines.last_mut() {
                line.push_str(head);
            }
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["item", "supplier", "what to do"]);
        table.row(&["a", "Æbler & Pærer", "short"]);
        table.row(&[
            "7e57c0de-0000-4000-8000-0000000000cc",
            "東京電力ホールディングス",
            &"word ".repeat(40),
        ]);
        table.row(&["b", &"long ".repeat(30), &"x".repeat(300)]);
        table
    }

    #[test]
    fn columns_line_up_and_the_last_one_wraps() {
        let mut table = Table::new(&["item", "what to do"]);
        table.row(&["a", "short"]);
        table.row(&["bcd", &"word ".repeat(40)]);
        let text = table.render_in(120);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "  ITEM  WHAT TO DO");
        assert_eq!(lines[1], "  a     short");
        assert!(lines[3].starts_with("        word"), "{text}");
    }

    #[test]
    fn nothing_is_wider_than_the_terminal() {
        for available in [60, 80, 120, 200] {
            let text = table().render_in(available);
            let widest = text.lines().map(width).max().unwrap();
            assert!(widest <= available, "{widest} of {available}:\n{text}");
            assert!(text.contains("short") && text.contains("東京"), "{text}");
        }
    }

    #[test]
    fn wide_characters_count_twice() {
        let mut table = Table::new(&["supplier", "n"]);
        table.row(&["東京電力ホ", "1"]);
        table.row(&["abcdefghij", "2"]);
        assert_eq!(
            table.render_in(80),
            "  SUPPLIER    N\n  東京電力ホ  1\n  abcdefghij  2\n"
        );
        assert_eq!(shortened("東京電力", 5), "東京…");
    }

    #[test]
    fn an_id_is_never_cut() {
        for available in [20, 40, 60, 80] {
            let text = table().render_in(available);
            assert!(text.contains("7e57c0de-0000-4000-8000-0000000000cc"), "{text}");
        }
        let id = "7e57c0de-0000-4000-8000-0000000000cc";
        assert_eq!(wrapped(&format!("item {id}"), 20), ["item", id]);
    }

    #[test]
    fn an_address_is_left_whole() {
        let link = format!("https://pleo.example/{}", "a".repeat(90));
        assert_eq!(wrapped(&format!("see {link}"), 40), ["see", &link]);
    }

    #[test]
    fn text_from_outside_cannot_steer_the_terminal() {
        assert_eq!(safe("a\u{1b}[31mb\u{202e}c"), "a\\u{1b}[31mb\\u{202e}c");
    }
}
