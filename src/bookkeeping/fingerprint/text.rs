//! The canonical text that digests are made of: `name=length:value` a line, so that no value can pass for another
//! field. Both versions are made of it, so it is never changed either.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::NaiveDate;

use crate::host::digest;
use crate::model::export_item::{AccountReference, Method};
use crate::model::money::Money;

/// A canonical text in the making.
#[derive(Default)]
pub(super) struct Text(String);

impl Text {
    pub(super) fn field(&mut self, name: &str, value: &str) {
        self.0.reserve(name.len() + value.len() + 8);
        // Writing into a text never fails.
        let _ = writeln!(self.0, "{name}={}:{value}", value.len());
    }

    pub(super) fn optional(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.field(name, value);
        }
    }

    pub(super) fn money(&mut self, name: &str, money: Money) {
        self.field(name, &money.to_string());
    }

    pub(super) fn date(&mut self, name: &str, date: Option<NaiveDate>) {
        self.optional(name, date.map(|date| date.to_string()).as_deref());
    }

    /// Parts whose order does not matter.
    pub(super) fn unordered(&mut self, name: &str, mut parts: Vec<String>) {
        parts.sort_unstable();
        for part in parts {
            self.field(name, &part);
        }
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// An account, by code and identifier; its name may change.
pub(super) fn account(text: &mut Text, name: &str, account: Option<&AccountReference>) {
    if let Some(account) = account {
        text.optional(&format!("{name}.code"), account.code.as_deref());
        text.optional(&format!("{name}.identifier"), account.identifier.as_deref());
    }
}

/// "journal" and "none" are booked alike.
pub(super) fn method(method: &Method) -> Option<&str> {
    match method {
        Method::Journal | Method::NotPayable => Some("journal"),
        Method::AccountsPayable => Some("accounts_payable"),
        Method::Absent => None,
        Method::Unknown(word) => Some(word),
    }
}

/// How long a short digest is, in characters.
pub(super) const SHORT: usize = 5;

/// The first 30 bits of a text's SHA-256.
pub(super) fn short_digest(text: &str) -> String {
    let [a, b, c, d, ..] = digest::of(text).bytes();
    let mut digest = URL_SAFE_NO_PAD.encode([a, b, c, d]);
    digest.truncate(SHORT);
    digest
}
