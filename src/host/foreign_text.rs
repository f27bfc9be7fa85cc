//! Text from outside (Pleo, an accounting system, a person), made fit for people: it can neither steer a terminal, nor
//! forge a line of the log, nor flood it.

/// The text on one line and of at most so many characters, the last of them `…` where there was more. White space and
/// characters that steer become one space.
pub fn one_line(text: &str, longest: usize) -> String {
    let mut line = String::new();
    let words = text.split(|character: char| character.is_whitespace() || steers(character));
    let spaced = words
        .filter(|word| !word.is_empty())
        .flat_map(|word| std::iter::once(' ').chain(word.chars()))
        .skip(1);
    for (length, character) in spaced.enumerate() {
        if length == longest {
            line.pop();
            line.truncate(line.trim_end().len());
            line.push('…');
            return line;
        }
        line.push(character);
    }
    line
}

/// Whether a character steers a terminal, or turns the text around it.
pub fn steers(character: char) -> bool {
    character.is_control() || turns_text(character)
}

/// Whether there is anything to see of a character.
pub fn is_seen(character: char) -> bool {
    let is_invisible = matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}'
    );
    !(is_invisible || character.is_whitespace() || character.is_control())
}

/// Whether a character changes where the text around it stands, without being a control character.
pub const fn turns_text(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_can_neither_steer_the_terminal_nor_flood_the_log() {
        assert_eq!(
            one_line(" red \u{1b}[31m\nalert\u{202e}!\u{61c} \r\n", 40),
            "red [31m alert !"
        );
        assert_eq!(one_line("", 40), "");
        assert_eq!(one_line("\u{1b}", 40), "");
        assert_eq!(one_line("four words of text", 11), "four words…");
        assert_eq!(one_line("four words of text", 12), "four words…");
        assert_eq!(one_line("øøøø", 4), "øøøø");
    }

    proptest! {
        #[test]
        fn whatever_comes_is_one_short_line_and_already_fit(text in "\\PC*|.*", longest in 1_usize..20) {
            let line = one_line(&text, longest);
            prop_assert!(!line.contains(steers));
            prop_assert!(line.chars().count() <= longest);
            prop_assert_eq!(one_line(&line, longest), line);
        }
    }
}
