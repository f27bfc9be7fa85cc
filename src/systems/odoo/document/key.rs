//! The key of a document in Odoo, and what the books keep of the item that it was booked from.
//!
//! The key is an external id, `pleo_export.<entry>_<part>_<revision>`: Odoo has each at most once, and `load` makes
//! record and external id in one transaction. Ordinary users cannot search external ids, so the document's origin
//! (`invoice_origin`) repeats the entry for the look-up, with the facts that tell a changed export from a repeated
//! one. The origin proves nothing by itself: Odoo copies it to the reversal of an entry.

use std::fmt::Write as _;

use chrono::NaiveDate;

use crate::model::document::{Part, PlannedItem};
use crate::model::ids::AccountingEntryId;
use crate::model::money::Money;

/// The "module" of our external ids.
const MODULE: &str = "pleo_export";

/// The first word of every origin.
const MARK: &str = "pleo";

/// The document is there; who made it follows.
const MADE: &str = "made-";

/// The document is there and is what was planned.
const CHECKED: &str = "checked";

/// What stands in a place where there is nothing to say.
const NOTHING: &str = "-";

/// The key of one document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) entry: AccountingEntryId,
    pub(crate) part: Part,
    pub(crate) revision: u32,
}

impl Key {
    /// The external id.
    pub(crate) fn external_id(&self) -> String {
        format!(
            "{MODULE}.{}_{}_{}",
            escaped(self.entry.as_str()),
            self.part.as_str(),
            self.revision
        )
    }

    /// Reads an external id; `None` for those of others.
    pub(crate) fn from_external_id(text: &str) -> Option<Self> {
        let name = text.strip_prefix(MODULE)?.strip_prefix('.')?;
        let mut words = name.rsplitn(3, '_');
        let revision = words.next()?.parse().ok()?;
        let part = part(words.next()?)?;
        Some(Self {
            entry: AccountingEntryId::new(unescaped(words.next()?)?),
            part,
            revision,
        })
    }
}

/// The external id of something that belongs to an entry or to the company as a whole.
pub(crate) fn external_id(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| escaped(word)).collect();
    format!("{MODULE}.{}", words.join("_"))
}

/// What the books keep of the item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) entry: AccountingEntryId,
    /// Who made the document, until it was compared with its plan: `load` does not say whether it made a document or
    /// found one of another process, which is at work on it or died.
    pub(crate) made_by: Option<String>,
    /// All parts that make the entry complete.
    pub(crate) parts: Vec<Part>,
    pub(crate) content_hash: String,
    pub(crate) amount: Money,
    pub(crate) supplier_amount: Option<Money>,
    /// The vendor's invoice number, where bill and payment find each other by it.
    pub(crate) invoice_number: Option<String>,
    /// The day of that invoice: Odoo keeps it for bills alone. Version 0.1 did not write it.
    pub(crate) invoice_date: Option<NaiveDate>,
}

impl Origin {
    pub(crate) fn of(planned: &PlannedItem, made_by: Option<&str>) -> Self {
        Self {
            entry: planned.entry_id().clone(),
            made_by: made_by.map(str::to_owned),
            parts: planned.parts(),
            content_hash: planned.content_hash.clone(),
            amount: planned.item.amount,
            supplier_amount: planned.item.supplier_amount,
            invoice_number: planned
                .documents
                .iter()
                .find_map(|document| document.matching.as_ref())
                .map(|key| key.number.as_str().to_owned()),
            invoice_date: planned
                .item
                .invoice
                .as_ref()
                .and_then(|invoice| invoice.invoice_date),
        }
    }

