//! How foreign text gets into the books: strings nothing can break out of, account names, links.
//!
//! Pure. Beancount's lexer takes any character inside of a string, so only quotes and backslashes have to be
//! escaped. Line breaks and tabs are escaped too, so that our files stay one line a fact. All other control
//! characters are written visibly, as `<U+0007>`: books are read in terminals and editors, which obey them.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_general_category::{GeneralCategory, get_general_category};

use crate::host::digest::Hash;

/// With what the link of an accounting entry begins.
pub(super) const ENTRY_LINK: &str = "pleo-";

/// With what the link of an invoice begins.
pub(super) const BILL_LINK: &str = "bill-";

/// The longest part of an account name, or of a link, that is kept as it came.
const LONGEST: usize = 60;

/// The longest text in the books, in characters: beancount reads long ones slowly, the twice as long ones four times so.
const LONGEST_TEXT: usize = 2_000;

/// The text as a string of the books, with its quotes, cut where it is too long.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => quoted_whole(&format!("{}… [cut]", text.get(..end).unwrap_or(text))),
        None => quoted_whole(text),
    }
}

/// The same for what is never cut, because something is found by it.
pub(super) fn quoted_whole(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in visible(text).chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// The text as it reads after a round trip through the books: the same, but for control characters.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_unprintable(character) {
            // Writing to a string cannot fail.
            let _ = write!(out, "<U+{:04X}>", u32::from(character));
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

/// A control character that is written visibly.
pub(super) fn is_unprintable(character: char) -> bool {
    character.is_control() && !matches!(character, '\n' | '\t' | '\r')
}

/// What a string of the books says, given what stands between its quotes.
pub(super) fn unquoted(raw: &str) -> Cow<'_, str> {
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut characters = raw.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('f') => out.push('\u{c}'),
            Some('b') => out.push('\u{8}'),
            Some(other) => out.push(other),
            None => {}
        }
    }
    Cow::Owned(out)
}

/// Whether beancount takes this as the name of an account, whatever its ledger calls the five kinds.
///
/// As beancount 3 decides it: the form of all parts by its lexer, and the first letter after the kind by its grammar,
/// which looks no further.
pub(super) fn is_account_name(name: &str) -> bool {
    let mut parts = name.split(':');
    let kind = parts.next().unwrap_or_default();
    let mut parts = parts.peekable();
    let begins_well = |part: &&str| part.starts_with(may_begin);
    kind.starts_with(|first: char| first.is_ascii_uppercase() || !first.is_ascii())
        && kind.chars().all(is_in_a_word)
        && parts.peek().is_some_and(begins_well)
        && parts.all(is_word)
}

/// A part of a name for beancount's lexer.
fn is_word(part: &str) -> bool {
    let begins = |first: char| first.is_ascii_uppercase() || first.is_ascii_digit() || !first.is_ascii();
    part.starts_with(begins) && part.chars().all(is_in_a_word)
}

fn is_in_a_word(character: char) -> bool {
    character == '-'
        || character.is_ascii_alphanumeric()
        || (!character.is_ascii() && !character.is_control())
}

/// With what a part of a name may begin that is made here.
fn may_begin(character: char) -> bool {
    use GeneralCategory::{DecimalNumber, UppercaseLetter};
    matches!(get_general_category(character), UppercaseLetter | DecimalNumber)
}

/// How a part of a name may go on that is made here.
fn may_follow(character: char) -> bool {
    use GeneralCategory::{LowercaseLetter, ModifierLetter, OtherLetter, TitlecaseLetter};
    character == '-'
        || may_begin(character)
        || matches!(
            get_general_category(character),
            LowercaseLetter | ModifierLetter | OtherLetter | TitlecaseLetter
        )
}

/// The account that stands for an account code of Pleo's, under `parent`; `None` for an empty code.
///
/// Two codes never share one: when the code cannot be a part of a name as it is, a piece of its hash follows.
pub(super) fn account_for_code(parent: &str, code: &str) -> Option<String> {
    if code.is_empty() {
        return None;
    }
    let mut component = String::with_capacity(code.len());
    for (at, character) in code.chars().take(LONGEST).enumerate() {
        let capital = character.to_ascii_uppercase();
        match at {
            0 if may_begin(character) => component.push(character),
            0 if may_begin(capital) => component.push(capital),
            0 => component.push('X'),
            _ if may_follow(character) => component.push(character),
            _ => component.push('-'),
        }
    }
    if component != code || ends_like_a_hash(code) {
        component.push('-');
        component.push_str(&short_hash(&[code], 6));
    }
    Some(format!("{parent}:{component}"))
}

/// Whether a code that needs no change could be taken for one that was changed.
fn ends_like_a_hash(code: &str) -> bool {
    code.rsplit_once('-')
        .is_some_and(|(_, end)| end.len() == 6 && end.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The link that all transactions and receipts of an accounting entry carry, without its `^`.
pub(super) fn entry_link(entry_id: &str) -> String {
    link(ENTRY_LINK, &[entry_id])
}

/// The link by which a bill and its payments find each other, without its `^`.
pub(super) fn bill_link(vendor: &str, number: &str) -> String {
    link(BILL_LINK, &[vendor, number])
}

/// A link of several parts with `/` between. What no link may hold is replaced, and a piece of the hash of the
/// parts follows then, so that different parts never make the same link.
fn link(prefix: &str, parts: &[&str]) -> String {
    let may_stand = |part: &&str| {
        (1..=LONGEST).contains(&part.len()) && part.bytes().all(|byte| is_link_character(byte.into()))
    };
    let mut out = prefix.to_owned();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            out.push('/');
        }
        let kept = part.chars().take(LONGEST);
        out.extend(kept.map(|character| {
            if is_link_character(character) {
                character
            } else {
                '-'
            }
        }));
    }
    if !parts.iter().all(may_stand) {
        out.push('-');
        out.push_str(&short_hash(parts, 16));
    }
    out
}

