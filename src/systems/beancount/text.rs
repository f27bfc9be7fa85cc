//! How foreign text gets into the books: strings nothing can break out of, account names, links.
//!
//! Pure. Beancount's lexer takes any character inside of a string, so only quotes and backslashes have to be
//! escaped. Line breaks and tabs are escaped too, so that our files stay one line a fact. All other control
//! characters are written visibly, as `<U+0007>`: books are read in terminals and editors, which obey them.

use std::borrow::Cow;
use std::fmt::Write;

use sha2::{Digest, Sha256};

/// The five kinds of accounts; every account name begins with one of them.
const ROOTS: [&str; 5] = ["Assets", "Liabilities", "Equity", "Income", "Expenses"];

/// With what the link of an accounting entry begins.
pub(super) const ENTRY_LINK: &str = "pleo-";

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

/// Whether beancount takes this as the name of an account.
pub(super) fn is_account_name(name: &str) -> bool {
    let mut components = name.split(':');
    let root = components.next().unwrap_or_default();
    let mut components = components.peekable();
    ROOTS.contains(&root) && components.peek().is_some() && components.all(is_component)
}

fn is_component(component: &str) -> bool {
    component.chars().next().is_some_and(may_begin) && component.chars().all(may_follow)
}

fn may_begin(character: char) -> bool {
    character.is_ascii_digit() || (character.is_uppercase() && is_letter(character))
}

fn may_follow(character: char) -> bool {
    character == '-' || character.is_ascii_digit() || is_letter(character)
}

/// A letter as beancount counts them. The standard library also counts marks, numerals and enclosed letters
/// as alphabetic, and beancount does not, so the scripts without capitals are named.
fn is_letter(character: char) -> bool {
    let cased = character.is_uppercase() || character.is_lowercase();
    match character {
        '\u{345}' | '\u{2160}'..='\u{217f}' | '\u{24b6}'..='\u{24e9}' | '\u{1f130}'..='\u{1f189}' => false,
        '\u{5d0}'..='\u{5ea}' | '\u{620}'..='\u{64a}' => true, // Hebrew, Arabic
        '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' => true, // Japanese
        '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' => true, // Chinese, Korean
        _ => cased,
    }
}

/// The account that stands for an account code of Pleo's; `None` for an empty code.
///
/// Two codes never share one: when the code cannot be a part of a name as it is, a piece of its hash follows.
pub(super) fn account_for_code(code: &str) -> Option<String> {
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
    Some(format!("Expenses:{component}"))
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
    link("bill-", &[vendor, number])
}

/// A link of several parts with `/` between. What no link may hold is replaced, and a piece of the hash of the
/// parts follows then, so that different parts never make the same link.
fn link(prefix: &str, parts: &[&str]) -> String {
    let kept = |part: &str| -> String {
        let characters = part.chars().take(LONGEST);
        characters
            .map(|character| {
                if is_link_character(character) {
                    character
                } else {
                    '-'
                }
            })
            .collect()
    };
    let cleaned: Vec<String> = parts.iter().map(|part| kept(part)).collect();
    let mut out = format!("{prefix}{}", cleaned.join("/"));
    if cleaned != parts || parts.iter().any(|part| part.is_empty()) {
        out.push('-');
        out.push_str(&short_hash(parts, 16));
    }
    out
}

fn is_link_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.')
}

fn short_hash(parts: &[&str], digits: usize) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    let mut hash = hexadecimal(&hasher.finalize());
    hash.truncate(digits);
    hash
}

/// SHA-256 of the bytes, in hex.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut out, byte| {
        // Writing to a string cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
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
            "Kosten:B",
            "Expenses:meals",
            "Expenses:A b",
            "Expenses:A\nB",
            "Expenses:-A",
            "Expenses:A.B",
            "Expenses:Ⅷ",
            "Expenses:食費",
            "Expenses:A\u{301}",
        ] {
            assert!(!is_account_name(name), "{name}");
        }
    }

    #[test]
    fn codes_become_accounts_and_never_share_one() {
        assert_eq!(account_for_code("6800").as_deref(), Some("Expenses:6800"));
        assert_eq!(account_for_code("Meals").as_deref(), Some("Expenses:Meals"));
        assert_eq!(account_for_code(""), None);
        let hashed = account_for_code("68.00").unwrap();
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
        let accounts: std::collections::BTreeSet<_> =
            codes.iter().filter_map(|code| account_for_code(code)).collect();
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
            if let Some(account) = account_for_code(&code) {
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