    /// One line: `pleo <entry> <made-by or checked> <parts> <hash> <amount> <supplier amount> <invoice number> <invoice date>`.
    pub(crate) fn to_text(&self) -> String {
        let parts: Vec<&str> = self.parts.iter().map(|part| part.as_str()).collect();
        let stage = match &self.made_by {
            Some(maker) => format!("{MADE}{}", escaped(maker)),
            None => CHECKED.to_owned(),
        };
        let money = |money: &Money| format!("{}{}", money.amount, money.currency);
        let supplier = self
            .supplier_amount
            .as_ref()
            .map_or_else(|| NOTHING.to_owned(), money);
        [
            MARK,
            &escaped(self.entry.as_str()),
            &stage,
            &parts.join("+"),
            &self.content_hash,
            &money(&self.amount),
            &supplier,
            &self
                .invoice_number
                .as_deref()
                .map_or_else(|| NOTHING.to_owned(), |number| format!("#{}", escaped(number))),
            &self
                .invoice_date
                .map_or_else(|| NOTHING.to_owned(), |date| date.to_string()),
        ]
        .join(" ")
    }

    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        if words.next()? != MARK {
            return None;
        }
        let entry = AccountingEntryId::new(unescaped(words.next()?)?);
        let made_by = match words.next()? {
            CHECKED => None,
            stage => Some(unescaped(stage.strip_prefix(MADE)?)?),
        };
        let parts = words.next()?.split('+').map(part).collect::<Option<_>>()?;
        let content_hash = words.next()?.to_owned();
        let amount = money(words.next()?)?;
        let supplier_amount = match words.next()? {
            NOTHING => None,
            text => Some(money(text)?),
        };
        let invoice_number = match words.next()? {
            NOTHING => None,
            text => Some(unescaped(text.strip_prefix('#')?)?),
        };
        let invoice_date = words.next().and_then(|date| date.parse().ok());
        Some(Self {
            entry,
            made_by,
            parts,
            content_hash,
            amount,
            supplier_amount,
            invoice_number,
            invoice_date,
        })
    }

    /// The pattern by which the documents of an entry are searched, for Odoo's `=like`.
    pub(crate) fn pattern(entry: &AccountingEntryId) -> String {
        format!("{MARK} {} %", pattern(&escaped(entry.as_str())))
    }
}

/// A text as it stands for itself in a `=like` pattern.
pub(crate) fn pattern(text: &str) -> String {
    text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_")
}

fn part(word: &str) -> Option<Part> {
    [Part::Main, Part::Payment]
        .into_iter()
        .find(|part| part.as_str() == word)
}

fn money(text: &str) -> Option<Money> {
    let (amount, currency) = text.split_at_checked(text.len().checked_sub(3)?)?;
    Some(Money {
        amount: amount.parse().ok()?,
        currency: currency.parse().ok()?,
    })
}

/// Letters, digits and hyphens stay; every other byte becomes `=` and two hexadecimal digits.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "={byte:02x}");
        }
    }
    escaped
}

fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'=' {
            let (digits, after) = after.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::money::Amount;

    #[test]
    fn an_external_id_reads_as_its_key() {
        let key = Key {
            entry: AccountingEntryId::new("2b1f7c1e-6a0d-4c3e-9f57-0c8f0a4f7d11"),
            part: Part::Payment,
            revision: 2,
        };
        assert_eq!(
            key.external_id(),
            "pleo_export.2b1f7c1e-6a0d-4c3e-9f57-0c8f0a4f7d11_payment_2"
        );
        assert_eq!(Key::from_external_id(&key.external_id()), Some(key));
        for text in [
            "base.user_admin",
            "pleo_export.vendor_7",
            "pleo_export.a_main_x",
            "",
            "pleo_export.",
        ] {
            assert_eq!(Key::from_external_id(text), None, "{text}");
        }
    }

    #[test]
    fn patterns_stand_for_themselves() {
        let entry = AccountingEntryId::new("50%_a");
        assert_eq!(Origin::pattern(&entry), "pleo 50=25=5fa %");
    }

    proptest! {
        #[test]
        fn keys_and_origins_are_read_back(
            entry in "\\PC{1,40}",
            revision in 1..9u32,
            hundredths in -1_000_000_000_000_i64..1_000_000_000_000,
            with_payment: bool,
        ) {
            let entry = AccountingEntryId::new(entry);
            let key = Key { entry: entry.clone(), part: Part::Main, revision };
            let amount = Money { amount: Amount::hundredths(hundredths), currency: "DKK".parse().unwrap() };
            let origin = Origin {
                entry,
                made_by: with_payment.then(|| "somebody".to_owned()),
                parts: if with_payment { vec![Part::Main, Part::Payment] } else { vec![Part::Main] },
                content_hash: "1:ab".into(),
                amount,
                supplier_amount: with_payment.then_some(amount),
                invoice_number: with_payment.then(|| "F 2026/7".into()),
                invoice_date: with_payment.then(|| "2026-02-03".parse().unwrap()),
            };
            prop_assert_eq!(Key::from_external_id(&key.external_id()), Some(key));
            prop_assert_eq!(Origin::from_text(&origin.to_text()), Some(origin));
        }
    }
}
