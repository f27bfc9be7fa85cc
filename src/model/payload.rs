//! What Pleo sent of an export item, kept as it came for the evidence of its entry.

use std::collections::BTreeMap;
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
        let mut out = String::new();
        let json = self.0.as_deref().unwrap_or("null");
        if copy(&mut out, json, Place::default(), DEEPEST).is_none() {
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

/// Copies a value without what its place leaves out; `None` where it is no JSON.
fn copy(out: &mut String, json: &str, place: Place, deepest: usize) -> Option<()> {
    match json.trim_start().as_bytes().first() {
        Some(b'{' | b'[') if deepest == 0 => out.push_str("\"(nested too deep)\""),
        Some(b'{') => copy_object(out, json, place, deepest - 1)?,
        Some(b'[') => copy_list(out, json, place, deepest - 1)?,
        _ => out.push_str(json),
    }
    Some(())
}

fn copy_object(out: &mut String, json: &str, place: Place, deepest: usize) -> Option<()> {
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(json).ok()?;
    let kept = fields
        .iter()
        .map(|(name, value)| (name, value.get(), place.below(name)))
        .filter(|(_, value, place)| !place.leaves_out(value));
    out.push('{');
    for (at, (name, value, place)) in kept.enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push_str(&serde_json::Value::from(name.as_str()).to_string());
        out.push(':');
        copy(out, value, place, deepest)?;
    }
    out.push('}');
    Some(())
}

fn copy_list(out: &mut String, json: &str, place: Place, deepest: usize) -> Option<()> {
    let elements: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    let kept = elements.iter().filter(|value| !place.leaves_out(value.get()));
    out.push('[');
    for (at, value) in kept.enumerate() {
        if at > 0 {
            out.push(',');
        }
        copy(out, value.get(), place, deepest)?;
    }
    out.push(']');
    Some(())
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
        assert_eq!(kept("{not json"), "null");
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(kept(&deep).contains("(nested too deep)"));
    }
}