fn is_link_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.')
}

fn short_hash(parts: &[&str], digits: usize) -> String {
    let mut hash = Hash::default();
    for part in parts {
        hash.update(part);
        hash.update([0]);
    }
    let mut hex = hash.hex();
    hex.truncate(digits);
    hex
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_that_is_too_long_is_cut_and_says_so() {
        let fits = "ø".repeat(LONGEST_TEXT);
        assert_eq!(quoted(&fits), format!("\"{fits}\""));
        assert_eq!(quoted(&format!("{fits}x")), format!("\"{fits}… [cut]\""));
        assert_eq!(quoted_whole(&format!("{fits}x")), format!("\"{fits}x\""));
    }

    #[test]
    fn account_names_are_those_of_beancount() {
        for name in [
            "Assets:Pleo:Wallet",
            "Expenses:6800",
            "Expenses:Ärzte-7",
            "Income:1:A-b",
            "Equity:7食費",
            "Equity:٣",
            "Omkostninger:Rejser",
            "Aktiver:Øl:øl",
            "Expenses:A:食費",
            "Expenses:A\u{301}",
        ] {
            assert!(is_account_name(name), "{name}");
        }
        for name in [
            "",
            "Assets",
            "Assets:",
            ":A",
            "Assets::B",
            "assets:B",
            "Expenses:meals",
            "Expenses:A b",
            "Expenses:A\nB",
            "Expenses:-A",
            "Expenses:A.B",
            "Expenses:Ⅷ",
            "Expenses:食費",
            "Expenses:A\u{85}",
            "Expenses:Ab:c",
        ] {
            assert!(!is_account_name(name), "{name}");
        }
    }

    #[test]
    fn beancount_agrees_on_made_up_account_names() {
        let mut random = fastrand::Rng::with_seed(7);
        let odd = [
            'A', 'b', '7', '-', ':', ':', ':', '.', '_', 'Ø', 'ø', '食', 'Ⅷ', 'ǅ', 'ª', '٣', '\u{301}',
            '\u{a0}', '😀',
        ];
        let mut names: Vec<String> = (0..2000)
            .map(|_| {
                let length = random.usize(1..7);
                let rest: String = (0..length).map(|_| odd[random.usize(..odd.len())]).collect();
                format!("Expenses:{rest}")
            })
            .collect();
        let letters = (0x80..0x3000).step_by(3).filter_map(char::from_u32);
        names.extend(
            letters
                .filter(|letter| !letter.is_control())
                .map(|letter| format!("Expenses:{letter}")),
        );
        let Some(theirs) = super::super::real::ask::<Vec<bool>>("take_account_names.py", &names) else {
            println!("note: no Python beside PLEO_EXPORT_BEAN_CHECK, so only the stored names were compared");
            return;
        };
        assert!(theirs.iter().filter(|is_taken| **is_taken).count() > 500);
        for (name, is_taken) in names.iter().zip(theirs) {
            assert_eq!(is_account_name(name), is_taken, "{name:?}");
        }
    }

    #[test]
    fn codes_become_accounts_and_never_share_one() {
        assert_eq!(
            account_for_code("Expenses", "6800").as_deref(),
            Some("Expenses:6800")
        );
        assert_eq!(
            account_for_code("Expenses", "Meals").as_deref(),
            Some("Expenses:Meals")
        );
        assert_eq!(account_for_code("Expenses", ""), None);
        let hashed = account_for_code("Expenses", "68.00").unwrap();
        assert!(hashed.starts_with("Expenses:68-00-"), "{hashed}");
        let imitation = hashed.strip_prefix("Expenses:").unwrap();
        let codes = [
            "6800",
            "68.00",
            "68-00",
            "68 00",
            "68:00",
            imitation,
            "meals",
            "Meals",
            "-",
            "x",
            "X",
            "\n",
            "\"",
            "6800\u{7}",
            " 6800",
            "6800 ",
        ];
        let accounts: std::collections::BTreeSet<_> = codes
            .iter()
            .filter_map(|code| account_for_code("Expenses", code))
            .collect();
        assert_eq!(accounts.len(), codes.len(), "{accounts:?}");
    }

    #[test]
    fn links_tell_different_parts_apart() {
        assert_eq!(entry_link("2b1f-7"), "pleo-2b1f-7");
        assert_eq!(bill_link("V-42", "INV-77"), "bill-V-42/INV-77");
        assert_ne!(bill_link("A/B", "C"), bill_link("A", "B/C"));
        assert_ne!(bill_link("A", ""), bill_link("A", "-"));
    }

    proptest! {
        #[test]
        fn strings_survive(text in any::<String>()) {
            let written = quoted(&text);
            let inside = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap();
            prop_assert_eq!(unquoted(inside), visible(&text));
            prop_assert!(!written.contains(char::is_control));
        }

        #[test]
        fn any_code_makes_a_valid_account(code in any::<String>()) {
            if let Some(account) = account_for_code("Expenses", &code) {
                prop_assert!(is_account_name(&account), "{}", account);
            }
        }

        #[test]
        fn any_parts_make_a_valid_link(vendor in any::<String>(), number in any::<String>()) {
            let link = bill_link(&vendor, &number);
            prop_assert!(link.chars().all(|c| is_link_character(c) || c == '/'), "{}", link);
        }
    }
}
