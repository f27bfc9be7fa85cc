//! An answer's body as text that can be read: one odd character must not hide a whole page.
//!
//! Repaired is what a JSON reader refuses inside of texts alone. A byte that is not UTF-8 and half of a surrogate pair
//! become `U+FFFD`, which says that something was here, as does an escape that JSON does not know; a raw control character becomes its escape. Where the text
//! decides about money or names something, `U+FFFD` is refused later, see [`super::reader::Field::text`].

use std::borrow::Cow;

use serde::de::IgnoredAny;

/// Stands where a character could not be read.
pub(super) const UNREADABLE: char = '\u{fffd}';

/// The body as text, repaired where it had to be; and whether it is JSON.
pub(in crate::pleo) fn read(body: Vec<u8>) -> (String, bool) {
    let text = match String::from_utf8(body) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    };
    let text = match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    };
    let text = match repaired(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(repaired) => repaired,
    };
    let is_json = serde_json::from_str::<IgnoredAny>(&text).is_ok();
    (text, is_json)
}

/// The text with escapes of half a character and raw control characters inside of texts made readable.
fn repaired(text: &str) -> Cow<'_, str> {
    let mut repaired = String::new();
    let mut kept = 0;
    let mut in_text = false;
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let (length, instead) = match byte {
            b'"' => {
                in_text = !in_text;
                (1, None)
            }
            b'\\' if in_text => escape(text.get(at..).unwrap_or_default()),
            0..0x20 if in_text => (1, Some(format!("\\u{byte:04x}"))),
            _ => (1, None),
        };
        if let Some(instead) = instead {
            repaired.push_str(text.get(kept..at).unwrap_or_default());
            repaired.push_str(&instead);
            kept = at + length;
        }
        at += length;
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    repaired.push_str(text.get(kept..).unwrap_or_default());
    Cow::Owned(repaired)
}

/// How long the escape at the head is, and what stands for it if it is half of a pair or none that JSON knows.
fn escape(text: &str) -> (usize, Option<String>) {
    let is_high = |unit: u16| (0xd800..0xdc00).contains(&unit);
    let is_low = |unit: u16| (0xdc00..0xe000).contains(&unit);
    match unit(text) {
        None if text
            .as_bytes()
            .get(1)
            .is_some_and(|sign| b"\"\\/bfnrt".contains(sign)) =>
        {
            (2, None)
        }
        // What follows is read as it stands.
        None => (1, Some(UNREADABLE.to_string())),
        Some(first) if is_high(first) && text.get(6..).and_then(unit).is_some_and(is_low) => (12, None),
        Some(first) if is_high(first) || is_low(first) => (6, Some(UNREADABLE.to_string())),
        Some(_) => (6, None),
    }
}

/// The code unit of an escape such as `\u00e9` at the head of the text.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u16::from_str_radix(digits, 16).ok().filter(|_| is_hex)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_cannot_be_read_is_seen_and_the_rest_stays() {
        for (body, expected) in [
            (&br#"{"a":"cut \ud83d"}"#[..], Some("cut \u{fffd}")),
            (
                br#"{"a":"\ude00\ud83d\ude00\ud83dx"}"#,
                Some("\u{fffd}\u{1f600}\u{fffd}x"),
            ),
            (br#"{"a":"\\ud83d"}"#, Some("\\ud83d")),
            (b"{\"a\":\"Caf\xe9\"}", Some("Caf\u{fffd}")),
            (b"{\"a\":\"one\ntwo\0\"}", Some("one\ntwo\0")),
            (b"\xef\xbb\xbf{\n\t\"a\":\"x\"}", Some("x")),
            (
                br#"{"a":"one\x41, two\ud8"}"#,
                Some("one\u{fffd}x41, two\u{fffd}ud8"),
            ),
            (b"{\"a\":\"\\\xc3\xa9\"}", Some("\u{fffd}\u{e9}")),
            (br#"{"a":"x\"#, None),
            (br#"{"a":"x"#, None),
        ] {
            let (text, is_json) = read(body.to_vec());
            assert_eq!(is_json, expected.is_some(), "{text}");
            if is_json {
                let value: serde_json::Value = serde_json::from_str(&text).unwrap();
                assert_eq!(value["a"], expected.unwrap());
            }
        }
    }

    proptest! {
        #[test]
        fn sound_json_is_not_touched(text in ".*", other in ".*") {
            let json = serde_json::json!({ text: [other, 1.5] }).to_string();
            prop_assert_eq!(read(json.clone().into_bytes()), (json, true));
        }

        #[test]
        fn nothing_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..60), text in "[\\\\u\"d8c0{}\u{e9}]*") {
            let _ = read(body);
            let _ = read(text.into_bytes());
        }
    }
}
