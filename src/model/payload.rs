//! What Pleo sent of an export item, kept as it came for the evidence of its entry.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde_json::value::RawValue;

/// How deep a payload may be nested; Pleo's is four deep.
const DEEPEST: usize = 64;

/// The text of an export item as Pleo sent it. It holds addresses of files, which open them for whoever has them, so it is
/// never shown; [`without_file_addresses`](Self::without_file_addresses) is.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Payload(Option<Arc<str>>);

impl Payload {
    /// The payload of an item.
    pub fn new(json: &str) -> Self {
        Self(Some(json.into()))
    }

    /// The same JSON on one line, numbers as they were written, without any address of a file; `null` where there is
    /// no payload.
    pub fn without_file_addresses(&self) -> Box<RawValue> {
        let json = self.0.as_deref().unwrap_or("null");
        let mut out = String::with_capacity(json.len());
        let rest = copy(&mut out, json, Place::default(), DEEPEST);
        if rest.is_none_or(|rest| !rest.trim_ascii().is_empty()) {
            return RawValue::NULL.to_owned();
        }
        RawValue::from_string(out).unwrap_or_else(|_| RawValue::NULL.to_owned())
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.0.as_deref().map_or(0, str::len))
    }
}

/// What is known of a value by where it stands.
#[derive(Clone, Copy, Default)]
struct Place {
    /// An address here is that of a file: it stands among the files, among links that do not lead to a web page, or in
    /// a field that is named for it.
    names_file: bool,
}

impl Place {
    fn below(self, name: &str) -> Self {
        let is = |word: &str| name.eq_ignore_ascii_case(word);
        let ends_with = |word: &&str| {
            let end = name.len().checked_sub(word.len()).and_then(|at| name.get(at..));
            end.is_some_and(|end| end.eq_ignore_ascii_case(word))
        };
        let names_file = if is("files") || is("_links") {
            true
        } else if is("web") {
            // The pages of Pleo's app, which ask for a login.
            false
        } else {
            self.names_file || ["url", "uri", "href"].iter().any(ends_with)
        };
        Self { names_file }
    }

    fn leaves_out(self, json: &str) -> bool {
        self.names_file
            && json.starts_with('"')
            && serde_json::from_str::<String>(json).is_ok_and(|text| text.trim_start().contains("://"))
    }
}

/// Copies a value, fields in the order of their names, without what its place leaves out, and answers what follows it.
/// `None` where that cannot be told; what was copied is JSON if the text is, and whoever takes it looks.
fn copy<'a>(out: &mut String, json: &'a str, place: Place, deepest: usize) -> Option<&'a str> {
    let json = json.trim_ascii_start();
    match json.as_bytes().first()? {
        b'{' | b'[' if deepest == 0 => {
            let mut values = serde_json::Deserializer::from_str(json).into_iter::<&RawValue>();
            let nested = values.next()?.ok()?;
            out.push_str("\"(nested too deep)\"");
            json.get(nested.get().len()..)
        }
        b'{' => copy_object(out, json, place, deepest - 1),
        b'[' => copy_list(out, json, place, deepest - 1),
        _ => {
            let (value, rest) = scalar(json)?;
            if !place.leaves_out(value) {
                out.push_str(value);
            }
            Some(rest)
        }
    }
}

fn copy_object<'a>(out: &mut String, json: &'a str, place: Place, deepest: usize) -> Option<&'a str> {
    let begin = out.len();
    let mut fields = Vec::new();
    let mut rest = json.get(1..)?;
    while let Some(next) = element(rest, b'}') {
        let (quoted, after) = scalar(next)?;
        let name = match quoted.strip_prefix('"')?.strip_suffix('"')? {
            escaped if escaped.contains('\\') => Cow::Owned(serde_json::from_str(quoted).ok()?),
            name => Cow::Borrowed(name),
        };
        let from = out.len();
        out.push_str(quoted);
        out.push(':');
        let value = out.len();
        rest = copy(out, behind(after, b':')?, place.below(&name), deepest)?;
        if out.len() > value {
            fields.push((name, from - begin..out.len() - begin));
        }
    }
    let copied = out.split_off(begin);
    // Of a name that stands there twice the last counts.
    fields
        .sort_unstable_by(|(one, at), (other, other_at)| one.cmp(other).then(other_at.start.cmp(&at.start)));
    fields.dedup_by(|(one, _), (other, _)| one == other);
    out.push('{');
    for (at, (_, field)) in fields.into_iter().enumerate() {
        out.push_str(if at > 0 { "," } else { "" });
        out.push_str(copied.get(field)?);
    }
    out.push('}');
    behind(rest, b'}')
}

