//! Words of a connector, made fit for a log and for people.

/// A reason is a sentence or two; Pleo shows it to the bookkeeper.
const LONGEST: usize = 600;

/// The text on one line, shortened, without characters that steer a terminal or turn text around.
pub(super) fn safe(text: &str) -> String {
    let shown = |character| if steers(character) { ' ' } else { character };
    let mut characters = text
        .trim_matches(|character| steers(character) || character == ' ')
        .chars();
    let mut safe: String = characters.by_ref().take(LONGEST).map(shown).collect();
    if characters.next().is_some() {
        safe.push('…');
    }
    safe
}

fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_can_neither_steer_the_terminal_nor_flood_the_log() {
        assert_eq!(safe(" red \u{1b}[31m\nalert\u{202e}! \r\n"), "red  [31m alert !");
        let long = safe(&"ø".repeat(LONGEST + 1));
        assert_eq!(long.chars().count(), LONGEST + 1);
        assert!(long.ends_with('…'));
    }
}