fn copy_list<'a>(out: &mut String, json: &'a str, place: Place, deepest: usize) -> Option<&'a str> {
    out.push('[');
    let (begin, mut rest) = (out.len(), json.get(1..)?);
    while let Some(next) = element(rest, b']') {
        let from = out.len();
        out.push_str(if from > begin { "," } else { "" });
        let value = out.len();
        rest = copy(out, next, place, deepest)?;
        if out.len() == value {
            out.truncate(from);
        }
    }
    out.push(']');
    behind(rest, b']')
}

/// Where the next element begins, without the comma before it; `None` where the end comes.
fn element(rest: &str, end: u8) -> Option<&str> {
    let rest = rest.trim_ascii_start();
    let next = behind(rest, b',').unwrap_or(rest).trim_ascii_start();
    (!next.is_empty() && rest.as_bytes().first() != Some(&end)).then_some(next)
}

/// What follows this byte, with blanks before it.
fn behind(rest: &str, byte: u8) -> Option<&str> {
    let rest = rest.trim_ascii_start();
    rest.get(1..).filter(|_| rest.as_bytes().first() == Some(&byte))
}

/// A text, a number or a word, and what follows it.
fn scalar(json: &str) -> Option<(&str, &str)> {
    let bytes = json.as_bytes();
    let mut end = 0;
    if bytes.first() == Some(&b'"') {
        end = 1;
        loop {
            end += memchr::memchr2(b'"', b'\\', bytes.get(end..)?)?;
            if bytes.get(end) == Some(&b'"') {
                break;
            }
            end += 2;
        }
        end += 1;
    } else {
        let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b']' | b'}' | b':');
        end += bytes.iter().position(ends).unwrap_or(bytes.len());
    }
    (end > 0).then(|| json.split_at_checked(end))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(json: &str) -> String {
        Payload::new(json).without_file_addresses().get().to_owned()
    }

    #[test]
    fn everything_stays_but_addresses_of_files() {
        assert_eq!(
            kept(
                r#"{ "amount": 0.10, "big": 12345678901234567890.50, "note": "see https://example.org/menu",
                     "files": [ { "url": "https://files.example/a?signature=x", "type": "pdf", "size": 7 },
                                "https://files.example/b" ],
                     "receiptUrl": "HTTPS://files.example/c", "none": null, "name": "\"\u00e6\n" }"#
            ),
            r#"{"amount":0.10,"big":12345678901234567890.50,"files":[{"size":7,"type":"pdf"}],"name":"\"\u00e6\n","none":null,"note":"see https://example.org/menu"}"#
        );
    }

    #[test]
    fn links_to_web_pages_stay_and_links_to_files_go() {
        assert_eq!(
            kept(
                r#"{"_links":{"web":{"exportItem":"https://app.example/1"},"download":{"href":"https://files.example/1"}}}"#
            ),
            r#"{"_links":{"download":{},"web":{"exportItem":"https://app.example/1"}}}"#
        );
    }

    #[test]
    fn what_is_no_payload_or_nested_without_end_does_no_harm() {
        assert_eq!(Payload::default().without_file_addresses().get(), "null");
        for no_json in [
            r"{not json",
            r#"{"a":1"#,
            r#"{"a" 1}"#,
            "[,]",
            "{} {}",
            r#""a"#,
            r#"{"a":}"#,
            "",
        ] {
            assert_eq!(kept(no_json), "null", "{no_json}");
        }
        let escaped_and_twice = r#"{"\u0075rl":"http://a","b":1,"a":[],"b":{ }}"#;
        assert_eq!(kept(escaped_and_twice), r#"{"a":[],"b":{}}"#);
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(kept(&deep).contains("(nested too deep)"));
    }
}
